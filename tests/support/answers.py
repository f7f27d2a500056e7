"""What an API server answers to a request of a test."""

from __future__ import annotations

from typing import Any

import httpx


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """The object of an answer; an error fails the test, with the request and the server's words."""
    if answer.is_error:
        raise AssertionError(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:600]}")
    body: dict[str, Any] = answer.json()
    return body
