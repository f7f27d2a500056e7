"""Names that outlive a release: what Pulumi's state stores, and what is called by path from outside.

``tests/data/stored_stack.json`` is a state of an earlier release; what it can't hold, because that release had no such thing,
stands here.
"""

from __future__ import annotations

import ast
import base64
import importlib
import importlib.util
import json
import re
import subprocess
import sys
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from kamaji_equinix.components import providers, stack
from kamaji_equinix.components.handoff import state
from kamaji_equinix.components.settings.load import load_stack
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc

from tests.support import fictional
from tests.support.mock_engine import record
from tests.support.project import ROOT

RESOURCES: list[dict[str, Any]] = json.loads((ROOT / "tests/data/stored_stack.json").read_text())["state"][
    "deployment"
]["resources"]
PREFIX = "kamaji-equinix:"
"""In every type token of this program."""

PROVIDERS = {
    "ControlPlaneEndpoint": ("kamaji_equinix.components.endpoint", "EndpointProvider"),
    "ControlPlaneAnswer": ("kamaji_equinix.components.answer", "AnswerProvider"),
    "WorkerPoolRollout": ("kamaji_equinix.components.rollout", "RolloutProvider"),
    "WorkerPoolTemplates": ("kamaji_equinix.components.rollout", "TemplatesProvider"),
}
"""Dynamic resources, and the provider that the state names for each."""

COMPONENTS = {"TenantCluster", "TenantControlPlane", "WorkerPool"}
"""Components of every cluster; that of its infrastructure is named after the infrastructure's kind."""


def tokens(*sections: dict[str, Any]) -> set[str]:
    """The types of this program that stacks with these sections register."""
    types: set[str] = set()
    for section in sections:
        raw = {"cluster": {"name": "one"}, "workerPools": [{"name": "a", "replicas": 1}], **section}
        recorder = record(partial(declare, raw))
        types |= {resource.type for resource in recorder.resources if PREFIX in resource.type}
    return types


def declare(raw: dict[str, Any]) -> None:
    stack.declare(load_stack({**raw, "management": {"kubeconfig": "apiVersion: v1"}}, frozenset({"management"})))


METAL = {"metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"}}


def test_every_type_of_an_earlier_state_is_registered_under_the_same_token() -> None:
    before = {resource["type"] for resource in RESOURCES if PREFIX in resource["type"]}
    assert len(before) == 6, "the earlier release had four components and two dynamic resources"
    losses = before - tokens(METAL)
    assert not losses, f"these are part of every stored URN: renaming them replaces living clusters: {losses}"


@pytest.mark.parametrize("endpoint", ["patched", "created last"])
def test_no_type_is_registered_that_is_not_pinned_here(endpoint: str) -> None:
    provider = fictional.register(endpoint)
    try:
        types = tokens({"fictional": {"planet": "mars"}})
    finally:
        providers.forget(provider)
    dynamic = set(PROVIDERS) - ({"ControlPlaneAnswer"} if endpoint == "patched" else set())
    assert types == {
        *(f"kamaji-equinix:index:{name}" for name in (*COMPONENTS, provider.cluster_kind)),
        *(f"pulumi-python:dynamic/kamaji-equinix:{name}" for name in dynamic),
    }, "a state will hold it from now on: add it to this page"


@pytest.mark.parametrize("resource", PROVIDERS)
def test_a_dynamic_provider_is_stored_as_the_path_of_its_class_and_nothing_else(resource: str) -> None:
    module, name = PROVIDERS[resource]
    pickle = serialize_provider(getattr(importlib.import_module(module), name)())
    assert len(base64.b64decode(pickle)) < 100, "a longer one holds code or attributes, which change with every release"
    before = {entry["inputs"]["__provider"] for entry in RESOURCES if entry["type"].endswith(f":{resource}")}
    assert before <= {pickle}, "refresh and destroy of an old stack import the provider from this very text"
    for part in (module, name):
        assert part.encode() in base64.b64decode(pickle), f"{part} is what the state refers to"


def test_the_plugins_process_starts_without_pydantic_the_kubernetes_sdk_and_what_it_needs_later() -> None:
    modules = ", ".join({module for module, _ in PROVIDERS.values()})
    later = ("kube.client", "kube.management", "handoff.run")
    heavy = ("pydantic", "pulumi_kubernetes", "rich", *(f"kamaji_equinix.components.{name}" for name in later))
    code = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]", "it starts in each run, beside the program"


def test_a_value_that_is_not_known_yet_is_recognised() -> None:
    assert state.UNKNOWN_VALUE == rpc.UNKNOWN, "the engine's protocol has another text for it"


def entries() -> set[str]:
    """What is called with ``python -m``, wherever a person or a machine reads that it should be."""
    pages = [ROOT / "Makefile", *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    pages += [path for folder in ("examples", ".ci") for path in (ROOT / folder).rglob("*") if path.is_file()]
    pages += [
        path for folder in ("components", "automation", "lab", "toolchain") for path in (ROOT / folder).rglob("*.py")
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages)
    names = set(re.findall(r"(?:\$\(PY\)|python3?|\bbin/python) -m ([a-z_.]*[a-z_])\b", text))
    return names - {"pip", "venv", "pytest"}


def test_every_module_that_is_called_by_name_can_be_called() -> None:
    names = entries()
    assert names >= {
        "kamaji_equinix.automation",
        "kamaji_equinix.components.render",
        "lab",
        "lab.metal",
        "toolchain",
    }, f"or too few were found: {names}"
    for name in names:
        spec = importlib.util.find_spec(name)
        assert spec is not None, f"`python -m {name}` is written somewhere, and there is no such module"
        path = Path(spec.origin or "")
        if spec.submodule_search_locations is not None:
            assert (path.parent / "__main__.py").is_file(), f"`python -m {name}`: the package can't be executed"
            continue
        guards = [
            node
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        ]
        assert guards, f"`python -m {name}` would import it and do nothing"


def test_the_console_script_and_the_module_are_one() -> None:
    (script,) = metadata.entry_points(group="console_scripts", name="kamaji-equinix")
    assert script.value == "kamaji_equinix.automation.cli:main", "installed environments call it by this path"
    assert callable(script.load()), "or every command ends in an ImportError"


def test_the_module_is_the_console_script() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "kamaji_equinix.automation", "--version"], capture_output=True, text=True, check=False
    )
    assert process.stdout.startswith("kamaji-equinix "), f"make calls it: {process.stderr}"
