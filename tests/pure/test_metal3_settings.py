"""Metal3's settings: each rule says where, what and how to do better, before anything is created."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
from kamaji_equinix.components.checks import hosts, strangers
from kamaji_equinix.components.providers.metal3 import Metal3
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError
from pydantic import SecretStr

from tests.support.metal3_settings import ADDRESS, BOND, FULL, IMAGE, PASSWORD, host, settings

Json = dict[str, Any]


def put(path: str, value: Any, raw: Json | None = None) -> Json:
    """``FULL`` with a value at a path; None leaves the key out."""
    found = copy.deepcopy(raw or FULL)
    *parents, name = path.replace("[", ".").replace("]", "").split(".")
    target: Any = found
    for step in parents:
        target = target[int(step) if step.isdigit() else step]
    key = int(name) if name.isdigit() else name
    if value is None:
        del target[key]
    elif isinstance(target, list) and isinstance(key, int) and key >= len(target):
        target.append(value)
    else:
        target[key] = value
    return found


NETWORK = "metal3.networkData"
MISTAKES: list[tuple[str, Json, str, str]] = [
    ("contract", put("capi.contract", "v1beta1"), "capi.contract", "Cluster API 1.11 or newer"),
    ("no hand-off", put("handoff", {"enabled": False}), "handoff.enabled", "from its first write"),
    ("no image", put("metal3.image", None), "workerPools[0].image", "is required, or metal3.image"),
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
        "no meaning with format live-iso",
    ),
    ("url", put("metal3.image.url", "ubuntu.qcow2"), "metal3.image.url", "must be a URL"),
    (
        "selector without values",
        put("metal3.hostSelector.matchExpressions[0].values", []),
        "metal3.hostSelector.matchExpressions[0].values",
        "must hold a value with In",
    ),
    (
        "selector with values",
        put("metal3.hostSelector.matchExpressions[0].operator", "Exists"),
        "metal3.hostSelector.matchExpressions[0].values",
        "must be left out with Exists",
    ),
    (
        "selector twice",
        put("metal3.hostSelector.matchExpressions[1]", {"key": "rack", "operator": "Exists"}),
        "metal3.hostSelector.matchExpressions[1].key",
        "the CRD takes a key once",
    ),
    ("own metadata", put("metal3.metaData.strings", {"name": "x"}), 'metal3.metaData.strings["name"]', "given to each"),
    (
        "metadata twice",
        put("metal3.metaData.strings", {"nodeIP": "x"}),
        'metal3.metaData.ipAddressesFromPool["nodeIP"]',
        "is a key of",
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
    ("link twice", put(f"{NETWORK}.links.ethernets[1].id", "eth0"), f"{NETWORK}.links.ethernets[1].id", "is that of"),
    (
        "no card",
        put(f"{NETWORK}.links.ethernets[1].macAddress", {}),
        f"{NETWORK}.links.ethernets[1].macAddress",
        "must be one of fromHostInterface",
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
        "has a key of its own",
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
        "which has no gateway",
    ),
    (
        "two gateways",
        put(f"{NETWORK}.networks.ipv4[0].routes[0].gateway.string", "192.0.2.1"),
        f"{NETWORK}.networks.ipv4[0].routes[0].gateway",
        "must be one of pool and string",
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
        "must be the pool of one of networks.ipv4 or ipv6",
    ),
    (
        "pool twice",
        put("metal3.ipPools[1].name", "nodes"),
        "metal3.ipPools[1].name",
        "is the name of metal3.ipPools[0] too",
    ),
    ("pool without", put("metal3.ipPools[1].ranges", []), "metal3.ipPools[1].ranges", "is required, or existing"),
    (
        "existing with ranges",
        put("metal3.ipPools[1].existing", True),
        "metal3.ipPools[1].ranges",
        "this one exists; leave it out",
    ),
    (
        "foreign kind",
        put("metal3.ipPools[1].kind", "InClusterIPPool"),
        "metal3.ipPools[1].kind",
        "for an existing pool only",
    ),
    (
        "no prefix",
        put("metal3.ipPools[1].prefix", None),
        "metal3.ipPools[1].ranges[0].prefix",
        "a server needs its netmask",
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
        "is required, or credentialsName",
    ),
    (
        "two credentials",
        put("metal3.hosts[0].bmc.credentialsName", "there"),
        "metal3.hosts[0].bmc.credentialsName",
        "excludes username and password",
    ),
    (
        "driver",
        put("metal3.hosts[0].bmc.address", "rdp://x"),
        "metal3.hosts[0].bmc.address",
        "with a driver of ipmi, libvirt",
    ),
    (
        "address with a user",
        put("metal3.hosts[0].bmc.address", "ipmi://admin:hunter2x@192.0.2.1"),
        "metal3.hosts[0].bmc.address",
        "credentials go to bmc.username",
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
        "must be 0 with nodeReuse",
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
        "names ds.meta_data.nope, which metaData does not give",
    ),
    (
        "own kubelet argument",
        put("workerPools[0].bootstrap", {"kubeletExtraArgs": {"cloud-provider": "external"}}),
        "workerPools[0].bootstrap.kubeletExtraArgs",
        "metal3.cloudController",
    ),
    ("another provider", {**FULL, "metal": {"metro": "da"}}, "metal", "one infrastructure provider"),
]


@pytest.mark.parametrize(("raw", "path", "rule"), [one[1:] for one in MISTAKES], ids=[one[0] for one in MISTAKES])
def test_a_mistake_is_named_with_its_place_and_rule(raw: Json, path: str, rule: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_stack(raw)
    matching = [problem for problem in caught.value.problems if problem.path.startswith(path)]
    assert matching, f"{path} is named:\n{caught.value}"
    assert any(rule in str(problem) for problem in matching), f"with its rule:\n{caught.value}"
    assert len(caught.value.problems) <= 3, f"and no more than follows from it:\n{caught.value}"
    for word in (PASSWORD, "hunter2x"):
        assert word not in str(caught.value), "no credential shows in a report"


def test_all_keys_together_are_no_mistake() -> None:
    (tenant,) = load_stack(FULL).clusters
    assert tenant.provider == "metal3", "the section is its name"
    assert load_stack(put(f"{NETWORK}.links.bonds", [BOND])).clusters, "with a bond, too"


def test_two_clusters_of_a_stack_declare_no_host_twice() -> None:
    shared = settings(hosts=1)
    raw = {**shared, "clusters": [{"cluster": {"name": "a"}}, {"cluster": {"name": "b"}}]}
    with pytest.raises(SettingsError, match=r"clusters\[1\]\.metal3\.hosts\[0\]\.name.*declared by clusters\[0\]"):
        load_stack(raw)
    apart = {**raw, "clusters": [{"cluster": {"name": name, "namespace": name}} for name in ("a", "b")]}
    assert len(load_stack(apart).clusters) == 2, "in namespaces of their own they are two hosts"


def test_too_few_hosts_are_warned_of() -> None:
    def warnings(values: dict[str, Any]) -> list[str]:
        found = [str(one) for one in load_stack(values).warnings]
        return [one for one in found if not one.startswith("network.plugin")]

    scarce = warnings(settings(hosts=1, replicas=2))
    assert any("1 of metal3.hosts fit" in one for one in scarce), scarce
    surge = warnings(settings(hosts=2, replicas=2))
    assert any("waits for one more that is free" in one for one in surge), surge
    assert not warnings(settings(hosts=3, replicas=2)), "one more is enough"
    (unused,) = warnings(settings(ipPools=FULL["metal3"]["ipPools"][1:2]))
    assert "used by no pool" in str(unused), unused


def test_a_host_in_use_is_told_by_its_consumer() -> None:
    assert Metal3().in_use({"spec": {}}) == "", "a free one may go"
    consumer = {"kind": "Metal3Machine", "name": "one-a-x"}
    assert Metal3().in_use({"spec": {"consumerRef": consumer}}) == "Metal3Machine one-a-x", "one with a machine may not"


def test_a_password_stays_a_secret() -> None:
    (tenant,) = load_stack(settings(hosts=1)).clusters
    secret, *_ = Metal3().outliving(tenant)  # type: ignore[arg-type]
    assert isinstance(secret["data"]["password"], SecretStr), (
        "its Secret's data is taken apart only by the engine's resource"
    )
    assert PASSWORD not in repr(tenant) + repr(secret), "and shows nowhere"


class FreeHost:
    """A management cluster in which no machine is on any host."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}

    def get(self, _path: str) -> Json:
        """Any object."""
        return {"metadata": {"labels": self.labels}, "spec": {}}


