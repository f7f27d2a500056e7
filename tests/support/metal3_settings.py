"""Settings of a cluster on servers of one's own: small ones, ones with every key, and another value for every key."""

from __future__ import annotations

import copy
from typing import Any

from pydantic import SecretStr

Json = dict[str, Any]

IMAGE = {"url": "http://images.invalid/ubuntu.qcow2", "checksum": "http://images.invalid/ubuntu.qcow2.sha256"}
ADDRESS = "redfish-virtualmedia://127.0.0.1:8000/redfish/v1/Systems/{}"
PASSWORD = "a-very-secret-word"


def host(number: int = 0, **extra: Any) -> Json:
    """A host with credentials of its own."""
    bmc = {
        "address": ADDRESS.format(number),
        "username": "admin",
        "password": SecretStr(PASSWORD),
        "disableCertificateVerification": False,
    }
    return {
        "name": f"host-{number}",
        "labels": {"pool": "worker-a"},
        "bootMACAddress": f"00:60:2f:00:00:{number:02x}",
        "bmc": bmc,
        **extra,
    }


def passwords(hosts: list[Json], word: str) -> dict[str, str]:
    """The same password for each host, by its path in the configuration."""
    return {f"metal3.hosts[{index}].bmc.password": word for index in range(len(hosts))}


def settings(*, hosts: int = 0, replicas: int = 2, **metal3: Any) -> Json:
    """A stack of one cluster."""
    return {
        "cluster": {"name": "one", "kubernetesVersion": "1.33.0"},
        "capi": {"contract": "v1beta2"},
        "metal3": {"image": IMAGE, **({"hosts": [host(number) for number in range(hosts)]} if hosts else {}), **metal3},
        "workerPools": [{"name": "a", "replicas": replicas}],
    }


LINKS: Json = {
    "ethernets": [
        {"id": "eth0", "name": "lan0", "mtu": 9000, "type": "phy", "macAddress": {"fromHostInterface": "nic-1"}},
        {"id": "eth1", "macAddress": {"string": "00:60:2f:00:01:01"}},
        {
            "id": "eth2",
            "macAddress": {"fromAnnotation": {"object": "baremetalhost", "annotation": "example.org/mac"}},
        },
    ],
    "vlans": [
        {
            "id": "v101",
            "name": "vlan101",
            "mtu": 1500,
            "vlanID": 101,
            "vlanLink": "eth0",
            "macAddress": {"fromHostInterface": "nic-1"},
        }
    ],
}

BOND: Json = {
    "id": "bond0",
    "name": "bond0",
    "mtu": 1500,
    "bondMode": "802.3ad",
    "bondXmitHashPolicy": "layer3+4",
    "bondLinks": ["eth1", "eth2"],
    "parameters": {"miimon": 100},
    "macAddress": {"fromHostInterface": "nic-1"},
}

ROUTE: Json = {"network": "0.0.0.0/0", "gateway": {"pool": "nodes"}, "dns": ["192.0.2.53"]}

NETWORK: Json = {
    "links": LINKS,
    "networks": {
        "ipv4": [{"id": "n4", "link": "eth0", "pool": "nodes", "routes": [ROUTE]}],
        "ipv6": [
            {
                "id": "n6",
                "link": "eth0",
                "pool": "nodes6",
                "routes": [{"network": "::/0", "gateway": {"string": "fe80::1"}, "dns": ["2001:db8::53"]}],
            }
        ],
        "ipv4DHCP": [
            {
                "id": "d4",
                "link": "v101",
                "routes": [{"network": "10.0.0.0/8", "gateway": {"string": "192.0.2.1"}, "dns": ["192.0.2.53"]}],
            }
        ],
        "ipv6DHCP": [
            {
                "id": "d6",
                "link": "v101",
                "routes": [{"network": "fd00::/8", "gateway": {"string": "fe80::1"}, "dns": ["2001:db8::53"]}],
            }
        ],
        "ipv6SLAAC": [
            {
                "id": "s6",
                "link": "eth1",
                "routes": [{"network": "fd00::/8", "gateway": {"string": "fe80::1"}, "dns": ["2001:db8::53"]}],
            }
        ],
    },
    "services": {"dns": ["192.0.2.53"], "dnsFromPool": "nodes"},
}

METADATA: Json = {
    "strings": {"site": "ams"},
    "objectNames": {"host": "baremetalhost"},
    "indexes": [{"key": "index", "offset": 1, "step": 2, "prefix": "node-", "suffix": ".example"}],
    "namespaces": ["namespace"],
    "ipAddressesFromPool": {"nodeIP": "nodes"},
    "prefixesFromPool": {"nodePrefix": "nodes"},
    "gatewaysFromPool": {"gateway": "nodes"},
    "fromHostInterfaces": {"mac": "nic-1"},
    "fromLabels": [{"key": "rack", "object": "baremetalhost", "label": "rack"}],
    "fromAnnotations": [{"key": "position", "object": "baremetalhost", "annotation": "example.org/position"}],
}

