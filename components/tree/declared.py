"""Reading the objects that a cluster's settings declare, and the templates that its MachineDeployments name.

Nothing else in the tree shows that one of them is gone: a host without a machine has no row, and a template is needed only
for the next machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ..capi.reading import Failure, Json, deletion_time, name
from ..kube.objects import dig
from .model import ListResult, ReadResult, Reference
from .references import Reader, References, get
from .request import DeclaredObject

THREADS = 8
"""Objects that are read at a time: a rack has two for each server."""

TEMPLATES = (("infrastructureRef",), ("bootstrap", "configRef"))
"""Where a MachineDeployment's machines name their templates."""


def read(
    reader: Reader, namespace: str, deployments: ListResult, objects: Iterable[DeclaredObject]
) -> Mapping[str, ReadResult]:
    """The answer for each object, by its subject.

    Args:
        reader: of the management cluster.
        namespace: the Cluster's namespace.
        deployments: the Cluster's MachineDeployments; one that is missing is told by itself, without what belongs to it.
        objects: what the settings declare.
    """
    living = (
        {}
        if isinstance(deployments, Failure)
        else {name(item): item for item in deployments if not deletion_time(item)}
    )
    targets = [item for item in objects if _counts(item, living)]
    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(partial(_object, reader, namespace), targets))
    declared: dict[str, ReadResult] = {item.subject: answer for item, answer in zip(targets, answers, strict=True)}
    references = References(reader)
    for deployment in living.values():
        for reference in template_references(deployment, namespace):
            if reference.subject not in declared and (answer := references.read(reference)) is not None:
                declared[reference.subject] = answer
    return declared


def template_references(deployment: Json, namespace: str) -> list[Reference]:
    """The templates that a MachineDeployment's machines are made from."""
    machine = dig(deployment, "spec", "template", "spec")
    references = (Reference.parse(dig(machine, *path), namespace) for path in TEMPLATES)
    return [reference for reference in references if reference]


def _counts(item: DeclaredObject, deployments: Mapping[str, Json]) -> bool:
    if not item.deployment:
        return True
    deployment = deployments.get(item.deployment)
    if deployment is None:
        return False
    return not item.template or item.template in [reference.name for reference in template_references(deployment, "")]


def _object(reader: Reader, namespace: str, item: DeclaredObject) -> ReadResult:
    answer = get(reader, item.kind.path(namespace, item.name), item.subject)
    if isinstance(answer, Failure) or item.kind.name != "Secret":
        return answer
    # Its content is nobody's business here.
    return {"apiVersion": item.kind.api_version, "kind": item.kind.name, "metadata": answer.get("metadata")}
