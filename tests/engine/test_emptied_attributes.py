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
    made = Project.make(tmp_path / "project", {**ENVIRONMENT, "PULUMI_BACKEND_URL": f"file://{state}"})
    for stack in ("dev", "other"):
        made.pulumi("stack", "init", stack).ok()
    return made


def attributes(project: Project) -> list[Path]:
    return sorted((project.folder.parent / "state").rglob("*.attrs"))


@pytest.mark.parametrize("name", ["dev.json.attrs", "meta.yaml.attrs"])
def test_a_stack_whose_attributes_are_empty_is_read_again(project: Project, name: str) -> None:
    (emptied,) = [path for path in attributes(project) if path.name == name]
    emptied.write_bytes(b"")
    plain = project.pulumi("stack", "export", "--stack", "dev")
    assert plain.code != 0, f"plain Pulumi can't read it, or this test tests nothing:\n{plain.output}"
    assert "EOF" in plain.output, f"and says no more than that:\n{plain.output}"
    looked = project.script("kubeconfig", "--stack", "dev")
    assert "EOF" not in looked.output, f"the script mends it before it looks:\n{looked.output}"
    project.pulumi("stack", "export", "--stack", "dev").ok()


def test_only_empty_files_of_this_stack_go(project: Project) -> None:
    backend = project.environment["PULUMI_BACKEND_URL"]
    before = attributes(project)
    assert before, "pulumi writes such files, or this test looks for nothing"
    assert remove_empty_attributes(backend, "dev") == [], "none is empty"
    for path in before:
        path.write_bytes(b"")
    removed = remove_empty_attributes(backend, "organization/kamaji-equinix/dev")
    left = attributes(project)
    assert sorted([*removed, *left]) == before, "what went is told"
    assert {path.name.partition(".")[0] for path in left} == {"other"}, f"another stack's stay: {left}"


def test_a_backend_in_a_bucket_is_left_alone() -> None:
    assert remove_empty_attributes("s3://bucket", "dev") == [], "nothing is looked for there"
