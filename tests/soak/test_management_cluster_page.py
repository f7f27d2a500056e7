"""Each piece of a management cluster once taken away: `check` names it, and the command that it prints brings it back."""

from __future__ import annotations

from pathlib import Path

from tests.support.bare_cluster import GROUPS, bare_cluster


def test_each_deployment_and_each_groups_crds_come_back_by_the_printed_commands(tmp_path: Path) -> None:
    with bare_cluster(tmp_path) as bare:
        bare.install()
        bare.complete()
        for provider in bare.provider_deployments():
            bare.lose_deployment(provider)
        for group in (*GROUPS, "infrastructure.cluster.x-k8s.io"):
            bare.lose_crds(group)
