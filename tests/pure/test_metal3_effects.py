"""What a change of each of Metal3's settings does to a living cluster, as the table says."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from kamaji_equinix.components.settings.effects import effect
from kamaji_equinix.components.settings.load import load_stack

from tests.pure.test_effects import leaves, outcome
from tests.support.metal3_settings import FULL, OTHER_SETTINGS, SECTION_ONLY, replace_key
from tests.support.setting_changes import BASE, tenant

KEYS = {
    **{f"metal3.{key}": value for key, value in {**OTHER_SETTINGS, **SECTION_ONLY}.items() if key != "nodeReuse"},
    **{f"workerPools[].{key}": value for key, value in OTHER_SETTINGS.items()},
}
FIRST = {
    key.partition(".")[0].partition("[")[0]: key for key, value in reversed(OTHER_SETTINGS.items()) if value is not None
}
CHANGES = {
    key: value
    for key, value in KEYS.items()
    if value is not None and (key.startswith("metal3.") or key.removeprefix("workerPools[].") in FIRST.values())
}
"""Of a pool's keys, which mean the same as the section's, one of each."""


def test_each_setting_of_metal3_has_a_change_here() -> None:
    tops = {key.partition(".")[0].partition("[")[0] for key in OTHER_SETTINGS}
    pools = tuple(f"workerPools[].{top}" for top in tops)
    names = [key for key in leaves() if key.startswith(("metal3.", *pools))]
    assert len(names) > 150, "the table lists them"
    assert sorted(set(names) - KEYS.keys()) == [], (
        "what a new setting does to a living cluster has to be said, and tested"
    )


@pytest.mark.parametrize("key", CHANGES)
def test_a_change_has_the_effect_that_the_table_says(key: str) -> None:
    before: Any = load_stack(replace_key(key, lookup(key))).clusters[0]
    refusals, messages, machines = outcome(before, load_stack(replace_key(key, CHANGES[key])))
    consequence = effect(key).how
    assert refusals == ([key] if consequence == "never" else []), "refused is what can never be, and nothing else"
    assert messages == [], "nothing else is told"
    if consequence != "never":
        assert sum(change.rolled for change in machines) == (2 if consequence == "rolls machines" else 0), (
            f"machines: {machines}"
        )


def test_no_other_provider_takes_over_a_cluster() -> None:
    before = tenant({})
    raw = copy.deepcopy({**FULL, "cluster": BASE["cluster"]})
    refusals, _, _ = outcome(before, load_stack(raw))
    assert refusals == ["metal3"], "the PacketCluster would go, and with it the only way to give the devices back"
    assert load_stack({**FULL, "cluster": {**BASE["cluster"], "name": "another"}}).clusters, "a new cluster is the way"


def lookup(key: str) -> Any:
    """The value that a key has in ``FULL``; for one of a pool that of the section, or the default."""
    path = key.removeprefix("workerPools[].").removeprefix("metal3.")
    if path == "nodeReuse":
        return False
    target: Any = FULL["metal3"]
    for step in path.split("."):
        target = target[step.removesuffix("[]")]
        target = target[0] if step.endswith("[]") else target
    return target
