"""Made-up pasts of a worker pool: templates of many edits, who still names which, and what of it all may go."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from kamaji_equinix.components.capi.manifest import CLUSTER_LABEL, POOL_LABEL
from kamaji_equinix.components.capi.templates import PoolTemplates
from kamaji_equinix.components.kube.objects import Kind, plural
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack

Json = dict[str, Any]
Key = tuple[str, str]
"""Kind and name of an object."""

BOOTSTRAP = "KubeadmConfigTemplate"


@dataclass
class World:
    """The templates of one pool, as a chance has left them.

    Attributes:
        pool: whose templates.
        manifests: what the program makes for the pool today, by kind.
        namespace: where it all lies.
        chance: makes it.
        objects: all objects but those that name templates.
        strange: those that are not the pool's, whatever their labels say.
        refers: what each template refers to.
        holders: MachineDeployments and MachineSets of the Cluster.
        references: the templates that these name.
        current: names of what the pool is made of now.
    """

    pool: PoolTemplates
    manifests: Mapping[str, Json]
    namespace: str
    chance: random.Random
    objects: dict[Key, Json] = field(default_factory=dict)
    strange: set[Key] = field(default_factory=set)
    refers: dict[Key, Key] = field(default_factory=dict)
    holders: list[Json] = field(default_factory=list)
    references: set[Key] = field(default_factory=set)
    current: set[str] = field(default_factory=set)

    @property
    def machine(self) -> str:
        """Kind of the machine templates."""
        return self.pool.kinds[0].name

    @property
    def companion(self) -> str:
        """Kind of what these refer to; empty where it is nothing."""
        return self.pool.companions[0].name if self.pool.companions else ""

    def expected(self, current: set[str], named: set[Key]) -> set[Key]:
        """What must stay: what the pool is made of, what is named, what one of those refers to, and what is strangers'."""
        templates = {key for key in self.objects if key[0] in (self.machine, BOOTSTRAP)}
        staying = {key for key in templates if key[1] in current or key in named or key in self.strange}
        references = {self.refers[key] for key in staying if key in self.refers}
        others = {
            key
            for key in self.objects.keys() - templates
            if key in references or key in self.strange or (key[0] == self.companion and key[1] in current)
        }
        return staying | others

    def create(self, client: httpx.Client) -> None:
        """Put it all onto an API server."""
        for obj in [*self.objects.values(), *self.holders]:
            client.post(path(obj, self.namespace), json=obj).raise_for_status()

    def remaining(self, client: httpx.Client) -> set[Key]:
        """Those of its objects that are still there."""
        return {
            key
            for key, obj in self.objects.items()
            if client.get(f"{path(obj, self.namespace)}/{key[1]}").status_code == httpx.codes.OK
        }

    def forget_holders(self, client: httpx.Client) -> None:
        """The pool's MachineDeployments and MachineSets go."""
        for obj in self.holders:
            client.delete(f"{path(obj, self.namespace)}/{obj['metadata']['name']}").raise_for_status()


def path(obj: Mapping[str, Any], namespace: str) -> str:
    """Of an object's collection."""
    return Kind(obj["apiVersion"], obj["kind"], plural(obj["kind"])).path(namespace)


def world(configuration: Mapping[str, Any], namespace: str, seed: int) -> World:
    """A pool of a configuration after a few edits."""
    (tenant,) = load_stack(configuration).clusters
    objects = [document for document in documents(tenant) if document["metadata"].get("labels", {}).get(POOL_LABEL)]
    manifests = {document["kind"]: document for document in objects}
    machine, *rest = (kind for kind in manifests if kind.endswith("MachineTemplate"))
    assert not rest, f"one kind of machine template: {[machine, *rest]}"
    companions = [kind for kind in manifests if kind.endswith("Template") and kind not in (machine, BOOTSTRAP)]

    def kinds(*names: str) -> tuple[Kind, ...]:
        return tuple(Kind(manifests[name]["apiVersion"], name, plural(name)) for name in names)

    deployment = manifests["MachineDeployment"]
    pool = PoolTemplates(
        tenant.cluster.name,
        deployment["metadata"]["labels"][POOL_LABEL],
        deployment["apiVersion"],
        kinds(machine, BOOTSTRAP),
        kinds(*companions),
    )
    world_ = World(pool, manifests, namespace, random.Random(seed))  # noqa: S311 - repeatable on purpose
    edit(world_)
    hold(world_)
    return world_


