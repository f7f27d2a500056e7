"""The JoinConfiguration of ``kubeadm join``, a file of the user data.

Formats: cmd/kubeadm/app/apis/kubeadm/{v1beta3,v1beta4}/types.go and validation of Kubernetes 1.33; Cluster API's
bootstrap/kubeadm/internal/cloudinit writes the user data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .cloudinit import CloudConfig, yaml_problem
from .trouble import BootFailure

JOIN = re.compile(r"kubeadm\s+join\b")
CONFIG_OF_JOIN = re.compile(r"kubeadm\s+join\b[^\n]*?\s--config[= ]+(\S+)")
CONFIG = re.compile(r"\s--config[= ]+(\S+)")
TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
HASH = re.compile(r"sha256:[0-9a-fA-F]{64}")

VERSIONS = ("kubeadm.k8s.io/v1beta3", "kubeadm.k8s.io/v1beta4")
"""Versions of the format that current kubeadm reads."""

KUBELET_LABELS = {
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
}
KUBELET_LABEL_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
"""Labels of Kubernetes' own domains that a kubelet may set (k8s.io/kubelet/pkg/apis/well_known_labels.go)."""

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

UNINITIALIZED_TAINT = {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}


@dataclass(frozen=True)
class Join:
    """How a machine joins its cluster.

    Attributes:
        endpoint: host and port of the API server.
        token_id: public part of the bootstrap token.
        token_secret: secret part of the bootstrap token.
        hashes: CA pins in lower case; empty with unsafeSkipCAVerification.
        name: name of the Node; empty for the machine's hostname.
        provider_id: ``--provider-id`` of the kubelet.
        labels: ``--node-labels``.
        taints: the Node's taints at registration, including the uninitialized taint for external cloud providers.
    """

    endpoint: str
    token_id: str
    token_secret: str
    hashes: frozenset[str]
    name: str
    provider_id: str
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]


def read(config: CloudConfig) -> Join:
    """Find and check the JoinConfiguration of a cloud-config.

    Raises:
        BootFailure: there is none, or kubeadm or the kubelet would reject it.
    """
    path = config_path(config)
    file = config.files.get(path)
    if file is None:
        raise BootFailure(f"kubeadm join reads {path}, which its user data does not write")
    document = join_configuration(path, file.content)
    discovery = section(document, "discovery")
    token = section(discovery, "bootstrapToken", "discovery.")
    token_text = str(token.get("token") or "")
    parts = TOKEN.fullmatch(token_text)
    if not parts:
        problem = "has no token" if not token_text else "has a malformed token"
        raise BootFailure(
            f"its JoinConfiguration {problem} (discovery.bootstrapToken.token, 6 and 16 of a-z0-9, with a dot between)"
        )
    registration = section(document, "nodeRegistration", is_required=False)
    arguments = kubelet_arguments(registration.get("kubeletExtraArgs"), str(document["apiVersion"]))
    return Join(
        endpoint=checked_endpoint(token.get("apiServerEndpoint")),
        token_id=parts[1],
        token_secret=parts[2],
        hashes=pins(token),
        name=arguments.get("hostname-override") or str(registration.get("name") or ""),
        provider_id=arguments.get("provider-id", ""),
        labels=node_labels(arguments.get("node-labels", "")),
        taints=tuple(taints(registration, arguments)),
    )


def config_path(config: CloudConfig) -> str:
    """The file that ``kubeadm join`` reads, called by runcmd or by a script of the user data."""
    script = config.script
    for text in (script, *(file.content for path, file in config.files.items() if path in script)):
        if JOIN.search(text):
            if match := CONFIG_OF_JOIN.search(text) or CONFIG.search(text):
                return match[1].strip("'\"")
            raise BootFailure("its kubeadm join has no --config")
    raise BootFailure("its user data never runs kubeadm join")


def join_configuration(path: str, content: str) -> dict[str, Any]:
    """The JoinConfiguration among the YAML documents of a file."""
    if "{{" in content:
        raise BootFailure(f"{path} holds an unrendered template: {line_with(content, '{{')!r}")
    try:
        documents = [document for document in yaml.safe_load_all(content) if document is not None]
    except yaml.YAMLError as error:
        raise BootFailure(f"{path} is not valid YAML: {yaml_problem(error)}") from None
    kinds = [str(document.get("kind")) for document in documents if isinstance(document, Mapping)]
    for document in documents:
        if isinstance(document, dict) and document.get("kind") == "JoinConfiguration":
            if document.get("apiVersion") not in VERSIONS:
                raise BootFailure(f"{path} is of {document.get('apiVersion')}; kubeadm reads {' and '.join(VERSIONS)}")
            if document.get("controlPlane"):
                raise BootFailure("its JoinConfiguration is of a control-plane machine; the lab boots workers")
            return document
    raise BootFailure(f"{path} holds no JoinConfiguration (kinds found: {', '.join(kinds) or 'none'})")


