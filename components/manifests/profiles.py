"""Named ways to make a machine of a distribution a Kubernetes node: shell commands that run before ``kubeadm join``.

cloud-init puts all commands into one ``/bin/sh`` script, so the first ``set -e`` holds for all of them: a machine whose
preparation failed does not join, and its log (``/var/log/cloud-init-output.log``) ends at the reason. The commands hold no
``{{``, ``{%`` or ``{#``, so both template engines on the way pass them on unchanged.
"""

from __future__ import annotations

from ..capi.versions import minor

PREPARE = r"""set -e
export DEBIAN_FRONTEND=noninteractive
retry() {
  for pause in 5 10 20 40 80; do
    if "$@"; then return 0; fi
    sleep "$pause"
  done
  "$@"
}
swapoff -a
sed -ri '/\sswap\s/s/^#?/#/' /etc/fstab
printf '%s\n' overlay br_netfilter > /etc/modules-load.d/kubernetes.conf
modprobe overlay
modprobe br_netfilter
printf '%s = 1\n' net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables \
  > /etc/sysctl.d/99-kubernetes.conf
sysctl --system > /dev/null
"""

PACKAGES = r"""install -d -m 0755 /etc/apt/keyrings
retry apt-get -qy -o DPkg::Lock::Timeout=600 update
retry apt-get -qy -o DPkg::Lock::Timeout=600 install apt-transport-https ca-certificates containerd curl gpg
retry curl -fsSL -o /run/kubernetes-release.key https://pkgs.k8s.io/core:/stable:/@CHANNEL@/deb/Release.key
gpg --batch --yes --dearmor -o /etc/apt/keyrings/kubernetes.gpg /run/kubernetes-release.key
chmod 0644 /etc/apt/keyrings/kubernetes.gpg
echo 'deb [signed-by=/etc/apt/keyrings/kubernetes.gpg] https://pkgs.k8s.io/core:/stable:/@CHANNEL@/deb/ /' \
  > /etc/apt/sources.list.d/kubernetes.list
retry apt-get -qy -o DPkg::Lock::Timeout=600 update
retry apt-get -qy -o DPkg::Lock::Timeout=600 install 'kubelet=@VERSION@-*' 'kubeadm=@VERSION@-*' 'kubectl=@VERSION@-*'
apt-mark hold kubelet kubeadm kubectl
"""

CONTAINERD = r"""install -d -m 0755 /etc/containerd
containerd config default > /etc/containerd/config.toml
sed -ri 's/SystemdCgroup = false/SystemdCgroup = true/' /etc/containerd/config.toml
pause=$(kubeadm config images list --kubernetes-version v@VERSION@ 2> /dev/null | grep '/pause:' | head -n 1)
if [ -n "$pause" ]; then
  # containerd 1 calls it sandbox_image, containerd 2 sandbox.
  sed -ri "s,^( *sandbox(_image)?) = .*,\1 = '$pause'," /etc/containerd/config.toml
fi
printf '%s\n' 'runtime-endpoint: unix:///run/containerd/containerd.sock' \
  'image-endpoint: unix:///run/containerd/containerd.sock' > /etc/crictl.yaml
systemctl restart containerd
systemctl enable containerd kubelet
"""


def ubuntu_containerd(version: str) -> list[str]:
    """containerd of the Ubuntu release, and Kubernetes from pkgs.k8s.io.

    The repository is that of the version's minor: pkgs.k8s.io has one for each, and apt.kubernetes.io is gone.

    Args:
        version: the node's Kubernetes version, without v.
    """
    major, number = minor(version)
    values = {"@CHANNEL@": f"v{major}.{number}", "@VERSION@": version}
    commands = [PREPARE, PACKAGES, CONTAINERD]
    for placeholder, value in values.items():
        commands = [command.replace(placeholder, value) for command in commands]
    return commands
