"""Secrets in what others say of them: a chart's error, a plugin's, an API server's that quotes a value.

The engine hides the secrets of a stack's configuration in all that it prints. Those of an inline program are in none.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..components.settings.model import StackSettings
from ..components.settings.secret_texts import secret_texts

SHORTEST = 4
"""Characters of a secret that can be told from other words."""

SHORTEST_LINE = 8
"""The same of a single line of one: many of its lines are what other texts have, too, such as ``data:``."""

INSTEAD = "[secret]"
"""As the engine writes it."""


class SecretFilter:
    """Puts something else into the place of secrets."""

    def __init__(self, settings: StackSettings | None = None) -> None:
        """Hide the secrets of settings; the kubeconfig's aside, which always is in the stack's configuration."""
        clusters = settings.clusters if settings else ()
        texts = {text for tenant in clusters for text in secret_texts(tenant, SHORTEST, SHORTEST_LINE)}
        self._pattern = re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True)))) if texts else None

    def __call__(self, text: str) -> str:
        """A text without the secrets."""
        return self._pattern.sub(INSTEAD, text) if self._pattern else text

    def output(self, listener: Callable[[str], object] | None) -> Callable[[str], object] | None:
        """A listener to lines that hears none of the secrets."""
        return None if listener is None else lambda line: listener(self(line))
