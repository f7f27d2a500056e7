"""Credentials with the rights of some documents alone, and what a user asked an API server for, from its audit log."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lab import kubeconfig
from lab.pki import Authority

from .advised_command import KUBECTL
from .lab import Lab

CREATED = 201


def grant(lab: Lab, folder: Path, namespace: str, user: str, documents: Sequence[Path]) -> Path:
    """Make a namespace in which a user has the rights of documents, and no others; the user's kubeconfig."""
    authority = Authority(lab.state / "pki")
    path = folder / "kubeconfig"
    server = yaml.safe_load(lab.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    kubeconfig.write(path, server, authority.pem, authority.issue(f"user-{user}", user))
    for command in (
        ["create", "namespace", namespace],
        *(["--namespace", namespace, "apply", "--filename", document] for document in documents),
    ):
        subprocess.run([KUBECTL, "--kubeconfig", lab.kubeconfig, *command], check=True)
    return path


def rules(*documents: Path) -> list[dict[str, Any]]:
    """All rules of documents' Roles and ClusterRoles."""
    return [
        rule
        for document in documents
        for item in yaml.safe_load_all(document.read_text())
        if item["kind"] in ("Role", "ClusterRole")
        for rule in item["rules"]
    ]


class Use(NamedTuple):
    """A right that was used: what a rule of a Role grants."""

    verb: str
    group: str
    resource: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}.{self.group}".rstrip(".")


EVERYBODY = {
    Use("create", "authorization.k8s.io", "selfsubjectrulesreviews"),
    Use("create", "authorization.k8s.io", "selfsubjectaccessreviews"),
    Use("create", "authentication.k8s.io", "selfsubjectreviews"),
}
"""What ClusterRole system:basic-user grants to whoever is logged in."""


def events(log: Path, user: str) -> Iterator[dict[str, Any]]:
    """The answers to a user's requests for objects."""
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["user"]["username"] == user and event.get("objectRef", {}).get("resource"):
            yield event


def uses(event: dict[str, Any]) -> set[Use]:
    """The rights that a request needs: a server-side apply that makes an object is a patch, and a create."""
    reference = event["objectRef"]
    resource = reference["resource"] + (f"/{reference['subresource']}" if "subresource" in reference else "")
    makes = event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == CREATED
    verbs = {event["verb"], *(["create"] if makes else [])}
    return {Use(verb, reference.get("apiGroup", ""), resource) for verb in verbs}


def rights_in_use(log: Path, user: str) -> set[Use]:
    """All rights that a user has used."""
    return {right for event in events(log, user) for right in uses(event)}


def denials(log: Path, user: str) -> set[Use]:
    """What a user was refused."""
    return {
        right
        for event in events(log, user)
        for right in uses(event)
        if event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid"
    }


def grants(*rules: dict[str, Any]) -> set[Use]:
    """What rules of Roles grant."""
    return {
        Use(verb, group, resource)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
