"""Every example's manifests against the lab's API server, with the controllers' real webhooks in the way."""

from __future__ import annotations

from typing import Any

import pytest
from kamaji_equinix.components.manifests.documents import documents as documents_of
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.stack_file import read_stack_file

from tests.support.dry_run import create_namespaces, dry_run
from tests.support.generation import sections
from tests.support.lab import Lab
from tests.support.seed import ROOT
from tests.support.settings_cases import FULL

EXAMPLES = ["dev", "seed", "staging", "production", "full"]


def documents(example: str) -> list[dict[str, Any]]:
    """The manifests of an example."""
    raw = FULL if example == "full" else read_stack_file(ROOT / f"Pulumi.{example}.yaml")[0]
    return [document for tenant in load_stack({**raw, **sections()}).clusters for document in documents_of(tenant)]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_webhooks_take_every_document_as_it_is(lab: Lab, example: str) -> None:
    manifests = documents(example)
    with lab.management() as client:
        create_namespaces(client, manifests)
        for document in manifests:
            # Also asserts that the defaulting webhooks give back each field as it was sent: else each run would see a change.
            dry_run(client, document)


def test_a_manifest_that_a_webhook_refuses_is_noticed(lab: Lab) -> None:
    """Guards the test above: the webhooks are there."""
    document = next(item for item in documents("dev") if item["kind"] == "PacketCluster")
    del document["spec"]["metro"]
    with lab.management() as client, pytest.raises(AssertionError, match="field is required"):
        dry_run(client, document)
