"""Secrets in what others say of them: a chart's error, a plugin's, an API server's that quotes a value.

The engine hides the secrets of a stack's configuration in all that it prints. Those of an inline program are in none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ..components.manifests.addon_secrets import encodings
from ..components.settings.model import StackSettings
from ..components.settings.secrets import secrets_in

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
        texts = {text for tenant in settings.clusters for text in secret_texts(tenant)} if settings else set()
        self._pattern = re.compile("|".join(map(re.escape, sorted(texts, key=len, reverse=True)))) if texts else None

    def __call__(self, text: str) -> str:
        """A text without the secrets."""
        return self._pattern.sub(INSTEAD, text) if self._pattern else text

    def output(self, listener: Callable[[str], object] | None) -> Callable[[str], object] | None:
        """A listener to lines that hears none of the secrets."""
        return None if listener is None else lambda line: listener(self(line))


def secret_texts(value: Any) -> Iterator[str]:
    """The secrets in settings and their lines: as they are, and as JSON, a URL, or base64 amid other text writes them."""
    for text in secrets_in(value):
        lines = (line.strip() for line in text.splitlines())
        for each in (text.strip(), *(line for line in lines if len(line) >= SHORTEST_LINE)):
            if len(each) >= SHORTEST:
                yield from encodings(each)
