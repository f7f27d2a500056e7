"""Checks of the management cluster before anything is created in it: reachable, right versions, rights, data store.

Every run of the program makes them, so they cost one round of concurrent requests and no Kubernetes client library.
The needs are plain data (:class:`~.needs.Requirements`); :mod:`.verdict` judges the answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..kube.access import AccessError
from ..kube.client import Api, ApiError
from ..kube.management import Management, management_access
from ..manifests.documents import documents
from ..providers import provider_of
from ..settings.model import StackSettings, TenantClusterSettings
from . import controllers, rights, verdict
from .installation import KAMAJI_DEPLOYMENT
from .needs import Requirements
from .requirements import requirements as requirements_of
from .reviews import REVIEWS, THREADS, missing_for_certain, review, user_of
from .shortages import shortages
from .verdict import Obstacle

# One GET that names every served group, version and kind (Kubernetes 1.30; before that as v2beta1).
_AGGREGATED_DISCOVERY = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
_DEPLOYMENTS = "/apis/apps/v1/deployments"

NO_CHANGE = "nothing was created or changed"
_REFUSAL = re.compile(rf"management cluster[^\n]*:\n- .*{NO_CHANGE}", re.DOTALL)


@dataclass(frozen=True)
class Report:
    """The result of the preflight.

    Attributes:
        server: URL of the management cluster, empty where the kubeconfig could not be used.
        source: where the credentials come from.
        obstacles: everything that would fail; empty if nothing would.
        notes: what is not known, or is unusual.
        unreachable: there was no connection, so nothing is known about the cluster.
        controllers: version by controller, where the cluster shows them.
        available: what the stack needs and the cluster has.
    """

    server: str = ""
    source: str = ""
    obstacles: tuple[Obstacle, ...] = ()
    notes: tuple[str, ...] = ()
    unreachable: bool = False
    controllers: Mapping[str, str] = field(default_factory=dict)
    available: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"management cluster {self.server}" if self.server else "management cluster"
        if not self.obstacles:
            return f"{where}: ready"
        came = f" (credentials: {self.source})" if self.source and self.source not in str(self.obstacles[0]) else ""
        return f"{where}{came}:\n" + "\n".join(f"- {obstacle}" for obstacle in self.obstacles)

    @property
    def refusal(self) -> str:
        """The text of a run that goes no further."""
        return f"{self}\n{NO_CHANGE}"


def refusal_in(text: str) -> tuple[str, str] | None:
    """The refusal in an engine's report of a failed program, and its first line; None where there is none."""
    match = _REFUSAL.search(text)
    return (match[0], match[0].splitlines()[1]) if match else None


def check(
    management: Management,
    requirements: Requirements,
    folder: Path | None = None,
    clusters: Sequence[TenantClusterSettings] = (),
) -> Report:
    """Compare the management cluster with what a stack needs.

    Args:
        management: how to reach it.
        requirements: what the stack needs.
        folder: what a relative kubeconfig path starts from; the working folder by default.
        clusters: the clusters whose settings may refer to objects of somebody else.
    """
    try:
        api = Api(management_access(management, folder))
    except AccessError as error:
        return Report(obstacles=(Obstacle(str(error)),))
    report = check_api(api, requirements)
    if report.obstacles:
        return report
    return replace(report, notes=(*report.notes, *shortages(api, clusters)))


def check_stack(settings: StackSettings, folder: Path | None = None) -> Report:
    """Compare the management cluster with what a stack's manifests need.

    Args:
        settings: the stack's settings.
        folder: what a relative kubeconfig path starts from; the working folder by default.
    """
    manifests = [document for tenant in settings.clusters for document in documents(tenant)]
    providers = [provider_of(tenant) for tenant in settings.clusters]
    needs = requirements_of(
        manifests,
        contract=settings.clusters[0].capi.contract,
        data_stores=[
            tenant.control_plane.data_store for tenant in settings.clusters if tenant.control_plane.data_store
        ],
        installs=installs_of(settings),
        created_last={provider.cluster_kind for provider in providers if provider.endpoint != "patched"},
        relies_on=[kind for provider in providers for kind in provider.relies_on],
    )
    return check(settings.management, needs, folder, settings.clusters)


def installs_of(settings: StackSettings) -> dict[str, str]:
    """The command that installs each kind of the infrastructure providers' objects."""
    commands: dict[str, str] = {}
    for tenant in settings.clusters:
        provider = provider_of(tenant)
        commands |= {document["kind"]: provider.install for document in documents(tenant)} | dict(provider.installs)
    return commands


def no_answer(api: Api) -> str | None:
    """Why nothing can be done with the management cluster at all; None where it answers."""
    try:
        api.get("/apis")
    except ApiError as error:
        obstacle, _ = verdict.no_answer(error, api.access.source)
        return str(Report(api.access.server, api.access.source, (obstacle,)))
    return None


