"""The tree as text: the columns and lines of ``clusterctl describe cluster``. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from .model import Node, Tree

HEADER = ("NAME", "READY", "SEVERITY", "REASON", "SINCE", "MESSAGE")

# clusterctl cuts messages here, to keep the table's dimension under control (cluster-api internal/util/tree).
MESSAGE_LIMIT = 100

_PADDING = "  "
_RESET = "\x1b[0m"
_GREEN, _RED, _YELLOW, _GREY, _BOLD = "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[90m", "\x1b[1m"


def rows(tree: Tree, *, now: datetime | None = None) -> list[tuple[str, str, str, str, str, str]]:
    """The cells of each row, tree lines included in the first, in the order of :data:`HEADER`.

    Args:
        now: the time that SINCE is counted to; the snapshot's own by default.
    """
    at = now or tree.snapshot.time
    return [cells for _, cells in _cells(tree.root, at)]


def draw(
    tree: Tree, width: int | None = None, color: bool = False, *, now: datetime | None = None, since: bool = True
) -> str:
    """The table, without the line end of its last row.

    Args:
        width: columns to fit into, by shortening MESSAGE; None shortens it as clusterctl does.
        color: whether to mark states with ANSI colours.
        now: the time that SINCE is counted to; the snapshot's own by default.
        since: False leaves SINCE empty, so that two drawings of an unchanged state are equal.
    """
    at = now or tree.snapshot.time
    table = [(None, HEADER), *((node, cells) for node, cells in _cells(tree.root, at))]
    if not since:
        table = [(node, (*cells[:4], cells[4] if node is None else "", cells[5])) for node, cells in table]
    widths = [max(len(cells[column]) for _, cells in table) for column in range(len(HEADER) - 1)]
    width_used = sum(widths) + len(_PADDING) * len(widths)
    room = MESSAGE_LIMIT + 4 if width is None else max(width - width_used, len(HEADER[-1]))
    lines = [_line(node, cells, widths, room, color) for node, cells in table]
    return "\n".join(lines)


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
    return " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in text).split())


def _cells(root: Node, now: datetime) -> Iterator[tuple[Node, tuple[str, str, str, str, str, str]]]:
    for prefix, node in _with_prefix(root, "", ""):
        title = prefix + node.title
        condition, failure = node.ready, node.failure
        if failure:
            yield node, (title, "", "Error", failure.reason, "", clean(failure.message))
        elif condition is None:
            yield node, (title, "", "", "", "", _members(node))
        else:
            age = human_duration((now - condition.since).total_seconds()) if condition.since else ""
            message = _members(node) or clean(condition.message)
            yield node, (title, condition.status, condition.severity, condition.reason, age, message)


def _with_prefix(node: Node, prefix: str, below: str) -> Iterator[tuple[str, Node]]:
    """Each row with its tree lines: ``own`` before the node itself, ``below`` before what hangs on it."""
    yield prefix, node
    for index, child in enumerate(node.children):
        last = index == len(node.children) - 1
        yield from _with_prefix(child, below + ("└─" if last else "├─"), below + ("  " if last else "│ "))


def _members(node: Node) -> str:
    if not node.members:
        return ""
    return "See " + ", ".join(node.members[:2]) + (", ..." if len(node.members) > 2 else "")


def _line(node: Node | None, cells: Sequence[str], widths: Sequence[int], room: int, color: bool) -> str:
    columns = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    columns.append(_shorten(cells[-1], room))
    if color:
        shade = _shade(node)
        for column in (0,) if node is None else (1, 2, 3):
            columns[column] = (
                f"{shade}{columns[column]}{_RESET}" if shade and columns[column].strip() else columns[column]
            )
    return _PADDING.join(columns).rstrip()


def _shade(node: Node | None) -> str:
    if node is None:
        return _BOLD
    if node.failure:
        return _RED
    if node.ready is None:
        return _GREY
    if node.ready.status == "True":
        return _GREEN
    return {"Error": _RED, "Warning": _YELLOW}.get(node.ready.severity, "")


def _shorten(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    return text[: max(room - 4, 1)].rstrip() + " ..."


def _two(first: int, unit: str, second: int, small: str) -> str:
    return f"{first}{unit}{second}{small}" if second else f"{first}{unit}"
