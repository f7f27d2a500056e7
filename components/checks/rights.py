"""Rights in the management cluster: those that a stack needs, those that a user lacks, and commands to grant them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..kube.client import ApiError
from .needs import Requirements, Right
from .verdict import Obstacle


def required_rights(requirements: Requirements) -> tuple[Right, ...]:
    """All rights that a stack needs in its namespaces."""
    kind_rights = [
        Right(verb, need.kind.group, need.kind.plural, subresource)
        for need in requirements.kinds
        for subresource, verbs in (("", need.verbs), ("status", ("patch",) if need.status else ()))
        for verb in verbs
    ]
    return (*kind_rights, *requirements.rights)


def missing_rights(answer: Mapping[str, Any] | ApiError, requirements: Requirements) -> list[Right]:
    """The needed rights that a SelfSubjectRulesReview doesn't list."""
    rules = [] if isinstance(answer, ApiError) else (answer.get("status") or {}).get("resourceRules") or []
    return [right for right in required_rights(requirements) if not any(_allows(rule, right) for rule in rules)]


def _allows(rule: Mapping[str, Any], right: Right) -> bool:
    if rule.get("resourceNames"):
        return False
    resource = f"{right.resource}/{right.subresource}" if right.subresource else right.resource
    names = ("*", resource, f"*/{right.subresource}") if right.subresource else ("*", resource)
    return (
        _contains_any(rule.get("verbs"), ("*", right.verb))
        and _contains_any(rule.get("apiGroups"), ("*", right.group))
        and _contains_any(rule.get("resources"), names)
    )


def _contains_any(values: Sequence[str] | None, names: Iterable[str]) -> bool:
    return any(name in (values or ()) for name in names)


def rights(missing_by_namespace: Mapping[str, Sequence[Right]], user: str) -> Iterator[Obstacle]:
    """Rights that are missing, with the commands that grant them."""
    for namespace, namespace_rights in missing_by_namespace.items():
        verbs_of: dict[str, tuple[str, ...]] = {}
        for right in namespace_rights:
            verbs_of[right.resource_argument] = (*verbs_of.get(right.resource_argument, ()), right.verb)
        alike: dict[tuple[str, ...], list[str]] = {}
        for resource, verbs in verbs_of.items():
            alike.setdefault(verbs, []).append(resource)
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
        yield Obstacle(
            f"{who} may not, in namespace {namespace}: {text}",
            "".join(["grant it:", *(f"\n    {command}" for command in commands)]),
        )