FULL: Json = {
    "cluster": {"name": "one", "kubernetesVersion": "1.33.0"},
    "capi": {"contract": "v1beta2"},
    "metal3": {
        "image": {**IMAGE, "checksumType": "sha256", "format": "qcow2"},
        "hostSelector": {
            "matchLabels": {"pool": "worker-a"},
            "matchExpressions": [{"key": "rack", "operator": "In", "values": ["a", "b"]}],
        },
        "cleaning": "metadata",
        "metaData": METADATA,
        "networkData": NETWORK,
        "cloudController": "none",
        "ipPools": [
            {
                "name": "nodes",
                "ranges": [
                    {
                        "start": "192.0.2.100",
                        "end": "192.0.2.200",
                        "subnet": "192.0.2.0/24",
                        "prefix": 24,
                        "gateway": "192.0.2.1",
                        "dnsServers": ["192.0.2.53"],
                    }
                ],
                "prefix": 24,
                "gateway": "192.0.2.1",
                "dnsServers": ["192.0.2.53"],
                "preAllocations": {"router": "192.0.2.101"},
            },
            {"name": "nodes6", "ranges": [{"start": "2001:db8::100", "end": "2001:db8::200"}], "prefix": 64},
            {"name": "there", "existing": True, "kind": "IPPool", "apiGroup": "ipam.metal3.io"},
        ],
        "hosts": [
            {
                **host(0),
                "annotations": {"example.org/mac": "00:60:2f:00:01:02"},
                "bootMode": "UEFI",
                "rootDeviceHints": {
                    "deviceName": "/dev/nvme0n1",
                    "hctl": "0:0:0:0",
                    "model": "PM9A3",
                    "vendor": "Samsung",
                    "serialNumber": "S64GNE0R1",
                    "minSizeGigabytes": 200,
                    "wwn": "0x5002538e40b1a2c3",
                    "rotational": False,
                },
                "architecture": "x86_64",
                "inspection": "agent",
                "preprovisioningNetworkDataName": "host-0-network",
            }
        ],
    },
    "workerPools": [{"name": "a", "replicas": 2, "strategy": {"maxSurge": 0, "maxUnavailable": 1}}],
}
"""Every key but those of bonds, which make a data template of another version."""

OTHER_SETTINGS: Json = {
    "image.url": "http://images.invalid/other.qcow2",
    "image.checksum": "http://images.invalid/other.sha256",
    "image.checksumType": "sha512",
    "image.format": "raw",
    "hostSelector.matchLabels": {"pool": "worker-b"},
    "hostSelector.matchExpressions[].key": "row",
    "hostSelector.matchExpressions[].operator": "NotIn",
    "hostSelector.matchExpressions[].values": ["c"],
    "cleaning": "disabled",
    "metaData.strings": {"site": "fra"},
    "metaData.objectNames": {"host": "metal3machine"},
    "metaData.indexes[].key": "number",
    "metaData.indexes[].offset": 2,
    "metaData.indexes[].step": 3,
    "metaData.indexes[].prefix": "n-",
    "metaData.indexes[].suffix": ".test",
    "metaData.namespaces": ["space"],
    "metaData.ipAddressesFromPool": {"nodeIP": "there"},
    "metaData.prefixesFromPool": {"nodePrefix": "there"},
    "metaData.gatewaysFromPool": {"gateway": "there"},
    "metaData.fromHostInterfaces": {"mac": "nic-2"},
    "metaData.fromLabels[].key": "shelf",
    "metaData.fromLabels[].object": "machine",
    "metaData.fromLabels[].label": "shelf",
    "metaData.fromAnnotations[].key": "place",
    "metaData.fromAnnotations[].object": "machine",
    "metaData.fromAnnotations[].annotation": "example.org/place",
    "networkData.links.ethernets[].id": None,
    "networkData.links.ethernets[].name": "lan1",
    "networkData.links.ethernets[].mtu": 1500,
    "networkData.links.ethernets[].type": "vif",
    "networkData.links.ethernets[].macAddress.fromHostInterface": "nic-2",
    "networkData.links.ethernets[].macAddress.fromAnnotation.object": None,
    "networkData.links.ethernets[].macAddress.fromAnnotation.annotation": None,
    "networkData.links.ethernets[].macAddress.string": None,
    **{
        f"networkData.links.{kind}[].macAddress.{key}": None
        for kind in ("bonds", "vlans")
        for key in ("fromHostInterface", "fromAnnotation.object", "fromAnnotation.annotation", "string")
    },
    **{
        f"networkData.links.bonds[].{key}": None
        for key in ("id", "name", "mtu", "bondMode", "bondXmitHashPolicy", "bondLinks", "parameters")
    },
    "networkData.links.vlans[].id": None,
    "networkData.links.vlans[].name": "vlan1",
    "networkData.links.vlans[].mtu": 9000,
    "networkData.links.vlans[].vlanID": 102,
    "networkData.links.vlans[].vlanLink": "eth1",
    **{f"networkData.networks.{kind}[].id": "other" for kind in NETWORK["networks"]},
    **{f"networkData.networks.{kind}[].link": "eth2" for kind in NETWORK["networks"]},
    **{
        f"networkData.networks.{kind}[].routes[].network": "10.9.0.0/16" if "4" in kind else "fd09::/16"
        for kind in NETWORK["networks"]
    },
    "networkData.networks.ipv4[].routes[].gateway.pool": "there",
    "networkData.networks.ipv4[].routes[].gateway.string": None,
    **{
        f"networkData.networks.{kind}[].routes[].gateway.string": "192.0.2.2" if "4" in kind else "fe80::2"
        for kind in NETWORK["networks"]
        if kind != "ipv4"
    },
    **{f"networkData.networks.{kind}[].routes[].gateway.pool": None for kind in NETWORK["networks"] if kind != "ipv4"},
    **{
        f"networkData.networks.{kind}[].routes[].dns": ["192.0.2.54"] if "4" in kind else ["2001:db8::54"]
        for kind in NETWORK["networks"]
    },
    "networkData.networks.ipv4[].pool": None,
    "networkData.networks.ipv6[].pool": "there",
    "networkData.services.dns": ["192.0.2.54"],
    "networkData.services.dnsFromPool": None,
    "nodeReuse": True,
}
"""Another value by key, below ``metal3`` or a pool; None where a change needs more than one key, or is another's again."""

