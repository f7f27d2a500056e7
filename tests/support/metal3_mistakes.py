"""Mistakes in the settings of a cluster on Metal3: each a name, the settings, and the path and rule that the report names."""

from __future__ import annotations

import copy
from typing import Any

from tests.support.metal3_settings import BOND, FULL, IMAGE, PASSWORD, host

Json = dict[str, Any]


def put(path: str, value: Any, raw: Json | None = None) -> Json:
    """``FULL`` with a value at a path; None leaves the key out."""
    whole = copy.deepcopy(raw or FULL)
    *parents, name = path.replace("[", ".").replace("]", "").split(".")
    target: Any = whole
    for step in parents:
        target = target[int(step) if step.isdigit() else step]
    key = int(name) if name.isdigit() else name
    if value is None:
        del target[key]
    elif isinstance(target, list) and isinstance(key, int) and key >= len(target):
        target.append(value)
    else:
        target[key] = value
    return whole


NETWORK = "metal3.networkData"
MISTAKES: list[tuple[str, Json, str, str]] = [
    ("contract", put("capi.contract", "v1beta1"), "capi.contract", "Cluster API 1.11 or newer"),
    ("no hand-off", put("handoff", {"enabled": False}), "handoff.enabled", "from its first write"),
    ("no image", put("metal3.image", None), "workerPools[0].image", "is required, unless metal3.image"),
    (
        "no checksum",
        put("metal3.image", {"url": IMAGE["url"]}),
        "metal3.image.checksum",
        "CAPM3 refuses an image without",
    ),
    (
        "short checksum",
        put("metal3.image.checksum", "abc"),
        "metal3.image.checksum",
        "must be 64 hexadecimal digits for sha256, or a URL",
    ),
    (
        "live with a checksum",
        put("metal3.image", {**IMAGE, "format": "live-iso"}),
        "metal3.image.checksum",
        "has no effect with format live-iso",
    ),
    (
        "live with another checksum",
        put("metal3.image", {"url": IMAGE["url"], "checksumType": "md5", "format": "live-iso"}),
        "metal3.image.checksumType",
        "has no effect with format live-iso",
    ),
    ("forced", put("handoff", {"force": True}), "handoff.force", "nothing is overwritten"),
    ("url", put("metal3.image.url", "ubuntu.qcow2"), "metal3.image.url", "must be a URL"),
    (
        "selector without values",
        put("metal3.hostSelector.matchExpressions[0].values", []),
        "metal3.hostSelector.matchExpressions[0].values",
        "must have at least one entry with operator In",
    ),
    (
        "selector with values",
        put("metal3.hostSelector.matchExpressions[0].operator", "Exists"),
        "metal3.hostSelector.matchExpressions[0].values",
        "has no effect with operator Exists",
    ),
    (
        "selector twice",
        put("metal3.hostSelector.matchExpressions[1]", {"key": "rack", "operator": "Exists"}),
        "metal3.hostSelector.matchExpressions[1].key",
        "Metal3 takes each key once",
    ),
    (
        "own metadata",
        put("metal3.metaData.strings", {"name": "x"}),
        'metal3.metaData.strings["name"]',
        "defined for each",
    ),
    (
        "metadata twice",
        put("metal3.metaData.strings", {"nodeIP": "x"}),
        'metal3.metaData.ipAddressesFromPool["nodeIP"]',
        "defines the same key as",
    ),
    (
        "metadata key",
        put("metal3.metaData.strings", {"a b": "x"}),
        "metal3.metaData.strings",
        "must be at most 63 letters",
    ),
    (
        "metadata's pool",
        put("metal3.metaData.prefixesFromPool", {"nodePrefix": "nods"}),
        'metal3.metaData.prefixesFromPool["nodePrefix"]',
        "names no pool of metal3.ipPools, which has nodes, nodes6, there",
    ),
    (
        "pool of a pool",
        put("workerPools[0].metaData", {"ipAddressesFromPool": {"nodeIP": "nods"}}),
        'workerPools[0].metaData.ipAddressesFromPool["nodeIP"]',
        "names no pool",
    ),
    ("link twice", put(f"{NETWORK}.links.ethernets[1].id", "eth0"), f"{NETWORK}.links.ethernets[1].id", "is the id of"),
    (
        "no card",
        put(f"{NETWORK}.links.ethernets[1].macAddress", {}),
        f"{NETWORK}.links.ethernets[1].macAddress",
        "needs exactly one of fromHostInterface",
    ),
    (
        "mac",
        put(f"{NETWORK}.links.ethernets[1].macAddress.string", "00:60"),
        f"{NETWORK}.links.ethernets[1].macAddress.string",
        "six pairs",
    ),
    (
        "vlan on nothing",
        put(f"{NETWORK}.links.vlans[0].vlanLink", "eth9"),
        f"{NETWORK}.links.vlans[0].vlanLink",
        "names no link of ethernets or bonds",
    ),
    (
        "bond of nothing",
        put(f"{NETWORK}.links.bonds", [{**BOND, "bondLinks": ["eth9"]}]),
        f"{NETWORK}.links.bonds[0].bondLinks[0]",
        "names no link of ethernets, which has eth0, eth1, eth2",
    ),
    (
        "bond's own parameter",
        put(f"{NETWORK}.links.bonds", [{**BOND, "parameters": {"mode": "1"}}]),
        f'{NETWORK}.links.bonds[0].parameters["mode"]',
        "is set by a key of the bond itself",
    ),
    (
        "network on nothing",
        put(f"{NETWORK}.networks.ipv4[0].link", "x"),
        f"{NETWORK}.networks.ipv4[0].link",
        "names no link",
    ),
    (
        "network's family",
        put(f"{NETWORK}.networks.ipv4[0].pool", "nodes6"),
        f"{NETWORK}.networks.ipv4[0].pool",
        "not IPv4, as the network is",
    ),
    (
        "route's family",
        put(f"{NETWORK}.networks.ipv4[0].routes[0].network", "::/0"),
        f"{NETWORK}.networks.ipv4[0].routes[0].network",
        "must be IPv4",
    ),
    (
        "route's gateway",
        put(f"{NETWORK}.networks.ipv6[0].routes[0].gateway", {"pool": "nodes6"}),
        f"{NETWORK}.networks.ipv6[0].routes[0].gateway.pool",
        "in which no gateway is set",
    ),
    (
        "two gateways",
        put(f"{NETWORK}.networks.ipv4[0].routes[0].gateway.string", "192.0.2.1"),
        f"{NETWORK}.networks.ipv4[0].routes[0].gateway",
        "needs exactly one of pool and string",
    ),
    (
        "route twice",
        put(f"{NETWORK}.networks.ipv4DHCP[0].routes[1]", {"network": "10.0.0.0/9", "gateway": {"string": "192.0.2.1"}}),
        f"{NETWORK}.networks.ipv4DHCP[0].routes[1].network",
        "begins at 10.0.0.0 as routes[0] does",
    ),
    (
        "name servers of nothing",
        put(f"{NETWORK}.services.dnsFromPool", "there"),
        f"{NETWORK}.services.dnsFromPool",
        "must be the pool of a network in networks.ipv4 or networks.ipv6",
    ),
    (
        "pool twice",
        put("metal3.ipPools[1].name", "nodes"),
        "metal3.ipPools[1].name",
        "is the name of metal3.ipPools[0] too",
    ),
    ("pool without", put("metal3.ipPools[1].ranges", []), "metal3.ipPools[1].ranges", "is required, unless existing"),
    (
        "existing with ranges",
        put("metal3.ipPools[1].existing", True),
        "metal3.ipPools[1].ranges",
        "has no effect with existing: true",
    ),
    (
        "foreign kind",
        put("metal3.ipPools[1].kind", "InClusterIPPool"),
        "metal3.ipPools[1].kind",
        "has no effect without existing: true",
    ),
    (
        "no prefix",
        put("metal3.ipPools[1].prefix", None),
        "metal3.ipPools[1].ranges[0].prefix",
        "a server needs it for its netmask",
    ),
    (
        "backwards",
        put("metal3.ipPools[0].ranges[0].end", "192.0.2.9"),
        "metal3.ipPools[0].ranges[0].end",
        "comes before start",
    ),
    (
        "outside",
        put("metal3.ipPools[0].ranges[0].subnet", "192.0.2.0/25"),
        "metal3.ipPools[0].ranges[0].end",
        "is not in subnet, 192.0.2.0/25",
    ),
    (
        "mixed",
        put("metal3.ipPools[1].gateway", "192.0.2.1"),
        "metal3.ipPools[1].gateway",
        "must be IPv6, as the range is",
    ),
    (
        "the control plane's own",
        put("controlPlane", {"network": {"serviceAddress": "192.0.2.150"}}),
        "metal3.ipPools[0].ranges[0]",
        "holds 192.0.2.150, the control plane's address",
    ),
    (
        "host twice",
        put("metal3.hosts[1]", {**host(1), "name": "host-0"}),
        "metal3.hosts[1].name",
        "is the name of metal3.hosts[0] too",
    ),
    (
        "card twice",
        put("metal3.hosts[1]", {**host(1), "bootMACAddress": "00:60:2F:00:00:00"}),
        "metal3.hosts[1].bootMACAddress",
        "is that of metal3.hosts[0] too",
    ),
    (
        "host that is a uuid",
        put("metal3.hosts[0].name", "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"),
        "metal3.hosts[0].name",
        "must not be a UUID",
    ),
    (
        "password in clear",
        put("metal3.hosts[0].bmc.password", PASSWORD),
        "metal3.hosts[0].bmc.password",
        "must be stored as a secret",
    ),
    (
        "no user",
        put("metal3.hosts[0].bmc.username", None),
        "metal3.hosts[0].bmc.username",
        "is required, unless credentialsName is set",
    ),
    (
        "two credentials",
        put("metal3.hosts[0].bmc.credentialsName", "there"),
        "metal3.hosts[0].bmc.credentialsName",
        "can't be set beside username and password",
    ),
    (
        "driver",
        put("metal3.hosts[0].bmc.address", "rdp://x"),
        "metal3.hosts[0].bmc.address",
        "with one of these drivers: ipmi, libvirt",
    ),
    (
        "address with a user",
        put("metal3.hosts[0].bmc.address", "ipmi://admin:hunter2x@192.0.2.1"),
        "metal3.hosts[0].bmc.address",
        "set bmc.username and bmc.password instead",
    ),
    (
        "no system",
        put("metal3.hosts[0].bmc.address", "redfish://192.0.2.1"),
        "metal3.hosts[0].bmc.address",
        "the path of the system",
    ),
    (
        "no card with IPMI",
        put("metal3.hosts[0]", {"name": "h", "bmc": {"address": "ipmi://192.0.2.1", "credentialsName": "a"}}),
        "metal3.hosts[0].bootMACAddress",
        "is required with driver ipmi",
    ),
    (
        "secure boot",
        put(
            "metal3.hosts[0]",
            {**host(), "bootMode": "UEFISecureBoot", "bmc": {"address": "ipmi://192.0.2.1", "credentialsName": "a"}},
        ),
        "metal3.hosts[0].bootMode",
        "is not supported by driver ipmi",
    ),
    (
        "disk",
        put("metal3.hosts[0].rootDeviceHints.deviceName", "/dev/mapper/x"),
        "metal3.hosts[0].rootDeviceHints.deviceName",
        "must lie in /dev/ or /dev/disk/by-path/",
    ),
    (
        "label of CAPM3's",
        put("metal3.hosts[0].labels", {"cluster.x-k8s.io/cluster-name": "one"}),
        'metal3.hosts[0].labels["cluster.x-k8s.io/cluster-name"]',
        "is set by CAPM3",
    ),
    (
        "reuse with a surge",
        put("workerPools[0]", {"name": "a", "nodeReuse": True, "strategy": {"maxSurge": 1}}),
        "workerPools[0].strategy.maxSurge",
        "must be 0, and maxUnavailable at least 1, with nodeReuse",
    ),
    (
        "reuse with the default surge",
        put("workerPools[0]", {"name": "a", "nodeReuse": True}),
        "workerPools[0].strategy.maxSurge",
        "must be 0, and maxUnavailable at least 1, with nodeReuse",
    ),
    (
        "no certificate to verify",
        put(
            "metal3.hosts[0]",
            {
                **host(),
                "bmc": {
                    "address": "ipmi://192.0.2.1",
                    "credentialsName": "a",
                    "disableCertificateVerification": True,
                },
            },
        ),
        "metal3.hosts[0].bmc.disableCertificateVerification",
        "has no effect on an address without TLS",
    ),
    (
        "jinja",
        put("workerPools[0].bootstrap", {"commands": ["echo {{ .kubernetesVersion }}"]}),
        "workerPools[0].bootstrap.commands[0]",
        "cloud-init's jinja2 would evaluate",
    ),
    (
        "unknown metadata",
        put("workerPools[0].bootstrap", {"commands": ["echo {{ ds.meta_data.nope }}"]}),
        "workerPools[0].bootstrap.commands[0]",
        "names ds.meta_data.nope, which metaData does not define",
    ),
    (
        "own kubelet argument",
        put("workerPools[0].bootstrap", {"kubeletExtraArgs": {"cloud-provider": "external"}}),
        "workerPools[0].bootstrap.kubeletExtraArgs",
        "metal3.cloudController",
    ),
    ("another provider", {**FULL, "metal": {"metro": "da"}}, "metal", "one infrastructure provider"),
]
