"""The simulated Metal API answers as equinix-sdk-go and capp expect, with faults where they are set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.metal import devices, orders
from lab.metal.api import Api, Request, Response
from lab.metal.devices import Device
from lab.metal.faults import CALL_FAULTS, NOT_PROVISIONABLE, Fault, FaultInvalid, strike
from lab.metal.store import Store
from tests.support.devices import KEY, PROJECT, order

DEVICES = f"/metal/v1/projects/{PROJECT}/devices"


class Lab:
    """An API on a store, without a server and without machines."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.orders: list[Device] = []
        self.deletions: list[Device] = []
        self.api = Api(self.store, KEY, self.orders.append, self.deletions.append)

    def ask(self, method: str, target: str, body: object = None, key: str = KEY) -> Response:
        content = b"" if body is None else json.dumps(body).encode()
        return self.api.answer(Request(method, target, {"x-auth-token": key}, content))

    def fault(self, kind: str, **fields: Any) -> None:
        answer = self.ask("PUT", f"/lab/projects/{PROJECT}/faults", {"faults": [{"kind": kind, **fields}]})
        assert answer.status == 200, answer.document

    def create(self, hostname: str = "worker-1") -> str:
        answer = self.ask("POST", DEVICES, order(hostname))
        assert answer.status == 201, answer.document
        return str(answer.document["id"])


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_a_wrong_token_is_refused_everywhere(lab: Lab) -> None:
    for target in (DEVICES, "/metal/v1/devices/x", "/lab/devices", "/lab/calls", f"/lab/projects/{PROJECT}/faults"):
        answer = lab.ask("GET", target, key="other")
        assert (answer.status, answer.document) == (401, {"errors": ["Invalid authentication token"]}), target


def test_an_order_becomes_a_device_with_what_capp_reads(lab: Lab) -> None:
    answer = lab.ask("POST", DEVICES, order("w1"))
    body = answer.document
    assert answer.status == 201, "created"
    assert (body["metro"]["code"], body["facility"]["code"][:2]) == ("da", "da"), "capp panics without either"
    assert {entry["public"] for entry in body["ip_addresses"]} == {True, False}, "one public, one private address"
    assert (body["state"], body["hostname"], body["tags"]) == ("queued", "w1", order("w1")["tags"]), "as ordered"
    assert lab.ask("GET", f"/metal/v1/devices/{body['id']}").document == body, "it is shown the same"
    assert [device.id for device in lab.orders] == [body["id"]], "a machine is powered on"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"plan": None}, "Plan can't be blank"),
        ({"plan": "type0"}, "type0 is not a valid plan"),
        ({"operating_system": "plan9"}, "plan9 is not a valid operating system"),
        ({"metro": None}, "Facility can't be blank"),
        ({"metro": "xx"}, "xx is not a valid metro"),
        ({"metro": None, "facility": ["nowhere"]}, "nowhere is not a valid facility"),
        ({"facility": ["da11"]}, "facility and metro can't be given together"),
        ({"billing_cycle": "weekly"}, "weekly is not a valid billing cycle"),
        ({"hostname": "under_score"}, "Hostname under_score is not valid"),
        ({"flavour": "x"}, "flavour is not a known attribute"),
        ({"tags": "x"}, "tags has the wrong type"),
        ({"operating_system": "custom_ipxe"}, "Ipxe script url can't be blank"),
    ],
)
def test_a_wrong_order_is_refused_with_its_reason(lab: Lab, changes: dict[str, Any], text: str) -> None:
    body = {name: value for name, value in {**order(), **changes}.items() if value is not None}
    answer = lab.ask("POST", DEVICES, body)
    assert (answer.status, answer.document) == (422, {"errors": [text]}), "as the API words it"
    assert lab.store.all() == [], "nothing is bought"


def test_a_facility_is_taken_in_place_of_a_metro() -> None:
    body = order(metro=None, facility=["sv15"])
    assert orders.problems(body) == [], "either will do"
    assert orders.location(body) == ("sv", "sv15"), "its metro is known"
    assert orders.location(order(metro=None, facility="ewr1")) == ("ny", "ewr1"), "also of the oldest names"


def test_all_problems_of_an_order_are_told_at_once() -> None:
    assert len(orders.problems({"plan": "x", "operating_system": "y"})) == 3, "location, plan and system"
    assert orders.problems([]) == ["the body is not a JSON object"], "no object at all"


def test_broken_json_is_a_400(lab: Lab) -> None:
    request = Request("POST", DEVICES, {"X-Auth-Token": KEY}, b"{")
    assert lab.api.answer(request).status == 400, "as the API says"


