"""How the answers of a management cluster are judged. Pure: no request is made here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..kube.client import ApiError
from .needs import Requirements

Answer = dict[str, Any] | ApiError


@dataclass(frozen=True)
class Obstacle:
    """Something of the management cluster that is in a stack's way.

    Attributes:
        text: what, and where.
        remedy: what to do; empty where ``text`` says it.
    """

    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.text}; {self.remedy}" if self.remedy else self.text


@dataclass(frozen=True)
class Answers:
    """The management cluster's answers.

    Attributes:
        served: versions by (group, kind).
    """

    served: Mapping[tuple[str, str], tuple[str, ...]]
    namespaces: Mapping[str, Answer] = field(default_factory=dict)
    rules: Mapping[str, Answer] = field(default_factory=dict)
    data_stores: Mapping[str, Answer] = field(default_factory=dict)
    providers: Answer = field(default_factory=dict)
    deployments: Answer = field(default_factory=dict)


def no_answer(error: ApiError, source: str) -> tuple[Obstacle, bool]:
    """The obstacle of a cluster that doesn't answer, and whether that means that it can't be reached at all."""
    if error.reason == "Unauthorized":
        text, remedy = "it does not accept the credentials (401)", f"renew those in {source}, or name another context"
    elif error.reason == "Forbidden":
        text, remedy = f"it refuses discovery (403): {error.message}", "bind the user to ClusterRole system:discovery"
    elif error.reason == "Untrusted":
        text, remedy = (
            error.message,
            f"see that {source} belongs to this cluster; after a new `make lab` the old one doesn't",
        )
    elif error.reason == "Unreachable":
        lab = "start the lab with `make lab`" if "/.lab/" in source or source.startswith(".lab/") else ""
        text, remedy = (
            error.message,
            lab or "see that the cluster runs, and that this machine reaches it (VPN, firewall, proxy)",
        )
    elif error.reason == "NotKubernetes":
        text, remedy = error.message, f"see the `server` in {source}"
    elif error.reason == "NoCredentials":
        text, remedy = error.message, f"see that the credentials in {source} can be renewed: docs/credentials.md"
    else:
        text, remedy = f"it answers {error}", "see the API server's log"
    return Obstacle(text, remedy), error.reason == "Unreachable"


def served_kinds(discovery: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Versions by (group, kind), preferred first, from an APIGroupDiscoveryList."""
    served: dict[tuple[str, str], list[str]] = {}
    for group in discovery.get("items") or ():
        for version in group.get("versions") or ():
            for resource in version.get("resources") or ():
                kind = (resource.get("responseKind") or {}).get("kind", "")
                served.setdefault((group["metadata"]["name"], kind), []).append(version["version"])
    return {key: tuple(versions) for key, versions in served.items()}


def kinds(answers: Answers, requirements: Requirements) -> Iterator[Obstacle]:
    """Kinds that aren't served, together by what installs them; then those served in other versions only."""
    missing: dict[str, list[str]] = {}
    for need in requirements.kinds:
        if (need.kind.group, need.kind.name) not in answers.served:
            missing.setdefault(need.install, []).append(need.crd)
    for install, crds in missing.items():
        noun = "CRD" if len(crds) == 1 else "CRDs"
        verb = "is" if len(crds) == 1 else "are"
        yield Obstacle(f"{noun} {', '.join(crds)} {verb} not installed", f"install with `{install}`" if install else "")
    for need in requirements.kinds:
        versions = answers.served.get((need.kind.group, need.kind.name), ())
        if not versions or need.kind.version in versions:
            continue
        setting = f" ({need.asked_by})" if need.asked_by else ""
        fitting = [
            contract
            for contract, others in requirements.other_contracts.items()
            if all(
                others.get(other.crd, other.kind.version) in answers.served.get((other.kind.group, other.kind.name), ())
                for other in requirements.kinds
            )
        ]
        ways = [f"set `capi.contract: {contract}`" for contract in fitting]
        ways += [f"install a release that serves it: `{need.install}`"] if need.install else []
        yield Obstacle(
            f"CRD {need.crd} serves {', '.join(versions)}, the stack asks {need.kind.version}{setting}",
            " or ".join(ways),
        )


def namespaces(answers: Answers, requirements: Requirements) -> Iterator[Obstacle]:
    """Namespaces that don't exist and that the stack doesn't create."""
    for name, created in requirements.namespaces.items():
        answer = answers.namespaces[name]
        if isinstance(answer, ApiError):
            if answer.reason == "NotFound" and not created:
                yield Obstacle(f"namespace {name} does not exist", f"`kubectl create namespace {name}`")
        elif (answer.get("metadata") or {}).get("deletionTimestamp"):
            yield Obstacle(f"namespace {name} is being deleted", "wait until it is gone, then create it again")


def data_stores(answers: Answers, requirements: Requirements) -> Iterator[Obstacle]:
    """DataStores that don't exist. One that may not be read is no problem: only Kamaji needs to."""
    if ("kamaji.clastix.io", "DataStore") not in answers.served:
        return
    for name in requirements.data_stores:
        answer = answers.data_stores[name]
        if isinstance(answer, ApiError) and answer.reason == "NotFound":
            yield Obstacle(
                f"DataStore {name} does not exist",
                "name one of `kubectl get datastores` in `controlPlane.dataStore`, or create it",
            )


def there(answers: Answers, needed: Requirements) -> Iterator[str]:
    """What a stack needs and the cluster has: kinds with their versions, namespaces, DataStores."""
    for need in needed.kinds:
        if need.kind.version in answers.served.get((need.kind.group, need.kind.name), ()):
            yield f"{need.kind.name} {need.kind.api_version}"
    for what, each in (("namespace", answers.namespaces), ("DataStore", answers.data_stores)):
        yield from (f"{what} {name}" for name, answer in each.items() if not isinstance(answer, ApiError))


def controllers(answers: Answers) -> dict[str, str]:
    """Versions of the controllers: from clusterctl's inventory, else from the tags of their images; as far as told."""
    versions = {}
    for item in _items(answers.deployments):
        provider = (item["metadata"].get("labels") or {}).get("cluster.x-k8s.io/provider", "")
        for container in (((item.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or ():
            image, _, tag = str(container.get("image", "")).partition("@")[0].rpartition(":")
            if image and "/" not in tag and container.get("name") == "manager":
                versions[provider] = tag
    for item in _items(answers.providers):
        # Core is "cluster-api"; the others carry their type: "control-plane-kamaji".
        versions[str(item["metadata"]["name"])] = str(item.get("version", ""))
    return versions


def notes(answers: Answers, versions: Mapping[str, str]) -> Iterator[str]:
    """What is known to go wrong between versions of controllers."""
    core, kamaji = _minor(versions.get("cluster-api", "")), _minor(versions.get("control-plane-kamaji", ""))
    # cluster-api-control-plane-provider-kamaji pull request 392.
    if core and kamaji and core >= (1, 14) and kamaji <= (0, 20):
        yield (
            f"Cluster API {versions['cluster-api']} with Kamaji's provider {versions['control-plane-kamaji']}: its "
            "bootstrap provider may not read KamajiControlPlanes; use Cluster API 1.13, or a later provider"
        )


def _items(answer: Answer) -> list[Any]:
    return [] if isinstance(answer, ApiError) else list(answer.get("items") or ())


def _minor(version: str) -> tuple[int, int] | None:
    parts = version.lstrip("v").split(".")
    try:
        return int(parts[0]), int(parts[1])
    except (IndexError, ValueError):
        return None
