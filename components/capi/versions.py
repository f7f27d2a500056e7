"""Kubernetes versions: how they compare, and how far the parts of a cluster may lie apart. Pure."""

from __future__ import annotations


def bare(value: object) -> str:
    """A version without the ``v`` that objects write before it; empty where there is none.

    >>> bare("v1.33.0"), bare("1.33.0"), bare(None)
    ('1.33.0', '1.33.0', '')
    """
    return str(value or "").removeprefix("v")


def minor(value: str) -> tuple[int, int]:
    """Major and minor number of a version.

    >>> minor("1.33.0")
    (1, 33)
    """
    numbers = value.split(".")
    return int(numbers[0]), int(numbers[1])


def sort_key(value: str) -> tuple[int, int, int, int, str]:
    """A version as something that can be compared; a pre-release comes before its release, a build is no part of it.

    >>> sort_key("1.33.0-rc.1") < sort_key("1.33.0") < sort_key("1.33.10")
    True
    >>> sort_key("1.33.0+vendor.2") == sort_key("1.33.0")
    True
    """
    numbers, _, pre_release = value.partition("+")[0].partition("-")
    major, second, patch = numbers.split(".")
    return int(major), int(second), int(patch), 0 if pre_release else 1, pre_release


def kubelet_lag(kubelet: str) -> int:
    """Minors that a kubelet may lie behind its API server: three since 1.25, two before (kubernetes.io, version skew policy).

    Cluster API's MachineSet preflight says the same from the other side: two below an API server of 1.28.

    >>> kubelet_lag("1.25.3"), kubelet_lag("1.24.0")
    (3, 2)
    """
    return 3 if minor(kubelet) >= (1, 25) else 2
