"""Thousands of generated settings and stack files; the provider and engine tiers hold the short versions.

``SETTINGS_SEED`` and ``SETTINGS_COUNT`` choose another run; both are printed with what came of it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from lab import crds
from lab.plane import ManagementPlane
from tests.support.acceptance import Judge
from tests.support.dry_run import newer_plane
from tests.support.engine_reading import EngineReader
from tests.support.generated_metal3 import metal3_configurations
from tests.support.generated_settings import configurations
from tests.support.metal3_judge import judge
from tests.support.reading_cases import Comparison, generate

SEED, COUNT = int(os.environ.get("SETTINGS_SEED", "7")), int(os.environ.get("SETTINGS_COUNT", "5000"))


def each(configurations: st.SearchStrategy[dict[str, Any]], judge: Callable[[dict[str, Any]], None]) -> None:
    """Let as many generated configurations be judged as the run has."""

    @seed(SEED)
    @settings(
        max_examples=COUNT,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(configurations)
    def check(raw: dict[str, Any]) -> None:
        judge(raw)

    check()


def test_api_servers_take_whatever_thousands_of_settings_ask_for(management: ManagementPlane, tmp_path: Path) -> None:
    with newer_plane(tmp_path) as newer, management.client() as older_client, newer.client() as newer_client:
        judge = Judge({"v1beta1": older_client, "v1beta2": newer_client})
        each(configurations(), judge.judge)
    print(f"settings: seed {SEED}, {dict(judge.counts)}")
    assert judge.counts["accepted"] > COUNT / 4, "most settings are no nonsense"


def test_an_api_server_takes_whatever_thousands_of_settings_of_own_servers_ask_for(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    with newer_plane(tmp_path) as newer, newer.client() as client:
        crds.apply(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "generated"}})
        each(metal3_configurations(), partial(judge, client, counts=counts))
    print(f"settings of own servers: seed {SEED}, {dict(counts)}")
    assert counts["accepted"] > COUNT / 10, "enough of it is no nonsense"


def test_thousands_of_values_are_read_as_the_engine_reads_them(tmp_path: Path) -> None:
    comparison = Comparison(EngineReader.make(tmp_path / "reading", os.environ))
    comparison.compare(generate(COUNT, seed=SEED), refusals=300)
    print(f"stack files: seed {SEED}, {dict(comparison.counts)} in {comparison.engine.calls} runs of pulumi")
    assert comparison.counts["values"] > COUNT / 4, "most are YAML"
