"""Metal3's manifests against a real API server with the CRDs of CAPM3, its IPAM and the baremetal-operator."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack

from lab import crds
from lab.plane import ManagementPlane
from tests.support.generated_metal3 import metal3_configurations
from tests.support.metal3_judge import judge, judge_manifest
from tests.support.metal3_settings import BOND, FULL

EXAMPLES = 200


def test_the_server_takes_every_field(newer: ManagementPlane) -> None:
    bond = copy.deepcopy(FULL)
    bond["metal3"]["networkData"]["links"]["bonds"] = [BOND]
    with newer.client() as client:
        for raw in (FULL, bond):
            (tenant,) = load_stack(raw).clusters
            manifests = documents(tenant)
            kinds = {manifest["kind"] for manifest in manifests}
            assert {"BareMetalHost", "IPPool", "Metal3DataTemplate", "Metal3MachineTemplate", "Metal3Cluster"} <= kinds
            for manifest in manifests:
                judge_manifest(client, manifest)


def test_the_server_takes_whatever_the_settings_take(newer: ManagementPlane) -> None:
    counts: Counter[str] = Counter()
    with newer.client() as client:
        crds.apply(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "generated"}})

        @settings(
            max_examples=EXAMPLES,
            phases=[Phase.generate],
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(metal3_configurations())
        def check(raw: dict[str, Any]) -> None:
            judge(client, raw, counts)

        check()
    assert counts["accepted"] >= EXAMPLES / 8, f"enough of it is no nonsense: {counts}"
