"""Settings of the control plane: how it is reached, where its pods run, and what Kamaji installs into the tenant cluster."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from .section import Section
from .types import (
    AdmissionPlugin,
    AnnotationKey,
    Argument,
    DataStore,
    Dns1035,
    DnsSubdomain,
    Host,
    ImagePrefix,
    ImageTag,
    IngressHost,
    IpAddress,
    LabelKey,
    LabelValue,
    Port,
    Quantity,
    ResourceName,
    SourceRange,
    Version,
    add_on,
)


class KubeletSettings(Section):
    """Kubelet defaults that Kamaji publishes to the tenant's kubeadm configuration."""

    cgroupfs: Literal["systemd", "cgroupfs"] = Field("systemd", description="cgroup driver.", examples=["systemd"])
    preferred_address_types: tuple[
        Literal["Hostname", "InternalIP", "ExternalIP", "InternalDNS", "ExternalDNS"], ...
    ] = Field(
        ("ExternalIP", "InternalIP", "Hostname"),
        description="Which address of a node the API server dials, in order.",
        examples=[["ExternalIP", "InternalIP", "Hostname"]],
        min_length=1,
        strict=False,
    )


class IngressSettings(Section):
    """An Ingress in front of the API server."""

    hostname: IngressHost = Field(description="Its host, with an optional port.", examples=["api.example.org"])
    class_name: DnsSubdomain | None = Field(None, description="Its IngressClass.", examples=["nginx"])
    labels: dict[LabelKey, LabelValue] = Field({}, description="Its labels.", examples=[{"team": "a"}])
    annotations: dict[AnnotationKey, str] = Field(
        {}, description="Its annotations.", examples=[{"example.org/tls": "pass"}]
    )


class NetworkSettings(Section):
    """How the tenant's API server is reached."""

    service_type: Literal["LoadBalancer", "NodePort", "ClusterIP"] = Field(
        "LoadBalancer", description="Type of the Service in front of it.", examples=["LoadBalancer"]
    )
    service_address: IpAddress | None = Field(
        None, description="Fixed address of that Service.", examples=["203.0.113.10"]
    )
    service_labels: dict[LabelKey, LabelValue] = Field(
        {}, description="Labels of that Service.", examples=[{"team": "a"}]
    )
    service_annotations: dict[AnnotationKey, str] = Field(
        {}, description="Annotations of that Service.", examples=[{"metallb.io/address-pool": "public"}]
    )
    load_balancer_class: LabelKey | None = Field(
        None, description="Its load balancer class; it can't be changed later.", examples=["metallb.io/metallb"]
    )
    load_balancer_source_ranges: tuple[SourceRange, ...] = Field(
        (), description="Addresses that may reach it.", examples=[["203.0.113.0/24"]], strict=False
    )
    cert_sans: tuple[Host, ...] = Field(
        (),
        alias="certSANs",
        description="Further names and addresses of its certificate, without ports.",
        examples=[["api.example.org"]],
        strict=False,
    )
    dns_service_ips: tuple[IpAddress, ...] = Field(
        (),
        alias="dnsServiceIPs",
        description="Addresses of the cluster's DNS Service; by default the tenth of serviceCidrs.",
        examples=[["172.26.0.10"]],
        strict=False,
    )
    ingress: IngressSettings | None = Field(
        None, description="An Ingress in front of it.", examples=[{"hostname": "api.example.org"}]
    )


class TolerationSettings(Section):
    """A toleration of the control plane's pods."""

    key: LabelKey | None = Field(None, description="Key of the taint.", examples=["dedicated"])
    operator: Literal["Equal", "Exists"] = Field("Equal", description="How it matches.", examples=["Exists"])
    value: LabelValue | None = Field(None, description="Value of the taint.", examples=["tenants"])
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="Effect of the taint; by default all.", examples=["NoSchedule"]
    )


class DeploymentSettings(Section):
    """Placement of the control plane's pods in the management cluster."""

    node_selector: dict[LabelKey, LabelValue] = Field(
        {}, description="Labels of nodes to use.", examples=[{"zone": "a"}]
    )
    tolerations: tuple[TolerationSettings, ...] = Field(
        (),
        description="Taints that they tolerate.",
        examples=[[{"key": "dedicated", "operator": "Exists"}]],
        strict=False,
    )
    spread_over: tuple[LabelKey, ...] = Field(
        (),
        description="Node labels, such as zone and host, over which they are spread evenly.",
        examples=[["topology.kubernetes.io/zone"]],
        strict=False,
    )
    labels: dict[LabelKey, LabelValue] = Field({}, description="Labels of the pods.", examples=[{"team": "a"}])
    annotations: dict[AnnotationKey, str] = Field(
        {}, description="Annotations of the pods.", examples=[{"example.org/scrape": "true"}]
    )
    runtime_class_name: DnsSubdomain | None = Field(None, description="RuntimeClass of the pods.", examples=["gvisor"])
    service_account_name: DnsSubdomain | None = Field(None, description="Their ServiceAccount.", examples=["tenants"])


