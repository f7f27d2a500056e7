"""Settings as strangers write them: generated from the models, right ones and wrong ones of every kind of value.

Each setting of the models is reached, also one that is added later: what a value may be is read off its type, and what
strangers try there is in the tables below.
"""

from __future__ import annotations

import copy
import typing
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from kamaji_equinix.components.settings.model import TenantClusterSettings
from kamaji_equinix.components.settings.section import Section
from pydantic.fields import FieldInfo

from tests.support.settings_cases import RIGHT

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE alice"
ECDSA_KEY = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
    "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
)

NAMES = [
    "a",
    "prod",
    "a-b",
    "a.b",
    "a.b.example.org",
    "1a",
    "9",
    "a" * 63,
    "a" * 64,
    "a." * 100 + "a",
    "A",
    "a_b",
    "-a",
    "a-",
    "",
    " a",
    "ä",
    "no",
    "null",
    "1",
    "a..b",
]
HOSTS = [
    "a",
    "api.example.org",
    "*.example.org",
    "10.0.0.1",
    "203.0.113.10",
    "2001:db8::1",
    "a_b.example.org",
    "api.example.org:6443",
    "[2001:db8::1]:6443",
    "a" * 63 + ".org",
    "a" * 64 + ".org",
    "-a.org",
    "a..org",
    "a.org.",
    "API.example.org",
    "*.*.org",
    "*",
    "localhost",
    "127.0.0.1",
    "1.2.3",
    "256.1.1.1",
    "01.2.3.4",
    "cluster.local",
]
ADDRESSES = [
    "203.0.113.10",
    "10.0.0.1",
    "172.26.0.10",
    "172.26.0.1",
    "172.26.0.0",
    "172.26.255.255",
    "172.26.0.11",
    "2001:db8::10",
    "fd00:10::10",
    "127.0.0.1",
    "169.254.1.1",
    "224.0.0.1",
    "0.0.0.0",  # noqa: S104 - tried as a setting
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "::ffff:10.0.0.1",
    "01.2.3.4",
    "1.2.3",
    "10.0.0.1/32",
    "240.0.0.1",
    "100.64.0.1",
]
RANGES = [
    "10.244.0.0/16",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "203.0.113.0/24",
    "203.0.113.7/24",
    "0.0.0.0/0",
    "::/0",
    "fd00:10::/56",
    "fd00:10::/112",
    "fd00:10::/64",
    "2001:db8::/48",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/8",
    "240.0.0.0/8",
    "fe80::/64",
    "ff00::/64",
    "::1/128",
    "0.0.0.0/8",
    "10.0.0.0/255.0.0.0",
    "10.0.0.0/016",
    "010.0.0.0/8",
    "10.0.0.0",
    "10.0.0.0/33",
    "::ffff:10.0.0.0/104",
    "10.0.0.0/ 8",
    "fd00::%1/64",
    "10.96.0.0/29",
    "10.96.0.0/28",
    "FD00:10::/56",
    "100.64.0.0/16",
    "192.168.0.0/24",
    "192.0.0.0/8",
]
LABEL_KEYS = [
    "a",
    "team",
    "example.org/tier",
    "kamaji.clastix.io/name",
    "kamaji.clastix.io/component",
    "app.kubernetes.io/name",
    "kubernetes.io/metadata.name",
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "node-role.kubernetes.io/web",
    "pod-security.kubernetes.io/enforce",
    "cluster.x-k8s.io/cluster-name",
    "cluster.x-k8s.io/managed-by",
    "topology.cluster.x-k8s.io/owned",
    "node.cluster.x-k8s.io/a",
    "pool",
    "a" * 63,
    "a" * 64,
    "A.b_c",
    "EXAMPLE.org/a",
    "a" * 253 + "/b",
    "a/b/c",
    "/a",
    "a/",
    "-a",
    "",
    "a b",
    "kubernetes.io/ingress.class",
    "kubectl.kubernetes.io/last-applied-configuration",
    "service.kubernetes.io/topology-mode",
    "container.apparmor.security.beta.kubernetes.io/x",
    "service.beta.kubernetes.io/load-balancer-source-ranges",
    "metallb.io/address-pool",
    "cluster.x-k8s.io/paused",
    "machineset.cluster.x-k8s.io/skip-preflight-checks",
    "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size",
    "a." * 126 + "a/b",
    "a" * 64 + ".org/b",
]
LABEL_VALUES = [
    "",
    "a",
    "b.c_d-E",
    "true",
    "1",
    "a" * 63,
    "a" * 64,
    "-a",
    "a b",
    "a/b",
    "ä",
    "10.0.0.0/8",
    "privileged",
    "All",
    "Auto",
    "nginx",
    "unconfined",
]
QUANTITIES = [
    "1",
    "2",
    "100m",
    "250m",
    "0.5",
    ".5",
    "1.",
    "1Gi",
    "512Mi",
    "1e9",
    "1E9",
    "1E",
    "1Pi",
    "1Ei",
    "2P",
    "1e-3",
    "+1",
    "-1",
    "0",
    "1n",
    "1u",
    "100Ki",
    "100ki",
    "1GB",
    "1 Gi",
    "",
    "1e",
    "1mi",
    "2k",
    "1.5Gi",
    "9223372036854775807",
    "9223372036854775808",
    "1e100",
    "0x1",
    "1_000",
    1,
    2,
    0,
    -1,
    0.5,
    1e9,
    2**63,
    True,
]
RESOURCES = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "hugepages-2Mi",
    "hugepages-3",
    "example.com/gpu",
    "nvidia.com/gpu",
    "gpu",
    "storage",
    "pods",
    "kubernetes.io/a",
    "requests.cpu",
    "requests.example.com/a",
    "attachable-volumes-x",
    "CPU",
    "a b",
    "",
    "example.com/",
    "example.com/a/b",
    "kubernetes.io/batch-cpu",
    "limits.memory",
    "example.com/" + "a" * 63,
    "example.com/" + "a" * 64,
]
ARGUMENTS = [
    "--v=2",
    "--feature-gates=A=true",
    "--profiling",
    "-v",
    "v=2",
    "--v 2",
    "--",
    "--=1",
    "--a=",
    "--a= b",
    "--audit-log-path=-",
    "--a=$(B)",
    "--a=ä",
    "--a=\t",
    "",
    "--A=b",
    "--secure-port=6444",
]
IMAGES = [
    "registry.example.org",
    "registry.example.org:5000/mirror",
    "https://registry.example.org",
    "user:password@registry.example.org",
    "registry.example.org/",
    "/a",
    "localhost:5000",
    "10.0.0.1:5000/a",
    "REGISTRY.example.org",
    "registry.example.org/Upper",
    "registry.example.org//a",
    "a b",
    " a",
    "a ",
    "a\n",
    "",
    "registry.example.org/a:tag",
    "registry.example.org:99999",
    "[2001:db8::1]:5000/a",
    "ä.example.org",
    "registry.example.org/a@sha256:" + "0" * 64,
]
TAGS = [
    "v1.12.1",
    "v0.33.0",
    "1.12",
    "latest",
    "v1.12.1-alpha_1",
    "-a",
    ".a",
    "a:b",
    "a/b",
    "a b",
    "",
    "a" * 128,
    "a" * 129,
    "v1+2",
    "ä",
    "@sha256:0",
]
VERSIONS = [
    "1.33.0",
    "v1.33.0",
    "1.32.4",
    "1.30.1",
    "1.33",
    "1.33.0-rc.1",
    "1.33.0-01",
    "1.33.0-rc.01",
    "1.33.0+a",
    "1.033.0",
    "2.0.0",
    "1.31.0-",
    "latest",
    "1.32.0-alpha.1-b",
]
PLUGINS = [
    "NodeRestriction",
    "PodSecurity",
    "ResourceQuota",
    "AlwaysPullImages",
    "PodSecurityPolicy",
    "ValidatingAdmissionPolicy",
    "ClusterTrustBundleAttest",
    "DefaultIngressClass",
    "Nodes",
    "nodeRestriction",
    "",
    "A,B",
    "NodeRestriction ",
    "EventRateLimit",
    "SecurityContextDeny",
    "DenyExecOnPrivileged",
]
PERCENTS = [
    0,
    1,
    3,
    "10%",
    "100%",
    "150%",
    "0%",
    "1000%",
    "-1%",
    "1.5%",
    "%",
    "10",
    " 10%",
    -1,
    100_000,
    2**31 - 1,
    2**31,
    True,
    "99999999999%",
    "001%",
]
NUMBERS = [
    0,
    1,
    2,
    3,
    59,
    60,
    300,
    600,
    900,
    6443,
    8132,
    8133,
    8134,
    10257,
    10259,
    30000,
    30001,
    32767,
    32768,
    65535,
    2**31 - 1,
    2**31,
    2**63,
    -1,
    10**10,
]
TEXTS = [
    "a",
    "",
    " ",
    "a b",
    "0755",
    "0644",
    "u+x",
    "/etc/a",
    "/etc/a/",
    "etc/a",
    "/etc/../a",
    "/",
    "root:root",
    "a: b",
    "a #b",
    "&a",
    "*a",
    "!a",
    "- a",
    "? a",
    "%a",
    "@a",
    "`a`",
    "yes",
    "1",
    "null",
    "~",
    "{{ .kubernetesVersion }}",
    "{{ .Foo }}",
    "{% if %}",
    "${#a}",
    "a\nb",
    "a\r\nb",
    "\ta",
    "ä",
    "\u2028",
    "\x00",
    "\x1b[2J",
    "\x7f",
    "\ud800",
    "a" * 63,
    "a" * 257,
    "a" * 513,
    "a" * 2049,
    "YQ==",
    "YQ",
    "H4sIAAAAAAAAA0sEAEO+t+gBAAAA",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "https://example.org/boot.ipxe",
    "ftp://example.org",
    "https://user:password@example.org/a",
    "https://",
    "http://a:99999/",
    "c3.medium.x86",
    "ubuntu_24_04",
    "da",
    "da11",
    "5a2e6a42-9c1f-4b6e-8a55-2f4f6f0d7c11",
    "next-available",
    "sudo",
    "a,b",
    "ALL=(ALL) NOPASSWD:ALL",
    ".",
    "..",
    "..a",
    "config.toml",
]

