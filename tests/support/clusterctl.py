"""The real ``clusterctl describe cluster``, of either generation."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import toolchain
from toolchain.pins import NEWER_CLUSTER_API

NEWER_HEADER = ("NAME", "REPLICAS", "AVAILABLE", "READY", "UP TO DATE", "STATUS", "REASON", "SINCE", "MESSAGE")

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
    # It would ask GitHub for a newer version, which takes minutes where there is no network.
    environment = {**os.environ, "CLUSTERCTL_DISABLE_VERSIONCHECK": "true"}
    # clusterctl 1.13 writes the tree of --v1beta2=false to its standard input (createObjectTreeV1Beta1 in
    # internal/util/tree/tree.go).
    with tempfile.TemporaryFile("w+") as input_:
        process = subprocess.run(
            [*map(str, command)], env=environment, stdin=input_, capture_output=True, text=True, check=False
        )
        input_.seek(0)
        text = process.stdout + input_.read()
    assert process.returncode == 0, f"clusterctl failed:\n{process.stderr}"
    return COLOURS.sub("", text)


def cells(tree: str, column: str = "READY", end: str = "SEVERITY") -> list[tuple[str, str]]:
    """NAME and one more column of each row of a status tree."""
    header, *rows = tree[tree.index("NAME") :].split("\n\n")[0].splitlines()
    start, stop = header.index(column), header.index(end)
    name = re.search(r"NAME\s+", header)
    assert name is not None, f"no tree:\n{tree}"
    return [(row[: name.end()].rstrip(), row[start:stop].strip()) for row in rows if row.strip()]


def newer_table(tree: str) -> list[tuple[str, ...]]:
    """All cells but SINCE of each line of a status tree of clusterctl 1.13, its heading included."""
    lines = tree[tree.index("NAME") :].rstrip("\n").split("\n")
    starts = [lines[0].index(column) for column in NEWER_HEADER]
    since = NEWER_HEADER.index("SINCE")
    rows = []
    for line in lines:
        parts = [line[start:stop].rstrip() for start, stop in zip(starts, [*starts[1:], None], strict=True)]
        rows.append((*parts[:since], *parts[since + 1 :]))
    return rows


def older_differences(
    status: Callable[[], str], kubeconfig: Path, cluster: str, *, namespace: str = "default"
) -> list[str]:
    """Both trees where ours has not NAME and READY as clusterctl 1.13 tells them of contract v1beta1."""
    tree, words = status(), ("--namespace", namespace, "--v1beta2=false")
    upstream = describe(kubeconfig, cluster, *words, version=NEWER_CLUSTER_API)
    return [] if cells(tree) == cells(upstream) else [tree, upstream]


def newer_differences(
    status: Callable[[], str], kubeconfig: Path, cluster: str, *, namespace: str = "default"
) -> list[str]:
    """Both trees where ours is not the table of clusterctl 1.13, from NAME to MESSAGE, but for SINCE."""
    tree = status()
    upstream = describe(kubeconfig, cluster, "--namespace", namespace, version=NEWER_CLUSTER_API)
    return [] if newer_table(tree) == newer_table(upstream) else [tree, upstream]