def section(document: Mapping[str, Any], name: str, prefix: str = "", *, is_required: bool = True) -> Mapping[str, Any]:
    """A mapping in the JoinConfiguration."""
    section_ = document.get(name)
    if section_ is None and not is_required:
        return {}
    if not isinstance(section_, Mapping):
        raise BootFailure(f"its JoinConfiguration has no {prefix}{name}")
    return section_


def checked_endpoint(value: object) -> str:
    """Host and port in the form that kubeadm requires."""
    host, _, port = str(value or "").rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise BootFailure(f"apiServerEndpoint of its JoinConfiguration is {value!r}, where host:port is needed")
    return f"{host}:{port}"


def pins(token: Mapping[str, Any]) -> frozenset[str]:
    """The CA pins; kubeadm accepts none only with unsafeSkipCAVerification."""
    hashes = token.get("caCertHashes") or []
    if not isinstance(hashes, list) or not all(HASH.fullmatch(str(value)) for value in hashes):
        raise BootFailure("caCertHashes of its JoinConfiguration is no list of sha256:<64 hex digits>")
    if not hashes and not token.get("unsafeSkipCAVerification"):
        raise BootFailure("its JoinConfiguration has neither caCertHashes nor unsafeSkipCAVerification: true")
    return frozenset(str(value).lower() for value in hashes)


def kubelet_arguments(section_value: object, version: str) -> dict[str, str]:
    """``kubeletExtraArgs``: a mapping in v1beta3, a list of names and values in v1beta4."""
    if section_value is None:
        return {}
    if version.endswith("v1beta4"):
        if not isinstance(section_value, list) or not all(
            isinstance(entry, Mapping) and "name" in entry for entry in section_value
        ):
            raise BootFailure(
                f"kubeletExtraArgs of its JoinConfiguration is no list of name and value, as {version} needs"
            )
        arguments = {str(entry["name"]): str(entry.get("value", "")) for entry in section_value}
    elif isinstance(section_value, Mapping):
        arguments = {str(name): str(value) for name, value in section_value.items()}
    else:
        raise BootFailure(f"kubeletExtraArgs of its JoinConfiguration is no mapping, as {version} needs")
    provider = arguments.get("cloud-provider", "")
    if provider not in ("", "external"):
        raise BootFailure(f"its kubelet does not start: cloud-provider is {provider!r}, where only external is left")
    return arguments


def node_labels(text: str) -> dict[str, str]:
    """``--node-labels``; the kubelet refuses to start with Kubernetes' labels that are not for kubelets."""
    labels = {}
    for pair in filter(None, text.split(",")):
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BootFailure(f"its kubelet does not start: node-labels holds {pair!r}, where name=value is needed")
        labels[name.strip()] = value.strip()
    if foreign := sorted(name for name in labels if is_reserved(name)):
        raise BootFailure(
            f"its kubelet does not start: node-labels holds {', '.join(foreign)}, which a kubelet may not set"
        )
    return labels


def is_reserved(label: str) -> bool:
    """Whether a label is in one of Kubernetes' domains and not for kubelets."""
    domain, slash, _ = label.partition("/")
    if not slash or label in KUBELET_LABELS:
        return False
    if not any(domain == name or domain.endswith(f".{name}") for name in ("kubernetes.io", "k8s.io")):
        return False
    return not any(domain == name or domain.endswith(f".{name}") for name in KUBELET_LABEL_DOMAINS)


def taints(registration: Mapping[str, Any], arguments: Mapping[str, str]) -> list[Mapping[str, str]]:
    """The Node's taints at registration: ``--register-with-taints`` replaces those of nodeRegistration."""
    entries: list[Mapping[str, str]] = []
    if "register-with-taints" in arguments:
        for text in filter(None, arguments["register-with-taints"].split(",")):
            pair, _, effect = text.rpartition(":")
            key, _, value = pair.partition("=")
            entries.append(taint(key, value, effect))
    else:
        for entry in registration.get("taints") or []:
            if not isinstance(entry, Mapping):
                raise BootFailure("nodeRegistration.taints of its JoinConfiguration is no list of taints")
            entries.append(taint(entry.get("key"), entry.get("value"), entry.get("effect")))
    if arguments.get("cloud-provider") == "external":
        entries.append(UNINITIALIZED_TAINT)
    return entries


def taint(key: object, value: object, effect: object) -> Mapping[str, str]:
    """One taint."""
    if not key or effect not in EFFECTS:
        raise BootFailure(f"its kubelet does not start: {key}={value or ''}:{effect} is no taint")
    return {"key": str(key), "effect": str(effect), **({"value": str(value)} if value else {})}


def line_with(text: str, part: str) -> str:
    """The first line that contains a text."""
    return next(line.strip()[:80] for line in text.split("\n") if part in line)
