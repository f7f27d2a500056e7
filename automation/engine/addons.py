"""The add-ons of tenant clusters in the engine's events, and their progress."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from pulumi import automation

ADD_ON = "kamaji-equinix:index:AddOn"

COMPONENTS = ("kubernetes:helm.sh/", "kubernetes:yaml/")
"""Types of the components that group an add-on's objects; they change nothing themselves."""

PROBLEM = re.compile(r"resource '(?P<name>[^']+)' has a problem: (?P<text>.*)", re.DOTALL)
"""The engine's message about a component, such as a chart, that a plugin could not create; it names no URN."""

State = Literal["started", "done", "failed"]
Tell = Callable[[str, str, State, str], object]
"""Takes an add-on's cluster, its name, its state, and what failed."""


class AddOns:
    """The add-ons of one operation."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._by_urn: dict[str, tuple[str, str]] = {}
        self._states: dict[tuple[str, str], State] = {}

    def cluster_of(self, metadata: automation.StepEventMetadata) -> str | None:
        """The cluster of the add-on that a resource is, or is a part of; None where it is neither."""
        resource = metadata.new or metadata.old
        if resource and metadata.type == ADD_ON:
            inputs = resource.inputs or {}
            self._by_urn[metadata.urn] = str(inputs.get("cluster") or ""), str(inputs.get("addon") or "")
        elif resource and resource.parent in self._by_urn:
            self._by_urn[metadata.urn] = self._by_urn[resource.parent]
        addon = self._by_urn.get(metadata.urn)
        return addon[0] if addon else None

    def step(self, metadata: automation.StepEventMetadata, state: State, *, quiet: bool) -> None:
        """Take a step: an add-on starts with the first of its objects that changes, and is done with its component.

        Args:
            metadata: of the resource.
            state: of the resource.
            quiet: whether the step changes nothing.
        """
        addon = self._by_urn.get(metadata.urn)
        if addon is None:
            return
        if state == "failed":
            kind, name = metadata.type.rpartition(":")[2], metadata.urn.rpartition("::")[2]
            self._set(addon, "failed", f"{kind} {name}")
        elif metadata.type == ADD_ON:
            if state == "done" and self._states.get(addon) == "started":
                self._set(addon, "done")
        elif not quiet and addon not in self._states and not metadata.type.startswith(COMPONENTS):
            self._set(addon, "started")

    def take_error(self, text: str) -> str | None:
        """Take an error message.

        Returns:
            The cluster whose add-on it is about; None where it is about none.
        """
        problem = PROBLEM.search(text)
        for urn, addon in self._by_urn.items() if problem else ():
            if problem and urn.rpartition("::")[2] == problem["name"]:
                self._set(addon, "failed", problem["text"].splitlines()[0])
                return addon[0]
        return None

    def _set(self, addon: tuple[str, str], state: State, text: str = "") -> None:
        if self._states.get(addon) != "failed":
            self._states[addon] = state
            self._tell(*addon, state, text)
