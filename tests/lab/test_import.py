"""A cluster that kubectl made from other names for its templates is taken into a stack, and no machine is touched."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.interruptions import require_absence, sections
from tests.support.lab import Lab, eventually
from tests.support.project import Project

Json = dict[str, Any]

STACK, POOL = "adopted", "adopted-a"
KUBECTL = Path(sys.executable).parent / "kubectl"
TEMPLATES = ("PacketMachineTemplate", "KubeadmConfigTemplate")
DEPLOYMENT = f"/apis/cluster.x-k8s.io/v1beta1/namespaces/default/machinedeployments/{POOL}"


@dataclass
class Adoption:
    """A cluster that kubectl made, and a project whose settings describe it."""

    lab: Lab
    project: Project
    sections: Json

    def configure(self, **pool: Any) -> None:
        pools = [{**self.sections["workerPools"][0], "name": "a", **pool}]
        self.project.configure(STACK, **{**self.sections, "workerPools": pools})

    def machines(self) -> dict[str, str]:
        """UIDs of the machines by name."""
        return {
            item["metadata"]["name"]: item["metadata"]["uid"]
            for item in self.lab.items("cluster.x-k8s.io/v1beta1/machines")
            if item["metadata"]["name"].startswith(f"{POOL}-")
        }

    def templates(self) -> set[str]:
        """Names of the cluster's templates."""
        paths = ("infrastructure.cluster.x-k8s.io/v1beta1/packetmachinetemplates",)
        paths += ("bootstrap.cluster.x-k8s.io/v1beta1/kubeadmconfigtemplates",)
        return {
            item["metadata"]["name"]
            for path in paths
            for item in self.lab.items(path)
            if item["metadata"]["name"].startswith(STACK)
        }

    def ready(self) -> int:
        """How many machines are ready."""
        with self.lab.management() as client:
            return int(client.get(DEPLOYMENT).raise_for_status().json().get("status", {}).get("readyReplicas", 0))

    def stacks(self) -> str:
        return self.project.pulumi("stack", "ls", "--json").ok()


def rename(documents: list[Json]) -> list[Json]:
    """Manifests as somebody writes them by hand: templates without a digest in their names."""
    names = {item["metadata"]["name"]: POOL for item in documents if item["kind"] in TEMPLATES}
    for item in documents:
        if item["kind"] in TEMPLATES:
            item["metadata"]["name"] = names[item["metadata"]["name"]]
        if item["kind"] == "MachineDeployment":
            machine = item["spec"]["template"]["spec"]
            for reference in (machine["infrastructureRef"], machine["bootstrap"]["configRef"]):
                reference["name"] = names[reference["name"]]
    return documents


@pytest.fixture(scope="module")
def adoption(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adoption]:
    assert lab.command("set", "--no-gate").returncode == 0, "Kamaji hands off: nobody runs this program yet"
    folder: Path = tmp_path_factory.mktemp("project")
    project = Project.make(folder, lab.environment())
    instance = Adoption(lab, project, sections(lab, STACK))
    instance.configure()
    lines = project.script_here("render", "--stack", STACK).ok().splitlines()
    manifests = "\n".join(line for line in lines if not line.startswith("warning: "))
    documents = rename(list(yaml.safe_load_all(manifests)))
    path = folder / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    project.run(KUBECTL, "--kubeconfig", lab.kubeconfig, "apply", "--filename", path).ok()
    eventually(instance.ready, lambda count: count == 1, 180, "kubectl's cluster has its machine")
    yield instance
    project.script_here("destroy", "--yes", "--stack", STACK).ok()
    require_absence(lab, STACK)


def test_settings_that_differ_from_what_lives_are_told_and_nothing_is_written(adoption: Adoption) -> None:
    machines, templates = adoption.machines(), adoption.templates()
    adoption.configure(machineType="m3.large.x86", replicas=2)
    result = adoption.project.script_here("import", "--stack", STACK)
    assert result.code == 2, f"the settings are at fault:\n{result.output}"
    assert f"PacketMachineTemplate default/{POOL} (spec.template.spec.machineType)" in result.output, (
        "where they differ"
    )
    adoption.configure(replicas=2)
    result = adoption.project.script_here("import", "--stack", STACK)
    assert f"MachineDeployment default/{POOL}" in result.output, f"a field that kubectl manages:\n{result.output}"
    assert ".spec.replicas" in result.output, "by its path"
    assert STACK not in adoption.stacks(), "a stack that would delete a living cluster is not left behind"
    assert (adoption.machines(), adoption.templates()) == (machines, templates), "nothing was made or touched"


def test_a_cluster_with_templates_of_other_names_is_taken_in_and_no_machine_is_touched(adoption: Adoption) -> None:
    machines, templates = adoption.machines(), adoption.templates()
    assert templates == {POOL}, "the names that somebody gave them"
    adoption.configure()
    output = adoption.project.script_here("import", "--stack", STACK).ok()
    assert "will roll" not in output, f"nothing rolls:\n{output}"
    rerun = adoption.project.script_here("up", "--stack", STACK, "--timeout", "120").ok()
    assert "updated" not in rerun, f"there is nothing left to do:\n{rerun}"
    assert adoption.project.pulumi("preview", "--expect-no-changes", "--stack", STACK).code == 0, "for plain Pulumi too"
    assert (adoption.machines(), adoption.templates()) == (machines, templates), "and all is as it was"


def test_a_changed_pool_of_such_a_cluster_rolls_and_its_old_template_goes_in_time(adoption: Adoption) -> None:
    before = adoption.machines()
    adoption.configure(machineType="m3.large.x86")
    output = adoption.project.script_here("up", "--stack", STACK, "--timeout", "300").ok()
    assert "pool a: 1 will roll; machineType c3.medium.x86 to m3.large.x86" in output, f"it is told before:\n{output}"
    eventually(adoption.machines, lambda value: len(value) == 1 and not value.keys() & before.keys(), 120, "the roll")
    assert len(adoption.templates()) == 2, "the name of the bootstrap template stays, the machines have a new one"
