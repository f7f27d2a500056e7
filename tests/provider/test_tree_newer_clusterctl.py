"""With contract v1beta2 the tree is the table of the real clusterctl 1.13: each row with each of its cells but SINCE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import httpx
import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.kubeconfig import read as kubeconfig_of

from lab.plane import ManagementPlane
from tests.support import cluster_objects as older
from tests.support import newer_objects as newer
from tests.support.cluster_objects import Object
from tests.support.clusterctl import describe, newer_table
from tests.support.generated_clusters import Maker
from tests.support.second_plane import second_plane
from toolchain.pins import NEWER_CLUSTER_API

NEWER = tree.Request("1.33.0", 2, contract="v1beta2")
OLDER = tree.Request("1.33.0", 2)


@pytest.fixture(scope="module")
def management(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementPlane]:
    """An API server with all CRDs of the second generation, and no controllers."""
    with second_plane(tmp_path_factory.mktemp("second")) as plane:
        yield plane


def draw(management: ManagementPlane, namespace: str, request: tree.Request = NEWER) -> str:
    """Our table."""
    return tree.draw(tree.describe(Api(kubeconfig_of(management.kubeconfig).access()), namespace, "c1", request))


def compare(management: ManagementPlane, namespace: str) -> list[tuple[str, ...]]:
    """The cells of the table, once both have the same."""
    upstream = describe(management.kubeconfig, "c1", "--namespace", namespace, version=NEWER_CLUSTER_API)
    table = draw(management, namespace)
    expected, rows = newer_table(upstream), newer_table(table)
    assert rows == expected, f"every cell is clusterctl's:\n{table}\n{upstream}"
    assert table.partition("SINCE")[0] == upstream.partition("SINCE")[0], "and the columns have its widths"
    return rows


def pool(name: str, states: Iterable[list[Object]]) -> list[Object]:
    """A MachineDeployment whose machines have these conditions."""
    conditions = list(states)
    deployment = newer.deployment(name, len(conditions))
    machine_set = newer.machine_set(f"{name}-set", deployment)
    objects = [deployment, machine_set]
    for index, state in enumerate(conditions):
        infrastructure = older.packet_machine(f"{name}-{index}")
        objects += [
            infrastructure,
            newer.machine(f"{name}-{index}", machine_set, state, parts={"infrastructure": infrastructure}),
        ]
    return objects


@pytest.mark.parametrize("seed", range(24))
def test_a_cluster_in_any_state_has_clusterctls_table(
    management: ManagementPlane, http: httpx.Client, namespace: str, seed: int
) -> None:
    maker = Maker(seed)
    older.create(http, namespace, maker.objects)
    for obj in maker.deletions:
        older.delete(http, namespace, obj)
    rows = compare(management, namespace)
    assert rows[1][0].removeprefix("!! DELETED !! ") == "Cluster/c1", "clusterctl told of the cluster"


def test_machines_share_a_row_if_they_are_available_ready_and_up_to_date_alike(
    management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    well = [newer.condition(type_, True) for type_ in ("Available", "Ready", "UpToDate")]
    outdated = [*well[:2], newer.condition("UpToDate", False, "Rollout")]
    infrastructure, control_plane = older.packet_cluster(), newer.control_plane()
    cluster = newer.cluster(infrastructure, control_plane)
    objects = [infrastructure, control_plane, cluster, *pool("a", [well, well, well, outdated, outdated])]
    older.create(http, namespace, objects)
    rows = compare(management, namespace)
    groups = [row[:6] for row in rows if row[0].endswith("Machines...")]
    assert groups == [
        ("    ├─2 Machines...", "", "2", "2", "0", "True"),
        ("    └─3 Machines...", "", "3", "3", "3", "True"),
    ], "the group that a rollout replaces is told from the other"


def test_an_object_that_cannot_be_read_has_a_row_in_this_table_too(
    management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    infrastructure, control_plane = older.packet_cluster(), newer.control_plane()
    older.create(http, namespace, [infrastructure, newer.cluster(infrastructure, control_plane)])
    (row,) = (row for row in newer_table(draw(management, namespace)) if "ControlPlane" in row[0])
    assert row[:6] == ("└─ControlPlane - KamajiControlPlane/cp", *[""] * 5), "nothing is known of it"
    assert row[6] == "NotFound", "but why"


def test_a_request_of_contract_v1beta1_has_the_older_table(
    management: ManagementPlane, http: httpx.Client, namespace: str
) -> None:
    infrastructure, control_plane = older.packet_cluster(), newer.control_plane()
    older.create(http, namespace, [infrastructure, control_plane, newer.cluster(infrastructure, control_plane)])
    header = draw(management, namespace, OLDER).splitlines()[0]
    assert header.split() == list(tree.HEADER), "whatever the management cluster serves"
