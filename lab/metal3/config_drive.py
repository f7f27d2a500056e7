"""The config drive that a host boots with, and cloud-init's instance data from it.

Really Ironic writes it. Here it is assembled as baremetal-operator does it for Ironic: pkg/provisioner/ironic/ironic.go
(getConfigDrive) and internal/controller/metal3.io/host_config_data.go.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ..simulation.cloudinit import yaml_problem
from ..simulation.trouble import BootFailure

Secrets = Callable[[str, str], Mapping[str, Any] | None]
"""Reads a Secret by namespace and name; None if missing."""


@dataclass(frozen=True)
class ConfigDrive:
    """The content of a config drive.

    Attributes:
        user_data: the cloud-config.
        meta_data: ``ds.meta_data`` in templates.
        network_data: OpenStack's network_data.json; empty if the host has none.
    """

    user_data: str
    meta_data: Mapping[str, Any]
    network_data: Mapping[str, Any]

    @property
    def hostname(self) -> str:
        """The host's name, as cloud-init sets it (sources/helpers/openstack.py: hostname goes before local-hostname)."""
        return str(self.meta_data.get("hostname") or self.meta_data["local-hostname"])

    def instance_data(self) -> dict[str, dict[str, object]]:
        """The instance data that cloud-init reads."""
        data = {"instance-id": self.meta_data["uuid"], "local-hostname": self.hostname}
        return {
            "v1": {**data, "platform": "openstack", "cloud-name": "openstack"},
            "ds": {"meta-data": {**self.meta_data, **data}},
        }


def read(host: Mapping[str, Any], secrets: Secrets) -> ConfigDrive:
    """The config drive of a BareMetalHost.

    Raises:
        BootFailure: a Secret is missing, or its content can't be read.
    """
    metadata, spec = host["metadata"], host["spec"]

    def data(field: str) -> str:
        reference = spec.get(field)
        if not reference:
            return ""
        namespace, name = reference.get("namespace") or metadata["namespace"], reference["name"]
        secret = secrets(namespace, name)
        if secret is None:
            raise BootFailure(f"Secret {namespace}/{name} of its spec.{field} is not there")
        content = secret.get("data") or {}
        if (base64_text := content.get(field, content.get("value"))) is None:
            raise BootFailure(f"Secret {namespace}/{name} of its spec.{field} has neither key {field} nor value")
        return base64.b64decode(base64_text).decode(errors="replace")

    default = {
        "uuid": metadata["uid"],
        "metal3-namespace": metadata["namespace"],
        "metal3-name": metadata["name"],
        "local-hostname": metadata["name"],
        "local_hostname": metadata["name"],
        "name": metadata["name"],
    }
    return ConfigDrive(
        data("userData"),
        {**default, **mapping(data("metaData"), "metaData")},
        mapping(data("networkData"), "networkData"),
    )


def mapping(text: str, field: str) -> dict[str, Any]:
    """A YAML mapping.

    Raises:
        BootFailure: the text is not a YAML mapping.
    """
    try:
        document = yaml.safe_load(text) if text else {}
    except yaml.YAMLError as error:
        raise BootFailure(f"its {field} is not valid YAML: {yaml_problem(error)}") from None
    if not isinstance(document, dict):
        raise BootFailure(f"its {field} is no YAML mapping")
    return document
