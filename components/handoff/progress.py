"""One deadline for everything, and a word now and then about what is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

HEARTBEAT_SECONDS = 15.0


@dataclass
class Progress:
    """Time and talk of one hand-off.

    Attributes:
        seconds: the whole time allowed.
        say: takes a line of progress.
        clock: seconds that only go forward.
        sleep: waits for some seconds.
        stage: the phase that the work is in, for whoever shows the lines.
    """

    seconds: float
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    stage: str = ""
    _began: float = field(init=False)
    _said_at: float = field(init=False)
    _said: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self._began = self._said_at = self.clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.clock() - self._began

    @property
    def left(self) -> float:
        """Seconds until the deadline, not below zero."""
        return max(0.0, self.seconds - self.elapsed)

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return self.left <= 0

    def phase(self, line: str) -> None:
        """Say that another phase began."""
        self._said, self._said_at = line, self.clock()
        self.say(line)

    def waiting(self, line: str, topic: str = "") -> None:
        """Say what is waited for: at once when it is something else than before, and every 15 s.

        Args:
            line: what is waited for, and what was last seen.
            topic: what tells one wait from another, where the line itself changes too often for that.
        """
        topic = topic or line
        if topic != self._said or self.clock() - self._said_at >= HEARTBEAT_SECONDS:
            self._said, self._said_at = topic, self.clock()
            self.say(f"{line} ({self.elapsed:.0f} of {self.seconds:.0f} s)")

    def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the deadline."""
        self.sleep(min(seconds, self.left))
