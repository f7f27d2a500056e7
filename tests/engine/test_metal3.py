"""A cluster on servers of one's own, with the real engine: hand-off, hosts, data templates, teardown, secrets."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.fleet import CLUSTERS, CONTROL_PLANES, MERGE, dig
from tests.support.lab import eventually
from tests.support.metal3_fleet import HOSTS, NEWER, Metal3Fleet
from tests.support.metal3_plane import least_rights, metal3_plane
from tests.support.metal3_settings import IMAGE, PASSWORD, passwords
from tests.support.project import Project

STACK = "metal3"
KINDS = "/apis/infrastructure.cluster.x-k8s.io/v1beta2/namespaces/{}/"
IP_POOLS = "/apis/ipam.metal3.io/v1alpha1/namespaces/{}/ippools"


@dataclass
class Up:
    """A stack with a rack of two hosts, which has come up."""

    project: Project
    fleet: Metal3Fleet
    sections: dict[str, Any]
    output: str

    def names(self, path: str) -> set[str]:
        """Names of objects."""
        items = self.fleet.http.get(path.format(self.fleet.namespace)).raise_for_status().json()["items"]
        return {item["metadata"]["name"] for item in items}

    def change(self, **metal3: Any) -> None:
        """Other settings of the section."""
        self.sections = {**self.sections, "metal3": {**self.sections["metal3"], **metal3}}
        self.project.configure(STACK, **self.sections)

    def password(self, value: str) -> None:
        """Store both hosts' password as a secret."""
        self.project.store(STACK, passwords(self.sections["metal3"]["hosts"], value))


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementPlane]:
    with metal3_plane(tmp_path_factory.mktemp("metal3")) as plane:
        yield plane


@pytest.fixture(scope="module")
def up(plane: ManagementPlane, project: Project) -> Iterator[Up]:
    make_data_store(plane)
    with Metal3Fleet(plane, delay=3.0) as fleet:
        hosts = [
            {
                "name": f"host-{number}",
                "labels": {"pool": "worker-a"},
                "bootMACAddress": f"00:60:2f:00:00:0{number}",
                "bmc": {
                    "address": f"redfish-virtualmedia://127.0.0.1:8000/redfish/v1/Systems/{number}",
                    "username": "admin",
                },
            }
            for number in range(2)
        ]
        sections: dict[str, Any] = {
            "cluster": {"name": "one", "namespace": fleet.namespace},
            "capi": {"contract": "v1beta2"},
            "metal3": {
                "image": IMAGE,
                "hostSelector": {"matchLabels": {"pool": "worker-a"}},
                "ipPools": [
                    {"name": "nodes", "ranges": [{"start": "192.0.2.100", "end": "192.0.2.200"}], "prefix": 24}
                ],
                "metaData": {"ipAddressesFromPool": {"nodeIP": "nodes"}},
                "hosts": hosts,
            },
            "workerPools": [{"name": "a", "replicas": 1}],
            "management": {"kubeconfigPath": str(least_rights(plane, fleet.namespace))},
            "handoff": {"timeoutSeconds": 60},
        }
        project.pulumi("stack", "init", STACK).ok()
        project.configure(STACK, **sections)
        instance = Up(project, fleet, sections, "")
        instance.password(PASSWORD)
        instance.output = project.up(STACK).ok()
        yield instance


def test_the_metal3_cluster_is_made_last_from_where_the_control_plane_answers(up: Up) -> None:
    cluster = up.fleet.http.get(f"{KINDS.format(up.fleet.namespace)}metal3clusters/one").raise_for_status().json()
    plane = up.fleet.read(NEWER[CONTROL_PLANES], "one-control-plane")
    assert cluster["spec"]["controlPlaneEndpoint"] == plane["spec"]["controlPlaneEndpoint"], "where it answers"
    assert not up.fleet.early, "it was made once that had answered"


def test_hosts_pools_and_templates_are_there(up: Up) -> None:
    assert up.names(HOSTS) == {"host-0", "host-1"}, "the rack"
    assert up.names(IP_POOLS) == {"one-nodes"}, "its addresses"
    (template,) = up.names(f"{KINDS}metal3machinetemplates")
    (data,) = up.names(f"{KINDS}metal3datatemplates")
    machine_template = up.fleet.http.get(f"{KINDS.format(up.fleet.namespace)}metal3machinetemplates/{template}").json()
    assert machine_template["spec"]["template"]["spec"]["dataTemplate"] == {"name": data}, "one refers to the other"


