"""Values of no fixed shape: what would not arrive as it is meant is refused with its place, and all else is taken."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kamaji_equinix.components import render
from kamaji_equinix.components.settings.free_values import LARGEST_WHOLE
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError
from kamaji_equinix.components.settings.secret_texts import secret_texts
from pydantic import SecretStr

from tests.support.markers import marker
from tests.support.settings_cases import configuration

OBJECT: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


def with_values(value: Any) -> dict[str, Any]:
    return configuration(addons=[{"name": "a", "chart": "oci://r.example.org/c", "version": "1.2.3", "values": value}])


def with_objects(*objects: dict[str, Any]) -> dict[str, Any]:
    return configuration(addons=[{"name": "a", "objects": list(objects)}])


def report(raw: Any) -> str:
    """What is said against a configuration; empty where nothing is."""
    try:
        load_stack(raw)
    except SettingsError as error:
        return str(error)
    return ""


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.integers(-LARGEST_WHOLE, LARGEST_WHOLE)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
STRANGE = st.sampled_from(
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        LARGEST_WHOLE + 1,
        -(10**5000),
        b"x",
        {1},
        datetime.date(2024, 1, 1),
        datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc),
        object(),
        print,
        1j,
        range(3),
        "\ud800",
        "a\udfffb",
    ]
)


@settings(max_examples=100, deadline=None)
@given(PLAIN, st.sampled_from(["values", "network", "objects"]))
def test_what_json_knows_is_taken_and_can_be_rendered(value: Any, place: str) -> None:
    raw = {
        "values": with_values({"a": value}),
        "network": configuration(network={"plugin": "cilium", "values": {"a": value}}),
        "objects": with_objects({**OBJECT, "data": value}),
    }[place]
    stack = load_stack(raw)
    assert render.render(stack), "it can be written"
    values = stack.clusters[0].addons[0].values if place == "values" else None
    assert values is None or values == {"a": value}, "as it was"


@settings(max_examples=100, deadline=None)
@given(STRANGE, st.lists(st.sampled_from(["a", "b.c", 0, 1]), max_size=4))
def test_what_the_engine_would_lose_is_refused_with_its_place(value: Any, way: list[str | int]) -> None:
    inner = value
    for step in reversed(way):
        inner = {step: inner} if isinstance(step, str) else [*([1] * step), inner]
    for raw in (
        with_values({"k": inner}),
        configuration(network={"plugin": "cilium", "values": {"k": inner}}),
        with_objects({**OBJECT, "data": {"k": inner}}),
    ):
        message = report(raw)
        assert "k" in message, f"{value!r} is refused: {message}"
        assert len(message) < 2000, "in some words"


@pytest.mark.parametrize(
    "number", [10**5000, 2**70, float("nan"), "\ud800", "x\udc80"], ids=["huge", "large", "nan", "half", "byte"]
)
@pytest.mark.parametrize(
    "place", ["cluster.name", "cluster.podCidrs", "workerPools", "controlPlane.replicas", "cluster.labels", "metal"]
)
def test_no_value_that_python_can_not_write_ends_in_a_traceback(place: str, number: Any) -> None:
    section, _, key = place.partition(".")
    message = report(configuration(**{section: {key: number} if key else number}))
    assert section in message, f"it is refused by name: {message}"
    message.encode()


@pytest.mark.parametrize(
    ("change", "path", "rule"),
    [
        ({"apiVersion": "V1"}, "apiVersion", "must be an apiVersion"),
        ({"apiVersion": "a/b/c"}, "apiVersion", "must be an apiVersion"),
        ({"kind": "config map"}, "kind", "must be a kind"),
        ({"metadata": {"name": "a/b"}}, "metadata.name", "must be at most 253 characters"),
        ({"metadata": {"name": 1}}, "", "is no Kubernetes object: it has no metadata.name"),
        ({"metadata": {"name": "a", "namespace": "A"}}, "metadata.namespace", "must be at most 63 lower-case"),
        ({"metadata": {"name": "a", "namespace": 1}}, "metadata.namespace", "must be text"),
        ({"metadata": {"name": "a", "namespace": SecretStr("b")}}, "metadata.namespace", "is stored as a secret, but"),
        ({"metadata": {"name": "a", "labels": ["b"]}}, "metadata.labels", "must be a map of text"),
        ({"metadata": {"name": "a", "labels": {"b": 1}}}, "metadata.labels.b", "must be text; put it in quotes"),
        ({"metadata": {"name": "a", "labels": {"b": "c d"}}}, "metadata.labels.b", "must be a label value"),
        ({"metadata": {"name": "a", "annotations": {"b": True}}}, "metadata.annotations.b", "must be text"),
        ({"metadata": {"name": "a", "annotations": {"-": "x"}}}, "metadata.annotations.-", "must be a label key"),
    ],
)
def test_an_object_that_no_api_server_takes_is_refused(change: dict[str, Any], path: str, rule: str) -> None:
    message = report(with_objects({**OBJECT, **change}))
    place = f"addons[0].objects[0]{f'.{path}' if path else ''}"
    assert place in message, message
    assert rule in message, message


def test_objects_are_given_once() -> None:
    assert "is the same object as addons[0].objects[0]: ConfigMap a" in report(with_objects(OBJECT, OBJECT))
    other = {**OBJECT, "metadata": {"name": "a", "namespace": "other"}}
    assert report(with_objects(OBJECT, other, {**OBJECT, "kind": "Secret"})) == "", "others have another place or kind"


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=40), st.text(max_size=9), st.text(max_size=9))
def test_a_secret_is_known_in_each_form_that_a_chart_writes(ends: str, before: str, after: str) -> None:
    text = marker() + ends.encode("utf-8", "replace").decode()
    forms = set(secret_texts({"a": [SecretStr(text)]}))
    whole = f"{before}{text}{after}".encode("utf-8", "replace")
    for output in (whole.decode(), json.dumps(whole.decode()), base64.b64encode(whole).decode()):
        assert any(form in output for form in forms), f"{text!r} in {output!r}"
