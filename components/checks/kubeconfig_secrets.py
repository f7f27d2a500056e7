"""What a stack's state tells of the tenants that were handed off before. Pure."""

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
    done = (resource.get("outputs") or {} for urn, resource in resources.items() if HANDOFF_URN.search(urn))
    return {(one["namespace"], one["cluster"]): one["kubeconfigSecret"] for one in done if one.get("kubeconfigSecret")}
