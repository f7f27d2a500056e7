"""Ten stacks from one process beside the same ten one after another: wall time and memory."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from kamaji_equinix.automation import ClusterStack, on_all

import toolchain
from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.fleet import Fleet

COUNT = 10

DELAY = 5.0
"""Seconds from a published address to its first answer."""


def measure(folder: Path, count: int = COUNT) -> dict[str, Any]:
    """Wall seconds of both, and the peak of resident memory of this process and its child processes, in bytes.

    Shared memory is counted for each process.
    """
    os.environ.update(toolchain.pulumi_environment())
    (folder / "backend").mkdir(parents=True)
    plane = ManagementPlane(folder / "plane")
    plane.start()
    try:
        make_data_store(plane)
        with Fleet(plane, delay=DELAY) as fleet:
            singles = [time_ups([make_stack(fleet, folder, f"one{index}")], 1)[0] for index in range(count)]
            together, peak = time_ups([make_stack(fleet, folder, f"all{index}") for index in range(count)], count)
    finally:
        plane.stop()
    return {
        "count": count,
        "singles": sum(singles),
        "together": together,
        "ratio": together / sum(singles),
        "peak_bytes": peak,
    }


def make_stack(fleet: Fleet, folder: Path, name: str) -> ClusterStack:
    """A stack with one cluster."""
    settings = {
        "cluster": {"name": name, "namespace": fleet.namespace},
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        "workerPools": [{"name": "a", "replicas": 1, "machineType": "c3.small.x86"}],
        "management": {"kubeconfig": fleet.management.kubeconfig.read_text()},
    }
    return ClusterStack(name, settings, backend_url=f"file://{folder}/backend", passphrase="bench")  # noqa: S106


def time_ups(stacks: list[ClusterStack], at_once: int) -> tuple[float, int]:
    """Wall seconds of the stacks' `up`, and the peak of memory meanwhile."""
    end, peak = threading.Event(), [0]

    def sample() -> None:
        while not end.wait(0.25):
            peak[0] = max(peak[0], resident())

    sampler = threading.Thread(target=sample)
    sampler.start()
    began = time.monotonic()
    on_all(stacks, lambda stack: stack.up(), at_once=at_once).values()
    seconds = time.monotonic() - began
    end.set()
    sampler.join()
    return seconds, peak[0]


def resident() -> int:
    """Resident memory of this process and its engines, plugins and programs, without the API server."""
    process = psutil.Process()
    total: int = process.memory_info().rss
    for child in process.children(recursive=True):
        try:
            if child.name() not in ("etcd", "kube-apiserver"):
                total += child.memory_info().rss
        except psutil.Error:
            continue
    return total


def table(results: dict[str, Any]) -> str:
    """The results as text."""
    return (
        f"{results['count']} stacks one after another: {results['singles']:.1f} s; from one process at once: "
        f"{results['together']:.1f} s; ratio {results['ratio']:.2f}; peak memory {results['peak_bytes'] / 2**20:.0f} MiB"
    )


def main() -> int:
    """Measure and print."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
