"""Pruning on a real API server: of each kind that a pool is made of, what nothing refers to goes, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest
from kamaji_equinix.components.capi.templates import prune, unused_templates
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.kubeconfig import read as kubeconfig_of
from kamaji_equinix.components.kube.objects import Kind, Kube

from lab.plane import ManagementPlane
from tests.support import metal3_settings
from tests.support.settings_cases import configuration
from tests.support.template_worlds import BOOTSTRAP, World, world

SEEDS = range(12)

POOLS = [{"name": "a", "replicas": 1}]
CONFIGURATIONS = {
    "packet": configuration(workerPools=POOLS),
    "packet-v1beta2": configuration(workerPools=POOLS, capi={"contract": "v1beta2"}),
    "metal3": {**metal3_settings.settings(), "network": {"plugin": "cilium"}},
}


class Killed(Exception):
    """The run ended there."""


class Interrupted(Kube):
    """Ends amid its deletions."""

    def __init__(self, api: Api, namespace: str, deletions: int) -> None:
        super().__init__(api, namespace)
        self.budget = deletions

    def delete(self, kind: Kind, name: str, *, uid: str, version: str) -> None:
        if not self.budget:
            raise Killed
        self.budget -= 1
        super().delete(kind, name, uid=uid, version=version)


@pytest.fixture(params=CONFIGURATIONS)
def case(request: pytest.FixtureRequest) -> Iterator[tuple[Mapping[str, Any], ManagementPlane, httpx.Client]]:
    """A configuration, and an API server that has its kinds."""
    raw: Mapping[str, Any] = CONFIGURATIONS[request.param]
    plane: ManagementPlane = request.getfixturevalue("management" if request.param == "packet" else "newer")
    with plane.client() as client:
        yield raw, plane, client


def test_every_kind_of_template_that_a_pool_has_is_in_the_cases() -> None:
    kinds = {kind: world_.pool for kind, raw in CONFIGURATIONS.items() for world_ in [world(raw, "none", 0)]}
    assert {name: [entry.name for entry in (*pool.kinds, *pool.companions)] for name, pool in kinds.items()} == {
        "packet": ["PacketMachineTemplate", BOOTSTRAP],
        "packet-v1beta2": ["PacketMachineTemplate", BOOTSTRAP],
        "metal3": ["Metal3MachineTemplate", BOOTSTRAP, "Metal3DataTemplate"],
    }, "a new one is made up, too"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_nothing_refers_to_goes_and_all_else_stays(
    case: tuple[Mapping[str, Any], ManagementPlane, httpx.Client], seed: int
) -> None:
    raw, plane, client = case
    world_ = world(raw, f"templates-{uuid4().hex[:8]}", seed)
    client.post("/api/v1/namespaces", json={"metadata": {"name": world_.namespace}}).raise_for_status()
    world_.create(client)
    api = Api(kubeconfig_of(plane.kubeconfig).access())
    kube, pool = Kube(api, world_.namespace), world_.pool
    check_prune(world_, client, kube, Interrupted(api, world_.namespace, world_.chance.randrange(4)))
    assert not unused_templates(kube, pool, world_.current), "a later run finds nothing to do"
    world_.forget_holders(client)
    prune(kube, pool, [])
    rest = world_.remaining(client)
    assert rest == world_.expected(set(), set()), "without pool, deployments and sets only strangers' objects are left"


def check_prune(world_: World, client: httpx.Client, kube: Kube, victim: Kube) -> None:
    """Prune twice, the first time to be killed amid it; all that may go is gone then, and at no moment more than that."""
    expected = world_.expected(world_.current, world_.references)
    with contextlib.suppress(Killed):
        prune(victim, world_.pool, world_.current)
    assert expected <= world_.remaining(client), "none that is needed went"
    prune(kube, world_.pool, world_.current)
    assert world_.remaining(client) == expected, "all that nothing refers to is gone"
