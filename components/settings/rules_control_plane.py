"""Rules of the control plane: the management cluster's API server accepts the objects that Kamaji makes of the settings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..capi.versions import minor
from . import model, quantities
from .control_plane import ControlPlaneSettings, NetworkSettings
from .report import Problem
from .types import INT32

API_PORT = 6443
"""Kamaji's default."""

NODE_PORTS = range(30000, 32768)
"""kube-apiserver's default for --service-node-port-range; Kamaji asks for the API server's port as the node's, too."""

POD_PORTS = {10257: "kube-controller-manager", 10259: "kube-scheduler"}
KONNECTIVITY_PORTS = {8133: "konnectivity's administration", 8134: "konnectivity's health check"}
"""Ports that other programs of the same pod listen at (internal/builders/controlplane of Kamaji)."""

REMOVED_PLUGINS = {"PodSecurityPolicy": (1, 25), "SecurityContextDeny": (1, 30), "PersistentVolumeLabel": (1, 31)}
"""Admission plug-ins, and the first minor of Kubernetes that ends at their names."""

KAMAJI = "kamaji.clastix.io"

LARGEST_ANNOTATIONS = 256 * 1024
"""Bytes of all annotations of an object (k8s.io/apimachinery, TotalAnnotationSizeLimitB)."""

APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
CONTAINERS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


