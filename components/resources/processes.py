"""Processes for the hand-offs of a stack with many clusters.

A hand-off waits for minutes, and the engine's process for dynamic resources serves four requests at a time
(``ThreadPoolExecutor(max_workers=4)`` in ``pulumi/dynamic/__main__.py``): a fifth hand-off, or any other dynamic resource,
would wait for one of the first four to end. A provider that is declared explicitly gets a process of its own, which costs
about 0.8 s of CPU time in each run. So a stack with few clusters leaves its hand-offs to the engine's own process.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from ..settings.model import ManagementSettings

THREADS = 4
"""Requests that one process serves at a time."""

SHARED_HANDOFFS = THREADS - 1
"""How many hand-offs may use the engine's own process: one thread stays free for all other dynamic resources."""

CONFIGURATION_KEY = "kamaji-equinix:management"


def handoff_providers(
    count: int, management: ManagementSettings | None = None, opts: pulumi.ResourceOptions | None = None
) -> list[pulumi.ProviderResource | None]:
    """The provider of each hand-off of a stack.

    Hand-offs keep their provider when more are added at the end.

    Args:
        count: number of hand-offs.
        management: credentials of the management cluster. An explicit provider gets these instead of the stack's
            configuration; a secret among them is stored as a secret. None where each hand-off has its own.
        opts: options of the providers.

    Returns:
        One entry per hand-off; None is the engine's own process.
    """
    if count <= SHARED_HANDOFFS:
        return [None] * count
    inputs = {} if management is None else {CONFIGURATION_KEY: configuration(management)}
    providers = [
        pulumi.ProviderResource("pulumi-python", f"hand-offs-{index + 1}", dict(inputs), opts)
        for index in range(-(-count // THREADS))
    ]
    return [providers[index // THREADS] for index in range(count)]


def configuration(management: ManagementSettings) -> pulumi.Input[str]:
    """The credentials as the stack's configuration has them: JSON, a secret where it holds a kubeconfig."""
    text = management.kubeconfig.get_secret_value() if management.kubeconfig else None
    values = {"kubeconfig": text, "kubeconfigPath": management.kubeconfig_path, "context": management.context}
    json_text = json.dumps({key: value for key, value in values.items() if value})
    return pulumi.Output.secret(json_text) if text else json_text
