"""A stack's file without the engine: never a traceback or a hang, and keys of nearly the right namespace."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.report import SettingsError
from kamaji_equinix.components.settings.stack_file import StackFileError, read_stack_file, sections

from tests.support.engine_reading import fragments
from tests.support.reading_cases import WHOLE_FILES
from tests.support.settings_cases import RIGHT, configuration


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(
        st.binary(max_size=200), fragments().map(lambda value: f"config:\n  k: {value}\n".encode("utf-8", "replace"))
    )
)
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    with contextlib.suppress(StackFileError, SettingsError):
        values, secret, others = sections(data)
        load_stack({**RIGHT, **values}, secret, others)


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_odd_files_are_read_or_refused_in_words(name: str) -> None:
    with contextlib.suppress(StackFileError):
        sections(WHOLE_FILES[name])


def test_an_alias_bomb_is_refused_at_once() -> None:
    with pytest.raises(StackFileError, match="excessive aliasing"):
        sections(WHOLE_FILES["an alias bomb"])


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("kamaji_equinix:workerPools", "kamaji-equinix:workerPools"),
        ("kamaji-equinx:metal", "kamaji-equinix:metal"),
        ("Kamaji-Equinix:cluster", "kamaji-equinix:cluster"),
        ("kamaji:cluster", "kamaji-equinix:cluster"),
        ("kamaji-equinix-:anything", "kamaji-equinix:anything"),
        ("equinix-kamaji:cluster", "kamaji-equinix:cluster"),
        ("kamaji:cluster.name", "kamaji-equinix:cluster.name"),
    ],
)
def test_a_key_in_nearly_the_right_namespace_is_named_first(tmp_path: Path, key: str, right: str) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(f"config:\n  {key}: {{}}\n")
    values, secret, others = read_stack_file(path)
    with pytest.raises(SettingsError) as error:
        load_stack(values, secret, others)
    assert (
        str(error.value.problems[0]) == f"{key}: is in a namespace that this program does not read; write it as {right}"
    ), "first of all"


def test_keys_of_other_programs_are_theirs() -> None:
    others = [
        "aws:region",
        "kubernetes:context",
        "equinix-metal:authToken",
        "equinix:authToken",
        "pulumi:tags",
        "k:cluster",
    ]
    assert load_stack(configuration(), frozenset(), others).clusters, "they are no mistakes"


def test_values_for_all_stacks_in_the_projects_file_are_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(
        "name: mine\nruntime: python\nconfig:\n  kamaji-equinix:metal: {value: {metro: da}}\n"
    )
    (tmp_path / "Pulumi.x.yaml").write_text("config: {}\n")
    with pytest.raises(StackFileError, match=r"Pulumi\.yaml beside it"):
        read_stack_file(tmp_path / "Pulumi.x.yaml")


def test_keys_without_a_namespace_are_the_projects_own(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    (tmp_path / "Pulumi.x.yaml").write_text("config:\n  cluster: 1\n  kamaji-equinix:cluster: {name: a}\n")
    values, _, others = read_stack_file(tmp_path / "Pulumi.x.yaml")
    assert values == {"cluster": {"name": "a"}}, "of another project they are no settings of this program"
    assert others == ("mine:cluster",), "but that project's"


@pytest.mark.parametrize("key", ["cluster.name", "workerPools[0].name", "clusters[1].cluster.name"])
def test_a_path_that_was_stored_as_a_key_is_told_with_both_commands(key: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_stack({**RIGHT, key: "a"})
    (problem,) = error.value.problems
    assert f"`pulumi config set --path 'kamaji-equinix:{key}' VALUE`" in str(problem), "how it is set"
    assert f"`pulumi config rm 'kamaji-equinix:{key}'`" in str(problem), "and how it goes"
