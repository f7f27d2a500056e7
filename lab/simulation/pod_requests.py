"""A kubelet's requests to its API server about pods, with a node's credentials."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from .join import require_answer, status_text
from .pod_sources import Missing
from .pod_summary import rfc3339

MERGE = {"Content-Type": "application/strategic-merge-patch+json"}


@dataclass(frozen=True)
class PodRequests:
    """The requests of one node.

    Attributes:
        client: client of the API server, with the node's credentials.
        node: the Node's name.
    """

    client: httpx.Client
    node: str

    def pods(self) -> list[dict[str, Any]]:
        """The pods that are bound to the node.

        Raises:
            NotYet: the API server does not answer.
        """
        query = {"fieldSelector": f"spec.nodeName={self.node}"}
        pods: list[dict[str, Any]] = require_answer(
            lambda: self.client.get("/api/v1/pods", params=query), f"the pods of Node {self.node}"
        )["items"]
        return pods

    def fetch(self, namespace: str, plural: str, name: str) -> Mapping[str, Any] | None:
        """An object that a pod refers to; None if it does not exist.

        Raises:
            Missing: the node may not read it.
        """
        answer = self.client.get(f"/api/v1/namespaces/{namespace}/{plural}/{name}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_error:
            # Just after a pod was bound, the API server doesn't know yet that its node may read this.
            raise Missing(status_text(answer))
        obj: dict[str, Any] = answer.json()
        return obj

    def report(self, pod: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
        """Write a pod's status; False if the pod does not exist, or another one has its name."""
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        answer = self.client.patch(f"{path(pod)}/status", json=body, headers=MERGE)
        if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.CONFLICT):
            return False
        require_answer(lambda: answer, f"status of {name(pod)}")
        return True

    def delete(self, pod: Mapping[str, Any]) -> None:
        """Complete a pod's deletion; another pod with its name stays."""
        uid = pod["metadata"]["uid"]
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
        answer = self.client.request("DELETE", path(pod), json=body)
        if answer.status_code not in (httpx.codes.NOT_FOUND, httpx.codes.CONFLICT):
            require_answer(lambda: answer, f"deleting {name(pod)}")

    def token(self, pod: Mapping[str, Any]) -> str:
        """A token of a pod's service account, bound to the pod, as a kubelet requests it."""
        metadata = pod["metadata"]
        account = pod["spec"].get("serviceAccountName") or "default"
        bound = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"boundObjectRef": bound, "expirationSeconds": 3607},
        }
        answer = self.client.post(
            f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token", json=body
        )
        return str(answer.raise_for_status().json()["status"]["token"])

    def tell(self, pod: Mapping[str, Any], reason: str, message: str) -> None:
        """Write an event about a pod."""
        metadata, now = pod["metadata"], rfc3339(datetime.datetime.now(datetime.timezone.utc))
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name']}.{secrets.token_hex(8)}",
                "namespace": metadata["namespace"],
            },
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "reason": reason,
            "message": message,
            "type": "Warning",
            "source": {"component": "kubelet", "host": self.node},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        self.client.post(f"/api/v1/namespaces/{metadata['namespace']}/events", json=event)


def name(pod: Mapping[str, Any]) -> str:
    """A pod's name in logs."""
    return f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"


def path(pod: Mapping[str, Any]) -> str:
    """A pod's path on the API server."""
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
