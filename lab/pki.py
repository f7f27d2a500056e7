"""The lab's certificate authority."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = datetime.timedelta(days=365)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority that lives in a folder.

    RSA, because Kamaji parses the DataStore's authority as an RSA key.
    """

    def __init__(self, folder: Path) -> None:
        """Open the authority in ``folder``, or create one there."""
        self.folder = folder
        self.certificate = folder / "ca.crt"
        self.key = folder / "ca.key"
        if not self.key.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            key = new_key()
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kamaji-equinix lab")])
            certificate = (
                builder(name, name, key.public_key())
                .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                .add_extension(usage(signs=True), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                .sign(key, hashes.SHA256())
            )
            write_private(self.certificate, certificate.public_bytes(serialization.Encoding.PEM))
            write_private(self.key, private_pem(key))
        self._certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        private_key = serialization.load_pem_private_key(self.key.read_bytes(), None)
        if not isinstance(private_key, rsa.RSAPrivateKey):
            raise TypeError(f"{self.key} is no RSA key")
        self._key = private_key

    @property
    def pem(self) -> str:
        """The authority's certificate as PEM."""
        return self.certificate.read_text()

    def issue(
        self,
        name: str,
        common_name: str,
        *,
        organizations: Sequence[str] = (),
        addresses: Sequence[str] = (),
        hosts: Sequence[str] = (),
    ) -> KeyPair:
        """Issue a certificate for servers and clients.

        Args:
            name: folder of the result below the authority's; an earlier one is replaced.
            common_name: the subject's common name; to an API server, the user.
            organizations: the subject's organizations; to an API server, the groups.
            addresses: IP addresses that it is valid for.
            hosts: DNS names that it is valid for.

        Returns:
            Files tls.crt and tls.key; ca.crt lies beside them.
        """
        key = new_key()
        subject = x509.Name(
            [
                *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization) for organization in organizations),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
        certificate = (
            builder(subject, self._certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage(signs=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            # Python 3.13 and later refuse a certificate without it.
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if addresses or hosts:
            names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
            certificate = certificate.add_extension(
                x509.SubjectAlternativeName(names + [x509.DNSName(host) for host in hosts]), critical=False
            )
        folder = self.folder / name
        folder.mkdir(exist_ok=True, mode=0o700)
        pair = KeyPair(folder / "tls.crt", folder / "tls.key")
        x509_certificate = certificate.sign(self._key, hashes.SHA256())
        write_private(pair.certificate, x509_certificate.public_bytes(serialization.Encoding.PEM))
        write_private(pair.key, private_pem(key))
        write_private(folder / "ca.crt", self.certificate.read_bytes())
        return pair


def builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    """A certificate builder; the certificate is valid from an hour ago."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFE)
    )


def usage(*, signs: bool) -> x509.KeyUsage:
    """Key usage of an authority, or of a server and client."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def new_key() -> rsa.RSAPrivateKey:
    """A fresh RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> bytes:
    """A key in PKCS#1, the format that Kamaji reads."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def write_private(path: Path, content: bytes) -> None:
    """Write a file atomically, readable by its owner only."""
    part = path.with_name(f".{path.name}.part")
    part.touch(mode=0o600)
    part.write_bytes(content)
    part.rename(path)
