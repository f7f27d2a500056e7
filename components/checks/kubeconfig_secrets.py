"""The kubeconfigs of tenants that a stack's state holds after their hand-off. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HANDOFF_URN = re.compile(r"\bpulumi-python:dynamic/kamaji-equinix:ControlPlaneEndpoint::")
"""The hand-off of a tenant cluster in a stack's state."""


def kubeconfig_secrets(resources: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Namespace and name of the Secret with each tenant's kubeconfig, by the Cluster's namespace and name.

    Args:
        resources: of a stack's state by URN, with their outputs.
    """
    handoffs = (resource.get("outputs") or {} for urn, resource in resources.items() if HANDOFF_URN.search(urn))
    return {
        (outputs["namespace"], outputs["cluster"]): outputs["kubeconfigSecret"]
        for outputs in handoffs
        if outputs.get("kubeconfigSecret")
    }
