"""A destroy of what is protected, refused before the engine starts.

An engine that runs the program during a destroy meets a protected resource only after it has dropped others from the state,
which it then can't write whole any more ("snapshot integrity failure").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .errors import PreflightFailed

CLUSTER_KINDS = ("Cluster", "KamajiControlPlane")
"""Kinds that ``cluster.protect`` protects."""


def require_unprotected(resources: Iterable[Mapping[str, Any]], stack: str) -> None:
    """Refuse to destroy a stack that has protected resources.

    Args:
        resources: of the stack's state.
        stack: the stack's name, for the commands in the report.

    Raises:
        PreflightFailed: names them, and what lets them go; nothing was deleted.
    """
    urns = [str(resource["urn"]) for resource in resources if resource.get("protect") and not resource.get("delete")]
    if not urns:
        return
    of_clusters = [urn for urn in urns if kind_and_name(urn)[0] in CLUSTER_KINDS]
    lines = []
    if of_clusters:
        names = ", ".join("/".join(kind_and_name(urn)) for urn in of_clusters)
        lines.append(
            f"{names}: set `cluster.protect: false` and run `kamaji-equinix up --stack {stack}`; where `up` can't succeed "
            f"any more, run `pulumi state unprotect --all --yes --stack {stack}`"
        )
    lines += [
        f"{'/'.join(kind_and_name(urn))}: run `pulumi state unprotect '{urn}' --yes --stack {stack}`"
        for urn in urns
        if urn not in of_clusters
    ]
    report = "".join(f"\n- {line}" for line in lines)
    raise PreflightFailed(f"nothing was deleted: stack {stack} has protected resources{report}", stack=stack)


def kind_and_name(urn: str) -> tuple[str, str]:
    """Kind and name of the resource that a URN names.

    >>> kind_and_name("urn:pulumi:dev::p::a:b:C$kubernetes:cluster.x-k8s.io/v1beta1:Cluster::one")
    ('Cluster', 'one')
    """
    *_, type_, name = urn.split("::")
    return type_.rpartition(":")[2], name