def test_what_controllers_write_into_a_host_is_no_change(up: Up) -> None:
    up.fleet.occupy("host-0", "one-a-x")
    path = f"{HOSTS.format(up.fleet.namespace)}/host-0"
    eventually(
        lambda: up.fleet.http.get(path).json(), lambda obj: obj["spec"]["online"], 20, "a machine is on the host"
    )
    result = up.project.up(STACK, "--expect-no-changes", "--refresh")
    assert result.code == 0, f"CAPM3 switches it on:\n{result.output}"
    host = up.fleet.http.get(path).json()
    assert host["spec"]["online"], "and nobody off"
    up.change(
        hosts=[{**entry, "labels": {"pool": "worker-a", "rack": "1"}} for entry in up.sections["metal3"]["hosts"]]
    )
    up.password(PASSWORD)
    up.project.up(STACK).ok()
    host = up.fleet.http.get(path).json()
    assert host["metadata"]["labels"]["rack"] == "1", "another label comes into a host with a machine"
    assert (host["spec"]["online"], host["spec"]["consumerRef"]["name"]) == (True, "one-a-x"), "which stays as it is"


def test_another_password_changes_the_secret_in_place(up: Up) -> None:
    path = f"/api/v1/namespaces/{up.fleet.namespace}/secrets/host-0-bmc"
    before = up.fleet.http.get(path).raise_for_status().json()["metadata"]["uid"]
    up.password(f"{PASSWORD}-2")
    output = up.project.up(STACK).ok()
    after = up.fleet.http.get(path).raise_for_status().json()["metadata"]["uid"]
    assert after == before, f"the operator holds the Secret by a finalizer:\n{output}"
    assert "replaced" not in output, output


def test_what_somebody_deletes_or_changes_is_put_right(up: Up) -> None:
    namespace = up.fleet.namespace
    (template,) = up.names(f"{KINDS}metal3machinetemplates")
    (data,) = up.names(f"{KINDS}metal3datatemplates")
    paths = [
        f"{KINDS.format(namespace)}metal3clusters/one",
        f"{KINDS.format(namespace)}metal3machinetemplates/{template}",
        f"{KINDS.format(namespace)}metal3datatemplates/{data}",
        f"{IP_POOLS.format(namespace)}/one-nodes",
        f"{HOSTS.format(namespace)}/host-1",
        f"/api/v1/namespaces/{namespace}/secrets/host-1-bmc",
    ]
    for path in paths:
        up.fleet.http.delete(path).raise_for_status()
        eventually(
            lambda path=path: up.fleet.http.get(path).status_code, lambda code: code == 404, 30, f"{path} is gone"
        )
    host = f"{HOSTS.format(namespace)}/host-0"
    change = {"metadata": {"labels": {"pool": "other"}}, "spec": {"bmc": {"address": "ipmi://192.0.2.1"}}}
    up.fleet.http.patch(host, json=change, headers=MERGE, params={"fieldManager": "somebody"}).raise_for_status()
    output = up.project.script_here("up", "--stack", STACK, "--no-wait").ok()
    for path in paths:
        assert up.fleet.http.get(path).is_success, f"{path} is there again:\n{output}"
    obj = up.fleet.http.get(host).json()
    assert obj["metadata"]["labels"]["pool"] == "worker-a", "which chooses it"
    assert obj["spec"]["bmc"]["address"].endswith("Systems/0"), "and where its BMC is"
    assert (obj["spec"]["online"], obj["spec"]["consumerRef"]["name"]) == (True, "one-a-x"), "its machine stays"
    result = up.project.up(STACK, "--expect-no-changes")
    assert result.code == 0, f"nothing is left to do:\n{result.output}"


def test_a_host_with_a_machine_is_not_left_out(up: Up) -> None:
    hosts = up.sections["metal3"]["hosts"]
    up.change(hosts=hosts[1:])
    up.password(f"{PASSWORD}-2")
    result = up.project.up(STACK)
    text = " ".join(result.output.split())
    assert result.code != 0, text
    assert "metal3.hosts: lacks host-0, which Metal3Machine one-a-x is on: its server would be wiped" in text, text
    up.change(hosts=hosts[:1])
    up.password(f"{PASSWORD}-2")
    up.project.up(STACK).ok()
    assert up.names(HOSTS) == {"host-0"}, "one without a machine may go"


