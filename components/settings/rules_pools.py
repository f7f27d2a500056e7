"""Rules within one worker pool that hold for any infrastructure."""

from __future__ import annotations

import base64
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping

from ..capi import naming
from ..capi.versions import minor
from .cluster import ClusterSettings
from .pools import BootstrapSettings, WorkerPoolSettings
from .report import Problem
from .rules_control_plane import annotations_size
from .secrets import reveal

OLDEST_PACKAGES = (1, 24)
"""pkgs.k8s.io has no packages of older minors."""

KUBELET_LABELS = (
    "kubernetes.io/hostname",
    "kubernetes.io/instance-type",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "node.kubernetes.io/instance-type",
)
"""Labels with Kubernetes' own prefixes that a kubelet may set on itself (k8s.io/kubelet/pkg/apis/well_known_labels.go)."""

SYNCED_DOMAINS = ("node.cluster.x-k8s.io", "node-restriction.kubernetes.io")
"""Cluster API copies Machine labels of these domains, and role labels, to the node, which may not set them itself."""

ROLE_DOMAIN = "node-role.kubernetes.io"

LONGEST_ARGUMENT = 1024

SKIPPED_CHECKS = "machineset.cluster.x-k8s.io/skip-preflight-checks"
PREFLIGHT_CHECKS = (
    "All",
    "KubeadmVersionSkew",
    "KubernetesVersionSkew",
    "ControlPlaneIsStable",
    "ControlPlaneVersionSkew",
)
"""Cluster API's webhook refuses other names (api/v1beta1/machineset_types.go)."""

RESERVED_KUBELET_ARGUMENTS = {
    "provider-id": "is set by this program: Cluster API finds the machine's node by it",
    "node-labels": "is set by the pool's labels",
    "register-with-taints": "is set by the pool's taints",
}


def is_synced(key: str) -> bool:
    """Whether Cluster API, not the kubelet, puts a label on the node."""
    domain = key.rpartition("/")[0]
    return domain == ROLE_DOMAIN or any(domain == name or domain.endswith(f".{name}") for name in SYNCED_DOMAINS)


def pool_problems(
    path: str,
    cluster_path: str,
    cluster: ClusterSettings,
    pool: WorkerPoolSettings,
    kubelet_arguments: Mapping[str, str],
) -> Iterator[Problem]:
    """Mistakes within one pool.

    Args:
        path: the pool's key.
        cluster_path: the key of its cluster's name.
        cluster: settings of its cluster.
        pool: its settings.
        kubelet_arguments: arguments of the kubelet that the infrastructure provider sets, each with the setting that does.
    """
    name = naming.machine_deployment(cluster.name, pool.name)
    if len(name) > naming.LONGEST_LABEL:
        yield Problem(
            f"{path}.name",
            f"makes the MachineDeployment's name, {name}, {len(name)} characters long; {naming.LONGEST_LABEL} is the "
            "limit, because it is a label's value too. Shorten it, or the cluster's name",
            pool.name,
            about=(cluster_path,),
        )
    yield from sizes(path, pool)
    yield from labels(path, pool)
    yield from bootstrap(path, cluster, pool)
    reasons = RESERVED_KUBELET_ARGUMENTS | {key: f"is set by {setting}" for key, setting in kubelet_arguments.items()}
    for key, reason in reasons.items():
        if key in pool.bootstrap.kubelet_extra_args:
            yield Problem(
                f"{path}.bootstrap.kubeletExtraArgs.{key}", f"{reason}; leave it out", example={"max-pods": "200"}
            )
    yield from annotations_size(f"{path}.annotations", pool.annotations)
    skip_checks = pool.annotations.get(SKIPPED_CHECKS)
    if skip_checks and not all(name.strip() in PREFLIGHT_CHECKS for name in skip_checks.split(",")):
        yield Problem(
            f'{path}.annotations["{SKIPPED_CHECKS}"]',
            "must be names of Cluster API's preflight checks with commas between; these are "
            f"{', '.join(PREFLIGHT_CHECKS)}",
            skip_checks,
            PREFLIGHT_CHECKS[1],
        )


def sizes(path: str, pool: WorkerPoolSettings) -> Iterator[Problem]:
    """A fixed number of machines, or bounds for the autoscaler."""
    if (pool.min is None) != (pool.max is None):
        present, absent = ("min", "max") if pool.max is None else ("max", "min")
        yield Problem(f"{path}.{absent}", f"is required together with {present}", example=5 if absent == "max" else 1)
    elif pool.min is not None and pool.max is not None:
        if pool.min > pool.max:
            yield Problem(f"{path}.min", f"is more than max, {pool.max}", pool.min, about=(f"{path}.max",))
        if pool.replicas is not None:
            yield Problem(
                f"{path}.replicas",
                "can't be set beside min and max, between which the cluster autoscaler sets the number; leave it out",
                pool.replicas,
                None,
                about=(f"{path}.min", f"{path}.max"),
            )
    strategy = pool.strategy
    rolling = strategy is not None and strategy.type == "RollingUpdate"
    if strategy and not rolling:
        for key, value, usual in (("maxSurge", strategy.max_surge, 1), ("maxUnavailable", strategy.max_unavailable, 0)):
            if value != usual:
                yield Problem(
                    f"{path}.strategy.{key}",
                    f"has no effect with type {strategy.type}; leave it out",
                    value,
                    None,
                    about=(f"{path}.strategy.type",),
                )
    if strategy and rolling and is_none(strategy.max_surge) and is_none(strategy.max_unavailable):
        yield Problem(
            f"{path}.strategy",
            "never replaces a machine: maxSurge and maxUnavailable must not both be 0",
            example={"maxSurge": 1, "maxUnavailable": 0},
            about=(f"{path}.strategy.maxSurge", f"{path}.strategy.maxUnavailable"),
        )


