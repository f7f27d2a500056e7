"""TLS settings of the connections to a Kubernetes API, as Go's TLS has them."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from . import pem
from .access import Access, AccessError, Secrets


def tls_context(access: Access, secrets: Secrets | None = None) -> ssl.SSLContext:
    """TLS settings for an API server, with the client certificate.

    Args:
        access: where it is.
        secrets: the credentials; none by default.

    Raises:
        AccessError: the certificates can't be used.
    """
    context = client_context(access)
    as_go_verifies(context)
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if secrets and secrets.certificate:
        # The ssl module loads client certificates from files only; this one is readable by its owner and goes at once.
        with tempfile.TemporaryDirectory(prefix="kamaji-equinix-") as folder:
            pair = Path(folder, "pair.pem")
            pair.touch(mode=0o600)
            pair.write_text(f"{secrets.certificate}\n{secrets.key or ''}\n")
            try:
                # Without a password OpenSSL would ask the terminal for that of an encrypted key.
                context.load_cert_chain(pair, password="")
            except ssl.SSLError as error:
                problem = "don't fit together" if "MISMATCH" in str(error) else "can't be used"
                raise AccessError(f"{access.source}: client certificate and key {problem}") from None
    return context


def client_context(access: Access) -> ssl.SSLContext:
    """Settings that trust the authorities of an access, or the system's.

    Raises:
        AccessError: none of them can be used.
    """
    if access.ca_pem is None:
        return ssl.create_default_context()
    context = None
    for content in pem.ders(access.ca_pem):
        try:
            if context is None:
                context = ssl.create_default_context(cadata=content)
            else:
                context.load_verify_locations(cadata=content)
        except (ssl.SSLError, ValueError):
            # Go, too, passes over those that it can't read.
            continue
    if context is None:
        raise AccessError(f"{access.source}: the certificate authority is not a PEM certificate")
    return context


def as_go_verifies(context: ssl.SSLContext) -> None:
    """Verify certificates as Go does, whatever this Python's defaults are.

    The checks of extensions that Python makes from 3.13 on are left out: authorities and certificates of living clusters fail
    them (kubernetes-client/python issue 2394). Whatever a bundle holds is trusted, be it an intermediate authority or the
    server's own certificate. A certificate's common name is never taken for a host.
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
