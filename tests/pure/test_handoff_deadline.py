"""Time and talk of a hand-off, and which errors it bears, with a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.components.handoff.errors import HandoffError
from kamaji_equinix.components.handoff.order import Order
from kamaji_equinix.components.handoff.patience import DENIED_SECONDS, FORGOTTEN_SECONDS, Wait
from kamaji_equinix.components.handoff.phases import PHASES, Phase
from kamaji_equinix.components.handoff.progress import HEARTBEAT_SECONDS, Progress, Step, step_in
from kamaji_equinix.components.kube.client import ApiError
from kamaji_equinix.components.kube.objects import Kind, Kube


@dataclass
class Clock:
    """A clock that sleeping moves."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Api:
    """What a failure asks of the management cluster: its address."""

    class access:  # noqa: N801 - as the real one's attribute
        server = "https://management.example:6443"


def start_wait(seconds: float = 60.0) -> tuple[Wait, Clock, list[str]]:
    clock, lines = Clock(), list[str]()
    order = Order("c1", None, "cp", Kind("infrastructure/v1", "PacketCluster", "packetclusters"), "c1")
    progress = Progress(seconds, lambda step: lines.append(str(step)), clock, clock.sleep)
    return Wait(Kube(cast(Any, Api()), "default"), order, progress), clock, lines


def test_a_wait_is_told_when_it_begins_and_every_15_s() -> None:
    wait, clock, lines = start_wait(600)
    for _ in range(600):
        wait.progress.report_wait("Service cp has no ingress address")
        clock.now += 0.1
    assert len(lines) == 1 + 60 // HEARTBEAT_SECONDS - 1, f"in 60 s: {lines}"
    assert lines[0].endswith("(0 of 600 s)"), "with the time that has passed, and all of it"
    assert lines[-1].endswith("(45 of 600 s)"), f"and again: {lines}"


def test_another_cause_is_told_at_once_and_the_same_topic_is_not() -> None:
    wait, _, lines = start_wait()
    wait.progress.report_wait("first")
    wait.progress.report_wait("second")
    wait.progress.report_wait("answers 500 (after 1 ms)", "ready")
    wait.progress.report_wait("answers 500 (after 2 ms)", "ready")
    assert [line.partition(" (")[0] for line in lines] == ["first", "second", "answers 500"], f"{lines}"


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 60))
def test_no_pause_goes_beyond_the_deadline(pauses: list[int], seconds: int) -> None:
    wait, clock, _ = start_wait(seconds)
    for pause in pauses:
        wait.progress.pause(pause)
    assert clock.now - 100.0 <= seconds, "a Retry-After of an hour must not hold a hand-off"
    assert wait.progress.over == (sum(pauses) >= seconds), "and it is over then"


@pytest.mark.parametrize(
    "error",
    [
        ApiError("Unreachable", "nothing listens there"),
        ApiError("NoCredentials", "credential plugin aws failed with 255: no route to host"),
        ApiError("TooManyRequests", "slow down", 429, 1.0),
        ApiError("InternalError", "failed calling webhook", 500),
        ApiError("ServiceUnavailable", "no endpoints", 503),
        ApiError("Timeout", "etcd", 504),
        ApiError("Expired", "too old resource version", 410),
    ],
    ids=lambda error: error.reason,
)
def test_what_may_pass_by_itself_is_asked_again_until_the_deadline(error: ApiError) -> None:
    wait, clock, lines = start_wait(10)
    answers = [error] * 3

    def read() -> str:
        if answers:
            raise answers.pop()
        return "read"

    assert wait.patiently("address", "Cluster c1", read) == "read", "the fourth answer is good"
    assert lines, "and the wait was told"
    start = clock.now
    with pytest.raises(HandoffError, match="that the management cluster answers") as failure:
        wait.patiently("address", "Cluster c1", lambda: (_ for _ in ()).throw(error))
    assert failure.value.phase == "address", "the phase is the caller's"
    assert clock.now - start <= 10, "one deadline holds for all"
    assert "Make https://management.example:6443 reachable" in str(failure.value), "the next step is told"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ApiError("Untrusted", "certificate signed by unknown authority"), "API server"),
        (ApiError("NotKubernetes", "not JSON"), "API server"),
        (ApiError("Invalid", "spec.host: too long", 422), "admission webhook, refuses the change"),
        (ApiError("Forbidden", 'admission webhook "x" denied the request', 403), "refuses the change"),
        (ApiError("Forbidden", "ValidatingAdmissionPolicy 'x' denied request", 403), "refuses the change"),
    ],
    ids=lambda value: value.message if isinstance(value, ApiError) else None,
)
def test_what_will_not_pass_ends_the_hand_off_at_once(error: ApiError, advice: str) -> None:
    wait, clock, _ = start_wait()
    with pytest.raises(HandoffError, match=advice):
        wait.patiently("endpoint", "PacketCluster c1", lambda: (_ for _ in ()).throw(error))
    assert clock.now == 100.0, "no time is lost"


@pytest.mark.parametrize(("code", "advice"), [(401, "not valid"), (403, "docs/rbac.yaml")])
def test_a_denial_is_believed_once_it_has_lasted(code: int, advice: str) -> None:
    wait, clock, _ = start_wait()
    denial = ApiError("Denied", "no", code)
    for pause in (0, DENIED_SECONDS * 0.9, FORGOTTEN_SECONDS * 1.1, DENIED_SECONDS * 0.9):
        clock.now += pause
        wait.bearable(denial, "address", "Cluster c1")
    clock.now += DENIED_SECONDS * 0.2
    with pytest.raises(HandoffError, match=advice):
        wait.bearable(denial, "address", "Cluster c1")


def test_denials_far_apart_are_one_denial_where_nothing_was_asked_between() -> None:
    wait, clock, _ = start_wait()
    wait.bearable(ApiError("Forbidden", "no", 403), "nudge", "KamajiControlPlane cp")
    clock.now += DENIED_SECONDS * 1.1
    with pytest.raises(HandoffError, match=r"docs/rbac\.yaml"):
        wait.bearable(ApiError("Forbidden", "no", 403), "nudge", "KamajiControlPlane cp")


def test_a_denial_is_not_borne_beyond_the_deadline() -> None:
    wait, clock, _ = start_wait(1.0)
    clock.now += 1.5
    with pytest.raises(HandoffError, match=r"docs/rbac\.yaml"):
        wait.bearable(ApiError("Forbidden", "no", 403), "address", "Cluster c1")


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30)


@given(st.sampled_from(PHASES), TEXTS, st.none() | st.tuples(st.integers(0, 9999), st.integers(1, 9999)))
def test_what_a_hand_off_says_is_read_back_as_it_was_meant(
    phase: Phase, text: str, times: tuple[int, int] | None
) -> None:
    step = Step(phase, text, *(map(float, times) if times else (None, None)))
    assert step_in(f"tenants/c1: {step}") == ("tenants/c1", step), "who shows it gets each part"
