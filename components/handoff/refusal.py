"""Whether Kamaji refuses a KamajiControlPlane, read from its conditions.

Kamaji's Cluster API provider tries again and again, with growing pauses, and writes the reason into one condition only. An
admission webhook or a schema that refused will always refuse; other failures, such as a webhook that does not run, may pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..capi.reading import condition, is_current
from ..capi.versions import bare
from ..kube.objects import dig
from .patience import Wait
from .phases import Phase

CONDITION = "TenantControlPlaneCreated"

_REFUSAL = re.compile(
    r"admission webhook \S+ denied the request: (?P<webhook>.*)| is invalid: (?P<schema>.*)"
    r"|(?P<provider>a certificate SAN must be made of host only.*)"
)

TRANSIENT = ("freezing mode", "the object has been modified", "failed calling webhook")
"""Refusals that end by themselves: Kamaji moves the tenant's data, somebody else wrote first, a webhook does not answer."""

LASTING_SECONDS = 3.0
"""Seconds for which a refusal must last to count."""


def words(message: str) -> str:
    """The reason of a refusal without its source; empty where it may pass by itself.

    >>> words('cannot create: admission webhook "x.kb.io" denied the request: no such version')
    'no such version'
    >>> words("dial tcp 10.0.0.1:443: connect: connection refused")
    ''
    """
    if any(sign in message for sign in TRANSIENT):
        return ""
    match = _REFUSAL.search(" ".join(message.split()))
    return next(filter(None, match.groups()), "").strip() if match else ""


def refusal(control_plane: Mapping[str, Any] | None) -> str:
    """Kamaji's words where it refuses the KamajiControlPlane as it is now; empty where it does not."""
    state = condition(control_plane or {}, CONDITION)
    if state is None or state.status != "False" or not is_current(control_plane or {}, state.generation):
        return ""
    return words(state.message)


def way_back(control_plane: Mapping[str, Any] | None, reason: str) -> str:
    """Advice on a refusal."""
    current = bare(dig(control_plane, "status", "version"))
    if not current:
        return "Change the setting to what Kamaji accepts, and run `pulumi up` again; no machine has been asked for."
    if "version" in reason or "downgrade" in reason:
        return (
            f"The control plane still runs {current}, and no worker was touched: set `cluster.kubernetesVersion` (or "
            f"`controlPlane.version`) to {current} again, or to a version that Kamaji accepts, and run `pulumi up`."
        )
    return f"The control plane still runs {current} as before: set the old value again and run `pulumi up`."


class Refusals:
    """Ends a wait once Kamaji has refused for some seconds."""

    def __init__(self, wait: Wait, phase: Phase) -> None:
        """For one phase of ``wait``."""
        self.wait, self.phase = wait, phase
        self._reason, self._since = "", 0.0

    def look(self, control_plane: Mapping[str, Any] | None) -> None:
        """Judge the KamajiControlPlane as it is now.

        Raises:
            HandoffError: it is refused, and has been for some seconds.
        """
        reason, now = refusal(control_plane), self.wait.progress.elapsed
        if reason != self._reason:
            self._reason, self._since = reason, now
        if reason and now - self._since >= LASTING_SECONDS:
            raise self.wait.failure(
                self.phase,
                self.wait.control_plane_subject,
                expectation="that Kamaji accepts it",
                observation=f"Kamaji refuses: {reason}",
                advice=way_back(control_plane, reason),
            )
