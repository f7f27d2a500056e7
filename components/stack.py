"""From a stack's configuration to its resources: what ``__main__.py`` and inline programs share.

All mistakes that can be recognised are in one report, before the first resource is registered.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi.runtime import config as runtime_config

from .checks import accidents, addon_files, preflight
from .checks.accidents import Outlook
from .checks.living_cluster import LivingCluster
from .checks.losses import Loss
from .kube.access import AccessError
from .kube.management import kubeconfig_text
from .manifests.addons import network_plugin
from .resources.kubernetes import without_fields, without_owners
from .resources.processes import handoff_providers
from .resources.tenant_cluster import TenantCluster, TenantClusterArgs
from .settings.file_values import secret_paths
from .settings.load import load_stack
from .settings.model import ManagementSettings, StackSettings
from .settings.namespace import NAMESPACE
from .settings.report import SettingsError
from .settings.stack_file import decode

CREDENTIALS_ONLY = "KAMAJI_EQUINIX_CREDENTIALS_ONLY"
"""Environment variable under which :func:`run` only renews the credentials that the state holds."""

ADOPTS = "KAMAJI_EQUINIX_ADOPTS"
"""Environment variable under which :func:`run` adopts clusters that exist and that the stack has not created."""


def configuration() -> tuple[dict[str, Any], frozenset[str], tuple[str, ...]]:
    """The stack's configuration: decoded values by key, paths that are stored as secrets, keys of other namespaces."""
    raw = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    prefix = f"{NAMESPACE}:"
    secret = {*runtime_config.get_config_secret_keys_env(), *filter(runtime_config.is_config_secret, raw)}
    values = {key.removeprefix(prefix): decode(value) for key, value in raw.items() if key.startswith(prefix)}
    foreign_keys = tuple(key for key in raw if not key.startswith(prefix))
    keys = [key.removeprefix(prefix) for key in secret if key.startswith(prefix)]
    folder = Path(pulumi.get_root_directory() or ".")
    return values, secret_paths(values, keys, folder, pulumi.get_stack()), foreign_keys


def load(raw: Mapping[str, Any], secrets: frozenset[str], foreign_keys: Collection[str] = ()) -> StackSettings:
    """Check the configuration.

    Raises:
        pulumi.RunError: with the whole report; the engine shows its text without a traceback.
    """
    try:
        settings = load_stack(raw, secrets, foreign_keys)
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None
    for warning in settings.warnings:
        pulumi.log.warn(str(warning))
    return settings


def management_provider(management: ManagementSettings) -> kubernetes.Provider:
    """The provider for all objects of the management cluster.

    ``cluster_identifier`` is fixed: without it a new address or certificate in the kubeconfig makes pulumi-kubernetes plan
    the replacement of every object (pulumi-kubernetes issue 4019), that is, of every server. That the credentials still
    lead to the same cluster is checked by the hand-off, which remembers the Cluster's UID.
    """
    text = kubeconfig_text(management)
    return kubernetes.Provider(
        "management",
        # Without one, in a pod, the provider finds its service account by itself.
        kubeconfig=pulumi.Output.secret(text) if text else None,
        # It may have been stored together with the kubeconfig, as one secret.
        context=pulumi.Output.secret(management.context)
        if management.kubeconfig and management.context
        else management.context,
        cluster_identifier="management",
        # Otherwise another password of a host would replace its Secret, which a controller may hold by a finalizer.
        enable_secret_mutable=True,
    )


def declare(
    settings: StackSettings, outlook: Outlook | None = None, *, adopts: bool = False
) -> dict[str, TenantCluster]:
    """Register the resources of all the stack's clusters.

    Args:
        settings: the stack's settings.
        outlook: which objects of each cluster exist, and which are lost; None where that is not known.
        adopts: whether to adopt clusters that exist and that the stack has not created.

    Returns:
        The clusters by name.
    """
    outlook, count = outlook or Outlook(), len(settings.clusters)
    children = pulumi.ResourceOptions(
        provider=management_provider(settings.management),
        transformations=[without_owners, partial(without_fields, outlook.foreign_fields)] if adopts else [],
    )
    providers = handoff_providers(len(settings.clusters), settings.management)
    lives = outlook.lives or (LivingCluster(),) * count
    losses = outlook.losses or (frozenset[Loss](),) * count
    return {
        tenant.cluster.name: TenantCluster(
            tenant.cluster.name,
            TenantClusterArgs(
                settings=tenant,
                handoff_provider=provider,
                running_version=current.versions.api_server or None,
                former_pools=current.former | current.rolled_deployments,
                templates=current.templates,
                losses={loss.uid: str(loss) for loss in cluster_losses},
                bootstrap_versions=outlook.bootstrap_versions,
                # The Secret of a lost control plane belongs to another one, or to none.
                kubeconfig_secret=None
                if cluster_losses
                else outlook.kubeconfigs.get((tenant.cluster.namespace, tenant.cluster.name)),
            ),
            children,
        )
        for tenant, provider, current, cluster_losses in zip(settings.clusters, providers, lives, losses, strict=True)
    }


