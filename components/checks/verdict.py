"""What a stack needs of a management cluster, and how its answers are judged. Pure: no request is made here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..kube.client import ApiError

Answer = dict[str, Any] | ApiError


@dataclass(frozen=True)
class Kind:
    """A kind that must be served.

    Attributes:
        group: its API group.
        kind: its name.
        version: the version that the stack's manifests use.
        resource: its plural name.
        asked_by: the setting that asks for this version, such as ``capi.contract: v1beta1``.
        install: the command that installs what serves it.
        verbs: what the stack does with its objects.
        status: whether it also patches their status.
    """

    group: str
    kind: str
    version: str
    resource: str
    asked_by: str = ""
    install: str = ""
    verbs: tuple[str, ...] = ()
    status: bool = False

    @property
    def crd(self) -> str:
        return f"{self.resource}.{self.group}"


@dataclass(frozen=True)
class Right:
    """One thing that the credentials must be allowed to do in a namespace."""

    verb: str
    group: str
    resource: str
    subresource: str = ""

    @property
    def what(self) -> str:
        """The resource as ``kubectl create role --resource`` takes it."""
        name = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{name}/{self.subresource}" if self.subresource else name


@dataclass(frozen=True)
class Requirements:
    """What a stack needs of a management cluster.

    Attributes:
        kinds: custom resources that it uses.
        namespaces: where its objects go, and whether the stack creates the namespace itself.
        data_stores: names of Kamaji's DataStores that its control planes use.
        rights: further rights, beside those that ``kinds`` imply.
        other_contracts: for each other value of ``capi.contract``, the version of each kind, by CRD name: to say which
            value fits the cluster.
    """

    kinds: tuple[Kind, ...] = ()
    namespaces: Mapping[str, bool] = field(default_factory=dict)
    data_stores: tuple[str, ...] = ()
    rights: tuple[Right, ...] = ()
    other_contracts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Something that would fail.

    Attributes:
        text: what, and where.
        remedy: what to do; empty where ``text`` says it.
    """

    text: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.text}; {self.remedy}" if self.remedy else self.text


@dataclass(frozen=True)
class Found:
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


def no_answer(error: ApiError, source: str) -> tuple[Problem, bool]:
    """The problem of a cluster that doesn't answer, and whether that means that it can't be reached at all."""
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
    return Problem(text, remedy), error.reason == "Unreachable"


