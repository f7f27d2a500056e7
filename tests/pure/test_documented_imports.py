"""What pages, examples and this program's own comments name in it is there."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from kamaji_equinix.components import tree

from tests.conftest import ROOT

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FOLDERS = ("components", "automation", "lab", "toolchain")
ROLE = re.compile(r":mod:`\.(\w+)`")


def sources() -> Iterator[tuple[str, str]]:
    """Python that users read: of the pages, block by block, and of the examples."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for index, code in enumerate(BLOCK.findall(page.read_text())):
            yield f"{page.name}, block {index + 1}", code
    for path in sorted((ROOT / "examples").rglob("*.py")):
        yield str(path.relative_to(ROOT)), path.read_text()


SOURCES = dict(sources())


@pytest.mark.parametrize("source", SOURCES)
def test_what_a_page_or_example_imports_of_this_program_is_there(source: str) -> None:
    for node in ast.walk(ast.parse(SOURCES[source])):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kamaji_equinix"):
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name) or importlib.import_module(f"{node.module}.{alias.name}"), source
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("kamaji_equinix"):
                    importlib.import_module(alias.name)


def test_pages_and_examples_import_something() -> None:
    assert sum("kamaji_equinix" in code for code in SOURCES.values()) >= 5, "or the test above looks for nothing"


def test_the_name_that_programs_of_users_know_is_still_there() -> None:
    assert tree.blocking is tree.first_blocker, "a program that shows what blocks runs on"


def test_a_module_that_another_one_refers_to_is_beside_it() -> None:
    count = 0
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for name in ROLE.findall(path.read_text()):
            count += 1
            candidates = path.parent / f"{name}.py", path.parent / name / "__init__.py"
            assert any(map(Path.is_file, candidates)), f"{path.relative_to(ROOT)} names .{name}"
    assert count >= 5, "or no reference was found at all"
