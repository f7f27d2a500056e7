"""Reading ``Pulumi.<env>.yaml`` without the engine, to the same values: pulumi/sdk v3.259, go/common/workspace/loaders.go and
go/common/resource/config.

The engine reads the file, writes it as YAML, reads that and hands each key's value to the program as text: JSON for anything
that is no text. Each step changes something, and is repeated here.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from . import engine_yaml
from .engine_scalars import Timestamp, YamlError
from .engine_yaml import Map
from .namespace import NAMESPACE
from .report import Placeholder, path_of

TEXTS = ("secretsprovider", "encryptedkey", "encryptionsalt")
"""Other keys of a stack's file; the engine reads them, too."""


class StackFileError(ValueError):
    """The file is not there, or is no stack's file."""


def read_stack_file(path: Path, folder: Path | None = None) -> tuple[dict[str, Any], frozenset[str], tuple[str, ...]]:
    """A stack's configuration as :func:`~.load.load_stack` takes it.

    Encrypted values can't be read without the engine: a ``Placeholder`` stands for each, and the checks let it pass.

    Args:
        path: the file.
        folder: the project's folder; by default the file's.

    Returns:
        Raw values by key; the paths that are encrypted; the keys of other namespaces.

    Raises:
        StackFileError: says what is wrong with the file.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise StackFileError("there is no such file; name another stack with --stack") from None
    except OSError as error:
        raise StackFileError(f"can't be read: {error}") from None
    return sections(data, project_name(folder or path.parent))


def project_name(folder: Path) -> str:
    """The project's name: keys without a namespace are its own. Where no Pulumi.yaml tells it, it is this program's.

    Raises:
        StackFileError: the project's file holds values for all its stacks, which only the engine puts together.
    """
    try:
        whole = engine_yaml.load((folder / "Pulumi.yaml").read_bytes())
    except (OSError, YamlError):
        return NAMESPACE
    values = dict(whole.items.values()) if isinstance(whole, Map) else {}
    name, config = str(values.get("name") or NAMESPACE), values.get("config")
    for key, _ in config.items.values() if isinstance(config, Map) else ():
        if str(key).startswith(f"{NAMESPACE}:") or (":" not in str(key) and name == NAMESPACE):
            raise StackFileError(
                f"can't be read without the engine, because Pulumi.yaml beside it sets {key} for all stacks, and only "
                "the engine merges the two; move that key from Pulumi.yaml into the stacks' files"
            )
    return name


def sections(data: bytes, project: str = NAMESPACE) -> tuple[dict[str, Any], frozenset[str], tuple[str, ...]]:
    """This program's values in a stack's file, by key, the paths that are encrypted, and the keys of other namespaces.

    Raises:
        StackFileError: it is no stack's file.
    """
    try:
        whole = engine_yaml.load(data)
        values: dict[str, Any] = {}
        secret: set[str] = set()
        foreign_keys = []
        for name, value in configuration(whole):
            namespace, key = key_of(name if ":" in name else f"{project}:{name}")
            # The engine passes an empty value on as empty text.
            content = "" if value is None else as_engine(value)
            if namespace != NAMESPACE:
                foreign_keys.append(f"{namespace}:{key}")
                continue
            if key in values:
                raise YamlError(
                    f"holds {key} twice, once with its namespace and once without, and the engine takes either; remove "
                    "one"
                )
            values[key] = conceal(decode(content) if isinstance(content, str) else content, key, secret)
    except YamlError as error:
        raise StackFileError(str(error)) from None
    except RecursionError:
        raise StackFileError("is nested too deeply") from None
    return values, frozenset(secret), tuple(foreign_keys)


def configuration(whole: Any) -> list[tuple[str, Any]]:
    """Keys and values below ``config``."""
    if whole is None:
        return []
    if not isinstance(whole, Map):
        raise YamlError("must hold a map with the key `config`, itself a map of `kamaji-equinix:<key>`")
    if not whole.only_text:
        require_text(whole)
    values = dict(whole.items.values())
    for name in TEXTS:
        if isinstance(values.get(name), list | Map):
            raise YamlError(f"must hold text at {name}")
    config = values.get("config")
    if config is None:
        return []
    if not isinstance(config, Map):
        raise YamlError("must hold a map at `config`, of `kamaji-equinix:<key>`")
    require_text(config)
    return [(str(key), value) for key, value in config.items.values()]


def require_text(value: Any) -> None:
    """Keys of a stack's file are text."""
    for key, _ in value.items.values():
        if not isinstance(key, str):
            raise YamlError(f"has the key {key_text(key)}, which is no text; put it in quotes")


def key_of(name: str) -> tuple[str, str]:
    """Namespace and name of a key (ParseKey of go/common/resource/config/key.go).

    >>> key_of("aws:region"), key_of("aws:config:region")
    (('aws', 'region'), ('aws', 'region'))
    """
    parts = name.split(":")
    if len(parts) == 3 and parts[1] == "config":
        return parts[0], parts[2]
    if len(parts) != 2:
        raise YamlError(f"has the key {name!r}; keys are written as <namespace>:<name>")
    return parts[0], parts[1]


