"""What is said of a refresh: it compares, and does nothing to an object."""

from __future__ import annotations

import io

from kamaji_equinix.automation.cli.lines import Lines
from kamaji_equinix.automation.cli.operations import summary
from kamaji_equinix.automation.engine.translator import Translator
from kamaji_equinix.automation.events import Event, ResourceChanged
from kamaji_equinix.automation.results import Result
from pulumi.automation.events import (
    EngineEvent,
    OpType,
    ResourcePreEvent,
    ResOutputsEvent,
    StepEventMetadata,
    StepEventStateMetadata,
)

TYPE = "kubernetes:metal3.io/v1alpha1:BareMetalHost"
HOST = "urn:pulumi:s::p::kubernetes:metal3.io/v1alpha1:BareMetalHost::host-0"


def step(operation: str, *, is_end: bool) -> EngineEvent:
    """A step of the engine on a host, at its beginning or its end."""
    inputs = {"kind": "BareMetalHost", "metadata": {"name": "host-0", "namespace": "default"}}
    state = StepEventStateMetadata(
        type=TYPE, urn=HOST, id="default/host-0", parent="", provider="", inputs=inputs, outputs={}
    )
    metadata = StepEventMetadata(op=OpType(operation), urn=HOST, type=TYPE, provider="", old=state)
    if is_end:
        return EngineEvent(sequence=1, timestamp=1, res_outputs_event=ResOutputsEvent(metadata))
    return EngineEvent(sequence=1, timestamp=1, resource_pre_event=ResourcePreEvent(metadata))


def changes_of(*steps: EngineEvent) -> list[ResourceChanged]:
    events: list[Event] = []
    translate = Translator("s", events.append)
    for item in steps:
        translate(item)
    return [event for event in events if isinstance(event, ResourceChanged)]


def test_an_object_that_a_refresh_misses_is_not_reported_as_deleted() -> None:
    (event,) = changes_of(step("refresh", is_end=False), step("delete", is_end=True))
    assert (event.operation, event.state) == ("refresh", "done"), "the engine calls it a deletion"
    out = io.StringIO()
    Lines(out)(event)
    assert out.getvalue() == "BareMetalHost/host-0: refresh done\n", "and this is its line"


def test_a_deletion_after_a_refresh_is_one() -> None:
    for result in ("same", "refresh", "update"):
        events = changes_of(
            step("refresh", is_end=False),
            step(result, is_end=True),
            step("delete", is_end=False),
            step("delete", is_end=True),
        )
        pairs = [(event.operation, event.state) for event in events]
        assert pairs[-2:] == [("delete", "started"), ("delete", "done")], f"after {result}: {pairs}"


def test_the_summary_of_a_refresh_calls_what_is_gone_gone() -> None:
    changes = {"delete": 1, "update": 2, "same": 3}
    assert summary(Result("refresh", "s", changes, 2.0)) == "refresh took 2 s: 1 gone, 3 unchanged, 2 changed"
    assert summary(Result("up", "s", changes, 2.0)) == "up took 2 s: 1 deleted, 3 unchanged, 2 updated"
