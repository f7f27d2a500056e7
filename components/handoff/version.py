"""The phase before machines: the control plane runs the version that the settings ask for.

Cluster API itself holds new machines back while a control plane is upgraded (its MachineSet preflight), but a pool that may
do without a machine while it rolls (``maxSurge: 0``) loses an old one first. So pools are written only once this has ended.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import time

from ..capi.endpoint import Endpoint
from ..capi.kinds import TENANT_CONTROL_PLANE
from ..capi.versions import bare, sort_key
from ..kube.client import ApiError
from ..kube.dial import dial, remaining_seconds
from ..kube.objects import dig
from . import reachability
from .answer import tenant_authority
from .patience import Wait
from .refusal import Refusals

LOOK_SECONDS = 0.5
ANSWER_BYTES = 1 << 14


def await_version(wait: Wait, address: Endpoint) -> None:
    """Wait until Kamaji reports the version that the KamajiControlPlane asks for, and the API server serves the same.

    Raises:
        HandoffError: not in time, or Kamaji refuses it.
    """
    order, progress, subject = wait.order, wait.progress, wait.control_plane_subject
    progress.phase = "version"
    refusals = Refusals(wait, "version")
    while True:
        plane = wait.patiently(
            "version", subject, lambda: wait.kube.find(order.control_plane_kind, order.control_plane)
        )
        target, current = bare(dig(plane, "spec", "version")), bare(dig(plane, "status", "version"))
        refusals.look(plane)
        if not order.enabled and not current:
            # Another program does the hand-off, and may do it after the first version runs.
            return
        obstacle = f"runs {current or 'nothing yet'}, Kamaji says {state(wait)}"
        if target and target == current:
            obstacle = old_parts(wait, address, target)
            if not obstacle:
                progress.tell(f"{subject} runs {target}")
                return
        progress.report_wait(f"{subject}: from {current or 'nothing'} to {target}: {obstacle}", f"{target} {obstacle}")
        wait.expire(
            "version",
            subject,
            f"that the control plane runs {target}",
            obstacle,
            f"No worker was touched. See `kubectl -n {wait.kube.namespace} describe tenantcontrolplane "
            f"{order.control_plane}` and its pods; `pulumi up` waits again.",
        )
        progress.pause(LOOK_SECONDS)


def state(wait: Wait) -> str:
    """The state that Kamaji gives the TenantControlPlane, such as ``Upgrading``, or why it does not go on."""
    try:
        if dig(wait.kube.find(wait.order.cluster_kind, wait.order.cluster), "spec", "paused"):
            return f"nothing: Cluster {wait.order.cluster} is paused (spec.paused), so no controller acts on it"
        tenant = wait.kube.find(TENANT_CONTROL_PLANE, wait.order.control_plane)
    except ApiError as error:
        return f"nothing ({error})"
    return str(dig(tenant, "status", "kubernetesResources", "version", "status") or "nothing yet")


def old_parts(wait: Wait, address: Endpoint, target: str) -> str:
    """Words for an API server that still serves an older version than ``target``; empty where none does.

    With the hand-off disabled nothing is dialled. Of a server that hides its version (``--anonymous-auth=false``) Kamaji's
    report is enough.
    """
    if not wait.order.enabled:
        return ""
    authority = tenant_authority(wait) if wait.order.verify else None
    if wait.order.verify and authority is None:
        return "the tenant's certificate authority can't be read"
    try:
        answer = server_version(reachability.Target(address.host, address.port, authority, "/version"))
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{address} does not tell its version ({error or type(error).__name__})"
    try:
        is_older = sort_key(answer) < sort_key(target)
    except ValueError:
        return ""
    return f"{address} still serves {answer}" if is_older else ""


def server_version(target: reachability.Target, seconds: float = reachability.ATTEMPT_SECONDS) -> str:
    """The version that an API server reports; empty where it hides it.

    Raises:
        OSError: it does not answer.
        ValueError: it answers with a temporary error.
        http.client.HTTPException: it does not speak HTTP.
    """
    until = time.monotonic() + seconds
    with contextlib.closing(dial(target.host, target.port, until)) as raw:
        raw.settimeout(remaining_seconds(until))
        tls_connection = reachability.context(target.ca_pem).wrap_socket(raw, server_hostname=target.host)
        with contextlib.closing(tls_connection):
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = tls_connection
            connection.request("GET", target.path, headers={"Connection": "close"})
            response = connection.getresponse()
            if response.status >= http.client.INTERNAL_SERVER_ERROR:
                raise ValueError(f"{target.path} answers {response.status}")
            content = response.read(ANSWER_BYTES) if response.status == http.client.OK else b""
    with contextlib.suppress(ValueError):
        return bare(dig(json.loads(content), "gitVersion"))
    return ""