def test_lists_come_in_pages_of_ten(lab: Lab) -> None:
    identities = [lab.create(f"w{number}") for number in range(23)]
    listing: list[str] = []
    for number in (1, 2, 3):
        document = lab.ask("GET", f"{DEVICES}?page={number}").document
        listing += [device["id"] for device in document["devices"]]
        meta = document["meta"]
        assert (meta["total"], meta["current_page"], meta["last_page"]) == (23, number, 3), "the numbers of the list"
        following = {1: f"{DEVICES}?page=2", 2: f"{DEVICES}?page=3"}.get(number)
        assert (meta["next"] or {}).get("href") == following, "and where the next page is"
    assert len(lab.ask("GET", DEVICES).document["devices"]) == 10, "ten if nothing is said"
    assert sorted(listing) == sorted(identities), "all devices are on one page or another"
    assert len(lab.ask("GET", f"{DEVICES}?per_page=100").document["devices"]) == 23, "a larger page holds all"
    assert lab.ask("GET", f"{DEVICES}?page=9").document["devices"] == [], "there is nothing after the end"


@given(st.integers(0, 250), st.integers(1, 150))
def test_following_next_finds_everything_once(total: int, size: int) -> None:
    items, collection, query = list(range(total)), [], {"per_page": str(size)}
    while True:
        batch, meta = devices.page("/d", query, items)
        collection += batch
        if meta["next"] is None:
            break
        query = dict(part.split("=") for part in meta["next"]["href"].split("?")[1].split("&"))
    assert collection == items, "in order, without gaps"


def test_lists_are_of_one_project_and_can_be_filtered(lab: Lab) -> None:
    lab.create("w1")
    lab.ask("POST", "/metal/v1/projects/other/devices", order("w2"))
    names = [device["hostname"] for device in lab.ask("GET", DEVICES).document["devices"]]
    assert names == ["w1"], "not those of other projects"
    assert lab.ask("GET", f"{DEVICES}?tag=nothing").document["devices"] == [], "none has that tag"
    assert len(lab.ask("GET", f"{DEVICES}?hostname=w1").document["devices"]) == 1, "one is called that"


def test_a_deleted_device_is_gone(lab: Lab) -> None:
    identity = lab.create()
    assert lab.ask("DELETE", f"/metal/v1/devices/{identity}?force_delete=true").status == 204, "deleted"
    assert lab.ask("GET", f"/metal/v1/devices/{identity}").document == {"errors": ["Not found"]}, "not there any more"
    assert lab.ask("DELETE", f"/metal/v1/devices/{identity}").status == 404, "it cannot be deleted twice"
    assert [device.id for device in lab.deletions] == [identity], "its machine is powered off"


def test_a_device_in_provisioning_is_deleted_by_force_only(lab: Lab) -> None:
    identity = lab.create()
    lab.store.update(lab.orders[0], state="provisioning")
    answer = lab.ask("DELETE", f"/metal/v1/devices/{identity}")
    assert answer.document == {"errors": ["Cannot delete a device while it is provisioning"]}, "the API's own words"
    assert lab.ask("DELETE", f"/metal/v1/devices/{identity}?force_delete=true").status == 204, "capp sends force_delete"


def test_the_journal_holds_each_call_with_its_time_and_project(lab: Lab) -> None:
    identity = lab.create()
    lab.ask("DELETE", f"/metal/v1/devices/{identity}")
    lab.ask("GET", "/lab/devices")
    calls = lab.ask("GET", "/lab/calls").document["calls"]
    assert [(call["method"], call["status"], call["project"], call["device"]) for call in calls] == [
        ("POST", 201, PROJECT, identity),
        ("DELETE", 204, PROJECT, identity),
    ], "calls of the Metal API, not the lab's own"
    assert calls[0]["time"] <= calls[1]["time"], "in order"


def test_devices_faults_and_journal_outlive_the_process(lab: Lab, tmp_path: Path) -> None:
    identity = lab.create()
    lab.fault("fails", count=2)
    rerun = Lab(tmp_path)
    assert [device.id for device in rerun.store.all()] == [identity], "servers are billed until they are deleted"
    assert rerun.store.faults[PROJECT] == [Fault("fails", count=2)], "faults stay"
    assert len(rerun.store.calls()) == 1, "and so does the journal"
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, f"{path.name} is readable by others"


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({"status": 503}, 503, CALL_FAULTS["create-error"][503]),
        ({}, 422, CALL_FAULTS["create-error"][422]),
        ({"status": 422, "text": NOT_PROVISIONABLE}, 422, NOT_PROVISIONABLE),
    ],
)
def test_orders_fail_as_often_as_asked_for(lab: Lab, fields: dict[str, Any], status: int, text: str) -> None:
    lab.fault("create-error", count=2, **fields)
    for _ in range(2):
        answer = lab.ask("POST", DEVICES, order())
        assert (answer.status, answer.document) == (status, {"errors": [text]}), "the fault strikes"
    assert lab.store.all() == [], "nothing was bought meanwhile"
    assert lab.ask("POST", DEVICES, order()).status == 201, "then it is used up"


