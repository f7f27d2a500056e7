"""How capp and cloud-init render user data.

capp runs Go's ``text/template`` over the whole of it with one variable for workers, ``kubernetesVersion``
(cluster-api-provider-packet v0.9.0, pkg/cloud/packet/client.go); on the machine cloud-init renders what is left with jinja2,
because the kubeadm provider begins it with ``## template: jinja``. So ``{{`` means Go, and ``{%`` and ``{#`` mean jinja2,
which also reads the shell's ``${#name}`` as the beginning of a comment.
"""

from __future__ import annotations

import re

from ..text import excerpt, place

_ACTION_CONTENT = r"\.kubernetesVersion|`[^`]*`|/\*.*?\*/"
_ACTION = re.compile(r"\{\{(?:-\s+|\s*)(?:" + _ACTION_CONTENT + r")(?:\s+-|\s*)\}\}", re.DOTALL)
_STRING_ACTION = re.compile(
    r"\{\{(?:-\s+|\s*)(?:" + _ACTION_CONTENT + r'|"(?:[^"\\\n]|\\.)*")(?:\s+-|\s*)\}\}', re.DOTALL
)
_OPENING = re.compile(r"\{\{|\{%|\{#")

ESCAPE = "{{ `{{ v1.instance_id }}` }}"


def check_templates(text: str, *, is_quoted: bool) -> None:
    """Refuse what one of the two template engines would break on.

    Args:
        text: a command, a file's content or another piece of user data.
        is_quoted: it arrives as a quoted string, within which Go templates can't use double quotes.

    Raises:
        ValueError: says line, column, which engine, and how to write it instead.
    """
    action = _ACTION if is_quoted else _STRING_ACTION
    position = 0
    while opening := _OPENING.search(text, position):
        if opening[0] != "{{":
            noun = "a statement" if opening[0] == "{%" else "a comment"
            raise ValueError(
                f"{place(text, opening.start())} holds '{excerpt(text, opening.start())}': for cloud-init's jinja2 "
                f"'{opening[0]}' begins {noun}; put such text into one of bootstrap.files, with encoding base64"
            )
        whole = action.match(text, opening.start())
        if whole is None:
            raise ValueError(
                f"{place(text, opening.start())} holds '{excerpt(text, opening.start())}', which capp's Go templating "
                f"would run and fail on. Only {{{{ .kubernetesVersion }}}} may stand in braces; to keep braces as they "
                f"are, write {ESCAPE}"
            )
        position = whole.end()
