"""A Kubernetes API by the standard library alone: JSON requests, patches and watches, with typed errors.

A full client takes 0.24 s to start (lightkube): more than the few requests that the program, the hand-off's plugin and the
status tree each make in a run that changes nothing.
"""

from __future__ import annotations

import gzip
import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from .access import Access, AccessError, Secrets
from .connections import Connections, Request
from .failures import ApiError as ApiError
from .failures import refusal
from .plain_text import single_line
from .urls import address_of, without_credentials

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0

RETRIES = 10
"""How often a request is repeated where the server asks for that by Retry-After, as client-go does."""

HOPS = 10
"""How many redirections a request follows, as Go does."""


class Api:
    """A Kubernetes API. Threads may share it: each has a connection of its own, kept open between requests."""

    def __init__(
        self,
        access: Access,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        patience: float = READ_SECONDS,
    ) -> None:
        """Prepare, without a connection. A credential plugin is run.

        Args:
            access: where it is, and who asks.
            connect_seconds: bound of a TCP and TLS handshake.
            read_seconds: bound of the wait for an answer.
            patience: seconds, in all, for which a request is repeated where the server asks for that by Retry-After, as
                client-go does: an API server answers 429 to the first request for a custom resource while it fills its
                cache, and 503 while it stops or starts.

        Raises:
            AccessError: the certificates, the proxy or the credentials can't be used.
        """
        self.access = access
        self._patience = patience
        self._connections = Connections(access, connect_seconds, read_seconds)

    def get(self, path: str, *, accept: str = "application/json") -> dict[str, Any]:
        """The API's answer to a GET.

        Args:
            path: from the root, query included.
            accept: media types, for other representations than plain JSON.

        Raises:
            ApiError: no usable answer.
        """
        return self._ask(Request("GET", path, accept))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The API's answer to a POST of JSON, such as a review.

        Raises:
            ApiError: no usable answer.
        """
        return self._ask(Request("POST", path, body=json.dumps(body).encode()))

    def patch(self, path: str, body: Mapping[str, Any], content_type: str) -> dict[str, Any]:
        """The API's answer to a PATCH.

        A patch may be sent twice where the connection broke: callers send only patches that can be repeated.

        Raises:
            ApiError: no usable answer.
        """
        return self._ask(Request("PATCH", path, body=json.dumps(body).encode(), content_type=content_type))

    def delete(self, path: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """The API's answer to a DELETE.

        Args:
            path: of an object.
            options: ``DeleteOptions``; without a precondition a DELETE that is sent twice, where the connection broke, could
                delete another object of the same name.

        Raises:
            ApiError: no usable answer.
        """
        return self._ask(Request("DELETE", path, body=json.dumps(options).encode()))

    def watch(self, path: str, seconds: float) -> Iterator[dict[str, Any]]:
        """The events of a watch, until the server ends it or sends none for ``seconds``.

        Args:
            path: of a collection, with ``watch=1`` and ``timeoutSeconds`` in its query.
            seconds: bound of the wait for each event.

        Raises:
            ApiError: the watch was refused or broke.
        """
        connections: list[http.client.HTTPConnection] = []

        def begin(url: SplitResult, request: Request, secrets: Secrets) -> http.client.HTTPResponse:
            while connections:
                connections.pop().close()
            connection, answer = self._connections.open(url, request, secrets, seconds)
            connections.append(connection)
            return answer

        try:
            answer = self._answer(Request("GET", path, stream=True), begin)
            if answer.status >= 300:
                raise refusal(answer, answer.read())
            while line := answer.readline():
                yield json.loads(line)
        except TimeoutError:
            return
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._connections.explain(error) from error
        finally:
            while connections:
                connections.pop().close()

    def close(self) -> None:
        """Close the connection of the calling thread."""
        self._connections.close()

    def _ask(self, request: Request) -> dict[str, Any]:
        deadline = time.monotonic() + self._patience
        for _ in range(RETRIES):
            try:
                return self._ask_once(request)
            except ApiError as error:
                wait = error.retry_after
                if wait is None or not (error.code == 429 or error.code >= 500) or time.monotonic() + wait > deadline:
                    raise
            time.sleep(wait)
        return self._ask_once(request)

    def _ask_once(self, request: Request) -> dict[str, Any]:
        contents: list[bytes] = []

        def exchange(url: SplitResult, request: Request, secrets: Secrets) -> http.client.HTTPResponse:
            answer, content = self._connections.exchange(url, request, secrets)
            contents[:] = [content]
            return answer

        answer = self._answer(request, exchange)
        (content,) = contents
        try:
            if answer.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
            document = json.loads(content)
        except (OSError, EOFError, ValueError):
            document = None
        if answer.status >= 300:
            raise refusal(answer, content)
        if not isinstance(document, dict):
            raise ApiError("NotKubernetes", f"{self.access.server} answers, but not with JSON objects")
        return document

    def _answer(
        self, request: Request, exchange: Callable[[SplitResult, Request, Secrets], http.client.HTTPResponse]
    ) -> http.client.HTTPResponse:
        """The answer to a request: credentials are renewed where they were refused, redirections followed."""
        url = urlsplit(f"{self.access.server}{request.path}")
        for _ in range(HOPS):
            try:
                secrets = self.access.login.secrets()
                answer = exchange(url, request, secrets)
                if answer.status == 401 and self.access.login.renew(secrets):
                    answer = exchange(url, request, self.access.login.secrets())
            except AccessError as error:
                raise ApiError("NoCredentials", str(error)) from None
            location = answer.headers.get("Location") if answer.status in (301, 302, 303, 307, 308) else None
            if not location:
                return answer
            url = self._redirection(url, location, request, answer.status)
        raise ApiError("NotKubernetes", f"{self.access.server} redirects without end")

    def _redirection(self, url: SplitResult, elsewhere: str, request: Request, status: int) -> SplitResult:
        """The target of a redirection, credentials included, as with client-go; but never from TLS to plain HTTP."""
        try:
            target = urlsplit(urljoin(url.geturl(), elsewhere))
            place = single_line(without_credentials(target._replace(query="", fragment="").geturl()))[:200]
            usable = target.scheme in ("http", "https") and bool(target.hostname) and address_of(target)[1] > 0
        except ValueError:
            usable, place = False, "what is no URL"
        where = f"{self.access.server} redirects a {request.method} to {place}"
        if not usable or (request.body is not None and status not in (307, 308)):
            raise ApiError("NotKubernetes", where, status)
        if (url.scheme, target.scheme) == ("https", "http"):
            raise ApiError("NotKubernetes", f"{where}, which is not encrypted", status)
        return target._replace(fragment="")
