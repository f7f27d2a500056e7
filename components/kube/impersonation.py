"""Acting as another user: the request headers of a kubeconfig's ``as`` and the settings beside it."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from .login import header

_LEGAL = frozenset(string.ascii_letters + string.digits + "!#$&'*+-.^_`|~")


def impersonation(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The headers for a user's settings.

    Raises:
        ValueError: groups or other values are set without a user, or a value can't be sent.
    """
    name, uid, groups, extra = (user[key] for key in ("as", "as-uid", "as-groups", "as-user-extra"))
    if not name:
        if uid or groups or extra:
            raise ValueError("as-uid, as-groups and as-user-extra need `as`")
        return ()
    headers = [("Impersonate-User", _check(name, "as"))]
    if uid:
        headers.append(("Impersonate-Uid", _check(uid, "as-uid")))
    headers += [("Impersonate-Group", _check(group, "as-groups")) for group in groups]
    for key, values in extra.items():
        headers += [(f"Impersonate-Extra-{escape(key)}", _check(value, "as-user-extra")) for value in values]
    return tuple(headers)


def escape(key: str) -> str:
    """A name as part of a header's name, as client-go's ``headerKeyEscape`` writes it.

    >>> escape("example.org/scopes")
    'example.org%2Fscopes'
    """
    return "".join(
        letter if letter in _LEGAL else "".join(f"%{byte:02X}" for byte in letter.encode()) for letter in key
    )


def _check(value: str, setting: str) -> str:
    try:
        return header(value)
    except ValueError as error:
        raise ValueError(f"`{setting}` {error}") from None
