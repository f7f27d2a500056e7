"""The ``pulumi`` command as a process that can be stopped.

The Automation API starts it in the caller's process group and has no handle on it (pulumi issue 9103). After its first
interrupt the engine waits for the running operations, for a hand-off up to its whole time-out, because a Python dynamic
provider can't be cancelled (its ``Cancel`` is empty). So the engine runs in a session of its own. It is interrupted on
request, and again after a grace period, when it stops its plugins within seconds and writes its state. It is killed only
where that does not help; the lock that it then leaves is recognised as dead. However it ends, no process of its session
outlives it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import IO

from pulumi import automation

from ..errors import ToolMissing
from .death import EngineDied, crash_in, memory_kills
from .installation import installed
from .termination import Reaper, has_ended, interrupt, stop

Line = Callable[[str], object]


class Cancellation:
    """Stops operations: pass one to an operation, or to several, and request it from any thread or signal handler."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.reason = ""

    def request(self, reason: str = "on request") -> None:
        """Stop running and later operations; the first reason stays."""
        if not self._event.is_set():
            self.reason = reason
            self._event.set()

    @property
    def requested(self) -> bool:
        """Whether it was requested."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is requested, at most some seconds; whether it was."""
        return self._event.wait(seconds)


class Interruption(Exception):
    """The operation was to stop between two commands."""


class Engine(automation.PulumiCommand):
    """A ``pulumi`` command line. One operation at a time can be stopped: the one inside ``stoppable``."""

    def __init__(self, like: automation.PulumiCommand | None = None) -> None:
        """Find it on PATH.

        Args:
            like: another one, whose version is taken over: to ask for it starts a process.

        Raises:
            ToolMissing: there is none, or it is too old.
        """
        try:
            if like is None:
                like = installed()
            self.command, self.version = like.command, like.version
        except (OSError, subprocess.SubprocessError, automation.InvalidVersionError) as error:
            raise ToolMissing(
                f"the pulumi CLI can't be used: {error}. Install Pulumi 3.259 or newer; in a checkout of kamaji-equinix "
                "`make lab` brings one with the lab, and `. .lab/env` puts it on PATH."
            ) from error
        self._cancellation: Cancellation | None = None
        self._deadline = float("inf")
        self.is_interrupted = False

    @contextlib.contextmanager
    def stoppable(self, cancellation: Cancellation, timeout: float | None) -> Iterator[None]:
        """Let the commands inside be stopped by a cancellation, or after some seconds."""
        self._cancellation, self.is_interrupted = cancellation, False
        self._deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        try:
            yield
        finally:
            self._cancellation, self._deadline = None, float("inf")

    def pause(self, seconds: float) -> None:
        """Wait, inside ``stoppable``.

        Raises:
            Interruption: the operation is to stop.
        """
        if self._cancellation is None:
            time.sleep(seconds)
        elif self.late or self._cancellation.wait(seconds):
            raise Interruption

    @property
    def late(self) -> bool:
        """Whether the time of the operation inside ``stoppable`` is over."""
        return time.monotonic() >= self._deadline

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Line | None = None,
        on_error: Line | None = None,
        text: str | None = None,
    ) -> automation.CommandResult:
        """Run a command to its end, and end what it has left.

        Args:
            args: its arguments; they hold no secrets, which belong into ``text``.
            cwd: its working folder.
            additional_env: variables beside this process's own.
            on_output: takes each line of its output.
            on_error: takes each line that it writes to stderr.
            text: what it reads from stdin; nothing by default.

        Raises:
            EngineDied: a signal has ended it, or it has crashed.
            CommandError: it failed.
            KeyboardInterrupt: Ctrl-C; the command was stopped and has ended.
        """
        kills = memory_kills()
        command = [self.command, *([] if "--non-interactive" in args else ["--non-interactive"]), *args]
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        chunks: tuple[list[str], list[str]] = ([], [])
        threads = [
            threading.Thread(target=consume, args=(process.stdout, on_output, chunks[0]), daemon=True),
            threading.Thread(target=consume, args=(process.stderr, on_error, chunks[1]), daemon=True),
            threading.Thread(target=self._watch, args=(process,), daemon=True),
        ]
        reaper = Reaper(process)
        for thread in (reaper, *threads):
            thread.start()
        try:
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError), process.stdin:
                    process.stdin.write(text or "")
            by_ctrl_c = self._await_end(process)
        except KeyboardInterrupt:
            # It came while another was taken, or before the wait.
            is_taken = self._take_ctrl_c()
            stop(process)
            if not is_taken:
                raise
            by_ctrl_c = False
        except BaseException:
            # From here on nobody else would end it.
            stop(process)
            raise
        finally:
            late_ctrl_c = self._await_reaper(reaper)
        if late_ctrl_c:
            raise KeyboardInterrupt
        for thread in threads[:2]:
            # A program that has left the engine's session may hold the pipe open.
            thread.join(5)
        result = automation.CommandResult(
            stdout="\n".join(chunks[0]), stderr="\n".join(chunks[1]), code=process.returncode
        )
        if result.code and by_ctrl_c:
            raise KeyboardInterrupt
        crash = crash_in(result.stderr) if result.code else ""
        if result.code < 0 or crash:
            after = memory_kills()
            count = None if kills is None or after is None else after - kills
            raise EngineDied(result, process.pid, max(-result.code, 0), count, crash)
        if result.code:
            raise automation.errors.create_command_error(result)
        return result

    def _await_end(self, process: subprocess.Popen[str]) -> bool:
        """Wait for the end; whether Ctrl-C came, and no operation takes it as its cancellation."""
        by_ctrl_c = False
        while not has_ended(process):
            try:
                if hasattr(os, "waitid"):
                    # It stays a zombie, which keeps its number.
                    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
                else:
                    process.wait()
            except ChildProcessError:
                break
            except KeyboardInterrupt:
                if self._cancellation is None:
                    by_ctrl_c = True
                    interrupt(process)
                elif self._cancellation.requested:
                    self.is_interrupted = True
                    interrupt(process)
                else:
                    self._cancellation.request("by Ctrl-C")
        return by_ctrl_c

    def _await_reaper(self, reaper: Reaper) -> bool:
        """Wait until nothing of the command is left; whether Ctrl-C came, and no operation takes it as its cancellation."""
        by_ctrl_c = False
        while not reaper.done.is_set():
            try:
                reaper.over.set()
                reaper.done.wait()
            except KeyboardInterrupt:
                by_ctrl_c = not self._take_ctrl_c()
        return by_ctrl_c

    def _take_ctrl_c(self) -> bool:
        """Take Ctrl-C as the cancellation of the operation; whether there is one."""
        if self._cancellation is None:
            return False
        self._cancellation.request("by Ctrl-C")
        self.is_interrupted = True
        return True

    def _watch(self, process: subprocess.Popen[str]) -> None:
        cancellation = self._cancellation
        if cancellation is None:
            return
        while not has_ended(process):
            if self.late or cancellation.wait(0.1):
                self.is_interrupted = True
                stop(process)
                return


def consume(stream: IO[str], callback: Line | None, chunks: list[str]) -> None:
    """Collect the lines of a stream, and pass them on."""
    with stream:
        for line in stream:
            chunks.append(line.rstrip())
            if callback:
                callback(chunks[-1])
