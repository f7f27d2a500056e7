"""The tree as text: the lines of ``clusterctl describe cluster``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .model import Node, Tree
from .table import HEADER, columns, table

# clusterctl 1.10 cuts messages here, to keep the table's dimension under control (cluster-api internal/util/tree).
MESSAGE_LIMIT = 100

_SPACE = 2
_RESET = "\x1b[0m"
_GREEN, _RED, _YELLOW, _GREY, _BOLD = "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[90m", "\x1b[1m"
_STATUS_COLOURS = {"True": _GREEN, "False": _RED, "Unknown": _YELLOW}


def draw(
    tree: Tree, width: int | None = None, color: bool = False, *, now: datetime | None = None, since: bool = True
) -> str:
    """The table, without the line end of its last row.

    Args:
        width: columns to fit into, by shortening MESSAGE to what fits into one line; with None a message is as clusterctl
            prints it: 1.10 shortens it, 1.13 breaks it into lines.
        color: whether to mark states with ANSI colours.
        now: the time that SINCE is counted to; the snapshot's own by default.
        since: False leaves SINCE empty, so that two drawings of an unchanged state are equal.
    """
    header = columns(tree)
    lines: list[tuple[Node | None, tuple[str, ...]]] = [(None, header)]
    for row in table(tree, now or tree.snapshot.time):
        cells = row.cells if since else _without(row.cells, header.index("SINCE"))
        if width is not None:
            lines.append((row.node, cells))
            continue
        lines.append((row.node, (*cells[:-1], row.lines[0])))
        empty = ("",) * (len(header) - 2)
        lines += [(None, (row.margin, *empty, line)) for line in row.lines[1:]]
    # clusterctl 1.13 leaves less space behind a heading than behind a cell.
    behind_heading = _SPACE - 1 if tree.snapshot.is_v1beta2 else _SPACE
    widths = [
        max(len(heading) + behind_heading, *(len(cells[column]) + _SPACE for _, cells in lines[1:]))
        for column, heading in enumerate(header[:-1])
    ]
    room: int | None = None
    if width is not None:
        room = max(width - sum(widths), len(header[-1]))
    elif not tree.snapshot.is_v1beta2:
        room = MESSAGE_LIMIT + 4
    shades = [_shades(node, header) if color else {} for node, _ in lines]
    if color:
        shades[0] = {0: _BOLD}
    return "\n".join(_line(cells, widths, room, shade) for (_, cells), shade in zip(lines, shades, strict=True))


def _without(cells: tuple[str, ...], column: int) -> tuple[str, ...]:
    return (*cells[:column], "", *cells[column + 1 :])


def _line(cells: Sequence[str], widths: Sequence[int], room: int | None, shades: dict[int, str]) -> str:
    line = [*cells[:-1], cells[-1] if room is None else _shorten(cells[-1], room)]
    spaces = [" " * (width - len(cell)) for cell, width in zip(cells, widths, strict=False)]
    for column, shade in shades.items():
        if shade and line[column]:
            line[column] = f"{shade}{line[column]}{_RESET}"
    return "".join(cell + space for cell, space in zip(line, [*spaces, ""], strict=True)).rstrip()


def _shades(node: Node | None, header: tuple[str, ...]) -> dict[int, str]:
    """The colour of each column that has one."""
    if node is None:
        return {}
    if header is HEADER:
        return dict.fromkeys((1, 2, 3), _shade(node))
    if node.failure:
        return {header.index("REASON"): _RED}
    return {header.index("STATUS"): _STATUS_COLOURS.get(node.condition.status, _GREY) if node.condition else _GREY}


def _shade(node: Node) -> str:
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
