"""The report of wrong configurations: complete, exact, and never a traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError

from tests.support.settings_cases import RIGHT, configuration, mistakes

MISTAKES = mistakes()

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["1.33.0", "da", "{{ x }}"]),
)
KEYS = st.one_of(
    st.sampled_from(
        ["name", "cluster", "metal", "metro", "workerPools", "taints", "labels", "clusters", "controlPlane", "network"]
    ),
    st.text(max_size=6),
    st.integers(),
    st.none(),
)
STRUCTURES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)
SECTIONS = ["cluster", "controlPlane", "metal", "workerPools", "handoff", "capi", "management", "clusters"]


@pytest.mark.parametrize("case", MISTAKES, ids=[case["says"] for case in MISTAKES])
def test_a_wrong_configuration_gives_exactly_its_report(case: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as error:
        load_stack(configuration(**case["set"]))
    assert [str(problem) for problem in error.value.problems] == case["report"], "the report is what users go by"


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(MISTAKES) >= 60, "each rule has at least one mistake"
    assert len({case["says"] for case in MISTAKES}) == len(MISTAKES), "each mistake is another one"


def test_the_right_configuration_under_the_table_is_right() -> None:
    stack = load_stack(RIGHT)
    assert [cluster.cluster.name for cluster in stack.clusters] == ["prod"], "all mistakes come from the changes"
    assert stack.warnings == (), "and nothing is to be warned of"


def test_the_text_of_the_error_is_the_whole_report() -> None:
    with pytest.raises(SettingsError) as error:
        load_stack(configuration(cluster={"name": "Prod"}, handof={}))
    lines = str(error.value).splitlines()
    assert lines[0] == "the stack's configuration has 2 mistakes; nothing was created or changed:", "it counts"
    assert len(lines) == 3, "a line for each mistake"
    assert all(line.startswith("  - ") for line in lines[1:]), "and lists"


def set_at(base: Any, path: list[Any], value: Any) -> Any:
    """``base`` with one value in it replaced."""
    if not path:
        return value
    copy = dict(base) if isinstance(base, dict) else list(base)
    copy[path[0]] = set_at(copy[path[0]], path[1:], value)
    return copy


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all values in a structure."""
    places = [here]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        places += paths(item, (*here, key))
    return places


RICH = configuration(
    controlPlane={"network": {"certSANs": ["a.example.org"], "ingress": {"hostname": "a"}}, "addons": {"coreDNS": {}}},
    workerPools=[
        {
            "name": "a",
            "min": 1,
            "max": 2,
            "labels": {"a": "b"},
            "taints": [{"key": "a", "effect": "NoSchedule"}],
            "strategy": {"maxSurge": 1, "maxUnavailable": "10%"},
            "healthCheck": {"maxUnhealthy": 1},
            "bootstrap": {
                "files": [{"path": "/a", "contentFrom": {"secret": {"name": "a", "key": "b"}}}],
                "users": [
                    {
                        "name": "a",
                        "sshAuthorizedKeys": [
                            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleE"
                        ],
                    }
                ],
                "postCommands": ["true"],
                "kubeletExtraArgs": {"v": "2"},
            },
        }
    ],
    management={"kubeconfigPath": "a"},
    handoff={"path": "/readyz"},
)


def settles(raw: Any) -> None:
    """Loading ends with settings or with a report that can be printed."""
    try:
        load_stack(raw)
    except SettingsError as error:
        report = error
    else:
        return
    assert report.problems, "an error names a mistake"
    assert str(report).encode("utf-8"), "and can be printed"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(SECTIONS) | st.text(max_size=8), STRUCTURES, max_size=6))
def test_random_structures_end_in_a_report(raw: dict[str, Any]) -> None:
    settles(raw)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(paths(RICH)[1:]), STRUCTURES)
def test_any_value_in_any_place_ends_in_a_report(path: tuple[Any, ...], value: Any) -> None:
    settles(set_at(RICH, list(path), value))


@settings(max_examples=100, deadline=None)
@given(st.text(), st.sampled_from(["commands", "postCommands"]))
def test_any_command_is_taken_as_it_is_or_refused(text: str, key: str) -> None:
    raw = configuration(workerPools=[{"name": "a", "bootstrap": {key: [text]}}])
    try:
        stack = load_stack(raw)
    except SettingsError:
        return
    bootstrap = stack.clusters[0].worker_pools[0].bootstrap
    assert (bootstrap.commands or bootstrap.post_commands) == (text,), "commands are passed on exactly as written"


def test_a_report_never_quotes_what_may_be_a_secret() -> None:
    raw = configuration(
        management={"kubeconfig": ["token: hunter2"], "kubeconfigs": "hunter2"},
        workerPools=[
            {
                "name": "a",
                "bootstrap": {
                    "files": [{"path": "/a", "content": "-----BEGIN PRIVATE KEY-----hunter2"}],
                    "users": [{"name": "a", "passwd": "hunter2"}],
                },
            }
        ],
    )
    with pytest.raises(SettingsError) as error:
        load_stack(raw)
    assert len(error.value.problems) == 4, "each is reported"
    assert "hunter2" not in str(error.value), "none is quoted"


def test_a_configuration_as_the_engine_decodes_it_is_taken() -> None:
    assert load_stack(json.loads(json.dumps(RICH))).clusters[0].worker_pools[0].max == 2, "lists come as JSON's"
