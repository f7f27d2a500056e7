"""One deadline for everything, and a line now and then about the present wait."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .phases import PHASES, Phase, phase_of

HEARTBEAT_SECONDS = 15.0

_LINE = re.compile(
    rf"(?P<subject>[a-z0-9.-]+/[a-z0-9.-]+): (?P<phase>{'|'.join(PHASES)}): "
    r"(?P<text>.*?)(?: \((?P<elapsed>\d+) of (?P<limit>\d+) s\))?$"
)


@dataclass(frozen=True)
class Step:
    """An event, or a wait.

    Attributes:
        phase: of a hand-off; None for another wait.
        text: in words.
        elapsed: seconds since the beginning of a wait; None for an event.
        limit: seconds that it may take.
    """

    phase: Phase | None
    text: str
    elapsed: float | None = None
    limit: float | None = None

    def __str__(self) -> str:
        duration = "" if self.elapsed is None or self.limit is None else f" ({self.elapsed:.0f} of {self.limit:.0f} s)"
        return f"{self.phase}: {self.text}{duration}" if self.phase else f"{self.text}{duration}"


def step_in(line: str) -> tuple[str, Step] | None:
    """Subject and step of a line ``<subject>: <step>`` of a hand-off; None for another line."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    elapsed, limit = (float(match[key]) if match[key] else None for key in ("elapsed", "limit"))
    return match["subject"], Step(phase_of(match["phase"]), match["text"], elapsed, limit)


@dataclass
class Progress:
    """Time and reports of one hand-off.

    Attributes:
        seconds: the whole time allowed.
        say: takes each step to report.
        clock: seconds that only go forward.
        sleep: waits for some seconds.
        phase: the phase that the work is in.
    """

    seconds: float
    say: Callable[[Step], object]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    phase: Phase | None = None
    _began: float = field(init=False)
    _last_report: float = field(init=False)
    _topic: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self._began = self._last_report = self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.clock() - self._began

    @property
    def remaining_seconds(self) -> float:
        """Seconds until the deadline, not below zero."""
        return max(0.0, self.seconds - self.elapsed)

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return self.remaining_seconds <= 0

    def tell(self, text: str) -> None:
        """Say that something has happened, or begins."""
        self._topic, self._last_report = text, self.clock()
        self.say(Step(self.phase, text))

    def report_wait(self, text: str, topic: str = "") -> None:
        """Report a wait: a new one at once, and then every 15 s.

        Args:
            text: the wait, and what was last seen.
            topic: distinguishes this wait from others, where the text itself changes too often for that.
        """
        topic = topic or text
        if topic != self._topic or self.clock() - self._last_report >= HEARTBEAT_SECONDS:
            self._topic, self._last_report = topic, self.clock()
            self.say(Step(self.phase, text, self.elapsed, self.seconds))

    def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the deadline."""
        self.sleep(min(seconds, self.remaining_seconds))
