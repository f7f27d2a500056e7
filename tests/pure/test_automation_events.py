"""From what the engine says to typed events, results and errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.automation import results
from kamaji_equinix.automation.engine import failures
from kamaji_equinix.automation.engine.translator import Translator
from kamaji_equinix.automation.errors import ConfigurationError, EngineFailed, HandoffFailed, Locked, PreflightFailed
from kamaji_equinix.automation.events import AddOnProgress, Event, HandoffProgress, Message, ResourceChanged
from kamaji_equinix.components.capi.manifest import CLUSTER_LABEL
from kamaji_equinix.components.handoff.errors import HandoffError
from pulumi import automation
from pulumi.automation.events import (
    DiagnosticEvent,
    EngineEvent,
    OpType,
    ResOpFailedEvent,
    ResourcePreEvent,
    ResOutputsEvent,
    StepEventMetadata,
    StepEventStateMetadata,
)

MACHINES = "kubernetes:cluster.x-k8s.io/v1beta1:MachineDeployment"
URN = f"urn:pulumi:dev::p::kamaji-equinix:index:TenantCluster${MACHINES}::c1-a"
LABELLED = {"metadata": {"name": "c1-a", "namespace": "tenants", "labels": {CLUSTER_LABEL: "c1"}}}


ADD_ON = "urn:pulumi:dev::p::kamaji-equinix:index:TenantCluster$kamaji-equinix:index:AddOn::c1-network"
CHART = "urn:pulumi:dev::p::kamaji-equinix:index:AddOn$kubernetes:helm.sh/v4:Chart::c1-network"
OBJECT = f"{CHART}:kube-system/agent"
PARENTS = {ADD_ON: "", CHART: ADD_ON, OBJECT: CHART}
TYPES = {
    ADD_ON: "kamaji-equinix:index:AddOn",
    CHART: "kubernetes:helm.sh/v4:Chart",
    OBJECT: "kubernetes:apps/v1:DaemonSet",
}


def of_addon(urn: str, operation: OpType) -> StepEventMetadata:
    """A step of an add-on, its chart, or an object of it."""
    inputs = {"addon": "network", "cluster": "tenants/c1"} if urn == ADD_ON else {"metadata": {"name": "agent"}}
    new = StepEventStateMetadata(
        type=TYPES[urn], urn=urn, id="", parent=PARENTS[urn], provider="", inputs=inputs, outputs={}
    )
    return StepEventMetadata(op=operation, urn=urn, type=TYPES[urn], provider="", new=new)


def begin(urn: str, operation: OpType) -> EngineEvent:
    return EngineEvent(sequence=1, timestamp=1, resource_pre_event=ResourcePreEvent(of_addon(urn, operation)))


def end(urn: str, operation: OpType) -> EngineEvent:
    return EngineEvent(sequence=1, timestamp=1, res_outputs_event=ResOutputsEvent(of_addon(urn, operation)))


def of_addons(*events: EngineEvent) -> list[str]:
    """What is told of add-ons."""
    messages: list[Event] = []
    translate = Translator("dev", messages.append)
    for event in events:
        translate(event)
    return [str(event) for event in messages if isinstance(event, AddOnProgress)]


def test_an_add_on_is_told_from_its_first_object_to_its_last() -> None:
    create, same = OpType.CREATE, OpType.SAME
    way = [(begin, ADD_ON), (begin, CHART), (begin, OBJECT), (end, OBJECT), (end, CHART), (end, ADD_ON)]
    assert of_addons(*(function(urn, create) for function, urn in way)) == [
        "tenants/c1: add-on network is being installed",
        "tenants/c1: add-on network is installed",
    ], "once each"
    assert of_addons(*(function(urn, same) for function, urn in way)) == [], "nothing where nothing changes"


def test_an_add_on_that_fails_is_told_with_what_failed() -> None:
    failure = EngineEvent(
        sequence=1, timestamp=1, res_op_failed_event=ResOpFailedEvent(of_addon(OBJECT, OpType.CREATE), 1, 1)
    )
    way = [begin(ADD_ON, OpType.CREATE), begin(CHART, OpType.CREATE), begin(OBJECT, OpType.CREATE), failure]
    assert of_addons(*way)[-1] == "tenants/c1: add-on network failed: DaemonSet c1-network:kube-system/agent", "by name"


def test_an_add_on_whose_cluster_does_not_answer_is_told_by_its_name() -> None:
    text = "kubernetes:helm.sh/v4:Chart resource 'c1-network' has a problem: the cluster is unreachable: refused"
    event = EngineEvent(
        sequence=1, timestamp=1, diagnostic_event=DiagnosticEvent(message=text, color="never", severity="error")
    )
    translate = Translator("dev", None)
    for engine_event in (begin(ADD_ON, OpType.SAME), event):
        translate(engine_event)
    assert translate.errors == [("tenants/c1", text)], "the error is about that cluster"
    assert of_addons(begin(ADD_ON, OpType.SAME), event) == [
        "tenants/c1: add-on network failed: the cluster is unreachable: refused"
    ], "with the reason"


def translation(*engine_events: EngineEvent) -> tuple[list[Event], Translator]:
    events: list[Event] = []
    translate = Translator("dev", events.append)
    for event in engine_events:
        translate(event)
    return events, translate


def diagnostic(text: str, severity: str = "info#err", urn: str | None = None) -> EngineEvent:
    event = DiagnosticEvent(message=text, color="never", severity=severity, urn=urn)
    return EngineEvent(sequence=1, timestamp=1, diagnostic_event=event)


def resource(inputs: dict[str, Any], operation: OpType = OpType.CREATE, type_: str = MACHINES) -> EngineEvent:
    return EngineEvent.from_json(
        {"sequence": 1, "timestamp": 1, "resourcePreEvent": {"metadata": as_json(inputs, operation, type_)}}
    )


def as_json(inputs: dict[str, Any], operation: OpType, type_: str) -> dict[str, Any]:
    state = {"type": type_, "urn": URN, "id": "", "parent": "", "provider": "", "inputs": inputs, "outputs": {}}
    return {"op": operation.value, "urn": URN, "type": type_, "provider": "", "old": None, "new": state}


def test_a_resource_is_named_by_its_object_and_its_cluster() -> None:
    (event,), _ = translation(resource(LABELLED))
    assert isinstance(event, ResourceChanged), "a change of a resource"
    fields = (event.cluster, event.kind, event.name, event.operation, event.state)
    assert fields == ("tenants/c1", "MachineDeployment", "c1-a", "create", "started"), "as people call it"


@pytest.mark.parametrize("operation", [OpType.SAME, OpType.READ])
def test_what_changes_nothing_is_no_event(operation: OpType) -> None:
    assert translation(resource(LABELLED, operation))[0] == [], "a view would drown in it"


@pytest.mark.parametrize(
    "type_", ["pulumi:pulumi:Stack", "pulumi:providers:kubernetes", "kamaji-equinix:index:WorkerPool"]
)
def test_components_and_providers_are_no_objects(type_: str) -> None:
    assert translation(resource(LABELLED, type_=type_))[0] == [], "nothing of theirs is created anywhere"


def test_a_line_of_the_hand_off_tells_phase_and_time() -> None:
    (event,), _ = translation(diagnostic("default/c1: dial: 192.0.2.1:6443: refused (3 of 900 s)\n\n"))
    assert isinstance(event, HandoffProgress), "not just a message"
    assert (event.cluster, event.phase, event.elapsed, event.limit) == ("default/c1", "dial", 3.0, 900.0), str(event)
    assert event.text == "192.0.2.1:6443: refused", "without what has a field of its own"
    assert event.as_dict()["event"] == "HandoffProgress", "a JSON log tells its type"


def test_other_lines_are_messages_without_colours() -> None:
    (event,), _ = translation(diagnostic("\x1b[31mdefault/c1: the endpoint stays\x1b[0m"))
    assert isinstance(event, Message), str(event)
    assert event.text == "default/c1: the endpoint stays", "a log shows no control characters"


def test_an_error_is_told_once_though_an_inline_program_fails_twice() -> None:
    events, translate = translation(
        diagnostic("wrong", "error"), diagnostic("an unhandled error occurred: wrong", "error")
    )
    assert len(events) == 1, f"the same words: {events}"
    assert translate.errors == [("", "wrong")], "one error for the report"


def test_a_program_that_the_engine_has_given_up_adds_no_traceback_to_what_failed() -> None:
    trace = (
        'Program failed with an unhandled exception:\nTraceback (most recent call last):\n  File "a.py", line 1, in a\n'
        "Exception: resource monitor shut down"
    )
    events, translate = translation(diagnostic("wrong", "error"), diagnostic(trace, "error"))
    assert [event.text for event in events] == ["wrong"], f"a mistake in a chart is none of the program's: {events}"
    assert translate.errors == [("", "wrong")], "nor in the report"


def test_debug_lines_are_dropped() -> None:
    assert translation(diagnostic("registering resource: props=secret", "debug"))[0] == [], "they show inputs"


@given(st.text(), st.sampled_from(["info", "info#err", "warning", "error", "debug"]))
def test_no_line_of_the_engine_breaks_the_translation(text: str, severity: str) -> None:
    for event in translation(diagnostic(text, severity))[0]:
        assert str(event), "each event can be shown"


def failure_of(*errors: tuple[str, str], output: str = "code: 255") -> Exception:
    cause = automation.CommandError(automation.CommandResult(stdout="", stderr=output, code=255))
    return failures.failure("up", "dev", errors, cause, str(cause))


def test_a_failed_hand_off_keeps_all_that_it_said() -> None:
    cause = HandoffError(
        "tls", "192.0.2.1:6443", expectation="a", observation="expired\non Monday", elapsed=12, advice="renew it"
    )
    error = failure_of(("default/c1", f"Exception calling application: {cause}"), ("", "update failed"))
    assert isinstance(error, HandoffFailed), f"its kind: {error!r}"
    fields = (error.cluster, error.phase, error.seen, error.elapsed, error.advice)
    assert fields == ("default/c1", "tls", "expired on Monday", 12.0, "renew it"), "no parsing is left to the caller"
    assert "code: 255" in error.output, "the original output is attached"


@given(st.text(), st.text(), st.text(), st.text())
def test_any_hand_off_error_can_be_read_back(subject: str, expected: str, observation: str, advice: str) -> None:
    error = HandoffError(
        "dial", "x" + "".join(subject.split()), expectation=expected, observation=observation, elapsed=3, advice=advice
    )
    copy = HandoffError.parse(f"noise\n{error}\nmore")
    assert copy is not None, f"not found in:\n{error}"
    fields = (copy.phase, copy.subject, copy.expectation, copy.observation, copy.advice)
    assert fields == ("dial", error.subject, error.expectation, error.observation, error.advice), "field by field"


def test_a_report_of_wrong_settings_is_a_configuration_error_with_each_mistake() -> None:
    report = "the stack's configuration has 2 mistakes; nothing was created or changed:\n  - a: one\n  - b: two"
    error = failure_of(("", report))
    assert isinstance(error, ConfigurationError), f"its kind: {error!r}"
    assert error.problems == ("a: one", "b: two"), "each by itself"


def test_a_report_of_the_preflight_is_its_own_kind() -> None:
    report = "management cluster https://m:6443:\n- it lacks kamajicontrolplanes\nnothing was created or changed"
    error = failure_of(("", report))
    assert isinstance(error, PreflightFailed), f"its kind: {error!r}"
    assert error.seen == "- it lacks kamajicontrolplanes", "what was seen first"


def test_anything_else_is_the_engines_failure_with_its_messages() -> None:
    error = failure_of(("default/c1", "the API server refused it"), ("", "update failed"))
    assert isinstance(error, EngineFailed), f"its kind: {error!r}"
    assert error.messages == ("the API server refused it", "update failed"), "all of them"
    assert error.cluster == "default/c1", "the cluster is told where the engine knows it"


def test_a_failure_without_a_message_shows_the_end_of_the_output() -> None:
    assert "code: 255" in str(failure_of()), "never an empty error"


def test_a_lock_names_its_holder() -> None:
    output = (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock "
        "file with `pulumi cancel`.\n  file:///s/.pulumi/locks/organization/p/dev/1.json: created by ann@build-7 (pid 12) "
        "at 2026-01-02T03:04:05Z"
    )
    cause = automation.ConcurrentUpdateError(automation.CommandResult(stdout="", stderr=output, code=255))
    error = failures.failure("up", "dev", [], cause, str(cause))
    assert isinstance(error, Locked), f"its kind: {error!r}"
    assert error.holders, "who holds it"
    assert "ann@build-7" in error.holders[0], "by user and host"


OUTPUTS = {
    "clusterName": "c1",
    "namespace": "default",
    "controlPlaneEndpoint": "192.0.2.1:6443",
    "endpointSetBy": "pulumi",
    "kubeconfig": "apiVersion: v1\nusers: [{token: very-secret}]",
    "workerPools": {"a": "c1-a"},
}


def outputs(values: dict[str, Any]) -> automation.OutputMap:
    return {key: automation.OutputValue(value, secret=key == "kubeconfig") for key, value in values.items()}


def test_a_kubeconfig_does_not_print_itself() -> None:
    cluster = results.clusters_of(outputs(OUTPUTS))["c1"]
    result = results.Result("up", "dev", {"create": 14}, 1.0, {"c1": cluster})
    for text in (repr(cluster), str(result), str(result.as_dict()), f"{cluster.kubeconfig}"):
        assert "very-secret" not in text, "a log would keep it"
    assert "very-secret" in cluster.kubeconfig.get_secret_value(), "but who asks for it gets it"


def test_one_and_several_clusters_come_out_alike() -> None:
    single = results.clusters_of(outputs(OUTPUTS))
    several = results.clusters_of(outputs({"clusters": {"c1": OUTPUTS}}))
    assert single == several, "the stack's outputs have two shapes, the result has one"
    assert results.clusters_of({}) == {}, "a stack that never came up has none"


def test_a_result_tells_whether_anything_changed() -> None:
    assert not results.Result("up", "dev", {"same": 14, "read": 1}, 1.0).changed, "all the same"
    assert results.Result("up", "dev", {"same": 13, "update": 1}, 1.0).changed, "one was not"