class AddOnSettings(Section):
    """An add-on that Kamaji installs into the tenant cluster."""

    image_repository: ImagePrefix | None = Field(
        None, description="Where its image comes from.", examples=["registry.example.org/coredns"]
    )
    image_tag: ImageTag | None = Field(None, description="Tag of its image.", examples=["v1.12.1"])


class KonnectivitySettings(Section):
    """The tunnel from the API server to nodes that it can't dial."""

    port: Port = Field(8132, description="Port of the tunnel, at the API server's address.", examples=[8132])
    server_version: ImageTag | None = Field(None, description="Version of its server.", examples=["v0.33.0"])
    agent_version: ImageTag | None = Field(None, description="Version of its agents.", examples=["v0.33.0"])


AddOn = Annotated[AddOnSettings | None, BeforeValidator(add_on)]
Konnectivity = Annotated[KonnectivitySettings | None, BeforeValidator(add_on)]


class AddOnsSettings(Section):
    """What Kamaji installs into the tenant cluster; each is true, false or a map."""

    core_dns: AddOn = Field(
        AddOnSettings.by_default(), alias="coreDNS", description="Install CoreDNS.", examples=[True]
    )
    kube_proxy: AddOn = Field(AddOnSettings.by_default(), description="Install kube-proxy.", examples=[True])
    konnectivity: Konnectivity = Field(
        None,
        description="Tunnel from the API server to the nodes, for logs and exec where it can't dial them.",
        examples=[True],
    )


class ComponentSettings(Section):
    """One program of the control plane."""

    extra_args: tuple[Argument, ...] = Field(
        (), description="Further command-line arguments.", examples=[["--v=2"]], strict=False
    )
    requests: dict[ResourceName, Quantity] = Field(
        {}, description="Resource requests of its container.", examples=[{"cpu": "250m", "memory": "512Mi"}]
    )
    limits: dict[ResourceName, Quantity] = Field(
        {}, description="Resource limits of its container.", examples=[{"memory": "2Gi"}]
    )


class ControlPlaneSettings(Section):
    """The KamajiControlPlane object."""

    name: Dns1035 | None = Field(
        None, description="Its name; by default `<cluster>-control-plane`.", examples=["prod-control-plane"]
    )
    replicas: int = Field(2, description="Pods of the control plane.", ge=1, le=9, examples=[2])
    version: Version | None = Field(
        None, description="Kubernetes version, where it differs from the cluster's.", examples=["1.33.0"]
    )
    data_store: DataStore | None = Field(
        "default", description="Kamaji DataStore that holds the tenant's data.", examples=["default"]
    )
    data_store_schema: str | None = Field(
        None,
        description="Key prefix or database in it; it can't be changed later.",
        pattern=r"^[A-Za-z0-9_-]{1,63}$",
        examples=["prod_control_plane"],
    )
    addons: AddOnsSettings = Field(
        AddOnsSettings.by_default(), description="Add-ons that Kamaji installs.", examples=[{"coreDNS": True}]
    )
    kubelet: KubeletSettings = Field(
        KubeletSettings.by_default(), description="Kubelet defaults.", examples=[{"cgroupfs": "systemd"}]
    )
    network: NetworkSettings = Field(
        NetworkSettings.by_default(),
        description="How the API server is reached.",
        examples=[{"serviceType": "LoadBalancer"}],
    )
    deployment: DeploymentSettings = Field(
        DeploymentSettings.by_default(),
        description="Placement of its pods.",
        examples=[{"nodeSelector": {"zone": "a"}}],
    )
    api_server: ComponentSettings = Field(
        ComponentSettings.by_default(), description="kube-apiserver.", examples=[{"extraArgs": ["--v=2"]}]
    )
    controller_manager: ComponentSettings = Field(
        ComponentSettings.by_default(), description="kube-controller-manager.", examples=[{"extraArgs": ["--v=2"]}]
    )
    scheduler: ComponentSettings = Field(
        ComponentSettings.by_default(), description="kube-scheduler.", examples=[{"extraArgs": ["--v=2"]}]
    )
    registry: ImagePrefix | None = Field(
        None,
        description="Registry of its images, without a scheme; Kamaji's default is registry.k8s.io.",
        examples=["registry.example.org"],
    )
    admission_controllers: tuple[AdmissionPlugin, ...] | None = Field(
        None,
        description="Admission plug-ins of the API server; by default Kamaji's.",
        examples=[["NodeRestriction", "PodSecurity"]],
        strict=False,
    )


def resources(component: ComponentSettings) -> dict[str, Any]:
    """A component's resources as a container has them."""
    amounts = {"requests": dict(component.requests), "limits": dict(component.limits)}
    return {key: value for key, value in amounts.items() if value}
