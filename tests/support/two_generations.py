"""A management cluster whose API serves both generations of Cluster API's objects, converted by its own programs."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from lab import crds
from lab.controllers import Controllers
from lab.generations import SECOND
from lab.plane import ManagementPlane
from lab.processes import Process, start

CONVERTERS = ("capi-core", "capi-bootstrap-kubeadm")
KINDS = (
    *("clusters", "machinedeployments", "machinehealthchecks", "machines", "machinesets"),
    *("kubeadmconfigtemplates", "kamajicontrolplanes"),
)
ELSEWHERE = "nowhere"
"""The only namespace that the programs look at: they convert objects, and let those of the tests be."""


@contextmanager
def upgrade(plane: ManagementPlane) -> Iterator[None]:
    """The management cluster with the newer CRDs over those that are there, as an upgrade of the controllers leaves it.

    Kamaji's provider has one version in each CRD and converts nothing. Objects are stored in that of before, so an API server
    takes the new CRD only with both; here they share the newer schema, as versions that nobody converts have to.
    """
    ways = Controllers(plane.folder, plane.kubeconfig, plane.authority, SECOND, "", "")
    running: list[Process] = []
    try:
        with plane.client() as client:
            names = list(install(client, ways))
            # They end at once where the kinds that they watch are not there.
            running.extend(start_converter(plane, ways, name) for name in CONVERTERS)
            await_versions(client, names, running)
        yield
    finally:
        for process in running:
            process.stop()


def install(client: httpx.Client, ways: Controllers) -> Iterator[str]:
    """Install the newer CRDs; the names of those that a stack's objects are of."""
    conversions = {name: way for name, way in ways.conversions().items() if name in CONVERTERS}
    for definition in crds.definitions(SECOND, conversions):
        if definition["spec"]["group"] == "controlplane.cluster.x-k8s.io":
            (version,) = definition["spec"]["versions"]
            definition["spec"]["versions"].append({**copy.deepcopy(version), "name": "v1alpha1", "storage": False})
        crds.apply(client, definition)
        if definition["spec"]["names"]["plural"] in KINDS:
            yield definition["metadata"]["name"]


def start_converter(plane: ManagementPlane, ways: Controllers, name: str) -> Process:
    """Start one of Cluster API's programs, which converts objects of all namespaces and acts on none."""
    command = [*ways.command(name, gate=False), "--namespace", ELSEWHERE]
    return start(name, command, plane.logs, {"KUBECONFIG": str(plane.kubeconfig)})


def await_versions(client: httpx.Client, names: list[str], converters: list[Process]) -> None:
    """Wait until the API server answers in each version of these CRDs."""
    deadline = time.monotonic() + 120
    while missing := [name for name in names if not serves(client, name)]:
        for process in converters:
            process.require()
        assert time.monotonic() < deadline, f"not served in both versions: {missing}"
        time.sleep(0.2)


def serves(client: httpx.Client, name: str) -> bool:
    """Whether the API server answers in each of a CRD's versions; the first requests get 429, or what was before."""
    answer = (
        client.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}").raise_for_status().json()["spec"]
    )
    plural, versions = (
        answer["names"]["plural"],
        [version["name"] for version in answer["versions"] if version["served"]],
    )
    paths = [f"/apis/{answer['group']}/{version}/{plural}" for version in versions]
    return len(versions) > 1 and all(client.get(path).is_success for path in paths)
