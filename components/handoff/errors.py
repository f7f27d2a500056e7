"""The error of a hand-off that failed."""

from __future__ import annotations

import re

from ..kube.plain_text import single_line
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
        expectation: what was waited for.
        observation: what was last seen instead.
        elapsed: seconds since the hand-off began.
        advice: what to do next.
    """

    def __init__(
        self, phase: Phase, subject: str, *, expectation: str, observation: str, elapsed: float, advice: str
    ) -> None:
        self.phase, self.subject, self.expectation = phase, subject, single_line(expectation)
        self.observation, self.elapsed, self.advice = single_line(observation), elapsed, single_line(advice)
        super().__init__(
            f"hand-off, phase {phase}: {subject}\n"
            f"  expected: {self.expectation}\n"
            f"  last seen after {elapsed:.0f} s: {self.observation}\n"
            f"  next: {self.advice}"
        )

    @classmethod
    def parse(cls, text: str) -> HandoffError | None:
        """The error whose text is in the engine's output; None where there is none.

        The engine passes on only the text of a dynamic provider's exception.
        """
        match = _TEXT.search(text)
        if match is None or (phase := phase_of(match["phase"])) is None:
            return None
        return cls(
            phase,
            match["subject"],
            expectation=match["expected"],
            observation=match["seen"],
            elapsed=float(match["elapsed"]),
            advice=match["advice"],
        )
