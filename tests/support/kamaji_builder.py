"""What Kamaji and its Cluster API provider make of the manifests, written down from their sources.

The TenantControlPlane is that of the provider v0.15.2 (controllers/kamajicontrolplane_controller_tcp.go); Deployment,
Service and Ingress are those of Kamaji at the commit that the lab runs (internal/builders/controlplane, internal/resources).
What they take from a status, such as names of Secrets, is filled in with names that they would have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]

PORT = 6443
CONFIG = "/etc/kubernetes/pki"


def build(documents: Iterable[Mapping[str, Any]]) -> list[Object]:
    """TenantControlPlane, Deployment, Service and Ingress that come of one cluster's manifests."""
    kinds = {document["kind"]: document for document in documents}
    plane = tenant_control_plane(kinds["Cluster"], kinds["KamajiControlPlane"])
    return [plane, deployment(plane), service(plane), *ingress(plane)]


def tenant_control_plane(cluster: Mapping[str, Any], plane: Mapping[str, Any]) -> Object:
    """The provider's object for Kamaji."""
    spec, network = plane["spec"], plane["spec"]["network"]
    ranges = cluster["spec"]["clusterNetwork"]
    deployment = spec["deployment"]
    components = {key: spec.get(key, {}) for key in ("apiServer", "controllerManager", "scheduler")}
    addons = {name: {k: v for k, v in value.items() if k != "dnsServiceIPs"} for name, value in spec["addons"].items()}
    dns = spec["addons"]["coreDNS"].get("dnsServiceIPs") if "coreDNS" in addons else network.get("dnsServiceIPs")
    balancer = network.get("loadBalancerConfig", {})
    hosts = (
        [network["ingress"]["hostname"].rpartition(":")[0] or network["ingress"]["hostname"]]
        if network.get("ingress")
        else []
    )
    return {
        "apiVersion": "kamaji.clastix.io/v1alpha1",
        "kind": "TenantControlPlane",
        "metadata": {
            "name": plane["metadata"]["name"],
            "namespace": plane["metadata"]["namespace"],
            "labels": plane["metadata"]["labels"],
        },
        "spec": drop_empty(
            dataStore=spec.get("dataStoreName"),
            dataStoreSchema=spec.get("dataStoreSchema"),
            addons=addons,
            kubernetes=drop_empty(
                version="v" + spec["version"].removeprefix("v"),
                kubelet=spec["kubelet"],
                admissionControllers=spec.get("admissionControllers"),
            ),
            controlPlane={
                "deployment": drop_empty(
                    replicas=spec["replicas"],
                    **({"registrySettings": {"registry": spec["registry"]}} if spec.get("registry") else {}),
                    nodeSelector=deployment.get("nodeSelector"),
                    tolerations=deployment.get("tolerations"),
                    topologySpreadConstraints=deployment.get("topologySpreadConstraints"),
                    podAdditionalMetadata=deployment.get("podAdditionalMetadata"),
                    runtimeClassName=deployment.get("runtimeClassName"),
                    serviceAccountName=deployment.get("serviceAccountName"),
                    extraArgs={key: list(value.get("extraArgs", [])) for key, value in components.items()},
                    resources={key: value.get("resources", {}) for key, value in components.items()},
                ),
                "service": {
                    "serviceType": network["serviceType"],
                    "additionalMetadata": drop_empty(
                        labels=network.get("serviceLabels"), annotations=network.get("serviceAnnotations")
                    ),
                },
                **(
                    {
                        "ingress": drop_empty(
                            hostname=network["ingress"]["hostname"],
                            ingressClassName=network["ingress"].get("className"),
                            additionalMetadata=drop_empty(
                                labels=network["ingress"].get("extraLabels"),
                                annotations=network["ingress"].get("extraAnnotations"),
                            ),
                        )
                    }
                    if network.get("ingress")
                    else {}
                ),
            },
            networkProfile=drop_empty(
                address=network.get("serviceAddress"),
                port=ranges.get("apiServerPort"),
                serviceCidr=ranges["services"]["cidrBlocks"][0],
                podCidr=ranges["pods"]["cidrBlocks"][0],
                clusterDomain=ranges.get("serviceDomain"),
                dnsServiceIPs=dns,
                certSANs=[*network.get("certSANs", []), *hosts],
                loadBalancerClass=balancer.get("loadBalancerClass"),
                loadBalancerSourceRanges=balancer.get("loadBalancerSourceRanges"),
            ),
        ),
    }


