"""Waiting in a hand-off: which errors of the management cluster may pass by themselves, and advice for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..kube.client import ApiError
from ..kube.objects import Json, Kube, dig
from .errors import HandoffError
from .order import Order
from .phases import Phase
from .progress import Progress

TRANSIENT_REASONS = (
    "Unreachable",
    "NoCredentials",
    "TooManyRequests",
    "InternalError",
    "ServiceUnavailable",
    "Timeout",
    "ServerTimeout",
    "Expired",
)

DENIED_SECONDS = 3.0
"""Seconds for which 401 or 403 must last to count: an API server that starts answers so to everybody but administrators,
until it has read its own roles."""

FORGOTTEN_SECONDS = 10.0
"""Seconds without a denial after which the next one counts as new; more than the longest pause between two requests."""

RIGHTS = "docs/rbac.yaml holds the rights that the hand-off needs."

Result = TypeVar("Result")


class Wait:
    """The deadline and the repeated requests of one hand-off."""

    def __init__(self, kube: Kube, order: Order, progress: Progress) -> None:
        self.kube, self.order, self.progress = kube, order, progress
        self._denials: dict[str, tuple[float, float]] = {}

    @property
    def infrastructure_subject(self) -> str:
        """The infrastructure cluster in words."""
        return f"{self.order.infrastructure.name} {self.kube.namespace}/{self.order.infrastructure_name}"

    @property
    def control_plane_subject(self) -> str:
        """The KamajiControlPlane in words."""
        return f"KamajiControlPlane {self.kube.namespace}/{self.order.control_plane}"

    @property
    def cluster_subject(self) -> str:
        """The Cluster in words."""
        return f"Cluster {self.kube.namespace}/{self.order.cluster}"

    def infrastructure(self) -> Json:
        """The infrastructure cluster as it is now.

        Raises:
            ApiError: it can't be read for the moment.
            HandoffError: it is missing or being deleted: nothing that follows could succeed.
        """
        infrastructure = self.kube.find(self.order.infrastructure, self.order.infrastructure_name)
        if infrastructure is None or dig(infrastructure, "metadata", "deletionTimestamp"):
            raise self.failure(
                "endpoint",
                self.infrastructure_subject,
                expectation="that it exists",
                observation="it is being deleted" if infrastructure else "it does not exist",
                advice="If it was deleted by hand, `pulumi refresh` and then `pulumi up` make it again.",
            )
        return infrastructure

    def keep_watch(self) -> None:
        """End the wait for something else where the infrastructure cluster is gone.

        Raises:
            HandoffError: it is missing or being deleted, or may not be read.
        """
        if self.order.linking == "none":
            return
        try:
            self.infrastructure()
        except ApiError as error:
            self.bearable(error, "endpoint", self.infrastructure_subject)

    def eventually(
        self, phase: Phase, subject: str, expectation: str, condition: Callable[[], bool], advice: str
    ) -> None:
        """Wait until a condition is true.

        Raises:
            HandoffError: it is not true in time, or can't be read.
        """
        while not self.patiently(phase, subject, condition):
            self.progress.report_wait(f"{subject}: waits for {expectation}")
            self.expire(phase, subject, expectation, "it is not there yet", advice)
            self.progress.pause(0.1)

    def patiently(self, phase: Phase, subject: str, read: Callable[[], Result]) -> Result:
        """Read; repeat it while the management cluster does not answer.

        Raises:
            HandoffError: it does not answer in time, or refuses for good.
        """
        while True:
            try:
                return read()
            except ApiError as error:
                self.bearable(error, phase, subject)
                self.progress.report_wait(f"{subject}: the management cluster gives no answer: {error}")
                self.expire(
                    phase,
                    subject,
                    "that the management cluster answers",
                    str(error),
                    f"Make {self.kube.server} reachable, then run `pulumi up` again.",
                )
                self.progress.pause(error.retry_after or 0.5)

    def bearable(self, error: ApiError, phase: Phase, subject: str) -> None:
        """Return where an error may pass by itself.

        Raises:
            HandoffError: it will not.
        """
        if is_transient(error) or self._denied_lately(error, subject):
            return
        raise self.failure(
            phase,
            subject,
            expectation="that the management cluster allows it",
            observation=str(error),
            advice=advice_for(error),
        )

    def _denied_lately(self, error: ApiError, subject: str) -> bool:
        if error.code not in (401, 403) or by_webhook(error):
            return False
        now = self.progress.elapsed
        first, last = self._denials.get(subject, (now, now))
        if now - last > FORGOTTEN_SECONDS:
            first = now
        self._denials[subject] = (first, now)
        return now - first < DENIED_SECONDS and not self.progress.over

    def expire(self, phase: Phase, subject: str, expectation: str, observation: str, advice: str) -> None:
        """Raise if the time is over.

        Raises:
            HandoffError: it is.
        """
        if self.progress.over:
            raise self.failure(phase, subject, expectation=expectation, observation=observation, advice=advice)

    def failure(self, phase: Phase, subject: str, *, expectation: str, observation: str, advice: str) -> HandoffError:
        """An error of a phase."""
        return HandoffError(
            phase,
            subject,
            expectation=expectation,
            observation=observation,
            elapsed=self.progress.elapsed,
            advice=advice,
        )


def is_transient(error: ApiError) -> bool:
    """Whether the same request may succeed a moment later."""
    return error.reason in TRANSIENT_REASONS or error.code >= 500 or error.code == 429


def by_webhook(error: ApiError) -> bool:
    """Whether an admission webhook or policy refused, whatever code it chose."""
    return "admission webhook" in error.message or "ValidatingAdmissionPolicy" in error.message


def advice_for(error: ApiError) -> str:
    """Advice on a refusal."""
    if by_webhook(error) or error.code in (400, 422):
        return (
            "The API server, or an admission webhook, refuses the change: `last seen` says which, and why. Remove the "
            "cause, then run `pulumi up` again."
        )
    return {
        401: "The credentials are not valid, or not any more: renew those that `management` in the stack's "
        "configuration names.",
        403: RIGHTS,
    }.get(error.code, "See the log of the management cluster's API server.")
