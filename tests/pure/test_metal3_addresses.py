"""IP pools with fewer addresses than machines: refused or warned of before a server waits for one in vain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from kamaji_equinix.components.kube.objects import Kind
from kamaji_equinix.components.providers.metal3 import Metal3
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError

from tests.support.metal3_settings import settings

Json = dict[str, Any]
FIRST = "192.0.2.100"


def stack(end: str, pools: list[Json], *, reservations: Json | None = None, name: str = "one", **metal3: Any) -> Json:
    """A stack whose machines have addresses from one pool."""
    ip_pool = {
        "name": "nodes",
        "ranges": [{"start": FIRST, "end": end}],
        "prefix": 24,
        "preAllocations": reservations or {},
    }
    raw = settings(ipPools=[ip_pool], metaData={"ipAddressesFromPool": {"nodeIP": "nodes"}}, **metal3)
    return {**raw, "cluster": {**raw["cluster"], "name": name}, "workerPools": pools}


def pool(replicas: int | None = None, name: str = "a", **more: Any) -> Json:
    return {"name": name, **({} if replicas is None else {"replicas": replicas}), **more}


NO_SURGE = {"strategy": {"maxSurge": 0, "maxUnavailable": 1}}


def warnings(raw: Json) -> list[str]:
    return [str(warning) for warning in load_stack(raw).warnings if "ipPools" in warning.path]


@pytest.mark.parametrize(
    ("end", "pools", "words"),
    [
        (FIRST, [pool(2)], "has 1 address, but pool a has 2 machines"),
        ("192.0.2.101", [pool(2), pool(1, "b")], "has 2 addresses, but pools a, b have 3 machines"),
        ("192.0.2.101", [pool(min=3, max=9)], "has 2 addresses, but pool a has 3 machines"),
    ],
)
def test_a_pool_with_fewer_addresses_than_machines_is_refused(end: str, pools: list[Json], words: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_stack(stack(end, pools))
    (problem,) = error.value.problems
    assert problem.path == "metal3.ipPools[0].ranges", str(problem)
    assert words in str(problem), str(problem)


def test_a_pool_that_no_data_names_and_one_of_wrong_ranges_are_not_counted() -> None:
    unused = settings(ipPools=[{"name": "nodes", "ranges": [{"start": FIRST, "end": FIRST}], "prefix": 24}])
    assert load_stack(unused).clusters, "its machines need none of them"
    with pytest.raises(SettingsError) as error:
        load_stack(stack("192.0.2.9", [pool(2)]))
    assert len(error.value.problems) == 1, f"the end before the start is one mistake:\n{error.value}"


@pytest.mark.parametrize(
    ("end", "pools", "reservations", "words"),
    [
        ("192.0.2.101", [pool(2)], {}, "has 2 addresses, but pool a may have 2 machines, and 1 more in a roll"),
        ("192.0.2.102", [pool(2)], {}, ""),
        ("192.0.2.101", [pool(2, **NO_SURGE)], {}, ""),
        ("192.0.2.101", [pool(2, strategy={"type": "OnDelete"})], {}, ""),
        (
            "192.0.2.104",
            [pool(4, strategy={"maxSurge": "30%"})],
            {},
            "has 5 addresses, but pool a may have 4 machines, and 2",
        ),
        (
            "192.0.2.103",
            [pool(min=1, max=5)],
            {},
            "has 4 addresses, but pool a may have 5 machines: the servers of the others",
        ),
        (
            "192.0.2.102",
            [pool(2)],
            {"router": FIRST},
            "has 3 addresses, of which 1 is kept by preAllocations, but pool a",
        ),
        ("192.0.2.102", [pool(2)], {"router": "192.0.2.1"}, ""),
    ],
    ids=["roll", "enough", "no surge", "on delete", "a share", "autoscaler", "kept", "kept elsewhere"],
)
def test_a_pool_that_is_too_small_for_a_roll_or_an_autoscaler_is_warned_of(
    end: str, pools: list[Json], reservations: Json, words: str
) -> None:
    texts = warnings(stack(end, pools, reservations=reservations))
    assert len(texts) == bool(words), texts
    assert not words or words in texts[0], texts


def test_addresses_that_are_kept_for_the_machines_themselves_are_no_reason_to_refuse() -> None:
    reservations = {f"host-{number}-one-nodes": f"192.0.2.{100 + number}" for number in range(2)}
    assert load_stack(stack("192.0.2.101", [pool(2, **NO_SURGE)], reservations=reservations)).clusters, (
        "each may be of a machine"
    )


class Living:
    """A management cluster with IP pools and addresses."""

    def __init__(self, pools: Sequence[Json] = (), addresses: Sequence[Json] = ()) -> None:
        self.objects = {"IPPool": pools, "IPAddress": addresses}
        self.requests: list[tuple[str, str]] = []

    def look(self, namespace: str, kind: Kind) -> Sequence[Json]:
        self.requests.append((namespace, kind.name))
        return self.objects[kind.name]


def living_pool(name: str, end: str, indexes: Json | None = None, **spec: Any) -> Json:
    return {
        "metadata": {"name": name},
        "spec": {"pools": [{"start": FIRST, "end": end}], **spec},
        "status": {"indexes": indexes or {}},
    }


def address(number: int, ip_pool: str = "shared", cluster: str = "other") -> Json:
    return {
        "metadata": {"labels": {"cluster.x-k8s.io/cluster-name": cluster}},
        "spec": {"address": f"192.0.2.{number}", "pool": {"name": ip_pool}},
    }


def notes(living: Living, *clusters: Json) -> list[str]:
    tenants = [tenant for raw in clusters for tenant in load_stack(raw).clusters]
    return list(Metal3().shortages(tenants, living.look))  # type: ignore[arg-type]


def sharing(replicas: int, name: str = "one", **ip_pool: Any) -> Json:
    """A cluster whose machines have addresses from an existing pool."""
    existing = {"name": "shared", "existing": True, **ip_pool}
    raw = settings(ipPools=[existing], metaData={"ipAddressesFromPool": {"nodeIP": "shared"}})
    return {**raw, "cluster": {**raw["cluster"], "name": name}, "workerPools": [pool(replicas, **NO_SURGE)]}


def test_an_existing_pool_is_counted_without_what_others_have_and_what_it_keeps() -> None:
    living = Living(
        [living_pool("shared", "192.0.2.104", preAllocations={"router": "192.0.2.104"})],
        [address(100), address(101), address(102, cluster="one"), address(103, "elsewhere")],
    )
    assert notes(living, sharing(2)) == [], "2 of 5 are taken by others, 1 is kept: 2 are left"
    (line,) = notes(living, sharing(3))
    assert line.startswith(
        "IPPool default/shared has 5 addresses, of which 2 are taken by others, and 1 is kept by preAllocations, but pool a "
        "may have 3 machines"
    ), line


def test_addresses_that_only_the_pools_status_knows_are_counted_too() -> None:
    living = Living(
        [living_pool("shared", "192.0.2.101", {"claim": FIRST, "own": "192.0.2.101"})], [address(101, cluster="one")]
    )
    assert notes(living, sharing(1)) == [], "its own one is enough"
    assert len(notes(living, sharing(2))) == 1, "the other one is somebody's"


def test_clusters_of_a_stack_that_share_a_pool_are_counted_together() -> None:
    living = Living([living_pool("shared", "192.0.2.102")])
    assert notes(living, sharing(2, "one")) == [], "one alone has enough"
    (line,) = notes(living, sharing(2, "one"), sharing(2, "two"))
    assert "pools a, a may have 4 machines" in line, line


def test_a_pool_that_does_not_exist_is_named_unless_the_stack_makes_it() -> None:
    (line,) = notes(Living(), sharing(1))
    assert "IPPool default/shared does not exist" in line, line
    maker = stack("192.0.2.102", [pool(2, **NO_SURGE)], name="maker")
    user = sharing(1)
    user["metal3"]["ipPools"] = [{"name": "maker-nodes", "existing": True}]
    user["metal3"]["metaData"] = {"ipAddressesFromPool": {"nodeIP": "maker-nodes"}}
    assert notes(Living(), maker, user) == [], "the run makes it, with three addresses for three machines"
    user["workerPools"] = [pool(2, **NO_SURGE)]
    (line,) = notes(Living(), maker, user)
    assert (
        "IPPool default/maker-nodes has 3 addresses, of which none is taken by others, but pools a, a may have 4"
        in line
    )


def test_a_pool_of_the_stack_is_warned_of_where_others_have_its_addresses() -> None:
    raw = stack("192.0.2.102", [pool(2, **NO_SURGE)])
    living = [living_pool("one-nodes", "192.0.2.102")]
    assert notes(Living(living), raw) == [], "nobody else has any"
    (line,) = notes(Living(living, [address(100, "one-nodes"), address(101, "one-nodes")]), raw)
    assert "IPPool default/one-nodes has 3 addresses, of which 2 are taken by others" in line, line


def test_pools_of_another_ipam_and_stacks_without_pools_cost_no_request() -> None:
    living = Living()
    assert notes(living, sharing(1, kind="InClusterIPPool", apiGroup="ipam.cluster.x-k8s.io"), settings()) == []
    assert living.requests == [], "nothing is known of them, so nothing is asked"
