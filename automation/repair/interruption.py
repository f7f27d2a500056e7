"""What a destroy that was stopped has left, and what comes next: machines and servers do not stop with the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...components import providers
from ...components.capi.manifest import CLUSTER_LABEL
from ...components.kube.client import Api, ApiError
from ...components.kube.objects import Kind, Kube, dig
from .recovery import CLUSTER, declared_resources, finder, name_of

MOST_NAMES = 10
"""How many objects are named."""

NEXT = (
    "`kamaji-equinix destroy --stack {stack}` deletes what is left, and waits until it is gone; `kamaji-equinix up --stack "
    "{stack}` waits for the end of what is being deleted, and creates it again"
)


def report(api: Api, resources: Iterable[Mapping[str, Any]], stack: str) -> str:
    """What is left, in words, and what to do.

    Args:
        api: the management cluster's.
        resources: of the stack's state before the destroy.
        stack: the stack's name.
    """
    advice = NEXT.format(stack=stack)
    try:
        names = list(living(api, resources))
    except ApiError as error:
        return f"what is left can't be read ({error}): machines and servers may still be on. What to do: {advice}"
    if not names:
        return (
            "no Cluster, machine or host of the stack is left. What to do: "
            f"`kamaji-equinix destroy --stack {stack}` clears the stack's state and waits for what hung on its clusters"
        )
    texts = names[:MOST_NAMES] + ([f"{len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else [])
    return f"the destroy has left {'; '.join(texts)}. They stay on until they are deleted. What to do: {advice}"


def living(api: Api, resources: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The Clusters, their machines and the hosts that exist, each with its state.

    Raises:
        ApiError: the management cluster does not answer.
    """
    objects, find, hosts = declared_resources(resources), finder(api), providers.hosts()
    for resource in objects:
        inputs = resource["inputs"]
        is_cluster, provider = CLUSTER.match(resource["type"]), hosts.get(str(inputs["kind"]))
        if not is_cluster and provider is None:
            continue
        live_object = find(inputs)
        if live_object is None or dig(live_object, "metadata", "uid") != dig(resource, "outputs", "metadata", "uid"):
            continue
        is_going = bool(dig(live_object, "metadata", "deletionTimestamp"))
        states = ["being deleted, which goes on by itself" if is_going else "not deleted yet"]
        if provider is not None and (use := provider.use_of(live_object)):
            states.append(use)
        yield f"{name_of(inputs)} ({', '.join(states)})"
        if is_cluster:
            yield from machines(api, inputs)


def machines(api: Api, cluster: Mapping[str, Any]) -> Iterator[str]:
    """The Machines of a Cluster."""
    metadata = cluster["metadata"]
    kind = Kind(str(cluster["apiVersion"]), "Machine", "machines")
    for item in Kube(api, metadata["namespace"]).items(kind, {CLUSTER_LABEL: metadata["name"]}, content=False):
        yield f"Machine {metadata['namespace']}/{item['metadata']['name']}"
