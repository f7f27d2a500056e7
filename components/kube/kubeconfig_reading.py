"""The access that a cluster and a user of a kubeconfig describe, validated as client-go does. Nothing is connected."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import pem, urls
from .access import Access, AccessError, FixedLogin, Login
from .impersonation import impersonation
from .login import content, login_from

PLUGIN_EXTENSION = "client.authentication.k8s.io/exec"
"""Name of the cluster's extension that credential plugins are given."""


class Reader:
    """Reads a cluster and a user, whose types have been checked."""

    def __init__(self, source: str, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> None:
        self.source, self.cluster, self.user = source, cluster, user

    def access(self, cluster_name: str, user_name: str) -> Access:
        """The access of this cluster and user."""
        cluster, user = self.cluster, self.user
        if not cluster["server"]:
            raise self._error(f"cluster {cluster_name!r} has no `server`")
        try:
            server = urls.server_url(cluster["server"])
            proxy = urls.proxy_url(cluster["proxy-url"]) if cluster["proxy-url"] else None
            headers = impersonation(user)
        except ValueError as error:
            raise self._error(str(error)) from None
        self._validate()
        compression = not cluster["disable-compression"]
        if server.startswith("http:"):
            # client-go sends no credentials over a connection that anybody on the way can read.
            return Access(server, self.source, proxy=proxy, headers=headers, compression=compression)
        if user["username"] or user["password"]:
            headers += (("Authorization", urls.basic(user["username"], user["password"])),)
        return Access(
            server=server,
            source=self.source,
            ca_pem=self._authorities(),
            server_name=cluster["tls-server-name"] or None,
            verify=not cluster["insecure-skip-tls-verify"],
            login=self._login(user_name),
            proxy=proxy,
            headers=headers,
            compression=compression,
        )

    def _validate(self) -> None:
        """Refuse what client-go refuses, even in settings that are not used (``clientcmd/validation.go``)."""
        cluster, user = self.cluster, self.user
        self._check_source(cluster, "certificate-authority")
        if user["token"] and (user["username"] or user["password"]):
            raise self._error("a token and username with password exclude each other")
        if user["client-certificate"] or user["client-certificate-data"]:
            self._check_source(user, "client-certificate")
            self._check_source(user, "client-key")
            if not (user["client-key"] or user["client-key-data"]):
                raise self._error("client-certificate without client-key")
        if user["exec"] is not None:
            # Imported here, because few need it, and it loads slowly.
            from .exec_plugin import plugin_of

            plugin_of(user["exec"], self.source, {})
            if user["auth-provider"] is not None:
                raise self._error("auth-provider and exec exclude each other")

    def _login(self, user_name: str) -> Login:
        user = self.user
        if user["tokenFile"] and (user["username"] or user["password"]):
            raise self._error("a tokenFile and username with password exclude each other")
        if user["auth-provider"] is not None:
            raise self._error("`auth-provider` is not supported any more; use an `exec` plugin or a token")
        certificate = user["client-certificate-data"] or _path(user["client-certificate"])
        if user["token"] or user["tokenFile"] or certificate:
            return login_from(
                self.source,
                token=user["token"],
                token_file=_path(user["tokenFile"]),
                certificate=certificate,
                key=(user["client-key-data"] or _path(user["client-key"])) if certificate else None,
            )
        if user["username"]:
            return FixedLogin()
        if user["exec"] is not None:
            from .exec_plugin import login_of, plugin_of

            return login_of(plugin_of(user["exec"], self.source, self._cluster_info()))
        raise self._error(
            f"user {user_name!r} has no credentials; expected token, tokenFile, client-certificate, exec or username"
            if user_name
            else "its context names no user"
        )

    def _cluster_info(self) -> dict[str, Any]:
        """Facts about the cluster for a credential plugin."""
        cluster = self.cluster
        authorities = cluster["certificate-authority-data"]
        if cluster["certificate-authority"]:
            authorities = content(self.source, "certificate-authority", Path(cluster["certificate-authority"]))
        names = ("tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression")
        extensions = {extension["name"]: extension["extension"] for extension in cluster["extensions"]}
        return {
            "server": cluster["server"],
            **{name: cluster[name] for name in names if cluster[name]},
            **({"certificate-authority-data": base64.b64encode(authorities).decode()} if authorities else {}),
            "config": extensions.get(PLUGIN_EXTENSION),
        }

    def _authorities(self) -> str | None:
        cluster, name = self.cluster, "certificate-authority"
        if cluster["insecure-skip-tls-verify"] and (cluster[name] or cluster[f"{name}-data"]):
            raise self._error(f"insecure-skip-tls-verify and a {name} exclude each other")
        authorities = cluster[f"{name}-data"]
        if cluster[name]:
            authorities = content(self.source, name, Path(cluster[name]))
        try:
            # An empty file stands for the system's authorities.
            return pem.authorities(authorities) if authorities else None
        except ValueError as error:
            raise self._error(f"{name} {error}") from None

    def _check_source(self, holder: Mapping[str, Any], name: str) -> None:
        if holder[name] and holder[f"{name}-data"]:
            raise self._error(f"{name} and {name}-data exclude each other")
        if holder[name]:
            content(self.source, name, Path(holder[name]))

    def _error(self, text: str) -> AccessError:
        return AccessError(f"{self.source}: {text}")


def _path(name: str) -> Path | None:
    return Path(name) if name else None
