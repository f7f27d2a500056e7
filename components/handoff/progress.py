"""One deadline for everything, and a word now and then about what is waited for."""

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
    """What happens, or what is waited for.

    Attributes:
        phase: of a hand-off; None for another wait.
        text: in words.
        elapsed: seconds since the beginning, where something is waited for; None where it went on.
        limit: seconds that it may take.
    """

    phase: Phase | None
    text: str
    elapsed: float | None = None
    limit: float | None = None

    def __str__(self) -> str:
        waited = "" if self.elapsed is None or self.limit is None else f" ({self.elapsed:.0f} of {self.limit:.0f} s)"
        return f"{self.phase}: {self.text}{waited}" if self.phase else f"{self.text}{waited}"


def step_in(line: str) -> tuple[str, Step] | None:
    """Subject and step of a line ``<subject>: <step>`` of a hand-off; None for another line."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    elapsed, limit = (float(match[key]) if match[key] else None for key in ("elapsed", "limit"))
    return match["subject"], Step(phase_of(match["phase"]), match["text"], elapsed, limit)


@dataclass
class Progress:
    """Time and talk of one hand-off.

    Attributes:
        seconds: the whole time allowed.
        say: takes each step that is worth a line.
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
    _told_at: float = field(init=False)
    _topic: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self._began = self._told_at = self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.clock() - self._began

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline, not below zero."""
        return max(0.0, self.seconds - self.elapsed)

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return self.seconds_left <= 0

    def tell(self, text: str) -> None:
        """Say that something has happened, or begins."""
        self._topic, self._told_at = text, self.clock()
        self.say(Step(self.phase, text))

    def report_wait(self, text: str, topic: str = "") -> None:
        """Say what is waited for: at once when it is something else than before, and every 15 s.

        Args:
            text: what is waited for, and what was last seen.
            topic: what tells one wait from another, where the text itself changes too often for that.
        """
        topic = topic or text
        if topic != self._topic or self.clock() - self._told_at >= HEARTBEAT_SECONDS:
            self._topic, self._told_at = topic, self.clock()
            self.say(Step(self.phase, text, self.elapsed, self.seconds))

    def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the deadline."""
        self.sleep(min(seconds, self.seconds_left))
