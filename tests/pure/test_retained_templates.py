"""States of earlier versions, whose templates the engine would delete, and objects that somebody else has changed."""

from __future__ import annotations

from typing import Any

from kamaji_equinix.automation.repair.recovery import drift, retain_templates

TEMPLATE = "kubernetes:infrastructure.cluster.x-k8s.io/v1beta1:PacketMachineTemplate"


def resource(type_: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "inputs": {"kind": "K", "metadata": {"name": name}}, "deletedWith": "urn:c", **more}


def test_a_template_whose_deletion_is_pending_is_retained_too() -> None:
    state = {"resources": [resource(TEMPLATE, "new"), resource(TEMPLATE, "old", delete=True)]}
    mended, names = retain_templates(state)
    assert names == ["new", "old"], "the pending one is the one that a change taken back names again"
    assert all(one["retainOnDelete"] for one in mended["resources"]), "and the engine then only forgets it"
    assert retain_templates(mended)[1] == [], "once is enough"


def test_nothing_else_is_retained() -> None:
    others = [
        resource("kubernetes:cluster.x-k8s.io/v1beta1:MachineDeployment", "a"),
        resource("kubernetes:cluster.x-k8s.io/v1beta1:Cluster", "a"),
        resource(TEMPLATE, "somebody's", deletedWith=""),
    ]
    mended, names = retain_templates({"resources": others})
    assert names == [], "what retains a Cluster or a pool leaves billed servers behind"
    assert mended["resources"] == others, "the state is as it was"


def test_a_deleted_and_a_changed_object_are_noticed_and_no_other() -> None:
    def one(name: str, generation: int, uid: str = "u") -> dict[str, Any]:
        metadata = {"name": name, "uid": uid, "generation": generation}
        return resource("kubernetes:cluster.x-k8s.io/v1beta1:MachineDeployment", name, outputs={"metadata": metadata})

    state = [one("same", 1), one("changed", 1), one("gone", 1), one("another", 1), {**one("read", 1), "external": True}]
    living: dict[str, Any] = {
        "same": {"metadata": {"uid": "u", "generation": 1.0}},
        "changed": {"metadata": {"uid": "u", "generation": 2}},
        "another": {"metadata": {"uid": "v", "generation": 1}},
    }
    found = drift(state, lambda inputs: living.get(inputs["metadata"]["name"]))
    assert {(one["inputs"]["metadata"]["name"], lives) for one, lives in found} == {
        ("changed", True),
        ("gone", False),
        ("another", True),
    }, "a number of the state may be a float, and what is only read is not declared"
