"""How long a hand-off takes: from a control plane's first answer to the patched infrastructure cluster, and of fleets.

The management cluster is a real etcd and kube-apiserver; the tenants' API servers are light TLS responders, and their
controllers are played. ``python -m bench.handoff [--runs N] [--fleets 1,5,20,50] [--json FILE]``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from kamaji_equinix.components.endpoint import EndpointProvider
from kamaji_equinix.components.handoff import reachability
from kamaji_equinix.components.kube.management import Credentials, connect
from kamaji_equinix.components.kube.objects import Kind, Kube
from pulumi.dynamic import Config, ConfigureRequest

from lab.plane import ManagementPlane
from tests.support.fleet import INFRASTRUCTURE, Fleet, Member, dig
from tests.support.handoff_stack import PACKET_CLUSTER, HandoffStack

FLEETS = (1, 5, 20, 50)
"""Clusters in one stack."""

FLEET_DELAY = 20.0
"""Seconds from a published address to its first answer, as with a new load balancer."""


def main() -> None:
    """Measure, print a table, and write JSON on request."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--fleets", default=",".join(map(str, FLEETS)))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sizes = [int(size) for size in options.fleets.split(",") if size]
    with tempfile.TemporaryDirectory(prefix="bench-handoff-") as folder:
        results = measure(Path(folder), options.runs, sizes)
    print(table(results))
    print(json.dumps(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def measure(folder: Path, runs: int = 20, sizes: Sequence[int] = FLEETS) -> dict[str, Any]:
    """All results, in seconds.

    Args:
        folder: folder of the management cluster and the projects.
        runs: number of single hand-offs.
        sizes: numbers of clusters in the fleets.
    """
    plane = ManagementPlane(folder / "management")
    plane.start()
    try:
        # The provider's progress is for the display of an update.
        with contextlib.redirect_stderr(io.StringIO()):
            warm_up(plane)
            results: dict[str, Any] = latencies(plane, runs)
        results["fleets"] = [fleet(plane, folder / f"fleet-{size}", size) for size in sizes]
    finally:
        plane.stop()
    return results


def table(results: Mapping[str, Any]) -> str:
    """The results as text."""
    latency, floor = results["answer_to_patched"], results["floor"]
    lines = [
        f"from a control plane's first answer to PacketCluster patched ({results['runs']} runs)",
        f"{'':24}{'median':>9}{'max':>9}",
        f"{'hand-off':24}{latency['median'] * 1000:7.0f}ms{latency['max'] * 1000:7.0f}ms",
        f"{'floor: probe, 2 writes':24}{floor['median'] * 1000:7.0f}ms{floor['max'] * 1000:7.0f}ms",
        f"times the floor: {results['times_floor']:.1f}",
    ]
    if results.get("fleets"):
        lines += [
            "",
            f"`pulumi up` of fleets whose control planes answer {FLEET_DELAY:.0f} s after their addresses are known",
            f"{'clusters':>8}{'wall time':>11}{'last answer to last hand-off':>30}{'no-change up':>14}",
        ]
        lines += [
            f"{row['clusters']:8}{row['wall']:10.1f}s{row['after_last_answer']:29.1f}s{row['unchanged']:13.1f}s"
            for row in results["fleets"]
        ]
    return "\n".join(lines)


# Single hand-offs


def latencies(plane: ManagementPlane, runs: int) -> dict[str, Any]:
    """Seconds from the first answer to the patch, and of one probe with two writes in sequence."""
    patch_seconds, floors = [], []
    with Fleet(plane, delay=float("inf")) as tenants:
        for index in range(runs):
            name = f"one-{index}"
            tenants.create(name)
            member = await_member(tenants, name)
            patch_seconds.append(measure_once(plane, tenants, member))
            floors.append(in_line(plane, tenants, f"floor-{index}", member))
    return {
        "runs": runs,
        "answer_to_patched": summary(patch_seconds),
        "floor": summary(floors),
        "times_floor": statistics.median(patch_seconds) / statistics.median(floors),
    }


def measure_once(plane: ManagementPlane, tenants: Fleet, member: Member) -> float:
    """Seconds from the first answer to the patch, which a watch of the PacketCluster observes."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            provider(plane).create(properties(tenants, member.name))
        except Exception as error:  # noqa: BLE001 - raised again below, by the thread that measures
            failures.append(error)

    with watch_patch(tenants, member.name) as patched_at:
        thread = threading.Thread(target=run)
        thread.start()
        # Until the pauses between attempts have their maximum; random, to be out of step with them.
        time.sleep(1.5 + random.random())  # noqa: S311 - no secret
        tenants.answer(member)
        thread.join(60)
    if failures or not patched_at:
        raise RuntimeError(f"the hand-off of {member.name} failed: {failures}")
    return patched_at[0] - member.answers


def in_line(plane: ManagementPlane, tenants: Fleet, name: str, responder: Member) -> float:
    """Seconds of one probe and the two writes, with an open connection."""
    tenants.create(name)
    api = connect(Credentials(kubeconfig_path=str(plane.kubeconfig)))
    kube = Kube(api, tenants.namespace)
    kind = Kind(PACKET_CLUSTER["apiVersion"], PACKET_CLUSTER["kind"], PACKET_CLUSTER["plural"])
    uid = kube.get(kind, name)["metadata"]["uid"]
    target = reachability.Target("127.0.0.1", responder.port, tenants.authority.pem)
    content = {"spec": {"controlPlaneEndpoint": {"host": "127.0.0.1", "port": responder.port}}}
    began = time.monotonic()
    answer = reachability.attempt(target)
    kube.apply(kind, name, uid, content)
    kube.apply(kind, name, uid, {"status": {"ready": True}}, subresource="status")
    took = time.monotonic() - began
    api.close()
    if not answer.ok:
        raise RuntimeError(f"the responder does not answer: {answer.text}")
    return took


@contextlib.contextmanager
def watch_patch(tenants: Fleet, name: str) -> Iterator[list[float]]:
    """Collects when a PacketCluster is ready with its endpoint, by ``time.monotonic``."""
    moments: list[float] = []
    client = tenants.management.client()
    path = INFRASTRUCTURE.format(tenants.namespace)
    query = {"watch": "1", "fieldSelector": f"metadata.name={name}", "timeoutSeconds": "60"}
    ready = threading.Event()

    def watch() -> None:
        with contextlib.suppress(httpx.HTTPError), client.stream("GET", path, params=query, timeout=90) as answer:
            ready.set()
            for line in answer.iter_lines():
                obj = json.loads(line)["object"]
                if dig(obj, "status", "ready") and dig(obj, "spec", "controlPlaneEndpoint", "host"):
                    moments.append(time.monotonic())
                    return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    ready.wait(10)
    yield moments
    thread.join(5)
    client.close()


def await_member(tenants: Fleet, name: str) -> Member:
    """Wait until a control plane's address is published."""
    deadline = time.monotonic() + 30
    while not (name in tenants.members and tenants.members[name].publication):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the fleet does not publish {name}: {tenants.problem}")
        time.sleep(0.02)
    return tenants.members[name]


def provider(plane: ManagementPlane) -> EndpointProvider:
    """The dynamic provider, with the engine's configuration."""
    provider_ = EndpointProvider()
    settings = {"kamaji-equinix:management": json.dumps({"kubeconfigPath": str(plane.kubeconfig)})}
    provider_.configure(ConfigureRequest(Config(settings, "bench")))
    return provider_


def properties(tenants: Fleet, name: str) -> dict[str, Any]:
    """Inputs of a hand-off."""
    return {
        "namespace": tenants.namespace,
        "cluster": name,
        "clusterUid": None,
        "controlPlane": name,
        "infrastructure": {**PACKET_CLUSTER, "name": name},
        "enabled": True,
        "timeoutSeconds": 60.0,
        "path": "/readyz",
        "verify": "ca",
        "force": False,
    }


def warm_up(plane: ManagementPlane) -> None:
    """One hand-off that is not counted: an API server is slow at its first requests for a kind."""
    with Fleet(plane, delay=0.5) as tenants:
        tenants.create("warm")
        await_member(tenants, "warm")
        provider(plane).create(properties(tenants, "warm"))


def summary(values: list[float]) -> dict[str, float]:
    """Median and maximum."""
    return {"median": statistics.median(values), "max": max(values)}


# Fleets


def fleet(plane: ManagementPlane, folder: Path, size: int) -> dict[str, Any]:
    """`pulumi up` of ``size`` hand-offs in one stack, and a second one without changes."""
    names = [f"c{index:02}" for index in range(size)]
    with Fleet(plane, delay=FLEET_DELAY) as tenants:
        project = HandoffStack.of(folder, tenants, *names, timeout_seconds=300)
        for name in names:
            await_member(tenants, name)
        # The addresses are published now: as in reality, the engine and its processes start during the wait.
        tenants.publish_again()
        update = project.start_update()
        if update.end(600):
            raise RuntimeError(update.output)
        wall = time.monotonic() - update.start
        last = max(member.answers for member in tenants.members.values())
        late = (
            max(at for resource, at in update.creations.items() if resource.startswith("ControlPlaneEndpoint")) - last
        )
        began = time.monotonic()
        project.rerun()
        no_change_seconds = time.monotonic() - began
    return {"clusters": size, "wall": wall, "after_last_answer": late, "unchanged": no_change_seconds}


if __name__ == "__main__":
    main()
