"""The rights of the management credentials, as the API server answers for them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..kube.client import Api, ApiError
from .needs import Right

REVIEWS = "/apis/authorization.k8s.io/v1"

THREADS = 4
"""Questions that are asked at a time."""


def missing_for_certain(
    api: Api, namespace: str, lacking: list[Right], rules: dict[str, Any] | ApiError
) -> list[Right]:
    """The rights that are lacking for certain: authorizers that can't list their rules are asked right by right."""
    if isinstance(rules, dict) and not (rules.get("status") or {}).get("incomplete"):
        return lacking

    def is_denied(right: Right) -> bool:
        attributes = {
            "namespace": namespace,
            "verb": right.verb,
            "group": right.group,
            "resource": right.resource,
            "subresource": right.subresource,
        }
        question = review("SelfSubjectAccessReview", {"resourceAttributes": attributes})
        try:
            return not api.post(f"{REVIEWS}/selfsubjectaccessreviews", question)["status"]["allowed"]
        except ApiError:
            return False

    with ThreadPoolExecutor(THREADS) as pool:
        return [right for right, denial in zip(lacking, pool.map(is_denied, lacking), strict=True) if denial]


def user_of(api: Api) -> str:
    """Who the credentials belong to; empty where the server doesn't say (before Kubernetes 1.28)."""
    try:
        answer = api.post(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
        )
    except ApiError:
        return ""
    return str(answer["status"]["userInfo"].get("username", ""))


def review(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A question about rights, of a kind of the group authorization.k8s.io."""
    return {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": dict(spec)}
