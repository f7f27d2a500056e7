"""Cases about certificates, authorities and servers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from tests.support.credentials.build import (
    TOKEN,
    b64,
    case,
    cluster,
    config,
    credential,
    flat,
    insecure,
    pair,
    plugin,
    script,
    wrap,
)
from tests.support.credentials.pki import PASSWORD, TRADITIONAL, key_pem, pki
from tests.support.credentials.runs import SECRET, Case


def client_certificates() -> Iterator[Case]:
    certs = pki()

    def showing(name: str, certificate: str, key: str, **extra: Any) -> Case:
        return case(f"certificate: {name}", config({**pair(certificate, key), **extra}))

    ec_key, rsa_key = key_pem(certs.ec_key), key_pem(certs.rsa_key)
    encrypted = key_pem(certs.ec_key, password=PASSWORD)
    yield showing("EC in PKCS8", certs.ec, ec_key)
    yield showing("EC in SEC 1", certs.ec, key_pem(certs.ec_key, TRADITIONAL))
    yield showing("RSA in PKCS8", certs.rsa, rsa_key)
    yield showing("RSA in PKCS1", certs.rsa, key_pem(certs.rsa_key, TRADITIONAL))
    yield showing("Ed25519", certs.ed, key_pem(certs.ed_key))
    yield showing("PKCS8 under the name of PKCS1", certs.rsa, rsa_key.replace("PRIVATE KEY", "RSA PRIVATE KEY"))
    yield showing(
        "PKCS1 under the name of PKCS8",
        certs.rsa,
        key_pem(certs.rsa_key, TRADITIONAL).replace("RSA PRIVATE", "PRIVATE"),
    )
    yield showing(
        "SEC 1 under the name of PKCS1",
        certs.ec,
        key_pem(certs.ec_key, TRADITIONAL).replace("EC PRIVATE", "RSA PRIVATE"),
    )
    yield showing(
        "EC parameters before the key",
        certs.ec,
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        + key_pem(certs.ec_key, TRADITIONAL),
    )
    yield showing("with its chain", certs.chain, ec_key)
    yield showing("with its key in one text", certs.ec + ec_key, certs.ec + ec_key)
    yield showing("after its key", ec_key + certs.ec, ec_key)
    yield showing("encrypted PKCS8", certs.ec, encrypted)
    yield showing("encrypted in the old form", certs.rsa, key_pem(certs.rsa_key, TRADITIONAL, PASSWORD))
    yield showing("a key of another", certs.ec, rsa_key)
    yield showing("no certificate", "hello", ec_key)
    yield showing("a broken certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ec_key)
    yield showing("no key", certs.ec, "hello")
    yield showing("a broken key", certs.ec, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    yield showing("expired", certs.expired, ec_key)
    yield showing("with comments", f"Größe: 1\n# café\n{certs.ec}", f"Schlüssel\n{ec_key}")
    yield showing("with CRLF", certs.ec.replace("\n", "\r\n"), ec_key.replace("\n", "\r\n"))
    yield showing("in one line", flat(certs.ec), flat(ec_key))
    yield showing("in long lines", long_lines(certs.rsa), long_lines(rsa_key))
    yield showing("indented", certs.ec.replace("\n", "\n  "), ec_key)
    yield showing(
        "of Latin-1",
        "x",
        "y",
        **{"client-certificate-data": b64(b"# caf\xe9\n" + certs.ec.encode()), "client-key-data": b64(ec_key)},
    )
    data = {"client-certificate-data": wrap(b64(certs.ec)) + "\n", "client-key-data": wrap(b64(ec_key))}
    yield case("certificate: base64 with line breaks", config(data))
    yield case(
        "certificate: base64 with spaces", config({**data, "client-key-data": wrap(b64(ec_key)).replace("\n", " ")})
    )
    yield case(
        "certificate: base64 without padding",
        config({**data, "client-key-data": b64(ec_key + "\n" * (2 - len(ec_key) % 3)).rstrip("=")}),
    )
    yield case(
        "certificate: URL-safe base64",
        config(
            {
                **data,
                "client-certificate-data": base64.urlsafe_b64encode(certs.rsa.encode() + b"\xff\xfe\xff").decode(),
            }
        ),
    )
    files = {"pki/a.crt": certs.ec, "pki/a.key": ec_key}
    paths = {"client-certificate": "pki/a.crt", "client-key": "pki/a.key"}
    yield case("certificate: files", config(paths), files=files)
    yield case(
        "certificate: files by absolute paths",
        config({key: f"@FOLDER@/{value}" for key, value in paths.items()}),
        files=files,
    )
    yield case(
        "certificate: a file and data",
        config({"client-certificate": "pki/a.crt", "client-key-data": b64(ec_key)}),
        files=files,
    )
    yield case(
        "certificate: both a file and data",
        config({**paths, "client-certificate-data": b64(certs.ec)}),
        files=files,
    )
    yield case("certificate: both a key file and data", config({**paths, "client-key-data": b64(ec_key)}), files=files)
    yield case("certificate: a missing file", config({**paths, "client-certificate": "none"}), files=files)
    yield case("certificate: a missing key file", config({**paths, "client-key": "none"}), files=files)
    yield case("certificate: without a key", config({"client-certificate-data": b64(certs.ec)}))
    yield case("certificate: a key without it", config({"token": TOKEN, "client-key-data": b64(ec_key)}))
    yield case("certificate: a key file that is missing without it", config({"token": TOKEN, "client-key": "none"}))


def long_lines(text: str) -> str:
    """A PEM with lines of 300 letters."""
    begin, *middle, end = text.strip().split("\n")
    return f"{begin}\n{wrap(''.join(middle), 300)}\n{end}\n"


def authorities() -> Iterator[Case]:
    certs = pki()

    def trusting(name: str, bundle: str | bytes, server: str = "good", **extra: Any) -> Case:
        return case(
            f"authority: {name}",
            config(of=cluster(**{"certificate-authority-data": b64(bundle)})),
            server=server,
            **extra,
        )

    root = certs.authority.pem
    yield trusting("another one", certs.other.pem)
    yield trusting("a bundle", certs.other.pem + root)
    yield trusting("a bundle with comments outside of ASCII", f"# Größe café …\n{certs.other.pem}# Ω\n{root}")
    yield trusting("a bundle in Latin-1", b"# caf\xe9\n" + root.encode())
    yield trusting("with CRLF", root.replace("\n", "\r\n"))
    yield trusting("in one line", flat(root))
    yield trusting("in long lines", long_lines(root))
    yield trusting("the same one twice", root + root)
    yield trusting(
        "a broken certificate before a good one",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + root,
    )
    yield trusting(
        "broken base64 before a good one", "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n" + root
    )
    yield trusting("one with headers", root.replace("CERTIFICATE-----\n", "CERTIFICATE-----\nA: b\n\n", 1))
    yield trusting("a key among them", key_pem(certs.ec_key) + root)
    yield trusting("a trusted certificate of OpenSSL", root.replace("CERTIFICATE", "TRUSTED CERTIFICATE"))
    yield trusting("no PEM", "hello")
    yield trusting("only a key", key_pem(certs.ec_key))
    yield trusting("nothing", "")
    yield trusting("an intermediate one alone", certs.intermediate.pem, "by intermediate")
    yield trusting("the root of an intermediate one", root, "by intermediate")
    yield trusting("the root of an intermediate one that is not sent", root, "without chain")
    yield trusting("an intermediate one that is not sent", certs.intermediate.pem, "without chain")
    yield trusting("the server's own certificate", certs.servers["good"][1])
    yield trusting("the server's self-signed certificate", certs.servers["self-signed"][1], "self-signed")
    yield trusting("an expired server", root, "expired")
    yield trusting("a server with a common name alone", root, "common name")
    files = {"ca.crt": root, "empty": "", "text": "hello"}

    def of_file(name: str, path: str, **extra: Any) -> Case:
        return case(
            f"authority: {name}",
            config(of=cluster(**{"certificate-authority-data": None, "certificate-authority": path, **extra})),
            files=files,
        )

    yield of_file("a file", "ca.crt")
    yield of_file("a file by an absolute path", "@FOLDER@/ca.crt")
    yield of_file("a missing file", "none.crt")
    yield of_file("an empty file", "empty")
    yield of_file("a file of something else", "text")
    yield of_file("a file and data", "ca.crt", **{"certificate-authority-data": b64(root)})
    yield of_file("a file, and any certificate", "ca.crt", **{"insecure-skip-tls-verify": True})
    yield case("authority: none", config(of=cluster(**{"certificate-authority-data": None})))
    yield case("authority: any", config(of=insecure()), server="by another")
    yield case("authority: any, and one", config(of=cluster(**{"insecure-skip-tls-verify": True})))
    yield case("authority: any, for an expired server", config(of=insecure()), server="expired")
    yield case(
        "authority: base64 with line breaks", config(of=cluster(**{"certificate-authority-data": wrap(b64(root))}))
    )
    yield case(
        "authority: of the system",
        config(of=cluster(**{"certificate-authority-data": None})),
        files={"ca.pem": root},
        env={"SSL_CERT_FILE": "@FOLDER@/ca.pem"},
    )


def servers() -> Iterator[Case]:
    def at(name: str, server: str, differs: str = "", kind: str = "good", **extra: Any) -> Case:
        return case(f"server: {name}", config(of=cluster(server=server, **extra)), server=kind, differs=differs)

    yield at("a path", "@URL@/k8s/clusters/c-1")
    yield at("a slash at its end", "@URL@/")
    yield at("a path with a slash at its end", "@URL@/k8s/")
    yield at("a query", "@URL@/?a=b")
    yield at("capitals", "HTTPS://LOCALHOST:@PORT@")
    yield at("a name", "https://localhost:@PORT@")
    yield at("IPv6", "https://[::1]:@V6PORT@")
    yield at("no port", "https://127.0.0.1")
    yield at("a port that is none", "https://127.0.0.1:99999")
    yield at("no URL", "https://[::1")
    yield at("nothing", "")
    yield at("another scheme", "ftp://127.0.0.1:@PORT@")
    yield at("without a scheme", "127.0.0.1:@PORT@")
    yield at("plain HTTP, and no credentials over it", "http://127.0.0.1:@HTTPPORT@")
    yield at("plain HTTP to a server of TLS", "http://127.0.0.1:@PORT@")
    yield at("TLS to a server of plain HTTP", "https://127.0.0.1:@HTTPPORT@")
    yield at("another name in its certificate", "@URL@", kind="wrong name")
    yield at("another name that is expected", "@URL@", kind="wrong name", **{"tls-server-name": "api.corp.example"})
    yield at("a name that is expected in vain", "@URL@", **{"tls-server-name": "other.example"})
    yield at("an address that is expected", "@URL@", **{"tls-server-name": "10.9.8.7"})
    yield at("a name with a dot at its end", "@URL@", **{"tls-server-name": "api.corp.example."})
    yield at("compression is off", "@URL@", **{"disable-compression": True})
    yield case(
        "server: a name, and any certificate",
        config(of=insecure(**{"tls-server-name": "other.example"})),
        server="by another",
    )
    yield case(
        "server: plain HTTP without a user",
        config(
            contexts=[{"name": "one", "context": {"cluster": "c"}}], of=cluster(server="http://127.0.0.1:@HTTPPORT@")
        ),
    )
    yield case(
        "server: plain HTTP as somebody",
        config({"as": "bob", "token": TOKEN}, cluster(server="http://127.0.0.1:@HTTPPORT@")),
    )
    yield case(
        "server: plain HTTP with a plugin",
        config(plugin(), cluster(server="http://127.0.0.1:@HTTPPORT@")),
        files={"plugin": script(credential())},
    )
    yield at(
        "a user and password in it",
        f"https://ann:{SECRET}@127.0.0.1:@PORT@",
        "its address is shown in reports, a password with it; it belongs into `users`",
    )
