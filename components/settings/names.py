"""Names, keys and label values as Kubernetes takes them: each function returns the value or says the rule."""

from __future__ import annotations

import re

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")

DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")

LABEL_NAME = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)")

SECRET_KEY = re.compile(r"(?!\.\.)[-._a-zA-Z0-9]{1,253}")


def dns_label(value: str) -> str:
    """A name of at most 63 lower-case letters, digits and dashes."""
    if len(value) > 63 or not DNS_LABEL.fullmatch(value):
        raise ValueError(
            "must be at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends"
        )
    return value


def dns_1035(value: str) -> str:
    """A DNS label that starts with a letter: Kamaji makes a Service of the name (its webhook, tcp_name.go)."""
    if len(value) > 63 or not DNS_1035.fullmatch(value):
        raise ValueError(
            "must be at most 63 lower-case letters, digits and dashes, begin with a letter and not end with a dash"
        )
    return value


def dns_subdomain(value: str) -> str:
    """A name of most kinds of objects: DNS labels with dots between (RFC 1123)."""
    if len(value) > 253 or not all(map(DNS_LABEL.fullmatch, value.split("."))):
        raise ValueError(
            "must be at most 253 lower-case letters, digits, dashes and dots, each part with a letter or digit at both ends"
        )
    return value


def data_store(value: str) -> str:
    """Name of a DataStore: Kamaji puts it into a label of the pods, too (component.kamaji.clastix.io/datastore)."""
    if len(value) > 63:
        raise ValueError("must be at most 63 characters long, because Kamaji uses it as a label's value")
    return dns_subdomain(value)


def secret_key(value: str) -> str:
    """A key of a Secret (IsConfigMapKey of k8s.io/apimachinery)."""
    if value == "." or not SECRET_KEY.fullmatch(value):
        raise ValueError("must be at most 253 letters, digits, '-', '_' and '.', and not begin with '..'")
    return value


def label_key(value: str) -> str:
    """The key of a Kubernetes label or taint."""
    prefix, slash, name = value.rpartition("/")
    if (
        len(name) > 63
        or len(prefix) > 253
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


def annotation_key(value: str) -> str:
    """The key of an annotation: as a label's, but its domain may have capitals (ValidateAnnotations)."""
    label_key(value.lower())
    return value
