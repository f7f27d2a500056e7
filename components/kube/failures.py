"""Why a request got no usable answer."""

from __future__ import annotations

import http.client
import json
import ssl

from .plain_text import single_line

_REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 406: "NotAcceptable"}


class ApiError(Exception):
    """A request that got no usable answer.

    Attributes:
        reason: ``Unauthorized``, ``Forbidden``, ``NotFound`` and so on as the API server calls it; ``Unreachable``
            where no connection came about or it broke; ``Untrusted`` where TLS failed; ``NotKubernetes`` where
            something else answers; ``NoCredentials`` where they ended and could not be renewed.
        message: what happened, without credentials.
        code: HTTP status; 0 where no answer came.
        retry_after: seconds that the server asks to wait; None where it asks for none.
    """

    def __init__(self, reason: str, message: str, code: int = 0, retry_after: float | None = None) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.code = code
        self.retry_after = retry_after


def refusal(answer: http.client.HTTPResponse, content: bytes) -> ApiError:
    """The error in an API server's refusal of a request."""
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    status = document if isinstance(document, dict) and document.get("kind") == "Status" else {}
    reason = str(status.get("reason") or _REASONS.get(answer.status) or f"Status{answer.status}")
    text = single_line(content.decode(errors="replace")) if document is None else ""
    wait = answer.headers.get("Retry-After") or ""
    return ApiError(
        reason,
        str(status.get("message") or text[:200] or f"HTTP {answer.status}"),
        answer.status,
        float(wait) if wait.isdecimal() else None,
    )


def explain(error: Exception, server: str) -> ApiError:
    """The error for a server that gave no answer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ApiError("Untrusted", f"{server}: its certificate is not accepted: {error.verify_message}")
    if isinstance(error, http.client.RemoteDisconnected | ssl.SSLEOFError | ssl.SSLZeroReturnError):
        # As of a server that stops or starts, or a proxy that lost it.
        return ApiError("Unreachable", f"{server} closed the connection without an answer")
    if isinstance(error, ssl.SSLError):
        return ApiError("Untrusted", f"{server}: no TLS connection: {error.reason or error}")
    if isinstance(error, TimeoutError):
        return ApiError("Unreachable", f"{server} did not answer in time ({error})")
    if isinstance(error, ConnectionRefusedError):
        return ApiError("Unreachable", f"{server} refuses connections: nothing listens there")
    if isinstance(error, http.client.BadStatusLine):
        return ApiError("NotKubernetes", f"{server} does not speak HTTP")
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return ApiError("Unreachable", f"{server}: {single_line(text)}")
