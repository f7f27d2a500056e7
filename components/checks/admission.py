"""Whether Kamaji would accept a control plane: a question to its webhooks and its CRD before anything is written.

Otherwise a refusal comes late, in a condition of the KamajiControlPlane, once Kamaji's provider makes a TenantControlPlane of
it. So the same TenantControlPlane is sent here as a dry-run, of which the API server stores nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..capi.kinds import TENANT_CONTROL_PLANE
from ..handoff.refusal import words
from ..kube.client import Api, ApiError
from ..kube.objects import Json
from ..manifests import tenant as tenants

VERSION = "cluster.kubernetesVersion"
"""The setting of the control plane's version, where it has none of its own."""

MERGE = "application/merge-patch+json"

_FIELD = re.compile(r"\bspec\.(?P<path>[A-Za-z.]+)")


@dataclass(frozen=True)
class Verdict:
    """Kamaji's answer.

    Attributes:
        refusal: its words where it refuses; empty where it does not, or could not be asked.
        note: why it could not be asked; empty where it could.
        fields: the fields below ``spec`` that would change.
    """

    refusal: str = ""
    note: str = ""
    fields: tuple[str, ...] = ()


def ask(api: Api, cluster: Mapping[str, Any], plane: Mapping[str, Any], current: Json | None) -> Verdict:
    """Ask whether Kamaji takes what its provider will make of two manifests.

    Args:
        api: the management cluster's.
        cluster: the Cluster's manifest.
        plane: the KamajiControlPlane's.
        current: the live TenantControlPlane; None where there is none.
    """
    tenant = tenants.tenant_control_plane(cluster, plane)
    path = TENANT_CONTROL_PLANE.path(tenant["metadata"]["namespace"], tenant["metadata"]["name"] if current else "")
    fields: tuple[str, ...] = ()
    try:
        if current is None:
            api.post(f"{path}?dryRun=All", tenant)
            return Verdict()
        changes = tenants.differences(tenant, current)
        fields = tuple(changes)
        if changes:
            patch: dict[str, Any] = {}
            for field, value in changes.items():
                tenants.set_field(patch, field, value)
            api.patch(f"{path}?dryRun=All", {"spec": patch}, MERGE)
    except ApiError as error:
        return judge(error, fields)
    return Verdict(fields=fields)


def judge(error: ApiError, fields: tuple[str, ...]) -> Verdict:
    """The meaning of an error answer."""
    refusal = words(error.message)
    # A field that a newer CRD asks for is one that Kamaji's provider would fill in.
    if refusal and "Required value" not in refusal:
        return Verdict(refusal, fields=fields)
    if error.code == 404 or error.reason == "AlreadyExists":
        # A namespace that the stack will create, Kamaji's CRD, or a TenantControlPlane that came meanwhile.
        return Verdict()
    if error.code == 403 and "webhook" not in error.message:
        return Verdict(
            note="the credentials may not create and patch tenantcontrolplanes.kamaji.clastix.io as a dry-run"
        )
    return Verdict(note=str(error))


def setting(verdict: Verdict) -> str:
    """The setting that a refusal is about, derived from its words or from the fields that would change."""
    for match in _FIELD.finditer(verdict.refusal):
        for field, key in tenants.SETTINGS.items():
            if match["path"].rstrip(".") == field:
                return key
    text = verdict.refusal.lower()
    for sign, key in SIGNS.items():
        if sign in text:
            return key
    if len(verdict.fields) == 1:
        return tenants.SETTINGS[verdict.fields[0]]
    return "controlPlane"


SIGNS = {
    "dns service ip": "controlPlane.network.dnsServiceIPs",
    "service cidr": "cluster.serviceCidrs",
    "source cidr": "controlPlane.network.loadBalancerSourceRanges",
    "source ranges": "controlPlane.network.loadBalancerSourceRanges",
    "loadbalancerclass": "controlPlane.network.loadBalancerClass",
    "address types": "controlPlane.kubelet.preferredAddressTypes",
    "certificate san": "controlPlane.network.certSANs",
    "datastoreschema": "controlPlane.dataStoreSchema",
    "datastore": "controlPlane.dataStore",
    "version": VERSION,
    "downgrade": VERSION,
}
"""Words of Kamaji's refusals (kamaji, internal/webhook/handlers), and the settings that they are about."""
