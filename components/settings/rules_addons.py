"""Rules about the add-ons of the tenant cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from . import model as model
from .addons import AddonSettings
from .names import annotation_key, dns_label, label_key, label_value
from .report import Problem, path_of
from .secrets import refusal

PRESET_NAMES = ("cilium", "calico", "flannel", "cloud-controller")
"""Names of this program's own add-ons."""

CHART_ONLY = (
    "namespace",
    "createNamespace",
    "repository",
    "version",
    "username",
    "password",
    "values",
    "plainHttp",
)

API_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[a-z]([-a-z0-9]*[a-z0-9])?")
KIND = re.compile(r"[A-Za-z][-A-Za-z0-9]*")

SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def addon_problems(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """Mistakes in ``network`` and ``addons``; ``base`` is their path with a dot, or empty."""
    yield from network_problems(base, tenant)
    firsts: dict[str, int] = {}
    for index, addon in enumerate(tenant.addons):
        path = f"{base}addons[{index}]"
        if addon.name in firsts:
            first = f"{base}addons[{firsts[addon.name]}].name"
            yield Problem(
                f"{path}.name",
                f"is the name of {base}addons[{firsts[addon.name]}] too; choose another",
                addon.name,
                about=(first,),
            )
        elif addon.name in PRESET_NAMES:
            yield Problem(
                f"{path}.name",
                "is a name that this program uses itself; choose another",
                addon.name,
                f"my-{addon.name}",
            )
        firsts.setdefault(addon.name, index)
        yield from entry_problems(path, addon)


def network_problems(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """The network plugin."""
    network, path = tenant.network, f"{base}network"
    if network.plugin in ("custom", "none"):
        for key in ("version", "repository", "mtu", "values"):
            if getattr(network, key):
                yield Problem(
                    f"{path}.{key}",
                    f"has no effect with plugin {network.plugin}; leave it out",
                    about=(f"{path}.plugin",),
                    example=None,
                )
    if network.plugin == "custom" and not tenant.addons:
        yield Problem(
            f"{path}.plugin",
            "says that the network plugin is one of addons, and addons is empty; add it there, or choose another plugin",
            network.plugin,
            "cilium",
            about=(f"{base}addons",),
        )
    proxy = f"{base}controlPlane.addons.kubeProxy"
    if network.plugin in ("calico", "flannel") and tenant.control_plane.addons.kube_proxy is None:
        yield Problem(
            f"{path}.plugin",
            "needs controlPlane.addons.kubeProxy, without which Services don't work; cilium serves them itself",
            network.plugin,
            "cilium",
            about=(proxy,),
        )


def entry_problems(path: str, addon: AddonSettings) -> Iterator[Problem]:
    """One add-on: a chart or manifests, and what belongs to each."""
    manifests = "files" if addon.files else "objects"
    if addon.chart and (addon.files or addon.objects):
        yield Problem(
            f"{path}.{manifests}",
            "can't be set beside chart; make two add-ons of it",
            about=(f"{path}.chart",),
            example=None,
        )
    elif not addon.chart and not addon.files and not addon.objects:
        yield Problem(
            f"{path}.chart", "is required, unless files or objects are set", about=(f"{path}.files", f"{path}.objects")
        )
    if addon.chart:
        yield from chart_problems(path, addon, addon.chart)
    else:
        values = addon.model_dump(by_alias=True)
        for key in CHART_ONLY:
            if values[key]:
                yield Problem(
                    f"{path}.{key}", "has no effect without chart; leave it out", about=(f"{path}.chart",), example=None
                )
    if addon.chart and addon.create_namespace and (addon.namespace or "default") in SYSTEM_NAMESPACES:
        yield Problem(
            f"{path}.createNamespace",
            f"must be false for namespace {addon.namespace or 'default'}, which Kubernetes makes itself",
            True,
            False,
            about=(f"{path}.namespace",),
        )
    for index, item in enumerate(addon.objects):
        yield from object_problems(f"{path}.objects[{index}]", item)
    yield from same_objects(path, addon.objects)


def chart_problems(path: str, addon: AddonSettings, chart: str) -> Iterator[Problem]:
    """Where a chart comes from."""
    registry = chart.startswith("oci://")
    if registry and addon.repository:
        yield Problem(
            f"{path}.repository",
            "can't be set beside a chart that begins with oci://, which names its registry itself; leave it out",
            addon.repository,
            example=None,
            about=(f"{path}.chart",),
        )
    elif addon.repository and not registry and ("/" in chart or chart.startswith(".")):
        yield Problem(
            f"{path}.chart",
            "must be the name of a chart, because repository is set",
            chart,
            about=(f"{path}.repository",),
        )
    if (registry or addon.repository) and not addon.version:
        yield Problem(f"{path}.version", "is required, so that no later run installs another version")
    if not registry and not addon.repository and addon.version:
        yield Problem(
            f"{path}.version",
            "has no effect on a chart's folder; leave it out",
            addon.version,
            example=None,
            about=(f"{path}.chart",),
        )
    if addon.plain_http and not registry:
        yield Problem(
            f"{path}.plainHttp",
            f"has no effect on a chart that does not begin with oci://, and chart is {chart}; leave it out",
            True,
            False,
            about=(f"{path}.chart",),
        )
    for key, partner in (("username", "password"), ("password", "username")):
        if getattr(addon, key) and not getattr(addon, partner):
            yield Problem(f"{path}.{partner}", f"is required with {key}", about=(f"{path}.{key}",))
    if addon.username and not addon.repository:
        # pulumi-kubernetes issue 1914: the charts of its helm/v4 are asked for without the credentials of repositoryOpts.
        host = chart.removeprefix("oci://").partition("/")[0]
        login = (
            f"has no effect on a registry; leave it out, and run `helm registry login {host}` where this program runs"
        )
        yield Problem(
            f"{path}.username",
            login if registry else "has no effect on a chart's folder; leave it out",
            example=None,
            about=(f"{path}.chart",),
        )


def object_problems(path: str, item: Mapping[str, Any]) -> Iterator[Problem]:
    """An object has kind and name in clear, which the engine identifies it by. The fields of all kinds are valid."""
    metadata = item.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    lacking = []
    for key, value, check in (
        ("apiVersion", item.get("apiVersion"), api_version),
        ("kind", item.get("kind"), kind_name),
        ("metadata.name", metadata.get("name"), path_segment),
    ):
        if isinstance(value, SecretStr):
            yield Problem(f"{path}.{key}", refusal(f"{path}.{key}"), example=None)
        elif not isinstance(value, str) or not value:
            lacking.append(key)
        else:
            yield from judge(f"{path}.{key}", value, check)
    if lacking:
        yield Problem(path, f"is no Kubernetes object: it has no {' and no '.join(lacking)}")
    namespace = metadata.get("namespace")
    if isinstance(namespace, SecretStr):
        # It is a part of the name that the engine gives the object.
        yield Problem(f"{path}.metadata.namespace", refusal(f"{path}.metadata.namespace"), example=None)
    elif namespace is not None:
        yield from judge(f"{path}.metadata.namespace", namespace, dns_label)
    for key, key_rule, value_rule in (("labels", label_key, label_value), ("annotations", annotation_key, str)):
        entries = metadata.get(key)
        if entries is not None and not isinstance(entries, dict):
            yield Problem(f"{path}.metadata.{key}", "must be a map of text", entries, example=None)
            continue
        for name, value in (entries or {}).items():
            place = path_of(f"{path}.metadata.{key}", (name,))
            yield from judge(place, name, key_rule)
            yield from judge(place, value, value_rule)


def judge(path: str, value: Any, check: Callable[[str], object]) -> Iterator[Problem]:
    """The problems of a value by a rule for text; a secret's content is not checked."""
    if isinstance(value, SecretStr):
        return
    if not isinstance(value, str):
        yield Problem(path, "must be text; put it in quotes", value, example=None)
        return
    try:
        check(value)
    except ValueError as error:
        yield Problem(path, str(error), value, example=None)


def same_objects(path: str, objects: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Objects that are declared twice: the engine identifies each by its kind, namespace and name."""
    owners: dict[tuple[Any, ...], int] = {}
    for index, item in enumerate(objects):
        metadata = item.get("metadata")
        if not isinstance(metadata, dict) or not isinstance(item.get("apiVersion"), str):
            continue
        group = item["apiVersion"].rpartition("/")[0]
        key = (group, str(item.get("kind")), str(metadata.get("namespace")), str(metadata.get("name")))
        first = owners.setdefault(key, index)
        if first != index:
            rule = f"is the same object as {path}.objects[{first}]: {key[1]} {metadata.get('name')}; leave one out"
            yield Problem(f"{path}.objects[{index}]", rule, example=None, about=(f"{path}.objects[{first}]",))


def api_version(value: str) -> str:
    """The apiVersion of an object: a version, with its group before it."""
    if not API_VERSION.fullmatch(value):
        raise ValueError("must be an apiVersion such as v1 or apps/v1")
    return value


def kind_name(value: str) -> str:
    """The kind of an object."""
    if not KIND.fullmatch(value):
        raise ValueError("must be a kind: letters and digits, a letter first")
    return value


def path_segment(value: str) -> str:
    """The least that each kind's name must be (IsValidPathSegmentName of k8s.io/apimachinery)."""
    if value in (".", "..") or "/" in value or "%" in value or len(value) > 253:
        raise ValueError("must be at most 253 characters, without '/' and '%', and not '.' or '..'")
    return value


def addon_warnings(base: str, tenant: model.TenantClusterSettings) -> Iterator[Problem]:
    """Warnings about the network plugin."""
    if tenant.network.plugin == "none" and tenant.worker_pools:
        yield Problem(
            f"{base}network.plugin",
            "none: no node becomes Ready until you install a network plugin; with cilium, calico or flannel this program "
            "installs one",
        )
