"""Metal3's manifests against a real API server with the CRDs of CAPM3, its IPAM and the baremetal-operator."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError
from pydantic import SecretStr

from lab import crds
from lab.plane import ManagementPlane
from tests.support.dry_run import dry_run, send
from tests.support.generated_metal3 import metal3_configurations
from tests.support.metal3_settings import BOND, FULL

EXAMPLES = 200


def as_sent(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as the engine sends it: with a secret's text, and with the endpoint in a Metal3Cluster."""
    found = copy.deepcopy(dict(manifest))
    if found["kind"] == "Secret":
        del found["data"]
        found["stringData"] = {
            key: text.get_secret_value() for key, text in manifest["data"].items() if isinstance(text, SecretStr)
        }
    if found["kind"] == "Metal3Cluster":
        found["spec"]["controlPlaneEndpoint"] = {"host": "192.0.2.9", "port": 6443}
    return found


def judged(client: Any, manifest: Mapping[str, Any]) -> None:
    """Let the server judge a manifest.

    A data template with a bond is of the older, deprecated version. What the newer one calls otherwise is lost in the answer
    of a server that has no conversion webhook; unknown ones are refused here, too.
    """
    sent = as_sent(manifest)
    if sent["kind"] == "Secret":
        assert send(client, sent).is_success, sent["metadata"]["name"]
    elif sent["apiVersion"] == "infrastructure.cluster.x-k8s.io/v1beta1":
        answer = send(client, sent)
        assert answer.is_success, f"{sent['kind']}: {answer.text}"
        assert "deprecated" in answer.headers.get("warning", ""), "the only warning"
    else:
        dry_run(client, sent)


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
                judged(client, manifest)


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
        def generated(raw: dict[str, Any]) -> None:
            counts["tried"] += 1
            try:
                stack = load_stack(raw)
            except SettingsError:
                return
            counts["accepted"] += 1
            for tenant in stack.clusters:
                for manifest in documents(tenant):
                    if manifest["kind"] not in ("Namespace", "Cluster", "KamajiControlPlane", "MachineDeployment"):
                        judged(client, manifest)

        generated()
    assert counts["accepted"] >= EXAMPLES / 8, f"enough of it is no nonsense: {counts}"
