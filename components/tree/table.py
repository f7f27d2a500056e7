"""The cells of a status tree: columns and rows of ``clusterctl describe cluster``. Pure.

With contract v1beta1 the table is that of clusterctl 1.10, with v1beta2 that of 1.13, which also tells how many replicas are
available, ready and up to date, and breaks long messages into lines (cluster-api internal/util/tree).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from .model import Node, Tree

HEADER = ("NAME", "READY", "SEVERITY", "REASON", "SINCE", "MESSAGE")
"""Columns of contract v1beta1, and of :func:`rows`."""

NEWER_HEADER = ("NAME", "REPLICAS", "AVAILABLE", "READY", "UP TO DATE", "STATUS", "REASON", "SINCE", "MESSAGE")

LINE_LENGTH = 100
"""Bytes in a line of a message, in the newer table."""


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        node: what it says something of.
        margin: the tree lines that stand in NAME beside further lines of its message.
        cells: in the order of the columns, tree lines included in the first, and the message in one line.
        lines: the message as clusterctl breaks it; never empty.
    """

    node: Node
    margin: str
    cells: tuple[str, ...]
    lines: tuple[str, ...]


def columns(tree: Tree) -> tuple[str, ...]:
    """Headings of the columns of a tree's table."""
    return NEWER_HEADER if tree.snapshot.is_v1beta2 else HEADER


def cells(tree: Tree, *, now: datetime | None = None) -> list[tuple[str, ...]]:
    """The cells of each row, tree lines included in the first, in the order of :func:`columns`.

    Args:
        now: the time that SINCE is counted to; the snapshot's own by default.
    """
    return [row.cells for row in table(tree, now or tree.snapshot.time)]


def rows(tree: Tree, *, now: datetime | None = None) -> list[tuple[str, str, str, str, str, str]]:
    """Whether each row's object is ready, whatever the contract: cells in the order of :data:`HEADER`.

    Args:
        now: the time that SINCE is counted to; the snapshot's own by default.
    """
    at = now or tree.snapshot.time
    return [_older(node, prefix, at) for prefix, _, node in _with_lines(tree.root, "", "")]


def table(tree: Tree, now: datetime) -> Iterator[Row]:
    """The rows of a tree's table, from top to bottom.

    Args:
        tree: the tree.
        now: the time that SINCE is counted to.
    """
    for prefix, below, node in _with_lines(tree.root, "", ""):
        if tree.snapshot.is_v1beta2:
            newer = _newer(node, prefix, now)
            broken = node.condition and not node.members and not node.failure
            lines = paragraph(node.condition.message) if broken and node.condition else (newer[-1],)
            yield Row(node, below + ("│ " if node.children else ""), newer, lines)
        else:
            older = _older(node, prefix, now)
            yield Row(node, "", older, (older[-1],))


def human_duration(seconds: float) -> str:
    """A duration as kubectl and clusterctl write it, such as ``7m20s`` (apimachinery, util/duration.HumanDuration)."""
    whole = int(seconds)
    if whole < 0:
        return "<invalid>" if whole < -1 else "0s"
    minutes, hours = whole // 60, whole // 3600
    days = hours // 24
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    if days < 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def clean(text: str) -> str:
    """One line without control characters: what a controller wrote must not move the cursor of whoever reads it."""
    return " ".join(_printable(text).split())


def paragraph(text: str, length: int = LINE_LENGTH) -> tuple[str, ...]:
    """A message in lines, as clusterctl 1.13 breaks it: its own lines stay, a long one goes on below its first word.

    Args:
        text: the message.
        length: bytes that a line is shorter than, but for a longer word.
    """
    lines = []
    for whole in _printable(text).split("\n"):
        current = whole[: len(whole) - len(whole.lstrip(" "))]
        indent = current + ("  " if whole.strip().startswith("* ") else "")
        for word in re.split(r"\s+", whole):
            if _size(current) + _size(word) >= length:
                lines.append(current)
                current = indent + word
            else:
                current += f" {word}" if current.strip() else word
        lines.append(current)
    return tuple(line.rstrip() for line in lines)


def _older(node: Node, prefix: str, now: datetime) -> tuple[str, str, str, str, str, str]:
    title, condition, failure = prefix + node.title, node.ready, node.failure
    if failure:
        return title, "", "Error", failure.reason, "", clean(failure.message)
    if condition is None:
        return title, "", "", "", "", _members(node)
    message = _members(node) or clean(condition.message)
    return title, condition.status, condition.severity, condition.reason, _age(condition.since, now), message


def _newer(node: Node, prefix: str, now: datetime) -> tuple[str, ...]:
    condition, failure = node.condition, node.failure
    start = (prefix + node.title, *_counters(node))
    if failure:
        return *start, "", failure.reason, "", clean(failure.message)
    if condition is None:
        return *start, "", "", "", _members(node)
    message = _members(node) or clean(condition.message)
    return *start, condition.status, condition.reason, _age(condition.since, now), message


def _counters(node: Node) -> tuple[str, str, str, str]:
    counters = node.counters
    if counters is None:
        return "", "", "", ""
    replicas, available, ready, up_to_date = (
        "" if count is None else str(count)
        for count in (counters.replicas, counters.available, counters.ready, counters.up_to_date)
    )
    if counters.desired is not None:
        replicas += f"/{counters.desired}"
    return replicas, available, ready, up_to_date


def _age(since: datetime | None, now: datetime) -> str:
    return human_duration((now - since).total_seconds()) if since else ""


def _with_lines(node: Node, prefix: str, below: str) -> Iterator[tuple[str, str, Node]]:
    """Each row with its tree lines: before the node itself, and before what hangs on it."""
    yield prefix, below, node
    for index, child in enumerate(node.children):
        last = index == len(node.children) - 1
        yield from _with_lines(child, below + ("└─" if last else "├─"), below + ("  " if last else "│ "))


def _members(node: Node) -> str:
    if not node.members:
        return ""
    return "See " + ", ".join(node.members[:2]) + (", ..." if len(node.members) > 2 else "")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c.isspace() else "?" for c in text)


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))


def _two(first: int, unit: str, second: int, small: str) -> str:
    return f"{first}{unit}{second}{small}" if second else f"{first}{unit}"