def served_kinds(discovery: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Versions by (group, kind), preferred first, from an APIGroupDiscoveryList."""
    served: dict[tuple[str, str], list[str]] = {}
    for group in discovery.get("items") or ():
        for version in group.get("versions") or ():
            for resource in version.get("resources") or ():
                kind = (resource.get("responseKind") or {}).get("kind", "")
                served.setdefault((group["metadata"]["name"], kind), []).append(version["version"])
    return {key: tuple(versions) for key, versions in served.items()}


def kinds(found: Found, requirements: Requirements) -> Iterator[Problem]:
    """Kinds that aren't served, together by what installs them; then those served in other versions only."""
    missing: dict[str, list[str]] = {}
    for kind in requirements.kinds:
        if (kind.group, kind.kind) not in found.served:
            missing.setdefault(kind.install, []).append(kind.crd)
    for install, crds in missing.items():
        noun = "CRD" if len(crds) == 1 else "CRDs"
        verb = "is" if len(crds) == 1 else "are"
        yield Problem(f"{noun} {', '.join(crds)} {verb} not installed", f"install with `{install}`" if install else "")
    for kind in requirements.kinds:
        versions = found.served.get((kind.group, kind.kind), ())
        if not versions or kind.version in versions:
            continue
        asked = f" ({kind.asked_by})" if kind.asked_by else ""
        fitting = [
            contract
            for contract, wanted in requirements.other_contracts.items()
            if all(
                wanted.get(other.crd, other.version) in found.served.get((other.group, other.kind), ())
                for other in requirements.kinds
            )
        ]
        ways = [f"set `capi.contract: {contract}`" for contract in fitting]
        ways += [f"install a release that serves it: `{kind.install}`"] if kind.install else []
        yield Problem(
            f"CRD {kind.crd} serves {', '.join(versions)}, the stack asks {kind.version}{asked}", " or ".join(ways)
        )


def namespaces(found: Found, requirements: Requirements) -> Iterator[Problem]:
    """Namespaces that don't exist and that the stack doesn't create."""
    for name, created in requirements.namespaces.items():
        answer = found.namespaces[name]
        if isinstance(answer, ApiError):
            if answer.reason == "NotFound" and not created:
                yield Problem(f"namespace {name} does not exist", f"`kubectl create namespace {name}`")
        elif (answer.get("metadata") or {}).get("deletionTimestamp"):
            yield Problem(f"namespace {name} is being deleted", "wait until it is gone, then create it again")


def data_stores(found: Found, requirements: Requirements) -> Iterator[Problem]:
    """DataStores that don't exist. One that may not be read is no problem: only Kamaji needs to."""
    if ("kamaji.clastix.io", "DataStore") not in found.served:
        return
    for name in requirements.data_stores:
        answer = found.data_stores[name]
        if isinstance(answer, ApiError) and answer.reason == "NotFound":
            yield Problem(
                f"DataStore {name} does not exist",
                "name one of `kubectl get datastores` in `controlPlane.dataStore`, or create it",
            )


def needed_rights(requirements: Requirements) -> tuple[Right, ...]:
    """All rights that a stack needs in its namespaces."""
    implied = [
        Right(verb, kind.group, kind.resource, subresource)
        for kind in requirements.kinds
        for subresource, verbs in (("", kind.verbs), ("status", ("patch",) if kind.status else ()))
        for verb in verbs
    ]
    return (*implied, *requirements.rights)


def lacking_rights(answer: Answer, requirements: Requirements) -> list[Right]:
    """The needed rights that a SelfSubjectRulesReview doesn't list."""
    listed = [] if isinstance(answer, ApiError) else (answer.get("status") or {}).get("resourceRules") or []
    return [right for right in needed_rights(requirements) if not any(_allows(rule, right) for rule in listed)]


def _allows(rule: Mapping[str, Any], right: Right) -> bool:
    if rule.get("resourceNames"):
        return False
    resource = f"{right.resource}/{right.subresource}" if right.subresource else right.resource
    names = ("*", resource, f"*/{right.subresource}") if right.subresource else ("*", resource)
    return (
        _any(rule.get("verbs"), ("*", right.verb))
        and _any(rule.get("apiGroups"), ("*", right.group))
        and _any(rule.get("resources"), names)
    )


def _any(listed: Sequence[str] | None, accepted: Iterable[str]) -> bool:
    return any(one in (listed or ()) for one in accepted)


def rights(lacking: Mapping[str, Sequence[Right]], user: str) -> Iterator[Problem]:
    """Rights that are missing, with the commands that grant them."""
    for namespace, missing in lacking.items():
        verbs_of: dict[str, tuple[str, ...]] = {}
        for right in missing:
            verbs_of[right.what] = (*verbs_of.get(right.what, ()), right.verb)
        alike: dict[tuple[str, ...], list[str]] = {}
        for what, verbs in verbs_of.items():
            alike.setdefault(verbs, []).append(what)
        if not alike:
            continue
        text = "; ".join(f"{', '.join(verbs)} {', '.join(resources)}" for verbs, resources in alike.items())
        commands = []
        for index, (verbs, resources) in enumerate(alike.items(), 1):
            name = f"kamaji-equinix-{index}" if len(alike) > 1 else "kamaji-equinix"
            create = f"kubectl -n {namespace} create"
            commands += [
                f"{create} role {name} --verb={','.join(verbs)} --resource={','.join(resources)}",
                f"{create} rolebinding {name} --role={name} --user={user or 'USER'}",
            ]
        who = f"user {user}" if user else "the user"
        yield Problem(
            f"{who} may not, in namespace {namespace}: {text}",
            "".join(["grant it:", *(f"\n    {command}" for command in commands)]),
        )


def there(found: Found, needed: Requirements) -> Iterator[str]:
    """What a stack needs and the cluster has: kinds with their versions, namespaces, DataStores."""
    for kind in needed.kinds:
        if kind.version in found.served.get((kind.group, kind.kind), ()):
            yield f"{kind.kind} {kind.group}/{kind.version}"
    for what, answers in (("namespace", found.namespaces), ("DataStore", found.data_stores)):
        yield from (f"{what} {name}" for name, answer in answers.items() if not isinstance(answer, ApiError))


def controllers(found: Found) -> dict[str, str]:
    """Versions of the controllers: from clusterctl's inventory, else from the tags of their images; as far as told."""
    versions = {}
    for item in _items(found.deployments):
        provider = (item["metadata"].get("labels") or {}).get("cluster.x-k8s.io/provider", "")
        for container in (((item.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or ():
            image, _, tag = str(container.get("image", "")).partition("@")[0].rpartition(":")
            if image and "/" not in tag and container.get("name") == "manager":
                versions[provider] = tag
    for item in _items(found.providers):
        # Core is "cluster-api"; the others carry their type: "control-plane-kamaji".
        versions[str(item["metadata"]["name"])] = str(item.get("version", ""))
    return versions


def notes(found: Found, versions: Mapping[str, str]) -> Iterator[str]:
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