def deployment(plane: Mapping[str, Any]) -> Object:
    """The control plane's pods (internal/builders/controlplane/deployment.go, konnectivity_server.go)."""
    name, spec = plane["metadata"]["name"], plane["spec"]["controlPlane"]["deployment"]
    profile, addons = plane["spec"]["networkProfile"], plane["spec"]["addons"]
    version = plane["spec"]["kubernetes"]["version"]
    registry = spec.get("registrySettings", {}).get("registry", "registry.k8s.io")
    port = profile.get("port", PORT)
    pods = spec.get("podAdditionalMetadata", {})

    def container(key: str, program: str, health_port: int, arguments: Mapping[str, str], path: str) -> Object:
        extra = dict(argument.partition("=")[::2] for argument in spec["extraArgs"][key])
        # For the API server the user's arguments win, for the others Kamaji's own.
        flags = {**arguments, **extra} if key == "apiServer" else {**extra, **arguments}
        probe = {"httpGet": {"path": path, "port": health_port, "scheme": "HTTPS"}, "failureThreshold": 3}
        return {
            "name": program,
            "image": f"{registry}/{program}:{version}",
            "command": [program],
            "args": sorted(f"{flag}={value}" if value else flag for flag, value in flags.items()),
            "livenessProbe": probe,
            "startupProbe": probe,
            "resources": spec["resources"][key],
            "volumeMounts": [{"name": "etc-kubernetes-pki", "mountPath": CONFIG, "readOnly": True}],
        }

    api = {
        "--advertise-address": profile.get("address", "192.0.2.1"),
        "--enable-admission-plugins": ",".join(plane["spec"]["kubernetes"].get("admissionControllers", [])),
        "--service-cluster-ip-range": profile["serviceCidr"],
        "--kubelet-preferred-address-types": ",".join(plane["spec"]["kubernetes"]["kubelet"]["preferredAddressTypes"]),
        "--secure-port": str(port),
    }
    manager = {"--cluster-name": name, "--cluster-cidr": profile["podCidr"]}
    containers = [
        container("apiServer", "kube-apiserver", port, api, "/livez"),
        container("scheduler", "kube-scheduler", 10259, {"--leader-elect": "true"}, "/healthz"),
        container("controllerManager", "kube-controller-manager", 10257, manager, "/healthz"),
    ]
    if "konnectivity" in addons:
        server = addons["konnectivity"]["server"]
        containers.append(
            {
                "name": "konnectivity-server",
                "image": f"registry.k8s.io/kas-network-proxy/proxy-server:{server.get('version', 'v0.28.6')}",
                "ports": [
                    {"name": "agentport", "containerPort": server["port"], "protocol": "TCP"},
                    {"name": "adminport", "containerPort": 8133, "protocol": "TCP"},
                    {"name": "healthport", "containerPort": 8134, "protocol": "TCP"},
                ],
            }
        )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": plane["metadata"]["namespace"],
            "labels": kamaji_labels(name, "deployment"),
        },
        "spec": {
            "replicas": spec["replicas"],
            "selector": {"matchLabels": {"kamaji.clastix.io/name": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}},
            "template": {
                "metadata": {
                    "labels": {
                        "kamaji.clastix.io/name": name,
                        "kamaji.clastix.io/component": "deployment",
                        **pods.get("labels", {}),
                    },
                    "annotations": {**pods.get("annotations", {}), "storage.kamaji.clastix.io/config": "0"},
                },
                "spec": drop_empty(
                    nodeSelector=spec.get("nodeSelector"),
                    tolerations=spec.get("tolerations"),
                    topologySpreadConstraints=spec.get("topologySpreadConstraints"),
                    runtimeClassName=spec.get("runtimeClassName"),
                    serviceAccountName=spec.get("serviceAccountName", "default"),
                    containers=containers,
                    volumes=[{"name": "etc-kubernetes-pki", "secret": {"secretName": f"{name}-pki"}}],
                ),
            },
        },
    }


def service(plane: Mapping[str, Any]) -> Object:
    """The Service in front of the API server (k8s_service_resource.go and konnectivity/service_resource.go)."""
    name, profile = plane["metadata"]["name"], plane["spec"]["networkProfile"]
    request = plane["spec"]["controlPlane"]["service"]
    kind, extra = request["serviceType"], request["additionalMetadata"]
    numbers = {"kube-apiserver": profile.get("port", PORT)}
    if "konnectivity" in plane["spec"]["addons"]:
        numbers["konnectivity-server"] = plane["spec"]["addons"]["konnectivity"]["server"]["port"]
    ports = [
        {
            "name": key,
            "protocol": "TCP",
            "port": number,
            "targetPort": number,
            **({"nodePort": number} if kind == "NodePort" else {}),
        }
        for key, number in numbers.items()
    ]
    balancer = (
        drop_empty(
            loadBalancerClass=profile.get("loadBalancerClass"),
            loadBalancerSourceRanges=profile.get("loadBalancerSourceRanges"),
        )
        if kind == "LoadBalancer"
        else {}
    )
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": drop_empty(
            name=name,
            namespace=plane["metadata"]["namespace"],
            labels={**kamaji_labels(name, "service"), **extra.get("labels", {})},
            annotations=extra.get("annotations"),
        ),
        "spec": {"type": kind, "selector": {"kamaji.clastix.io/name": name}, "ports": ports, **balancer},
    }


def ingress(plane: Mapping[str, Any]) -> list[Object]:
    """The Ingress, where one is asked for (internal/resources/k8s_ingress_resource.go)."""
    request = plane["spec"]["controlPlane"].get("ingress")
    if request is None:
        return []
    name, profile = plane["metadata"]["name"], plane["spec"]["networkProfile"]
    extra = request["additionalMetadata"]
    backend = {"service": {"name": name, "port": {"number": profile.get("port", PORT)}}}
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": drop_empty(
                name=name,
                namespace=plane["metadata"]["namespace"],
                labels={**kamaji_labels(name, "ingress"), **extra.get("labels", {})},
                annotations=extra.get("annotations"),
            ),
            "spec": drop_empty(
                ingressClassName=request.get("ingressClassName"),
                rules=[
                    {
                        "host": request["hostname"].partition(":")[0],
                        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
                    }
                ],
            ),
        }
    ]


def kamaji_labels(name: str, resource: str) -> dict[str, str]:
    """Labels of all that Kamaji makes (internal/utilities/utilities.go)."""
    return {
        "kamaji.clastix.io/project": "kamaji",
        "kamaji.clastix.io/name": name,
        "kamaji.clastix.io/component": resource,
    }


def drop_empty(**values: Any) -> Object:
    """The values that there are."""
    return {key: value for key, value in values.items() if value is not None}
