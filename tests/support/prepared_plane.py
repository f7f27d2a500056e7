"""API servers that have their CRDs from the start: taking those in costs one more than all else of its start."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from lab import crds
from lab.plane import ManagementPlane
from toolchain.locks import exclusive

from .lab import eventually

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@contextmanager
def prepared_plane(
    folder: Path, install: Callable[[httpx.Client], None] = crds.install, *, controller_manager: bool = False
) -> Iterator[ManagementPlane]:
    """A management cluster's API on a copy of the data that the first of its kind in this run has made.

    All copies have the same UID of namespace ``kube-system``: a test of two clusters' identity starts one itself.

    Args:
        folder: for it.
        install: installs the CRDs; a module's function, because its name is the data's.
        controller_manager: with the garbage collector.
    """
    data = Path(os.environ["TMPDIR"]) / "prepared-planes" / f"{install.__module__}.{install.__qualname__}"
    with exclusive(f"prepared-{data.name}"):
        if not data.exists():
            first = ManagementPlane(folder.with_name(f"{folder.name}-prepared"), install_crds=False)
            try:
                first.start()
                with first.client() as client:
                    install(client)
            finally:
                first.stop()
            shutil.copytree(first.folder / "etcd", data)
    shutil.copytree(data, folder / "etcd")
    plane = ManagementPlane(folder, install_crds=False, controller_manager=controller_manager)
    try:
        plane.start()
        with plane.client() as client:
            eventually(lambda: silent_kinds(client), lambda names: not names, 30, "the CRDs are served")
        yield plane
    finally:
        plane.stop()


def silent_kinds(client: httpx.Client) -> set[str]:
    """The CRDs that the API server's discovery does not name yet."""
    names = set()
    for definition in client.get(DEFINITIONS).raise_for_status().json()["items"]:
        spec = definition["spec"]
        for version in spec["versions"]:
            if version["served"]:
                answer = client.get(f"/apis/{spec['group']}/{version['name']}")
                resources = answer.json()["resources"] if answer.is_success else ()
                if spec["names"]["plural"] not in {resource["name"] for resource in resources}:
                    names.add(definition["metadata"]["name"])
    return names