def export(clusters: Mapping[str, TenantCluster]) -> None:
    """Export the outputs: of one cluster under their own names, of several by the cluster's name."""
    if len(clusters) == 1:
        (only,) = clusters.values()
        for key, value in only.outputs().items():
            pulumi.export(key, value)
        return
    pulumi.export("clusters", {name: cluster.outputs() for name, cluster in clusters.items()})


def run() -> None:
    """The whole program of a stack: settings, preflight, resources, outputs.

    Raises:
        pulumi.RunError: for wrong settings or a management cluster that can't take them.
    """
    # The objects of the imports live as long as the process. The garbage collector would search them again and again, last
    # when the interpreter ends: 0.2 s of each run, more than all requests to the management cluster together.
    gc.freeze()
    gc.enable()
    if os.environ.get(CREDENTIALS_ONLY):
        renew_credentials()
        return
    bring_up(load(*configuration()), adopts=bool(os.environ.get(ADOPTS)))


def bring_up(settings: StackSettings, *, adopts: bool = False) -> None:
    """The program of a stack with checked settings, which an inline program has from the start.

    Args:
        settings: the stack's settings.
        adopts: whether to adopt clusters that exist and that the stack has not created.

    Raises:
        pulumi.RunError: the management cluster can't take the stack, or a change would be an accident.
    """
    require_files(settings)
    tell_network_plugins(settings)
    export(declare(settings, check_management(settings, adopts=adopts), adopts=adopts))


def require_files(settings: StackSettings) -> None:
    """Check that the files that add-ons name exist.

    Raises:
        pulumi.RunError: some do not.
    """
    if problems := [*addon_files.problems(settings)]:
        raise pulumi.RunError(str(SettingsError(problems)))


def tell_network_plugins(settings: StackSettings) -> None:
    """Say which network plugin each cluster gets; the settings' warnings report clusters without one."""
    for tenant in settings.clusters:
        if addon := network_plugin(tenant, "", ""):
            pulumi.log.info(f"tenant cluster {tenant.cluster.name}: network plugin {addon.name}, {addon.origin}")
        elif tenant.network.plugin == "custom":
            names = ", ".join(item.name for item in tenant.addons)
            pulumi.log.info(f"tenant cluster {tenant.cluster.name}: its network plugin is one of its add-ons: {names}")


def renew_credentials() -> None:
    """Register only the provider of the management cluster: the program of a refresh or destroy.

    These take a provider as the last ``up`` stored it, with credentials that may have expired since. The other settings do
    not matter to them, and may be wrong.

    Raises:
        pulumi.RunError: the credentials can't be read.
    """
    raw, _, _ = configuration()
    try:
        management_provider(
            ManagementSettings.model_validate(raw.get("management") or {}, by_alias=True, by_name=False)
        )
    except (AccessError, ValueError) as error:
        text = str(error) if isinstance(error, AccessError) else "`management` of the stack's configuration is wrong"
        raise pulumi.RunError(f"{text}\nnothing was deleted or changed") from None


def check_management(settings: StackSettings, *, adopts: bool = False) -> Outlook:
    """Compare the management cluster with what the stack needs of it.

    Args:
        settings: the stack's settings.
        adopts: whether to adopt clusters that exist and that the stack has not created.

    Returns:
        Which objects exist, and what the run does to them; empty where that is not known.

    Raises:
        pulumi.RunError: it can't take the stack. In a preview a cluster that can't be reached is only a warning.
    """
    with ThreadPoolExecutor(1) as beside:
        check = beside.submit(preflight.check_stack, settings)
        state = last_state()
        report = check.result()
    for note in report.notes:
        pulumi.log.warn(note)
    if not report.obstacles:
        outlook = accidents.compare(settings, state, adopts=adopts)
        announce(outlook)
        return outlook
    if report.unreachable and pulumi.runtime.is_dry_run():
        pulumi.log.warn(str(report))
        return Outlook()
    raise pulumi.RunError(report.refusal)


def last_state() -> Mapping[str, Any] | None:
    """The resources of the stack's last state by URN, with type and outputs; empty before the first run, None if unknown."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        # A function of the engine itself (pkg/resource/deploy/builtins.go), which no plugin serves.
        answer = pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": name}).value
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
        pulumi.log.debug(f"a cluster that the settings no longer name would not be noticed: {error}")
        return None
    resources: Mapping[str, Any] = (answer or {}).get("outputs") or {}
    return resources


def announce(outlook: Outlook) -> None:
    """Say what a run does: as a warning where it deletes something that exists.

    Raises:
        pulumi.RunError: a part of it can't be done.
    """
    for line in outlook.unread:
        pulumi.log.debug(line)
    for line in outlook.notes:
        pulumi.log.warn(line)
    if outlook.problems:
        raise pulumi.RunError(str(SettingsError(outlook.problems)))
    if outlook.obstacle:
        raise pulumi.RunError(outlook.obstacle)
    for line in outlook.clusters:
        pulumi.log.warn(line)
    for change in outlook.machines:
        (pulumi.log.warn if change.loses else pulumi.log.info)(str(change))
