"""The comparison of stored and wanted properties: for any values, it raises nothing and drops no change."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.components.endpoint import EndpointProvider
from kamaji_equinix.components.handoff.order import Endpoint, Outcome
from kamaji_equinix.components.handoff.state import (
    IDENTITY,
    INPUTS,
    SCHEMA,
    complete,
    has_new_control_plane,
    is_equal,
    is_unknown,
    order_of,
    outputs_of,
)
from pulumi.runtime.rpc import UNKNOWN

Json = dict[str, Any]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.just(UNKNOWN),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
STATE_KEYS = ("endpoint", "live", "ready", "schema", "handedOff", "setBy", "host", "port", "__provider", "kubeconfig")
ANYTHING = st.dictionaries(st.sampled_from([*INPUTS, *STATE_KEYS]), VALUES)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=10)
DECLARATION = st.fixed_dictionaries(
    {
        "namespace": NAMES,
        "cluster": NAMES,
        "clusterUid": st.none() | st.uuids().map(str),
        "controlPlane": NAMES,
        "infrastructure": st.fixed_dictionaries(dict.fromkeys(("apiVersion", "kind", "plural", "name"), NAMES)),
        "enabled": st.booleans(),
        "timeoutSeconds": st.integers(1, 7200),
        "path": NAMES.map(lambda name: f"/{name}"),
        "verify": st.sampled_from(["ca", "none"]),
        "force": st.booleans(),
        "contract": st.sampled_from(["v1beta1", "v1beta2"]),
        "linking": st.sampled_from(["patch", "verify"]),
    }
)
PORTS = st.integers(1, 65535)
HOSTS = st.one_of(NAMES, st.ip_addresses().map(str))


def state_of(inputs: Json, host: str, port: int) -> Json:
    """What the state gives back of a hand-off that came about."""
    at = Endpoint(host, port)
    outcome = Outcome(at, at, True, "pulumi", "uid", "ns/c1-kubeconfig")
    outputs = {**inputs, **outputs_of(outcome, "https://api"), "handedOff": str(at)}
    state: Json = json.loads(json.dumps(outputs), parse_int=float)
    return state


@given(ANYTHING, ANYTHING)
def test_diff_and_check_raise_nothing_and_change_nothing_for_any_values(olds: Json, news: Json) -> None:
    before = copy.deepcopy((olds, news))
    diff = EndpointProvider().diff("id", olds, news)
    EndpointProvider().check(olds, news)
    assert isinstance(diff.changes, bool), "the engine takes nothing else"
    assert set(diff.replaces or ()) <= set(IDENTITY), "only another identity is a replacement"
    assert diff.changes or not diff.replaces, "a replacement is a change"
    assert (olds, news) == before, "the engine's values are its own"


@given(DECLARATION, HOSTS, PORTS)
def test_equal_inputs_after_a_hand_off_are_no_change(inputs: Json, host: str, port: int) -> None:
    diff = EndpointProvider().diff("id", state_of(inputs, host, port), inputs)
    assert not diff.changes, "numbers come back from the state as floats, which is no change"
    assert not diff.replaces, "and nothing is replaced"


@given(DECLARATION, DECLARATION, HOSTS, PORTS)
def test_no_change_of_an_input_is_dropped(inputs: Json, other: Json, host: str, port: int) -> None:
    olds = state_of(inputs, host, port)
    for key in INPUTS:
        diff = EndpointProvider().diff("id", olds, {**inputs, key: other[key]})
        assert diff.changes == (inputs[key] != other[key]), f"{key} from {inputs[key]!r} to {other[key]!r}"
        assert bool(diff.replaces) == (key in IDENTITY and inputs[key] != other[key]), f"replacement for {key}"


@given(DECLARATION, st.sampled_from(INPUTS))
def test_an_unknown_input_is_a_change(inputs: Json, key: str) -> None:
    olds = state_of(inputs, "192.0.2.1", 6443)
    assert EndpointProvider().diff("id", olds, {**inputs, key: UNKNOWN}).changes, f"{key} may be another one"


@given(DECLARATION, st.sampled_from(("namespace", "name", "kind")))
def test_an_unknown_part_of_the_infrastructures_reference_is_a_change(inputs: Json, part: str) -> None:
    olds = state_of(inputs, "192.0.2.1", 6443)
    news = {**inputs, "infrastructure": {**inputs["infrastructure"], part: UNKNOWN}}
    assert EndpointProvider().diff("id", olds, news).changes, "an unknown part makes the whole unknown"


@given(DECLARATION, st.sampled_from(["endpoint", "live", "ready", "schema"]))
def test_a_state_that_lacks_what_a_hand_off_leaves_is_a_change(inputs: Json, key: str) -> None:
    olds = state_of({**inputs, "enabled": True}, "192.0.2.1", 6443)
    for missing in ({name: value for name, value in olds.items() if name != key}, {**olds, key: None}):
        assert EndpointProvider().diff("id", missing, {**inputs, "enabled": True}).changes, f"{key} is missing"


@given(DECLARATION, st.integers(-5, 50))
def test_a_state_of_another_schema_is_a_change_and_no_replacement(inputs: Json, schema: int) -> None:
    diff = EndpointProvider().diff("id", {**state_of(inputs, "h", 1), "schema": float(schema)}, inputs)
    assert diff.changes == (schema != SCHEMA), "another schema is brought up to date"
    assert not diff.replaces, "in place"


def test_credentials_are_no_change() -> None:
    inputs = dict.fromkeys(INPUTS)
    olds = state_of(inputs, "h", 1)
    with_credentials = {**inputs, "kubeconfig": "apiVersion: v1"}
    assert not EndpointProvider().diff("id", olds, with_credentials).changes, "they are used, not compared"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"timeoutSeconds": 0}, "timeoutSeconds"),
        ({"timeoutSeconds": -1.5}, "timeoutSeconds"),
        ({"path": "x"}, "path"),
        ({"verify": "no"}, "verify"),
        ({"contract": "v1beta3"}, "contract"),
        ({"path": "/readyz\r\nHost: elsewhere"}, "path"),
    ],
)
def test_inputs_that_cannot_work_are_refused_by_name(change: Json, key: str) -> None:
    failures = EndpointProvider().check({}, change).failures
    assert [failure.property for failure in failures] == [key], f"{change} must be refused"


@given(ANYTHING)
def test_what_is_called_complete_makes_an_order(props: Json) -> None:
    if complete(props):
        order_of(props)


@given(VALUES, VALUES)
def test_sameness_is_equality_of_what_is_known(value: Any, other: Any) -> None:
    assert is_equal(value, other) == is_equal(other, value), "it goes both ways"
    assert is_equal(value, value) != is_unknown(value), "what is known is the same as itself, what is not is not"


VERSIONS = st.sampled_from(["1.31.9", "1.32.2", "1.33.0", "1.34.0-rc.1"])


@given(DECLARATION, HOSTS, PORTS, VERSIONS, VERSIONS, st.none() | VERSIONS)
def test_another_version_is_waited_for_once(
    inputs: Json, host: str, port: int, before: str, after: str, running: str | None
) -> None:
    olds = state_of({**inputs, "version": before}, host, port)
    news = {**inputs, "version": after, "runningVersion": running}
    diff = EndpointProvider().diff("id", olds, news)
    assert diff.changes == (before != after), "the version that the last hand-off has seen run counts, and nothing else"
    assert not diff.replaces, "it is the same hand-off"


@given(DECLARATION, HOSTS, PORTS, VERSIONS, VERSIONS)
def test_a_state_without_a_version_has_nothing_to_do_until_there_is_an_upgrade(
    inputs: Json, host: str, port: int, running: str, after: str
) -> None:
    olds = state_of(inputs, host, port)
    for before in (None, after):
        news = {**inputs, "version": after, "runningVersion": before}
        assert not EndpointProvider().diff("id", olds, news).changes, "an earlier version of the program stored it"
    diff = EndpointProvider().diff("id", olds, {**inputs, "version": after, "runningVersion": running})
    assert diff.changes == (running != after), "the first upgrade is waited for, too"


def test_a_control_plane_that_was_made_anew_is_handed_off_anew() -> None:
    olds = state_of({"namespace": "ns", "cluster": "c1", "controlPlaneUid": "one"}, "10.0.0.1", 6443)
    olds |= {"controlPlaneUid": "one"}
    news = {**olds, "controlPlaneUid": "other"}
    for key in ("version", "runningVersion"):
        news.pop(key, None)
    assert not has_new_control_plane(olds, {**news, "controlPlaneUid": "one"}), "the same one has answered"
    assert has_new_control_plane(olds, news), "another one has yet to"
    assert has_new_control_plane(olds, {**news, "controlPlaneUid": UNKNOWN}), "so has one that the run makes"
    earlier = {key: value for key, value in olds.items() if key != "controlPlaneUid"}
    assert not has_new_control_plane(earlier, news), "an earlier version did not store which it was"
