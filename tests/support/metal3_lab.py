"""Stacks on the lab whose machines are servers of one's own."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import yaml

from tests.support.lab import Lab
from tests.support.project import ROOT, Project

HOSTS = "metal3.io/v1alpha1/baremetalhosts"


def write(project: Project, lab: Lab, stack: str, *, replicas: int = 2, **metal3: Any) -> None:
    """Write the example's configuration for a stack and cluster of a name; its secrets are for the lab's passphrase."""
    document = yaml.safe_load((ROOT / "Pulumi.metal3.yaml").read_text())
    config = document["config"]
    config["kamaji-equinix:cluster"]["name"] = stack
    config["kamaji-equinix:metal3"] |= metal3
    config["kamaji-equinix:workerPools"][0]["replicas"] = replicas
    # The tests' lab gives its nodes a network.
    del config["kamaji-equinix:network"], config["kamaji-equinix:addons"]
    config["kamaji-equinix:management"] = {"kubeconfigPath": str(lab.kubeconfig)}
    (project.folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(document))


class HostWatch:
    """What becomes of all BareMetalHosts while something runs.

    Attributes:
        seen: by name, each state in which a host was seen: provisioning state, powered on, whether a machine is on it, and
            whether it is being deleted.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab, self._stop = lab, threading.Event()
        self.seen: dict[str, list[tuple[str, bool, bool, bool]]] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> HostWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        with self._lab.management() as client:
            while not self._stop.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    for event in self._events(client):
                        self._note(event["object"])

    def _events(self, client: httpx.Client) -> Iterator[dict[str, Any]]:
        path = f"/apis/{HOSTS}"
        query = {"watch": "1", "timeoutSeconds": "5"}
        with client.stream("GET", path, params=query, timeout=20) as answer:
            for line in answer.iter_lines():
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                    yield event

    def _note(self, host: dict[str, Any]) -> None:
        status = host.get("status") or {}
        state = (
            str((status.get("provisioning") or {}).get("state", "")),
            bool(status.get("poweredOn")),
            "consumerRef" in host["spec"],
            "deletionTimestamp" in host["metadata"],
        )
        history = self.seen.setdefault(host["metadata"]["name"], [])
        if not history or history[-1] != state:
            history.append(state)

    def before_deletion(self, name: str) -> tuple[str, bool, bool, bool]:
        """The last state in which a host was before its deletion."""
        return [state for state in self.seen[name] if not state[3]][-1]
