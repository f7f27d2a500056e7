"""Where a Kubernetes API is and who asks: what a kubeconfig, or a pod, comes down to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class AccessError(Exception):
    """Credentials that can't be used; the text says where they are, what is wrong, and what to do. It never shows them."""


@dataclass(frozen=True)
class Secrets:
    """What proves who asks, at one moment.

    Attributes:
        token: bearer token.
        certificate, key: PEM of a client certificate with its chain, and of its key.
    """

    token: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)


class Login(Protocol):
    """Gives what proves who asks, and renews it. Threads share a login."""

    def secrets(self) -> Secrets:
        """What is valid now: renewed before it expires.

        Raises:
            AccessError: there is nothing valid.
        """

    def renew(self, secrets: Secrets) -> bool:
        """Renew what the server has refused.

        Returns:
            Whether there is something else to try.

        Raises:
            AccessError: the renewal failed.
        """


@dataclass(frozen=True)
class FixedLogin:
    """A login that stays as it is."""

    values: Secrets = Secrets()

    def secrets(self) -> Secrets:
        """What a kubeconfig holds in line."""
        return self.values

    def renew(self, secrets: Secrets) -> bool:
        """There is nothing newer."""
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
        login: what proves who asks.
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
