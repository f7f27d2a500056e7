"""The whole life of a stack with exactly the rights of docs/rbac.yaml, on the lab with its real controllers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.interruptions import require_absence
from tests.support.lab import Lab
from tests.support.project import ROOT, Project, dev_sections
from tests.support.rights import EVERYBODY, Use, denials, grant, grants, rights_in_use, rules

STACK, NAMESPACE, USER = "granted", "granted", "kamaji-equinix"
RBAC = ROOT / "docs" / "rbac.yaml"
DOCUMENTS = list(yaml.safe_load_all(RBAC.read_text()))
HAND_OFF = next(item["rules"] for item in DOCUMENTS if item["metadata"]["name"] == "kamaji-equinix-hand-off")
RULES = rules(RBAC)


@dataclass
class LeastRightsStack:
    """A stack whose credentials have the rights of the document, and no others."""

    lab: Lab
    project: Project
    sections: dict[str, Any]
    log: Path

    def configure(self, *pools: dict[str, Any], secret: str, **control_plane: Any) -> None:
        """Write the stack's file; the first pool has a secret file."""
        sections = {**self.sections, "workerPools": list(pools)}
        sections["controlPlane"] = {**sections["controlPlane"], **control_plane}
        self.project.configure(STACK, **sections)
        path = "kamaji-equinix:workerPools[0].bootstrap.files[0].content"
        self.project.pulumi("config", "set", "--path", "--secret", path, secret, "--stack", STACK).ok()

    def script(self, *arguments: str) -> str:
        return self.project.script(*arguments, "--stack", STACK).ok()


@pytest.fixture(scope="module")
def living(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LeastRightsStack]:
    path = grant(lab, tmp_path_factory.mktemp("credentials"), NAMESPACE, USER, [RBAC])
    sections = dev_sections(path)
    sections["cluster"] = {**sections["cluster"], "name": STACK, "namespace": NAMESPACE}
    instance = LeastRightsStack(
        lab, Project.make(tmp_path_factory.mktemp("project"), lab.environment()), sections, lab.state / "logs/audit.log"
    )
    assert lab.command("set", "--gate").returncode == 0, "the hand-off writes as much as it may ever"
    instance.project.pulumi("stack", "init", STACK).ok()
    try:
        yield instance
    finally:
        instance.project.script("destroy", "--yes", "--stack", STACK)


def pool(**extra: Any) -> dict[str, Any]:
    return {"name": "a", "bootstrap": {"files": [{"path": "/etc/a", "content": "x"}]}, **extra}


def test_a_stack_comes_up_lives_and_goes_with_the_rights_of_the_document(living: LeastRightsStack) -> None:
    other = {"name": "b", "replicas": 0, "healthCheck": {}}
    # Three machines are read with one list, fewer one by one.
    living.configure(pool(replicas=3, healthCheck={}), other, secret="one")
    output = living.script("check")
    assert "missing" not in output, f"all is granted: {output}"
    living.script("up", "--timeout", "400")
    living.script("status")
    # A pool goes, another rolls, and Kamaji is asked about the change of the living control plane.
    living.configure(pool(replicas=1), secret="two", network={"certSANs": ["api.example.org"]})
    living.script("up", "--timeout", "400")
    living.script("refresh")
    living.project.pulumi("stack", "rm", STACK, "--force", "--yes", "--preserve-config").ok()
    living.script("import")
    living.script("up", "--timeout", "400")
    living.script("destroy", "--yes")
    require_absence(living.lab, STACK)
    assert living.lab.secrets(NAMESPACE) == [], "nothing is left in the namespace"
    assert denials(living.log, USER) == set(), "and nothing was refused on the way"


def test_a_check_for_a_stack_without_a_data_store_reads_all_of_them(living: LeastRightsStack) -> None:
    sections = {**living.sections, "controlPlane": {"dataStore": None}}
    living.project.pulumi("stack", "init", "unnamed").ok()
    living.project.configure("unnamed", **sections)
    output = living.project.script("check", "--stack", "unnamed").ok()
    assert "missing" not in output, f"there is one: {output}"


def test_no_right_of_the_document_is_unused(living: LeastRightsStack) -> None:
    # Some of the hand-off's are for a wait that a busy machine may not need: test_handoff_rbac.py takes each away.
    # A pool's Secret goes with the last template that names it, two rolls later: test_secret_markers.py sees it go.
    later = {Use("delete", "", "secrets")}
    unused = grants(*RULES) - grants(*HAND_OFF) - later - rights_in_use(living.log, USER)
    assert not unused, f"rights that a stack's whole life does not use: {sorted(map(str, unused))}"
    beyond = rights_in_use(living.log, USER) - grants(*RULES) - EVERYBODY
    assert not beyond, f"they come from elsewhere: {sorted(map(str, beyond))}"
