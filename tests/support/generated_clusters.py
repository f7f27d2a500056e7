"""Clusters of contract v1beta2 in states that are made up: any condition and any counter may be missing."""

from __future__ import annotations

import random
from collections.abc import Sequence

from . import cluster_objects as older
from . import newer_objects as newer
from .cluster_objects import Object

MESSAGES = (
    "",
    "a word",
    "* NodeHealthy: Waiting for a Node with spec.providerID metal://1 to exist\n* InfrastructureReady: " + "wait " * 30,
    "* Control plane components:\n  * pod: is not there\n    and its reason, which is a long one, "
    + "and longer " * 12,
    "first\n\nthird",
    "x" * 130 + " " + "y" * 130,
    "   indented   words\tand a tab",
    "ä ö ü " * 25,
)
KEEP = "example.com/keep"


class Maker:
    """Makes one cluster.

    Attributes:
        objects: in the order in which they can be created.
        deletions: those of them that are to be deleted, which their finalizers prevent.
    """

    def __init__(self, seed: int) -> None:
        """Make the cluster of a seed."""
        self._random = random.Random(seed)  # noqa: S311 - no secret comes from it
        self.objects: list[Object] = []
        self.deletions: list[Object] = []
        self._cluster()
        for name in ("one", "pool-10", "pool-9")[: self._random.randint(0, 3)]:
            self._pool(name)
        if self._chance(0.3):
            self._machine_pool()
        if self._chance(0.3):
            for index in range(2):
                self._machine(f"orphan-{index}", None, self._state())

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _condition(self, type_: str) -> list[Object]:
        """A condition, or none."""
        status = self._random.choice(("", "True", "True", "False", "Unknown"))
        if not status:
            return []
        return [newer.condition(type_, status, self._random.choice(("", "Reason", "Else")), self._message())]

    def _message(self) -> str:
        return self._random.choice(MESSAGES)

    def _counts(self, *names: str) -> dict[str, int]:
        return {name: self._random.randint(0, 4) for name in names if self._chance(0.7)}

    def _state(self) -> list[Object]:
        """The conditions of a Machine."""
        conditions = [condition for type_ in ("Available", "Ready", "UpToDate") for condition in self._condition(type_)]
        return [*conditions, newer.condition("NodeHealthy", "Unknown", "Unseen", "another condition")]

    def _cluster(self) -> None:
        counters = ("replicas", "desiredReplicas", "availableReplicas", "readyReplicas", "upToDateReplicas")
        infrastructure = older.packet_cluster()
        plane = newer.control_plane(
            conditions=[*self._condition("Available"), *self._condition("Ready")],
            **self._counts("replicas", "availableReplicas", "readyReplicas", "upToDateReplicas"),
        )
        parts = {part: counts for part in ("controlPlane", "workers") if (counts := self._counts(*counters))}
        deletion = self._chance(0.2)
        cluster = newer.cluster(
            infrastructure,
            plane,
            conditions=[*self._condition("Available"), newer.condition("Ready", "False")],
            finalizers=[KEEP] if deletion else [],
            **parts,
        )
        self.objects += [infrastructure, plane, cluster]
        self.deletions += [cluster] if deletion else []
        if self._chance(0.3):
            self._machines("plane", None, of_control_plane=True)

    def _pool(self, name: str) -> None:
        deployment = newer.deployment(
            name,
            self._random.randint(0, 4),
            [*self._condition("Available"), newer.condition("Ready", "False")],
            **self._counts("replicas", "availableReplicas", "readyReplicas", "upToDateReplicas"),
        )
        self.objects.append(deployment)
        for index in range(self._random.randint(1, 2)):
            machine_set = newer.machine_set(f"{name}-{index}", deployment)
            self.objects.append(machine_set)
            # Rows of one name are in no order of clusterctl's: there is one set whose machines may share a row.
            if index == 0:
                self._machines(machine_set["metadata"]["name"], machine_set)
            else:
                self._machine(f"{name}-alone", machine_set, [newer.condition("Ready", "False", "Alone")])

    def _machines(self, name: str, owner: Object | None, *, of_control_plane: bool = False) -> None:
        """Machines of a few states, of which no two have equally many, but for one."""
        states: list[list[Object]] = []
        for _ in range(self._random.randint(0, 4)):
            state = self._state()
            if _key(state) not in map(_key, states):
                states.append(state)
        sizes = self._random.sample((1, 1, 1, 2, 3, 4), len(states))
        spread = [state for state, size in zip(states, sizes, strict=True) for _ in range(size)]
        self._random.shuffle(spread)
        for index, state in enumerate(spread):
            self._machine(f"{name}-{index}", owner, state, of_control_plane=of_control_plane)

    def _machine(
        self, name: str, owner: Object | None, conditions: Sequence[Object], *, of_control_plane: bool = False
    ) -> None:
        status = self._random.choice((None, "True", "False", "Unknown"))
        reason = self._random.choice(("", "Reason", "Else"))
        ready = older.condition(status, reason, self._random.choice(("", "Error")), self._message()) if status else None
        parts = {"infrastructure": older.packet_machine(name, ready=ready)}
        if self._chance(0.6):
            parts["bootstrap"] = newer.kubeadm_config(name, self._condition("Ready"))
        deletion = self._chance(0.1)
        machine = newer.machine(
            name,
            owner,
            conditions,
            parts=parts,
            control_plane_machine=of_control_plane,
            finalizers=[KEEP] if deletion else [],
        )
        self.objects += [*parts.values(), machine]
        self.deletions += [machine] if deletion else []

    def _machine_pool(self) -> None:
        parts = {
            "infrastructure": older.packet_machine("machine-pool", ready=older.condition(False, "Pool", "Error")),
            "bootstrap": newer.kubeadm_config("machine-pool", self._condition("Ready")),
        }
        pool = newer.machine_pool("machine-pool", self._condition("Ready"), parts=parts)
        self.objects += [*parts.values(), pool]


def _key(state: Sequence[Object]) -> list[tuple[str, str, str]]:
    """What decides whether machines share a row."""
    return [(condition["type"], condition["status"], condition["reason"]) for condition in state]