HOST_OF_A = {
    "urn:pulumi:x::p::kamaji-equinix:index:TenantCluster$kubernetes:metal3.io/v1alpha1:BareMetalHost::a-host-0": {
        "outputs": {
            "metadata": {"name": "host-0", "namespace": "default", "labels": {"app.kubernetes.io/instance": "a"}}
        }
    }
}
"""A state in which cluster a declares a host."""


def test_a_host_moves_to_another_cluster_in_two_runs() -> None:
    def stack(*owners: str) -> Any:
        raw = settings()
        named = {name: {"hosts": [host()]} if name in owners else {} for name in ("a", "b")}
        return load_stack(
            {**raw, "clusters": [{"cluster": {"name": name}, "metal3": own} for name, own in named.items()]}
        )

    before, api = HOST_OF_A, cast("Any", FreeHost())
    (problem,) = hosts.problems(api, stack("b"), before)
    assert "lacks host-0, which b has now" in str(problem), problem
    assert list(hosts.problems(api, stack(), before)) == [], "it may leave both"
    assert list(hosts.problems(api, stack("b"), {})) == [], "and come to the other then"
    api.labels = {"app.kubernetes.io/instance": "a", "app.kubernetes.io/managed-by": "kamaji-equinix"}
    (problem,) = strangers.hosts(api, stack("b"), {})
    assert "declares host-0, which Cluster default/a has" in str(problem), f"another stack may have it: {problem}"
    assert list(strangers.hosts(api, stack("a"), {})) == [], "its own, of a state that was lost"
    api.labels = {"cluster.x-k8s.io/cluster-name": "a"}
    assert list(strangers.hosts(api, stack("b"), {})), "Metal3 says so, too, where a machine is on it"
    api.labels = {"app.kubernetes.io/instance": "a-chart"}
    assert list(strangers.hosts(api, stack("b"), {})) == [], "one that belongs to no cluster"


