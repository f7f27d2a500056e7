"""Settings as strangers write them: generated from the models, right ones and wrong ones of every kind of value.

Each setting of the models is reached, also one that is added later: what a value may be is read off its type, and what
strangers try there is in ``strange_values``.
"""

from __future__ import annotations

import copy
import typing
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from kamaji_equinix.components.settings.model import TenantClusterSettings
from kamaji_equinix.components.settings.section import Section
from pydantic.fields import FieldInfo

from tests.support.settings_cases import RIGHT
from tests.support.strange_values import FIELDS, NUMBERS, TABLES, TEXTS


def settable(
    kind: type[Section] = TenantClusterSettings, path: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], FieldInfo]]:
    """Every setting with its path; of a list the first entry stands for all."""
    for field in kind.model_fields.values():
        place = (*path, str(field.alias))
        yield place, field
        inner = section_in(field.annotation)
        if inner is not None:
            yield from settable(inner, (*place, 0) if "tuple[" in str(field.annotation) else place)


def section_in(annotation: Any) -> type[Section] | None:
    """The section that a type holds."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((section for part in typing.get_args(annotation) if (section := section_in(part))), None)


def validators(metadata: Any) -> list[str]:
    """Names of the functions that check a type."""
    return [function.__name__ for item in metadata if (function := getattr(item, "func", None)) is not None]


def values(annotation: Any, alias: str, metadata: Any = ()) -> st.SearchStrategy[Any]:
    """What may stand at a setting."""
    for name in validators(metadata):
        if name in TABLES:
            return st.sampled_from(TABLES[name])
    if typing.get_origin(annotation) is typing.Annotated:
        base, *rest = typing.get_args(annotation)
        return values(base, alias, [*rest, *metadata])
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return st.sampled_from([*arguments, "other"])
    if origin is tuple:
        return st.lists(values(arguments[0], alias), max_size=3)
    if origin is dict:
        keys = values(arguments[0], alias)
        return st.dictionaries(keys.filter(lambda key: isinstance(key, str)), values(arguments[1], ""), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return section(annotation)
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.sampled_from(NUMBERS)
    if arguments:
        return st.one_of([values(part, alias, metadata) for part in arguments if part is not type(None)])
    return st.sampled_from(FIELDS.get(alias, TEXTS))


def section(kind: type[Section]) -> st.SearchStrategy[dict[str, Any]]:
    """A map of a section's settings, not all of them."""
    required, optional = {}, {}
    for field in kind.model_fields.values():
        alias = str(field.alias)
        strategy = st.one_of(st.just(field.examples[0]), at(field)) if field.examples else at(field)
        (required if field.is_required() else optional)[alias] = strategy
    return st.fixed_dictionaries(required, optional=optional)


def at(field: FieldInfo) -> st.SearchStrategy[Any]:
    """What may stand at a field: of its table, of its examples."""
    strategy = values(field.annotation, str(field.alias), field.metadata)
    return st.one_of(strategy, st.sampled_from(field.examples)) if field.examples else strategy


SETTABLE = [item for item in settable() if item[0][0] != "capi" and len(item[0]) > 1]


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """A right configuration in which a few settings have other values."""
    raw = copy.deepcopy(RIGHT)
    raw["capi"] = {"contract": draw(st.sampled_from(["v1beta1", "v1beta2"]))}
    for _ in range(draw(st.integers(1, 3))):
        path, field = draw(st.sampled_from(SETTABLE))
        put(raw, path, draw(at(field)))
    return raw


def put(raw: Any, path: tuple[Any, ...], value: Any) -> None:
    """Set a value; what lies on the way is made, of lists the first entry."""
    *way, last = path
    for number, step in enumerate(way):
        after = path[number + 1]
        if isinstance(raw, list):
            if not raw:
                raw.append({})
            raw = raw[0]
        else:
            if not isinstance(raw.get(step), list if after == 0 else dict):
                raw[step] = [{}] if after == 0 else {}
            raw = raw[step]
    if isinstance(raw, list):
        if raw and isinstance(raw[0], dict) and isinstance(value, dict):
            raw[0] |= value
        return
    raw[last] = value
