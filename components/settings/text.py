"""Text on its way into a machine's user data, and what happens to it there.

Cluster API's kubeadm provider writes commands as quoted strings (Go's ``%q``) and other text as it stands into a cloud-config
that begins with ``## template: jinja``; capp runs Go's ``text/template`` over the whole of it with one variable for workers,
``kubernetesVersion`` (cluster-api-provider-packet v0.9.0, pkg/cloud/packet/client.go); on the machine cloud-init renders what
is left with jinja2. So ``{{`` means Go, and ``{%`` and ``{#`` mean jinja2, which also reads the shell's ``${#name}`` as the
begin of a comment. A mistake here costs a machine that is bought and never joins.
"""

from __future__ import annotations

import re

LONGEST = 10240
"""Characters that the KubeadmConfigTemplate's schema allows a command or a file."""

_KNOWN = r"\.kubernetesVersion|`[^`]*`|/\*.*?\*/"
_ACTION = re.compile(r"\{\{(?:-\s+|\s*)(?:" + _KNOWN + r")(?:\s+-|\s*)\}\}", re.DOTALL)
_STRING_ACTION = re.compile(r"\{\{(?:-\s+|\s*)(?:" + _KNOWN + r'|"(?:[^"\\\n]|\\.)*")(?:\s+-|\s*)\}\}', re.DOTALL)
_OPENING = re.compile(r"\{\{|\{%|\{#")

ESCAPED = "{{ `{{ v1.instance_id }}` }}"


def templated(text: str, *, quoted: bool) -> str:
    """Refuse what one of the two template engines would break on.

    Args:
        text: a command, a file's content or another piece of user data.
        quoted: it arrives as a quoted string, within which Go templates can't use double quotes.

    Raises:
        ValueError: says line, column, which engine, and how to write it instead.
    """
    if len(text) > LONGEST:
        raise ValueError(f"is {len(text)} characters long; {LONGEST} is the limit")
    action = _ACTION if quoted else _STRING_ACTION
    position = 0
    while found := _OPENING.search(text, position):
        if found[0] != "{{":
            raise ValueError(
                f"{place(text, found.start())} holds '{excerpt(text, found.start())}': cloud-init's jinja2 takes "
                f"'{found[0]}' for the begin of a {'statement' if found[0] == '{%' else 'comment'}; put such text into a "
                "file with encoding base64"
            )
        whole = action.match(text, found.start())
        if whole is None:
            raise ValueError(
                f"{place(text, found.start())} holds '{excerpt(text, found.start())}', which capp's Go templating would "
                f"run and fail on; it knows {{{{ .kubernetesVersion }}}}, and text that shall keep its braces is written "
                f"{ESCAPED}"
            )
        position = whole.end()
    return text


def place(text: str, position: int) -> str:
    """Where a position is, counted from one.

    >>> place("a\\nbc", 3)
    'line 2, column 2'
    """
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def excerpt(text: str, position: int) -> str:
    """The begin of what stands at a position, on one line."""
    return text[position : position + 30].partition("\n")[0]


def one_line(text: str) -> str:
    """Text that stands unquoted in the cloud-config's YAML, as users' fields do.

    Raises:
        ValueError: YAML would read something else.
    """
    if (
        not text
        or text != text.strip()
        or re.search(r"[\n\r]|: | #|:$|[^\x20-\x7e]", text)
        or text[0] in "!&*{}[]|>@`%\"'#,?-"
    ):
        raise ValueError(
            "goes unquoted into the machine's YAML: it must be printable ASCII on one line, without ': ' and ' #', and not "
            "begin with a sign that YAML knows"
        )
    return templated(text, quoted=False)


def without_secret(text: str) -> str:
    """Refuse a private key: what lies in a template can be read by everyone who can read templates."""
    if "PRIVATE KEY-----" in text:
        raise ValueError(
            "holds a private key, which everyone who can read the template would see; put it into a Secret and name that in "
            "contentFrom.secret"
        )
    return text
