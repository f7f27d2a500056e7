"""Devices of the simulated Metal API for tests: orders, and user data as Cluster API 1.10 and capp 0.9 make it."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from lab.metal import BootOptions, Control, MetalApi
from lab.pki import Authority
from lab.simulation.join import client_context

KEY = "test-key"
PROJECT = "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11"
TOKEN = "abcdef.0123456789abcdef"
PROVIDER_ID = "equinixmetal://{{ v1.instance_id }}"

JOIN_V1BETA4 = """
apiVersion: kubeadm.k8s.io/v1beta4
discovery:
  bootstrapToken:
    apiServerEndpoint: {endpoint}
    caCertHashes:
    - {pin}
    token: {token}
kind: JoinConfiguration
nodeRegistration:
  imagePullPolicy: IfNotPresent
  imagePullSerial: true
  kubeletExtraArgs:
  - name: cloud-provider
    value: external
  - name: node-labels
    value: pool=worker-a,node.kubernetes.io/role=metal
  - name: provider-id
    value: {provider_id}
  taints:
  - effect: NoSchedule
    key: node.cluster.x-k8s.io/uninitialized
"""

JOIN_V1BETA3 = """
apiVersion: kubeadm.k8s.io/v1beta3
kind: JoinConfiguration
discovery:
  bootstrapToken:
    apiServerEndpoint: {endpoint}
    caCertHashes: [{pin}]
    token: {token}
nodeRegistration:
  name: '{{{{ ds.meta_data.local_hostname }}}}'
  kubeletExtraArgs:
    provider-id: {provider_id}
  taints: []
"""

CLOUD_CONFIG = """\
## template: jinja
#cloud-config

write_files:
-   path: /run/kubeadm/kubeadm-join-config.yaml
    owner: root:root
    permissions: '0640'
    content: |
      ---
{join}
-   path: /run/cluster-api/placeholder
    owner: root:root
    permissions: '0640'
    content: "placeholder"
runcmd:
  - "apt-get update -y\\napt-get install -y kubelet=1.33.0-1.1 kubeadm=1.33.0-1.1\\nswapoff -a\\n"
  - kubeadm join --config /run/kubeadm/kubeadm-join-config.yaml  && echo success > /run/cluster-api/bootstrap-success.complete
"""


def userdata(
    endpoint: str = "127.0.0.1:6443",
    pin: str = "sha256:" + "0" * 64,
    token: str = TOKEN,
    provider_id: str = PROVIDER_ID,
    join: str = JOIN_V1BETA4,
) -> str:
    """User data of a worker, rendered by capp, for cloud-init to render."""
    configuration = join.format(endpoint=endpoint, pin=pin, token=token, provider_id=provider_id).strip("\n")
    return CLOUD_CONFIG.format(join=textwrap.indent(configuration, "      "))


def order(hostname: str = "worker-1", **fields: Any) -> dict[str, Any]:
    """The body of capp's POST."""
    body: dict[str, Any] = {
        "hostname": hostname,
        "metro": "da",
        "plan": "c3.medium.x86",
        "operating_system": "ubuntu_24_04",
        "billing_cycle": "hourly",
        "ipxe_script_url": "",
        "tags": [
            "capp:cluster-id:c1",
            f"capp:machine-uid:{hostname}",
            "capp:namespace:default",
            "kubernetes.io/role:node",
        ],
        "userdata": "",
    }
    return {name: value for name, value in {**body, **fields}.items() if value is not None}


class Metal:
    """A running Metal API, and clients of it."""

    def __init__(self, folder: Path, boot: BootOptions) -> None:
        self.authority = Authority(folder / "pki")
        self.api = MetalApi(folder / "metal", self.authority, api_key=KEY, boot=boot)
        self.api.start()
        self.control = Control(self.api.port, self.authority.pem, KEY)
        self.http = self.client(KEY)

    def client(self, key: str) -> httpx.Client:
        """A client as capp is one, with another key if need be."""
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.api.port}/metal/v1",
            verify=client_context(self.authority.pem),
            headers={"X-Auth-Token": key, "X-Consumer-Token": "CAPP-v1beta1"},
            trust_env=False,
            timeout=10,
        )

    def create(self, hostname: str = "worker-1", **fields: Any) -> dict[str, Any]:
        """Order a device."""
        answer = self.http.post(f"/projects/{PROJECT}/devices", json=order(hostname, **fields))
        assert answer.status_code == 201, f"the order was refused: {answer.text}"
        device: dict[str, Any] = answer.json()
        return device

    def get(self, identity: str) -> dict[str, Any]:
        """A device as the API shows it."""
        device: dict[str, Any] = self.http.get(f"/devices/{identity}").raise_for_status().json()
        return device

    def overview(self, identity: str) -> dict[str, Any]:
        """A device as the lab shows it."""
        return next(device for device in self.control.devices() if device["id"] == identity)

    def problem(self, identity: str, seconds: float = 30) -> str:
        """Why a device is left out of its cluster, once it is."""
        device = eventually(lambda: (d := self.overview(identity))["stage"] == "left out" and d, "left out", seconds)
        problem: str = device["problem"]
        return problem

    @contextmanager
    def api_boot(self, **changes: Any) -> Iterator[None]:
        """Other boot options for a while."""
        before = self.api.boot
        self.api.boot = replace(before, **changes)
        try:
            yield
        finally:
            self.api.boot = before

    def stop(self) -> None:
        self.http.close()
        self.control.close()
        self.api.stop()


@contextmanager
def metal(folder: Path, boot: BootOptions | None = None) -> Iterator[Metal]:
    """A Metal API for a test."""
    running = Metal(folder, boot or BootOptions(seconds=0.2, join_seconds=3, heartbeat_seconds=0.5, network="provided"))
    try:
        yield running
    finally:
        running.stop()


def eventually(look: Callable[[], Any], expectation: str, seconds: float = 30) -> Any:
    """What ``look`` returns, once that is true."""
    deadline = time.monotonic() + seconds
    while not (value := look()):
        assert time.monotonic() < deadline, f"not {expectation} after {seconds} s (last: {value!r})"
        time.sleep(0.05)
    return value
