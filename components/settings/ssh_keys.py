"""Public SSH keys: whether one is a key at all, by the structure that RFC 4253, 5656 and 8709 give it."""

from __future__ import annotations

import base64
import binascii
import re

LONGEST = 2048
"""Characters that Cluster API's schema allows a key of a user."""

RULE = "must be one public SSH key as in authorized_keys: type, base64 and comment; a private key must not stand here"

_POINT = {"nistp256": 65, "nistp384": 97, "nistp521": 133}


def check(value: str) -> str:
    """A public key on one line.

    Raises:
        ValueError: it is none; says what is wrong.
    """
    if len(value) > LONGEST:
        raise ValueError(f"is {len(value)} characters long; {LONGEST} is the limit of Cluster API")
    match = re.fullmatch(r"([a-z0-9@.-]+)[ \t]+([A-Za-z0-9+/]+=*)([ \t].*)?", value)
    if match is None:
        raise ValueError(RULE)
    kind, base64_text = match[1], match[2]
    try:
        parts = fields(base64.b64decode(base64_text, validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("is no SSH key: the text after its type is not a key in base64, or is cut off") from None
    if parts[0] != kind.encode():
        raise ValueError(f"is no SSH key: it says {kind}, but holds another type of key")
    if kind in ("ssh-dss", "ssh-dsa"):
        raise ValueError("is a DSA key, which OpenSSH has removed; use ssh-ed25519")
    if not is_well_formed(kind, parts[1:]):
        raise ValueError(f"is no SSH key: its parts are not those of {kind}")
    return value


def fields(blob: bytes) -> list[bytes]:
    """The parts of a key: each has its length before it."""
    parts = []
    while blob:
        length = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + length or len(blob) < 4:
            raise ValueError("cut off")
        parts.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    if not parts:
        raise ValueError("empty")
    return parts


def is_well_formed(kind: str, parts: list[bytes]) -> bool:
    """Whether the parts behind the type's name are those of that type."""
    sizes = [len(part) for part in parts]
    if kind == "ssh-ed25519":
        return sizes == [32]
    if kind == "sk-ssh-ed25519@openssh.com":
        return len(sizes) == 2 and sizes[0] == 32
    if kind == "ssh-rsa":
        # Exponent and modulus; sshd refuses fewer than 1024 bits (RequiredRSASize), and so would it be no protection.
        return len(sizes) == 2 and sizes[0] >= 1 and len(parts[1].lstrip(b"\0")) >= 128
    curve = re.fullmatch(r"(?:sk-)?ecdsa-sha2-(nistp256|nistp384|nistp521)(@openssh\.com)?", kind)
    if curve is None:
        return False
    fields = 3 if kind.startswith("sk-") else 2
    return (
        len(sizes) == fields
        and parts[0] == curve[1].encode()
        and sizes[1] == _POINT[curve[1]]
        and parts[1][:1] == b"\4"
    )
