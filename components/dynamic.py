"""What the dynamic providers share: the credentials of the management cluster, and a line of progress.

The state names providers by the paths of their classes (``endpoint``, ``answer``, ``rollout``), never this one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pulumi.dynamic import ConfigureRequest, ResourceProvider

from .handoff.state import UNSTORED_INPUTS
from .kube.plain_text import single_line
from .sdk.serialization import preserve_pickle

if TYPE_CHECKING:
    from .kube.client import Api

preserve_pickle()


class ManagementProvider(ResourceProvider):
    """A dynamic provider that asks the management cluster. It has no attributes that would be stored with it."""

    serialize_as_secret_always = False
    _configuration: str | None = None

    def configure(self, req: ConfigureRequest) -> None:
        """Take the credentials of this run's configuration, also for refresh and destroy."""
        self._configuration = req.config.get("kamaji-equinix:management")

    def api(self, props: Mapping[str, Any], *, patience: float | None = None) -> Api:
        """The management cluster's API, by the credentials among a resource's properties, else by those of the run.

        Args:
            props: the resource's.
            patience: seconds for which a request is made again where the server asks for that; None means the client's own.

        Raises:
            AccessError: the credentials can't be used.
        """
        # Most processes of this provider only compare, and ask the management cluster nothing.
        from .kube.client import READ_SECONDS
        from .kube.management import Credentials, connect

        kubeconfig = props.get("kubeconfig")
        credentials = Credentials(kubeconfig=kubeconfig) if kubeconfig else Credentials.of_config(self._configuration)
        return connect(credentials, patience=READ_SECONDS if patience is None else patience)


def state_properties(props: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a resource that are stored in the state."""
    return {key: value for key, value in props.items() if key not in UNSTORED_INPUTS}


def tell(id_: str, line: str) -> None:
    """Write a line of progress: the engine passes on what a plugin writes to stderr."""
    print(single_line(f"{id_}: {line}"), file=sys.stderr, flush=True)
