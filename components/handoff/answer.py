"""Phases two to four: the control plane accepts connections, shows a certificate of the tenant's authority, and is ready."""

from __future__ import annotations

import base64
import binascii

from ..capi.endpoint import Endpoint, endpoint_of
from ..capi.kinds import TENANT_CONTROL_PLANE
from ..kube.client import ApiError
from ..kube.objects import SECRET, dig
from . import reachability
from .declared_address import Elsewhere
from .errors import HandoffError
from .patience import Wait

MOVED_SECONDS = 1.0
"""Seconds between two checks whether Kamaji moved the address meanwhile."""

NO_AUTHORITY = reachability.Answer("tls", False, "Kamaji has not published the tenant's authority yet")


def await_answer(wait: Wait, address: Endpoint) -> Endpoint:
    """Wait until the control plane answers; follow it where Kamaji moves it meanwhile.

    Returns:
        Where it answers.

    Raises:
        HandoffError: there is no answer in time, or the infrastructure cluster does not exist any more.
    """
    order, progress = wait.order, wait.progress
    progress.phase = "dial"
    progress.tell(f"{address}: waits until {order.path} answers")
    authority: str | None = None
    attempts = 0
    last_check, refused_since = progress.elapsed, None
    elsewhere = Elsewhere(wait)
    while True:
        if order.verify and authority is None:
            authority = tenant_authority(wait)
        answer = NO_AUTHORITY
        if authority is not None or not order.verify:
            target = reachability.Target(address.host, address.port, authority, order.path)
            answer = reachability.attempt(
                target, min(reachability.ATTEMPT_SECONDS, max(progress.remaining_seconds, 0.1))
            )
        progress.phase = answer.stage
        now = progress.elapsed
        refused_since = (now if refused_since is None else refused_since) if answer.is_refusal else None
        if answer.ok or (refused_since is not None and now - refused_since >= reachability.REFUSED_SECONDS):
            progress.tell(f"{address}: {answer.text}")
            return address
        progress.report_wait(f"{address}: {answer.text}", f"{address} {answer.stage}")
        if progress.over:
            raise timeout_error(wait, address, answer)
        progress.pause(reachability.pause(attempts, answer))
        attempts += 1
        if progress.elapsed - last_check > MOVED_SECONDS:
            last_check = progress.elapsed
            new_address = published_address(wait)
            if new_address and new_address != address:
                progress.tell(f"the address moved from {address} to {new_address}")
                address, authority, refused_since = new_address, None, None
            elsewhere.look(address, answer)
            if answer.stage == "tls":
                authority = None
            wait.keep_watch()


def published_address(wait: Wait) -> Endpoint | None:
    """The address that Kamaji publishes now; None where it can't be read.

    Raises:
        HandoffError: the control plane is deleted, so nothing would ever answer.
    """
    try:
        plane = wait.kube.find(wait.order.control_plane_kind, wait.order.control_plane)
    except ApiError:
        return None
    if plane is None or dig(plane, "metadata", "deletionTimestamp"):
        raise wait.failure(
            "address",
            wait.control_plane_subject,
            expectation="that it exists",
            observation="it is being deleted" if plane else "it does not exist any more",
            advice="If it was deleted by hand, `pulumi refresh` and then `pulumi up` make it again.",
        )
    return endpoint_of(plane)


def tenant_authority(wait: Wait) -> str | None:
    """The tenant's certificate authority as PEM, None until Kamaji has made it.

    Raises:
        HandoffError: it may not be read, or is not a certificate.
    """
    name = wait.order.control_plane
    subject = f"certificate authority of TenantControlPlane {wait.kube.namespace}/{name}"
    try:
        tenant = wait.kube.find(TENANT_CONTROL_PLANE, name)
        holder = dig(tenant, "status", "certificates", "ca", "secretName")
        secret = wait.kube.find(SECRET, holder) if holder else None
    except ApiError as error:
        wait.bearable(error, "tls", subject)
        return None
    base64_text = dig(secret, "data", "ca.crt")
    if not base64_text:
        return None
    try:
        pem = base64.b64decode(base64_text).decode()
        reachability.context(pem)
    except (ValueError, OSError, binascii.Error):
        raise wait.failure(
            "tls",
            subject,
            expectation=f"a PEM certificate under ca.crt of Secret {holder}",
            observation="something that is not a certificate",
            advice=f"Delete it, and Kamaji makes a new one: `kubectl -n {wait.kube.namespace} delete secret {holder}`. "
            "All of the tenant's certificates change with it.",
        ) from None
    return pem


def timeout_error(wait: Wait, address: Endpoint, answer: reachability.Answer) -> HandoffError:
    """The error of a control plane that did not answer in time."""
    name, namespace = wait.order.control_plane, wait.kube.namespace
    expectation = {
        "dial": "a TCP connection",
        "tls": "a TLS handshake with a certificate of the tenant's authority",
        "ready": f"{wait.order.path} to answer 200",
    }[answer.stage]
    advice = {
        "dial": f"Check the load balancer: `kubectl -n {namespace} get service {name}`. Its address must be reachable "
        "from here and from the machines.",
        "tls": "Something else may answer at the address, or the certificate does not name it: see "
        f"`kubectl -n {namespace} get tenantcontrolplane {name} -o yaml`; `controlPlane.network.certSANs` adds names.",
        "ready": f"See the control plane's pods: `kubectl -n {namespace} get pods -l kamaji.clastix.io/name={name}`.",
    }[answer.stage]
    return wait.failure(answer.stage, str(address), expectation=expectation, observation=answer.text, advice=advice)
