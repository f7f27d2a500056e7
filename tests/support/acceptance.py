"""Whether an API server takes what the settings let pass: their manifests, and what Kamaji makes of these."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError

from lab import crds
from tests.support.dry_run import dry_run, send
from tests.support.kamaji_builder import build


class Judge:
    """Dry-runs settings, each different object once.

    Attributes:
        counts: configurations ``tried``, ``accepted`` and ``refused`` by the settings, and ``objects`` sent.
    """

    def __init__(self, clients: Mapping[str, httpx.Client]) -> None:
        """Judge by API servers.

        Args:
            clients: an API server's for each ``capi.contract`` that is judged.
        """
        self.counts: Counter[str] = Counter()
        self._clients = clients
        self._keys: set[str] = set()

    def judge(self, raw: Mapping[str, Any]) -> None:
        """Assert that the server takes a configuration that the settings take."""
        self.counts["tried"] += 1
        try:
            stack = load_stack(raw)
        except SettingsError:
            self.counts["refused"] += 1
            return
        self.counts["accepted"] += 1
        for tenant in stack.clusters:
            client = self._clients[tenant.capi.contract]
            manifests = documents(tenant)
            self._namespace(tenant.capi.contract, client, tenant.cluster.namespace)
            for manifest in manifests:
                if self._is_new(tenant.capi.contract, manifest):
                    dry_run(client, manifest)
            for obj in build(manifests):
                # Kamaji's own kinds are those of the older generation.
                if self._is_new("kamaji", obj):
                    answer = send(client, obj)
                    assert answer.is_success or lacks_object(answer, obj), (
                        f"{obj['kind']} of Kamaji: {answer.status_code} {answer.text}"
                    )

    def _is_new(self, contract: str, obj: Mapping[str, Any]) -> bool:
        key = f"{contract} {json.dumps(obj, sort_keys=True)}"
        if key in self._keys:
            return False
        self._keys.add(key)
        self.counts["objects"] += 1
        return True

    def _namespace(self, contract: str, client: httpx.Client, name: str) -> None:
        if f"{contract} {name}" not in self._keys:
            crds.apply(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            self._keys.add(f"{contract} {name}")


def lacks_object(answer: httpx.Response, obj: Mapping[str, Any]) -> bool:
    """Whether only something of others is missing: Kamaji's kinds, or the data store, which its webhook looks for."""
    return "TenantControlPlane" in obj["kind"] and (
        answer.status_code == httpx.codes.NOT_FOUND or "DataStore does not exist" in answer.text
    )
