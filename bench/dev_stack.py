"""What measurements on a lab share: a lab of their own, and the dev stack on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.lab import Lab
from tests.support.project import Project, dev_sections

STACK = "dev"


@contextmanager
def own_lab(folder: Path, *options: str) -> Iterator[Lab]:
    """A lab whose nodes are Ready without a network plugin; it goes with whatever is on it.

    Args:
        folder: for its files.
        options: further ones of ``python -m lab up``.

    Raises:
        RuntimeError: it does not start.
    """
    lab = Lab(folder)
    if (started := lab.command("up", "--network", "provided", *options)).returncode != 0:
        raise RuntimeError(started.stdout)
    try:
        yield lab
    finally:
        lab.command("down")


def dev_project(folder: Path, lab: Lab, *, kubeconfig: Path | None = None, name: str = "") -> Project:
    """A project with the dev stack, which is not up yet.

    Args:
        folder: for its files.
        lab: with the management cluster.
        kubeconfig: other credentials than the lab's own.
        name: of the cluster, where it is not to be the dev stack's.
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
