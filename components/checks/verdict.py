"""The judgement of a management cluster's answers. Pure: it makes no request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..kube.client import ApiError
from .installation import PROVIDER_TYPES, bring, data_store, replace, with_commands
from .needs import Requirements

Answer = dict[str, Any] | ApiError


@dataclass(frozen=True)
class Obstacle:
    """A state of the management cluster that a stack can't work with.

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
        versions: versions by (group, kind).
        any_data_store: the first DataStore, where no setting names one.
        deployments: of the providers that clusterctl installs.
        kamaji: Deployments of Kamaji's chart.
    """

    versions: Mapping[tuple[str, str], tuple[str, ...]]
    namespaces: Mapping[str, Answer] = field(default_factory=dict)
    rules: Mapping[str, Answer] = field(default_factory=dict)
    data_stores: Mapping[str, Answer] = field(default_factory=dict)
    any_data_store: Answer = field(default_factory=dict)
    secrets: Mapping[tuple[str, str], Answer] = field(default_factory=dict)
    providers: Answer = field(default_factory=dict)
    deployments: Answer = field(default_factory=dict)
    kamaji: Answer = field(default_factory=dict)

    @property
    def inventory(self) -> dict[str, Mapping[str, Any]]:
        """The providers that clusterctl has installed, by its option, such as ``--core cluster-api``."""
        items = [] if isinstance(self.providers, ApiError) else self.providers.get("items") or []
        return {f"--{PROVIDER_TYPES.get(item.get('type'), '')} {item.get('providerName')}": item for item in items}


def no_answer(error: ApiError, source: str) -> tuple[Obstacle, bool]:
    """The obstacle of a cluster that doesn't answer, and whether it can't be reached at all."""
    if error.reason == "Unauthorized":
        text, remedy = "it does not accept the credentials (401)", f"renew those in {source}, or name another context"
    elif error.reason == "Forbidden":
        text, remedy = f"it refuses discovery (403): {error.message}", "bind the user to ClusterRole system:discovery"
    elif error.reason == "Untrusted":
        text, remedy = (
            error.message,
            f"see that {source} belongs to this cluster; one of an earlier lab no longer does",
        )
    elif error.reason == "Unreachable":
        lab = "start the lab with `make lab`" if "/.lab/" in source or source.startswith(".lab/") else ""
        text, remedy = (
            error.message,
            lab or "see that the cluster runs, and that this machine reaches it (VPN, firewall, proxy)",
        )
    elif error.reason == "NotKubernetes":
        text, remedy = error.message, f"correct the `server` in {source}"
    elif error.reason == "NoCredentials":
        text, remedy = (
            error.message,
            f"see that the credentials in {source} can be renewed, as docs/credentials.md says",
        )
    else:
        text, remedy = f"it answers {error}", "see the log of its API server"
    return Obstacle(text, remedy), error.reason == "Unreachable"


def served_kinds(discovery: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Versions by (group, kind), preferred first, from an APIGroupDiscoveryList."""
    versions_by_kind: dict[tuple[str, str], list[str]] = {}
    for group in discovery.get("items") or ():
        for version in group.get("versions") or ():
            for resource in version.get("resources") or ():
                kind = (resource.get("responseKind") or {}).get("kind", "")
                versions_by_kind.setdefault((group["metadata"]["name"], kind), []).append(version["version"])
    return {key: tuple(versions) for key, versions in versions_by_kind.items()}


def kinds(answers: Answers, requirements: Requirements) -> Iterator[Obstacle]:
    """Kinds that aren't served, grouped by the command that installs them; then those served in other versions only."""
    missing_crds: dict[str, list[str]] = {}
    for need in requirements.kinds:
        if (need.kind.group, need.kind.name) not in answers.versions:
            missing_crds.setdefault(need.install, []).append(need.crd)
    for install, crds in missing_crds.items():
        noun = "CRD" if len(crds) == 1 else "CRDs"
        verb = "is" if len(crds) == 1 else "are"
        remedy = with_commands("install with", bring(install, answers.inventory)) if install else ""
        yield Obstacle(f"{noun} {', '.join(crds)} {verb} not installed", remedy)
    for need in requirements.kinds:
        versions = answers.versions.get((need.kind.group, need.kind.name), ())
        if not versions or need.kind.version in versions:
            continue
        setting = f" ({need.setting})" if need.setting else ""
        fitting = [
            contract
            for contract, contract_versions in requirements.alternate_contracts.items()
            if all(
                contract_versions.get(item.crd, item.kind.version)
                in answers.versions.get((item.kind.group, item.kind.name), ())
                for item in requirements.kinds
            )
        ]
        ways = [f"set `capi.contract: {contract}`" for contract in fitting]
        if need.install:
            command = replace(need.install, answers.inventory)
            ways.append(with_commands("install a release that serves it with", command))
        yield Obstacle(
            f"CRD {need.crd} serves {', '.join(versions)}, but the stack asks for {need.kind.version}{setting}",
            " or ".join(ways),
        )


def namespaces(answers: Answers, requirements: Requirements) -> Iterator[Obstacle]:
    """Namespaces that don't exist and that the stack doesn't create."""
    for name, is_created in requirements.namespaces.items():
        answer = answers.namespaces[name]
        if isinstance(answer, ApiError):
            if answer.reason == "NotFound" and not is_created:
                yield Obstacle(f"namespace {name} does not exist", f"`kubectl create namespace {name}`")
        elif (answer.get("metadata") or {}).get("deletionTimestamp"):
            yield Obstacle(f"namespace {name} is being deleted", "wait until it is gone, then create it again")


def data_stores(answers: Answers, requirements: Requirements) -> Iterator[Obstacle]:
    """DataStores that don't exist. One that may not be read is no problem: only Kamaji needs to."""
    if ("kamaji.clastix.io", "DataStore") not in answers.versions:
        return
    for name in requirements.data_stores:
        answer = answers.data_stores[name]
        if isinstance(answer, ApiError) and answer.reason == "NotFound":
            yield Obstacle(
                f"DataStore {name} does not exist",
                with_commands(
                    "name one of `kubectl get datastores` in `controlPlane.dataStore`, or create it with",
                    data_store(name),
                ),
            )
    if isinstance(answers.any_data_store, dict) and answers.any_data_store.get("items") == []:
        yield Obstacle(
            "there is no DataStore, and each control plane needs one",
            with_commands("create Kamaji's default one with", data_store("default")),
        )


def secrets(answers: Answers, requirements: Requirements) -> Iterator[str]:
    """Secrets that do not exist yet. No obstacle: somebody may create them later, and machines wait for them."""
    for (namespace, name), answer in answers.secrets.items():
        if isinstance(answer, ApiError) and answer.reason == "NotFound":
            files = " ".join(f"--from-file={key}=FILE" for key in requirements.secrets[namespace, name])
            yield (
                f"Secret {namespace}/{name} does not exist, and the machines that need it wait for it; make it with "
                f"`kubectl -n {namespace} create secret generic {name} {files}`"
            )


def available(answers: Answers, requirements: Requirements) -> Iterator[str]:
    """The requirements that the cluster meets: kinds with their versions, namespaces, DataStores."""
    for need in requirements.kinds:
        if need.kind.version in answers.versions.get((need.kind.group, need.kind.name), ()):
            yield f"{need.kind.name} {need.kind.api_version}"
    for noun, replies in (("namespace", answers.namespaces), ("DataStore", answers.data_stores)):
        yield from (f"{noun} {name}" for name, answer in replies.items() if not isinstance(answer, ApiError))
