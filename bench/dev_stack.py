"""Shared by measurements on a lab: a temporary lab, and the dev stack on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.lab import Lab
from tests.support.project import Project, dev_sections

STACK = "dev"


@contextmanager
def temporary_lab(folder: Path, *options: str) -> Iterator[Lab]:
    """A lab whose nodes are Ready without a network plugin; it is removed at the end with all that is on it.

    Args:
        folder: folder of its files.
        options: further options of ``python -m lab up``.

    Raises:
        RuntimeError: it does not start.
    """
    lab = Lab(folder)
    if (result := lab.command("up", "--network", "provided", *options)).returncode != 0:
        raise RuntimeError(result.stdout)
    try:
        yield lab
    finally:
        lab.command("down")


def dev_project(folder: Path, lab: Lab, *, kubeconfig: Path | None = None, name: str = "") -> Project:
    """A project with the dev stack, before its first `pulumi up`.

    Args:
        folder: folder of its files.
        lab: the lab with the management cluster.
        kubeconfig: credentials in place of the lab's.
        name: name of the cluster in place of the dev stack's.
    """
    project = Project.make(folder, lab.environment())
    # Some containers forbid compiled modules beside their source; then each run would compile this package anew.
    project.environment.pop("PYTHONDONTWRITEBYTECODE", None)
    sections = dev_sections(kubeconfig or lab.kubeconfig)
    if name:
        sections["cluster"] = {**sections["cluster"], "name": name}
        sections["controlPlane"] = {**sections["controlPlane"], "name": name}
    project.configure(STACK, **sections)
    return project