def test_a_cluster_with_another_name_gets_the_hosts_of_the_one_before_in_a_second_run() -> None:
    def renamed(*declared: Json) -> Any:
        raw = settings()
        return load_stack({**raw, "cluster": {"name": "b"}, "metal3": {**raw["metal3"], "hosts": list(declared)}})

    api: Any = FreeHost()
    (problem,) = hosts.problems(api, renamed(host()), HOST_OF_A)
    assert "has host-0, which cluster a had, and that one goes" in str(problem), problem
    assert list(hosts.problems(api, renamed(), HOST_OF_A)) == [], "they go with the old cluster"
    assert list(hosts.problems(api, renamed(host()), {})) == [], "and come back for the new one"


@pytest.mark.parametrize("name", ["mine", "host-0-bmc"])
def test_a_hosts_own_credentials_are_not_taken_from_under_it(name: str) -> None:
    def stack(*declared: Json) -> Any:
        raw = settings()
        return load_stack({**raw, "cluster": {"name": "a"}, "metal3": {**raw["metal3"], "hosts": list(declared)}})

    (urn,) = HOST_OF_A
    metadata = HOST_OF_A[urn]["outputs"]["metadata"]
    secret = {"metadata": {**metadata, "name": "host-0-bmc"}}
    before = {
        urn: {"outputs": {"metadata": metadata, "spec": {"bmc": {"credentialsName": "host-0-bmc"}}}},
        "urn:pulumi:x::p::kamaji-equinix:index:TenantCluster$kubernetes:core/v1:Secret::a-host-0-bmc": {
            "outputs": secret
        },
    }
    api: Any = FreeHost()
    other = host(bmc={"address": ADDRESS.format(0), "credentialsName": name})
    (problem,) = hosts.problems(api, stack(other), before)
    assert "would hold Secret host-0-bmc for ever" in str(problem), problem
    assert list(hosts.problems(api, stack(host()), before)) == [], "both are kept"
    assert list(hosts.problems(api, stack(), before)) == [], "a free host takes its credentials along"
    assert list(hosts.problems(api, stack(other), {})) == [], "and comes back with others"
