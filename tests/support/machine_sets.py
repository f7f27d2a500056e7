"""Cluster API's controllers for worker pools, played on a bare API server: a MachineSet for each revision of a pool."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import httpx

from lab.changes import IDLE_SECONDS, POLL_SECONDS, Changes
from lab.plane import ManagementPlane

from .fleet import MERGE, dig

Json = dict[str, Any]
Missing = tuple[str, str, str]

CORE = "/apis/cluster.x-k8s.io/v1beta1/namespaces/{}"
KINDS = {
    "PacketMachineTemplate": "/apis/infrastructure.cluster.x-k8s.io/v1beta1/namespaces/{}/packetmachinetemplates",
    "KubeadmConfigTemplate": "/apis/bootstrap.cluster.x-k8s.io/v1beta1/namespaces/{}/kubeadmconfigtemplates",
}


class MachineSets:
    """Rolls the pools of one namespace.

    A MachineSet of an older revision keeps its machines as long as roll-outs are held; then it goes to no machines, and the
    youngest of those stays, as with ``revisionHistoryLimit: 1``, the default of Cluster API.

    Attributes:
        harm: references of MachineSets with machines that did not resolve at some moment.
    """

    def __init__(self, management: ManagementPlane, namespace: str) -> None:
        self.namespace = namespace
        self.harm: set[Missing] = set()
        self.http = management.client()
        self._pause = False
        paths = (f"{CORE}/machinedeployments", f"{CORE}/machinesets", *KINDS.values())
        self._changes = Changes(management.client, [path.format(namespace) for path in paths])
        self._client = management.client()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def __enter__(self) -> MachineSets:
        self._changes.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._changes.stop()
        self._thread.join(20)
        self.http.close()
        self._client.close()

    def hold(self, pause: bool) -> None:
        """Let no roll-out end, or all."""
        self._pause = pause
        self._changes.tell()

    def items(self, path: str, client: httpx.Client | None = None) -> list[Json]:
        """All objects of a collection."""
        answer = (client or self.http).get(path.format(self.namespace)).raise_for_status()
        objects: list[Json] = answer.json()["items"]
        return objects

    def templates(self, client: httpx.Client | None = None) -> set[tuple[str, str]]:
        """Kind and name of the templates that there are, but for those that are going."""
        return {
            (kind, item["metadata"]["name"])
            for kind, path in KINDS.items()
            for item in self.items(path, client)
            if "deletionTimestamp" not in item["metadata"]
        }

    def references(self) -> set[tuple[str, str]]:
        """Those that MachineDeployments and MachineSets name."""
        holders = [*self.items(f"{CORE}/machinedeployments"), *self.items(f"{CORE}/machinesets")]
        return {pair for holder in holders for pair in references(holder)}

    def _play(self) -> None:
        retry = False
        while self._changes.wait(seconds=POLL_SECONDS if retry else IDLE_SECONDS):
            try:
                self._round(self._client)
                retry = False
            except (httpx.HTTPError, KeyError):
                # The API server fills its cache (429), or an object went meanwhile.
                retry = True

    def _round(self, client: httpx.Client) -> None:
        sets = self.items(f"{CORE}/machinesets", client)
        # Before any set loses its machines, and what is named first: a set that goes takes its templates along.
        templates = self.templates(client)
        for machine_set in sets:
            for pair in references(machine_set) if dig(machine_set, "spec", "replicas") else ():
                if pair not in templates and self._lives(client, machine_set):
                    self.harm.add((machine_set["metadata"]["name"], *pair))
        for deployment in self.items(f"{CORE}/machinedeployments", client):
            if "deletionTimestamp" not in deployment["metadata"]:
                self._roll(
                    client, deployment, [machine_set for machine_set in sets if is_owned_by(machine_set, deployment)]
                )

    def _lives(self, client: httpx.Client, machine_set: Json) -> bool:
        answer = client.get(f"{CORE.format(self.namespace)}/machinesets/{machine_set['metadata']['name']}")
        return answer.status_code == httpx.codes.OK and bool(dig(answer.json(), "spec", "replicas"))

    def _roll(self, client: httpx.Client, deployment: Json, sets: list[Json]) -> None:
        name, replicas = revision(deployment), dig(deployment, "spec", "replicas") or 1
        current = next((machine_set for machine_set in sets if machine_set["metadata"]["name"] == name), None)
        if current is None:
            self._create(client, deployment, name, replicas)
        elif dig(current, "spec", "replicas") != replicas:
            self._change(client, name, {"spec": {"replicas": replicas}})
        if self._pause:
            return
        older = sorted(
            (machine_set for machine_set in sets if machine_set["metadata"]["name"] != name),
            key=lambda machine_set: str(machine_set["metadata"]["creationTimestamp"]),
        )
        for machine_set in older:
            if dig(machine_set, "spec", "replicas"):
                self._change(client, machine_set["metadata"]["name"], {"spec": {"replicas": 0}})
        for machine_set in older[:-1]:
            client.delete(f"{CORE.format(self.namespace)}/machinesets/{machine_set['metadata']['name']}")
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
        status = {**counts, "observedGeneration": deployment["metadata"]["generation"]}
        if any(dig(deployment, "status", key) != value for key, value in status.items()):
            url = f"{CORE.format(self.namespace)}/machinedeployments/{deployment['metadata']['name']}/status"
            client.patch(url, json={"status": status}, headers=MERGE)

    def _create(self, client: httpx.Client, deployment: Json, name: str, replicas: int) -> None:
        metadata = deployment["metadata"]
        owner = {"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "MachineDeployment", "controller": True}
        owner |= {"name": metadata["name"], "uid": metadata["uid"], "blockOwnerDeletion": True}
        document = {
            "apiVersion": "cluster.x-k8s.io/v1beta1",
            "kind": "MachineSet",
            "metadata": {"name": name, "labels": metadata["labels"], "ownerReferences": [owner]},
            "spec": {key: deployment["spec"][key] for key in ("clusterName", "selector", "template")}
            | {"replicas": replicas},
        }
        client.post(f"{CORE.format(self.namespace)}/machinesets", json=document)

    def _change(self, client: httpx.Client, name: str, content: Json) -> None:
        client.patch(f"{CORE.format(self.namespace)}/machinesets/{name}", json=content, headers=MERGE)


def references(holder: Json) -> list[tuple[str, str]]:
    """Kind and name of the templates that a MachineDeployment or MachineSet names."""
    machine = holder["spec"]["template"]["spec"]
    return [
        (reference["kind"], reference["name"])
        for reference in (machine["infrastructureRef"], machine["bootstrap"]["configRef"])
    ]


def revision(deployment: Json) -> str:
    """Name of the MachineSet for a MachineDeployment's templates and version."""
    text = repr((references(deployment), dig(deployment, "spec", "template", "spec", "version")))
    return f"{deployment['metadata']['name']}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def is_owned_by(machine_set: Json, deployment: Json) -> bool:
    return any(
        owner["uid"] == deployment["metadata"]["uid"] for owner in machine_set["metadata"].get("ownerReferences", [])
    )
