"""Each pool of a cluster says what it waits for: no machine that boots hides another's error."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from kamaji_equinix.automation import readiness
from kamaji_equinix.automation.cli import documents
from kamaji_equinix.automation.cli.lines import Lines
from kamaji_equinix.automation.cli.live import View
from kamaji_equinix.automation.engine.process import Cancellation
from kamaji_equinix.automation.engine.translator import Translator
from kamaji_equinix.automation.errors import NotReady
from kamaji_equinix.automation.events import Event, Waiting
from kamaji_equinix.automation.readiness import Look
from kamaji_equinix.components import tree
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.tree import Blocker, Failure, PoolRequest, Request
from kamaji_equinix.components.tree.model import Reference
from rich.console import Console

from tests.support import cluster_objects as objects_of
from tests.support.cluster_objects import Object, condition
from tests.support.settings_cases import configuration
from tests.support.snapshots import TRUE, pool, snapshot

BOOTS = condition(False, "WaitingForNodeRef", "Info")


def booting(name: str) -> list[Object]:
    """A pool whose machine has a server, and no node yet."""
    objects = pool(name, [BOOTS], readyReplicas=0, availableReplicas=0)
    del objects[-1]["status"]["nodeRef"]
    return objects


def failure(name: str) -> tuple[list[Object], dict[Reference, Object]]:
    """A pool of Equinix Metal whose machine can't be bought, as capp reports it."""
    objects = pool(name, [condition(False, "Failed", "Error")], readyReplicas=0, availableReplicas=0)
    device = objects_of.packet_machine(f"{name}-0", failureReason="CreateError", failureMessage="no capacity in da")
    reference = Reference.parse(objects_of.reference(device), "default")
    assert reference is not None, "a reference"
    return objects, {reference: device}


def part_error(name: str) -> tuple[list[Object], dict[Reference, Object]]:
    """A pool whose machine has a part with an error that is no final failure."""
    objects = pool(name, [condition(False, "X", "Info")], readyReplicas=0, availableReplicas=0)
    objects[-1]["status"] = {"conditions": objects[-1]["status"]["conditions"], "bootstrapReady": True}
    device = objects_of.packet_machine(
        f"{name}-0", ready=condition(False, "InstanceProvisionFailed", "Error", "plan not in metro")
    )
    reference = Reference.parse(objects_of.reference(device), "default")
    assert reference is not None, "a reference"
    return objects, {reference: device}


def blockers(*objects: Object, request: Request | None = None, **changed: Any) -> list[Blocker]:
    return list(tree.all_blockers(tree.build(snapshot(*objects, **changed), request)))


def test_each_pool_that_is_not_ready_has_a_line_and_one_that_is_ready_has_none() -> None:
    reasons = blockers(*booting("a"), *pool("b", [TRUE]), *booting("c"))
    assert [blocker.subject for blocker in reasons] == ["Machine/a-0", "Machine/c-0"], "each by what it waits for"
    assert all(blocker.is_progress for blocker in reasons), "both pass by themselves"


@pytest.mark.parametrize(("pool_with", "words"), [(failure, "no capacity in da"), (part_error, "plan not in metro")])
def test_an_error_of_one_pool_comes_before_the_machine_of_another_that_boots(pool_with: Any, words: str) -> None:
    objects, references = pool_with("z")
    reasons = blockers(*booting("a"), *objects, references=references)
    assert words in reasons[0].reason, f"the error first: {reasons}"
    assert not reasons[0].is_progress, "somebody has to act"
    assert [blocker.subject for blocker in reasons[1:]] == ["Machine/a-0"], "and then what only takes its time"
    assert reasons[0] == tree.first_blocker(tree.build(snapshot(*booting("a"), *objects, references=references))), (
        "the first is what a program asks for that wants one alone"
    )


def test_an_error_of_a_machine_comes_before_one_of_the_same_pool_that_boots() -> None:
    objects = pool("a", [BOOTS, condition(False, "Failed", "Error")], readyReplicas=0)
    del objects[2]["status"]["nodeRef"]
    device = objects_of.packet_machine(
        "a-1", ready=condition(False, "InstanceProvisionFailed", "Error", "plan not in metro")
    )
    objects[-1]["status"] = {"conditions": objects[-1]["status"]["conditions"], "bootstrapReady": True}
    reference = Reference.parse(objects_of.reference(device), "default")
    assert reference is not None, "a reference"
    (blocker,) = blockers(*objects, references={reference: device})
    assert "plan not in metro" in blocker.reason, f"one line for the pool, with its error: {blocker}"


def test_a_machine_that_is_deleted_does_not_hide_that_its_pool_gets_no_other() -> None:
    objects = pool("a", [TRUE], readyReplicas=0)
    objects[-1]["metadata"]["deletionTimestamp"] = objects_of.SINCE
    objects[0]["spec"]["replicas"] = objects[1]["spec"]["replicas"] = 2
    objects[1]["status"]["conditions"] = [
        condition(False, "CloningFailed", "Error", "no such template", "MachinesCreated")
    ]
    (blocker,) = blockers(*objects)
    assert "no such template" in blocker.reason, str(blocker)


def test_a_pool_that_is_missing_is_not_hidden_by_one_that_boots() -> None:
    request = Request("1.33.0", 2, {"a": PoolRequest("a", "", 1), "b": PoolRequest("b", "", 3)})
    reasons = blockers(*booting("a"), request=request)
    assert [blocker.subject for blocker in reasons] == ["MachineDeployment/b", "Machine/a-0"], (
        "what nobody will make first"
    )
    assert "pool b with 3 machines is asked for" in reasons[0].reason, reasons[0].reason