TABLES: dict[str, list[Any]] = {
    "dns_label": NAMES,
    "dns_1035": NAMES,
    "dns_subdomain": NAMES,
    "secret_key": [*NAMES, ".", "..", "..a", "config.toml", "a b", "a" * 253, "a" * 254],
    "version": VERSIONS,
    "cidr": RANGES,
    "source_range": RANGES,
    "ip_address": ADDRESSES,
    "host": HOSTS,
    "dns_domain": HOSTS,
    "ingress_host": HOSTS,
    "label_key": LABEL_KEYS,
    "label_value": LABEL_VALUES,
    "quantity": QUANTITIES,
    "resource_name": RESOURCES,
    "argument": ARGUMENTS,
    "image_prefix": IMAGES,
    "image_tag": TAGS,
    "int_or_percent": PERCENTS,
    "ssh_key": [
        KEY,
        ECDSA_KEY,
        "ssh-ed25519 AAAA",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ a",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVz",
        "a",
        "",
    ],
}
FIELDS: dict[str, list[Any]] = {
    "registry": IMAGES,
    "imageRepository": IMAGES,
    "imageTag": TAGS,
    "serverVersion": TAGS,
    "agentVersion": TAGS,
    "hostname": HOSTS,
    "admissionControllers": PLUGINS,
    "requests": RESOURCES,
    "limits": RESOURCES,
}
"""What strangers try at settings whose type says nothing."""


