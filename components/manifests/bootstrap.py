"""How a machine becomes a node: the KubeadmConfigTemplate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import SecretStr

from ..capi import naming
from ..capi.contract import CONTRACTS, Contract
from ..capi.manifest import Manifest, drop_empty, manifest
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from ..settings.pools import BootstrapSettings, WorkerPoolSettings
from ..settings.report import Placeholder
from ..settings.rules_pools import is_synced
from .profiles import ubuntu_containerd

KIND = "KubeadmConfigTemplate"

SCRIPTS = "/run/kamaji-equinix"
"""Folder of the machine with the secret commands; it does not outlive a restart."""


def bootstrap_template(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> Manifest:
    """The KubeadmConfigTemplate of a pool, named by its content."""
    generation = settings.contract
    content = template(CONTRACTS["v1beta1"], settings, pool)
    name = naming.template(settings.cluster.name, pool.name, content)
    if secret_name(settings, pool) == naming.unknown_secret(settings.cluster.name, pool.name):
        # The digest in its name depends on the secret, which is unknown.
        name = secret_name(settings, pool)
    spec = content if generation.name == "v1beta1" else template(generation, settings, pool)
    return manifest(settings, generation.bootstrap, KIND, name, spec, pool=pool)


def template(generation: Contract, settings: TenantClusterSettings, pool: WorkerPoolSettings) -> dict[str, Any]:
    """The template's spec in one generation's shape."""
    bootstrap = pool.bootstrap
    registration: dict[str, Any] = {
        **drop_empty(name=provider_of(settings).node_name),
        "kubeletExtraArgs": generation.arguments(kubelet_arguments(settings, pool)),
    }
    if pool.taints:
        registration["taints"] = [
            {"key": taint.key, **drop_empty(value=taint.value), "effect": taint.effect} for taint in pool.taints
        ]
    secret = secret_name(settings, pool)
    config: dict[str, Any] = {
        "joinConfiguration": {"nodeRegistration": registration},
        # The user's commands stay exactly as they were written.
        "preKubeadmCommands": commands("commands", bootstrap.commands)
        or ubuntu_containerd(settings.pool_version(pool)),
        **drop_empty(
            postKubeadmCommands=commands("postCommands", bootstrap.post_commands),
            files=[*files(bootstrap, secret), *scripts(bootstrap, secret)],
            users=users(settings, bootstrap),
        ),
    }
    return {"template": {"spec": config}}


def kubelet_arguments(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> dict[str, str]:
    """Command-line arguments of the kubelet, in the order of their names."""
    provider = provider_of(settings)
    arguments = {**pool.bootstrap.kubelet_extra_args, **provider.kubelet_arguments(settings)}
    node_labels = {key: value for key, value in pool.labels.items() if not is_synced(key)}
    node_labels |= provider.node_labels(settings)
    if node_labels:
        arguments["node-labels"] = ",".join(f"{key}={value}" for key, value in sorted(node_labels.items()))
    return dict(sorted(arguments.items()))


def secret_texts(bootstrap: BootstrapSettings) -> dict[str, SecretStr]:
    """The secret texts of the bootstrap, by their key in the pool's Secret, which names their place in the settings."""
    texts = {f"files.{index}": file.content for index, file in enumerate(bootstrap.files)}
    for key, lines in (("commands", bootstrap.commands), ("postCommands", bootstrap.post_commands)):
        texts |= {f"{key}.{index}": line and script(f"{key}.{index}", line) for index, line in enumerate(lines)}
    return {key: value for key, value in texts.items() if isinstance(value, SecretStr)}


def secret_name(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> str:
    """Name of the pool's Secret; empty where its bootstrap holds no secret."""
    texts = secret_texts(pool.bootstrap)
    if not texts:
        return ""
    if any(isinstance(text, Placeholder) for text in texts.values()):
        return naming.unknown_secret(settings.cluster.name, pool.name)
    clear = {key: text.get_secret_value() for key, text in texts.items()}
    return naming.secret(settings.cluster.namespace, settings.cluster.name, pool.name, clear)


def bootstrap_secret(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> Manifest | None:
    """The Secret with the secret texts of the pool's template, named by its content; None where there are none.

    Its ``data`` holds pydantic's ``SecretStr``: only the resource of the engine reads the texts.
    """
    texts = secret_texts(pool.bootstrap)
    if not texts:
        return None
    secret = manifest(settings, "v1", "Secret", secret_name(settings, pool), {}, pool=pool)
    del secret["spec"]
    return {**secret, "immutable": True, "data": texts}


def script(key: str, command: str | SecretStr) -> str | SecretStr:
    """A command as a file's text. It first removes the file, which the reading shell keeps open."""
    if not isinstance(command, SecretStr) or isinstance(command, Placeholder):
        return command
    return SecretStr(f"rm -f {SCRIPTS}/{key}\n{command.get_secret_value()}\n")


def commands(key: str, lines: Sequence[str | SecretStr]) -> list[str]:
    """Shell commands; for a secret one the same shell reads its file, whose name is no secret."""
    return [f". {SCRIPTS}/{key}.{index}" if isinstance(line, SecretStr) else line for index, line in enumerate(lines)]


def scripts(bootstrap: BootstrapSettings, secret: str) -> list[dict[str, Any]]:
    """The files of secret commands."""
    return [
        {
            "path": f"{SCRIPTS}/{key}",
            "contentFrom": {"secret": {"name": secret, "key": key}},
            "owner": "root:root",
            "permissions": "0600",
        }
        for key in secret_texts(bootstrap)
        if not key.startswith("files.")
    ]


def files(bootstrap: BootstrapSettings, secret: str) -> list[dict[str, Any]]:
    """Files that the machine gets. Secret content is in a Secret, the user's or the pool's; the template only names it."""
    entries = []
    for index, file in enumerate(bootstrap.files):
        is_secret = isinstance(file.content, SecretStr)
        source = {"name": secret, "key": f"files.{index}"} if is_secret else {}
        if file.content_from:
            source = {"name": file.content_from.secret.name, "key": file.content_from.secret.key}
        entries.append(
            {
                "path": file.path,
                **drop_empty(
                    content=None if is_secret else file.content,
                    contentFrom={"secret": source} if source else None,
                    owner=file.owner,
                    permissions=file.permissions,
                    encoding=file.encoding,
                    append=file.append or None,
                ),
            }
        )
    return entries


def users(settings: TenantClusterSettings, bootstrap: BootstrapSettings) -> list[dict[str, Any]]:
    """Users of the machine, root among them where the infrastructure provider has keys for it.

    cloud-init locks the password of each listed user, unless told not to; root's is needed at the rescue console.
    """
    entries: list[dict[str, Any]] = []
    keys = list(provider_of(settings).root_keys(settings))
    if keys and not any(user.name == "root" for user in bootstrap.users):
        entries.append({"name": "root", "lockPassword": False, "sshAuthorizedKeys": keys})
    for user in bootstrap.users:
        user_keys = [*(keys if user.name == "root" else []), *user.ssh_authorized_keys]
        entries.append(
            {
                "name": user.name,
                **({"lockPassword": False} if user.name == "root" else {}),
                **drop_empty(sshAuthorizedKeys=user_keys, groups=user.groups, sudo=user.sudo, shell=user.shell),
            }
        )
    return entries
