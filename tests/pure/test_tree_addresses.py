"""What `status` says where a server is not installed because its metadata and network data are not there."""

from __future__ import annotations

import pytest
from kamaji_equinix.components import tree
from kamaji_equinix.components.tree import Blocker, Failure, Snapshot

from tests.support.cluster_objects import Object, condition
from tests.support.metal3_machines import claim, data, host, ip_pool, rack, thing

EXHAUSTED = "Exhausted IP Pools"
FIRST = "192.0.2.100"


def only(snapshot: Snapshot) -> Blocker:
    (blocker,) = tree.all_blockers(tree.build(snapshot))
    return blocker


def exhausted(machine: str, name: str) -> list[Object]:
    """The data of a machine for which there is no address, as the IPAM and CAPM3 report it."""
    return [
        data(name, machine, error=f"IP Allocation for c1-nodes failed : {EXHAUSTED}"),
        claim(name, "c1-nodes", error=EXHAUSTED),
    ]


def test_an_exhausted_pool_is_named_with_its_addresses_and_not_the_server() -> None:
    found = only(
        rack(
            *exhausted("a-0", "c1-a-x-1"),
            claim("c1-a-x-0", "c1-nodes", address="c1-nodes-192-0-2-100"),
            claim("c1-a-x-9", "c1-nodes", error=EXHAUSTED, deletionTimestamp="2026-01-02T03:04:05Z"),
            ip_pool("c1-nodes", FIRST, taken={"c1-a-x-0-c1-nodes": FIRST}),
        )
    )
    assert found.subject == "IPPool/c1-nodes", "the pool, not the host nor the machine"
    assert "It has 1 address, 1 is taken, and 2 machines ask for one" in found.reason, found.reason
    assert "Machine/a-0 gets no address of it" in found.reason, f"who goes without: {found.reason}"
    assert "metal3.ipPools[].ranges" in found.action, f"the setting: {found.action}"
    assert "kubectl -n default delete machine a-0" in found.action, "the IPAM never tries a claim with an error again"
    assert "workerPools[].replicas" in found.action, "the other way out"
    assert not found.is_progress, "it does not pass by itself"


def test_addresses_that_the_pool_keeps_are_counted() -> None:
    pool = ip_pool(
        "c1-nodes", "192.0.2.102", taken={"x": FIRST}, preAllocations={"r": "192.0.2.101", "s": "192.0.2.102"}
    )
    found = only(rack(*exhausted("a-0", "d"), pool))
    assert "It has 3 addresses, 1 is taken, 2 are kept by preAllocations, and 1 machine asks for one" in found.reason


def test_a_pool_of_somebody_else_is_changed_by_hand() -> None:
    found = only(rack(*exhausted("a-0", "d"), ip_pool("c1-nodes", FIRST, own=False)))
    assert "kubectl -n default edit ippools.ipam.metal3.io c1-nodes" in found.action, found.action
    assert "metal3.ipPools" not in found.action, f"no setting of the stack holds its ranges: {found.action}"


def test_each_pool_that_gets_no_address_says_so_for_its_own_machine() -> None:
    found = tree.all_blockers(
        tree.build(rack(*exhausted("a-0", "d0"), *exhausted("b-0", "d1"), ip_pool("c1-nodes", FIRST), pools=("a", "b")))
    )
    assert [blocker.reason.split()[0] for blocker in found] == ["Machine/a-0", "Machine/b-0"], "one line for each pool"


def test_a_pool_without_addresses_is_not_hidden_by_a_server_that_is_installed() -> None:
    found = tree.all_blockers(
        tree.build(
            rack(
                host("a-host", "a-0", "provisioning"),
                data("d0", "a-0", ready=True),
                *exhausted("b-0", "d1"),
                ip_pool("c1-nodes", FIRST),
                pools=("a", "b"),
            )
        )
    )
    assert [blocker.subject for blocker in found] == ["IPPool/c1-nodes", "BareMetalHost/a-host"], "the error first"


def test_a_pool_that_does_not_exist_is_named() -> None:
    found = only(rack(data("d", "a-0"), claim("d", "shared")))
    assert found.subject == "IPPool/shared", str(found)
    assert "does not exist in namespace default, and Machine/a-0 waits" in found.reason, found.reason
    assert not found.is_progress, "no controller makes it"


def test_a_claim_that_nobody_has_answered_yet_is_progress() -> None:
    found = only(rack(data("d", "a-0"), claim("d", "c1-nodes"), ip_pool("c1-nodes", "192.0.2.200")))
    assert found.is_progress, "the IPAM answers soon"
    assert "waits for an address of IPPool/c1-nodes" in found.reason, found.reason


def test_another_error_of_a_claim_is_passed_on() -> None:
    found = only(
        rack(data("d", "a-0"), claim("d", "c1-nodes", error="Pre-allocated IP out of bond"), ip_pool("c1-nodes", FIRST))
    )
    assert found.subject == "IPClaim/d-c1-nodes", str(found)
    assert "Pre-allocated IP out of bond" in found.reason, found.reason
    assert "preAllocations" in found.action, found.action


def test_an_exhausted_pool_of_another_ipam_is_named_by_its_kind() -> None:
    unserved = {"type": "Ready", "status": "False", "reason": "PoolExhausted", "message": "no free address"}
    owners = [{"apiVersion": "x/v1", "kind": "Metal3Data", "name": "d", "uid": "u"}]
    other = thing(
        "ipam.cluster.x-k8s.io/v1beta2",
        "IPAddressClaim",
        "d-shared",
        spec={"poolRef": {"apiGroup": "ipam.cluster.x-k8s.io", "kind": "InClusterIPPool", "name": "shared"}},
        status={"conditions": [unserved]},
        ownerReferences=owners,
    )
    found = only(rack(data("d", "a-0"), other))
    assert found.subject == "InClusterIPPool/shared", str(found)
    assert "PoolExhausted: no free address" in found.reason, found.reason
    assert "edit inclusterippool shared" in found.action, found.action


def test_other_errors_of_the_data_are_told_in_its_own_words() -> None:
    found = only(rack(data("d", "a-0", error="nic name not found\neth7")))
    assert found.subject == "Metal3Data/d", str(found)
    assert "Machine/a-0 can't be made: nic name not found eth7" in found.reason, found.reason
    assert "`networkData`" in found.action, found.action


def test_a_server_whose_data_is_there_is_judged_by_itself() -> None:
    ready = rack(host("a-host", "a-0", "provisioning"), data("d", "a-0", ready=True))
    assert only(ready).subject == "BareMetalHost/a-host", "it is being installed"
    broken = rack(
        host("a-host", "a-0", errorMessage="no power", errorType="power management error"), *exhausted("a-0", "d")
    )
    assert only(broken).subject == "BareMetalHost/a-host", "a server with an error is to be mended in any case"


@pytest.mark.parametrize("waits", [True, False])
def test_data_that_may_not_be_read_is_told_where_the_server_waits_for_it(waits: bool) -> None:
    snapshot = rack(Failure("Metal3Datas", "Forbidden", "no"))
    if not waits:
        for one in snapshot.references.values():
            assert not isinstance(one, Failure), "the machine was read"
            one["status"]["conditions"] = [condition(True, type_="Metal3DataReady")]
    found = only(snapshot)
    assert ("Forbidden: no" in found.reason) == waits, found.reason
    assert ("docs/rbac-metal3.yaml" in found.action) == waits, found.action
