"""``kubeadm join`` and the kubelet's TLS bootstrap over the network, until the machine has a node's certificate.

Follows cmd/kubeadm/app/discovery/token, cmd/kubeadm/app/cmd/phases/join/kubelet.go and k8s.io/cluster-bootstrap/token/jws.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .cloudinit import single_line, yaml_problem
from .kubeadm import Join
from .trouble import BootFailure, NotYet

TIMEOUT = 5.0
SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"


@dataclass(frozen=True)
class Cluster:
    """A cluster that a machine trusts: its API server and the authority's certificate."""

    server: str
    ca_pem: str


@dataclass(frozen=True)
class NodeCredentials:
    """A kubelet's credentials on disk after its bootstrap."""

    cluster: Cluster
    certificate_pem: str
    key_pem: str


def discover(join: Join) -> Cluster:
    """Find the cluster by its signed cluster-info, verified with the token and the CA pins.

    Raises:
        NotYet: the API server does not answer, or cluster-info has no signature for the token yet; kubeadm tries again.
        BootFailure: the signature or the CA does not match the JoinConfiguration.
    """
    url = f"https://{join.endpoint}"
    untrusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # As kubeadm: it trusts the signature of cluster-info with the token's secret, not the server's certificate.
    untrusting.check_hostname = False
    untrusting.verify_mode = ssl.CERT_NONE
    kubeconfig = cluster_info(join, url, untrusting)
    cluster = only_cluster(kubeconfig)
    if not join.hashes:
        return cluster
    pins = {pin(certificate) for certificate in x509.load_pem_x509_certificates(cluster.ca_pem.encode())}
    if not pins & join.hashes:
        raise BootFailure(
            f"the cluster's CA is not the one that its JoinConfiguration pins: expected {', '.join(sorted(join.hashes))}, "
            f"found {', '.join(sorted(pins))} at {join.endpoint}"
        )
    if cluster_info(join, url, client_context(cluster.ca_pem)) != kubeconfig:
        raise BootFailure(f"cluster-info of {join.endpoint} is another one over verified TLS")
    return cluster


def cluster_info(join: Join, url: str, context: ssl.SSLContext) -> str:
    """The kubeconfig in ConfigMap cluster-info, its signature verified with the token."""
    with http(url, context) as client:
        data = fetch(client, "/api/v1/namespaces/kube-public/configmaps/cluster-info", "cluster-info").get("data") or {}
    signature = data.get(f"jws-kubeconfig-{join.token_id}")
    if not signature:
        raise NotYet(
            f"cluster-info of {join.endpoint} bears no signature for token {join.token_id}: the token is unknown there or "
            "has expired"
        )
    kubeconfig = str(data.get("kubeconfig") or "")
    if not is_signed(kubeconfig, signature, join.token_id, join.token_secret):
        raise BootFailure(f"the signature of cluster-info of {join.endpoint} is not that of its token {join.token_id}")
    return kubeconfig


def is_signed(content: str, jws: str, token_id: str, secret: str) -> bool:
    """Whether a detached JWS (HS256) signs the content with a bootstrap token."""
    header, _, signature = jws.partition("..")
    try:
        fields = json.loads(decode_base64url(header))
        if fields.get("alg") != "HS256" or fields.get("kid") != token_id:
            return False
        signature_bytes = decode_base64url(signature)
    except (ValueError, AttributeError):
        return False
    payload = base64.urlsafe_b64encode(content.encode()).rstrip(b"=")
    digest = hmac.new(secret.encode(), header.encode() + b"." + payload, hashlib.sha256).digest()
    return hmac.compare_digest(digest, signature_bytes)


def decode_base64url(text: str) -> bytes:
    """Decode base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def only_cluster(kubeconfig: str) -> Cluster:
    """The only cluster of cluster-info's kubeconfig."""
    try:
        (entry,) = yaml.safe_load(kubeconfig)["clusters"]
        cluster = entry["cluster"]
        return Cluster(cluster["server"], base64.b64decode(cluster["certificate-authority-data"]).decode())
    except yaml.YAMLError as error:
        raise BootFailure(f"cluster-info holds no valid YAML: {yaml_problem(error)}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise BootFailure(f"cluster-info holds no kubeconfig with one cluster: {single_line(error)}") from None


def pin(certificate: x509.Certificate) -> str:
    """Hash of a certificate's public key, as in caCertHashes (cmd/kubeadm/app/util/pubkeypin)."""
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"sha256:{hashlib.sha256(key).hexdigest()}"


def client_context(ca_pem: str) -> ssl.SSLContext:
    """A TLS context that trusts one authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ca_pem)
    return context


def http(url: str, context: ssl.SSLContext, token: str = "") -> httpx.Client:
    """A client of an API server, anonymous or with a bootstrap token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=url, verify=context, headers=headers, timeout=TIMEOUT, trust_env=False)


