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

from .dev_stack import STACK, dev_project, own_lab

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
"""Of all that a stack needs, only the right to create Secrets is lacking."""


def measure(folder: Path, rounds: int = 2) -> dict[str, Any]:
    """Seconds from the hand-off's end to the first order, and to the tree with all True: medians would need more rounds, so
    the shortest of a few, of both in turn, and their ratios.

    Args:
        folder: for the lab and the projects.
        rounds: pairs of clusters that are brought up.
    """
    with own_lab(folder / "lab", "--load-balancer-delay", "3") as lab:
        less = restricted_kubeconfig(lab, folder / "kubeconfig-before")
        runs: dict[str, list[dict[str, float]]] = {"before": [], "now": []}
        for index in range(rounds):
            for which, kubeconfig in (("before", less), ("now", lab.kubeconfig)):
                runs[which].append(measure_once(lab, folder / f"{which}-{index}", kubeconfig))
    results: dict[str, Any] = {
        which: {what: min(run[what] for run in series) for what in ("order", "tree")} for which, series in runs.items()
    }
    results["runs"] = runs
    results["ratio"] = {what: results["now"][what] / results["before"][what] for what in ("order", "tree")}
    return results


def restricted_kubeconfig(lab: Lab, path: Path) -> Path:
    """A kubeconfig of somebody who may not create Secrets."""
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
    """Run `pulumi up`; when it said that the hand-off is done, in seconds since the epoch."""
    command = ["pulumi", "up", "--yes", "--skip-preview", "--stack", STACK, "--non-interactive", "--color", "never"]
    done, lines = 0.0, []
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
                done = time.time()
    if process.returncode or not done:
        raise RuntimeError("".join(lines))
    return done


def table(results: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [f"{'from the hand-off':24}{'to first order':>16}{'to the tree':>14}"]
    for which, text in (("before", "without the Secret"), ("now", "with the Secret")):
        lines.append(f"{text:24}{results[which]['order']:15.1f}s{results[which]['tree']:13.1f}s")
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
