"""References as the API server returns them: where it converts, not as they were written. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..capi.contract import CONTRACTS
from ..kube.objects import dig

BOOTSTRAP = ("spec", "template", "spec", "bootstrap", "configRef", "apiVersion")

OLDER_DEPLOYMENT = f"kubernetes:{CONTRACTS['v1beta1'].core}:MachineDeployment"


def bootstrap_versions(state: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """API version of the bootstrap template that each MachineDeployment of contract v1beta1 refers to, by namespace and name.

    Cluster API 1.11 and newer stores references without a version. In the older contract's shape it fills in the newest that
    it serves (``SetAPIVersionGetter`` in its api/core/v1beta1/conversion.go), and pulumi-kubernetes compares what is declared
    with what was returned: the version in the manifests would be a change in each run.

    Args:
        state: the resources of the stack's last state by URN, with type and outputs.
    """
    return {
        (str(dig(outputs, "metadata", "namespace")), str(dig(outputs, "metadata", "name"))): version
        for resource in state.values()
        if resource.get("type") == OLDER_DEPLOYMENT
        and (outputs := resource.get("outputs") or {})
        and isinstance(version := dig(outputs, *BOOTSTRAP), str)
    }
