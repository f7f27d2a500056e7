"""Arguments of the typed API: whatever is wrong with one is said by an error of the family."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kamaji_equinix import components
from kamaji_equinix.automation import ClusterStack, ConfigurationError, OperationError, on_all
from kamaji_equinix.automation.configuration import write_plain
from kamaji_equinix.components.handoff.inputs import mistakes
from kamaji_equinix.components.handoff.state import UNKNOWN_VALUE
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError

from tests.support.settings_cases import RIGHT, configuration


@pytest.fixture(autouse=True)
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pulumi that only tells its version."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho v3.259.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{Path(shutil.which('sh') or '/bin/sh').parent}")


@pytest.mark.parametrize("key", ["kamaji-equinix:workerPools", "kamaji_equinix:workerPools", "kamaji:workerPools"])
def test_a_section_with_a_namespace_is_named_without_it(key: str) -> None:
    sections = configuration()
    sections[key] = sections.pop("workerPools")
    with pytest.raises(ConfigurationError) as error:
        ClusterStack("a", sections)
    (problem,) = error.value.problems
    assert problem == f"{key}: unknown key: a section's key has no namespace here; write it as 'workerPools'", (
        "a cluster without workers would come of it"
    )


def test_contracts_of_different_clusters_are_refused_before_the_engine_and_any_cluster_are_asked() -> None:
    first, second = configuration(), configuration(cluster={"name": "two"}, capi={"contract": "v1beta2"})
    with pytest.raises(ConfigurationError) as error:
        ClusterStack("a", {"clusters": [first, second], "management": {"kubeconfigPath": "/nowhere"}})
    (problem,) = error.value.problems
    assert problem.startswith('clusters[1].capi.contract is "v1beta2": differs from that of clusters[0], v1beta1'), (
        problem
    )


@pytest.mark.parametrize(
    ("name", "arguments", "wrong"),
    [
        ("a", {"settings": []}, "settings are list"),
        ("a", {"settings": "cluster"}, "settings are str"),
        ("a", {"settings": {1: 2}}, "has a key that is no text"),
        ("a", {}, "pass settings, or the folder"),
        (None, {"settings": RIGHT}, "argument name: must be a valid string"),
        ("", {"settings": RIGHT}, "argument name: must be at most 100 letters"),
        ("a b", {"settings": RIGHT}, "argument name: must be at most 100 letters"),
        ("-rf", {"settings": RIGHT}, "argument name: must be at most 100 letters"),
        ("../a", {"settings": RIGHT}, "argument name: must be at most 100 letters"),
        ("a" * 101, {"settings": RIGHT}, "argument name: must be at most 100 letters"),
        ("a/b/c/d", {"settings": RIGHT}, "argument name: must be a stack's name"),
        ("a", {"folder": "here"}, "argument folder: must be an instance of Path"),
        ("a", {"settings": RIGHT, "project": "a b"}, "argument project: must be at most 100 letters"),
        ("a", {"settings": RIGHT, "backend_url": 5}, "argument backend_url: must be a valid string"),
        ("a", {"settings": RIGHT, "passphrase": b"hidden"}, "argument passphrase"),
        ("a", {"settings": RIGHT, "environment": {"A": 1}}, "argument environment: must be a valid string"),
        ("a", {"settings": RIGHT, "environment": "A=1"}, "argument environment: must be a valid dictionary"),
        ("a", {"settings": RIGHT, "wait_for_lock": "long"}, "argument wait_for_lock: must be a valid number"),
        ("a", {"settings": RIGHT, "wait_for_lock": -1}, "argument wait_for_lock: must be greater than or equal to 0"),
        ("a", {"settings": RIGHT, "wait_for_lock": float("nan")}, "argument wait_for_lock: must be a finite number"),
        ("a", {"settings": RIGHT, "on_event": 5}, "argument on_event: must be callable"),
        ("a", {"settings": RIGHT, "on_output": "print"}, "argument on_output: must be callable"),
        ("a", {"settings": RIGHT, "verbose": True}, "argument verbose: Unexpected keyword argument"),
    ],
)
def test_a_wrong_argument_is_named(name: Any, arguments: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        ClusterStack(name, **arguments)
    assert wrong in str(error.value), "the argument and the rule"
    assert "hidden" not in str(error.value), "a value may be a secret"


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("up", {"wait": "900"}),
        ("up", {"cancellation": 5}),
        ("preview", {"timeout": -1}),
        ("destroy", {"remove": "yes"}),
        ("kubeconfig", {"cluster": 5}),
        ("wait_until_ready", {"timeout": None}),
    ],
)
def test_an_operations_arguments_are_checked_before_anything_is_opened(method: str, arguments: dict[str, Any]) -> None:
    stack = ClusterStack("a", configuration())
    with pytest.raises(ConfigurationError, match=f"argument {next(iter(arguments))}"):
        getattr(stack, method)(**arguments)


@pytest.mark.parametrize("arguments", [{"at_once": 0}, {"at_once": "4"}, {"operation": None}, {"stacks": [5]}])
def test_a_fleets_arguments_are_checked(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"argument {next(iter(arguments))}"):
        on_all(**{"stacks": [], "operation": print, **arguments})


def test_right_arguments_arrive_as_they_are() -> None:
    stack_settings = load_stack(configuration())
    stack = ClusterStack(
        "organization/project/a", stack_settings, environment={"A": "b"}, wait_for_lock=5, on_event=print
    )
    assert stack.name == "organization/project/a", "the whole name"
    assert stack.settings().clusters[0] is stack_settings.clusters[0], "settings are not checked or copied again"


ANYTHING = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=4),
    st.just(print),
    st.lists(st.none()),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    ANYTHING,
    st.dictionaries(
        st.sampled_from(
            ["settings", "folder", "project", "backend_url", "passphrase", "environment", "wait_for_lock", "on_event"]
        ),
        ANYTHING,
    ),
)
def test_no_arguments_end_in_another_error(name: Any, arguments: dict[str, Any]) -> None:
    try:
        ClusterStack(name, **arguments)
    except OperationError as error:
        text = str(error)
    else:
        text = "taken"
    assert text, "an error of the family, or none"


STACK_FILE = """\
# yaml-language-server: $schema=docs/settings.schema.json
# Of the platform team.
secretsprovider: passphrase # as everywhere