def check_api(api: Api, requirements: Requirements) -> Report:
    """Like :func:`check`, for an open API client."""
    questions = _questions(api, requirements)
    answers = _ask(questions)
    server, source = api.access.server, api.access.source
    discovery = answers["discovery"]
    if isinstance(discovery, ApiError):
        obstacle, unreachable = verdict.no_answer(discovery, source)
        return Report(server, source, (obstacle,), unreachable=unreachable)
    replies = verdict.Answers(
        versions=verdict.served_kinds(discovery),
        namespaces={name: answers[f"namespace {name}"] for name in requirements.namespaces},
        rules={name: answers[f"rules {name}"] for name in requirements.namespaces},
        data_stores={name: answers[f"data store {name}"] for name in requirements.data_stores},
        any_data_store=answers.get("any data store", {}),
        secrets={key: answers[f"secret {key}"] for key in requirements.secrets},
        providers=answers["providers"],
        deployments=answers["deployments"],
        kamaji=answers["kamaji"],
    )
    lacking = {
        name: missing_for_certain(
            api, name, rights.missing_rights(replies.rules[name], requirements), replies.rules[name]
        )
        for name in requirements.namespaces
    }
    user = user_of(api) if any(lacking.values()) else ""
    versions = controllers.versions(replies)
    obstacles = (
        *verdict.kinds(replies, requirements),
        *verdict.namespaces(replies, requirements),
        *verdict.data_stores(replies, requirements),
        *controllers.missing_deployments(replies, requirements),
        *rights.rights(lacking, user),
    )
    notes = (*verdict.secrets(replies, requirements), *controllers.notes(replies, versions))
    return Report(
        server,
        source,
        tuple(obstacles),
        notes,
        controllers=versions,
        available=tuple(verdict.available(replies, requirements)),
    )


def _questions(api: Api, requirements: Requirements) -> dict[str, Callable[[], dict[str, Any]]]:
    questions: dict[str, Callable[[], dict[str, Any]]] = {
        "discovery": lambda: _discovery(api, requirements),
        # Written by `clusterctl init`: name and version of each provider.
        "providers": lambda: api.get("/apis/clusterctl.cluster.x-k8s.io/v1alpha3/providers"),
        "deployments": lambda: api.get(f"{_DEPLOYMENTS}?labelSelector=cluster.x-k8s.io%2Fprovider&limit=50"),
        "kamaji": lambda: api.get(f"{_DEPLOYMENTS}?labelSelector={quote(KAMAJI_DEPLOYMENT)}&limit=50"),
    }
    if not requirements.data_stores:
        questions["any data store"] = lambda: api.get("/apis/kamaji.clastix.io/v1alpha1/datastores?limit=1")
    for namespace, secret in requirements.secrets:
        questions[f"secret {(namespace, secret)}"] = lambda where=f"{namespace}/secrets/{secret}": api.get(  # type: ignore[misc]
            f"/api/v1/namespaces/{where}"
        )
    for name in requirements.namespaces:
        questions[f"namespace {name}"] = lambda name=name: api.get(f"/api/v1/namespaces/{name}")  # type: ignore[misc]
        questions[f"rules {name}"] = lambda name=name: api.post(  # type: ignore[misc]
            f"{REVIEWS}/selfsubjectrulesreviews", review("SelfSubjectRulesReview", {"namespace": name})
        )
    for name in requirements.data_stores:
        questions[f"data store {name}"] = lambda name=name: api.get(  # type: ignore[misc]
            f"/apis/kamaji.clastix.io/v1alpha1/datastores/{name}"
        )
    return questions


def _ask(questions: Mapping[str, Callable[[], dict[str, Any]]]) -> dict[str, dict[str, Any] | ApiError]:
    outages: list[ApiError] = []

    def answer(question: Callable[[], dict[str, Any]]) -> dict[str, Any] | ApiError:
        if outages:
            return outages[0]
        try:
            return question()
        except ApiError as error:
            # Each further question would wait for its own time-out.
            if error.reason == "Unreachable":
                outages.append(error)
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return dict(zip(questions, pool.map(answer, questions.values()), strict=True))


def _discovery(api: Api, requirements: Requirements) -> dict[str, Any]:
    """Aggregated discovery; put together from one GET per group version where the server is too old for it."""
    answer = api.get("/apis", accept=_AGGREGATED_DISCOVERY)
    if answer.get("kind") == "APIGroupDiscoveryList":
        return answer
    groups = {need.kind.group for need in requirements.kinds}
    items = []
    for group in answer.get("groups") or ():
        if group["name"] not in groups:
            continue
        versions = []
        for version in group["versions"]:
            resources = api.get(f"/apis/{version['groupVersion']}")["resources"]
            entries = [
                {"resource": resource["name"], "responseKind": {"kind": resource["kind"]}}
                for resource in resources
                if "/" not in resource["name"]
            ]
            versions.append({"version": version["version"], "resources": entries})
        items.append({"metadata": {"name": group["name"]}, "versions": versions})
    return {"items": items}
