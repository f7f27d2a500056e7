"""Which programs may be run by a destroy, to renew the credentials that the state holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from kamaji_equinix.automation.repair.renewal import runs_stack

from tests.support.project import ROOT


def test_this_packages_program_is_known() -> None:
    assert runs_stack(ROOT), "the program of every checkout"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("from kamaji_equinix.components import stack\nstack.run()\n", True),
        ("from kamaji_equinix.components import stack as clusters\n\nclusters.run()\n", True),
        ("import kamaji_equinix.components.stack\nkamaji_equinix.components.stack.run()\n", True),
        ("import mine\nmine.register()\nfrom kamaji_equinix.components import stack\nstack.run()\n", True),
        ("# from kamaji_equinix.components import stack; stack.run()\nimport pulumi\n", False),
        ("from mine import stack\nstack.run()\n", False),
        ("from kamaji_equinix.components import stack\nprint('stack.run()')\n", False),
        ("import pulumi_aws\nfrom kamaji_equinix.components import stack\nstack.run()\n", False),
        (
            "from pulumi import export\nfrom kamaji_equinix.components import stack\nstack.run()\nexport('a', 1)\n",
            False,
        ),
        ("stack.run(", False),
    ],
)
def test_a_program_is_run_only_where_it_registers_nothing_besides(program: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text(program)
    assert runs_stack(tmp_path) is expected, program


def test_a_folder_without_a_program_runs_none(tmp_path: Path) -> None:
    assert not runs_stack(tmp_path), "a project in another language"
