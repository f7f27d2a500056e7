"""The address of a Kubernetes API and the credentials for it, as a kubeconfig or a pod holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class AccessError(Exception):
    """Credentials that can't be used; the text says where they are, what is wrong, and what to do. It never shows them."""


@dataclass(frozen=True)
class Secrets:
    """The credentials that are valid at a moment.

    Attributes:
        token: bearer token.
        certificate, key: PEM of a client certificate with its chain, and of its key.
    """

    token: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)


class Login(Protocol):
    """Gives credentials, and renews them. Threads share a login."""

    def secrets(self) -> Secrets:
        """The credentials that are valid now: renewed before they expire.

        Raises:
            AccessError: there are none.
        """

    def renew(self, secrets: Secrets) -> bool:
        """Renew credentials that the server has refused.

        Returns:
            Whether there are other ones to try.

        Raises:
            AccessError: the renewal failed.
        """


@dataclass(frozen=True)
class FixedLogin:
    """A login whose credentials never change."""

    values: Secrets = Secrets()

    def secrets(self) -> Secrets:
        """The credentials in the kubeconfig itself."""
        return self.values

    def renew(self, secrets: Secrets) -> bool:
        """There are no newer ones."""
        return False


@dataclass(frozen=True)
class Access:
    """Address of an API server and the credentials for it.

    Attributes:
        server: base URL.
        source: where this comes from, for messages.
        ca_pem: certificates that the server's is verified against; None for the system's.
        server_name: name that its certificate must carry, where it differs from the host of ``server``.
        verify: False accepts any certificate.
        login: the credentials.
        proxy: URL of a proxy for this cluster; None for the environment's.
        headers: further request headers (basic authentication, impersonation); a name may come more than once.
        compression: whether answers may be compressed.
    """

    server: str
    source: str
    ca_pem: str | None = None
    server_name: str | None = None
    verify: bool = True
    login: Login = field(default=FixedLogin(), repr=False)
    proxy: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    compression: bool = True
