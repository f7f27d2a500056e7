"""Servers of one's own: Metal3's Cluster API provider, CAPM3 1.13, with its IPAM and the baremetal-operator.

Its webhook refuses a Metal3Cluster without endpoint, and Cluster API copies the endpoint into the Cluster only once: so it is
created last. CAPM3 finds a machine's node by the label ``metal3.io/uuid`` and writes the providerID into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..capi import naming
from ..capi.kinds import InfrastructureReference
from ..capi.manifest import Manifest, drop_empty, manifest
from ..kube.objects import SECRET, Kind, dig, plural
from ..settings.metal3 import PROVIDER as METAL3
from ..settings.metal3 import Metal3ClusterSettings, Metal3PoolSettings
from . import metal3_data, metal3_hosts, metal3_pools
from .provider import EndpointOrigin, Look, Provider

API_VERSION = "infrastructure.cluster.x-k8s.io/v1beta2"
"""v1beta1 is served too, but deprecated."""

CLUSTER_KIND = "Metal3Cluster"
TEMPLATE_KIND = "Metal3MachineTemplate"

OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
"""CAPM3 hands the words of a selector to apimachinery as they are, in lower case (``hostLabelSelectorForMachine``)."""

INSTALL_HOSTS = "kubectl apply -k 'https://github.com/metal3-io/baremetal-operator/config/default?ref=v0.13.2'"
"""With Ironic, whose settings the manifests hold: docs/metal3.md."""


class Metal3(Provider[Metal3ClusterSettings, Metal3PoolSettings]):
    """CAPM3, with an endpoint that comes from Kamaji's load balancer and is dialled before CAPM3 gets it."""

    settings = METAL3
    cluster_kind = CLUSTER_KIND
    install = "clusterctl init --infrastructure metal3:v1.13.2"
    installs: Mapping[str, str] = {
        "IPPool": "clusterctl init --ipam metal3:v1.13.2",
        metal3_hosts.KIND.name: INSTALL_HOSTS,
    }
    endpoint: EndpointOrigin = "created last"
    remarks: Mapping[str, str] = {
        TEMPLATE_KIND: "Never changed: another content gets another name.",
        metal3_data.KIND: "Never changed: another content gets another name.",
        metal3_hosts.KIND.name: "spec.online is CAPM3's: a host is on while a machine is on it.",
    }
    relies_on = (metal3_hosts.KIND, metal3_data.IP_POOL)
    # It lets go of a data template at its next look, up to 30 s after the data (metal3datatemplate_controller.go).
    dependents = (
        *(
            Kind(API_VERSION, kind, plural(kind))
            for kind in (TEMPLATE_KIND, metal3_data.KIND, "Metal3Data", "Metal3DataClaim")
        ),
        metal3_data.IP_POOL,
        *(Kind(metal3_data.IP_POOL.api_version, kind, plural(kind)) for kind in ("IPClaim", "IPAddress")),
        SECRET,
    )
    host_kind = metal3_hosts.KIND
    foreign_fields: Mapping[str, Sequence[str]] = {metal3_hosts.KIND.name: ("spec.online",)}
    node_name = "{{ ds.meta_data.name }}"

    def reference(self, tenant: Metal3ClusterSettings) -> InfrastructureReference:
        """Where the Metal3Cluster is."""
        return {
            "apiVersion": API_VERSION,
            "kind": CLUSTER_KIND,
            "plural": "metal3clusters",
            "name": tenant.cluster.name,
        }

    def cluster(self, tenant: Metal3ClusterSettings) -> Manifest:
        """The Metal3Cluster, without its endpoint."""
        spec = {"cloudProviderEnabled": tenant.metal3.cloud_controller == "external"}
        return manifest(tenant, API_VERSION, CLUSTER_KIND, tenant.cluster.name, spec)

    def permanent_objects(self, tenant: Metal3ClusterSettings) -> Sequence[Manifest]:
        """The hosts that the stack declares, each after the Secret with its BMC's credentials."""
        return metal3_hosts.hosts(tenant)

    def shared_objects(self, tenant: Metal3ClusterSettings) -> Sequence[Manifest]:
        """The IP pools."""
        return metal3_data.ip_pools(tenant)

    def companions(self, tenant: Metal3ClusterSettings, pool: Metal3PoolSettings) -> Sequence[Manifest]:
        """The Metal3DataTemplate of a pool."""
        return [metal3_data.data_template(tenant, pool)]

    def machine_template(self, tenant: Metal3ClusterSettings, pool: Metal3PoolSettings) -> Manifest:
        """The Metal3MachineTemplate of a pool; it names the data template, so that another one rolls the machines."""
        (data,) = self.companions(tenant, pool)
        image, selector = tenant.image_of(pool), pool.host_selector or tenant.metal3.host_selector
        spec: dict[str, Any] = {
            "automatedCleaningMode": pool.cleaning or tenant.metal3.cleaning,
            "dataTemplate": {"name": data["metadata"]["name"]},
        }
        if image:
            spec["image"] = {
                "url": image.url,
                # The CRD requires it; a live-iso has none.
                "checksum": image.checksum or "",
                "checksumType": image.checksum_type,
                "diskFormat": image.format,
            }
        if selector and (selector.match_labels or selector.match_expressions):
            spec["hostSelector"] = drop_empty(
                matchLabels=dict(selector.match_labels),
                matchExpressions=[
                    {
                        "key": expression.key,
                        "operator": OPERATORS[expression.operator],
                        "values": list(expression.values),
                    }
                    for expression in selector.match_expressions
                ],
            )
        template_spec: dict[str, Any] = {"template": {"spec": spec}}
        if pool.node_reuse:
            template_spec["nodeReuse"] = True
        name = naming.template(tenant.cluster.name, pool.name, template_spec)
        return manifest(tenant, API_VERSION, TEMPLATE_KIND, name, template_spec, pool=pool)

    def kubelet_arguments(self, tenant: Metal3ClusterSettings) -> dict[str, str]:
        """None for Metal3 itself. ``cloud-provider: external`` taints a node until a cloud controller removes the taint."""
        return {"cloud-provider": "external"} if tenant.metal3.cloud_controller == "external" else {}

    def node_labels(self, tenant: Metal3ClusterSettings) -> dict[str, str]:
        """The label that CAPM3 finds a node by: the UID of its BareMetalHost."""
        return {"metal3.io/uuid": "{{ ds.meta_data.uuid }}"}

    def identity(self, infrastructure_cluster: Mapping[str, Any]) -> dict[str, Any]:
        """The settings in a live Metal3Cluster that can't change."""
        is_enabled = dig(infrastructure_cluster, "spec", "cloudProviderEnabled")
        return {"metal3.cloudController": None if is_enabled is None else "external" if is_enabled else "none"}

    def shortages(self, tenants: Sequence[Metal3ClusterSettings], look: Look) -> Sequence[str]:
        """The existing IP pools that have too few addresses."""
        return tuple(metal3_pools.shortages(tenants, look))

    def credentials_of(self, host: Mapping[str, Any]) -> str:
        """The Secret of its BMC.

        The baremetal-operator puts a finalizer on the Secret that a host names, and removes it only at the host's deletion,
        from the Secret that the host names then (``AcquireSecret``, ``ReleaseSecret`` in its pkg/secretutils).
        """
        return str(dig(host, "spec", "bmc", "credentialsName") or "")

    def in_use(self, host: Mapping[str, Any]) -> str:
        """The consumer of a host, in words; empty where it has none."""
        consumer = dig(host, "spec", "consumerRef")
        return f"{consumer.get('kind')} {consumer.get('name')}" if consumer else ""

    def use_of(self, host: Mapping[str, Any]) -> str:
        """Power and consumer of a host."""
        power, occupant = dig(host, "status", "poweredOn"), self.in_use(host)
        return ", ".join([*(["switched on"] if power else []), *([f"{occupant} is on it"] if occupant else [])])


PROVIDER = Metal3()
