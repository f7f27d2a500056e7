"""Why a hand-off did not come about."""

from __future__ import annotations

import re

from ..kube.plain_text import one_line
from .phases import PHASES, Phase, phase_of

_TEXT = re.compile(
    rf"hand-off, phase (?P<phase>{'|'.join(PHASES)}): (?P<subject>.*)\n"
    r"\s*expected: (?P<expected>.*)\n"
    r"\s*last seen after (?P<elapsed>\d+) s: (?P<seen>.*)\n"
    r"\s*next: (?P<advice>.*)"
)


class HandoffError(Exception):
    """A phase of the hand-off failed. Its text holds no credentials.

    Attributes:
        phase: one of ``handoff.phases``.
        subject: the object or address that it is about.
        expected: what was waited for.
        last_seen: what was last observed instead.
        elapsed: seconds since the hand-off began.
        advice: what to do next.
    """

    def __init__(
        self, phase: Phase, subject: str, *, expected: str, last_seen: str, elapsed: float, advice: str
    ) -> None:
        self.phase, self.subject, self.expected = phase, subject, one_line(expected)
        self.last_seen, self.elapsed, self.advice = one_line(last_seen), elapsed, one_line(advice)
        super().__init__(
            f"hand-off, phase {phase}: {subject}\n"
            f"  expected: {self.expected}\n"
            f"  last seen after {elapsed:.0f} s: {self.last_seen}\n"
            f"  next: {self.advice}"
        )

    @classmethod
    def parse(cls, text: str) -> HandoffError | None:
        """The error whose text stands somewhere in what the engine says; None where none does.

        The engine passes on only the text of a dynamic provider's exception.
        """
        match = _TEXT.search(text)
        if match is None or (phase := phase_of(match["phase"])) is None:
            return None
        return cls(
            phase,
            match["subject"],
            expected=match["expected"],
            last_seen=match["seen"],
            elapsed=float(match["elapsed"]),
            advice=match["advice"],
        )
