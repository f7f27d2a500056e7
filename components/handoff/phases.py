"""The phases of a hand-off, in their order."""

from __future__ import annotations

from typing import Literal, get_args

Phase = Literal["address", "dial", "tls", "ready", "endpoint", "nudge", "version", "kubeconfig"]

PHASES: tuple[Phase, ...] = get_args(Phase)


def phase_of(text: str) -> Phase | None:
    """The phase of this name; None for another text."""
    return next((phase for phase in PHASES if phase == text), None)
