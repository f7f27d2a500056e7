"""The BareMetalHosts that a stack declares. Pure.

They do not belong to the Cluster: they exist before it and outlive it. CAPM3 marks a host, and the Secret of its BMC, with
the label of the Cluster whose machine is on it, so neither has that label here.
"""

from __future__ import annotations

from pydantic import SecretStr

from ..capi.manifest import CLUSTER_LABEL, Manifest, drop_empty, labels
from ..kube.objects import Kind
from ..settings.metal3 import Metal3ClusterSettings
from ..settings.metal3.hosts import HostSettings

KIND = Kind("metal3.io/v1alpha1", "BareMetalHost", "baremetalhosts")


def hosts(tenant: Metal3ClusterSettings) -> list[Manifest]:
    """All hosts, each after the Secret with its BMC's credentials."""
    return [
        manifest
        for host in tenant.metal3.hosts
        for manifest in (credentials(tenant, host), bare_metal_host(tenant, host))
        if manifest
    ]


def secret_name(host: HostSettings) -> str:
    """Name of the Secret with the credentials of a host's BMC.

    It stays the same when they change: the baremetal-operator puts a finalizer on the Secret that a host names, and does not
    remove it when the host names another.
    """
    return host.bmc.credentials_name or f"{host.name}-bmc"


def credentials(tenant: Metal3ClusterSettings, host: HostSettings) -> Manifest | None:
    """The Secret; None where the settings name one that exists. Its ``data`` holds pydantic's ``SecretStr``."""
    bmc = host.bmc
    if not (bmc.username and bmc.password):
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(tenant, "Secret", secret_name(host)),
        "immutable": False,
        "data": {"username": SecretStr(bmc.username), "password": bmc.password},
    }


def bare_metal_host(tenant: Metal3ClusterSettings, host: HostSettings) -> Manifest:
    """The BareMetalHost. It is off until CAPM3 puts a machine on it."""
    hints = host.root_device_hints
    spec = {
        "online": False,
        "bmc": {
            "address": host.bmc.address,
            "credentialsName": secret_name(host),
            **drop_empty(disableCertificateVerification=host.bmc.disable_certificate_verification or None),
        },
        **drop_empty(
            bootMACAddress=host.boot_mac_address,
            bootMode=host.boot_mode,
            architecture=host.architecture,
            inspectionMode=host.inspection,
            preprovisioningNetworkDataName=host.preprovisioning_network_data_name,
            rootDeviceHints=hints.model_dump(by_alias=True, exclude_none=True) if hints else None,
        ),
    }
    host_metadata = metadata(tenant, KIND.name, host.name)
    host_metadata["labels"] = {**host.labels, **host_metadata["labels"]}
    if host.annotations:
        host_metadata["annotations"] = dict(host.annotations)
    return {"apiVersion": KIND.api_version, "kind": KIND.name, "metadata": host_metadata, "spec": spec}


def metadata(tenant: Metal3ClusterSettings, kind: str, name: str) -> Manifest:
    """Metadata without the Cluster's label."""
    host_labels = labels(tenant, kind)
    del host_labels[CLUSTER_LABEL]
    return {"name": name, "namespace": tenant.cluster.namespace, "labels": host_labels}
