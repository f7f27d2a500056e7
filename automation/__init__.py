"""Clusters from other code, through the Pulumi Automation API.

``ClusterStack`` is one stack: its settings in, typed results and events out. ``on_all`` runs an operation on many of them.
"""

from __future__ import annotations

import gc

# The objects of these imports live as long as the process: to search them for garbage costs 0.1 s.
_collects = gc.isenabled()
gc.disable()

try:
    from .cluster_stack import ClusterStack
    from .engine.process import Cancellation
    from .errors import (
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
    from .events import (
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
    from .fleet import FleetError, Outcome, Summary, on_all
    from .results import ClusterResult, Result
finally:
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
