"""Whether an API server takes what the settings of servers of one's own let pass."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError
from pydantic import SecretStr

from tests.support.dry_run import dry_run, send

OTHERS = ("Namespace", "Cluster", "KamajiControlPlane", "MachineDeployment")
"""Kinds of each provider's clusters, which are judged with the other one's."""


def engine_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
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


def judge_manifest(client: httpx.Client, manifest: Mapping[str, Any]) -> None:
    """Let the server judge a manifest.

    A data template with a bond is of the older, deprecated version. What the newer one calls otherwise is lost in the answer
    of a server that has no conversion webhook; unknown ones are refused here, too.
    """
    sent = engine_manifest(manifest)
    if sent["kind"] == "Secret":
        assert send(client, sent).is_success, sent["metadata"]["name"]
    elif sent["apiVersion"] == "infrastructure.cluster.x-k8s.io/v1beta1":
        answer = send(client, sent)
        assert answer.is_success, f"{sent['kind']}: {answer.text}"
        assert "deprecated" in answer.headers.get("warning", ""), "the only warning"
    else:
        dry_run(client, sent)


def judge(client: httpx.Client, raw: Mapping[str, Any], counts: Counter[str]) -> None:
    """Assert that the server takes a configuration that the settings take; counts those tried and accepted, and objects."""
    counts["tried"] += 1
    try:
        stack = load_stack(raw)
    except SettingsError:
        return
    counts["accepted"] += 1
    for tenant in stack.clusters:
        for manifest in documents(tenant):
            if manifest["kind"] not in OTHERS:
                judge_manifest(client, manifest)
                counts["objects"] += 1
