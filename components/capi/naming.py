"""Names of objects that are made from other names."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .manifest import CLUSTER_LABEL, POOL_LABEL

LONGEST_LABEL = 63
"""Characters of a label's value, and of a DNS label."""

IDENTITY_LABELS = frozenset(
    {
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/component",
        "app.kubernetes.io/managed-by",
        CLUSTER_LABEL,
        POOL_LABEL,
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


def secret(namespace: str, cluster: str, pool: str, texts: Mapping[str, str]) -> str:
    """Name of a pool's Secret: its content is part of the name, so that a change of it rolls the machines.

    Names are no secret, so the digest must not help to guess what it is made of. It is slow (scrypt, 32 MiB and about a
    quarter of a second for each guess), salted with the pool's place, so that no table serves two pools, short, and made of
    all the pool's secrets together: a weak one among them can be tried only together with the strong ones. A key would be
    better still, but there is none that is secret, outlives renewed credentials and is known in a first preview.

    Args:
        namespace: the Cluster's namespace.
        cluster: its name.
        pool: the pool's name.
        texts: what the Secret holds, by key.
    """
    digest = _slow_digest(f"{namespace}/{cluster}/{pool}", tuple(sorted(texts.items())))
    return f"{machine_deployment(cluster, pool)}-{digest}"


@functools.lru_cache(maxsize=1024)
def _slow_digest(salt: str, texts: tuple[tuple[str, str], ...]) -> str:
    """Cached, because one run builds the manifests several times."""
    content = json.dumps(texts).encode()
    return hashlib.scrypt(content, salt=salt.encode(), n=1 << 15, r=8, p=1, maxmem=1 << 26, dklen=4).hex()


def unknown_secret(cluster: str, pool: str) -> str:
    """Stands for the name of a Secret whose content can't be read. No object can have it: an API server refuses brackets."""
    return f"{machine_deployment(cluster, pool)}-(digest)"