SECTION_ONLY: Json = {
    "cloudController": "external",
    "ipPools[].name": None,
    "ipPools[].existing": None,
    "ipPools[].kind": None,
    "ipPools[].apiGroup": None,
    "ipPools[].ranges[].start": "192.0.2.99",
    "ipPools[].ranges[].end": "192.0.2.210",
    "ipPools[].ranges[].subnet": "192.0.2.0/25",
    "ipPools[].ranges[].prefix": 25,
    "ipPools[].ranges[].gateway": "192.0.2.2",
    "ipPools[].ranges[].dnsServers": ["192.0.2.54"],
    "ipPools[].prefix": 25,
    "ipPools[].gateway": "192.0.2.2",
    "ipPools[].dnsServers": ["192.0.2.54"],
    "ipPools[].preAllocations": {"router": "192.0.2.102"},
    "hosts[].name": "host-9",
    "hosts[].labels": {"pool": "worker-b"},
    "hosts[].annotations": {"example.org/mac": "00:60:2f:00:01:03"},
    "hosts[].bmc.address": ADDRESS.format(9),
    "hosts[].bmc.username": "root",
    "hosts[].bmc.password": SecretStr("another-secret-word"),
    "hosts[].bmc.credentialsName": None,
    "hosts[].bmc.disableCertificateVerification": True,
    "hosts[].bootMACAddress": "00:60:2f:00:00:09",
    "hosts[].bootMode": "legacy",
    "hosts[].rootDeviceHints.deviceName": "/dev/sda",
    "hosts[].rootDeviceHints.hctl": "1:0:0:0",
    "hosts[].rootDeviceHints.model": "X",
    "hosts[].rootDeviceHints.vendor": "Y",
    "hosts[].rootDeviceHints.serialNumber": "Z",
    "hosts[].rootDeviceHints.minSizeGigabytes": 300,
    "hosts[].rootDeviceHints.wwn": "0x1",
    "hosts[].rootDeviceHints.rotational": True,
    "hosts[].architecture": "aarch64",
    "hosts[].inspection": "disabled",
    "hosts[].preprovisioningNetworkDataName": "host-9-network",
}
SECTION_ONLY["ipPools[].ranges[].subnet"] = None


def replace_key(key: str, value: Any) -> Json:
    """``FULL`` with another value at a key of ``metal3``; of a pool, where the key begins with ``workerPools[].``."""
    raw = copy.deepcopy(FULL)
    short_key = key.removeprefix("workerPools[].").removeprefix("metal3.")
    if key.startswith("workerPools[]."):
        top = short_key.partition(".")[0].removesuffix("[]")
        if top in raw["metal3"]:
            raw["workerPools"][0][top] = copy.deepcopy(raw["metal3"][top])
        target: Any = raw["workerPools"][0]
    else:
        target = raw["metal3"]
    *parents, name = short_key.split(".")
    for step in parents:
        target = target[step.removesuffix("[]")]
        target = target[0] if step.endswith("[]") else target
    target[name] = value
    return raw