def fetch(client: httpx.Client, path: str, subject: str) -> dict[str, Any]:
    """GET an object.

    Raises:
        NotYet: with the reason, on any failure.
    """
    return require_answer(lambda: client.get(path), f"{subject} of {client.base_url.netloc.decode()}")


def require_answer(call: Callable[[], httpx.Response], subject: str) -> dict[str, Any]:
    """The JSON of a successful call.

    Raises:
        NotYet: with the reason, on any failure.
    """
    try:
        answer = call()
    except httpx.HTTPError as error:
        raise NotYet(f"{subject}: no answer: {single_line(error) or type(error).__name__}") from None
    if answer.is_error:
        raise NotYet(f"{subject}: {answer.status_code} {status_text(answer)}")
    document: dict[str, Any] = answer.json()
    return document


def status_text(answer: httpx.Response) -> str:
    """The message of an API server's error."""
    try:
        return single_line(answer.json()["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return single_line(answer.text)[:200]


class Bootstrap:
    """A machine with a bootstrap token, on its way to a node's certificate."""

    def __init__(self, join: Join, cluster: Cluster, name: str) -> None:
        """Prepare to join a cluster that ``discover`` returned, as Node ``name``."""
        self._client = http(cluster.server, client_context(cluster.ca_pem), f"{join.token_id}.{join.token_secret}")
        self._cluster, self._name = cluster, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._request = ""

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def preflight(self) -> None:
        """Read the objects that kubeadm reads before it configures the kubelet.

        Raises:
            NotYet: a ConfigMap cannot be read.
            BootFailure: a Node of this name is Ready already.
        """
        for name in ("kubeadm-config", "kubelet-config"):
            fetch(self._client, f"/api/v1/namespaces/kube-system/configmaps/{name}", f"ConfigMap {name}")
        answer = self._client.get(f"/api/v1/nodes/{self._name}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return
        node = require_answer(lambda: answer, f"Node {self._name}")
        if ready(node):
            raise BootFailure(f"a Node named {self._name} is Ready already; kubeadm refuses to join a second one")

    def request(self) -> None:
        """Request a node's client certificate."""
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{self._name}"),
            ]
        )
        csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self._key, hashes.SHA256())
        body = {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"generateName": "csr-"},
            "spec": {
                "request": base64.b64encode(csr.public_bytes(serialization.Encoding.PEM)).decode(),
                "signerName": SIGNER,
                "usages": ["digital signature", "client auth"],
            },
        }
        request_ = require_answer(
            lambda: self._client.post("/apis/certificates.k8s.io/v1/certificatesigningrequests", json=body),
            "the request for a node certificate",
        )
        self._request = request_["metadata"]["name"]

    def credentials(self) -> NodeCredentials:
        """The certificate, once it is approved and signed; requests it first if necessary.

        Raises:
            NotYet: it is not signed yet.
            BootFailure: it was denied.
        """
        if not self._request:
            self.request()
        path = f"/apis/certificates.k8s.io/v1/certificatesigningrequests/{self._request}"
        status: Mapping[str, Any] = (
            fetch(self._client, path, f"CertificateSigningRequest {self._request}").get("status") or {}
        )
        for condition in status.get("conditions") or []:
            if condition["type"] in ("Denied", "Failed"):
                raise BootFailure(
                    f"its CertificateSigningRequest {self._request} is {condition['type']}: {condition.get('message', '')}"
                )
        if not status.get("certificate"):
            approval = "approved but not signed" if status.get("conditions") else "not approved"
            raise NotYet(f"CertificateSigningRequest {self._request} is {approval}: kube-controller-manager does that")
        key = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return NodeCredentials(self._cluster, base64.b64decode(status["certificate"]).decode(), key.decode())


def ready(node: Mapping[str, Any]) -> bool:
    """Whether a Node's condition Ready is true."""
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
