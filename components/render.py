"""The manifests of a stack as YAML, without engine, cluster or plugin: for reviews and for GitOps."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from .capi.manifest import POOL_LABEL, Manifest
from .manifests.addons import addons_of, cloud_controller, network_plugin
from .manifests.documents import documents
from .providers import provider_of
from .settings.file_values import stack_file
from .settings.load import load_stack
from .settings.model import StackSettings, TenantClusterSettings
from .settings.report import SettingsError
from .settings.stack_file import StackFileError, read_stack_file

__all__ = ["RenderError", "main", "read_stack_file", "render"]

HEADER = """\
# Rendered from a stack's configuration by kamaji-equinix; change that, not this.
# `kubectl apply --server-side -f FILE` takes it. Whoever applies it without Pulumi has no hand-off: machines are then
# bought as soon as Kamaji's Cluster API provider has written the endpoint, which it does unless its gate
# SkipInfraClusterPatch is on. Delete a cluster by `kubectl delete cluster`, never by `kubectl delete -f`.
"""

REMARKS = {
    "KamajiControlPlane": "Kamaji writes spec.controlPlaneEndpoint once the Service has an address; it must not stand here.",
    "Secret": "Holds placeholders, which an API server refuses: `pulumi up` alone fills in what is stored as a secret.",
    "KubeadmConfigTemplate": "Never changed: another content gets another name.",
}


CREATED_LAST = """\
# Made last: its spec.controlPlaneEndpoint must be where the control plane answers, at the first write. Take the host and port
# of the KamajiControlPlane's spec.controlPlaneEndpoint, and apply it then.
"""


class RenderError(ValueError):
    """A stack whose manifests hold what only a run of Pulumi tells."""


class Block(yaml.SafeDumper):
    """Writes text of several lines as a block, so that commands can be read, and no aliases."""

    def ignore_aliases(self, data: object) -> bool:
        """Each value stands where it is used."""
        return True


WORDS = re.compile(r"y|n|yes|no|on|off|true|false|null|nan|inf", re.IGNORECASE)
"""Text that some reader of YAML takes for something else: Go's v2 and v3, YAML 1.1 and 1.2."""

NUMBERS = re.compile(r"[0-9][0-9a-fxoz_.:t+ -]*", re.IGNORECASE)
"""Text that may be a number, a time or a date for one of them."""


def block(dumper: Block, text: str) -> yaml.ScalarNode:
    """A block for text of several lines; quotes where a reader could take the text for something else."""
    style = None
    if "\n" in text:
        style = "|"
    elif not re.match("[A-Za-z0-9/]", text) or WORDS.fullmatch(text) or NUMBERS.fullmatch(text):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Block.add_representer(str, block)


def render(stack: StackSettings) -> str:
    """All manifests of a stack, in an order in which ``kubectl apply`` takes them; the same settings give the same text.

    Raises:
        RenderError: only a run of Pulumi tells what the manifests hold.
    """
    parts = [HEADER]
    namespaces: set[str] = set()
    for tenant in stack.clusters:
        if why := provider_of(tenant).render_obstacle(tenant):
            raise RenderError(f"cluster {tenant.cluster.name}: {why}")
        for manifest in documents(tenant):
            if manifest["kind"] == "Namespace":
                if manifest["metadata"]["name"] in namespaces:
                    continue
                namespaces.add(manifest["metadata"]["name"])
            text = document(manifest, remark(tenant, manifest))
            provider = provider_of(tenant)
            if provider.endpoint == "created last" and manifest["kind"] == provider.cluster_kind:
                text = CREATED_LAST + "".join(f"# {line}\n" for line in text.splitlines())
            parts.append(text)
    return "---\n".join(parts) + "".join(f"# In tenant cluster {line}\n" for line in beside(stack))


def beside(stack: StackSettings) -> Iterator[str]:
    """The add-ons, which are not rendered: the engine renders charts and asks the tenant cluster for that."""
    for tenant in stack.clusters:
        addons = [network_plugin(tenant, "", ""), cloud_controller(tenant, {}), *addons_of(tenant)]
        for addon in filter(None, addons):
            yield f"{tenant.cluster.name}: {addon.name}, {addon.origin}"


def document(manifest: Manifest, remark: str) -> str:
    """One manifest with its remark above it."""
    text: str = yaml.dump(readable(manifest), Dumper=Block, sort_keys=False, width=120)
    return f"# {remark}\n{text}" if remark else text


def readable(manifest: Manifest) -> Manifest:
    """The manifest with a named placeholder for each secret. It is no base64, so that no API server takes it."""
    if manifest["kind"] != "Secret":
        return manifest
    pool, name = manifest["metadata"]["labels"].get(POOL_LABEL), manifest["metadata"]["name"]
    of = f"of the bootstrap of pool {pool}" if pool else f"of {name}"
    data = {key: f"(secret: {key} {of})" for key in manifest["data"]}
    return {**manifest, "data": data}


def remark(tenant: TenantClusterSettings, manifest: Manifest) -> str:
    """A remark for readers of a manifest; empty if there is none."""
    kind = manifest["kind"]
    if kind == "MachineDeployment" and "replicas" not in manifest["spec"]:
        return "No replicas: the cluster autoscaler sets them, between the annotations' bounds."
    if kind == "Cluster" and tenant.cluster.paused:
        return "Paused: Cluster API leaves it alone."
    return REMARKS.get(kind) or provider_of(tenant).remarks.get(kind, "")


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m kamaji_equinix.components.render``.

    Returns:
        Exit status: 2 for a mistake of the user's.
    """
    parser = argparse.ArgumentParser(prog="render", description=__doc__)
    parser.add_argument("--stack", default="dev", help="name of the stack, whose file is Pulumi.STACK.yaml")
    parser.add_argument("--cwd", type=Path, default=Path(), help="folder of that file")
    options = parser.parse_args(arguments)
    # Where the engine looks for it, too, whose names of stacks may begin with organization and project.
    path = stack_file(options.cwd, options.stack.rpartition("/")[2])
    try:
        values, secret, foreign_keys = read_stack_file(path, options.cwd)
        stack = load_stack(values, secret, foreign_keys)
        text = render(stack)
    except (SettingsError, StackFileError, RenderError) as error:
        print(f"error: {path}: {error}", file=sys.stderr)
        return 2
    for warning in stack.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
