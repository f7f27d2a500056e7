"""Running the hand-off's provider as the engine's plugin does, and looking for credentials in all that it says."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from kamaji_equinix.components.endpoint import EndpointProvider
from kamaji_equinix.components.handoff.errors import HandoffError
from pulumi.dynamic import Config, ConfigureRequest, ReadResult

from .kamaji_objects import CLUSTER, CONTROL_PLANE, Tenant
from .tls_endpoint import TRAP

Json = dict[str, Any]


def provider(kubeconfig: Path | None, **management: Any) -> EndpointProvider:
    """A provider that got its configuration as the engine passes it."""
    settings = {**({"kubeconfigPath": str(kubeconfig)} if kubeconfig else {}), **management}
    instance = EndpointProvider()
    instance.configure(ConfigureRequest(Config({"kamaji-equinix:management": json.dumps(settings)}, "kamaji-equinix")))
    return instance


def inputs(tenant: Tenant, **changes: Any) -> Json:
    """The inputs of a tenant's hand-off."""
    return {
        "namespace": tenant.namespace,
        "cluster": CLUSTER,
        "clusterUid": tenant.uid,
        "controlPlane": CONTROL_PLANE,
        "infrastructure": {
            "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta1",
            "kind": "PacketCluster",
            "plural": "packetclusters",
            "name": CLUSTER,
        },
        "enabled": True,
        "timeoutSeconds": 20,
        "path": "/readyz",
        "verify": "ca",
        "force": False,
        "contract": "v1beta1",
        **changes,
    }


@dataclass
class HandoffRun:
    """One call of the provider, in a thread of its own.

    Attributes:
        outputs: what it would have stored; None where it failed.
        error: why it failed.
        output: its lines of progress.
        seconds: how long it took.
    """

    tenant: Tenant
    kubeconfig: Path
    olds: Json | None = None
    changes: Json = field(default_factory=dict)
    outputs: Json | None = None
    error: HandoffError | None = None
    seconds: float = 0.0
    _log: io.StringIO = field(default_factory=io.StringIO)
    _thread: threading.Thread | None = None
    _crash: BaseException | None = None

    def start(self) -> HandoffRun:
        self._thread = threading.Thread(target=self._call, daemon=True)
        self._redirected = contextlib.redirect_stderr(self._log)
        self._redirected.__enter__()
        self._thread.start()
        return self

    def _call(self) -> None:
        start, props = time.monotonic(), inputs(self.tenant, **self.changes)
        try:
            instance = provider(self.kubeconfig)
            self.outputs = (
                instance.create(props).outs if self.olds is None else instance.update("", self.olds, props).outs
            )
        except HandoffError as error:
            self.error = error
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            self._crash = error
        self.seconds = time.monotonic() - start

    @property
    def output(self) -> str:
        return self._log.getvalue()

    def end(self, seconds: float = 60.0) -> HandoffRun:
        """Wait for its end; what it said, raised and returned holds no credential."""
        assert self._thread is not None
        self._thread.join(seconds)
        self._redirected.__exit__(None, None, None)
        assert not self._thread.is_alive(), f"the hand-off does not end; it said:\n{self.output}"
        if self._crash:
            raise self._crash
        without_credentials(self.tenant, self.kubeconfig, self.output, self.error, self.outputs)
        return self

    def require_failure(self, phase: str, *parts: str) -> str:
        """Its error's text: of a phase, with some parts."""
        assert self.error is not None, f"the hand-off must fail in phase {phase}, but gave {self.outputs}"
        text = str(self.error)
        assert self.error.phase == phase, f"the phase must be {phase}: {text}"
        for part in ("last seen after", *parts):
            assert part in text, f"{part!r} must be in the error: {text}"
        return text

    def require_success(self) -> Json:
        """Its outputs, where it succeeded."""
        assert self.error is None, f"the hand-off must succeed: {self.error}\n{self.output}"
        assert self.outputs is not None
        return self.outputs


def start(tenant: Tenant, kubeconfig: Path | None = None, *, olds: Json | None = None, **changes: Any) -> HandoffRun:
    """Begin a create, or an update of ``olds``."""
    return HandoffRun(tenant, kubeconfig or tenant.management.kubeconfig, olds, changes).start()


def hand_off(tenant: Tenant, kubeconfig: Path | None = None, *, olds: Json | None = None, **changes: Any) -> HandoffRun:
    """A whole create, or update."""
    return start(tenant, kubeconfig, olds=olds, **changes).end()


def refresh(tenant: Tenant, olds: Json, kubeconfig: Path | None = None) -> ReadResult:
    """What the provider reads."""
    kubeconfig = kubeconfig or tenant.management.kubeconfig
    result = provider(kubeconfig).read(f"{tenant.namespace}/{CLUSTER}", olds)
    without_credentials(tenant, kubeconfig, result.outs)
    return result


def without_credentials(tenant: Tenant, kubeconfig: Path, *values: object) -> None:
    """Fail where one of the values shows a credential of the tenant or of the management cluster."""
    text = "\n".join(str(value) for value in values)
    user = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]
    key = str(user.get("client-key-data", ""))
    secrets = {
        "the tenant's credentials": tenant.secret,
        "the tenant's credentials, encoded": base64.b64encode(f"token: {tenant.secret}".encode()).decode(),
        "a private key": "PRIVATE KEY",
        "a certificate": "BEGIN CERTIFICATE",
        "the management cluster's key": key[:60] or "PRIVATE KEY",
        "a private key, encoded": base64.b64encode(b"-----BEGIN PRIVATE").decode(),
        "more of a stranger's answer than its first line": TRAP if "reason withheld" in text else "PRIVATE KEY",
    }
    for owner, secret in secrets.items():
        if secret in text:
            pytest.fail(f"{owner} must not show: {text[:2000]}")
