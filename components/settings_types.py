"""Types of single settings: each is a plain function that returns the value or says the rule."""

from __future__ import annotations

import ipaddress
import re
import uuid
from typing import Annotated

from pydantic import AfterValidator

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
VERSION = re.compile(r"v?(\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?)")
LABEL_NAME = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)")
SSH_KEY = re.compile(r"(ssh-(rsa|ed25519|dss)|ecdsa-sha2-nistp\d+|sk-\S+) [A-Za-z0-9+/=]+( .*)?")


def dns_label(value: str) -> str:
    """A name of at most 63 lower-case letters, digits and dashes."""
    if len(value) > 63 or not DNS_LABEL.fullmatch(value):
        raise ValueError(
            "must be at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends"
        )
    return value


def dns_1035(value: str) -> str:
    """A DNS label that starts with a letter: Kamaji makes a Service of the name."""
    if len(value) > 63 or not DNS_1035.fullmatch(value):
        raise ValueError(
            "must be at most 63 lower-case letters, digits and dashes, begin with a letter and not end with a dash"
        )
    return value


def version(value: str) -> str:
    """A Kubernetes version, without the leading v."""
    match = VERSION.fullmatch(value)
    if not match:
        raise ValueError("must be a full Kubernetes version with three numbers, quoted in YAML")
    return match[1]


def cidr(value: str) -> str:
    """A range of IP addresses in CIDR notation."""
    try:
        ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(f"must be a range of IP addresses in CIDR notation ({error})") from None
    return value


def project_uuid(value: str) -> str:
    """The UUID of an Equinix Metal project."""
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise ValueError("must be the UUID of an Equinix Metal project") from None


def label_key(value: str) -> str:
    """The key of a Kubernetes label or taint."""
    prefix, slash, name = value.rpartition("/")
    if (
        len(name) > 63
        or not LABEL_NAME.fullmatch(name)
        or (slash and not all(map(DNS_LABEL.fullmatch, prefix.split("."))))
    ):
        raise ValueError(
            "must be a label key: at most 63 letters, digits, '-', '_', '.', with an optional DNS prefix and '/'"
        )
    return value


def label_value(value: str) -> str:
    """The value of a Kubernetes label or taint."""
    if value and (len(value) > 63 or not LABEL_NAME.fullmatch(value)):
        raise ValueError("must be a label value: at most 63 letters, digits, '-', '_', '.'")
    return value


def slug(value: str) -> str:
    """A plan or an operating system as the Metal API names them."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", value):
        raise ValueError("must be a slug of the Metal API: lower-case letters, digits, '.', '_' and '-'")
    return value


def ssh_key(value: str) -> str:
    """A public SSH key in OpenSSH's form."""
    if not SSH_KEY.fullmatch(value.strip()):
        raise ValueError("must be a public SSH key as in authorized_keys; a private key has no place here")
    return value.strip()


def go_template_free(value: str) -> str:
    """Text that capp's Go templating leaves as it is, or that uses the variables it knows.

    capp runs ``text/template`` over the whole user data, with ``.kubernetesVersion`` among its variables; anything else in
    double braces fails the machine for good (cluster-api-provider-packet v0.9.0, pkg/cloud/packet/client.go).
    """
    for match in re.finditer(r"\{\{(.*?)(\}\}|$)", value, re.DOTALL):
        action = match[1].strip(" -")
        if action == ".kubernetesVersion" or (action[:1] == action[-1:] == "`" and len(action) > 1):
            continue
        line = value.count("\n", 0, match.start()) + 1
        raise ValueError(
            f"line {line} holds '{match[0][:40]}', which capp's Go templating would run and fail on; write "
            "{{ `{{ ... }}` }} for text that shall arrive with its braces"
        )
    return value


DnsLabel = Annotated[str, AfterValidator(dns_label)]
Dns1035 = Annotated[str, AfterValidator(dns_1035)]
Version = Annotated[str, AfterValidator(version)]
Cidr = Annotated[str, AfterValidator(cidr)]
ProjectId = Annotated[str, AfterValidator(project_uuid)]
LabelKey = Annotated[str, AfterValidator(label_key)]
LabelValue = Annotated[str, AfterValidator(label_value)]
Slug = Annotated[str, AfterValidator(slug)]
SshKey = Annotated[str, AfterValidator(ssh_key)]
Command = Annotated[str, AfterValidator(go_template_free)]


def minor(value: str) -> tuple[int, int]:
    """Major and minor number of a version.

    >>> minor("1.33.0")
    (1, 33)
    """
    numbers = value.split(".")
    return int(numbers[0]), int(numbers[1])
