"""How a machine becomes a node: the KubeadmConfigTemplate."""

from __future__ import annotations

from typing import Any

from ..capi import naming
from ..capi.contract import CONTRACTS, Contract
from ..capi.manifest import Manifest, given, manifest
from ..providers import provider_of
from ..settings.model import TenantClusterSettings
from ..settings.pools import BootstrapSettings, WorkerPoolSettings
from ..settings.rules_pools import synced
from .profiles import ubuntu_containerd

KIND = "KubeadmConfigTemplate"


def bootstrap_template(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> Manifest:
    """The KubeadmConfigTemplate of a pool, named by its content."""
    generation = settings.contract
    content = template(CONTRACTS["v1beta1"], settings, pool)
    name = naming.template(settings.cluster.name, pool.name, content)
    spec = content if generation.name == "v1beta1" else template(generation, settings, pool)
    return manifest(settings, generation.bootstrap, KIND, name, spec, pool=pool)


def template(generation: Contract, settings: TenantClusterSettings, pool: WorkerPoolSettings) -> dict[str, Any]:
    """The template's spec in one generation's shape."""
    own = pool.bootstrap
    registration: dict[str, Any] = {"kubeletExtraArgs": generation.arguments(kubelet_arguments(settings, pool))}
    if pool.taints:
        registration["taints"] = [
            {"key": taint.key, **given(value=taint.value), "effect": taint.effect} for taint in pool.taints
        ]
    config: dict[str, Any] = {
        "joinConfiguration": {"nodeRegistration": registration},
        # Own commands arrive exactly as they were written.
        "preKubeadmCommands": list(own.commands) or ubuntu_containerd(settings.pool_version(pool)),
        **given(postKubeadmCommands=own.post_commands, files=files(own), users=users(settings, own)),
    }
    return {"template": {"spec": config}}


def kubelet_arguments(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> dict[str, str]:
    """Command-line arguments of the kubelet, in the order of their names."""
    provider = provider_of(settings)
    arguments = {**pool.bootstrap.kubelet_extra_args, **provider.kubelet_arguments(settings)}
    own_labels = {key: value for key, value in pool.labels.items() if not synced(key)}
    own_labels |= provider.node_labels(settings)
    if own_labels:
        arguments["node-labels"] = ",".join(f"{key}={value}" for key, value in sorted(own_labels.items()))
    return dict(sorted(arguments.items()))


def files(own: BootstrapSettings) -> list[dict[str, Any]]:
    """Files that the machine gets. Secret content stays in its Secret; the template only names it."""
    found = []
    for file in own.files:
        source = file.content_from and {
            "secret": {"name": file.content_from.secret.name, "key": file.content_from.secret.key}
        }
        found.append(
            {
                "path": file.path,
                **given(
                    content=file.content,
                    contentFrom=source,
                    owner=file.owner,
                    permissions=file.permissions,
                    encoding=file.encoding,
                    append=file.append or None,
                ),
            }
        )
    return found


def users(settings: TenantClusterSettings, own: BootstrapSettings) -> list[dict[str, Any]]:
    """Users of the machine, root among them where the infrastructure provider has keys for it.

    cloud-init locks the password of each user that it is given, unless told not to; root's is needed at the rescue console.
    """
    found: list[dict[str, Any]] = []
    keys = list(provider_of(settings).root_keys(settings))
    if keys and not any(user.name == "root" for user in own.users):
        found.append({"name": "root", "lockPassword": False, "sshAuthorizedKeys": keys})
    for user in own.users:
        own_keys = [*(keys if user.name == "root" else []), *user.ssh_authorized_keys]
        found.append(
            {
                "name": user.name,
                **({"lockPassword": False} if user.name == "root" else {}),
                **given(sshAuthorizedKeys=own_keys, groups=user.groups, sudo=user.sudo, shell=user.shell),
            }
        )
    return found
