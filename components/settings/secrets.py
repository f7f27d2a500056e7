"""Values that are stored as secrets: which they are, and how they go through the settings without being shown.

From here on such a value is pydantic's ``SecretStr``, which no text, message or dump shows. Only the fields that Kubernetes
can keep apart accept one; elsewhere it is refused, because it would end in clear in a manifest.

The engine reports only that something below a top-level key is a secret (``PULUMI_CONFIG_SECRET_KEYS``). The stack's file
shows which value it is: that one is encrypted there. The file is compared with the engine's values, and only a value that is
in clear in both counts as no secret: so another file, or an environment of Pulumi's cloud, can at worst conceal too much.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError, ValidatorFunctionWrapHandler
from pydantic_core import PydanticCustomError

from .report import NOTHING, Placeholder, Problem, below, path_of, shorten
from .text import without_secret

SECURE = {"anyOf": [{"type": "object", "properties": {"secure": {"type": "string"}}}, {"type": "string"}]}
"""JSON schema of text that may be encrypted."""

SECRET_RULE = "secret_rule"  # noqa: S105 - a name
"""Type of pydantic's mistake for a secret in a field that accepts one; its message does not quote the secret."""

SHORTEST_QUOTE = 4
"""Characters of a secret that count as a quotation of it."""

UNPRINTABLE = "[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""Characters that cloud-init's YAML does not accept in a block of text, or takes for the end of a line. Not compiled here,
because that takes longer than to import this module, and few stacks have a secret in a machine's bootstrap."""

ARGUMENTS = "a program's arguments are readable in its manifest and in the list of processes of its machine"
FILE = "put the secret into a file (one of bootstrap.files, whose content may be a secret) and name the file here"

REASONS = (
    (".kubeletExtraArgs", f"{ARGUMENTS}: {FILE}"),
    (
        ".extraArgs",
        f"{ARGUMENTS}, and Kamaji knows no other way to pass them: store a value in clear that is no secret",
    ),
    (
        ".files",
        "of a file only the content can be a secret: store that as a secret, and all else in clear",
    ),
    (
        ".bootstrap",
        "of bootstrap only commands, postCommands and the content of files can be secrets: store those as secrets one "
        "by one, and all else in clear",
    ),
    ("management.", "messages show it: store only management.kubeconfig as a secret, and this in clear"),
)
"""Why a secret can't stand below a key, and what to do instead."""

ELSEWHERE = (
    "here it could be read in the management cluster or in Pulumi's state. If it need not be secret, store it in "
    "clear: `pulumi config set --path 'kamaji-equinix:{path}' VALUE`"
)


def secrets_in(value: Any) -> Iterator[str]:
    """Each secret within settings, or within values of no fixed shape, in clear; defaults hold none."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in value.model_fields_set:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item)


def seal(value: Any, path: str, secret_paths: Collection[str]) -> Any:
    """A copy of plain values in which each value that is stored as a secret is a ``SecretStr``.

    Args:
        value: maps, lists and scalars.
        path: its path.
        secret_paths: paths of the secrets; a path means all below it.
    """
    if isinstance(value, Mapping):
        return {key: seal(item, path_of(path, (key,)), secret_paths) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [seal(item, path_of(path, (index,)), secret_paths) for index, item in enumerate(value)]
    if value is None or isinstance(value, SecretStr) or not any(below(path, secret) for secret in secret_paths):
        return value
    return SecretStr(value if isinstance(value, str) else shorten(value))


def secret_value_paths(secret_paths: Collection[str]) -> frozenset[str]:
    """The paths whose values are never shown.

    ``management`` may be a secret as a whole, as older versions of this program stored it. Then only its kubeconfig is
    secret; messages show the names of a context and of a file beside it, as they do for those within a kubeconfig.
    """
    return frozenset("management.kubeconfig" if path == "management" else path for path in secret_paths)


def secret_paths_of(values: Mapping[str, Any], keys: Collection[str], file_values: Mapping[str, Any]) -> frozenset[str]:
    """The paths of secrets below keys of which the engine reports only that they contain one.

    Args:
        values: the engine's values by key.
        keys: the keys that contain a secret.
        file_values: the values of the stack's file by key, with ``Placeholder`` for encrypted ones; empty without a file.
    """
    return frozenset(
        path for key in keys if key in values for path in differences(values[key], file_values.get(key), key)
    )


def differences(value: Any, file_value: Any, path: str) -> Iterator[str]:
    """The paths at which a value differs from the clear value in the stack's file."""
    if isinstance(value, Mapping) and value and isinstance(file_value, Mapping):
        for key, item in value.items():
            yield from differences(item, file_value.get(key, NOTHING), path_of(path, (str(key),)))
    elif isinstance(value, list) and value and isinstance(file_value, list):
        for index, item in enumerate(value):
            yield from differences(
                item, file_value[index] if index < len(file_value) else NOTHING, path_of(path, (index,))
            )
    elif isinstance(file_value, SecretStr) or type(value) is not type(file_value) or value != file_value:
        yield path


