"""The machine and bootstrap templates of a worker pool: which of them nothing needs any more, and their removal.

Cluster API clones a machine from the templates that its MachineSet names, whenever that MachineSet needs one more: in a
roll-out, when the set grows, when a broken machine is replaced. The engine knows nothing of that, so it deletes no template;
what a pool has left behind is removed here, once no MachineDeployment and no MachineSet names it. A MachineSet without
machines counts too: Cluster API keeps some for a way back (``revisionHistoryLimit``). Machines do not count: they are cloned
already, and only the kubeadm control plane looks at ``cluster.x-k8s.io/cloned-from-name`` again (Cluster API,
``controlplane/kubeadm/internal/filters.go``).

What a template refers to, its companions, is needed as long as the template is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..kube.failures import ApiError
from ..kube.objects import SECRET, Kind, Kube, dig
from .manifest import CLUSTER_LABEL, MANAGED_BY, POOL_LABEL

BOOTSTRAP = "KubeadmConfigTemplate"


@dataclass(frozen=True)
class PoolTemplates:
    """The templates of one pool.

    Attributes:
        cluster: name of the Cluster, which owns them.
        pool: name of the pool.
        core: API version of Cluster API's own kinds.
        kinds: of the templates.
        companions: kinds of what the templates refer to.
    """

    cluster: str
    pool: str
    core: str
    kinds: tuple[Kind, ...]
    companions: tuple[Kind, ...] = ()


@dataclass(frozen=True)
class Template:
    """One template of the management cluster."""

    kind: Kind
    name: str
    uid: str
    version: str

    def __str__(self) -> str:
        return f"{self.kind.name} {self.name}"


def unused_templates(kube: Kube, pool: PoolTemplates, current: Collection[str]) -> list[Template]:
    """The templates of a pool that can be removed.

    Args:
        kube: the pool's namespace.
        pool: whose templates.
        current: names of the templates that the pool uses now, and of their companions.

    Raises:
        ApiError: the management cluster could not be read.
    """
    candidates = leftovers(kube, pool, pool.kinds, current)
    companions = leftovers(kube, pool, pool.companions, current)
    if not candidates and not companions:
        return []
    # Read after the candidates: a set that appears meanwhile is made from a deployment, and that names its templates too.
    in_use = references(kube, pool)
    obsolete = [template for template in candidates if (template.kind.name, template.name) not in in_use]
    departing = {(template.kind.name, template.name) for template in obsolete}
    reference_texts = remaining_texts(kube, pool, departing) if companions else set()
    return [*obsolete, *(companion for companion in companions if companion.name not in reference_texts)]


def leftovers(kube: Kube, pool: PoolTemplates, kinds: Collection[Kind], current: Collection[str]) -> list[Template]:
    """A pool's objects of these kinds that it does not use now.

    Raises:
        ApiError: the management cluster could not be read.
    """
    selector = selector_of(pool)
    return [
        Template(kind, metadata["name"], metadata["uid"], metadata["resourceVersion"])
        for kind in kinds
        for metadata in (item["metadata"] for item in kube.items(kind, selector, content=False))
        if metadata["name"] not in current and not metadata.get("deletionTimestamp") and belongs(metadata, pool.cluster)
    ]


def remaining_texts(kube: Kube, pool: PoolTemplates, departing: Collection[tuple[str, str]]) -> set[str]:
    """All text in the templates that stay. They refer to a companion only where its name is in this text.

    Raises:
        ApiError: they could not be read.
    """
    staying = (
        template
        for kind in pool.kinds
        for template in kube.items(kind, selector_of(pool))
        if (kind.name, template["metadata"]["name"]) not in departing
    )
    return {text for template in staying for text in texts(template.get("spec"))}


def texts(value: Any) -> Iterator[str]:
    """All text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def selector_of(pool: PoolTemplates) -> dict[str, str]:
    """Labels of all that belongs to a pool."""
    return {CLUSTER_LABEL: pool.cluster, POOL_LABEL: pool.pool, **MANAGED_BY}


def prune(kube: Kube, pool: PoolTemplates, current: Collection[str]) -> list[Template]:
    """Remove the templates that :func:`unused_templates` finds.

    Returns:
        Those that it removed.

    Raises:
        ApiError: the management cluster could not be read, or refuses.
    """
    deletions = []
    obsolete = unused_templates(kube, pool, current)
    # A Secret goes before its last template: after that nothing would refer to it.
    for template in [*secrets_of(kube, pool, obsolete), *obsolete]:
        try:
            kube.delete(template.kind, template.name, uid=template.uid, version=template.version)
        except ApiError as error:
            # Somebody else removed it, or changed it and so has a use for it.
            if error.code not in (404, 409):
                raise
        else:
            deletions.append(template)
    return deletions


def secrets_of(kube: Kube, pool: PoolTemplates, obsolete: Collection[Template]) -> list[Template]:
    """The Secrets that only obsolete bootstrap templates of the pool refer to.

    Args:
        kube: the pool's namespace.
        pool: whose templates.
        obsolete: the templates that can be removed.

    Raises:
        ApiError: they could not be read.
    """
    names = {template.name for template in obsolete if template.kind.name == BOOTSTRAP}
    kind = next((kind for kind in pool.kinds if kind.name == BOOTSTRAP), None)
    if not names or kind is None:
        return []
    selector = selector_of(pool)
    secret_names: dict[bool, set[str]] = {True: set(), False: set()}
    for template in kube.items(kind, selector):
        for file in dig(template, "spec", "template", "spec", "files") or ():
            if name := dig(file, "contentFrom", "secret", "name"):
                secret_names[template["metadata"]["name"] in names].add(str(name))
    secrets = (kube.find(SECRET, name) for name in sorted(secret_names[True] - secret_names[False]))
    return [
        Template(SECRET, metadata["name"], metadata["uid"], metadata["resourceVersion"])
        for metadata in (secret["metadata"] for secret in secrets if secret)
        # Others are the user's.
        if selector.items() <= (metadata.get("labels") or {}).items() and belongs(metadata, pool.cluster)
    ]


def references(kube: Kube, pool: PoolTemplates) -> set[tuple[str, str]]:
    """Kind and name of all templates that the Cluster's MachineDeployments and MachineSets name.

    Raises:
        ApiError: they could not be read.
    """
    holders = [
        holder
        for kind in (
            Kind(pool.core, "MachineDeployment", "machinedeployments"),
            Kind(pool.core, "MachineSet", "machinesets"),
        )
        # Cluster API's webhooks put this label on each.
        for holder in kube.items(kind, {CLUSTER_LABEL: pool.cluster})
    ]
    machines = [dig(holder, "spec", "template", "spec") for holder in holders]
    items = [
        dig(machine, *path) for machine in machines for path in (("infrastructureRef",), ("bootstrap", "configRef"))
    ]
    return {(str(item.get("kind")), str(item.get("name"))) for item in items if isinstance(item, Mapping)}


def belongs(metadata: Mapping[str, Any], cluster: str) -> bool:
    """Whether a Cluster of this name owns an object: a user's object may have the same labels."""
    owners = metadata.get("ownerReferences") or []
    return any(owner.get("kind") == "Cluster" and owner.get("name") == cluster for owner in owners)
