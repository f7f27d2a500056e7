"""Secrets of settings in what others say: the engine knows those of its configuration alone."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kamaji_equinix.automation.engine.translator import Translator
from kamaji_equinix.automation.events import Event
from kamaji_equinix.automation.secret_filter import SHORTEST, SecretFilter
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.secret_texts import encodings
from pulumi.automation import DiagnosticEvent, EngineEvent
from pydantic import SecretStr

from tests.support.markers import layouts, leaves, marker, may_be_secret, with_value
from tests.support.metal3_settings import settings as metal3
from tests.support.settings_cases import configuration


def filter_of(text: str) -> SecretFilter:
    """Of an add-on with one secret."""
    values = {"deep": [{"word": SecretStr(text)}], "plain": "clear text"}
    chart = {"name": "a", "chart": "oci://r.example.org/c", "version": "1.2.3", "values": values}
    return SecretFilter(load_stack(configuration(addons=[chart])))


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=SHORTEST, max_size=40), st.text(max_size=10), st.text(max_size=10))
def test_a_secret_is_hidden_wherever_it_stands(text: str, before: str, after: str) -> None:
    secret = marker() + text
    hide = filter_of(secret)
    for output in (f"{before}{secret}{after}", json.dumps({before: secret}), f"{before}\n  {secret.strip()}\n{after}"):
        assert secret[:20] not in hide(output), f"{output!r} became {hide(output)!r}"
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    result = hide(f"data: {encoded} of {quote_plus(secret)}")
    assert not [form for form in encodings(secret.strip()) if form in result], f"{secret!r} became {result!r}"
    assert hide("clear text") == "clear text", "all else is said"


@pytest.mark.parametrize("layout", range(len(layouts())))
def test_each_secret_that_a_stack_may_hold_is_known(layout: int) -> None:
    raw: Any = layouts()[layout]
    places = [path for path, value in leaves(raw) if may_be_secret(path) and isinstance(value, str | SecretStr)]
    secrets = {path: marker() for path in places if not path.startswith("management")}
    for path, text in secrets.items():
        raw = with_value(raw, path, text)
    hide = SecretFilter(load_stack(raw, frozenset(secrets)))
    assert secrets, "there are places for secrets"
    for path, text in secrets.items():
        assert text not in hide(f"the API server says: {text}"), path


def test_the_password_of_a_bmc_is_known() -> None:
    assert "a-very-secret-word" not in SecretFilter(load_stack(metal3(hosts=1)))("admin:a-very-secret-word@bmc")


def test_events_and_errors_hold_no_secret() -> None:
    secret, events = marker(), list[Event]()
    translate = Translator("a", events.append, filter_of(secret))
    for severity in ("info", "warning", "error"):
        diagnostic = DiagnosticEvent(f"this is too short: {secret}\nand more", "", severity)
        translate(EngineEvent(sequence=1, timestamp=1, diagnostic_event=diagnostic))
    assert len(events) >= 3, "each is passed on"
    assert secret not in repr(events) + repr(translate.errors), "without the secret"
    assert "this is too short: [secret]" in repr(translate.errors), "and with all else"


def test_without_secrets_nothing_is_touched() -> None:
    assert SecretFilter()("any text") == SecretFilter(load_stack(configuration()))("any text") == "any text"
    assert SecretFilter().output(None) is None, "who does not listen does not"
