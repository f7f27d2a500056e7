"""A kill while the engine writes the attributes of a state's file: the stack is read again all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from kamaji_equinix.automation.repair.attributes import remove_empty_attributes

import toolchain
from tests.support.project import Project

ENVIRONMENT = {**toolchain.pulumi_environment(), "PULUMI_CONFIG_PASSPHRASE": "test"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    state = tmp_path / "state"
    state.mkdir()
    instance = Project.make(tmp_path / "project", {**ENVIRONMENT, "PULUMI_BACKEND_URL": f"file://{state}"})
    for stack in ("dev", "other"):
        instance.pulumi("stack", "init", stack).ok()
    return instance


def attributes(project: Project) -> list[Path]:
    return sorted((project.folder.parent / "state").rglob("*.attrs"))


@pytest.mark.parametrize("name", ["dev.json.attrs", "meta.yaml.attrs"])
def test_a_stack_whose_attributes_are_empty_is_read_again(project: Project, name: str) -> None:
    (file,) = [path for path in attributes(project) if path.name == name]
    file.write_bytes(b"")
    plain = project.pulumi("stack", "export", "--stack", "dev")
    assert plain.code != 0, f"plain Pulumi can't read it, or this test tests nothing:\n{plain.output}"
    assert "EOF" in plain.output, f"and says no more than that:\n{plain.output}"
    result = project.script_here("kubeconfig", "--stack", "dev")
    assert "EOF" not in result.output, f"the script mends it before it looks:\n{result.output}"
    project.pulumi("stack", "export", "--stack", "dev").ok()


def test_only_empty_files_of_this_stack_go(project: Project) -> None:
    backend = project.environment["PULUMI_BACKEND_URL"]
    before = attributes(project)
    assert before, "pulumi writes such files, or this test looks for nothing"
    assert remove_empty_attributes(backend, "dev") == [], "none is empty"
    for path in before:
        path.write_bytes(b"")
    removals = remove_empty_attributes(backend, "organization/kamaji-equinix/dev")
    rest = attributes(project)
    assert sorted([*removals, *rest]) == before, "what went is told"
    assert {path.name.partition(".")[0] for path in rest} == {"other"}, f"another stack's stay: {rest}"


def test_a_backend_in_a_bucket_is_left_alone() -> None:
    assert remove_empty_attributes("s3://bucket", "dev") == [], "nothing is looked for there"
