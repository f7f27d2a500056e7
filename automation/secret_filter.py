"""Secrets in texts from elsewhere: the error of a chart, a plugin or an API server may quote a value.

The engine hides the secrets of a stack's configuration in its output. Those of an inline program are in no configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..components.settings.model import StackSettings
from ..components.settings.secret_texts import secret_texts

SHORTEST = 4
"""Least characters of a secret that is hidden: shorter ones occur in other words."""

SHORTEST_LINE = 8
"""The same for a single line of a secret: short lines such as ``data:`` occur in other texts."""

INSTEAD = "[secret]"
"""The engine's own placeholder."""


class SecretFilter:
    """Replaces secrets by a placeholder."""

    def __init__(self, settings: StackSettings | None = None) -> None:
        """Hide the secrets of settings, except the kubeconfig, which is always in the stack's configuration."""
        clusters = settings.clusters if settings else ()
        texts = {text for tenant in clusters for text in secret_texts(tenant, SHORTEST, SHORTEST_LINE)}
        self._pattern = re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True)))) if texts else None

    def __call__(self, text: str) -> str:
        """A text without the secrets."""
        return self._pattern.sub(INSTEAD, text) if self._pattern else text

    def output(self, listener: Callable[[str], object] | None) -> Callable[[str], object] | None:
        """A listener that gets lines without the secrets."""
        return None if listener is None else lambda line: listener(self(line))
