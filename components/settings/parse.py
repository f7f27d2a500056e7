"""From one raw section to its model, together with all its mistakes.

A section with mistakes still gives a model: each wrong value is replaced by its default or by the field's example, so that
the rules between settings can be checked in the same run. Problems of a rule that used a replaced value are not reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pydantic
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from .report import NOTHING, Placeholder, Problem, below, nearest, path_of
from .secrets import SECRET_RULE, refusal
from .section import Section

SectionType = TypeVar("SectionType", bound=Section)
Location = tuple[int | str, ...]

ROUNDS = 5
DEEPEST = 20
MARKERS = ("[key]",)
SURROGATE = re.compile("[\ud800-\udfff]")

IN_QUOTES = "; put it in quotes, or set it with `pulumi config set --type string`"
"""Without the type ``pulumi config set`` stores a number where the text looks like one."""


@dataclass
class ParseResult(Generic[SectionType]):
    """The result of parsing a section.

    Attributes:
        model: its settings, with examples in the place of wrong ones; None where it can't be parsed.
        problems: all mistakes found.
        wrong: paths whose values in the model are not the user's.
    """

    model: SectionType | None
    problems: list[Problem] = field(default_factory=list)
    wrong: set[str] = field(default_factory=set)


def parse(
    kind: type[SectionType], path: str, value: Any, context: Mapping[str, Any] | None = None
) -> ParseResult[SectionType]:
    """Check one section.

    Args:
        kind: its model.
        path: its key.
        value: its value in the configuration.
        context: further facts for the types of its values.
    """
    result: ParseResult[SectionType] = ParseResult(None)
    if not isinstance(value, Mapping):
        if isinstance(value, SecretStr):
            # Credentials that are encrypted as a whole and were not read are nobody's mistake.
            result.problems += [] if isinstance(value, Placeholder) and path == "management" else [secret_problem(path)]
        else:
            result.problems.append(Problem(path, "must be a map of settings", value))
        result.wrong.add(path)
        value = {}
    raw = plain(value, path, result)
    for _ in range(ROUNDS):
        try:
            result.model = kind.model_validate(raw, context=context, by_alias=True, by_name=False)
            return result
        except pydantic.ValidationError as error:
            mistakes = root_errors(error)
        new = set()
        for mistake in mistakes:
            place, info = field_at(kind, mistake["loc"])
            where = path_of(path, place)
            if not any(below(where, wrong) for wrong in result.wrong):
                result.problems.append(problem_of(path, kind, mistake))
            if mistake["type"] != "extra_forbidden":
                new.add(where)
            repair(raw, mistake, place, info)
        result.wrong |= new
    result.wrong.add(path)
    return result


def root_errors(error: pydantic.ValidationError) -> list[Any]:
    """The findings without those that follow from others: pydantic also reports a list with wrong entries as too short."""
    errors: list[Any] = list(error.errors(include_url=False))
    return [
        mistake
        for mistake in errors
        if mistake["type"] != "too_short"
        or not any(
            len(finding["loc"]) > len(mistake["loc"]) and finding["loc"][: len(mistake["loc"])] == mistake["loc"]
            for finding in errors
        )
    ]


def plain(value: Any, path: str, result: ParseResult[Any], depth: int = 0) -> Any:
    """A copy made of dicts and lists only, with text for keys."""
    if depth > DEEPEST:
        result.problems.append(Problem(path, f"is nested more than {DEEPEST} levels deep"))
        return None
    if isinstance(value, Mapping):
        copy: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                result.problems.append(Problem(path, "has a key that is no text; put it in quotes", key))
                result.wrong.add(path)
                continue
            copy[key] = plain(item, path_of(path, (key,)), result, depth + 1)
        return copy
    if isinstance(value, list | tuple):
        return [plain(item, path_of(path, (index,)), result, depth + 1) for index, item in enumerate(value)]
    if isinstance(value, str) and SURROGATE.search(value):
        result.problems.append(Problem(path, "holds half of a surrogate pair, which is not a character"))
        return SURROGATE.sub("?", value)
    return value


def repair(raw: dict[str, Any], mistake: Any, place: Location, info: FieldInfo | None) -> None:
    """Replace a value that pydantic refused by a valid one."""
    if mistake["type"] == "extra_forbidden":
        container = lookup(raw, mistake["loc"][:-1])
        if isinstance(container, dict):
            container.pop(mistake["loc"][-1], None)
        return
    if not place or info is None:
        raw.clear()
        return
    container = lookup(raw, place[:-1])
    if not isinstance(container, dict):
        return
    if info.is_required() or (isinstance(mistake["input"], SecretStr) and info.examples):
        container[str(place[-1])] = plain(info.examples[0] if info.examples else None, "", ParseResult(None))
    else:
        container.pop(str(place[-1]), None)


def lookup(raw: Any, location: Sequence[int | str]) -> Any:
    """The value at a location."""
    for step in location:
        try:
            raw = raw[step]
        except (KeyError, IndexError, TypeError):
            return None
    return raw


def problem_of(base: str, model: type[Section], mistake: Any) -> Problem:
    """One finding of pydantic in the report's words."""
    kind, value = mistake["type"], mistake["input"]
    # An unknown key is the user's, even if it equals a marker.
    last = len(mistake["loc"]) - 1 if kind == "extra_forbidden" else -1
    location: Location = tuple(
        step for index, step in enumerate(mistake["loc"]) if index == last or step not in MARKERS
    )
    path = path_of(base, location)
    if isinstance(value, SecretStr) and kind not in ("extra_forbidden", SECRET_RULE):
        return secret_problem(path)
    place, info = field_at(model, location)
    example = info.examples[0] if info is not None and info.examples else NOTHING
    if isinstance(example, list) and len(location) > len(place) and isinstance(location[len(place)], int):
        example = example[0]
    if kind == "extra_forbidden":
        return Problem(path, nearest(str(location[-1]), keys_at(model, location[:-1])))
    if kind == "missing":
        return Problem(path, "is required", example=example)
    return Problem(path, rule_of(kind, mistake, value), value, example)


