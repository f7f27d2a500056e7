"""YAML as Kubernetes' own programs read it (sigs.k8s.io/yaml on go-yaml v2), and text that they read as it is meant."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

NODES = 200_000
"""How many values a document may have: aliases can turn some kilobytes into more than any memory holds."""

DEPTH = 100

_TAG = "tag:yaml.org,2002:"
_BOOLEANS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NULLS = ("", "~", "null", "Null", "NULL")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DATE = re.compile(r"\d{4}-")
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Resolves plain scalars as go-yaml does: ``y`` is true, ``1e3`` and ``0o10`` are numbers, a date is text."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """The tag of a node that has none."""
        if kind is not yaml.ScalarNode or not implicit[0]:
            return _TAG + {yaml.SequenceNode: "seq", yaml.MappingNode: "map"}.get(kind, "str")
        return _TAG + _kind(value)


def _construct_bool(loader: Any, node: Any) -> bool:
    return _BOOLEANS[loader.construct_scalar(node)]


def _construct_number(loader: Any, node: Any) -> float | int:
    text = loader.construct_scalar(node)
    # A tag of the document may claim a number; KeyError stands for one that is none.
    return {"int": _integer, "float": _float}[_kind(text)](text)


_Loader.add_constructor(f"{_TAG}bool", _construct_bool)
_Loader.add_constructor(f"{_TAG}int", _construct_number)
_Loader.add_constructor(f"{_TAG}float", _construct_number)
_Loader.add_constructor(f"{_TAG}timestamp", yaml.SafeLoader.construct_yaml_str)


def load(text: str | bytes) -> Any:
    """The first document of a text, in JSON's types.

    Raises:
        ValueError: it is not YAML, or more than can be held. The message quotes nothing of it.
    """
    try:
        loader = _Loader(text)
        try:
            return _plain(loader.get_data() if loader.check_data() else None, [0], DEPTH)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError("not YAML" + (f" (line {mark.line + 1})" if mark else "")) from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (KeyError, TypeError, OverflowError):
        raise ValueError("not YAML that Kubernetes' programs read") from None


def dump(document: Any) -> str:
    """A document as JSON, which is YAML whose texts are all in quotes: no reader takes ``y`` or ``1e3`` for something else.

    >>> dump({"y": "1e3"})
    '{"y": "1e3"}'
    """
    text = json.dumps(document, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _kind(text: str) -> str:
    if text in _BOOLEANS:
        return "bool"
    if text in _NULLS:
        return "null"
    if text == "<<":
        return "merge"
    if text[0] in "0123456789+-." and not _DATE.match(text):
        plain = text.replace("_", "")
        if _INTEGER.fullmatch(plain) and len(plain) < 70 and -(1 << 63) <= _integer(plain) < 1 << 64:
            return "int"
        if _FLOAT.fullmatch(plain):
            return "float"
    return "str"


def _integer(text: str) -> int:
    plain = text.replace("_", "").lower()
    digits = plain.lstrip("+-")
    base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2]) or (8 if digits.startswith("0") else 10)
    return int(plain, base)


def _float(text: str) -> float:
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))


def _plain(value: Any, count: list[int], depth: int) -> Any:
    """A value in JSON's types, with the names of mappings as Go writes them."""
    count[0] += 1
    if count[0] > NODES or not depth:
        raise ValueError("more than a kubeconfig can hold: are there aliases of aliases in it?")
    if isinstance(value, Mapping):
        return {_name(name): _plain(item, count, depth - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, count, depth - 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number in it is not finite")
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(f"a value in it is {type(value).__name__}, which JSON does not know")


def _name(name: Any) -> str:
    if isinstance(name, bool):
        return "true" if name else "false"
    if isinstance(name, str | int | float):
        return str(name)
    raise ValueError("a name in it is no text")
