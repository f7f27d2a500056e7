"""Certificates and keys in every form in which kubeconfigs hold them."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import ssl
import tempfile
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
PASSWORD = b"opensesame"
DAY = datetime.timedelta(days=1)


class Issuer:
    """An authority that signs certificates, with or without an authority above it."""

    def __init__(self, name: str, above: Issuer | None = None) -> None:
        self.key: Any = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (above or self).sign(self.name, self.key, authority=True)

    @property
    def pem(self) -> str:
        return pem_of(self.certificate)

    def sign(
        self,
        name: x509.Name,
        key: Any,
        *,
        authority: bool = False,
        hosts: tuple[str, ...] = (),
        usage: x509.ObjectIdentifier | None = None,
        age: datetime.timedelta = DAY,
        life: datetime.timedelta = DAY,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - age)
            .not_valid_after(now + life)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def client(self, name: str, key: Any, **options: Any) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self.sign(subject, key, usage=ExtendedKeyUsageOID.CLIENT_AUTH, **options)


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: Any, form: serialization.PrivateFormat = PKCS8, password: bytes | None = None) -> str:
    protection: Any = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, protection).decode()


SERVERS = (
    "good",
    "wrong name",
    "by another",
    "by intermediate",
    "without chain",
    "expired",
    "common name",
    "self-signed",
)

HOSTS = ("127.0.0.1", "::1", "0.0.0.0", "::", "localhost", "api.corp.example", "10.9.8.7")  # noqa: S104


class Pki:
    """All that the cases need, made once."""

    def __init__(self) -> None:
        self.authority = Issuer("root of the cases")
        self.other = Issuer("another root")
        self.intermediate = Issuer("intermediate", self.authority)
        self.ec_key = ec.generate_private_key(ec.SECP256R1())
        self.rsa_key = rsa.generate_private_key(65537, 2048)
        self.ed_key = ed25519.Ed25519PrivateKey.generate()
        self.ec = pem_of(self.authority.client("ec", self.ec_key))
        self.rsa = pem_of(self.authority.client("rsa", self.rsa_key))
        self.ed = pem_of(self.authority.client("ed", self.ed_key))
        self.chain = pem_of(self.intermediate.client("chained", self.ec_key)) + self.intermediate.pem
        self.servers = {kind: self.server(kind) for kind in SERVERS}
        self.expired = pem_of(self.authority.client("expired", self.ec_key, age=2 * DAY, life=-DAY))

    def server(self, kind: str) -> tuple[ssl.SSLContext, str]:
        """TLS settings of a server, and its certificate.

        Kinds: ``good``; ``wrong name``; ``by another``; ``by intermediate`` with or ``without chain``; ``expired``;
        ``common name`` alone; ``self-signed``.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = {"by another": self.other, "by intermediate": self.intermediate, "without chain": self.intermediate}
        signer = issuer.get(kind, self.authority)
        hosts = {"wrong name": ("api.corp.example",), "common name": ()}.get(kind, HOSTS)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        if kind == "self-signed":
            signer = Issuer.__new__(Issuer)
            signer.key, signer.name = key, name
        times = {"age": 2 * DAY, "life": -DAY} if kind == "expired" else {}
        leaf = signer.sign(name, key, hosts=hosts, usage=ExtendedKeyUsageOID.SERVER_AUTH, **times)
        certificate = pem_of(leaf)
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        settings.verify_mode = ssl.CERT_OPTIONAL
        settings.load_verify_locations(cadata=self.authority.pem)
        with tempfile.TemporaryDirectory() as folder:
            pair = Path(folder, "pair.pem")
            chain = self.intermediate.pem if kind == "by intermediate" else ""
            pair.write_text(certificate + chain + key_pem(key))
            settings.load_cert_chain(pair)
        return settings, certificate


@functools.cache
def pki() -> Pki:
    """The one set of certificates and keys."""
    return Pki()