config:
  # Of AWS.
  aws:region: eu-west-1 # Ireland
  kamaji-equinix:cluster:
    name: old # the first
  kamaji-equinix:management:
    kubeconfig:
      secure: v1:abc
  other:list:
    - 0o10 # a file's mode
    - no
encryptionsalt: v1:salt
# The end.
"""


def test_what_a_user_wrote_into_a_stacks_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(STACK_FILE)
    write_plain(path, {"cluster": {"name": "new"}, "clusters": [{"cluster": {"name": "no", "labels": {"y": "1e3"}}}]})
    text = path.read_text()
    for line in STACK_FILE.splitlines():
        assert line in text or "old" in line, f"{line!r} is still there"
    assert 'name: "new"' in text, "and what was written, where it stood before"
    assert text.index("kamaji-equinix:cluster:") < text.index("kamaji-equinix:management:"), "in its order"


def test_a_file_is_not_touched_where_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    values = {"clusters": [{"cluster": {"name": "a", "paused": True}, "workerPools": [{"name": "b", "replicas": 3}]}]}
    write_plain(path, values)
    once = path.read_bytes()
    write_plain(path, values)
    assert path.read_bytes() == once, "the second run writes the same"


def test_a_file_that_can_not_be_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("config: [")
    with pytest.raises(ConfigurationError, match="can't be read"):
        write_plain(path, {"cluster": {}})
    assert path.read_text() == "config: [", "it is as it was"


METHODS = ["preview", "up", "refresh", "destroy", "import_existing", "kubeconfig", "wait_until_ready"]
MISTYPED = st.dictionaries(
    st.sampled_from(["wait", "cancellation", "timeout", "remove", "cluster", "on_look", "other"]),
    # What is of no argument's type: with all arguments right, the operation would begin.
    st.sampled_from([b"x", [None], {"a": 1}, float("nan"), -1, object(), "x" * 3]),
    min_size=1,
    max_size=3,
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(METHODS), MISTYPED)
def test_no_arguments_of_an_operation_end_in_another_error(method: str, arguments: dict[str, Any]) -> None:
    stack = ClusterStack("a", configuration())
    if method == "kubeconfig" and set(arguments) == {"cluster"} and isinstance(arguments["cluster"], str):
        return
    with pytest.raises(ConfigurationError, match="argument "):
        getattr(stack, method)(**arguments)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(ANYTHING, st.one_of(st.just(()), ANYTHING), st.one_of(st.just(()), ANYTHING))
def test_no_configuration_ends_in_another_error(raw: Any, secret_paths: Any, others: Any) -> None:
    for arguments in (
        (raw,),
        (raw, secret_paths),
        (raw, secret_paths, others),
        (configuration(), secret_paths, others),
    ):
        with contextlib.suppress(SettingsError):
            load_stack(*arguments)


SETTINGS = load_stack(configuration()).clusters[0]
COMPONENTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "TenantClusterArgs": (components.TenantClusterArgs, {"settings": SETTINGS}),
    "TenantControlPlaneArgs": (components.TenantControlPlaneArgs, {"settings": SETTINGS}),
    "InfrastructureClusterArgs": (components.InfrastructureClusterArgs, {"settings": SETTINGS}),
    "WorkerPoolArgs": (components.WorkerPoolArgs, {"settings": SETTINGS, "pool": SETTINGS.worker_pools[0]}),
}


@pytest.mark.parametrize("name", COMPONENTS)
def test_what_a_component_is_made_of_is_checked(name: str) -> None:
    kind, right = COMPONENTS[name]
    assert kind(**right).settings is SETTINGS, "right arguments arrive as they are"
    for key in right:
        for value in (None, "prod", configuration(), 5, load_stack(configuration())):
            with pytest.raises(SettingsError, match=rf"{name}\.{key}: must be \w+Settings, is {type(value).__name__}"):
                kind(**{**right, key: value})


@pytest.mark.parametrize(
    ("inputs", "rule"),
    [
        ({"timeoutSeconds": "ten"}, "must be a number of seconds, is str"),
        ({"timeoutSeconds": True}, "must be a number of seconds, is bool"),
        ({"timeoutSeconds": 0}, "must be more than 0, is 0"),
        ({"timeoutSeconds": float("nan")}, "must be more than 0, is nan"),
        ({"path": 5}, "must be text, is int"),
        ({"path": "readyz"}, "must begin with '/'"),
        ({"verify": "CA"}, "must be ca or none, is 'CA'"),
        ({"contract": ["v1beta1"]}, "must be text, is list"),
        ({"enabled": "no"}, "must be true or false, is str"),
        ({"force": 1}, "must be true or false, is int"),
        ({"infrastructure": "PacketCluster"}, "must be a map with apiVersion, kind and name, is str"),
        ({"namespace": None, "cluster": UNKNOWN_VALUE, "timeoutSeconds": UNKNOWN_VALUE}, ""),
    ],
)
def test_the_inputs_of_a_hand_off_are_judged_before_it_begins(inputs: dict[str, Any], rule: str) -> None:
    problems = list(mistakes(inputs))
    assert len(problems) == bool(rule), f"what is not known yet is not judged: {problems}"
    assert not rule or problems[0][1].startswith(rule), problems
