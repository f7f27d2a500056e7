"""Why a hand-off did not come about."""

from __future__ import annotations


class HandoffError(Exception):
    """A phase of the hand-off failed. Its text holds no credentials.

    Attributes:
        phase: ``address``, ``dial``, ``tls``, ``ready``, ``endpoint``, ``nudge`` or ``kubeconfig``.
    """

    def __init__(self, phase: str, subject: str, *, expected: str, seen: str, elapsed: float, advice: str) -> None:
        self.phase = phase
        super().__init__(
            f"hand-off, phase {phase}: {subject}: expected {expected}; last seen after {elapsed:.0f} s: {seen}. {advice}"
        )
