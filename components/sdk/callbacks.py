"""The servers on which the engine calls the transforms of a program's resources.

Pulumi has those of all programs in one list of a class, and the end of each program stops all of them
(``_CallbackServicer.shutdown`` in its ``runtime/_callbacks.py``). In one process with others, such a program failed for an
event loop that is not its own, the others lost their transforms, and each later program failed for what was left.
"""

from __future__ import annotations

import asyncio
import sys

from pulumi.runtime._callbacks import _CallbackServicer


def separate_callbacks() -> None:
    """Let the end of a program stop its own servers alone; to be called before any program of the process ends."""
    _CallbackServicer.shutdown = classmethod(_stop_own)  # type: ignore[method-assign, assignment]


async def _stop_own(kind: type[_CallbackServicer]) -> None:
    if sys.exc_info()[0] is GeneratorExit:
        # An interrupted program is cleared away, with its loop, wherever garbage is collected: that may be in another's loop.
        return
    loop = asyncio.get_running_loop()
    for servicer in [servicer for servicer in tuple(kind._servicers) if servicer._server._loop is loop]:
        kind._servicers.remove(servicer)
        await servicer._server.stop(grace=0)
