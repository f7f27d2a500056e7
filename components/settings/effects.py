"""The effect that a change of each setting has on a living cluster, in one table.

Sources: Cluster API v1.10.1 (``internal/webhooks``; ``internal/controllers/cluster`` takes an endpoint over once and never
again; ``machinedeployment/mdutil`` says what rolls), Kamaji (``internal/webhook/handlers``, rules of ``api/v1alpha1``), its
Cluster API provider v0.15.2, Kubernetes for Services and for what nodes hold.
tests/lab/test_effects.py compares each row with the real programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

How = Literal["in place", "rolls machines", "with care", "never"]


@dataclass(frozen=True)
class Effect:
    """The effect of a change of a setting.

    Attributes:
        how: ``in place``: no machine is replaced; ``rolls machines``: those of the pool are replaced; ``with care``: it is
            done, with the consequence in ``why``; ``never``: it is refused, because of ``why``.
        why: the consequence or the reason; may be empty.
    """

    how: How
    why: str = ""


IN_PLACE, ROLLS = Effect("in place"), Effect("rolls machines")

ADDRESS = "the control plane's address would move; the Cluster and every node hold the old one"
"""Cluster API takes an endpoint over once (cluster_controller_phases.go), and machines that it adds join at that one."""

PODS = Effect("in place", "the control plane's pods restart one after the other")
LATER = "machines that join later take it; living ones keep theirs until they roll"
PROGRAM = Effect("in place", "only this program looks at it")

EFFECTS: dict[str, Effect] = {
    "cluster.name": Effect("never", "objects can't be renamed"),
    "cluster.namespace": Effect("never", "objects can't move to another namespace"),
    "cluster.createNamespace": PROGRAM,
    "cluster.kubernetesVersion": Effect(
        "with care", "upwards by one minor at most; the control plane first, then the pools that follow it roll"
    ),
    "cluster.podCidrs": Effect("never", "the nodes of a living cluster route the old ranges"),
    "cluster.serviceCidrs": Effect("never", "Services of a living cluster have addresses of the old ranges"),
    "cluster.serviceDomain": Effect("never", "Kamaji refuses to change it in a living control plane"),
    "cluster.apiServerPort": Effect("never", ADDRESS),
    "cluster.labels": IN_PLACE,
    "cluster.paused": Effect(
        "with care", "a paused cluster is left alone by all controllers: nothing rolls, heals or scales"
    ),
    "cluster.protect": PROGRAM,
    "cluster.allowReplacement": PROGRAM,
    "controlPlane.name": Effect(
        "never", "objects can't be renamed: the control plane would be deleted with all its data"
    ),
    "controlPlane.replicas": IN_PLACE,
    "controlPlane.version": Effect("with care", "upwards by one minor at most; pools can't be newer"),
    "controlPlane.dataStore": Effect(
        "with care", "Kamaji moves the tenant's data, between stores of one kind only, and freezes the tenant meanwhile"
    ),
    "controlPlane.dataStoreSchema": Effect("never", "Kamaji refuses to change it in a living control plane"),
    "controlPlane.addons": IN_PLACE,
    "controlPlane.addons.konnectivity": PODS,
    "controlPlane.kubelet": PODS,
    "controlPlane.kubelet.cgroupfs": Effect("with care", LATER),
    "controlPlane.network": IN_PLACE,
    "controlPlane.network.serviceType": Effect("never", ADDRESS),
    "controlPlane.network.serviceAddress": Effect("never", ADDRESS),
    "controlPlane.network.loadBalancerClass": Effect("never", "Kubernetes refuses to change it in a living Service"),
    "controlPlane.network.loadBalancerSourceRanges": Effect(
        "with care",
        "only if the cluster was made with some, and never to none; whoever is outside of the ranges can't reach the API "
        "server any more: nodes, and this program, too",
    ),
    "controlPlane.network.certSANs": PODS,
    "controlPlane.network.dnsServiceIPs": Effect("with care", f"the address of the DNS Service moves: {LATER}"),
    "controlPlane.network.ingress.hostname": Effect("never", ADDRESS),
    "controlPlane.deployment": PODS,
    "controlPlane.apiServer": PODS,
    "controlPlane.controllerManager": PODS,
    "controlPlane.scheduler": PODS,
    "controlPlane.registry": PODS,
    "controlPlane.admissionControllers": PODS,
    "workerPools": ROLLS,
    "workerPools[].name": Effect(
        "with care", "another name is another pool: the old pool's machines are deleted, new ones are created"
    ),
    "workerPools[].replicas": Effect("in place", "machines come or go"),
    "workerPools[].min": IN_PLACE,
    "workerPools[].max": IN_PLACE,
    "workerPools[].kubernetesVersion": Effect("rolls machines", "to the control plane's minor only"),
    "workerPools[].labels": Effect(
        "rolls machines",
        "but those of node.cluster.x-k8s.io, node-restriction.kubernetes.io and roles, which change in place",
    ),
    "workerPools[].annotations": IN_PLACE,
    "workerPools[].strategy": IN_PLACE,
    "workerPools[].nodeDrainTimeoutSeconds": IN_PLACE,
    "workerPools[].rolloutAfter": Effect("rolls machines", "those that are older, once that time has come"),
    "workerPools[].healthCheck": IN_PLACE,
    "workerPools[].wait": PROGRAM,
    "network": Effect("in place", "the plugin's pods restart; pods that run keep their interfaces"),
    "network.plugin": Effect(
        "with care",
        "nodes keep what the plugin before left on them, and pods their addresses: roll the pools with `rolloutAfter`",
    ),
    "addons": Effect("in place", "in the tenant cluster alone"),
    "handoff": PROGRAM,
    "capi": Effect("in place", "the same objects are written in the other API versions"),
    "management": Effect("with care", "other credentials must lead to the same management cluster"),
}
"""By key. A key without a row of its own has that of its section; infrastructure providers add theirs."""


def effect(key: str) -> Effect:
    """The effect of a change of a setting.

    Args:
        key: as docs/settings.md has it, list items as ``[]``.

    Raises:
        KeyError: there is no such setting.

    >>> effect("workerPools[].bootstrap.files[].path").how
    'rolls machines'
    """
    rows = {row.replace("[]", ""): value for row, value in EFFECTS.items()}
    steps = key.replace("[]", "").split(".")
    for length in range(len(steps), 0, -1):
        if row_effect := rows.get(".".join(steps[:length])):
            return row_effect
    raise KeyError(key)


def summary(key: str) -> str:
    """The effect in a few words, for a table."""
    effect_ = effect(key)
    return f"{effect_.how}: {effect_.why}" if effect_.why else effect_.how
