"""The real ``clusterctl describe cluster``, of either generation."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import toolchain
from toolchain.pins import NEWER_CLUSTER_API

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def describe(kubeconfig: Path, cluster: str, *words: str, version: str | None = None) -> str:
    """What it prints of a cluster, by default one of namespace ``default``.

    Args:
        kubeconfig: the management cluster's.
        cluster: the Cluster's name.
        words: further words of its command line.
        version: clusterctl's; None for the usual one.
    """
    command = [
        toolchain.program("clusterctl", version),
        "describe",
        "cluster",
        cluster,
        "--kubeconfig",
        kubeconfig,
        *words,
    ]
    # clusterctl 1.13 writes the tree of --v1beta2=false to its standard input (createObjectTreeV1Beta1 in
    # internal/util/tree/tree.go).
    with tempfile.TemporaryFile("w+") as input_:
        done = subprocess.run([*map(str, command)], stdin=input_, capture_output=True, text=True, check=False)
        input_.seek(0)
        text = done.stdout + input_.read()
    assert done.returncode == 0, f"clusterctl failed:\n{done.stderr}"
    return COLOURS.sub("", text)


def cells(tree: str, column: str = "READY", end: str = "SEVERITY") -> list[tuple[str, str]]:
    """NAME and one more column of each row of a status tree."""
    header, *rows = tree[tree.index("NAME") :].split("\n\n")[0].splitlines()
    left, right = header.index(column), header.index(end)
    name = re.search(r"NAME\s+", header)
    assert name is not None, f"no tree:\n{tree}"
    return [(row[: name.end()].rstrip(), row[left:right].strip()) for row in rows if row.strip()]


def newer_differences(
    status: Callable[[], str], kubeconfig: Path, cluster: str, *, namespace: str = "default"
) -> list[str]:
    """Trees of which one should be the other: NAME and READY as clusterctl 1.13 tells them, NAME also in its newer shape."""
    ours = status()
    words = ("--namespace", namespace)
    older = describe(kubeconfig, cluster, *words, "--v1beta2=false", version=NEWER_CLUSTER_API)
    newer = describe(kubeconfig, cluster, *words, version=NEWER_CLUSTER_API)
    same = cells(ours) == cells(older)
    names = [name for name, _ in cells(ours)] == [name for name, _ in cells(newer, "READY", "UP TO DATE")]
    return [ours, *([] if same else [older]), *([] if names else [newer])] if not (same and names) else []
