"""A management cluster's API for servers of one's own, and credentials for it with the documented rights alone."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import yaml

import toolchain
from lab import crds
from lab.kubeconfig import http_client
from lab.plane import ManagementPlane
from tests.provider.test_handoff_rbac import allows
from toolchain.pins import NEWER_CLUSTER_API

from . import dry_run
from .lab import eventually
from .prepared_plane import prepared_plane
from .project import ROOT

MORE = ["tenantcontrolplanes.kamaji.clastix.io", "datastores.kamaji.clastix.io", "machinesets.cluster.x-k8s.io"]


def await_more_crds(client: httpx.Client) -> None:
    """Wait until further CRDs are served."""
    eventually(lambda: crds.missing_crds(client, MORE), lambda names: not names, 30, "the CRDs are served")


def metal3_plane(folder: Path) -> AbstractContextManager[ManagementPlane]:
    """An API server with all kinds that a stack of Metal3's meets."""
    return prepared_plane(folder, install)


def install(client: httpx.Client) -> None:
    """Install the CRDs of those kinds."""
    dry_run.install(client)
    folders = (
        ("github.com/clastix/kamaji", None, "charts/kamaji/crds", "*.yaml"),
        ("sigs.k8s.io/cluster-api", NEWER_CLUSTER_API, "config/crd/bases", "*_machine[s]*.yaml"),
    )
    for module, version, folder, pattern in folders:
        for path in sorted((toolchain.module_folder(module, version) / folder).glob(pattern)):
            definition = yaml.load(path.read_bytes(), yaml.CSafeLoader)
            definition["spec"].pop("conversion", None)
            crds.apply(client, definition)
    await_more_crds(client)


def least_rights(plane: ManagementPlane, namespace: str) -> Path:
    """Credentials with the documented rights and no others; they are in force when this returns."""
    documents = [
        document
        for name in ("rbac.yaml", "rbac-metal3.yaml")
        for document in yaml.safe_load_all((ROOT / "docs" / name).read_text())
    ]
    for document in documents:
        if not document["kind"].startswith("Cluster"):
            document["metadata"]["namespace"] = namespace
    path = plane.user("kamaji-equinix")
    plane.apply_yaml(yaml.safe_dump_all(documents))
    rights = [
        ("delete", "metal3.io", "baremetalhosts"),
        ("create", "controlplane.cluster.x-k8s.io", "kamajicontrolplanes"),
    ]
    with http_client(path) as client:
        for right in rights:
            eventually(lambda right=right: allows(client, namespace, right), bool, 20, "the rights are in force")
    return path
