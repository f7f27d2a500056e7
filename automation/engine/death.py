"""The death of an engine, by a signal or by a mistake of its own, in words."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from pulumi import automation

CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS}
"""Signals by which a program ends because of its own mistake."""

_REASON = re.compile(r"^(?:panic|fatal error|SIG[A-Z]+): .*", re.MULTILINE)
_STACK = re.compile(r"^goroutine \d+.* \[", re.MULTILINE)


class EngineDied(automation.CommandError):
    """The engine has not ended by itself: it could neither write its state nor release its lock.

    Attributes:
        pid: its process number.
        number: the signal that has ended it; 0 where Go's runtime has.
        kills: how many processes the kernel has killed for lack of memory while the engine ran; None where it does not count.
        reason: what Go's runtime says; may be empty.
    """

    def __init__(
        self, result: automation.CommandResult, pid: int, number: int, kills: int | None, reason: str = ""
    ) -> None:
        super().__init__(result)
        self.pid, self.number, self.kills, self.reason = pid, number, kills, reason

    def how(self) -> str:
        """How it died, in a sentence without its full stop."""
        subject = f"the engine (pulumi, process {self.pid})"
        if self.reason:
            return f"{subject} crashed: {self.reason}"
        if self.number in CRASHES:
            return f"{subject} crashed by signal {describe(self.number)}"
        return f"{subject} was killed by signal {describe(self.number)}{self.memory()}"

    def memory(self) -> str:
        """Whether memory may have run out, as far as the kernel tells; empty where it says no."""
        if self.number != signal.SIGKILL or self.kills == 0:
            return ""
        if self.kills is None:
            return "; if nobody has sent it, memory may have run out (`dmesg` tells)"
        processes = "one process" if self.kills == 1 else f"{self.kills} processes"
        return f". Memory ran out: the kernel has killed {processes} meanwhile (`dmesg` tells which)"


def crash_in(stderr: str) -> str:
    """The line in which Go's runtime says why it ends a program, before the stacks of all goroutines; may be empty."""
    reason = _REASON.search(stderr)
    return reason[0] if reason and _STACK.search(stderr) else ""


def describe(number: int) -> str:
    """A signal's number and name.

    >>> describe(9)
    '9 (SIGKILL)'
    """
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)


def memory_kills() -> int | None:
    """How many processes the kernel has killed for lack of memory since it started; None where it does not count them.

    Linux counts those of containers, too (``oom_kill`` in /proc/vmstat; its mm/oom_kill.c).
    """
    try:
        text = Path("/proc/vmstat").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), None)
