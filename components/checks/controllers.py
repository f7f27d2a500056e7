"""The controllers of a management cluster, as its objects show them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..kube.client import ApiError
from .installation import bring, provider_option, with_commands
from .needs import Requirements
from .verdict import Answer, Answers, Obstacle


def versions(answers: Answers) -> dict[str, str]:
    """Versions of the controllers: from clusterctl's inventory, else from the tags of their images, where there are any."""
    tags = {}
    for item in (*_items(answers.deployments), *_items(answers.kamaji)):
        provider = _provider(item)
        for container in (((item.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or ():
            image, _, tag = str(container.get("image", "")).partition("@")[0].rpartition(":")
            if image and "/" not in tag and container.get("name") == "manager":
                tags[provider] = tag
    for item in _items(answers.providers):
        # Core is "cluster-api"; the others carry their type: "control-plane-kamaji".
        tags[str(item["metadata"]["name"])] = str(item.get("version", ""))
    return tags


def missing_deployments(answers: Answers, requirements: Requirements) -> Iterator[Obstacle]:
    """Providers that clusterctl has installed, and whose Deployment is gone; as far as all Deployments may be read."""
    if isinstance(answers.deployments, ApiError) or (answers.deployments.get("metadata") or {}).get("continue"):
        return
    running = {_provider(item) for item in _items(answers.deployments)}
    for install in dict.fromkeys(need.install for need in requirements.kinds):
        item = answers.inventory.get(provider_option(install)[0])
        if item and (name := str(item["metadata"]["name"])) not in running:
            yield Obstacle(
                f"{name} {item.get('version', '')} was installed by clusterctl, but its Deployment is gone",
                with_commands("bring it back with", bring(install, answers.inventory)),
            )


def notes(answers: Answers, versions: Mapping[str, str]) -> Iterator[str]:
    """Notes on controllers that do not run now, and on versions that do not fit."""
    for item in (*_items(answers.deployments), *_items(answers.kamaji)):
        if not (item.get("status") or {}).get("availableReplicas"):
            name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
            yield (
                f"{_provider(item)} does not run: Deployment {namespace}/{name} has no available replica; "
                f"`kubectl -n {namespace} describe pods` says why"
            )
    core, kamaji = _minor(versions.get("cluster-api", "")), _minor(versions.get("control-plane-kamaji", ""))
    # cluster-api-control-plane-provider-kamaji pull request 392.
    if core and kamaji and core >= (1, 14) and kamaji <= (0, 20):
        yield (
            f"Cluster API {versions['cluster-api']} with Kamaji's provider {versions['control-plane-kamaji']}: its "
            "bootstrap provider may not read KamajiControlPlanes; use Cluster API 1.13, or a later provider"
        )


def _provider(deployment: Mapping[str, Any]) -> str:
    """The provider that a Deployment runs, as clusterctl labels it; Kamaji itself has another label."""
    return str((deployment["metadata"].get("labels") or {}).get("cluster.x-k8s.io/provider", "kamaji"))


def _items(answer: Answer) -> list[Any]:
    return [] if isinstance(answer, ApiError) else list(answer.get("items") or ())


def _minor(version: str) -> tuple[int, int] | None:
    parts = version.lstrip("v").split(".")
    try:
        return int(parts[0]), int(parts[1])
    except (IndexError, ValueError):
        return None