def test_reading_a_device_can_be_forbidden(lab: Lab) -> None:
    first, second = lab.create("w1"), lab.create("w2")
    lab.fault("read-error", device="w1")
    answer = lab.ask("GET", f"/metal/v1/devices/{first}")
    assert answer.document == {"errors": ["You are not authorized to view this device"]}, "the API's own words"
    assert answer.status == 403, "as it answers for a device whose installation failed"
    assert lab.ask("GET", f"/metal/v1/devices/{second}").status == 200, "the other one can be read"


def test_a_device_can_vanish_for_good(lab: Lab) -> None:
    identity = lab.create()
    lab.fault("vanishes", count=1)
    assert [lab.ask("GET", f"/metal/v1/devices/{identity}").status for _ in range(2)] == [404, 404], "gone"
    assert lab.ask("GET", DEVICES).document["devices"] == [], "from the list too"
    assert [device.id for device in lab.deletions] == [identity], "and its machine is off"


@pytest.mark.parametrize("status", [429, 403])
def test_a_rate_limit_stops_all_calls_of_a_project(lab: Lab, status: int) -> None:
    identity = lab.create()
    lab.fault("rate-limit", status=status)
    device, addresses = f"/metal/v1/devices/{identity}", f"/metal/v1/projects/{PROJECT}/ips"
    calls = [("GET", DEVICES), ("POST", DEVICES), ("GET", device), ("DELETE", device), ("GET", addresses)]
    for method, target in calls:
        assert lab.ask(method, target, order()).status == status, f"{method} {target}"
    assert lab.ask("GET", "/metal/v1/projects/other/devices").status == 200, "other projects go on"
    assert lab.ask("DELETE", f"/lab/projects/{PROJECT}/faults").status == 204, "until it is cleared"
    assert lab.ask("GET", DEVICES).status == 200, "then all is well"


def test_a_cut_answer_leaves_a_device_behind(lab: Lab) -> None:
    lab.fault("create-cut", count=1)
    answer = lab.ask("POST", DEVICES, order())
    assert answer.cut, "the connection ends"
    assert len(lab.store.all()) == 1, "but the device is bought"
    assert lab.store.calls()[0].status == 0, "the journal shows that nobody got an answer"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"kind": "earthquake"}, "unknown fault 'earthquake'; known: create-error"),
        ({"count": 1}, "a fault needs a kind"),
        ({"kind": "fails", "count": 0}, "count of fault fails is a whole number from 1"),
        ({"kind": "fails", "status": 500}, "fault fails has no status or text"),
        ({"kind": "slow-queue"}, "needs seconds above 0"),
        ({"kind": "read-error", "status": 200}, "is an HTTP error"),
        ({"kind": "fails", "times": 1}, "unknown field times"),
        ({"kind": "slow-queue", "seconds": "5"}, "seconds of fault slow-queue is a number"),
        ({"kind": "slow-queue", "seconds": True}, "seconds of fault slow-queue is a number"),
        ({"kind": "read-error", "status": "x"}, "status of fault read-error is a whole number"),
        ({"kind": "fails", "device": 5}, "text and device of fault fails are texts"),
        ("fails", "a fault is an object"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(lab: Lab, document: object, reason: str) -> None:
    with pytest.raises(FaultInvalid, match=reason):
        Fault.parse(document)
    answer = lab.ask("PUT", f"/lab/projects/{PROJECT}/faults", {"faults": [document]})
    assert answer.status == 422, "by the control endpoint too"
    assert reason in answer.document["errors"][0], "with the same text"


def test_only_the_fault_that_strikes_is_counted_down() -> None:
    faults = [Fault("fails", count=1, device="other*"), Fault("fails", count=2), Fault("vanishes")]
    fault, rest = strike(faults, "fails", "id-1", "w1")
    assert fault == Fault("fails", count=2), "the first is for other devices"
    assert rest == [faults[0], Fault("fails", count=1), faults[2]], "one less of that, the others as they were"


def test_addresses_are_never_shared(lab: Lab) -> None:
    identities = [lab.create(f"w{number}") for number in range(300)]
    lab.ask("DELETE", f"/metal/v1/devices/{identities[7]}")
    lab.create("again")
    addresses = [address for device in lab.store.all() for address in (device.public_address, device.private_address)]
    assert len(addresses) == len(set(addresses)) == 600, "each device has two of its own, also after a deletion"


def test_what_the_lab_shows_of_a_device_holds_no_user_data(lab: Lab) -> None:
    lab.ask("POST", DEVICES, order(userdata="#cloud-config\n# secret"))
    assert "secret" not in json.dumps(lab.ask("GET", "/lab/devices").document), "user data holds a token"


def test_an_unknown_path_or_method_is_told(lab: Lab) -> None:
    assert lab.ask("GET", "/metal/v1/nothing").status == 404, "no such path"
    assert lab.ask("PATCH", DEVICES).status == 405, "no such method there"
