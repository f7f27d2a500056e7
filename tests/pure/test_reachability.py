"""One attempt at a control plane, against endpoints of loopback that misbehave; and for any host, port and path."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kamaji_equinix.components.handoff.reachability import (
    CLOSED_PAUSE,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Answer,
    Target,
    attempt,
    pause,
)

from tests.support.tls_endpoint import TRAP, TenantAuthority, endpoint


@pytest.fixture(scope="module")
def authority() -> TenantAuthority:
    return TenantAuthority()


@pytest.mark.parametrize(
    ("mode", "stage", "words"),
    [
        ("refused", "dial", "refuses connections"),
        ("dropped", "dial", "no answer within 3 s"),
        ("silent", "tls", "silent for 3 s"),
        ("cut", "tls", "TLS handshake"),
        ("plain", "tls", "plain HTTP"),
        ("wrong authority", "tls", "the tenant's authority did not sign it"),
        ("expired", "tls", "certificate has expired (not valid after"),
        ("wrong name", "tls", "(it is for api.example.com, 192.0.2.9)"),
        ("500", "ready", "answers 500"),
        ("401", "ready", "answers 401"),
        ("403", "ready", "answers 403"),
        ("redirect", "ready", "redirects to https://login.example/"),
        ("no answer", "ready", "did not answer it within 3 s"),
        ("trickle", "ready", "did not answer it within 3 s"),
        ("closes", "ready", "closed the connection without an answer to /readyz"),
        ("not HTTP", "ready", "with something else than HTTP"),
    ],
)
def test_each_fault_is_told_from_the_others_in_bounded_time(
    authority: TenantAuthority, mode: str, stage: str, words: str
) -> None:
    with endpoint(authority, mode) as server:
        start = time.monotonic()
        answer = attempt(Target(server.host, server.port, authority.pem), 3.0)
        seconds = time.monotonic() - start
    assert not answer.ok, f"{mode} is no good answer"
    assert (answer.stage, words in answer.text) == (stage, True), f"{mode}: {answer}"
    assert answer.is_refusal == (mode in ("401", "403")), "only an API server that serves refuses strangers"
    assert TRAP not in answer.text or mode == "trap", f"a stranger's answer is not repeated: {answer.text}"
    assert seconds < 9, f"an attempt of 3 s took {seconds:.1f} s"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_good_answer_is_good(authority: TenantAuthority, host: str) -> None:
    with endpoint(authority, host=host) as good:
        answer = attempt(Target(host, good.port, authority.pem, "/healthz"))
        assert answer.ok, f"{host}: {answer}"
        assert good.requests == ["GET /healthz HTTP/1.1"], "one question, for the path that was asked for"


def test_a_name_is_resolved_and_all_of_its_addresses_are_tried(authority: TenantAuthority) -> None:
    with endpoint(authority, host="127.0.0.1") as good:
        assert attempt(Target("localhost", good.port, authority.pem)).ok, "localhost may be ::1 first"


def test_a_name_that_does_not_exist_is_named_as_such(authority: TenantAuthority) -> None:
    answer = attempt(Target("nothing.invalid", 6443, authority.pem), 2.0)
    assert answer.stage == "dial", "it could not be dialled"
    assert "the name can't be resolved" in answer.text, f"not a matter of the port: {answer.text}"


def test_without_an_authority_any_certificate_is_accepted(authority: TenantAuthority) -> None:
    with endpoint(authority, "wrong authority") as strange:
        assert attempt(Target(strange.host, strange.port, None)).ok, "that is what no verification means"


def test_a_large_answer_is_cut_off(authority: TenantAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.support import tls_endpoint

    monkeypatch.setitem(tls_endpoint.REPLIES, "500", tls_endpoint.reply(500, "Error", "x" * 200_000))
    with endpoint(authority, "500") as talkative:
        answer = attempt(Target(talkative.host, talkative.port, authority.pem), 2.0)
    assert "answers 500" in answer.text, f"the status is told: {answer.text[:200]}"
    assert len(answer.text) < 300, "and not all that came with it"


@settings(max_examples=60, deadline=None)
@given(host=st.text(max_size=80), port=st.integers(-70000, 70000))
def test_no_host_and_port_raises(host: str, port: int) -> None:
    # A name under .invalid never exists, so nothing outside is asked for.
    answer = attempt(Target(f"{host}.invalid", port, None), 0.2)
    assert (answer.stage, answer.ok) == ("dial", False), f"{host!r}: {answer}"
    assert answer.text, "and the reason is told"


def test_pauses_start_fast_grow_and_are_bounded() -> None:
    pauses = [pause(attempts, Answer("ready", False, "")) for attempts in (*range(40), 10**6)]
    assert pauses[0] <= FIRST_PAUSE * 1.2, "the first answer is worth a quick second look"
    assert max(pauses) <= LONGEST_PAUSE * 1.2, "a machine's order waits for it"
    assert min(pauses[20:]) >= LONGEST_PAUSE * 0.8, "and a long wait asks less often"
    assert len(set(pauses[20:])) > 1, "many hand-offs at once must not ask in step"


def test_where_nothing_listens_it_is_asked_often_however_long_that_lasts(authority: TenantAuthority) -> None:
    with endpoint(authority, "refused") as closed, endpoint(authority, "500") as starting:
        refusal = attempt(Target(closed.host, closed.port, authority.pem), 1.0)
        handshake = attempt(Target(starting.host, starting.port, authority.pem), 1.0)
        lookup = attempt(Target("localhost", closed.port, authority.pem), 1.0)
    nameless = attempt(Target("nothing.invalid", 6443, authority.pem), 1.0)
    assert max(pause(1000, refusal) for _ in range(40)) <= CLOSED_PAUSE * 1.2, "to be refused costs next to nothing"
    for dear in (handshake, lookup, nameless):
        assert pause(1000, dear) > CLOSED_PAUSE * 1.2, f"a handshake or a look-up does: {dear}"
