"""TLS and proxies of the connections to a Kubernetes API."""

from __future__ import annotations

import http.client
import ssl
import tempfile
import urllib.request
from pathlib import Path

from .kubeconfig import Access, AccessError


class Https(http.client.HTTPSConnection):
    """A TLS connection whose certificate may carry another name than the host dialled."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, server_name: str, timeout: float) -> None:
        super().__init__(host, port, context=context, timeout=timeout)
        self._tls_context = context
        self._server_name = server_name

    def connect(self) -> None:
        """Connect, through the proxy where one is set, and shake hands."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls_context.wrap_socket(self.sock, server_hostname=self._server_name)


def tls_context(access: Access) -> ssl.SSLContext:
    """TLS settings for an API server, with the client certificate.

    Raises:
        AccessError: the certificates can't be used.
    """
    try:
        context = ssl.create_default_context(cadata=access.ca_pem)
    except (ssl.SSLError, ValueError):
        raise AccessError(f"{access.source}: the certificate authority is not a PEM certificate") from None
    as_go_verifies(context)
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if access.client_certificate:
        # The ssl module loads client certificates from files only; this one is readable by its owner and goes at once.
        with tempfile.TemporaryDirectory(prefix="kamaji-equinix-") as folder:
            pair = Path(folder, "pair.pem")
            pair.touch(mode=0o600)
            pair.write_text(f"{access.client_certificate}\n{access.client_key or ''}\n")
            try:
                context.load_cert_chain(pair)
            except ssl.SSLError:
                raise AccessError(f"{access.source}: client certificate and key don't fit together") from None
    return context


def as_go_verifies(context: ssl.SSLContext) -> None:
    """Leave out the checks of extensions that Python makes from 3.13 on, and kubectl does not.

    Authorities and certificates of living clusters fail them (kubernetes-client/python issue 2394).
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT


def environment_proxy(scheme: str, host: str, port: int) -> str | None:
    """The proxy that HTTPS_PROXY and NO_PROXY ask for, as other Kubernetes clients take it; none for loopback."""
    if host in ("localhost", "::1") or host.startswith("127."):
        return None
    if urllib.request.proxy_bypass(f"{host}:{port}"):
        return None
    return urllib.request.getproxies_environment().get(scheme)
