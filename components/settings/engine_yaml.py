"""YAML as Pulumi's engine reads it: gopkg.in/yaml.v3, which is neither YAML 1.1 nor 1.2.

The grammar is libyaml's, of which yaml.v3 is a port, so PyYAML's parser reads it. The meaning of plain text, the merging of
maps, duplicate keys and the limit of aliases follow its resolve.go and decode.go (v3.0.1), here and in ``engine_scalars``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from . import engine_escapes
from .engine_scalars import YamlError, resolve

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_PREFIX = "tag:yaml.org,2002:"


@dataclass
class Node:
    """A piece of a document.

    Attributes:
        kind: ``scalar``, ``map``, ``list`` or ``alias``.
        tag: short form; empty where none is given.
        text: of a scalar, or the name of an alias.
        plain: whether a scalar stands without quotes.
        parts: a list's entries; a map's keys and values in turn.
        target: of an alias.
        line: where it begins.
    """

    kind: str
    tag: str
    text: str = ""
    plain: bool = False
    parts: list[Node] = field(default_factory=list)
    target: Node | None = None
    line: int = 0

    def short_tag(self) -> str:
        """The tag that the content has, where none is given."""
        if self.kind == "alias" and self.target is not None:
            return self.target.short_tag()
        if self.kind == "scalar" and self.tag in ("", "!"):
            return "!!str" if not self.plain else "!!merge" if self.text == "<<" else resolve("", self.text)[0]
        return self.tag or {"map": "!!map", "list": "!!seq"}.get(self.kind, "")

    def is_merge(self) -> bool:
        """Whether this key merges another map."""
        return self.kind == "scalar" and self.text == "<<" and self.short_tag() == "!!merge"


class Map:
    """A map with any keys, in Go's sense of equality: 1, 1.0 and true differ."""

    def __init__(self, *, only_text: bool) -> None:
        """An empty map; ``only_text``: keys become text as they are written."""
        self.only_text = only_text
        self.items: dict[tuple[str, Any], tuple[Any, Any]] = {}

    def put(self, key: Any, value: Any) -> None:
        """Set a value."""
        self.items[type(key).__name__, key] = (key, value)

    def has(self, key: Any) -> bool:
        """Whether there is such a key."""
        return (type(key).__name__, key) in self.items


def load(data: bytes) -> Any:
    """The first document's content: text, numbers, booleans, None, lists, :class:`Map`, :class:`Timestamp`.

    Raises:
        YamlError: says what is wrong with it.
    """
    # Without the byte order mark, as the engine does.
    try:
        node = _first_document(data.removeprefix(b"\xef\xbb\xbf"))
        return None if node is None else _Decoder().value(node)
    except yaml.YAMLError as error:
        raise YamlError(f"is no YAML: {error}") from None
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise YamlError(f"is no text in UTF-8: {error}") from None
    except RecursionError:
        raise YamlError("is nested too deeply") from None


def _first_document(data: bytes) -> Node | None:
    """The nodes of the first document."""
    for _ in range(engine_escapes.MOST):
        try:
            return _Composer(data).document()
        except yaml.YAMLError as error:
            clean_data = engine_escapes.with_apostrophe(data, error)
            if clean_data is None:
                raise
            data = clean_data
    raise YamlError("holds too many apostrophes with a backslash before them")


class _Composer:
    """From the parser's events to nodes, of the first document only: the engine looks at no other."""

    def __init__(self, data: bytes) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(data, Loader=_PARSER))
        self._text = engine_escapes.as_text(data)
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node | None:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if event.version not in (None, (1, 1)):
                    raise YamlError(
                        "says that it is of another version of YAML than 1.1, the only one that the engine takes"
                    )
                return self._node(next(self._events))
        return None

    def _node(self, event: Any) -> Node:
        start, end = event.start_mark, event.end_mark
        line = start.line + 1
        if isinstance(event, yaml.AliasEvent):
            name = event.anchor or ""
            target = self._anchors.get(name)
            if target is None:
                raise YamlError(f"refers to an unknown anchor {name!r} in line {line}")
            return Node("alias", "", name, target=target, line=line)
        tag = event.tag or ""
        if tag.startswith(_PREFIX):
            tag = "!!" + tag.removeprefix(_PREFIX)
        if isinstance(event, yaml.ScalarEvent):
            if event.style == '"':
                engine_escapes.check(self._text[start.index : end.index], line)
            node = Node("scalar", tag, event.value, event.style in (None, ""), line=line)
            self._anchor(event, node)
            return node
        node = Node("map" if isinstance(event, yaml.MappingStartEvent) else "list", tag, line=line)
        # Set before its content is read: a node may contain itself, which the decoder notices.
        self._anchor(event, node)
        while not isinstance(inner := next(self._events), yaml.MappingEndEvent | yaml.SequenceEndEvent):
            node.parts.append(self._node(inner))
        return node

    def _anchor(self, event: Any, node: Node) -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = node


