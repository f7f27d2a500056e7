"""What is wrong with a stack's configuration, said in one report."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pydantic

NOTHING = object()
"""Stands for a value that was not given, or must not be shown."""

SECRET_WORDS = ("kubeconfig", "token", "password", "secret", "key")


@dataclass(frozen=True)
class Problem:
    """One mistake.

    Attributes:
        path: the key, as in ``workerPools[1].taints[0].effect``.
        rule: what is expected, or what follows from the value.
        value: what was given; ``NOTHING`` where nothing was, or where it may be a secret.
        example: a valid value.
    """

    path: str
    rule: str
    value: Any = NOTHING
    example: Any = NOTHING

    def __str__(self) -> str:
        given = "" if self.value is NOTHING or may_be_secret(self.path) else f" is {shortened(self.value)}"
        example = "" if self.example is NOTHING else f"; for example {self.example!r}"
        return f"{self.path}{given}: {self.rule}{example}"


class SettingsError(Exception):
    """The configuration can't be used. Its text is the whole report, a line for each mistake."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} mistake{'s' if len(self.problems) != 1 else ''}"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"the stack's configuration has {count}; nothing was created or changed:\n{lines}")


def may_be_secret(path: str) -> bool:
    """Whether a value at this path must not be quoted."""
    last = path.rpartition(".")[2].lower()
    return any(word in last for word in SECRET_WORDS) and not last.startswith(("sshkey", "kubeconfigpath", "publickey"))


def shortened(value: Any) -> str:
    """A value as a report quotes it."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def path_of(base: str, location: Sequence[int | str]) -> str:
    """The key that pydantic's location means, below ``base``.

    >>> path_of("workerPools", (1, "taints", 0, "effect"))
    'workerPools[1].taints[0].effect'
    """
    path = base
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def nearest(key: str, known: Iterable[str]) -> str:
    """A hint at the known key that an unknown one may have meant."""
    names = sorted(known)
    close = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    return f"unknown key; did you mean {close[0]!r}?" if close else f"unknown key; known are {', '.join(names)}"


def problems_of(base: str, model: type[pydantic.BaseModel], error: pydantic.ValidationError) -> list[Problem]:
    """What pydantic found, in the report's words."""
    return [problem_of(base, model, found) for found in error.errors(include_url=False)]


def problem_of(base: str, model: type[pydantic.BaseModel], found: Any) -> Problem:
    """One finding of pydantic."""
    location, kind, value = found["loc"], found["type"], found["input"]
    # Steps that pydantic adds for alternatives of a union are no keys of the user's.
    steps = tuple(
        step for step in location if isinstance(step, int) or not step.startswith(("function-", "list[", "str"))
    )
    path = path_of(base, steps)
    field = field_at(model, steps)
    example = field.examples[0] if field is not None and field.examples else NOTHING
    if kind == "extra_forbidden":
        return Problem(path, nearest(str(location[-1]), keys_at(model, steps[:-1])))
    if kind == "missing":
        return Problem(path, "is required", example=example)
    if kind in ("value_error", "assertion_error"):
        return Problem(path, str(found["ctx"]["error"]), value, example)
    rule = found["msg"].replace("Input should be", "must be")
    return Problem(path, rule[0].lower() + rule[1:], value, example)


def field_at(model: type[pydantic.BaseModel], steps: Sequence[int | str]) -> Any:
    """The field that a location leads to, None where it leads past the models."""
    field = None
    current: Any = model
    for step in steps:
        if isinstance(step, int):
            continue
        if current is None:
            return field
        field = next((item for item in current.model_fields.values() if item.alias == step), None)
        current = model_in(field.annotation) if field is not None else None
    return field


def keys_at(model: type[pydantic.BaseModel], steps: Sequence[int | str]) -> list[str]:
    """The known keys of the object at a location."""
    current: Any = model
    for step in steps:
        if isinstance(step, int):
            continue
        field = next((item for item in current.model_fields.values() if item.alias == step), None)
        current = model_in(field.annotation) if field is not None else None
        if current is None:
            return []
    return [str(item.alias) for item in current.model_fields.values()]


def model_in(annotation: Any) -> type[pydantic.BaseModel] | None:
    """The model that a type holds, through containers and alternatives."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        if found := model_in(part):
            return found
    return None