def test_another_data_template_rolls_and_the_old_one_goes_with_its_last_use(up: Up) -> None:
    templates, datas = (f"{KINDS}{kind}" for kind in ("metal3machinetemplates", "metal3datatemplates"))
    (old,) = up.names(templates)
    (old_data,) = up.names(datas)
    url = f"/apis/cluster.x-k8s.io/v1beta2/namespaces/{up.fleet.namespace}/machinesets"
    deployment = up.fleet.http.get(url.replace("machinesets", "machinedeployments/one-a")).raise_for_status().json()
    spec = {"clusterName": "one", "replicas": 1, **{key: deployment["spec"][key] for key in ("selector", "template")}}
    metadata = {"name": "old", "labels": {"cluster.x-k8s.io/cluster-name": "one"}}
    machine_set = {"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "MachineSet", "metadata": metadata, "spec": spec}
    up.fleet.http.post(url, json=machine_set).raise_for_status()
    up.change(metaData={"ipAddressesFromPool": {"nodeIP": "nodes"}, "strings": {"site": "ams"}})
    up.password(f"{PASSWORD}-2")
    up.project.up(STACK).ok()
    assert len(up.names(templates)) == 2 == len(up.names(datas)), (
        "a MachineSet still names the old template, which names its data"
    )
    up.fleet.http.delete(f"{url}/old").raise_for_status()
    output = up.project.up(STACK).ok()
    assert not {old, old_data} & (up.names(templates) | up.names(datas)), f"then both go:\n{output}"
    result = up.project.up(STACK, "--expect-no-changes")
    assert result.code == 0, result.output


def test_an_endpoint_that_somebody_has_changed_ends_a_hand_off_whose_advice_puts_it_right(up: Up) -> None:
    url = f"{KINDS.format(up.fleet.namespace)}metal3clusters/one"
    before = up.fleet.http.get(url).raise_for_status().json()["spec"]["controlPlaneEndpoint"]
    strange = {"spec": {"controlPlaneEndpoint": {"host": "192.0.2.250", "port": 6443}}}
    manager = {"fieldManager": "somebody"}
    up.fleet.http.patch(url, json=strange, headers=MERGE, params=manager).raise_for_status()
    # Another path is a reason to hand off again; plain Pulumi has not looked at the object before.
    up.sections["handoff"]["path"] = "/livez"
    up.change()
    up.password(f"{PASSWORD}-2")
    result = up.project.up(STACK)
    text = " ".join(result.output.split())
    assert result.code != 0, text
    assert "spec.controlPlaneEndpoint is 192.0.2.250:6443, written by somebody" in text, text
    assert "`kamaji-equinix up`, which compares it and writes the right one" in text, f"the advice: {text}"
    up.project.script_here("up", "--no-wait", "--stack", STACK).ok()
    after = up.fleet.http.get(url).raise_for_status().json()["spec"]["controlPlaneEndpoint"]
    assert after == before, "it is put right"


def test_what_never_changes_is_refused(up: Up) -> None:
    up.change(cloudController="external")
    up.password(f"{PASSWORD}-2")
    result = up.project.up(STACK)
    assert result.code != 0, result.output
    assert "metal3.cloudController" in result.output, result.output
    up.change(cloudController="none")
    up.password(f"{PASSWORD}-2")


def test_no_password_stands_in_clear(up: Up) -> None:
    state = up.project.pulumi("stack", "export", "--stack", STACK).ok()
    assert PASSWORD not in state + up.output, "the state and the output hold it as a secret"
    clear_state = up.project.pulumi("stack", "export", "--show-secrets", "--stack", STACK).ok()
    assert re.search("plaintext", clear_state), "which who may sees"


def test_the_hosts_go_after_their_cluster(up: Up) -> None:
    clusters = f"{NEWER[CLUSTERS].format(up.fleet.namespace)}/one"
    up.fleet.http.patch(
        clusters, json={"metadata": {"finalizers": ["test.example/held"]}}, headers=MERGE
    ).raise_for_status()
    names: list[set[str]] = []

    def release() -> bool:
        """As Cluster API: once all machines have gone, and with them their hosts' consumers."""
        answer = up.fleet.http.get(clusters)
        if answer.status_code == httpx.codes.NOT_FOUND or not dig(answer.json(), "metadata", "deletionTimestamp"):
            return False
        names.append(up.names(HOSTS))
        up.fleet.vacate()
        eventually(
            lambda: up.fleet.http.get(f"{HOSTS.format(up.fleet.namespace)}/host-0").json(),
            lambda obj: "consumerRef" not in obj["spec"],
            20,
            "the host gives its machine back",
        )
        up.fleet.http.patch(clusters, json={"metadata": {"finalizers": None}}, headers=MERGE).raise_for_status()
        return True

    thread = threading.Thread(
        target=lambda: eventually(release, bool, 120, "the Cluster is being deleted"), daemon=True
    )
    thread.start()
    up.project.pulumi("destroy", "--yes", "--skip-preview", "--stack", STACK).ok()
    thread.join(10)
    assert names == [{"host-0"}], "the host was there as long as its Cluster"
    assert up.names(HOSTS) == set(), "and then it went"
    export = json.loads(up.project.pulumi("stack", "export", "--stack", STACK).ok())
    assert not export["deployment"].get("resources"), "nothing is left in the state"
    assert not {"host-0-bmc", "host-1-bmc"} & up.names("/api/v1/namespaces/{}/secrets"), "nor are credentials"