class _Decoder:
    """From nodes to values, with yaml.v3's limit of aliases."""

    def __init__(self) -> None:
        self._values = 0
        self._of_aliases = 0
        self._depth = 0
        self._open: set[int] = set()

    def value(self, node: Node) -> Any:
        self._count()
        if node.kind == "alias":
            if id(node) in self._open or node.target is None:
                raise YamlError(f"holds an anchor {node.text!r} whose value contains itself")
            self._open.add(id(node))
            self._depth += 1
            content = self.value(node.target)
            self._depth -= 1
            self._open.discard(id(node))
            return content
        if node.kind == "scalar":
            return scalar(node)
        if node.kind == "list":
            return [self.value(part) for part in node.parts]
        content = Map(only_text=all(key.short_tag() in ("!!str", "!!merge") for key in node.parts[::2]))
        self._fill(content, node, is_merge=False)
        return content

    def _count(self) -> None:
        self._values += 1
        self._of_aliases += self._depth > 0
        low, high = 400_000, 4_000_000
        limit = 0.99 - 0.89 * min(max(self._values - low, 0), high - low) / (high - low)
        if self._of_aliases > 100 and self._values > 1000 and self._of_aliases / self._values > limit:
            raise YamlError("contains excessive aliasing: what its aliases mean is far longer than the file")

    def _fill(self, content: Map, node: Node, *, is_merge: bool) -> None:
        pairs = list(zip(node.parts[::2], node.parts[1::2], strict=True))
        duplicates(pairs)
        merges = None
        for key_node, value_node in pairs:
            if key_node.is_merge():
                merges = value_node
                continue
            key = self._key(content, key_node)
            if key is _NO_KEY or (is_merge and content.has(key)):
                continue
            content.put(key, self.value(value_node))
        if merges is not None:
            self._merge(content, merges)

    def _key(self, content: Map, node: Node) -> Any:
        key = self.value(node)
        if isinstance(key, list | Map):
            raise YamlError(f"has a list or map for a key in line {node.line}")
        if not content.only_text or isinstance(key, str):
            return key
        target = node.target if node.kind == "alias" and node.target else node
        return _NO_KEY if key is None else target.text

    def _merge(self, content: Map, node: Node) -> None:
        sources = node.parts if node.kind == "list" else [node]
        for source in sources:
            target = source.target if source.kind == "alias" else source
            if target is None or target.kind != "map":
                raise YamlError(f"merges something else than a map or a list of maps in line {node.line}")
            self._count()
            is_alias = source.kind == "alias"
            if is_alias and id(target) in self._open:
                raise YamlError(f"holds an anchor {source.text!r} whose value contains itself")
            self._open.add(id(target))
            self._depth += is_alias
            self._fill(content, target, is_merge=True)
            self._depth -= is_alias
            self._open.discard(id(target))


_NO_KEY = object()


def duplicates(pairs: list[tuple[Node, Node]]) -> None:
    """Refuse a key that stands twice in a map, by its text alone, quotes or not."""
    lines: dict[tuple[str, str], int] = {}
    for key, _ in pairs:
        place = (key.kind, key.text)
        if place in lines:
            noun = f"key {key.text!r}" if key.kind == "scalar" else "a map or list as key"
            raise YamlError(f"has {noun} twice, in lines {lines[place]} and {key.line}")
        lines[place] = key.line


def scalar(node: Node) -> Any:
    """The value of a scalar."""
    if node.tag == "!!str" or (node.tag in ("", "!") and not node.plain):
        return node.text
    if node.plain and node.text == "<<" and node.tag in ("", "!"):
        return node.text
    tag = node.tag if node.tag not in ("", "!") else ""
    value_tag, value = resolve(tag, node.text)
    if value_tag == "!!binary":
        try:
            data = base64.b64decode(node.text.replace("\n", "").replace("\r", ""), validate=True)
        except (binascii.Error, ValueError):
            raise YamlError(f"holds !!binary that is no base64 in line {node.line}") from None
        # Each byte that is no UTF-8 becomes a sign of its own, as in Go's JSON.
        return re.sub("[\udc80-\udcff]", "\ufffd", data.decode("utf-8", "surrogateescape"))
    return value
