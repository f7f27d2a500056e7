"""An infrastructure provider that there is none of: what a stranger's module would hold, and nothing else of this project.

It is chosen by the section ``fictional`` of a cluster's settings. ``ENDPOINT`` says how the endpoint comes into its
infrastructure cluster; a program that imports it registers it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from kamaji_equinix.components import providers
from kamaji_equinix.components.capi import naming
from kamaji_equinix.components.capi.manifest import Manifest, manifest
from kamaji_equinix.components.providers.provider import Provider
from kamaji_equinix.components.settings.effects import Effect
from kamaji_equinix.components.settings.model import TenantClusterSettings
from kamaji_equinix.components.settings.pools import WorkerPoolSettings
from kamaji_equinix.components.settings.provider import ProviderSettings
from kamaji_equinix.components.settings.report import Problem
from kamaji_equinix.components.settings.section import Section
from pydantic import Field

VERSION = "infrastructure.cluster.x-k8s.io/v1beta1"
ENDPOINT = os.environ.get("FICTIONAL_ENDPOINT", "patched")


class FictionalSettings(Section):
    """Where fictional machines come from."""

    planet: str = Field(description="Where they stand.", examples=["mars"])


class FictionalPoolSettings(WorkerPoolSettings):
    """A pool of fictional machines."""

    size: str = Field("small", description="Of a machine.", examples=["large"])


class FictionalClusterSettings(TenantClusterSettings):
    """A tenant cluster of fictional machines."""

    provider: ClassVar[str] = "fictional"

    fictional: FictionalSettings = Field(description="Where its machines come from.", examples=[{"planet": "mars"}])
    worker_pools: tuple[FictionalPoolSettings, ...] = Field(
        (), description="Its pools.", examples=[[{"name": "a"}]], strict=False
    )


def problems(base: str, tenant: FictionalClusterSettings) -> Iterator[Problem]:
    if tenant.fictional.planet == "pluto":
        yield Problem(f"{base}fictional.planet", "is no planet", tenant.fictional.planet, "mars")


def pool_problems(
    path: str, _base: str, tenant: FictionalClusterSettings, pool: FictionalPoolSettings
) -> Iterator[Problem]:
    if pool.size == "huge" and tenant.fictional.planet == "mercury":
        yield Problem(f"{path}.size", "does not fit", pool.size, "small")


def warnings(base: str, tenant: FictionalClusterSettings) -> Iterator[Problem]:
    if tenant.fictional.planet == "venus":
        yield Problem(f"{base}fictional.planet", "is hot")


def user_data(text: str, *, is_quoted: bool) -> None:
    if "<<" in text:
        raise ValueError("holds '<<', which the fictional templating would run")


class Fictional(Provider[FictionalClusterSettings, FictionalPoolSettings]):
    """The provider itself."""

    settings = ProviderSettings(
        key="fictional",
        section=FictionalSettings,
        tenant=FictionalClusterSettings,
        pool=FictionalPoolSettings,
        user_data=user_data,
        problems=problems,
        pool_problems=pool_problems,
        warnings=warnings,
        effects={"fictional.planet": Effect("never", "a planet can't be left")},
        kubelet_arguments={"hostname-override": "fictional.planet"},
    )
    cluster_kind = "FictionalCluster"
    install = "clusterctl init --infrastructure fictional"
    remarks: Mapping[str, str] = {"FictionalCluster": "Of no cloud that there is."}

    def __init__(self, endpoint: Any = ENDPOINT) -> None:
        self.endpoint = endpoint

    def reference(self, tenant: FictionalClusterSettings) -> Any:
        return {
            "apiVersion": VERSION,
            "kind": "FictionalCluster",
            "plural": "fictionalclusters",
            "name": tenant.cluster.name,
        }

    def cluster(self, tenant: FictionalClusterSettings) -> Manifest:
        spec = {"planet": tenant.fictional.planet}
        return manifest(tenant, VERSION, "FictionalCluster", tenant.cluster.name, spec)

    def machine_template(self, tenant: FictionalClusterSettings, pool: FictionalPoolSettings) -> Manifest:
        (data,) = self.companions(tenant, pool)
        whole = {"template": {"spec": {"size": pool.size, "data": data["metadata"]["name"]}}}
        name = naming.template(tenant.cluster.name, pool.name, whole)
        return manifest(tenant, VERSION, "FictionalMachineTemplate", name, whole, pool=pool)

    def companions(self, tenant: FictionalClusterSettings, pool: FictionalPoolSettings) -> list[Manifest]:
        name = f"{tenant.cluster.name}-{pool.name}-data"
        return [manifest(tenant, VERSION, "FictionalData", name, {"size": pool.size}, pool=pool)]

    def kubelet_arguments(self, tenant: FictionalClusterSettings) -> dict[str, str]:
        return {"hostname-override": tenant.fictional.planet}

    def node_labels(self, tenant: FictionalClusterSettings) -> dict[str, str]:
        return {"fictional.example/planet": tenant.fictional.planet}

    def identity(self, infrastructure_cluster: Mapping[str, Any]) -> dict[str, Any]:
        return {"fictional.planet": infrastructure_cluster.get("spec", {}).get("planet")}


def register(endpoint: str = ENDPOINT) -> Fictional:
    """Let clusters choose it."""
    provider = Fictional(endpoint)
    providers.register(provider)
    return provider
