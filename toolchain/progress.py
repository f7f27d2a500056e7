"""The progress of a toolchain build: its calculation, and its display on a terminal."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .pins import Program

NEARLY = 0.95
"""Maximum share of a program's weight that counts while its build is running."""

FIRST_PACE = 0.85 * min(os.cpu_count() or 1, 2)
"""Assumed weight that is built per second, until programs have been built."""

FIRST_PACE_WEIGHT = 150.0
"""Weight of the first pace beside the measured one. The first program is built alone, while modules are downloaded: by itself
it would make the rest seem three times as long."""


class Progress:
    """The programs that are built and those under way, and the remaining time. Safe for threads."""

    def __init__(
        self,
        programs: Sequence[Program],
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        starts: bool = True,
    ) -> None:
        """Start the clock.

        Args:
            programs: all programs of the build.
            report: receives a line for each event.
            clock: monotonic clock, in seconds.
            starts: whether the start of a build is such an event; a display shows the running builds anyway.
        """
        self._programs, self._report, self._clock, self._starts = list(programs), report, clock, starts
        self._began = clock()
        self._running: dict[Program, float] = {}
        self._built_weight = 0.0
        self._skipped_weight = 0.0
        self._spent = 0.0
        self._lock = threading.RLock()
        self.download = ""

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._began

    def label(self, program: Program) -> str:
        """A program with its position in the order."""
        return f"[{self._programs.index(program) + 1}/{len(self._programs)}] {program.name} {program.version}"

    def wait(self, program: Program) -> None:
        """Report that another process builds a program."""
        self._report(f"{self.label(program)}: another process builds it; waiting")

    def start(self, program: Program) -> None:
        """Report the start of a program's build."""
        with self._lock:
            self._running[program] = self._clock()
            if self._starts:
                remaining_time = duration_text(self.remaining_seconds())
                self._report(f"{self.label(program)}: building ({self.elapsed:.0f} s so far, {remaining_time})")

    def end(self, program: Program, seconds_of_cpu: float | None = None) -> None:
        """Report that a program exists.

        Args:
            program: the program.
            seconds_of_cpu: CPU time of its build; None if another process built it.
        """
        with self._lock:
            began = self._running.pop(program, None)
            if began is None or seconds_of_cpu is None:
                self._skipped_weight += program.seconds
                return
            self._built_weight += program.seconds
            self._spent = self.elapsed
            took = self._clock() - began
            self._report(f"{self.label(program)}: built in {took:.0f} s ({seconds_of_cpu:.0f} s of CPU)")

    def builds(self) -> list[tuple[Program, float]]:
        """The programs under way, and the seconds since the start of each."""
        with self._lock:
            return [(program, self._clock() - began) for program, began in self._running.items()]

    def _pace(self) -> float:
        return (self._built_weight + FIRST_PACE_WEIGHT) / (self._spent + FIRST_PACE_WEIGHT / FIRST_PACE)

    def weight(self) -> float:
        """Weight of the complete programs; programs under way count by their time."""
        with self._lock:
            running = self.builds()
            pace = self._pace() / max(len(running), 1)
            return (
                self._built_weight
                + self._skipped_weight
                + sum(min(pace * s, NEARLY * program.seconds) for program, s in running)
            )

    def total(self) -> float:
        """Weight of all programs."""
        return float(sum(program.seconds for program in self._programs))

    def remaining_seconds(self) -> float:
        """Estimated seconds until all programs are built."""
        return max(self.total() - self.weight(), 0.0) / self._pace()


def duration_text(seconds: float) -> str:
    """A remaining time in words.

    >>> duration_text(20), duration_text(100), duration_text(400)
    ('less than a minute left', 'about 2 min left', 'about 7 min left')
    """
    return "less than a minute left" if seconds < 60 else f"about {seconds / 60:.0f} min left"


class Picture:
    """The display on a terminal, rendered repeatedly."""

    def __init__(self) -> None:
        """Start with an empty display."""
        self.progress: Progress | None = None

    def __rich__(self) -> Group:
        """The bar, then a line for each program under way and one for the downloads."""
        if self.progress is None:
            return Group()
        now, total = self.progress.weight(), self.progress.total()
        bar = Table.grid(padding=(0, 1))
        share = f"{now / total * 100 if total else 100:3.0f} %"
        bar.add_row(
            ProgressBar(total, now, width=40), Text(f"{share}, {duration_text(self.progress.remaining_seconds())}")
        )
        lines = [
            Text(f"  building {program.name} {program.version} ({seconds:.0f} s)", overflow="ellipsis", no_wrap=True)
            for program, seconds in self.progress.builds()
        ]
        if self.progress.download:
            lines.append(Text(f"  downloading {self.progress.download}", overflow="ellipsis", no_wrap=True))
        return Group(bar, *lines)


@contextlib.contextmanager
def display(console: Console) -> Iterator[tuple[Callable[[str], None], Callable[[Progress], None] | None]]:
    """Show a build.

    Yields a function for lines, and one for the progress to show. Without a terminal only lines are shown, and the second is
    None.
    """
    if not console.is_terminal:
        # The console's print would wrap long lines.
        yield lambda line: print(line, file=console.file, flush=True), None
        return
    picture = Picture()
    with Live(picture, console=console, refresh_per_second=4, transient=True) as live:

        def line(text: str) -> None:
            live.console.print(Text(text), soft_wrap=True)

        def draw(progress: Progress) -> None:
            picture.progress = progress

        yield line, draw
