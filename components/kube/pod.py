"""A pod's own credentials: the service account that Kubernetes gives each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from . import pem
from .access import Access, AccessError
from .login import content, login_from
from .urls import server_url

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def possible(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a pod with a service account."""
    names = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
    return all(environment.get(name) for name in names) and (FOLDER / "token").is_file()


def access(environment: Mapping[str, str] = os.environ) -> Access | None:
    """The access of a pod's service account, None outside of a cluster.

    Raises:
        AccessError: its files can't be used.
    """
    if not possible(environment):
        return None
    source = "the pod's service account"
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment["KUBERNETES_SERVICE_PORT"]
    try:
        authorities = pem.authorities(content(source, "ca.crt", FOLDER / "ca.crt"))
    except ValueError as error:
        raise AccessError(f"{source}: ca.crt {error}") from None
    try:
        server = server_url(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")
    except ValueError as error:
        raise AccessError(f"{source}: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: {error}") from None
    return Access(server, source, authorities, login=login_from(source, token_file=FOLDER / "token"))
