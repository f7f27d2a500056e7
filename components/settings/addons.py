"""Settings of the tenant cluster's add-ons: its network plugin, charts and manifests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, WithJsonSchema

from .free_values import check_free_values
from .secrets import SECURE
from .section import Section, timeout
from .types import ChartsUrl, ChartVersion, DnsLabel, Url

Values = Annotated[dict[str, Any], AfterValidator(check_free_values), WithJsonSchema({"type": "object"})]
"""Values of a Helm chart. Any text in them may be stored as a secret: then it is one in Pulumi's state, too."""

Manifest = Annotated[dict[str, Any], AfterValidator(check_free_values), WithJsonSchema({"type": "object"})]
Password = Annotated[SecretStr | None, WithJsonSchema(SECURE)]


class NetworkPluginSettings(Section):
    """The network plugin of the tenant cluster: without one no node becomes Ready."""

    plugin: Literal["cilium", "calico", "flannel", "custom", "none"] = Field(
        "none",
        description="Which one is installed; custom: one of `addons` is it; none: you install one by other means.",
        examples=["cilium"],
    )
    version: ChartVersion | None = Field(
        None,
        description="Version of its chart; by default the one that this program's values were checked with.",
        examples=["1.17.3"],
    )
    repository: ChartsUrl | None = Field(
        None,
        description="Where its chart is: a mirror of upstream's repository, or a registry that begins with oci://.",
        examples=["https://charts.example.org"],
    )
    mtu: int | None = Field(
        None,
        description="MTU of the pods, in bytes; by default the plugin takes it from the interface of the machine.",
        ge=1280,
        le=65535,
        examples=[1450],
    )
    values: Values = Field(
        {},
        description="Further values of its chart; they win over this program's.",
        examples=[{"debug": {"enabled": True}}],
    )


class AddonSettings(Section):
    """A Helm chart, or manifests, for the tenant cluster."""

    name: DnsLabel = Field(description="Its name, and that of the chart's release.", examples=["metrics-server"])
    chart: str | None = Field(
        None,
        description="Name of a chart in `repository`, a chart's folder, or an address that begins with oci://.",
        min_length=1,
        examples=["metrics-server"],
    )
    repository: Url | None = Field(
        None,
        description="Address of the chart's repository.",
        examples=["https://kubernetes-sigs.github.io/metrics-server"],
    )
    version: ChartVersion | None = Field(
        None, description="The chart's version; required, except for a chart in a folder.", examples=["3.12.2"]
    )
    username: str | None = Field(None, description="User of the repository.", min_length=1, examples=["robot"])
    password: Password = Field(None, description="That user's password; a secret.", strict=False, examples=["token"])
    plain_http: bool = Field(False, description="The registry of an oci:// chart speaks no TLS.", examples=[True])
    namespace: DnsLabel | None = Field(
        None,
        description="Namespace of the chart's objects in the tenant cluster; by default `default`.",
        examples=["kube-system"],
    )
    create_namespace: bool = Field(False, description="Create that namespace.", examples=[True])
    values: Values = Field(
        {}, description="The chart's values; any text in them may be a secret.", examples=[{"replicas": 2}]
    )
    files: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (),
        description="Manifests instead of a chart: files, folders, patterns such as `a/*.yaml`, and addresses.",
        examples=[["manifests"]],
        strict=False,
    )
    objects: tuple[Manifest, ...] = Field(
        (),
        description="Manifests instead of a chart, written here; any text in them may be a secret.",
        examples=[[{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tools"}}]],
        strict=False,
    )
    wait: bool = Field(
        True,
        description="Wait until its workloads run, where the stack asks for machines; the add-ons after it wait for it.",
        examples=[True],
    )
    timeout_seconds: int = timeout(1800, longest=86400, description="Longest wait for each of its objects.")
