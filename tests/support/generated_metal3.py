"""Settings of clusters on servers of one's own, made up: most of them right, some nearly so."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from pydantic import SecretStr

Json = dict[str, Any]

KEYS = st.sampled_from(["site", "rack", "nodeIP", "node_prefix", "gw-4", "name", "a.b", "9x", "x" * 63, "x" * 64])
WORDS = st.sampled_from(["ams", "node-", "0", "a b", "", "x" * 512, "x" * 513, "nic-1", "{{ x }}"])
OBJECT_KINDS = st.sampled_from(["machine", "metal3machine", "baremetalhost", "host"])
POOLS = st.sampled_from(["nodes", "nodes6", "there", "nods"])
LABELS = st.sampled_from(["pool", "example.org/rack", "a/b/c", "-x", "cluster.x-k8s.io/cluster-name"])
IDS = st.sampled_from(["eth0", "eth1", "bond0", "v101", "x" * 63, "a b"])
V4 = st.sampled_from(["192.0.2.1", "192.0.2.100", "192.0.2.200", "10.0.0.1", "256.0.0.1", "192.0.2.01", "127.0.0.1"])
V6 = st.sampled_from(
    ["2001:db8::1", "2001:DB8::1", "fe80::1", "::", "::ffff:192.0.2.1", "2001:db8:0:0:0:0:0:1", "fe80::1%eth0"]
)
ADDRESSES = st.one_of(V4, V6)
SUBNETS = st.sampled_from(
    ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.0/24", "192.0.2.1/24", "::/0", "2001:db8::/64", "192.0.2.0/33", "192.0.2.0"]
)
NUMBERS = st.sampled_from([0, 1, 2, 24, 64, 100, 129, 1280, 1500, 9000, 9001, 2**31 - 1, 2**31, -1])


def maybe(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Some of the keys."""
    return st.fixed_dictionaries({}, optional=values)


def lists(element: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[list[Any]]:
    """A short list."""
    return st.lists(element, max_size=most)


MACS = st.one_of(
    st.fixed_dictionaries({"fromHostInterface": st.sampled_from(["nic-1", "nic-2"])}),
    st.fixed_dictionaries({"string": st.sampled_from(["00:60:2f:00:00:01", "00:60:2F:00:00:01", "00-60-2f-00-00-01"])}),
    st.fixed_dictionaries(
        {"fromAnnotation": st.fixed_dictionaries({"object": OBJECT_KINDS, "annotation": st.just("example.org/mac")})}
    ),
    st.just({}),
)


def link(**extra: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """A link of a kind."""
    names = st.sampled_from(["lan0", "x" * 15, "x" * 16, "0lan", "a.b_c-d"])
    return st.fixed_dictionaries({"id": IDS, "macAddress": MACS, **extra}, optional={"name": names, "mtu": NUMBERS})


def with_routes(**extra: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """A network with routes."""
    gateway = st.one_of(
        st.fixed_dictionaries({"pool": POOLS}), st.fixed_dictionaries({"string": ADDRESSES}), st.just({})
    )
    route = st.fixed_dictionaries({"network": SUBNETS, "gateway": gateway}, optional={"dns": lists(ADDRESSES)})
    return st.fixed_dictionaries({"id": IDS, "link": IDS, **extra}, optional={"routes": lists(route)})


METADATA = maybe(
    strings=st.dictionaries(KEYS, WORDS, max_size=2),
    objectNames=st.dictionaries(KEYS, OBJECT_KINDS, max_size=2),
    indexes=lists(
        st.fixed_dictionaries(
            {"key": KEYS}, optional={"offset": NUMBERS, "step": NUMBERS, "prefix": WORDS, "suffix": WORDS}
        )
    ),
    namespaces=lists(KEYS),
    ipAddressesFromPool=st.dictionaries(KEYS, POOLS, max_size=2),
    prefixesFromPool=st.dictionaries(KEYS, POOLS, max_size=1),
    gatewaysFromPool=st.dictionaries(KEYS, POOLS, max_size=1),
    fromHostInterfaces=st.dictionaries(KEYS, WORDS, max_size=1),
    fromLabels=lists(st.fixed_dictionaries({"key": KEYS, "object": OBJECT_KINDS, "label": LABELS}), 1),
    fromAnnotations=lists(st.fixed_dictionaries({"key": KEYS, "object": OBJECT_KINDS, "annotation": LABELS}), 1),
)

NETWORK = maybe(
    links=maybe(
        ethernets=lists(link(), 3),
        bonds=lists(
            link(
                bondMode=st.sampled_from(["802.3ad", "active-backup", "mode1"]),
                bondLinks=lists(IDS),
                parameters=st.sampled_from([{}, {"miimon": 100}, {"mode": 1}, {"primary": "eth0"}, {"x": {}}]),
            ),
            1,
        ),
        vlans=lists(link(vlanID=st.sampled_from([0, 1, 101, 4094, 4095]), vlanLink=IDS)),
    ),
    networks=maybe(
        ipv4=lists(with_routes(pool=POOLS)),
        ipv6=lists(with_routes(pool=POOLS), 1),
        ipv4DHCP=lists(with_routes(), 1),
        ipv6DHCP=lists(with_routes(), 1),
        ipv6SLAAC=lists(with_routes(), 1),
    ),
    services=maybe(dns=lists(ADDRESSES), dnsFromPool=POOLS),
)

IMAGES = st.fixed_dictionaries(
    {"url": st.sampled_from(["http://images.invalid/a.qcow2", "oci://registry.invalid/a", "file:///a b", "a.qcow2"])},
    optional={
        "checksum": st.sampled_from(["http://images.invalid/a.sha256", "ab" * 32, "ab" * 16, "auto"]),
        "checksumType": st.sampled_from(["md5", "sha256", "sha512", "auto"]),
        "format": st.sampled_from(["raw", "qcow2", "vdi", "vmdk", "live-iso", "iso"]),
    },
)

SELECTORS = maybe(
    matchLabels=st.dictionaries(LABELS, st.sampled_from(["a", "", "x y"]), max_size=2),
    matchExpressions=lists(
        st.fixed_dictionaries(
            {"key": LABELS, "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Gt"])},
            optional={"values": lists(st.sampled_from(["a", "b", ""]))},
        )
    ),
)

RANGES = maybe(
    start=ADDRESSES, end=ADDRESSES, subnet=SUBNETS, prefix=NUMBERS, gateway=ADDRESSES, dnsServers=lists(ADDRESSES)
)

HOSTS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["host-0", "host-1", "rack.1", "Host", "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"]),
        "bmc": st.fixed_dictionaries(
            {
                "address": st.sampled_from(
                    [
                        "redfish-virtualmedia://192.0.2.9/redfish/v1/Systems/1",
                        "redfish-virtualmedia+https://[2001:db8::9]:8443/redfish/v1/Systems/1",
                        "idrac-virtualmedia://bmc.example.org/redfish/v1/Systems/System.Embedded.1",
                        "ipmi://192.0.2.9:623",
                        "libvirt://192.0.2.9:6233/",
                        "redfish://192.0.2.9",
                        "redfish+ftp://192.0.2.9/redfish/v1/Systems/1",
                        "ipmi://a_b",
                        "ipmi://",
                    ]
                )
            },
            optional={
                "username": st.sampled_from(["admin", "a:b", ""]),
                "password": st.sampled_from([SecretStr("x"), SecretStr("x\ny"), SecretStr(""), "clear"]),
                "credentialsName": st.sampled_from(["there", "There"]),
                "disableCertificateVerification": st.booleans(),
            },
        ),
    },
    optional={
        "labels": st.dictionaries(LABELS, st.sampled_from(["a", "x y"]), max_size=1),
        "annotations": st.dictionaries(LABELS, WORDS, max_size=1),
        "bootMACAddress": st.sampled_from(["00:60:2f:00:00:01", "00:60:2F:00:00:02", "0:1"]),
        "bootMode": st.sampled_from(["UEFI", "UEFISecureBoot", "legacy", "bios"]),
        "architecture": st.sampled_from(["x86_64", "aarch64"]),
        "inspection": st.sampled_from(["agent", "disabled"]),
        "rootDeviceHints": maybe(
            deviceName=st.sampled_from(["/dev/sda", "/dev/disk/by-path/pci-1", "/dev/mapper/a", "sda"]),
            minSizeGigabytes=NUMBERS,
            rotational=st.booleans(),
            wwn=WORDS,
        ),
    },
)

