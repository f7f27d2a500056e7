"""What the settings let pass, the lab's API server takes with the controllers' real webhooks in the way."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.support.acceptance import Judge
from tests.support.generated_settings import configurations
from tests.support.generation import generation
from tests.support.lab import Lab

EXAMPLES = 150


def test_the_webhooks_take_whatever_the_settings_take(lab: Lab) -> None:
    with lab.management() as client:
        contract = generation().contract
        judge = Judge({contract: client})

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(configurations())
        def judge_settings(raw: dict[str, Any]) -> None:
            judge.judge({**raw, "capi": {"contract": contract}})

        judge_settings()
    assert judge.counts["accepted"] >= EXAMPLES / 4, f"most settings are no nonsense: {judge.counts}"
