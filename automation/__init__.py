"""Clusters from other code, through the Pulumi Automation API.

``ClusterStack`` is one stack: its settings in, typed results and events out. ``on_all`` does something with many of them.
"""

from __future__ import annotations

from .cluster_stack import ClusterStack
from .engine.process import Cancellation
from .errors import (
    Cancelled,
    ConfigurationError,
    EngineFailed,
    HandoffFailed,
    Locked,
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
