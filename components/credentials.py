"""Credentials of the management cluster, as the dynamic providers get them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from .access import AccessError


@dataclass(frozen=True)
class Credentials:
    """The settings of ``management``. The program has checked them; its models would cost the plugin 0.2 s of every run."""

    kubeconfig: str | None = field(default=None, repr=False)
    kubeconfig_path: str | None = None
    context: str | None = None

    @classmethod
    def of_config(cls, text: str | None) -> Credentials:
        """The credentials in the text of a stack's configuration value.

        Raises:
            AccessError: it is no object of texts with these names: a misspelt one must not lead to the default kubeconfig,
                and so to another cluster. The text is not quoted: it may be a kubeconfig.
        """
        try:
            found = json.loads(text) if text else {}
        except ValueError:
            found = None
        if (
            not isinstance(found, dict)
            or not found.keys() <= {"kubeconfig", "kubeconfigPath", "context"}
            or not all(isinstance(value, str | None) for value in found.values())
        ):
            raise AccessError(
                "kamaji-equinix:management is not as expected: an object with kubeconfig, kubeconfigPath, context"
            )
        return cls(found.get("kubeconfig"), found.get("kubeconfigPath"), found.get("context"))
