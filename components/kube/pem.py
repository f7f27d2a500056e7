"""Certificates and keys in PEM, read as Go reads them.

OpenSSL is stricter about the text around and within a block, and laxer about keys: it asks the terminal for the password of
an encrypted one. So the blocks are parsed here and written again in the form that OpenSSL reads.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator

_BLOCK = re.compile(
    rb"^-----BEGIN (?P<label>[^\r\n]*)-----[ \t]*\r?\n"
    rb"(?P<body>(?:(?!-----END )[^\n]*\n)*?)"
    rb"-----END (?P=label)-----[ \t]*\r?$",
    re.MULTILINE,
)


def certificates(text: bytes) -> str:
    """The certificates in a text, one after another.

    Raises:
        ValueError: it holds none. The message doesn't quote it.
    """
    return _as_pem("CERTIFICATE", (content for label, _, content in _blocks(text) if label == "CERTIFICATE"))


def authorities(text: bytes) -> str:
    """The certificates in a bundle of authorities; blocks with headers are passed over, as Go does.

    Raises:
        ValueError: it holds none. The message doesn't quote it.
    """
    blocks = _blocks(text)
    return _as_pem("CERTIFICATE", (body for label, headers, body in blocks if label == "CERTIFICATE" and not headers))


def private_key(text: bytes) -> str:
    """The first private key in a text.

    Raises:
        ValueError: it holds none, or one that is encrypted. The message doesn't quote it.
    """
    for label, headers, content in _blocks(text):
        if label != "PRIVATE KEY" and not label.endswith(" PRIVATE KEY"):
            continue
        if label.startswith("ENCRYPTED") or b"ENCRYPTED" in headers:
            raise ValueError(
                "is encrypted with a password, which no Kubernetes client can ask for; "
                "`openssl pkey -in FILE -out FILE` decrypts it"
            )
        # Go judges a block by its content, not by its label.
        return _as_pem(_kind_of_key(content), [content])
    raise ValueError("holds no private key in PEM")


def ders(pem: str) -> Iterator[bytes]:
    """The content of each block."""
    for _, _, content in _blocks(pem.encode()):
        yield content


def _blocks(text: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """Label, headers and content of each block that can be read; others are passed over."""
    for block in _BLOCK.finditer(text):
        headers, blank, base64_bytes = block["body"].replace(b"\r\n", b"\n").rpartition(b"\n\n")
        if b":" not in headers:
            headers, base64_bytes = b"", headers + blank + base64_bytes
        try:
            content = base64.b64decode(re.sub(rb"[ \t\r\n]", b"", base64_bytes), validate=True)
        except binascii.Error:
            continue
        yield block["label"].decode(errors="replace"), headers, content


def _as_pem(label: str, contents: Iterable[bytes]) -> str:
    lines = []
    for content in contents:
        base64_text = base64.b64encode(content).decode()
        rows = (base64_text[start : start + 64] for start in range(0, len(base64_text), 64))
        lines += [f"-----BEGIN {label}-----", *rows, f"-----END {label}-----"]
    if not lines:
        raise ValueError("holds no certificate in PEM")
    return "\n".join([*lines, ""])


def _kind_of_key(content: bytes) -> str:
    """The label that fits a key's ASN.1: the field after the version distinguishes PKCS #1, #8 and SEC 1."""
    start = 2 + (content[1] & 0x7F if len(content) > 1 and content[1] & 0x80 else 0)
    # A version is an integer of one byte: 02 01 xx.
    after = content[start + 3 : start + 4]
    return {b"\x02": "RSA PRIVATE KEY", b"\x04": "EC PRIVATE KEY"}.get(after, "PRIVATE KEY")
