"""A management cluster whose API serves both generations of Cluster API's objects, with Cluster API's own conversion."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

import toolchain
from lab import crds
from lab.plane import ManagementPlane
from lab.processes import Process, free_port, start
from toolchain.go import go
from toolchain.locks import exclusive
from toolchain.pins import NEWER_CLUSTER_API, NEWER_KAMAJI_PROVIDER

SOURCE = Path(__file__).parent / "conversion"
KAMAJI = "github.com/clastix/cluster-api-control-plane-provider-kamaji"
CONVERTED = ("sigs.k8s.io/cluster-api", NEWER_CLUSTER_API)
KINDS = ("clusters", "machinedeployments", "machinehealthchecks", "machines", "machinesets", "kubeadmconfigtemplates")


def conversion_program() -> Path:
    """The server of Cluster API's conversions, built once into the toolchain's cache (about 3 minutes from nothing)."""
    digest = hashlib.sha256((SOURCE / "main.go").read_bytes()).hexdigest()[:8]
    program = toolchain.cache_folder() / f"capi-conversion-{NEWER_CLUSTER_API}-{digest}"
    with exclusive(program.name):
        if not program.exists():
            work = toolchain.cache_folder() / "work" / program.name
            shutil.copytree(SOURCE, work, dirs_exist_ok=True)
            part = program.with_name(f".{program.name}.part")
            environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false", "GOWORK": "off"}
            command = [go(print), "build", "-trimpath", "-ldflags=-s -w", "-o", part, "."]
            done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"the conversion server can't be built:\n{done.stderr[-2000:]}"
            part.rename(program)
    return program


@contextmanager
def conversion(plane: ManagementPlane) -> Iterator[str]:
    """Run the conversion server; its address."""
    pair = plane.authority.issue("conversion", "conversion", addresses=["127.0.0.1"])
    port = free_port()
    command = [
        conversion_program(),
        "-address",
        f"127.0.0.1:{port}",
        "-certificate",
        pair.certificate,
        "-key",
        pair.key,
    ]
    process = start("conversion", command, plane.logs)
    try:
        await_answer(process, f"https://127.0.0.1:{port}/convert", plane)
        yield f"https://127.0.0.1:{port}/convert"
    finally:
        process.stop()


def await_answer(process: Process, url: str, plane: ManagementPlane) -> None:
    """Wait until it takes connections."""
    trust = ssl.create_default_context(cadata=plane.authority.pem)
    deadline = time.monotonic() + 20
    with httpx.Client(verify=trust, trust_env=False) as client:
        while True:
            process.require()
            try:
                client.get(url)
            except httpx.HTTPError:
                assert time.monotonic() < deadline, "the conversion server does not answer"
                time.sleep(0.05)
            else:
                return


def upgrade(plane: ManagementPlane, address: str) -> None:
    """Install the newer CRDs over those that are there, as an upgrade of the controllers does.

    Kamaji's provider has one version in each CRD and converts nothing. Objects are stored in that of before, so an API server
    takes the new CRD only with both; here they share the newer schema, as versions that nobody converts have to.
    """
    ca = base64.b64encode(plane.authority.pem.encode()).decode()
    webhook = {"clientConfig": {"url": address, "caBundle": ca}, "conversionReviewVersions": ["v1"]}
    names = []
    with plane.client() as client:
        for definition in newer():
            if definition["spec"]["group"].startswith("controlplane."):
                (version,) = definition["spec"]["versions"]
                definition["spec"]["versions"].append({**version, "name": "v1alpha1", "storage": False})
            else:
                definition["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
            crds.apply(client, definition)
            names.append(definition["metadata"]["name"])
        deadline = time.monotonic() + 60
        while waiting := [name for name in names if not serves(client, name)]:
            assert time.monotonic() < deadline, f"not served in both versions: {waiting}"
            time.sleep(0.2)


def newer() -> Iterator[dict[str, Any]]:
    """The newer CRDs of the kinds that a stack declares or looks at."""
    for folder in ("config/crd/bases", "bootstrap/kubeadm/config/crd/bases"):
        for path in sorted((toolchain.module_folder(*CONVERTED) / folder).glob("*.yaml")):
            if path.stem.rpartition("_")[2] in KINDS:
                yield yaml.load(path.read_bytes(), yaml.CSafeLoader)
    kamaji = toolchain.module_folder(KAMAJI, NEWER_KAMAJI_PROVIDER)
    yield yaml.load(next(kamaji.rglob("*_kamajicontrolplanes.yaml")).read_bytes(), yaml.CSafeLoader)


def serves(client: httpx.Client, name: str) -> bool:
    """Whether the API server answers in each of a CRD's versions; the first requests get 429, or what was before."""
    found = (
        client.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}").raise_for_status().json()["spec"]
    )
    plural, served = found["names"]["plural"], [version["name"] for version in found["versions"] if version["served"]]
    paths = [f"/apis/{found['group']}/{version}/{plural}" for version in served]
    return len(served) > 1 and all(client.get(path).is_success for path in paths)