def control_plane_problems(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """Mistakes of one cluster's control plane; ``base`` is its path with a dot, or empty."""
    plane = tenant.control_plane
    path = f"{base}controlPlane"
    yield from service(base, plane.network)
    yield from ports(base, tenant)
    yield from placement(f"{path}.deployment", plane)
    yield from programs(path, plane)
    yield from labels(path, plane)
    yield from annotation_values(path, plane)
    yield from twice(f"{path}.kubelet.preferredAddressTypes", plane.kubelet.preferred_address_types)
    yield from twice(f"{path}.admissionControllers", plane.admission_controllers or ())
    for index, name in enumerate(plane.admission_controllers or ()):
        removal = REMOVED_PLUGINS.get(name)
        if removal and minor(tenant.control_plane_version) >= removal:
            yield Problem(
                f"{path}.admissionControllers[{index}]",
                f"was removed in Kubernetes {removal[0]}.{removal[1]}, and kube-apiserver does not start with a name "
                "that it does not know; leave it out",
                name,
                None,
            )


def service(base: str, settings: NetworkSettings) -> Iterator[Problem]:
    """The API server's Service gets an address, and only settings that its type has."""
    path = f"{base}controlPlane.network"
    type_path = f"{path}.serviceType"
    if settings.service_type == "NodePort" and settings.service_address is None:
        yield Problem(
            type_path,
            "needs controlPlane.network.serviceAddress, the address of a node: Kamaji can't read it from such a "
            "Service",
            settings.service_type,
            "LoadBalancer",
            about=(f"{path}.serviceAddress",),
        )
    if settings.service_type != "LoadBalancer":
        for key, value in (
            ("loadBalancerClass", settings.load_balancer_class),
            ("loadBalancerSourceRanges", list(settings.load_balancer_source_ranges)),
        ):
            if value:
                yield Problem(
                    f"{path}.{key}",
                    f"has no effect with serviceType {settings.service_type}; leave it out, or set serviceType to "
                    "LoadBalancer",
                    value,
                    None,
                    about=(type_path,),
                )


def ports(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """Ports of one pod differ, and are ports that nodes can have where they are a node's."""
    plane = tenant.control_plane
    api_path, tunnel_path = f"{base}cluster.apiServerPort", f"{base}controlPlane.addons.konnectivity.port"
    type_path = f"{base}controlPlane.network.serviceType"
    api_port = tenant.cluster.api_server_port
    api, tunnel = api_port or API_PORT, plane.addons.konnectivity
    pod_ports = {**POD_PORTS, **(KONNECTIVITY_PORTS if tunnel else {})}
    ports_ = [(api_path, api, "the API server"), *([(tunnel_path, tunnel.port, "konnectivity")] if tunnel else [])]
    for path, number, _ in ports_:
        if number in pod_ports:
            yield Problem(
                path, f"is the port of {pod_ports[number]}, which runs in the same pod; choose another", number
            )
        if plane.network.service_type == "NodePort" and number not in NODE_PORTS:
            yield Problem(
                path,
                f"must be between {NODE_PORTS[0]} and {NODE_PORTS[-1]} with serviceType NodePort: it is the nodes' "
                "port too",
                number,
                NODE_PORTS[0] if path == api_path else NODE_PORTS[1],
                about=(type_path,),
            )
    if tunnel and tunnel.port == api:
        free = 8132 if api != 8132 else 8131
        yield Problem(
            tunnel_path,
            "is the API server's port too, and both have the same address; choose another",
            api,
            free,
            (api_path,),
        )


def placement(path: str, plane: ControlPlaneSettings) -> Iterator[Problem]:
    """A pod's placement is valid (pkg/apis/core/validation of Kubernetes)."""
    for index, item in enumerate(plane.deployment.tolerations):
        place = f"{path}.tolerations[{index}]"
        if item.operator == "Exists" and item.value:
            yield Problem(
                f"{place}.value",
                "has no effect with operator Exists, which matches any value; leave it out",
                item.value,
                None,
            )
        if item.operator == "Equal" and not item.key:
            yield Problem(
                f"{place}.key",
                "is required with operator Equal; only operator Exists may stand without a key, and tolerates all "
                "taints",
            )
    yield from twice(f"{path}.spreadOver", plane.deployment.spread_over)


def programs(path: str, plane: ControlPlaneSettings) -> Iterator[Problem]:
    """Valid resources of containers, and arguments that Kamaji keeps one value of."""
    components = {
        "apiServer": plane.api_server,
        "controllerManager": plane.controller_manager,
        "scheduler": plane.scheduler,
    }
    for key, component in components.items():
        for kind, name, rule in quantities.problems(component.requests, component.limits):
            amounts = component.requests if kind == "requests" else component.limits
            place = (
                f"{path}.{key}.{kind}.{name}" if re.fullmatch("[a-z0-9-]+", name) else f'{path}.{key}.{kind}["{name}"]'
            )
            counterpart = "limits" if kind == "requests" else "requests"
            yield Problem(place, rule, amounts[name], about=(f"{path}.{key}.{counterpart}",))
        flags = [argument.partition("=")[0] for argument in component.extra_args]
        yield from twice(
            f"{path}.{key}.extraArgs",
            flags,
            "is given twice, and Kamaji keeps only one value of an argument; leave one out",
        )


def labels(path: str, plane: ControlPlaneSettings) -> Iterator[Problem]:
    """The user sets no label of Kamaji's: it selects by them, and the user's value would win."""
    ingress = plane.network.ingress
    for place, labels_ in (
        (f"{path}.deployment.labels", plane.deployment.labels),
        (f"{path}.network.serviceLabels", plane.network.service_labels),
        (f"{path}.network.ingress.labels", ingress.labels if ingress else {}),
    ):
        for key, value in labels_.items():
            domain = key.rpartition("/")[0]
            if domain == KAMAJI or domain.endswith(f".{KAMAJI}"):
                yield Problem(
                    f'{place}["{key}"]', "is set by Kamaji, which finds its objects by it; leave it out", value, None
                )


def annotation_values(path: str, plane: ControlPlaneSettings) -> Iterator[Problem]:
    """Annotations that Kubernetes reads have values that it takes."""
    ingress = plane.network.ingress
    annotations = {
        f"{path}.deployment.annotations": plane.deployment.annotations,
        f"{path}.network.serviceAnnotations": plane.network.service_annotations,
        f"{path}.network.ingress.annotations": ingress.annotations if ingress else {},
    }
    for place, values in annotations.items():
        yield from annotations_size(place, values)
    pods, of_service, of_ingress = annotations.values()
    for key, value in pods.items():
        if rule := pod_annotation(key, value):
            yield Problem(f'{path}.deployment.annotations["{key}"]', rule, value, None)
    ranges = "service.beta.kubernetes.io/load-balancer-source-ranges"
    if ranges in of_service:
        yield Problem(
            f'{path}.network.serviceAnnotations["{ranges}"]',
            "does the same as controlPlane.network.loadBalancerSourceRanges; leave it out and set that",
            of_service[ranges],
            None,
        )
    mode, hints = "service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"
    if mode in of_service and of_service.get(hints, of_service[mode]) != of_service[mode]:
        yield Problem(
            f'{path}.network.serviceAnnotations["{mode}"]',
            f"differs from {hints}, {of_service[hints]}; leave the latter out",
            of_service[mode],
            None,
        )
    name = "kubernetes.io/ingress.class"
    if ingress and ingress.class_name and of_ingress.get(name, ingress.class_name) != ingress.class_name:
        yield Problem(
            f'{path}.network.ingress.annotations["{name}"]',
            f"differs from className, {ingress.class_name}; leave it out",
            of_ingress[name],
            None,
            about=(f"{path}.network.ingress.className",),
        )


def pod_annotation(key: str, value: str) -> str:
    """The error in an annotation of pods (ValidatePodSpecificAnnotations of Kubernetes); empty if it is valid."""
    if key == "kubernetes.io/config.mirror":
        return "is for copies of static pods, and these are none; leave it out"
    if key == "scheduler.alpha.kubernetes.io/tolerations":
        return "does the same as controlPlane.deployment.tolerations; leave it out and set that"
    if key == "controller.kubernetes.io/pod-deletion-cost":
        whole = re.fullmatch(r"0|-?[1-9][0-9]{0,9}", value)
        return "" if whole and -INT32 - 1 <= int(value) <= INT32 else "must be a whole number of 32 bits, in quotes"
    if key.startswith(APP_ARMOR):
        if key.removeprefix(APP_ARMOR) not in CONTAINERS:
            return f"names no container of the control plane; these are {', '.join(CONTAINERS)}"
        if value not in ("runtime/default", "unconfined") and not value.startswith("localhost/"):
            return "must be runtime/default, unconfined or localhost/<profile>"
    if key.startswith(("seccomp.security.alpha.kubernetes.io/", "container.seccomp.security.alpha.kubernetes.io/")):
        return "has no effect since Kubernetes 1.27, and may be refused; leave it out"
    return ""


def annotations_size(path: str, annotations: Mapping[str, str]) -> Iterator[Problem]:
    """All annotations of an object together are not too long."""
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    # Some room for those of the programs themselves.
    if size > LARGEST_ANNOTATIONS - 8192:
        yield Problem(
            path,
            f"are {size} bytes long; {LARGEST_ANNOTATIONS - 8192} is the limit, because Kubernetes takes "
            f"{LARGEST_ANNOTATIONS} for all annotations of an object",
            example=None,
        )


def twice(
    path: str, values: Iterator[str] | list[str] | tuple[str, ...], rule: str = "is given twice; leave one out"
) -> Iterator[Problem]:
    """Entries that a list holds twice."""
    earlier: set[str] = set()
    for index, value in enumerate(values):
        if value in earlier:
            yield Problem(f"{path}[{index}]", rule, value, None)
        earlier.add(value)
