"""Refresh and destroy where the credentials of the last ``up`` do not work any more.

The engine takes the provider for both from the state: with a rotated token, or an API server that moved, it reaches nothing.
An engine that continues without a connection forgets the parts of a Cluster that it could not delete. So the management
cluster is asked first, and a destroy runs a program that registers only the provider, which renews it in the state. A refresh
doesn't, because the stack would lose the outputs that this program does not export.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulumi import automation

from ...components import stack as stack_program
from ...components.checks import preflight
from ...components.kube.access import AccessError
from ...components.kube.client import ApiError
from ...components.kube.management import Credentials, connect
from ...components.kube.objects import dig
from ...components.settings.namespace import NAMESPACE
from ...components.stack import CREDENTIALS_ONLY
from ..engine.answers import state_of
from ..engine.death import EngineDied
from ..errors import ConfigurationError, PreflightFailed
from .recovery import CLUSTER, finder, inside_tenant

if TYPE_CHECKING:
    from ...components.kube.client import Api

FAILURE = re.compile(r"^ *kubernetes:\S+ \((?P<name>.+)\):\n(?P<text>(?: {4,}.*\n?)+)", re.MULTILINE)
"""The engine's report of a resource that failed, with the lines below it."""

Connect = Callable[[automation.Stack], "Api"]
"""Gives the management cluster's API."""

STALE = re.compile(r"cluster is unreachable|provide credentials|Unauthorized")
"""Texts of pulumi-kubernetes about credentials that do not work."""


@dataclass(frozen=True)
class StackContents:
    """A stack's resources and its management cluster before a refresh or a destroy.

    Attributes:
        resources: of its state, secrets encrypted.
        api: the management cluster's, which answers; None where the state holds nothing.
    """

    resources: Sequence[dict[str, Any]]
    api: Api | None


def stack_contents(stack: automation.Stack, folder: Path | None, connect: Connect) -> StackContents:
    """The resources in a stack's state, and their management cluster.

    Args:
        stack: the stack; its workspace serves this one operation.
        folder: holds the program; None where the caller's process does.
        connect: gives the management cluster's API.

    Raises:
        PreflightFailed: the management cluster does not answer; nothing was changed.
    """
    resources = state_resources(stack)
    return StackContents(resources, live_api(stack, folder, connect) if resources else None)


def prepare(stack: automation.Stack, folder: Path | None, before: StackContents) -> bool:
    """Make a stack ready for a destroy.

    Args:
        stack: the stack; its workspace serves this one operation.
        folder: holds the program; None where the caller's process does.
        before: its resources and its management cluster.

    Returns:
        Whether the operation is to run the program, which then registers the provider alone. Another program than this
        package's might do anything in a destroy, and today's credentials may lead to another management cluster, in which
        the engine would take all its resources for deleted: in both cases the state's credentials are used.
    """
    api = before.api
    if api is None or not same_cluster(before.resources, api) or (folder is not None and not runs_stack(folder)):
        return False
    stack.workspace.env_vars = {**stack.workspace.env_vars, CREDENTIALS_ONLY: "1"}
    return True


@contextlib.contextmanager
def explain_failure(stack: automation.Stack, folder: Path | None, connect: Connect) -> Iterator[None]:
    """For a refresh that fails with the state's credentials, say what renews them. Arguments as of :func:`stack_contents`.

    Raises:
        PreflightFailed: the management cluster does not answer, or not to those credentials; nothing was changed.
    """
    api = stack_contents(stack, folder, connect).api
    try:
        yield
    except automation.CommandError as error:
        if api is None or isinstance(error, EngineDied) or not STALE.search(str(error)):
            raise
        if silent := silent_tenants(state_resources(stack), str(error)):
            raise PreflightFailed(
                f"the management cluster answers, but not the tenant cluster{'s' if len(silent) > 1 else ''} "
                f"{', '.join(silent)}: what add-ons have there could not be compared. Nothing was changed. `kamaji-equinix "
                "status` tells how the control plane is; `kamaji-equinix up` compares all else meanwhile",
                output=str(error),
                stack=stack.name,
            ) from error
        raise PreflightFailed(
            f"the management cluster {api.access.server} answers, but not to the credentials that the stack's state holds, "
            "which are those of the last `up`; `up` renews them. Nothing was changed.",
            output=str(error),
            stack=stack.name,
        ) from error


def silent_tenants(resources: Sequence[Mapping[str, Any]], output: str) -> list[str]:
    """Names of the tenant clusters that a refresh has not reached, where nothing else has failed.

    Args:
        resources: of the state.
        output: the engine's, with the reason below the name of each resource that failed.
    """
    failed_names = {match["name"] for match in FAILURE.finditer(output) if STALE.search(match["text"])}
    failures = [resource for resource in resources if resource["urn"].rpartition("::")[2] in failed_names]
    if not failures or not all(map(inside_tenant, failures)):
        return []
    return sorted({resource["provider"].split("::")[-2].removesuffix("-tenant") for resource in failures})


def state_resources(stack: automation.Stack) -> list[dict[str, Any]]:
    """The resources of the state, secrets encrypted."""
    resources: list[dict[str, Any]] = state_of(stack)["deployment"].get("resources") or []
    return resources


def live_api(stack: automation.Stack, folder: Path | None, connect: Connect) -> Api:
    """The management cluster's API, by today's credentials.

    Raises:
        PreflightFailed: it does not answer.
    """
    try:
        api = connect(stack)
    except ConfigurationError:
        # The settings are wrong, but their credentials may be right.
        api = api_of_config(stack, folder)
    if why := preflight.no_answer(api):
        raise PreflightFailed(f"{why}\nnothing was deleted or changed", stack=stack.name, seen=why)
    return api


def api_of_config(stack: automation.Stack, folder: Path | None) -> Api:
    """The management cluster's API, by the stack's setting ``management`` alone.

    Raises:
        PreflightFailed: it can't be used.
    """
    management = stack.get_all_config().get(f"{NAMESPACE}:management")
    try:
        return connect(Credentials.of_config(management.value if management else None), folder)
    except AccessError as error:
        raise PreflightFailed(str(error), stack=stack.name, seen=str(error)) from error


def same_cluster(resources: Sequence[Mapping[str, Any]], api: Api) -> bool:
    """Whether an API is that of the management cluster in which the state's Clusters were made.

    A Cluster is recognised by its UID; for one that does not exist the address that the hand-off has stored counts.
    """
    servers = {
        dig(resource, "outputs", "server")
        for resource in resources
        if resource["type"].endswith(":ControlPlaneEndpoint")
    }
    find = finder(api)
    for resource in resources:
        if not CLUSTER.match(resource["type"]):
            continue
        try:
            live_cluster = find(resource["inputs"])
        except ApiError:
            return False
        if live_cluster is None and servers == {api.access.server}:
            continue
        if dig(live_cluster, "metadata", "uid") != dig(resource, "outputs", "metadata", "uid"):
            return False
    return True


def runs_stack(folder: Path) -> bool:
    """Whether the program of a folder only runs this package's own, and can register nothing else: it imports no Pulumi."""
    try:
        program = ast.parse((folder / "__main__.py").read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return False
    names: dict[str, str] = {}
    for node in ast.walk(program):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    calls = {ast.unparse(node.func) for node in ast.walk(program) if isinstance(node, ast.Call)}
    runs = any(f"{name}.run" in calls for name, module in names.items() if module == stack_program.__name__)
    return runs and not any(module.partition(".")[0].startswith("pulumi") for module in names.values())