POOL_OBJECTS = st.fixed_dictionaries(
    {"name": POOLS},
    optional={
        "existing": st.booleans(),
        "kind": st.sampled_from(["IPPool", "InClusterIPPool", "a b"]),
        "ranges": st.lists(RANGES, min_size=1, max_size=2),
        "prefix": NUMBERS,
        "gateway": ADDRESSES,
        "dnsServers": lists(ADDRESSES),
        "preAllocations": st.dictionaries(st.sampled_from(["router", "Router"]), ADDRESSES, max_size=1),
    },
)

GOOD_POOLS: list[Json] = [
    {"name": "nodes", "ranges": [{"start": "192.0.2.100", "end": "192.0.2.200"}], "prefix": 24, "gateway": "192.0.2.1"},
    {"name": "nodes6", "ranges": [{"subnet": "2001:db8::/64"}], "prefix": 64, "gateway": "2001:db8::1"},
    {"name": "there", "existing": True},
]
GOOD_LINKS: Json = {
    "ethernets": [
        {"id": name, "macAddress": {"fromHostInterface": "nic-1"}} for name in ("eth0", "eth1", "bond0", "v101")
    ]
}


@st.composite
def metal3_configurations(draw: st.DrawFn) -> Json:
    """A stack's configuration; what is not varied is right, so that one mistake does not hide the rest."""
    image = {"url": "http://images.invalid/a.qcow2", "checksum": "http://images.invalid/a.sha256"}
    section: Json = {"image": image, "ipPools": GOOD_POOLS}
    pool: Json = {"name": "a", "replicas": 1, "strategy": {"maxSurge": 0, "maxUnavailable": 1}}
    parts: dict[str, st.SearchStrategy[Any]] = {
        "image": IMAGES,
        "hostSelector": SELECTORS,
        "cleaning": st.sampled_from(["metadata", "disabled", "full"]),
        "metaData": METADATA,
        "networkData": NETWORK,
        "nodeReuse": st.booleans(),
        "ipPools": lists(POOL_OBJECTS, 3),
        "hosts": lists(HOSTS),
        "cloudController": st.sampled_from(["none", "external"]),
    }
    for key in draw(st.sets(st.sampled_from(sorted(parts)), min_size=1, max_size=3)):
        value = draw(parts[key])
        if key == "networkData" and draw(st.booleans()):
            value = {**value, "links": GOOD_LINKS}
        for_pool = key not in ("ipPools", "hosts", "cloudController") and (key == "nodeReuse" or draw(st.booleans()))
        (pool if for_pool else section)[key] = value
    return {
        "cluster": {"name": "one", "namespace": "generated"},
        "capi": {"contract": "v1beta2"},
        "metal3": section,
        "workerPools": [pool],
    }