def is_none(share: int | str) -> bool:
    """Whether a number of machines, or a share of them, is none.

    >>> is_none("0%"), is_none(0), is_none("10%")
    (True, True, False)
    """
    return int(str(share).removesuffix("%")) == 0


def labels(path: str, pool: WorkerPoolSettings) -> Iterator[Problem]:
    """Labels that a node can get, taints that differ."""
    for key in pool.labels:
        domain = key.rpartition("/")[0]
        is_reserved = any(domain == name or domain.endswith(f".{name}") for name in ("kubernetes.io", "k8s.io"))
        kubelets = key in KUBELET_LABELS or any(
            domain == name or domain.endswith(f".{name}") for name in ("kubelet.kubernetes.io", "node.kubernetes.io")
        )
        if is_reserved and not kubelets and not is_synced(key):
            yield Problem(
                f'{path}.labels["{key}"]',
                "can't be set on a node: with it the kubelet does not start, and Cluster API does not copy it there",
                example="node-role.kubernetes.io/gpu",
            )
    arguments = ",".join(f"{key}={value}" for key, value in pool.labels.items() if not is_synced(key))
    if len(arguments) > LONGEST_ARGUMENT:
        yield Problem(
            f"{path}.labels",
            f"are {len(arguments)} characters long as an argument of the kubelet; {LONGEST_ARGUMENT} is Cluster API's "
            "limit",
        )
    firsts: dict[tuple[str, str], int] = {}
    for index, taint in enumerate(pool.taints):
        first = firsts.setdefault((taint.key, taint.effect), index)
        if first != index:
            yield Problem(
                f"{path}.taints[{index}]",
                f"has the same key and effect as {path}.taints[{first}]; leave one out",
                example={"key": "dedicated", "effect": "NoSchedule"},
                about=(f"{path}.taints[{first}]",),
            )


def bootstrap(path: str, cluster: ClusterSettings, pool: WorkerPoolSettings) -> Iterator[Problem]:
    """Problems of a pool's ``bootstrap``."""
    section = pool.bootstrap
    base = f"{path}.bootstrap"
    if section.commands and section.profile:
        yield Problem(
            f"{base}.profile",
            "can't be set beside commands, which replace a profile; leave one out",
            section.profile,
            None,
        )
    if not section.commands:
        version = pool.kubernetes_version or cluster.kubernetes_version
        where = f"{path}.kubernetesVersion" if pool.kubernetes_version else f"{path}.bootstrap.profile"
        if minor(version) < OLDEST_PACKAGES:
            yield Problem(
                where,
                f"pkgs.k8s.io, which the profile installs from, has no packages of Kubernetes {version}; take a newer "
                "version, or set bootstrap.commands to install it by other means",
                example=None,
                about=(f"{path}.kubernetesVersion",),
            )
    yield from files(base, section)
    earlier: set[str] = set()
    for index, user in enumerate(section.users):
        if user.name in earlier:
            yield Problem(
                f"{base}.users[{index}].name", "is the name of an earlier user too; leave one out", user.name, None
            )
        earlier.add(user.name)


def files(base: str, section: BootstrapSettings) -> Iterator[Problem]:
    """Each file once, with content from one place."""
    paths: set[str] = set()
    for index, file in enumerate(section.files):
        path = f"{base}.files[{index}]"
        if (file.content is None) == (file.content_from is None):
            yield Problem(
                path,
                "needs exactly one of content and contentFrom",
                example={"path": "/etc/motd", "content": "worker"},
                about=(f"{path}.content", f"{path}.contentFrom"),
            )
        if file.path in paths:
            yield Problem(f"{path}.path", "is the path of an earlier file too; leave one out", file.path, None)
        paths.add(file.path)
        text = reveal(file.content)
        if text is not None and file.encoding and (rule := encoding_problem(text, file.encoding)):
            yield Problem(f"{path}.content", rule, example=None, about=(f"{path}.encoding",))


def encoding_problem(text: str, encoding: str) -> str:
    """The error in an encoded text; empty if it is valid."""
    if encoding == "gzip":
        return "can't be gzip, which is not text; use encoding gzip+base64, or contentFrom"
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return f"is not base64, though encoding is {encoding}"
    if encoding == "gzip+base64":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                while stream.read(1 << 16):
                    pass
        except (OSError, EOFError, zlib.error):
            return "is base64, but what it holds is not gzip, though encoding is gzip+base64"
    return ""