def whole_keys(values: Mapping[str, Any], secret_paths: Collection[str]) -> Iterator[Problem]:
    """Keys that are secret as a whole, although only parts of them can be kept apart."""
    for key in sorted(secret_paths):
        value = values.get(key)
        if key != "management" and (isinstance(value, Placeholder) or (isinstance(value, Mapping | list) and value)):
            yield Problem(
                key,
                "is stored as one secret, but the program must read most of it in clear. Store only the parts that are "
                f"secret as secrets, each by `pulumi config set --path --secret 'kamaji-equinix:{key}...'`, and all "
                "else in clear. If the stack's file is not Pulumi.<stack>.yaml beside Pulumi.yaml, name it in the "
                "environment variable KAMAJI_EQUINIX_STACK_FILE, so that this program sees which parts are encrypted",
            )


def refusal(path: str) -> str:
    """Why the value at a path can't be a secret, and what to do."""
    for part, reason in REASONS:
        if part in path:
            return f"is stored as a secret, but {reason}"
    return f"is stored as a secret, but {ELSEWHERE.format(path=path)}"


def check_secret(value: Any, check: ValidatorFunctionWrapHandler) -> str | SecretStr:
    """A text that is checked, and stays a secret where it is one.

    Raises:
        ValueError: of the check, or for a private key that is no secret.
        PydanticCustomError: of the check of a secret, without quoting it.
    """
    if not isinstance(value, SecretStr):
        text: str = check(without_secret(value) if isinstance(value, str) else value)
        return text
    if not isinstance(value, Placeholder):
        secret = value.get_secret_value()
        try:
            check(secret)
        except ValidationError as error:
            message = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
            raise PydanticCustomError(SECRET_RULE, "{rule}", {"rule": mask(message, secret)}) from None
    return value


def check_secret_command(value: Any, check: ValidatorFunctionWrapHandler) -> str | SecretStr:
    """Like :func:`check_secret`, for a command: a secret one becomes a file's content, which allows fewer characters."""
    result = check_secret(value, check)
    text = reveal(result) if isinstance(result, SecretStr) else None
    if text and re.search(UNPRINTABLE, text):
        raise PydanticCustomError(
            SECRET_RULE,
            "{rule}",
            {
                "rule": "holds a control character, and a secret command becomes a file, which can't hold one; write "
                "it as an escape"
            },
        )
    return result


def mask(message: str, secret: str) -> str:
    """A message without its quotations of a secret.

    >>> mask("line 1 holds 'hunter2!', which is wrong", "x hunter2! y")
    "line 1 holds '…', which is wrong"
    """
    length = max(min(len(secret), SHORTEST_QUOTE), 1)
    starts = (start for start in range(len(message) - length + 1) if message[start : start + length] in secret)
    hidden = {index for start in starts for index in range(start, start + length)}
    return re.sub("\0+", "…", "".join("\0" if index in hidden else letter for index, letter in enumerate(message)))


def reveal(value: str | SecretStr | None) -> str | None:
    """The text of a value, secret or not; None where there is none, or it is encrypted and was not read."""
    if isinstance(value, SecretStr):
        return None if isinstance(value, Placeholder) else value.get_secret_value()
    return value