def secret_problem(path: str) -> Problem:
    """A secret where none can be kept."""
    return Problem(path, refusal(path), example=None)


def rule_of(kind: str, mistake: Any, value: Any) -> str:
    """The rule that a value breaks."""
    context = mistake.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == SECRET_RULE:
        return str(mistake["msg"])
    if kind == "literal_error":
        return f"must be {context['expected']}".replace("'", '"')
    if kind == "string_type":
        quotes = isinstance(value, int | float)
        return f"must be text{IN_QUOTES}" if quotes else "must be text"
    rules = {
        "int_type": "must be a whole number" + (", without quotes" if isinstance(value, str) else ""),
        "int_from_float": "must be a whole number",
        "bool_type": "must be true or false" + (", without quotes" if isinstance(value, str) else ""),
        "greater_than_equal": f"must be at least {context.get('ge')}",
        "less_than_equal": f"must be at most {context.get('le')}",
        "too_short": "must have at least one entry",
        "too_long": f"must have at most {context.get('max_length')} entries",
        "string_too_short": "must not be empty",
        "string_too_long": f"must be at most {context.get('max_length')} characters long",
        "string_pattern_mismatch": f"must match {context.get('pattern')}",
        "tuple_type": "must be a list",
        "dict_type": "must be a map",
        "model_type": "must be a map of settings",
        "string_unicode": "must be valid Unicode",
    }
    return rules.get(kind, str(mistake["msg"]).replace("Input should be", "must be"))


def field_at(model: type[Section], location: Sequence[int | str]) -> tuple[Location, FieldInfo | None]:
    """The deepest field that a location leads to, and where it is."""
    current: type[Section] | None = model
    place: Location = ()
    info: FieldInfo | None = None
    for index, step in enumerate(location):
        if isinstance(step, int):
            continue
        inner = next((item for item in current.model_fields.values() if item.alias == step), None) if current else None
        if inner is None:
            break
        place, info = tuple(location[: index + 1]), inner
        current = model_in(inner.annotation)
    return place, info


def keys_at(model: type[Section], location: Sequence[int | str]) -> list[str]:
    """The known keys of the section at a location."""
    _, info = field_at(model, location)
    current = model_in(info.annotation) if info is not None else model
    return [str(item.alias) for item in current.model_fields.values()] if current else []


def model_in(annotation: Any) -> type[Section] | None:
    """The section that a type holds, through containers and alternatives."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        if model := model_in(part):
            return model
    return None
