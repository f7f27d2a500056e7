"""The properties that the hand-off's resource stores, and their comparison. No engine and no cluster here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..capi.endpoint import Endpoint
from ..kube.objects import Kind
from .order import Order, Outcome

SCHEMA = 2
"""Number of the stored properties' form; a state with another number gets an update, which only confirms the hand-off."""

IDENTITY = ("namespace", "cluster", "controlPlane", "infrastructure")
"""A change of one of these means another hand-off."""

INPUTS = (*IDENTITY, "clusterUid", "enabled", "timeoutSeconds", "path", "verify", "force", "contract", "linking")
"""``kubeconfig`` is not among them: credentials are used, not compared. For ``version`` see :func:`has_new_version`, for
``controlPlaneUid`` :func:`has_new_control_plane`."""

UNSTORED_INPUTS = ("kubeconfig", "runningVersion")
"""Inputs that are not stored: credentials, and the version that the program read."""


UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine passes for a value that is not known before the update (pulumi, sdk/go/common/resource/plugin/rpc.go,
``UnknownStringValue``); its protocol, so that nothing of the engine has to be loaded here."""


def order_of(props: Mapping[str, Any], handed_off: str | None = None) -> Order:
    """The hand-off that properties describe.

    Args:
        props: its properties.
        handed_off: the endpoint that it established before.

    Raises:
        KeyError: they lack one of ``IDENTITY``.
    """
    infrastructure = props["infrastructure"]
    return Order(
        cluster=props["cluster"],
        cluster_uid=props.get("clusterUid") or None,
        control_plane=props["controlPlane"],
        infrastructure=Kind(infrastructure["apiVersion"], infrastructure["kind"], infrastructure["plural"]),
        infrastructure_name=infrastructure["name"],
        enabled=bool(props.get("enabled", True)),
        path=props.get("path") or "/readyz",
        verify=props.get("verify", "ca") != "none",
        force=bool(props.get("force", False)),
        handed_off=handed_off,
        contract=props.get("contract") or "v1beta1",
        linking=props.get("linking") or "patch",
    )


def complete(props: Mapping[str, Any]) -> bool:
    """Whether stored properties identify their hand-off; those of an earlier version may not."""
    infrastructure = props.get("infrastructure")
    return (
        all(isinstance(props.get(key), str) for key in ("namespace", "cluster", "controlPlane"))
        and isinstance(infrastructure, Mapping)
        and all(isinstance(infrastructure.get(key), str) for key in ("apiVersion", "kind", "plural", "name"))
    )


def outputs_of(outcome: Outcome, server: str) -> dict[str, Any]:
    """The stored properties of an outcome. Numbers come back from the state as floats, so ports are compared as numbers."""
    address = outcome.address or outcome.live
    return {
        "host": address.host if address else "",
        "port": address.port if address else 0,
        "endpoint": str(address) if address else "",
        "live": str(address if outcome.live == address else outcome.live) if outcome.live else "",
        "ready": outcome.ready,
        "setBy": outcome.set_by,
        "kubeconfigSecret": outcome.kubeconfig,
        "controlPlaneUid": outcome.control_plane_uid,
        "server": server,
        "schema": SCHEMA,
    }


def answer_of(address: Endpoint | None, live: Endpoint | None, server: str) -> dict[str, Any]:
    """The stored properties of an answer: where the control plane answered, and what Kamaji publishes now."""
    return {
        "host": address.host if address else "",
        "port": address.port if address else 0,
        "endpoint": str(address) if address else "",
        "live": str(address if live == address else live) if live else "",
        "ready": live is not None,
        "server": server,
        "schema": SCHEMA,
    }


def replacement_keys(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """The changed properties that make it another hand-off."""
    return [key for key in IDENTITY if key in olds and not is_equal(olds[key], news.get(key))]


def has_changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether there is anything to do: another input, an old state, or drift."""
    return (
        any(not is_equal(olds.get(key), news.get(key)) for key in INPUTS)
        or not is_equal(olds.get("schema"), SCHEMA)
        or has_new_version(olds, news)
        or has_new_control_plane(olds, news)
        or has_drifted(olds)
    )


def has_new_version(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether the control plane is to run another version than at the last hand-off.

    A state of an earlier version of this program has none: then the version counts that ran before the program registered
    its resources, so that a stack whose settings stay as they are has nothing to do.
    """
    target = news.get("version")
    before = olds.get("version") or news.get("runningVersion") or target
    return target is not None and not is_equal(before, target)


def has_new_control_plane(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether the control plane is another object than the one that was handed off: it has to answer again.

    A state of an earlier version of this program has no UID until a refresh.
    """
    before, target = olds.get("controlPlaneUid"), news.get("controlPlaneUid")
    return before is not None and target is not None and not is_equal(before, target)


def has_drifted(olds: Mapping[str, Any]) -> bool:
    """Whether the state that was last read differs from the result of a hand-off."""
    if not olds.get("enabled", True):
        return False
    return not olds.get("endpoint") or olds.get("live") != olds.get("endpoint") or not olds.get("ready")


def is_equal(first: Any, second: Any) -> bool:
    """Whether two values mean the same; an unknown one is always different, and numbers may be floats."""
    return not is_unknown(first) and not is_unknown(second) and bool(first == second)


def is_unknown(value: Any) -> bool:
    """Whether a value, or a part of it, is not known before the update."""
    if isinstance(value, Mapping):
        return any(is_unknown(part) for part in value.values())
    if isinstance(value, list | tuple):
        return any(is_unknown(part) for part in value)
    return isinstance(value, str) and value == UNKNOWN_VALUE
