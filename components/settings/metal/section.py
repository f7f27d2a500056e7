"""The section ``metal``, and the keys of a pool that only Equinix Metal's machines have."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr, WithJsonSchema

from ..model import TenantClusterSettings
from ..pools import WorkerPoolSettings
from ..secrets import SECURE
from ..section import Section
from ..types import DnsLabel, ImagePrefix, ImageTag, SshKey, Url
from .types import ProjectId, Reservation, Slug


class SshKeySettings(Section):
    """A public key that may log in to the machines."""

    name: DnsLabel = Field(
        description="Name of the key here and, where the stack creates the project, in it.", examples=["alice"]
    )
    public_key: SshKey = Field(
        description="The public key, as in authorized_keys.",
        examples=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE alice"],
    )


class ProjectSettings(Section):
    """An Equinix Metal project that the stack creates."""

    name: str = Field(description="Its name.", min_length=1, max_length=80, examples=["tenants"])
    organization: ProjectId | None = Field(
        None,
        description="UUID of its organization; by default that of the API token.",
        examples=["1c9a6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"],
    )


class CpemSettings(Section):
    """Cloud Provider Equinix Metal: gives nodes their addresses, and takes away the taint that they start with."""

    api_token: Annotated[SecretStr, WithJsonSchema(SECURE)] = Field(
        description="Token of the Metal API, with which it looks at the project's devices; a secret.",
        strict=False,
        examples=["token"],
    )
    image_repository: ImagePrefix | None = Field(
        None,
        description="Where its image comes from.",
        examples=["registry.example.org/cloud-provider-equinix-metal"],
    )
    image_tag: ImageTag | None = Field(None, description="Tag of its image.", examples=["v3.8.1"])


class MetalSettings(Section):
    """Equinix Metal: where the machines come from."""

    project_id: ProjectId | None = Field(
        None,
        description="UUID of the project that is billed; this or project is required.",
        examples=["5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"],
    )
    project: ProjectSettings | None = Field(
        None, description="A project to create, instead of projectId.", examples=[{"name": "tenants"}]
    )
    metro: DnsLabel | None = Field(
        None, description="Metro of the machines; this or facility is required.", examples=["da"]
    )
    facility: DnsLabel | None = Field(
        None, description="Facility of the machines, instead of a metro.", examples=["da11"]
    )
    vip_manager: Literal["EMLB", "CPEM", "KUBE_VIP"] = Field(
        "EMLB",
        description="capp's virtual IP manager; only EMLB leaves workers alone. It can't be changed later.",
        examples=["EMLB"],
    )
    cloud_controller: Literal["none", "cpem", "external"] = Field(
        "none",
        description="cpem: Equinix' own is installed; external: you install one. With both, nodes have a taint that only a "
        "cloud controller removes.",
        examples=["cpem"],
    )
    cpem: CpemSettings | None = Field(
        None, description="Cloud Provider Equinix Metal; for cloudController cpem.", examples=[{"apiToken": "token"}]
    )
    ssh_keys: tuple[SshKeySettings, ...] = Field(
        (),
        description="Keys that may log in to the machines as root.",
        examples=[
            [
                {
                    "name": "alice",
                    "publicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE alice",
                }
            ]
        ],
        strict=False,
    )


class MetalPoolSettings(WorkerPoolSettings):
    """A worker pool of Equinix Metal's machines."""

    machine_type: Slug = Field("c3.medium.x86", description="Plan of the machines.", examples=["c3.medium.x86"])
    os: Slug = Field("ubuntu_24_04", description="Operating system slug.", examples=["ubuntu_24_04"])
    billing_cycle: Literal["hourly", "daily", "monthly", "yearly"] = Field(
        "hourly", description="How the machines are billed.", examples=["hourly"]
    )
    metro: DnsLabel | None = Field(None, description="Metro, where it differs from the cluster's.", examples=["da"])
    facility: DnsLabel | None = Field(
        None, description="Facility, where it differs; instead of a metro.", examples=["da11"]
    )
    ipxe_url: Url | None = Field(
        None,
        alias="ipxeUrl",
        description="iPXE script, with os custom_ipxe.",
        examples=["https://example.org/boot.ipxe"],
    )
    tags: tuple[str, ...] = Field(
        (), description="Tags of the devices; capp 0.9 drops them.", examples=[["team-a"]], strict=False
    )
    hardware_reservation_ids: tuple[Reservation, ...] = Field(
        (),
        description="Reserved hardware; capp 0.9 ignores a single one and crashes on several in a metro.",
        examples=[["0b8a6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"]],
        strict=False,
    )


class MetalClusterSettings(TenantClusterSettings):
    """A tenant cluster whose machines come from Equinix Metal."""

    provider: ClassVar[str] = "metal"

    metal: MetalSettings = Field(
        description="Where its machines come from.",
        examples=[{"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"}],
    )
    worker_pools: tuple[MetalPoolSettings, ...] = Field(
        (), description="Its pools of workers.", examples=[[{"name": "worker-a", "replicas": 3}]], strict=False
    )
