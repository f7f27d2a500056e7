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


def exhaustion(machine: str, name: str) -> list[Object]:
    """The data of a machine for which there is no address, as the IPAM and CAPM3 report it."""
    return [
        data(name, machine, error=f"IP Allocation for c1-nodes failed : {EXHAUSTED}"),
        claim(name, "c1-nodes", error=EXHAUSTED),
    ]


def test_an_exhausted_pool_is_named_with_its_addresses_and_not_the_server() -> None:
    blocker = only(
        rack(
            *exhaustion("a-0", "c1-a-x-1"),
            claim("c1-a-x-0", "c1-nodes", address="c1-nodes-192-0-2-100"),
            claim("c1-a-x-9", "c1-nodes", error=EXHAUSTED, deletionTimestamp="2026-01-02T03:04:05Z"),
            ip_pool("c1-nodes", FIRST, allocations={"c1-a-x-0-c1-nodes": FIRST}),
        )
    )
    assert blocker.subject == "IPPool/c1-nodes", "the pool, not the host nor the machine"
    assert "It has 1 address, 1 is taken, and 2 machines ask for one" in blocker.reason, blocker.reason
    assert "Machine/a-0 gets no address of it" in blocker.reason, f"who goes without: {blocker.reason}"
    assert "metal3.ipPools[].ranges" in blocker.action, f"the setting: {blocker.action}"
    assert "kubectl -n default delete machine a-0" in blocker.action, "the IPAM never tries a claim with an error again"
    assert "workerPools[].replicas" in blocker.action, "the other way out"
    assert not blocker.is_progress, "it does not pass by itself"


def test_addresses_that_the_pool_keeps_are_counted() -> None:
    pool = ip_pool(
        "c1-nodes", "192.0.2.102", allocations={"x": FIRST}, preAllocations={"r": "192.0.2.101", "s": "192.0.2.102"}
    )
    blocker = only(rack(*exhaustion("a-0", "d"), pool))
    assert "It has 3 addresses, 1 is taken, 2 are kept by preAllocations, and 1 machine asks for one" in blocker.reason


def test_a_pool_of_somebody_else_is_changed_by_hand() -> None:
    blocker = only(rack(*exhaustion("a-0", "d"), ip_pool("c1-nodes", FIRST, of_stack=False)))
    assert "kubectl -n default edit ippools.ipam.metal3.io c1-nodes" in blocker.action, blocker.action
    assert "metal3.ipPools" not in blocker.action, f"no setting of the stack holds its ranges: {blocker.action}"


def test_each_pool_that_gets_no_address_says_so_for_its_own_machine() -> None:
    blocker = tree.all_blockers(
        tree.build(
            rack(*exhaustion("a-0", "d0"), *exhaustion("b-0", "d1"), ip_pool("c1-nodes", FIRST), pools=("a", "b"))
        )
    )
    assert [blocker.reason.split()[0] for blocker in blocker] == ["Machine/a-0", "Machine/b-0"], (
        "one line for each pool"
    )


def test_a_pool_without_addresses_is_not_hidden_by_a_server_that_is_installed() -> None:
    blocker = tree.all_blockers(
        tree.build(
            rack(
                host("a-host", "a-0", "provisioning"),
                data("d0", "a-0", ready=True),
                *exhaustion("b-0", "d1"),
                ip_pool("c1-nodes", FIRST),
                pools=("a", "b"),
            )
        )
    )
    assert [blocker.subject for blocker in blocker] == ["IPPool/c1-nodes", "BareMetalHost/a-host"], "the error first"


def test_a_pool_that_does_not_exist_is_named() -> None:
    blocker = only(rack(data("d", "a-0"), claim("d", "shared")))
    assert blocker.subject == "IPPool/shared", str(blocker)
    assert "does not exist in namespace default, and Machine/a-0 waits" in blocker.reason, blocker.reason
    assert not blocker.is_progress, "no controller makes it"


def test_a_claim_that_nobody_has_answered_yet_is_progress() -> None:
    blocker = only(rack(data("d", "a-0"), claim("d", "c1-nodes"), ip_pool("c1-nodes", "192.0.2.200")))
    assert blocker.is_progress, "the IPAM answers soon"
    assert "waits for an address of IPPool/c1-nodes" in blocker.reason, blocker.reason


def test_another_error_of_a_claim_is_passed_on() -> None:
    blocker = only(
        rack(data("d", "a-0"), claim("d", "c1-nodes", error="Pre-allocated IP out of bond"), ip_pool("c1-nodes", FIRST))
    )
    assert blocker.subject == "IPClaim/d-c1-nodes", str(blocker)
    assert "Pre-allocated IP out of bond" in blocker.reason, blocker.reason
    assert "preAllocations" in blocker.action, blocker.action


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
    blocker = only(rack(data("d", "a-0"), other))
    assert blocker.subject == "InClusterIPPool/shared", str(blocker)
    assert "PoolExhausted: no free address" in blocker.reason, blocker.reason
    assert "edit inclusterippool shared" in blocker.action, blocker.action


def test_other_errors_of_the_data_are_told_in_its_own_words() -> None:
    blocker = only(rack(data("d", "a-0", error="nic name not found\neth7")))
    assert blocker.subject == "Metal3Data/d", str(blocker)
    assert "Machine/a-0 can't be made: nic name not found eth7" in blocker.reason, blocker.reason
    assert "`networkData`" in blocker.action, blocker.action


def test_a_server_whose_data_is_there_is_judged_by_itself() -> None:
    ready = rack(host("a-host", "a-0", "provisioning"), data("d", "a-0", ready=True))
    assert only(ready).subject == "BareMetalHost/a-host", "it is being installed"
    broken = rack(
        host("a-host", "a-0", errorMessage="no power", errorType="power management error"), *exhaustion("a-0", "d")
    )
    assert only(broken).subject == "BareMetalHost/a-host", "a server with an error is to be mended in any case"


@pytest.mark.parametrize(("reason", "words"), [("Forbidden", "IPClaims: Forbidden: no"), ("NotServed", "nic name not")])
def test_claims_that_may_not_be_read_are_told_unless_no_ipam_is_installed(reason: str, words: str) -> None:
    unread = Failure("IPClaims", reason, "no")
    assert words in only(rack(data("d", "a-0", error="nic name not found"), unread)).reason, "or the cause is another"


@pytest.mark.parametrize("waits", [True, False])
def test_data_that_may_not_be_read_is_told_where_the_server_waits_for_it(waits: bool) -> None:
    snapshot = rack(Failure("Metal3Datas", "Forbidden", "no"))
    if not waits:
        for part in snapshot.references.values():
            assert not isinstance(part, Failure), "the machine was read"
            part["status"]["conditions"] = [condition(True, type_="Metal3DataReady")]
    blocker = only(snapshot)
    assert ("Forbidden: no" in blocker.reason) == waits, blocker.reason
    assert ("docs/rbac-metal3.yaml" in blocker.action) == waits, blocker.action