def test_a_list_that_was_not_read_is_not_hidden_by_a_machine_that_boots() -> None:
    reasons = blockers(*booting("a"), machine_pools=Failure("MachinePools", "Forbidden", "no"))
    assert [blocker.subject for blocker in reasons] == ["MachinePools", "Machine/a-0"], "what is not known may be worse"


def test_what_pools_wait_for_together_is_one_line() -> None:
    plane = objects_of.control_plane(ready=False)
    waiting = objects_of.cluster(ready=BOOTS, infrastructure=objects_of.packet_cluster(), plane=plane)
    reasons = blockers(*booting("a"), *booting("b"), cluster=waiting, control_plane=plane)
    assert [blocker.subject for blocker in reasons] == ["KamajiControlPlane/cp"], "the cause, not what follows from it"


def test_machines_without_a_pool_and_labelled_ones_each_have_their_own_line() -> None:
    lone = booting("lone")[-1]
    del lone["metadata"]["ownerReferences"]
    labelled = booting("b")[-1]
    del labelled["metadata"]["ownerReferences"]
    labelled["metadata"]["labels"]["cluster.x-k8s.io/deployment-name"] = "a"
    reasons = blockers(*booting("a"), lone, labelled)
    assert [blocker.subject for blocker in reasons] == ["Machine/a-0", "Machine/lone-0"], (
        "b-0 is of pool a by its label"
    )


def test_status_as_json_lists_all_and_keeps_the_first_where_programs_look_for_it() -> None:
    objects, references = failure("z")
    status = tree.build(snapshot(*booting("a"), *objects, references=references))
    reasons = documents.of_status({"c1": status})["c1"]
    json.dumps(reasons)
    assert [(entry["subject"], entry["progress"]) for entry in reasons["blockers"]] == [
        ("PacketMachine/z-0", False),
        ("Machine/a-0", True),
    ], "each with what it is"
    assert reasons["blockedBy"] == {key: reasons["blockers"][0][key] for key in ("subject", "reason", "action")}, (
        "the first"
    )
    assert documents.of_status({"c1": tree.build(snapshot())})["c1"]["blockers"] == [], (
        "of a cluster that is ready none"
    )


def wait(monkeypatch: pytest.MonkeyPatch, states: list[dict[str, tree.Tree]]) -> tuple[list[Event], list[Look], str]:
    """Wait for clusters that are in one state after the other; the events, the looks, and the error's text."""
    names = list(states[0])
    clusters = [{"cluster": {"name": name, "namespace": "default"}} for name in names]
    raw = configuration(workerPools=[])
    settings = load_stack({**{key: raw[key] for key in raw if key != "cluster"}, "clusters": clusters})
    events: list[Event] = []
    looks: list[Look] = []
    clock = iter(range(1000))
    looks_by_name: dict[str, int] = dict.fromkeys(names, 0)

    def describe(_api: object, _namespace: str, name: str, _request: object, *, thorough: bool) -> tree.Tree:
        state = states[min(looks_by_name[name], len(states) - 1)][name]
        looks_by_name[name] += 1
        return state

    monkeypatch.setattr(readiness.tree, "describe", describe)

    class Pause(Cancellation):
        def wait(self, seconds: float) -> bool:
            return False

    with pytest.raises(NotReady) as raised:
        readiness.await_ready(
            None,  # type: ignore[arg-type]
            settings,
            Translator("dev", events.append),
            12,
            Pause(),
            looks.append,
            clock=lambda: float(next(clock)),
        )
    return events, looks, str(raised.value)


def test_a_wait_reports_each_pool_once_and_its_error_names_all_of_all_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    objects, references = failure("z")
    begins = tree.build(snapshot(*booting("a")))
    goes_on = tree.build(snapshot(*booting("a"), *objects, references=references))
    other = tree.build(snapshot(*booting("other")))
    events, _, text = wait(monkeypatch, [{"c1": begins, "c2": other}, {"c1": goes_on, "c2": other}])
    waits = [event for event in events if isinstance(event, Waiting)]
    assert [(event.cluster, event.subject, event.is_progress) for event in waits] == [
        ("default/c1", "Machine/a-0", True),
        ("default/c2", "Machine/other-0", True),
        ("default/c1", "PacketMachine/z-0", False),
    ], "each once, when it begins"
    assert "default/c1: is blocked by PacketMachine/z-0" in str(waits[-1]), "an error is no wait"
    for part in (
        "Cluster default/c1 is not ready",
        "Blocked by PacketMachine/z-0",
        "Blocked by Machine/a-0",
        "Cluster default/c2 is not ready",
        "Blocked by Machine/other-0",
    ):
        assert part in text, f"{part!r} is missing in:\n{text}"
    assert text.index("PacketMachine/z-0") < text.index("Machine/a-0"), f"the error first:\n{text}"


def test_lines_and_the_live_view_show_what_each_pool_waits_for() -> None:
    objects, references = failure("z")
    status = tree.build(snapshot(*booting("a"), *objects, references=references))
    look = Look("default/c1", status, tree.all_blockers(status), 1.0, 900.0)
    events = [
        Waiting(stack="dev", cluster="default/c1", subject=entry.subject, reason=entry.reason, action=entry.action)
        for entry in look.blockers
    ]
    out = io.StringIO()
    with View("up", Console(file=out, force_terminal=True, width=200)) as view:
        view.look(look)
        for event in events:
            view(event)
    last = out.getvalue().rpartition("machines")[2]
    assert "PacketMachine/z-0: it failed" in out.getvalue(), "the error has a line"
    assert "Machine/a-0: its server runs" in last, f"and what boots has one below it:\n{out.getvalue()}"
    plain = io.StringIO()
    for event in events:
        Lines(plain)(event)
    assert len(plain.getvalue().splitlines()) == 2, f"a line for each pool:\n{plain.getvalue()}"
