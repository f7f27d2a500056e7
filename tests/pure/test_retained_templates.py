"""States of earlier versions, whose templates the engine would delete, and objects that somebody else has changed."""

from __future__ import annotations

from typing import Any

from kamaji_equinix.automation.repair.recovery import drift, retain_templates

TEMPLATE = "kubernetes:infrastructure.cluster.x-k8s.io/v1beta1:PacketMachineTemplate"


def resource(type_: str, name: str, **extra: Any) -> dict[str, Any]:
    return {"type": type_, "inputs": {"kind": "K", "metadata": {"name": name}}, "deletedWith": "urn:c", **extra}


def test_a_template_whose_deletion_is_pending_is_retained_too() -> None:
    state = {"resources": [resource(TEMPLATE, "new"), resource(TEMPLATE, "old", delete=True)]}
    after, names = retain_templates(state)
    assert names == ["new", "old"], "the pending one is the one that a change taken back names again"
    assert all(entry["retainOnDelete"] for entry in after["resources"]), "and the engine then only forgets it"
    assert retain_templates(after)[1] == [], "once is enough"


def test_nothing_else_is_retained() -> None:
    others = [
        resource("kubernetes:cluster.x-k8s.io/v1beta1:MachineDeployment", "a"),
        resource("kubernetes:cluster.x-k8s.io/v1beta1:Cluster", "a"),
        resource(TEMPLATE, "somebody's", deletedWith=""),
    ]
    after, names = retain_templates({"resources": others})
    assert names == [], "what retains a Cluster or a pool leaves billed servers behind"
    assert after["resources"] == others, "the state is as it was"


def test_a_deleted_and_a_changed_object_are_noticed_and_no_other() -> None:
    def state_entry(name: str, generation: int, uid: str = "u") -> dict[str, Any]:
        metadata = {"name": name, "uid": uid, "generation": generation}
        return resource("kubernetes:cluster.x-k8s.io/v1beta1:MachineDeployment", name, outputs={"metadata": metadata})

    state = [
        state_entry("same", 1),
        state_entry("changed", 1),
        state_entry("gone", 1),
        state_entry("another", 1),
        {**state_entry("read", 1), "external": True},
    ]
    living: dict[str, Any] = {
        "same": {"metadata": {"uid": "u", "generation": 1.0}},
        "changed": {"metadata": {"uid": "u", "generation": 2}},
        "another": {"metadata": {"uid": "v", "generation": 1}},
    }
    changes = drift(state, lambda inputs: living.get(inputs["metadata"]["name"]))
    assert {(entry["inputs"]["metadata"]["name"], lives) for entry, lives in changes} == {
        ("changed", True),
        ("gone", False),
        ("another", True),
    }, "a number of the state may be a float, and what is only read is not declared"
