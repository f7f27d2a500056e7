"""Hosts of Metal3 under the real baremetal-operator: the faults that a host's name asks for, and what a host is at last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.lab import Lab, eventually

BASE = "/apis/metal3.io/v1alpha1/namespaces/default/baremetalhosts"
SECRETS = "/api/v1/namespaces/default/secrets"
MERGE = {"Content-Type": "application/merge-patch+json"}
IMAGE = {"url": "http://images.invalid/x.qcow2", "checksum": "http://images.invalid/x.sha256", "format": "qcow2"}

FAULTS = {
    "demo-registration-error": ("registering", "registration error"),
    "demo-registering": ("registering", ""),
    "demo-inspecting": ("inspecting", ""),
    "demo-preparing-error": ("preparing", "preparation error"),
    "demo-provisioning": ("provisioning", ""),
    "demo-validation-error": ("provisioning", "provisioning error"),
}
"""Where a host of a name ends: its state, and the type of its error."""


@pytest.fixture(scope="module")
def management(lab: Lab) -> Iterator[httpx.Client]:
    done = lab.command("up", "--contract", "v1beta2")
    assert done.returncode == 0, f"the lab is not of the second generation:\n{done.stdout}"
    with lab.management() as client:
        yield client


@pytest.fixture(scope="module")
def rack(management: httpx.Client) -> Iterator[list[str]]:
    """A host for each fault, and one that is well; each is to get an image, as CAPM3 gives it to one that it claims."""
    names = [*FAULTS, "well"]
    for number, name in enumerate(names):
        secret = {"metadata": {"name": f"{name}-bmc"}, "stringData": {"username": "admin", "password": "secret"}}
        management.post(SECRETS, json=secret).raise_for_status()
        user_data = {"metadata": {"name": f"{name}-user"}, "stringData": {"userData": "#!/bin/sh\ntrue\n"}}
        management.post(SECRETS, json=user_data).raise_for_status()
        address = f"redfish-virtualmedia://127.0.0.1:8000/redfish/v1/Systems/{number}"
        spec = {
            "online": True,
            "bootMACAddress": f"00:60:2f:00:01:{number:02x}",
            "bmc": {"address": address, "credentialsName": f"{name}-bmc", "disableCertificateVerification": True},
            "image": IMAGE,
            "userData": {"name": f"{name}-user", "namespace": "default"},
        }
        host = {"apiVersion": "metal3.io/v1alpha1", "kind": "BareMetalHost", "metadata": {"name": name}, "spec": spec}
        management.post(BASE, json=host).raise_for_status()
    yield names
    for name in names:
        management.delete(f"{BASE}/{name}")
        for part in ("bmc", "user"):
            management.delete(f"{SECRETS}/{name}-{part}")
    eventually(
        lambda: {one["metadata"]["name"] for one in management.get(BASE).json()["items"]} & set(names),
        lambda left: not left,
        90,
        "no host stays behind",
    )


def seen(management: httpx.Client, name: str) -> tuple[str, str]:
    """State and type of error of a host."""
    status: dict[str, Any] = management.get(f"{BASE}/{name}").raise_for_status().json().get("status") or {}
    return str((status.get("provisioning") or {}).get("state", "")), str(status.get("errorType") or "")


@pytest.mark.parametrize("name", FAULTS)
def test_a_host_gets_no_further_than_its_name_says(management: httpx.Client, rack: list[str], name: str) -> None:
    expected = FAULTS[name]
    eventually(lambda: seen(management, name), lambda found: found == expected, 90, f"{name} {expected}")


def test_a_host_that_is_well_runs_what_it_is_given_and_the_lab_says_why_it_is_no_node(
    lab: Lab, management: httpx.Client, rack: list[str]
) -> None:
    eventually(lambda: seen(management, "well"), lambda found: found == ("provisioned", ""), 90, "provisioned")

    def told() -> str:
        return next((one["problem"] for one in lab.state_file()["hosts"] if one["name"] == "default/well"), "")

    problem = eventually(told, bool, 60, "what becomes of it")
    assert "its user data is no cloud-config" in problem, problem
    shown = lab.command("status").stdout
    assert f"host default/well is left out of its cluster: {problem}" in shown, f"`lab status` names it:\n{shown}"


def test_a_host_that_goes_runs_no_longer(lab: Lab, management: httpx.Client, rack: list[str]) -> None:
    eventually(lambda: seen(management, "well"), lambda found: found[0] == "provisioned", 90, "provisioned")
    management.patch(f"{BASE}/well", json={"spec": {"online": False}}, headers=MERGE).raise_for_status()
    eventually(
        lambda: [one for one in lab.state_file()["hosts"] if one["name"] == "default/well"],
        lambda running: not running,
        60,
        "a host without power",
    )
