"""Two clusters from code: brought up in parallel, asked for their nodes, one pool scaled, both destroyed.

Run it where only the package is installed, and `pulumi` is on PATH:

    python two_clusters.py --management-kubeconfig management.kubeconfig --backend file:///var/lib/clusters

It asks for the passphrase of the stacks' secrets in PULUMI_CONFIG_PASSPHRASE.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from kamaji_equinix.automation import ClusterStack, Event, HandoffProgress, OperationError, Result, Waiting, on_all
from kamaji_equinix.components.kube.client import Api
from kamaji_equinix.components.kube.kubeconfig import from_text

NAMES = ("blue", "green")


def settings(name: str, kubeconfig: str, replicas: int, plugin: str) -> dict[str, Any]:
    """The sections that a stack's file would hold."""
    return {
        "cluster": {"name": name, "kubernetesVersion": "1.33.0"},
        "metal": {"projectId": "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11", "metro": "da"},
        "workerPools": [{"name": "workers", "replicas": replicas, "machineType": "c3.small.x86"}],
        "network": {"plugin": plugin},
        "management": {"kubeconfig": kubeconfig},
    }


def progress(event: Event) -> None:
    """Live progress: each phase of each hand-off, and what a cluster waits for."""
    if isinstance(event, HandoffProgress | Waiting):
        print(f"{event.stack}: {event}", flush=True)


def nodes(kubeconfig: str) -> list[str]:
    """The nodes of a tenant cluster, asked with the kubeconfig that the stack returned."""
    api = Api(from_text(kubeconfig, source="the stack's kubeconfig"))
    return sorted(node["metadata"]["name"] for node in api.get("/api/v1/nodes")["items"])


def main() -> int:
    """Do all of it; the exit code is that of the first failure."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--management-kubeconfig", type=Path, required=True)
    parser.add_argument("--backend", required=True, help="such as file:///var/lib/clusters or s3://bucket")
    parser.add_argument("--network-plugin", default="cilium", help="cilium, calico, flannel or none (default: cilium)")
    options = parser.parse_args()
    kubeconfig = options.management_kubeconfig.read_text()

    def stack(name: str, replicas: int) -> ClusterStack:
        sections = settings(name, kubeconfig, replicas, options.network_plugin)
        return ClusterStack(name, sections, backend_url=options.backend, on_event=progress)

    def up(one: ClusterStack) -> Result:
        return one.up(wait=600, timeout=900)

    began = time.monotonic()
    try:
        came_up = on_all([stack(name, 1) for name in NAMES], up)
        print(came_up)
        for result in came_up.values().values():
            for cluster in result.clusters.values():
                held = nodes(cluster.kubeconfig.get_secret_value())
                print(f"{cluster.name} at {cluster.endpoint}, handed off by {cluster.endpoint_set_by}: {held}")
        scaled = stack("green", 2)
        up(scaled)
        print(f"green has {len(nodes(scaled.kubeconfig().get_secret_value()))} nodes")
    except OperationError as error:
        print(f"{type(error).__name__} in {error.stack}, phase {error.phase}: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        gone = on_all([stack(name, 1) for name in NAMES], lambda one: one.destroy(remove=True))
        print(gone)
    print(f"all of it took {time.monotonic() - began:.0f} s")
    return 0 if not gone.failed else 1


if __name__ == "__main__":
    sys.exit(main())
