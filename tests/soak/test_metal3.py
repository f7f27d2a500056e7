"""Servers of one's own on the lab, with the real CAPM3, IPAM and baremetal-operator: a stack's life, and kills amid it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.clusterctl import newer_differences
from tests.support.interruptions import Stack, kill_and_mend
from tests.support.lab import Lab, eventually, nodes
from tests.support.metal3_lab import HOSTS, HostWatch, racks_lab, write
from tests.support.project import ROOT, Project
from tests.support.rights import EVERYBODY, Use, denials, grant, grants, rights_in_use, rules

REPETITIONS = 20
IP_POOLS = yaml.safe_load((ROOT / "Pulumi.metal3.yaml").read_text())["config"]["kamaji-equinix:metal3"]["ipPools"]
NAMESPACE, USER = "racks", "kamaji-equinix"
RBAC, RBAC_METAL3 = (ROOT / "docs" / name for name in ("rbac.yaml", "rbac-metal3.yaml"))


@pytest.fixture(scope="module")
def racks(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    yield from racks_lab(lab, tmp_path_factory.mktemp("racks") / "state")


def on(host: dict[str, Any]) -> bool:
    """Whether a machine is on a host."""
    return "consumerRef" in host["spec"]


def servers(lab: Lab) -> dict[str, Any]:
    """What is asked of each host that a machine is on, by name."""
    return {host["metadata"]["name"]: host["spec"] for host in lab.items(HOSTS) if on(host)}


def when(text: str) -> float:
    """Seconds since the epoch; an API server tells no fractions."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def check_absence(lab: Lab, stack: str, namespace: str = "default") -> None:
    """See that nothing is left: no object, no host, no credentials."""
    eventually(lambda: lab.leftovers(stack), lambda rest: not rest, 60, "all objects gone")
    assert lab.items(HOSTS) == [], "the hosts were the stack's"
    assert not [name for name in lab.secrets(namespace) if name.endswith("-bmc")], "and so were their credentials"


def test_a_rack_comes_up_rolls_and_is_given_back_with_the_documented_rights_alone(racks: Lab, tmp_path: Path) -> None:
    rights = grant(racks, tmp_path, NAMESPACE, USER, [RBAC, RBAC_METAL3])
    project = Project.make(tmp_path / "project", racks.environment())

    def configure(**metal3: Any) -> None:
        write(project, racks, "rack", namespace=NAMESPACE, kubeconfig=rights, **metal3)

    def run(*words: str) -> str:
        return project.script(*words, "--stack", "rack").ok()

    extra = [*IP_POOLS, {"name": "spare", "ranges": [{"start": "10.11.0.10", "end": "10.11.0.20"}], "prefix": 24}]
    configure(ipPools=extra)
    project.pulumi("stack", "init", "rack").ok()
    configure(ipPools=extra)
    output = project.script("check", "--stack", "rack").ok()
    assert "missing" not in output, f"all is granted: {output}"
    run("up")
    kubeconfig = run("kubeconfig")
    first = nodes(kubeconfig)
    assert len(first) == 2, f"both machines are nodes: {first}"
    assert all(first.values()), "and ready"
    hosts = {host["metadata"]["name"]: host for host in racks.items(HOSTS)}
    assert sum(map(on, hosts.values())) == 2, "on two of three hosts"
    result = project.up("rack", "--expect-no-changes", "--refresh")
    assert result.code == 0, f"nothing that the controllers write is a change:\n{result.output}"

    differ = partial(newer_differences, lambda: run("status"), racks.kubeconfig, "rack", namespace=NAMESPACE)
    eventually(differ, lambda trees: not trees, 60, "the tree is clusterctl's")
    answer_time = racks.state_file()["balancers"][f"{NAMESPACE}/rack-control-plane"]
    installations = [host["status"]["operationHistory"]["provision"]["start"] for host in hosts.values() if on(host)]
    assert all(when(text) > answer_time - 1 for text in installations), (
        f"no server is installed before the control plane answers, {answer_time}: {installations}"
    )

    data = {"ipAddressesFromPool": {"nodeIP": "nodes"}, "strings": {"site": "ams"}}
    configure(metaData=data)
    run("up")
    eventually(
        lambda: nodes(kubeconfig), lambda names: not names.keys() & first.keys(), 180, "other machines, by a roll"
    )
    pools = {pool["metadata"]["name"] for pool in racks.items("ipam.metal3.io/v1alpha1/ippools")}
    assert pools == {"rack-nodes"}, f"the pool of addresses that the settings name no longer is gone: {pools}"
    configure(metaData=data, hosts=[])
    refusal = project.up("rack")
    assert refusal.code != 0, "hosts with machines can't be left out"
    assert "its server would be wiped" in " ".join(refusal.output.split()), refusal.output

    configure()
    project.pulumi("stack", "rm", "rack", "--force", "--yes", "--preserve-config").ok()
    differs = project.script("import", "--stack", "rack").output
    assert "(spec.metaData.strings)" in differs, f"the data template by its own field:\n{differs}"
    configure(metaData=data)
    living = eventually(lambda: servers(racks), lambda value: len(value) == 2, 120, "the third is free again")
    run("import")
    assert servers(racks) == living, "no server was touched"
    run("status")
    run("up")
    with HostWatch(racks) as watch:
        run("destroy", "--yes")
    assert watch.states.keys() == hosts.keys(), "all three went"
    watch.check_return()
    check_absence(racks, "rack", NAMESPACE)


def test_no_right_for_servers_of_ones_own_was_lacking_or_is_unused(racks: Lab) -> None:
    log = racks.state / "logs/audit.log"
    assert denials(log, USER) == set(), "nothing was refused on the way"
    # A Secret mostly goes with its host before the engine comes to it; where not, the engine lists and watches Secrets.
    seldom = {Use(verb, "", "secrets") for verb in ("list", "watch")}
    unused = grants(*rules(RBAC_METAL3)) - rights_in_use(log, USER) - seldom
    assert not unused, f"rights that a stack's whole life does not use: {sorted(map(str, unused))}"
    beyond = rights_in_use(log, USER) - grants(*rules(RBAC, RBAC_METAL3)) - EVERYBODY
    assert not beyond, f"they come from elsewhere: {sorted(map(str, beyond))}"


@contextlib.contextmanager
def check_return(lab: Lab) -> Iterator[None]:
    """See that no host goes with a machine, nor stays on."""
    with HostWatch(lab) as watch:
        yield
    watch.check_return()


RACK = Stack(write, check_absence, 25, 12, check_return)


@pytest.mark.parametrize("seed", range(REPETITIONS))
def test_a_kill_at_a_random_moment_strands_no_host(racks: Lab, tmp_path: Path, seed: int) -> None:
    kill_and_mend(racks, tmp_path / "project", seed, stack=RACK)
