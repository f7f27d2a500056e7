"""How cloud-init renders user data on a server that Metal3 has installed.

The kubeadm provider begins it with ``## template: jinja``, so cloud-init renders all of it with jinja2, with the server's
metadata as ``ds.meta_data``: that of the Metal3DataTemplate, and what Ironic adds. No other engine renders it before. jinja2
also reads the shell's ``${#name}`` as the beginning of a comment, and an unknown name becomes ``CI_MISSING_JINJA_VAR/name``
(cloudinit/templater.py).
"""

from __future__ import annotations

import re

from ..text import excerpt, place

_EXPRESSION = re.compile(r"\{\{-?\s*(?:(?:ds\.meta_data|v1)\.[A-Za-z_][A-Za-z0-9_.]*|'[^'\n]*')\s*-?\}\}")
_OPENING = re.compile(r"\{\{|\{%|\{#")

METADATA = re.compile(r"\{\{-?\s*ds\.meta_data\.([A-Za-z_][A-Za-z0-9_]*)")
"""Names of metadata that text uses."""

ESCAPE = "{{ '{{' }}"


def check_templates(text: str, *, is_quoted: bool) -> None:
    """Refuse text that jinja2 would fail on, or would misread.

    Args:
        text: a command, a file's content or another piece of user data.
        is_quoted: it arrives as a quoted string, which does not matter here.

    Raises:
        ValueError: says line, column, and how to write it instead.
    """
    position = 0
    while opening := _OPENING.search(text, position):
        if opening[0] != "{{":
            raise ValueError(
                f"{place(text, opening.start())} holds '{excerpt(text, opening.start())}': cloud-init's jinja2 takes "
                f"'{opening[0]}' for the beginning of a {'statement' if opening[0] == '{%' else 'comment'}; put such text "
                "into one of bootstrap.files, with encoding base64"
            )
        whole = _EXPRESSION.match(text, opening.start())
        if whole is None:
            raise ValueError(
                f"{place(text, opening.start())} holds '{excerpt(text, opening.start())}', which cloud-init's jinja2 would "
                "evaluate. Only ds.meta_data.KEY and v1.KEY may stand in braces; to keep braces as they are, write "
                f"{ESCAPE}"
            )
        position = whole.end()
