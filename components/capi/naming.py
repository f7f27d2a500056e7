"""Names of objects that are made from other names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

LONGEST_LABEL = 63
"""Characters of a label's value, and of a DNS label."""

OWN_LABELS = frozenset(
    {
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/component",
        "app.kubernetes.io/managed-by",
        "cluster.x-k8s.io/cluster-name",
        "pool",
    }
)
"""Keys of the labels that tell a cluster's objects, and a pool's, from others."""


def machine_deployment(cluster: str, pool: str) -> str:
    """Name of a pool's MachineDeployment.

    >>> machine_deployment("capi-quickstart", "worker-a")
    'capi-quickstart-worker-a'
    """
    return f"{cluster}-{pool}"


def template(cluster: str, pool: str, spec: Mapping[str, Any]) -> str:
    """Name of a machine or bootstrap template: templates are immutable, so the content is part of the name.

    Args:
        cluster: the Cluster's name.
        pool: the pool's name.
        spec: the template's content in its v1beta1 form, whatever the contract: another API version of the same content
            must not roll a machine.
    """
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:8]
    return f"{machine_deployment(cluster, pool)}-{digest}"