def as_engine(value: Any) -> Any:
    """A value as it arrives in a program, after the engine has written and read it again."""
    if isinstance(value, Timestamp):
        return value.engine
    if isinstance(value, float):
        return as_number(value)
    if isinstance(value, list):
        return [within(item) for item in value]
    if isinstance(value, str):
        return rewritten(value)
    if isinstance(value, Map):
        merge_again(value)
        texts: dict[str, Any] = {}
        spelt: set[str] = set()
        for key, item in value.items.values():
            text = key_text(key)
            if text in spelt:
                raise YamlError(f"has the key {text} twice, written in two ways; remove one")
            spelt.add(text)
            texts[key_name(key)] = None if key != key else within(item)
        return texts
    return value


def within(value: Any) -> Any:
    """A value in a list or map, which goes through JSON again: its whole numbers have 64 bits with a sign."""
    return as_number(float(value)) if isinstance(value, int) and value >= 2**63 else as_engine(value)


def merge_again(value: Map) -> None:
    """Merge the maps at a quoted key "<<": the engine writes the key without quotes, so that its second reading merges."""
    place = ("str", "<<")
    if place not in value.items:
        return
    _, sources = value.items.pop(place)
    for source in sources if isinstance(sources, list) else [sources]:
        if not isinstance(source, Map):
            raise YamlError("has the key << with a value that is neither a map nor a list of maps")
        merge_again(source)
        for key, item in source.items.values():
            if not value.has(key):
                value.put(key, item)


def rewritten(text: str) -> str:
    """Text of several lines after the engine has written it as a literal block (emitterc.go of yaml.v3), and read that.

    A line break at its begin takes the place of the one behind the block's sign, and is lost.
    """
    unprintable = any(not (letter in "\t\n" or " " <= letter <= "~" or "\xa0" <= letter <= "\ufffd") for letter in text)
    is_quoted = unprintable or "\ufeff" in text or text.endswith(" ") or re.search("[ ][\n\u2028\u2029]", text)
    if "\n" not in text or is_quoted:
        return text
    if text.startswith("\t"):
        raise YamlError(
            "holds text of several lines that begins with a tab, and the engine can't read that; store it another way"
        )
    return text[1:] if text[0] in "\n\u2028\u2029" else text


def as_number(value: float) -> int | float:
    """A floating-point number as Go's JSON writes it and Python's reads it: without a fraction it is a whole number."""
    if not math.isfinite(value):
        raise YamlError("holds infinity or NaN, which JSON can't hold")
    # By its shortest digits, as Go writes it: those behind them are zeros, not what a float of the size really holds.
    return int(Decimal(repr(value))) if value.is_integer() and abs(value) < 1e21 else value


def key_text(key: Any) -> str:
    """A map's key as the engine writes it into YAML."""
    if isinstance(key, Timestamp):
        return key.text
    if isinstance(key, str):
        return rewritten(key)
    return {True: "true", False: "false"}[key] if isinstance(key, bool) else "null" if key is None else go_number(key)


def key_name(key: Any) -> str:
    """A map's key that is no text, as the engine makes text of it (Go's ``%v``)."""
    if isinstance(key, Timestamp):
        return key.engine
    if isinstance(key, float) and not math.isfinite(key):
        return "NaN" if math.isnan(key) else f"{key:+}".title()
    return "<nil>" if key is None else "0" if isinstance(key, float) and key == 0 else key_text(key)


def go_number(value: str | int | float) -> str:
    """A number as Go writes it in its shortest form; text stays as it is.

    >>> go_number(6000.0), go_number(1e6), go_number(0.5)
    ('6000', '1e+06', '0.5')
    """
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    sign, parts, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, parts))
    first = len(digits) + int(exponent) - 1
    minus = "-" if sign else ""
    if first < -4 or first >= 6:
        fraction = f".{digits[1:]}" if digits[1:] else ""
        return f"{minus}{digits[0]}{fraction}e{first:+03}"
    return minus + format(Decimal(repr(abs(value))).normalize(), "f")


def decode(value: Any) -> Any:
    """A value that reached the program: an object arrives as JSON, plain text as it is."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def conceal(value: Any, path: str, secret: set[str]) -> Any:
    """A value with its encrypted parts replaced; their paths go to ``secret``."""
    if isinstance(value, dict):
        if set(value) == {"secure"} and isinstance(value["secure"], str):
            secret.add(path)
            return Placeholder(path)
        return {key: conceal(item, path_of(path, (key,)), secret) for key, item in value.items()}
    if isinstance(value, list):
        return [conceal(item, path_of(path, (index,)), secret) for index, item in enumerate(value)]
    return value
