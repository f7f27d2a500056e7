"""What the console script prints as JSON, where that is more than one object of the typed API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...components import tree

NEWER_KEYS = ("name", "replicas", "available", "ready", "upToDate", "status", "reason", "since", "message")
"""Keys of the columns of contract v1beta2's table."""


def of_status(trees: Mapping[str, tree.Tree]) -> dict[str, Any]:
    """The status of each cluster, by its name.

    Each row tells whether its object is ready, whatever the contract. With contract v1beta2 it also has, under that key, the
    cells of its table.
    """
    return {name: _of_tree(status) for name, status in trees.items()}


def _of_tree(status: tree.Tree) -> dict[str, Any]:
    blockers = tree.all_blockers(status)
    return {
        "ready": not blockers,
        "blockedBy": _remark(blockers[0]) if blockers else None,
        "blockers": [{**_remark(blocker), "progress": blocker.is_progress} for blocker in blockers],
        "differences": list(map(_remark, tree.differences(status))),
        "rows": _rows(status),
    }


def _remark(blocker: tree.Blocker) -> dict[str, str]:
    return {"subject": blocker.subject, "reason": blocker.reason, "action": blocker.action}


def _rows(status: tree.Tree) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [dict(zip(map(str.lower, tree.HEADER), row, strict=True)) for row in tree.rows(status)]
    if status.snapshot.is_v1beta2:
        for row, cells in zip(rows, tree.cells(status), strict=True):
            row["v1beta2"] = dict(zip(NEWER_KEYS[1:], cells[1:], strict=True))
    return rows
