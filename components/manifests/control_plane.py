"""The KamajiControlPlane's manifest."""

from __future__ import annotations

from typing import Any

from ..capi.manifest import Manifest, given, manifest
from ..settings.cluster import (
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
        **given(
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
    """The add-ons that are wanted; an empty map means Kamaji's defaults."""
    wanted = plane.addons
    found = {"coreDNS": image(wanted.core_dns), "kubeProxy": image(wanted.kube_proxy)}
    found["konnectivity"] = konnectivity(wanted.konnectivity)
    if found["coreDNS"] is not None and plane.network.dns_service_ips:
        # With CoreDNS the provider takes the addresses from here and ignores those of the network.
        found["coreDNS"]["dnsServiceIPs"] = list(plane.network.dns_service_ips)
    return {name: value for name, value in found.items() if value is not None}


def image(wanted: AddOnSettings | None) -> dict[str, Any] | None:
    """An add-on with its image."""
    if wanted is None:
        return None
    return given(imageRepository=wanted.image_repository, imageTag=wanted.image_tag)


def konnectivity(wanted: KonnectivitySettings | None) -> dict[str, Any] | None:
    """The tunnel to the nodes."""
    if wanted is None:
        return None
    server = {"port": wanted.port, **given(version=wanted.server_version)}
    return {"server": server, **given(agent=given(version=wanted.agent_version))}


def component(wanted: ComponentSettings) -> dict[str, Any]:
    """Arguments and resources of one program."""
    return given(extraArgs=wanted.extra_args, resources=resources(wanted))


def deployment(settings: TenantClusterSettings, wanted: DeploymentSettings) -> dict[str, Any]:
    """Placement of the pods; an empty map where nothing is asked for (an empty key would be null)."""
    spread = [
        {
            "topologyKey": key,
            "maxSkew": 1,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"kamaji.clastix.io/name": settings.control_plane_name}},
        }
        for key in wanted.spread_over
    ]
    return given(
        nodeSelector=dict(wanted.node_selector),
        tolerations=[
            given(key=item.key, operator=item.operator, value=item.value, effect=item.effect)
            for item in wanted.tolerations
        ],
        topologySpreadConstraints=spread,
        podAdditionalMetadata=given(labels=dict(wanted.labels), annotations=dict(wanted.annotations)),
        runtimeClassName=wanted.runtime_class_name,
        serviceAccountName=wanted.service_account_name,
    )


def network(wanted: NetworkSettings) -> dict[str, Any]:
    """The Service in front of the API server."""
    ingress = wanted.ingress and given(
        hostname=wanted.ingress.hostname,
        className=wanted.ingress.class_name,
        extraLabels=dict(wanted.ingress.labels),
        extraAnnotations=dict(wanted.ingress.annotations),
    )
    return {
        "serviceType": wanted.service_type,
        **given(
            serviceAddress=wanted.service_address,
            serviceLabels=dict(wanted.service_labels),
            serviceAnnotations=dict(wanted.service_annotations),
            loadBalancerConfig=given(
                loadBalancerClass=wanted.load_balancer_class,
                loadBalancerSourceRanges=wanted.load_balancer_source_ranges,
            ),
            certSANs=wanted.cert_sans,
            dnsServiceIPs=wanted.dns_service_ips,
            ingress=ingress,
        ),
    }
