"""The KamajiControlPlane's manifest."""

from __future__ import annotations

from typing import Any

from ..capi.manifest import Manifest, drop_empty, manifest
from ..settings.control_plane import (
    AddOnSettings,
    ComponentSettings,
    ControlPlaneSettings,
    DeploymentSettings,
    KonnectivitySettings,
    NetworkSettings,
    resources,
)
from ..settings.model import TenantClusterSettings

KIND = "KamajiControlPlane"


def kamaji_control_plane(settings: TenantClusterSettings) -> Manifest:
    """The KamajiControlPlane. It never holds ``controlPlaneEndpoint``, not even an empty one: Kamaji writes that."""
    plane = settings.control_plane
    spec: dict[str, Any] = {
        **drop_empty(
            dataStoreName=plane.data_store,
            dataStoreSchema=plane.data_store_schema,
            registry=plane.registry,
            apiServer=component(plane.api_server),
            controllerManager=component(plane.controller_manager),
            scheduler=component(plane.scheduler),
        ),
        "addons": addons(plane),
        "deployment": deployment(settings, plane.deployment),
        "kubelet": {
            "cgroupfs": plane.kubelet.cgroupfs,
            "preferredAddressTypes": list(plane.kubelet.preferred_address_types),
        },
        "network": network(plane.network),
        "replicas": plane.replicas,
        "version": settings.control_plane_version,
    }
    if plane.admission_controllers is not None:
        spec["admissionControllers"] = list(plane.admission_controllers)
    return manifest(settings, settings.contract.control_plane, KIND, settings.control_plane_name, spec)


def addons(plane: ControlPlaneSettings) -> dict[str, Any]:
    """The add-ons that the settings choose; an empty map means Kamaji's defaults."""
    section = plane.addons
    spec = {"coreDNS": image(section.core_dns), "kubeProxy": image(section.kube_proxy)}
    spec["konnectivity"] = konnectivity(section.konnectivity)
    if spec["coreDNS"] is not None and plane.network.dns_service_ips:
        # With CoreDNS the provider takes the addresses from here and ignores those of the network.
        spec["coreDNS"]["dnsServiceIPs"] = list(plane.network.dns_service_ips)
    return {name: value for name, value in spec.items() if value is not None}


def image(section: AddOnSettings | None) -> dict[str, Any] | None:
    """An add-on with its image."""
    if section is None:
        return None
    return drop_empty(imageRepository=section.image_repository, imageTag=section.image_tag)


def konnectivity(section: KonnectivitySettings | None) -> dict[str, Any] | None:
    """The tunnel to the nodes."""
    if section is None:
        return None
    server = {"port": section.port, **drop_empty(version=section.server_version)}
    return {"server": server, **drop_empty(agent=drop_empty(version=section.agent_version))}


def component(section: ComponentSettings) -> dict[str, Any]:
    """Arguments and resources of one program."""
    return drop_empty(extraArgs=section.extra_args, resources=resources(section))


def deployment(settings: TenantClusterSettings, section: DeploymentSettings) -> dict[str, Any]:
    """Placement of the pods; an empty map where the settings say nothing (an empty key would be null)."""
    spread = [
        {
            "topologyKey": key,
            "maxSkew": 1,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"kamaji.clastix.io/name": settings.control_plane_name}},
        }
        for key in section.spread_over
    ]
    return drop_empty(
        nodeSelector=dict(section.node_selector),
        tolerations=[
            drop_empty(key=item.key, operator=item.operator, value=item.value, effect=item.effect)
            for item in section.tolerations
        ],
        topologySpreadConstraints=spread,
        podAdditionalMetadata=drop_empty(labels=dict(section.labels), annotations=dict(section.annotations)),
        runtimeClassName=section.runtime_class_name,
        serviceAccountName=section.service_account_name,
    )


def network(section: NetworkSettings) -> dict[str, Any]:
    """The Service in front of the API server."""
    ingress = section.ingress and drop_empty(
        hostname=section.ingress.hostname,
        className=section.ingress.class_name,
        extraLabels=dict(section.ingress.labels),
        extraAnnotations=dict(section.ingress.annotations),
    )
    return {
        "serviceType": section.service_type,
        **drop_empty(
            serviceAddress=section.service_address,
            serviceLabels=dict(section.service_labels),
            serviceAnnotations=dict(section.service_annotations),
            loadBalancerConfig=drop_empty(
                loadBalancerClass=section.load_balancer_class,
                loadBalancerSourceRanges=section.load_balancer_source_ranges,
            ),
            certSANs=section.cert_sans,
            dnsServiceIPs=section.dns_service_ips,
            ingress=ingress,
        ),
    }
