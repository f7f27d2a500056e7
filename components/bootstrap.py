"""How a machine becomes a node: the KubeadmConfigTemplate.

The user data goes through three hands: capp runs Go's text/template over it, cloud-init renders it with jinja2, then parses
it as YAML and runs the commands with sh. The profile's commands use none of the first two but capp's
``.kubernetesVersion``, so they arrive as they stand.
"""

from __future__ import annotations

from typing import Any

from . import metal, naming
from .manifests_common import Manifest, manifest
from .settings import TenantClusterSettings, WorkerPoolSettings
from .settings_types import minor

API_VERSION = "bootstrap.cluster.x-k8s.io/v1beta1"

KERNEL = """\
set -e
swapoff -a
sed -ri '/\\sswap\\s/s/^#?/#/' /etc/fstab
printf '%s\\n' overlay br_netfilter > /etc/modules-load.d/kubernetes.conf
modprobe overlay
modprobe br_netfilter
cat > /etc/sysctl.d/99-kubernetes.conf <<'CONF'
net.ipv4.ip_forward = 1
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
CONF
sysctl --system > /dev/null
"""

PACKAGES = """\
set -e
export DEBIAN_FRONTEND=noninteractive
install -d -m 0755 /etc/apt/keyrings
apt-get update -q
apt-get install -qy ca-certificates curl gpg containerd
curl -fsSL --retry 5 https://pkgs.k8s.io/core:/stable:/{channel}/deb/Release.key \\
  | gpg --dearmor --yes -o /etc/apt/keyrings/kubernetes.gpg
echo 'deb [signed-by=/etc/apt/keyrings/kubernetes.gpg] https://pkgs.k8s.io/core:/stable:/{channel}/deb/ /' \\
  > /etc/apt/sources.list.d/kubernetes.list
apt-get update -q
apt-get install -qy 'kubelet={version}-*' 'kubeadm={version}-*' 'kubectl={version}-*'
apt-mark hold kubelet kubeadm kubectl
"""

CONTAINERD = """\
set -e
mkdir -p /etc/containerd
containerd config default > /etc/containerd/config.toml
sed -i 's/SystemdCgroup = false/SystemdCgroup = true/' /etc/containerd/config.toml
pause=$(kubeadm config images list --kubernetes-version v{version} 2>/dev/null | grep /pause: || true)
if [ -n "$pause" ]; then sed -i "s,sandbox_image = .*,sandbox_image = \\"$pause\\"," /etc/containerd/config.toml; fi
systemctl restart containerd
systemctl enable --now kubelet
"""


def bootstrap_template(settings: TenantClusterSettings, pool: WorkerPoolSettings) -> Manifest:
    """The KubeadmConfigTemplate of a pool."""
    own = pool.bootstrap
    commands = list(own.commands) or profile_commands(settings.pool_version(pool))
    arguments = metal.kubelet_arguments(settings)
    if pool.labels:
        arguments["node-labels"] = ",".join(f"{key}={value}" for key, value in sorted(pool.labels.items()))
    registration: dict[str, Any] = {"kubeletExtraArgs": arguments}
    if pool.taints:
        registration["taints"] = [
            {"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in pool.taints
        ]
    config: dict[str, Any] = {
        "joinConfiguration": {"nodeRegistration": registration},
        "preKubeadmCommands": commands,
    }
    if own.post_commands:
        config["postKubeadmCommands"] = list(own.post_commands)
    if settings.metal.ssh_keys:
        # capp 0.9 never sends sshKeys to the Metal API.
        keys = [key.public_key for key in settings.metal.ssh_keys]
        config["users"] = [{"name": "root", "sshAuthorizedKeys": keys}]
    spec = {"template": {"spec": config}}
    name = naming.template(settings.cluster.name, pool.name, spec)
    return manifest(settings, API_VERSION, "KubeadmConfigTemplate", name, spec, pool=pool)


def profile_commands(version: str) -> list[str]:
    """The default profile: containerd of the Ubuntu release, Kubernetes from pkgs.k8s.io for the version's minor."""
    major, number = minor(version)
    return [
        KERNEL,
        PACKAGES.format(channel=f"v{major}.{number}", version=version),
        CONTAINERD.format(version=version),
    ]