def edit(world_: World) -> None:
    """The templates of some edits; each edit changes one part of the pool or several."""
    chance, parts = (
        world_.chance,
        [world_.machine, BOOTSTRAP, "Secret", *([world_.companion] if world_.companion else [])],
    )
    versions, secretive = dict.fromkeys(parts, 0), dict[int, bool]()
    edits = chance.randrange(1, 6)
    for number in range(edits):
        if number:
            subset = set(chance.sample(parts, chance.randrange(1, len(parts) + 1)))
            # What is referred to by name takes its referrer along.
            subset |= {BOOTSTRAP} if "Secret" in subset else set()
            subset |= {world_.machine} if world_.companion in subset else set()
            versions |= {part: versions[part] + 1 for part in subset}
        with_secret = secretive.setdefault(versions[BOOTSTRAP], chance.random() < 0.7)
        names = {part: f"x-{part.lower()}-{version}" for part, version in versions.items()}
        for part, target in ((BOOTSTRAP, "Secret" if with_secret else ""), (world_.machine, world_.companion)):
            # One that is there keeps its content.
            if target and (part, names[part]) not in world_.objects:
                world_.refers[part, names[part]] = (target, names[target])
        kinds = [part for part in parts if part != "Secret" or with_secret]
        # A run that is killed writes some of them; a template comes before the Secret that it names.
        batch = kinds if number == edits - 1 else kinds[: chance.randrange(1, len(kinds) + 1)]
        for part in batch:
            add(world_, part, names[part])
        world_.current = {names[part] for part in kinds}
    if chance.random() < 0.2:
        world_.current = set()


def add(world_: World, kind: str, name: str) -> None:
    """One object, now and then somebody else's."""
    if (kind, name) in world_.objects:
        return
    if kind == "Secret" and not any(world_.refers.get(key) == (kind, name) for key in world_.objects):
        return
    obj = copy.deepcopy(world_.manifests.get(kind) or secret_like(world_))
    obj["metadata"] = {
        "name": name,
        "labels": dict(obj["metadata"]["labels"]),
        "ownerReferences": [owner(world_.pool.cluster)],
    }
    way = world_.chance.random()
    if way < 0.05:
        obj["metadata"]["labels"][POOL_LABEL] = "another"
        # Another pool's refer to what is that pool's.
        world_.refers.pop((kind, name), None)
    elif way < 0.1:
        obj["metadata"]["ownerReferences"] = [owner("another")] if world_.chance.random() < 0.5 else []
    if way < 0.1:
        world_.strange.add((kind, name))
    target = world_.refers.get((kind, name))
    if kind == BOOTSTRAP and target is not None:
        source = {"secret": {"name": target[1], "key": "k"}}
        obj["spec"]["template"]["spec"]["files"] = [{"path": "/x", "contentFrom": source}]
    elif kind == world_.machine and target is not None:
        obj["spec"]["template"]["spec"]["dataTemplate"] = {"name": target[1]}
    world_.objects[kind, name] = obj


def secret_like(world_: World) -> Json:
    """A Secret of the pool."""
    labels = world_.manifests[BOOTSTRAP]["metadata"]["labels"]
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"labels": labels}, "stringData": {"k": "v"}}


def owner(cluster: str) -> Json:
    """An owner reference to a Cluster, which need not be there: nobody collects garbage here."""
    return {"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Cluster", "name": cluster, "uid": "0-0"}


def hold(world_: World) -> None:
    """MachineDeployments and MachineSets that name templates of any edit, also of one that was taken back."""
    for number in range(world_.chance.randrange(4)):
        pair = [world_.chance.choice(sorted(refs)) for refs in by_kind(world_)]
        world_.references |= set(pair)
        world_.holders.append(holder(world_, number, dict(pair)))


def by_kind(world_: World) -> Iterator[list[Key]]:
    """The machine templates, then the bootstrap templates."""
    for kind in (world_.machine, BOOTSTRAP):
        yield [key for key in world_.objects if key[0] == kind] or [(kind, "x-gone")]


def holder(world_: World, number: int, names: Mapping[str, str]) -> Json:
    """A MachineDeployment, or a MachineSet, with or without machines; some belong to another pool of the Cluster."""
    kind = world_.chance.choice(["MachineDeployment", "MachineSet", "MachineSet"])
    deployment = copy.deepcopy(world_.manifests["MachineDeployment"])
    machine = deployment["spec"]["template"]["spec"]
    machine["infrastructureRef"]["name"] = names[world_.machine]
    machine["bootstrap"]["configRef"]["name"] = names[BOOTSTRAP]
    labels = {CLUSTER_LABEL: world_.pool.cluster, POOL_LABEL: world_.chance.choice([world_.pool.pool, "another"])}
    keys = ("clusterName", "selector", "template")
    return {
        "apiVersion": deployment["apiVersion"],
        "kind": kind,
        "metadata": {"name": f"holder-{number}", "labels": labels},
        "spec": {"replicas": world_.chance.choice([0, 3]), **{key: deployment["spec"][key] for key in keys}},
    }
