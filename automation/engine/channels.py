"""gRPC between inline programs, which run in this process, and their engines."""

from __future__ import annotations

import logging
import traceback
import warnings

import grpc  # type: ignore[import-untyped]
from pulumi.runtime import _grpc_settings

CHANNEL_OPTIONS = _grpc_settings._GRPC_CHANNEL_OPTIONS
"""The list that pulumi/runtime/settings.py passes to every channel that it opens to an engine."""


BROKEN_STREAM = r"Error in event stream: $"
"""The warning of pulumi/automation/_stack.py (StreamEvents) about an engine that has ended within its stream of events: gRPC
gives no reason then, and the operation reports the engine's end itself."""


class _EngineGone(logging.Filter):
    """Drops the tracebacks that the server of an inline program logs when its engine stops: the error is raised anyway."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, grpc.RpcError) or error.code() != grpc.StatusCode.UNAVAILABLE:
            return True
        # The caller's process may have a gRPC server of its own.
        names = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
        return not any(name.startswith("pulumi.") for name in names)


def separate_engines() -> None:
    """Give each program connections of its own, and hide the tracebacks and the warning of those whose engine is gone.

    gRPC shares the connections of a process by address. A program whose engine was killed still calls its port, and gRPC
    then waits up to two minutes between two attempts. A new engine that gets this port would be refused as long: its
    program fails at its first call (``GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL`` in gRPC's channel_arg_names.h).
    """
    option = ("grpc.use_local_subchannel_pool", 1)
    if option not in CHANNEL_OPTIONS:
        CHANNEL_OPTIONS.append(option)
        logging.getLogger("grpc._server").addFilter(_EngineGone())
        warnings.filterwarnings("ignore", BROKEN_STREAM, UserWarning, r"pulumi\.automation\._stack$")
