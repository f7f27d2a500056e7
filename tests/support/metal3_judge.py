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
    document = copy.deepcopy(dict(manifest))
    if document["kind"] == "Secret":
        del document["data"]
        document["stringData"] = {
            key: text.get_secret_value() for key, text in manifest["data"].items() if isinstance(text, SecretStr)
        }
    if document["kind"] == "Metal3Cluster":
        document["spec"]["controlPlaneEndpoint"] = {"host": "192.0.2.9", "port": 6443}
    return document


def judge_manifest(client: httpx.Client, manifest: Mapping[str, Any]) -> None:
    """Let the server judge a manifest.

    A data template with a bond is of the older, deprecated version. What the newer one calls otherwise is lost in the answer
    of a server that has no conversion webhook; unknown ones are refused here, too.
    """
    document = engine_manifest(manifest)
    if document["kind"] == "Secret":
        assert send(client, document).is_success, document["metadata"]["name"]
    elif document["apiVersion"] == "infrastructure.cluster.x-k8s.io/v1beta1":
        answer = send(client, document)
        assert answer.is_success, f"{document['kind']}: {answer.text}"
        assert "deprecated" in answer.headers.get("warning", ""), "the only warning"
    else:
        dry_run(client, document)


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