def settable(
    kind: type[Section] = TenantClusterSettings, path: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], FieldInfo]]:
    """Every setting with its path; of a list the first entry stands for all."""
    for field in kind.model_fields.values():
        place = (*path, str(field.alias))
        yield place, field
        inner = section_in(field.annotation)
        if inner is not None:
            yield from settable(inner, (*place, 0) if "tuple[" in str(field.annotation) else place)


def section_in(annotation: Any) -> type[Section] | None:
    """The section that a type holds."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := section_in(part))), None)


def validators(metadata: Any) -> list[str]:
    """Names of the functions that check a type."""
    return [function.__name__ for item in metadata if (function := getattr(item, "func", None)) is not None]


def values(annotation: Any, alias: str, metadata: Any = ()) -> st.SearchStrategy[Any]:
    """What may stand at a setting."""
    for name in validators(metadata):
        if name in TABLES:
            return st.sampled_from(TABLES[name])
    if typing.get_origin(annotation) is typing.Annotated:
        base, *rest = typing.get_args(annotation)
        return values(base, alias, [*rest, *metadata])
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return st.sampled_from([*arguments, "other"])
    if origin is tuple:
        return st.lists(values(arguments[0], alias), max_size=3)
    if origin is dict:
        keys = values(arguments[0], alias)
        return st.dictionaries(keys.filter(lambda key: isinstance(key, str)), values(arguments[1], ""), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return section(annotation)
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        return st.sampled_from(NUMBERS)
    if arguments:
        return st.one_of([values(part, alias, metadata) for part in arguments if part is not type(None)])
    return st.sampled_from(FIELDS.get(alias, TEXTS))


def section(kind: type[Section]) -> st.SearchStrategy[dict[str, Any]]:
    """A map of a section's settings, not all of them."""
    required, optional = {}, {}
    for field in kind.model_fields.values():
        alias = str(field.alias)
        strategy = st.one_of(st.just(field.examples[0]), at(field)) if field.examples else at(field)
        (required if field.is_required() else optional)[alias] = strategy
    return st.fixed_dictionaries(required, optional=optional)


def at(field: FieldInfo) -> st.SearchStrategy[Any]:
    """What may stand at a field: of its table, of its examples."""
    tried = values(field.annotation, str(field.alias), field.metadata)
    return st.one_of(tried, st.sampled_from(field.examples)) if field.examples else tried


SETTABLE = [item for item in settable() if item[0][0] != "capi" and len(item[0]) > 1]


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    """A right configuration in which a few settings have other values."""
    raw = copy.deepcopy(RIGHT)
    raw["capi"] = {"contract": draw(st.sampled_from(["v1beta1", "v1beta2"]))}
    for _ in range(draw(st.integers(1, 3))):
        path, field = draw(st.sampled_from(SETTABLE))
        put(raw, path, draw(at(field)))
    return raw


def put(raw: Any, path: tuple[Any, ...], value: Any) -> None:
    """Set a value; what lies on the way is made, of lists the first entry."""
    *way, last = path
    for number, step in enumerate(way):
        after = path[number + 1]
        if isinstance(raw, list):
            if not raw:
                raw.append({})
            raw = raw[0]
        else:
            if not isinstance(raw.get(step), list if after == 0 else dict):
                raw[step] = [{}] if after == 0 else {}
            raw = raw[step]
    if isinstance(raw, list):
        if raw and isinstance(raw[0], dict) and isinstance(value, dict):
            raw[0] |= value
        return
    raw[last] = value
