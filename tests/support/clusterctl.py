"""The real ``clusterctl describe cluster``, of either generation."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import toolchain

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def describe(kubeconfig: Path, cluster: str, *words: str, version: str | None = None) -> str:
    """What it prints of a cluster of namespace ``default``.

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
