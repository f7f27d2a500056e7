"""Hosts, ports and endpoints: for any content of the fields, and what may be overwritten."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.components.capi.endpoint import Endpoint, endpoint_of
from kamaji_equinix.components.handoff.order import Order, may_replace, writer
from kamaji_equinix.components.kube.dial import bare, canonical, join
from kamaji_equinix.components.kube.objects import Kind

ANY = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.lists(st.integers(), max_size=2)
)
PORTS = st.integers(1, 65535)
ADDRESSES = st.ip_addresses().map(str)
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]([a-z0-9]{0,4}))?", fullmatch=True)
KIND = Kind("infrastructure.cluster.x-k8s.io/v1beta1", "PacketCluster", "packetclusters")


def holding(host: Any, port: Any, *managers: str) -> dict[str, Any]:
    """An object with an endpoint, written by some managers."""
    owners = [
        {"manager": manager, "fieldsV1": {"f:spec": {"f:controlPlaneEndpoint": {"f:host": {}}}}} for manager in managers
    ]
    return {"metadata": {"managedFields": owners}, "spec": {"controlPlaneEndpoint": {"host": host, "port": port}}}


def order(*, force: bool = False, handed_off: str | None = None) -> Order:
    return Order("c1", None, "cp", KIND, "c1", force=force, handed_off=handed_off)


@given(ADDRESSES | NAMES, PORTS)
def test_every_host_and_port_is_taken_as_it_is(host: str, port: int) -> None:
    for number in (port, float(port)):
        endpoint = endpoint_of(holding(host, number))
        assert endpoint is not None, "ports up to 65535 are ports"
        assert (endpoint.host, endpoint.port) == (host, port), "and nothing is changed"
        assert isinstance(endpoint.port, int), "a port read from the state is a float"


@given(ANY, ANY)
def test_any_content_of_the_fields_is_an_endpoint_or_none(host: Any, port: Any) -> None:
    endpoint = endpoint_of(holding(host, port))
    if endpoint is not None:
        assert endpoint.host, "half an endpoint is none"
        assert 1 <= endpoint.port <= 65535, "nothing else can be dialled"


@given(st.recursive(ANY, lambda inner: st.dictionaries(st.sampled_from(["spec", "controlPlaneEndpoint"]), inner)))
def test_any_object_has_an_endpoint_or_none(obj: Any) -> None:
    assert endpoint_of(obj) is None, "an object without host and port has none"


@pytest.mark.parametrize("port", [0, -1, 65536, 10**9, 6443.5, True, float("nan"), float("inf"), "6443", None])
def test_what_is_no_port_is_no_endpoint(port: Any) -> None:
    assert endpoint_of(holding("192.0.2.1", port)) is None, f"{port!r} can't be dialled"


@given(ADDRESSES | NAMES, PORTS)
def test_host_and_port_in_one_text_can_be_taken_apart(host: str, port: int) -> None:
    head, _, tail = join(host, port).rpartition(":")
    assert (bare(head), int(tail)) == (host, port), "brackets keep an IPv6 address and its port apart"


@given(st.ip_addresses(v=6))
def test_two_spellings_of_one_address_are_one_endpoint(address: ipaddress.IPv6Address) -> None:
    long = Endpoint(address.exploded.upper(), 6443)
    assert long == Endpoint(address.compressed, 6443), "it would be rewritten for nothing otherwise"
    assert hash(long) == hash(Endpoint(address.compressed, 6443)), "equal values have equal hashes"
    assert long != Endpoint(address.compressed, 6444), "another port is another endpoint"


@given(st.text(max_size=20))
def test_any_host_has_one_canonical_form(host: str) -> None:
    assert canonical(canonical(host)) == canonical(host), "and it is its own"


@given(ADDRESSES, PORTS, st.booleans())
def test_brackets_around_a_published_host_are_no_part_of_it(address: str, port: int, spaced: bool) -> None:
    text = f" [{address}] " if spaced else f"[{address}]"
    endpoint = endpoint_of(holding(text, port))
    assert endpoint is not None, "some write brackets into the field"
    assert endpoint.host == address, "but they are none of the host's"


@pytest.mark.parametrize(
    ("managers", "expected"),
    [
        ((), "an unknown manager"),
        (("kamaji-equinix",), "kamaji-equinix"),
        (("kamaji-equinix", "manager"), "manager"),
        (("manager", "kamaji-equinix"), "manager"),
    ],
)
def test_the_writer_of_an_endpoint_is_told_the_same_way_each_time(managers: tuple[str, ...], expected: str) -> None:
    assert writer(holding("192.0.2.1", 6443, *managers)) == expected, "another writer comes first"


def test_who_was_overwritten_by_force_is_not_the_writer_any_more() -> None:
    obj = holding("192.0.2.1", 6443, "somebody", "kamaji-equinix")
    obj["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:controlPlaneEndpoint"] = {".": {}}
    assert writer(obj) == "kamaji-equinix", "the empty struct around host and port is still somebody's, but no value"
    obj["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:controlPlaneEndpoint"] = {}
    assert writer(obj) == "kamaji-equinix", "nor does it count written the other way"
    obj["metadata"]["managedFields"][1:] = []
    assert writer(obj) == "somebody", "but who wrote the endpoint as a whole did write it"


@pytest.mark.parametrize(
    ("live", "manager", "handed_off", "force", "expected"),
    [
        ("192.0.2.9", "somebody", None, False, False),
        ("192.0.2.9", "somebody", None, True, True),
        ("192.0.2.9", "kamaji-equinix", None, False, True),
        ("192.0.2.9", "somebody", "192.0.2.1:6443", False, True),
        ("192.0.2.9", "somebody", "192.0.2.9:6443", False, True),
        ("192.0.2.9", "somebody", "192.0.2.5:6443", False, False),
        ("", "somebody", None, False, True),
    ],
    ids=["a stranger's", "forced", "its own", "drifted", "not yet moved", "a third one's", "none"],
)
def test_only_what_is_its_own_or_has_drifted_is_overwritten_unforced(
    live: str, manager: str, handed_off: str | None, force: bool, expected: bool
) -> None:
    permission = may_replace(
        order(force=force, handed_off=handed_off), holding(live, 6443, manager), Endpoint("192.0.2.1", 6443)
    )
    assert permission is expected, f"{live or 'nothing'} written by {manager}, handed off before: {handed_off}"
