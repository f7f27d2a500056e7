"""From the hand-off to the first order of a machine, and to the tree with all True; beside a hand-off of fewer rights.

The Secret with the tenant's kubeconfig is made before the infrastructure is marked ready. A hand-off that may not create
Secrets leaves it to Kamaji's provider, which comes to it later: that is how it was before. On a lab of the bench's own.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from tests.support.lab import Lab
from tests.support.project import Project

from .dev_stack import STACK, dev_project, temporary_lab

USER = "no-new-secrets"

LESS_RIGHTS = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": USER},
    "rules": [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["namespaces", "services", "events"], "verbs": ["*"]},
        *(
            {"apiGroups": [group], "resources": ["*"], "verbs": ["*"]}
            for group in (
                "cluster.x-k8s.io",
                "bootstrap.cluster.x-k8s.io",
                "controlplane.cluster.x-k8s.io",
                "infrastructure.cluster.x-k8s.io",
                "kamaji.clastix.io",
                "apiextensions.k8s.io",
            )
        ),
    ],
}
"""All rights that a stack needs, except that to create Secrets."""


def measure(folder: Path, rounds: int = 2) -> dict[str, Any]:
    """Seconds from the hand-off's end to the first order, and to the tree with all True.

    The result has the minimum of each variant, because a median would need more rounds, and the ratios.

    Args:
        folder: folder of the lab and the projects.
        rounds: number of clusters of each variant.
    """
    with temporary_lab(folder / "lab", "--load-balancer-delay", "3") as lab:
        less = restricted_kubeconfig(lab, folder / "kubeconfig-before")
        runs: dict[str, list[dict[str, float]]] = {"before": [], "now": []}
        for index in range(rounds):
            for variant, kubeconfig in (("before", less), ("now", lab.kubeconfig)):
                runs[variant].append(measure_once(lab, folder / f"{variant}-{index}", kubeconfig))
    results: dict[str, Any] = {
        variant: {quantity: min(run[quantity] for run in series) for quantity in ("order", "tree")}
        for variant, series in runs.items()
    }
    results["runs"] = runs
    results["ratio"] = {
        quantity: results["now"][quantity] / results["before"][quantity] for quantity in ("order", "tree")
    }
    return results


def restricted_kubeconfig(lab: Lab, path: Path) -> Path:
    """A kubeconfig of a user who may not create Secrets."""
    binding = {
        "apiVersion": LESS_RIGHTS["apiVersion"],
        "kind": "ClusterRoleBinding",
        "metadata": {"name": USER},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": USER},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
    }
    with lab.management() as client:
        for plural, document in (("clusterroles", LESS_RIGHTS), ("clusterrolebindings", binding)):
            client.post(f"/apis/rbac.authorization.k8s.io/v1/{plural}", json=document).raise_for_status()
    config = yaml.safe_load(lab.kubeconfig.read_text())
    for user in config["users"]:
        user["user"]["as"] = USER
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)
    return path


def measure_once(lab: Lab, folder: Path, kubeconfig: Path) -> dict[str, float]:
    """Bring the dev stack's cluster up, and take it down again."""
    project = dev_project(folder, lab, kubeconfig=kubeconfig)
    project.pulumi("stack", "select", "--create", STACK).ok()
    began = time.time()
    handed_off = until_hand_off(project)
    project.script("status", "--stack", STACK, "--wait", "--timeout", "300").ok()
    tree = time.time()
    with contextlib.closing(lab.metal()) as metal:
        order = min(call.time for call in metal.calls("POST") if call.time > began)
    project.script("destroy", "--yes", "--stack", STACK).ok()
    return {"order": order - handed_off, "tree": tree - handed_off}


def until_hand_off(project: Project) -> float:
    """Run `pulumi up`; returns when it reported the hand-off's end, in seconds since the epoch."""
    command = ["pulumi", "up", "--yes", "--skip-preview", "--stack", STACK, "--non-interactive", "--color", "never"]
    handoff_time, lines = 0.0, []
    with subprocess.Popen(
        command,
        cwd=project.folder,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "ControlPlaneEndpoint" in line and " created" in line:
                handoff_time = time.time()
    if process.returncode or not handoff_time:
        raise RuntimeError("".join(lines))
    return handoff_time


def table(results: dict[str, Any]) -> str:
    """The results as text."""
    lines = [f"{'from the hand-off':24}{'to first order':>16}{'to the tree':>14}"]
    for variant, text in (("before", "without the Secret"), ("now", "with the Secret")):
        lines.append(f"{text:24}{results[variant]['order']:15.1f}s{results[variant]['tree']:13.1f}s")
    lines.append(f"{'ratio':24}{results['ratio']['order']:16.2f}{results['ratio']['tree']:14.2f}")
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(Path(folder))))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"bench: {error}")
