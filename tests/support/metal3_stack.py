"""A stack with a rack of two hosts on an API server, which has come up; all its controllers are played."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.plane import ManagementPlane

from .data_store import make_data_store
from .metal3_fleet import HOSTS, Metal3Fleet
from .metal3_plane import least_rights
from .metal3_settings import IMAGE, PASSWORD, passwords
from .project import CommandResult, Project

Json = dict[str, Any]

KINDS = "/apis/infrastructure.cluster.x-k8s.io/v1beta2/namespaces/{}/"
IP_POOLS = "/apis/ipam.metal3.io/v1alpha1/namespaces/{}/ippools"


@dataclass
class Metal3Stack:
    """A stack with one cluster, ``one``, and one pool, ``a``.

    Attributes:
        output: of its first `up`.
    """

    name: str
    project: Project
    fleet: Metal3Fleet
    sections: Json
    output: str = ""

    def names(self, path: str) -> set[str]:
        """Names of objects."""
        result = self.fleet.http.get(path.format(self.fleet.namespace)).raise_for_status().json()["items"]
        return {item["metadata"]["name"] for item in result}

    def script(self, *arguments: str) -> CommandResult:
        """Run `kamaji-equinix`."""
        return self.project.script_here(*arguments, "--stack", self.name)

    def status(self) -> Json:
        """What `status` says of the cluster."""
        result: Json = json.loads(self.script("status", "--json").ok())["one"]
        return result

    def declared(self) -> list[str]:
        """Paths of objects that it declares, one of each kind."""
        (template,) = self.names(f"{KINDS}metal3machinetemplates")
        (data,) = self.names(f"{KINDS}metal3datatemplates")
        bootstrap = "/apis/bootstrap.cluster.x-k8s.io/v1beta2/namespaces/{}/kubeadmconfigtemplates"
        (joining,) = self.names(bootstrap)
        paths = [
            f"{KINDS}metal3machinetemplates/{template}",
            f"{KINDS}metal3datatemplates/{data}",
            f"{bootstrap}/{joining}",
            f"{IP_POOLS}/one-nodes",
            f"{HOSTS}/host-1",
            "/api/v1/namespaces/{}/secrets/host-1-bmc",
        ]
        return [path.format(self.fleet.namespace) for path in paths]


def metal3_stack(plane: ManagementPlane, project: Project, name: str) -> Iterator[Metal3Stack]:
    """Bring one up, with the documented rights alone."""
    make_data_store(plane)
    with Metal3Fleet(plane, delay=1.0) as fleet:
        address = "redfish-virtualmedia://127.0.0.1:8000/redfish/v1/Systems/{}"
        hosts = [
            {
                "name": f"host-{number}",
                "labels": {"pool": "worker-a"},
                "bootMACAddress": f"00:60:2f:00:00:0{number}",
                "bmc": {"address": address.format(number), "username": "admin"},
            }
            for number in range(2)
        ]
        pools = [{"name": "nodes", "ranges": [{"start": "192.0.2.100", "end": "192.0.2.200"}], "prefix": 24}]
        metal3 = {
            "image": IMAGE,
            "hostSelector": {"matchLabels": {"pool": "worker-a"}},
            "ipPools": pools,
            "hosts": hosts,
        }
        sections: Json = {
            "cluster": {"name": "one", "namespace": fleet.namespace},
            "capi": {"contract": "v1beta2"},
            "metal3": {**metal3, "metaData": {"ipAddressesFromPool": {"nodeIP": "nodes"}}},
            "workerPools": [{"name": "a", "replicas": 1}],
            "management": {"kubeconfigPath": str(least_rights(plane, fleet.namespace))},
            "handoff": {"timeoutSeconds": 60},
        }
        project.pulumi("stack", "init", name).ok()
        project.configure(name, **sections)
        project.store(name, passwords(hosts, PASSWORD))
        stack = Metal3Stack(name, project, fleet, sections)
        stack.output = stack.script("up", "--no-wait").ok()
        yield stack
