"""Ctrl-C while the engine runs.

The terminal sends SIGINT to the engine as well (the Automation API starts it in the same process group). The engine then
waits for the operations under way, which for a hand-off can be its whole time-out, because a Python dynamic provider
can't be cancelled (its ``Cancel`` is empty). So after a grace the engine is interrupted once more: it stops its plugins
within seconds, writes its state, and the next run goes on from there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import psutil

GRACE = 10.0
"""Seconds that the engine has for what is under way before the second interrupt."""


@contextlib.contextmanager
def patient_interrupt(grace: float = GRACE) -> Iterator[None]:
    """Turn one Ctrl-C, at most ``grace`` seconds later, into the second one that the engine needs to stop."""
    timer: threading.Timer | None = None
    before = signal.getsignal(signal.SIGINT)

    def interrupted(_number: int, _frame: object) -> None:
        nonlocal timer
        if timer is None:
            print(f"interrupted: the engine finishes what is under way, {grace:.0f} s at most", flush=True)
            timer = threading.Timer(grace, interrupt_engines)
            timer.daemon = True
            timer.start()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    except Exception:
        # An engine that was interrupted reports a failure; the user knows the cause.
        if timer is None:
            raise
    finally:
        signal.signal(signal.SIGINT, before)
        if timer is not None:
            timer.cancel()
    if timer is not None:
        raise KeyboardInterrupt


def interrupt_engines() -> None:
    """Send SIGINT to every engine that this process started."""
    for child in psutil.Process(os.getpid()).children():
        with contextlib.suppress(psutil.Error):
            if child.name() == "pulumi":
                child.send_signal(signal.SIGINT)
