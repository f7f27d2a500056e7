"""Logins by the credentials of a kubeconfig or a pod: in the text itself, or in files that other programs renew."""

from __future__ import annotations

import threading
from pathlib import Path

from . import pem
from .access import AccessError, FixedLogin, Login, Secrets


def login_from(
    source: str,
    *,
    token: str = "",
    token_file: Path | None = None,
    certificate: bytes | Path | None = None,
    key: bytes | Path | None = None,
) -> Login:
    """The login of a token, a client certificate, or both.

    Args:
        source: where this comes from, for messages.
        token: bearer token.
        token_file: file of a token, which comes first as long as it can be read.
        certificate, key: PEM of a client certificate and its key, or the files of them.

    Raises:
        AccessError: one of them can't be used.
    """
    login = FilesLogin(source, token, token_file, certificate, key)
    secrets = login.secrets()
    return login if any(isinstance(item, Path) for item in (token_file, certificate, key)) else FixedLogin(secrets)


class FilesLogin:
    """Reads its files for each request, because a kubelet or an agent renews them before they expire."""

    def __init__(
        self,
        source: str,
        token: str,
        token_file: Path | None,
        certificate: bytes | Path | None,
        key: bytes | Path | None,
    ) -> None:
        self._source, self._token, self._token_file = source, token, token_file
        self._certificate, self._key = certificate, key
        self._lock = threading.Lock()
        self._contents: tuple[bytes | str | None, ...] = ()
        self._secrets: Secrets | None = None

    def secrets(self) -> Secrets:
        """The credentials in the files; while one of them can't be used, the former credentials.

        Raises:
            AccessError: they could never be used.
        """
        with self._lock:
            try:
                self._read()
            except AccessError:
                if self._secrets is None:
                    raise
            return self._secrets or Secrets()

    def renew(self, secrets: Secrets) -> bool:
        """Whether the files have changed since."""
        return self.secrets() != secrets

    def _read(self) -> None:
        contents = (
            self._current_token(),
            self._content("client-certificate", self._certificate),
            self._content("client-key", self._key),
        )
        if contents == self._contents:
            return
        token, certificate, key = contents
        name = "the token"
        try:
            bearer = header(token) if token else None
            name = "client-certificate"
            chain = pem.certificates(certificate) if certificate is not None else None
            name = "client-key"
            secrets = Secrets(bearer, chain, pem.private_key(key) if key is not None else None)
        except ValueError as error:
            raise AccessError(f"{self._source}: {name} {error}") from None
        self._contents, self._secrets = contents, secrets

    def _current_token(self) -> str:
        if self._token_file is None:
            return self._token
        try:
            token = self._token_file.read_text().strip()
        except (OSError, ValueError) as error:
            if self._token:
                return self._token
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            raise AccessError(f"{self._source}: tokenFile {self._token_file}: {reason}") from None
        if not token and not self._token:
            raise AccessError(f"{self._source}: tokenFile {self._token_file} is empty")
        return token or self._token

    def _content(self, name: str, source: bytes | Path | None) -> bytes | None:
        return content(self._source, name, source) if isinstance(source, Path) else source


def content(source: str, name: str, path: Path) -> bytes:
    """The content of a file that a kubeconfig names.

    Raises:
        AccessError: it can't be read.
    """
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise AccessError(f"{source}: {name} {path}: {why}") from None


def header(value: str) -> str:
    """Text that is sent in a request's header.

    Raises:
        ValueError: a line end or another character in it can't be sent. The message doesn't quote it.
    """
    if any((letter < " " and letter != "\t") or letter == "\x7f" for letter in value):
        raise ValueError("holds a line end or another character that no request header can carry")
    return value
