"""The edges between the objects of one tenant cluster, in one place.

Order on the way up: Cluster, then its parts, then the hand-off, then machines. On the way down the order matters more: an
infrastructure provider may keep a machine's finalizer, and the billed machine, for ever once the infrastructure cluster has
been deleted first. So only the Cluster is deleted through the API server, by background propagation, and Cluster API deletes
the other objects in its own order; for the engine they are ``deleted_with`` it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

DELETION_PROPAGATION = {"pulumi.com/deletionPropagationPolicy": "background"}
"""Annotation for the Cluster: pulumi-kubernetes deletes in the foreground by default, which lets the garbage collector
delete all dependents at once."""

TEARDOWN = pulumi.CustomTimeouts(delete="60m")
"""Bare metal takes long to release: the engine's ten minutes would end a destroy too early."""


def part_of(
    parent: pulumi.Resource, cluster: pulumi.Resource | None, *after: pulumi.Resource, **more: object
) -> pulumi.ResourceOptions:
    """Options of an object that belongs to ``cluster``: created after it and ``after``, deleted together with it.

    Args:
        parent: the component that the object is shown under.
        cluster: the Cluster API ``Cluster`` resource; None if something else declares it.
        after: resources that must exist first.
        more: further fields of ``pulumi.ResourceOptions``.
    """
    first: Sequence[pulumi.Resource] = [*([cluster] if cluster else []), *after]
    return pulumi.ResourceOptions(
        parent=parent,
        depends_on=list(first),
        deleted_with=cluster,
        custom_timeouts=TEARDOWN,
        **more,  # type: ignore[arg-type]
    )
