"""Simulated hosts of Metal3: what their config drive holds, which networks can be, and which of them run."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest

from lab.metal3 import config_drive, host, hosts, network_data
from lab.simulation.trouble import BootFailure

UID = "5f3f2f1e-0000-4000-8000-000000000001"
CARDS = ["00:60:2F:00:00:01", "ab:cd:12:34:56:78"]


def secret(**data: str) -> dict[str, Any]:
    return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}}


def document(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "host-1", "namespace": "racks", "uid": UID}
    return {
        "metadata": metadata,
        "spec": {"online": True, **spec},
        "status": {"provisioning": {"state": "provisioned"}},
    }


def read(secrets: dict[str, dict[str, Any]], **spec: Any) -> config_drive.ConfigDrive:
    return config_drive.read(document(**spec), lambda namespace, name: secrets.get(f"{namespace}/{name}"))


def test_a_config_drive_knows_what_ironic_adds_and_what_the_secrets_say() -> None:
    secrets = {
        "racks/user": secret(userData="#cloud-config\n"),
        "other/meta": secret(metaData="name: machine-1\nlocal-hostname: machine-1\nnodeIP: 10.0.0.4\n"),
    }
    drive = read(secrets, userData={"name": "user"}, metaData={"name": "meta", "namespace": "other"})
    assert drive.user_data == "#cloud-config\n", "without a namespace the host's own is meant"
    assert dict(drive.meta_data) == {
        "uuid": UID,
        "metal3-name": "host-1",
        "metal3-namespace": "racks",
        "name": "machine-1",
        "local-hostname": "machine-1",
        "local_hostname": "host-1",
        "nodeIP": "10.0.0.4",
    }, "the Secret goes before Ironic's own"
    assert drive.hostname == "machine-1", "cloud-init names the machine so"
    assert drive.instance_data()["ds"]["meta-data"]["instance-id"] == UID, "the instance is the host"  # type: ignore[index]


def test_the_hostname_of_the_meta_data_goes_before_its_local_hostname() -> None:
    secrets = {"racks/meta": secret(metaData="hostname: first\nlocal-hostname: second\n")}
    assert read(secrets, metaData={"name": "meta"}).hostname == "first"


def test_a_secret_may_hold_its_content_as_value() -> None:
    assert read({"racks/user": secret(value="text")}, userData={"name": "user"}).user_data == "text"


@pytest.mark.parametrize(
    ("secrets", "reason"),
    [
        ({}, r"Secret racks/data of its spec\.metaData is not there"),
        ({"racks/data": secret(other="x")}, r"has neither key metaData nor value"),
        ({"racks/data": secret(metaData="a: [")}, r"its metaData is not valid YAML: .*line 1"),
        ({"racks/data": secret(metaData="- a")}, r"its metaData is no YAML mapping"),
    ],
)
def test_a_host_whose_meta_data_cannot_be_read_is_left_out(secrets: dict[str, dict[str, Any]], reason: str) -> None:
    with pytest.raises(BootFailure, match=reason):
        read(secrets, metaData={"name": "data"})


NETWORK: dict[str, Any] = {
    "links": [
        {"type": "phy", "id": "eth0", "mtu": 1500, "ethernet_mac_address": CARDS[0].lower()},
        {"type": "phy", "id": "eth1", "mtu": 1500, "ethernet_mac_address": CARDS[1].upper()},
        {"type": "bond", "id": "bond0", "bond_mode": "802.3ad", "bond_links": ["eth0", "eth1"]},
        {"type": "vlan", "id": "nodes", "vlan_link": "bond0", "vlan_id": 120},
    ],
    "networks": [
        {"type": "ipv6_slaac", "id": "six", "link": "nodes", "routes": []},
        {
            "type": "ipv4",
            "id": "four",
            "link": "nodes",
            "ip_address": "10.10.0.100",
            "netmask": "255.255.255.0",
            "routes": [{"network": "172.16.0.0", "netmask": "255.240.0.0", "gateway": "10.10.0.1", "services": []}],
        },
    ],
    "services": [{"type": "dns", "address": "8.8.8.8"}],
}


def test_a_network_of_a_bond_and_a_vlan_gives_the_host_its_address() -> None:
    assert network_data.addresses(NETWORK, CARDS) == ["10.10.0.100"]


def test_a_host_without_network_data_asks_dhcp() -> None:
    assert network_data.addresses({}, CARDS) == []


def edit(path: str, value: Any) -> dict[str, Any]:
    """The network with another value at a path such as ``links/0/id``; None removes the key."""
    network = copy.deepcopy(NETWORK)
    *way, last = [int(part) if part.isdecimal() else part for part in path.split("/")]
    place: Any = network
    for part in way:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return network


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (
            "links/0/ethernet_mac_address",
            "00:00:00:00:00:09",
            r"link 'eth0' .* is card 00:00:00:00:00:09, .* doesn't have",
        ),
        ("links/0/ethernet_mac_address", None, r"link 'eth0' .* has no MAC address"),
        ("links/0/id", "eth9", r"link 'bond0' .* is made of link 'eth0', which is not there"),
        ("links/1/id", "eth0", r"two links 'eth0'"),
        ("links/2/bond_links", [], r"link 'bond0' .* is a bond of nothing"),
        ("links/2/bond_mode", "lacp", r"bond_mode 'lacp'; known are balance-rr"),
        ("links/3/vlan_id", 4095, r"vlan_id 4095, which is none from 1 to 4094"),
        ("links/3/vlan_link", "bond1", r"link 'nodes' .* is made of link 'bond1'"),
        ("networks", None, r"no networks: the host has no address"),
        ("networks/1/link", "eth7", r"network 'four' .* is on link 'eth7'; there are bond0, eth0"),
        ("networks/1/type", "ipv5", r"has type 'ipv5'; known are ipv4"),
        ("networks/1/ip_address", "10.10.0.256", r"network 'four' .* no valid address"),
        ("networks/1/ip_address", "10.11.0.7", r"gateway 10\.10\.0\.1, which can't be reached from 10\.11\.0\.7/24"),
        ("networks/1/routes/0/gateway", "", r"route with gateway '', which is no address"),
    ],
)
def test_a_network_that_the_hardware_cannot_have_leaves_the_host_out(path: str, value: Any, reason: str) -> None:
    with pytest.raises(BootFailure, match=reason):
        network_data.addresses(edit(path, value), CARDS)


def test_cards_are_those_of_the_inspection_and_the_one_that_it_boots_from() -> None:
    obj = document(bootMACAddress="00:60:2f:00:00:01")
    obj["status"]["hardware"] = {"nics": [{"name": "nic-1", "mac": "ab:cd:12:34:56:78"}, {"name": "nic-2"}]}
    assert host.cards(obj) == ["ab:cd:12:34:56:78", "00:60:2f:00:00:01"]


def test_a_host_runs_while_it_is_provisioned_online_and_has_user_data() -> None:
    user = {"userData": {"name": "user", "namespace": "racks"}}
    assert hosts.runs(document(**user)), "provisioned"
    assert not hosts.runs(document()), "without user data nothing becomes a node"
    assert not hosts.runs({**document(**user), "status": {"provisioning": {"state": "available"}}}), "given back"
    assert not hosts.runs({**document(**user), "status": {}}), "not looked at yet"
    assert not hosts.runs(document(**{**user, "online": False})), "powered off"


def test_a_host_that_becomes_another_machine_has_a_fresh_disk() -> None:
    first, second = (document(userData={"name": name, "namespace": "racks"}) for name in ("a", "b"))
    assert hosts.disk(first) != hosts.disk(second), "what the one wrote the other does not find"
    assert hosts.disk(first) == hosts.disk(copy.deepcopy(first)), "a lab that starts again finds it"


def test_faults_are_read_from_the_hosts_annotation() -> None:
    obj = document()
    obj["metadata"]["annotations"] = {host.FAULTS: "no-uuid-label, hangs,"}
    assert host.faults(obj) == {"no-uuid-label", "hangs"}
    assert host.faults(document()) == set()
