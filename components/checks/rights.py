"""Rights in the management cluster: which a stack needs, which a user lacks, and what grants them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..kube.client import ApiError
from .needs import Requirements, Right
from .verdict import Obstacle


def required_rights(requirements: Requirements) -> tuple[Right, ...]:
    """All rights that a stack needs in its namespaces."""
    implied = [
        Right(verb, need.kind.group, need.kind.plural, subresource)
        for need in requirements.kinds
        for subresource, verbs in (("", need.verbs), ("status", ("patch",) if need.status else ()))
        for verb in verbs
    ]
    return (*implied, *requirements.rights)


def missing_rights(answer: Mapping[str, Any] | ApiError, requirements: Requirements) -> list[Right]:
    """The needed rights that a SelfSubjectRulesReview doesn't list."""
    granted = [] if isinstance(answer, ApiError) else (answer.get("status") or {}).get("resourceRules") or []
    return [right for right in required_rights(requirements) if not any(_allows(rule, right) for rule in granted)]


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


def _any(values: Sequence[str] | None, accepted: Iterable[str]) -> bool:
    return any(one in (values or ()) for one in accepted)


def rights(denied: Mapping[str, Sequence[Right]], user: str) -> Iterator[Obstacle]:
    """Rights that are missing, with the commands that grant them."""
    for namespace, missing in denied.items():
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
        yield Obstacle(
            f"{who} may not, in namespace {namespace}: {text}",
            "".join(["grant it:", *(f"\n    {command}" for command in commands)]),
        )
