"""Text on its way into a machine's user data.

Cluster API's kubeadm provider writes commands as quoted strings (Go's ``%q``) and other text as it stands into a
cloud-config. The next steps depend on the infrastructure provider: its settings judge which text arrives as it is meant. A
mistake here costs a machine that is bought and never joins.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

LONGEST = 10240
"""Characters that the KubeadmConfigTemplate's schema allows a command or a file."""

USER_DATA = "user_data"
"""Key of the infrastructure provider's check in the context of a validation."""


class UserDataCheck(Protocol):
    """How an infrastructure provider judges text that goes into user data."""

    def __call__(self, text: str, *, is_quoted: bool) -> None:
        """Refuse what does not arrive as it is meant.

        Args:
            text: a command, a file's content or another piece of user data.
            is_quoted: it arrives as a quoted string.

        Raises:
            ValueError: says where, why, and how to write it instead.
        """


class Validation(Protocol):
    """The facts that pydantic passes to a validator."""

    @property
    def context(self) -> Any:
        """The context that the caller gave, or None."""


def user_data(text: str, validation: Validation, *, is_quoted: bool) -> str:
    """Text that arrives on the machine as it is meant.

    Raises:
        ValueError: it doesn't.
    """
    if len(text) > LONGEST:
        raise ValueError(f"is {len(text)} characters long; {LONGEST} is the limit")
    if "\0" in text:
        raise ValueError(f"holds a NUL at {place(text, text.index(chr(0)))}, which shells and text files can't hold")
    check: UserDataCheck | None = (validation.context or {}).get(USER_DATA)
    if check:
        check(text, is_quoted=is_quoted)
    return text


def place(text: str, position: int) -> str:
    """Where a position is, counted from one.

    >>> place("a\\nbc", 3)
    'line 2, column 2'
    """
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def excerpt(text: str, position: int) -> str:
    """The beginning of the text at a position, on one line."""
    return text[position : position + 30].partition("\n")[0]


def single_line(text: str, validation: Validation) -> str:
    """Text that is unquoted in the cloud-config's YAML, as users' fields are.

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
            "is written into the machine's YAML without quotes: it must be printable ASCII on one line, without ': ' "
            "and ' #', and not begin with a character that means something in YAML"
        )
    return user_data(text, validation, is_quoted=False)


def without_secret(text: str) -> str:
    """Refuse a private key in clear: everyone who can read templates could read it."""
    if "PRIVATE KEY-----" in text:
        raise ValueError(
            "holds a private key, which everyone who may read the bootstrap template could read; store it as a secret, "
            "by `pulumi config set --path --secret`, or put it into a Secret and name that in contentFrom.secret"
        )
    return text
