"""What a user asked an API server for, from its audit log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

CREATED = 201


class Use(NamedTuple):
    """A right that was used: what a rule of a Role grants."""

    verb: str
    group: str
    resource: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}.{self.group}".rstrip(".")


def events(log: Path, user: str) -> Iterator[dict[str, Any]]:
    """The answers to a user's requests for objects."""
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["user"]["username"] == user and event.get("objectRef", {}).get("resource"):
            yield event


def uses(event: dict[str, Any]) -> set[Use]:
    """The rights that a request needs: a server-side apply that makes an object is a patch, and a create."""
    what = event["objectRef"]
    resource = what["resource"] + (f"/{what['subresource']}" if "subresource" in what else "")
    makes = event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == CREATED
    verbs = {event["verb"], *(["create"] if makes else [])}
    return {Use(verb, what.get("apiGroup", ""), resource) for verb in verbs}


def used(log: Path, user: str) -> set[Use]:
    """All rights that a user has used."""
    return {right for event in events(log, user) for right in uses(event)}


def denied(log: Path, user: str) -> set[Use]:
    """What a user was refused."""
    return {
        right
        for event in events(log, user)
        for right in uses(event)
        if event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid"
    }


def granted(*rules: dict[str, Any]) -> set[Use]:
    """What rules of Roles grant."""
    return {
        Use(verb, group, resource)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
