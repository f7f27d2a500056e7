"""Kubernetes quantities: what ``resource.ParseQuantity`` of k8s.io/apimachinery takes, and their amounts."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

_QUANTITY = re.compile(
    r"(?P<sign>[+-]?)(?P<number>[0-9]+\.?[0-9]*|\.[0-9]+)(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?"
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}

LARGEST = 2**63 - 1
"""Larger amounts are cut down by Kubernetes, or are none."""

STANDARD = ("cpu", "memory", "ephemeral-storage")
HUGE_PAGES = "hugepages-"


def amount(text: str) -> Fraction:
    """The amount that a quantity means.

    >>> amount("250m"), amount("1e3"), amount("1Ki")
    (Fraction(1, 4), Fraction(1000, 1), Fraction(1024, 1))

    Raises:
        ValueError: it is no quantity.
    """
    match = _QUANTITY.fullmatch(text)
    # An exponent of more digits is no number that Kubernetes could hold, and takes long to work out.
    if match is None or len(text) > 40:
        raise ValueError('must be a Kubernetes quantity, such as "250m", 2 or "1.5Gi"')
    suffix = match["suffix"] or ""
    number = Fraction(
        f"{match['sign']}0{match['number']}0"
        if match["number"].startswith(".")
        else match["sign"] + match["number"].rstrip(".")
    )
    if suffix in _BINARY:
        return number * (1 << _BINARY[suffix])
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    if abs(exponent) > 30:
        raise ValueError("must be a Kubernetes quantity between 1n and 8Ei")
    power: int = 10 ** abs(exponent)
    return number * power if exponent >= 0 else number / power


def quantity(value: Any) -> str:
    """An amount of a resource, as text; numbers are taken as in a manifest.

    Raises:
        ValueError: it is no quantity, or a negative or too large one.
    """
    if isinstance(value, float) and math.isfinite(value):
        # 1e9 without quotes arrives as a floating-point number.
        value = int(value) if value.is_integer() else repr(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError('must be a Kubernetes quantity, such as "250m", 2 or "1.5Gi"')
    text = str(value)
    number = amount(text)
    if number < 0:
        raise ValueError("must not be negative")
    if number > LARGEST:
        raise ValueError("must be at most 9223372036854775807, the largest number that Kubernetes holds")
    return text


def resource_name(value: str) -> str:
    """A resource that a container can ask for: a standard one, huge pages, or an extended one such as ``example.com/gpu``.

    Raises:
        ValueError: a container can't ask for it (pkg/apis/core/validation of Kubernetes, validateContainerResourceName).
    """
    if value in STANDARD:
        return value
    rule = "must be cpu, memory, ephemeral-storage, hugepages-<size>, or an extended resource such as example.com/gpu"
    domain, slash, name = value.partition("/")
    if not slash:
        try:
            if value.startswith(HUGE_PAGES) and amount(value.removeprefix(HUGE_PAGES)) >= 1:
                return value
        except ValueError:
            pass
        raise ValueError(rule)
    labels = domain.split(".")
    if (
        # As quota it is counted with a prefix, "requests.".
        len(domain) > 253 - len("requests.")
        or domain.startswith("requests.")
        or not all(re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", label) for label in labels)
        or len(name) > 63
        or not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", name)
    ):
        raise ValueError(rule)
    return value


def is_extended(name: str) -> bool:
    """Whether a resource is an extended one: counted whole, and never overcommitted."""
    return "/" in name and "kubernetes.io/" not in name


def problems(requests: dict[str, str], limits: dict[str, str]) -> list[tuple[str, str, str]]:
    """Invalid resources of a container: ``requests`` or ``limits``, the resource, the rule.

    (pkg/apis/core/validation of Kubernetes, validateResourceRequirements.)
    """
    texts = []
    for kind, amounts in (("requests", requests), ("limits", limits)):
        for name, text in amounts.items():
            if is_extended(name) and amount(text).denominator != 1:
                texts.append((kind, name, "must be a whole number: extended resources can't be divided"))
            if name.startswith(HUGE_PAGES) and amount(text) % amount(name.removeprefix(HUGE_PAGES)):
                texts.append((kind, name, f"must be a multiple of {name.removeprefix(HUGE_PAGES)}"))
    for name, text in requests.items():
        whole = is_extended(name) or name.startswith(HUGE_PAGES)
        if name not in limits:
            if whole:
                texts.append(
                    ("requests", name, "needs a limit of the same amount: this resource can't be overcommitted")
                )
        elif whole and amount(text) != amount(limits[name]):
            texts.append(
                ("requests", name, f"must equal its limit, {limits[name]}: this resource can't be overcommitted")
            )
        elif amount(text) > amount(limits[name]):
            texts.append(("requests", name, f"is more than its limit, {limits[name]}"))
    names = {*requests, *limits}
    for name in sorted(names):
        if name.startswith(HUGE_PAGES) and not names & {"cpu", "memory"}:
            texts.append(("limits" if name in limits else "requests", name, "needs cpu or memory beside it"))
    return texts
