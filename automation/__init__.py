"""Clusters from other code, through the Pulumi Automation API.

``ClusterStack`` is one stack: its settings in, typed results and events out. ``on_all`` runs an operation on many of them.
"""

from __future__ import annotations

import gc

# The objects of these imports live as long as the process: to search them for garbage costs 0.1 s.
_collects = gc.isenabled()
gc.disable()

from .cluster_stack import ClusterStack  # noqa: E402
from .engine.process import Cancellation  # noqa: E402
from .errors import (  # noqa: E402
    Cancelled,
    ConfigurationError,
    EngineFailed,
    HandoffFailed,
    Locked,
    NotGone,
    NotReady,
    OperationError,
    PreflightFailed,
    StackMissing,
    TimedOut,
    ToolMissing,
)
from .events import (  # noqa: E402
    AddOnProgress,
    ClusterReady,
    Event,
    Finished,
    HandoffProgress,
    MachinesChange,
    Message,
    ResourceChanged,
    Waiting,
)
from .fleet import FleetError, Outcome, Summary, on_all  # noqa: E402
from .results import ClusterResult, Result  # noqa: E402

if _collects:
    gc.enable()

__all__ = [
    "AddOnProgress",
    "Cancellation",
    "Cancelled",
    "ClusterReady",
    "ClusterResult",
    "ClusterStack",
    "ConfigurationError",
    "EngineFailed",
    "Event",
    "Finished",
    "FleetError",
    "HandoffFailed",
    "HandoffProgress",
    "Locked",
    "MachinesChange",
    "Message",
    "NotGone",
    "NotReady",
    "OperationError",
    "Outcome",
    "PreflightFailed",
    "ResourceChanged",
    "Result",
    "StackMissing",
    "Summary",
    "TimedOut",
    "ToolMissing",
    "Waiting",
    "on_all",
]
