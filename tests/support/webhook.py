"""A validating webhook that refuses changes of the PacketClusters of one namespace."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .kamaji_objects import CLUSTER, INFRASTRUCTURE, Tenant

PATH = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@contextlib.contextmanager
def refusing_webhook(tenant: Tenant, code: int, message: str) -> Iterator[None]:
    """Install it, wait until it is in force, and take it away again."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = {"code": code, "message": message}
            answer = {"uid": review["request"]["uid"], "allowed": False, "status": status}
            body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer})
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    authority = tenant.management.authority
    pair = authority.issue("refusing-webhook", "refusing-webhook", addresses=["127.0.0.1"])
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(pair.certificate, pair.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = settings.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    ca = base64.b64encode(authority.pem.encode()).decode()
    hook = {
        "name": "frozen.example.com",
        "clientConfig": {"url": f"https://127.0.0.1:{server.server_address[1]}/", "caBundle": ca},
        "rules": [
            {
                "apiGroups": ["infrastructure.cluster.x-k8s.io"],
                "apiVersions": ["*"],
                "operations": ["UPDATE"],
                "resources": ["packetclusters"],
            }
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": tenant.namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    metadata = {"name": tenant.namespace}
    document = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    tenant.http.post(PATH, json={**document, "metadata": metadata, "webhooks": [hook]}).raise_for_status()
    try:
        in_force(tenant)
        yield
    finally:
        tenant.http.delete(f"{PATH}/{tenant.namespace}")
        server.shutdown()
        server.server_close()


def in_force(tenant: Tenant) -> None:
    """Wait until the API server asks the webhook: it learns of it a moment after it was installed."""
    deadline = time.monotonic() + 20
    url = f"{INFRASTRUCTURE.format(tenant.namespace)}/{CLUSTER}"
    for attempt in range(1000):
        answer = tenant.http.patch(
            url,
            json={"metadata": {"annotations": {"example.com/try": str(attempt)}}},
            headers={"Content-Type": "application/merge-patch+json"},
        )
        if answer.is_error:
            return
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    raise AssertionError("the webhook is not in force after 20 s")
