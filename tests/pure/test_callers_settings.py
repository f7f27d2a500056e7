"""Settings that a caller passes for a stack of a folder, and what else it says of the engine's environment."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.automation import ConfigurationError
from kamaji_equinix.automation.configuration import check, sections, with_absolute_paths
from kamaji_equinix.automation.engine.workspace import configure
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.model import StackSettings

from tests.support.project import ROOT
from tests.support.settings_cases import FULL, configuration

FILES = sorted(ROOT.glob("Pulumi.*.yaml"))
CALLS: list[dict[str, Any]] = [
    configuration(),
    configuration(workerPools=[]),
    configuration(clusters=[{"cluster": {"name": "a"}}, {"cluster": {"name": "b", "protect": True}}]),
    {key: value for key, value in FULL.items() if key not in ("management", "addons")},
]


def read(path: Path) -> StackSettings:
    """The settings as the program in the folder reads them."""
    config = yaml.safe_load(path.read_text())["config"]
    return load_stack({key.removeprefix("kamaji-equinix:"): value for key, value in config.items()})


def write(path: Path, settings: StackSettings) -> None:
    """Write the settings as before an operation; none of them is a secret, so no engine is asked."""
    stack = SimpleNamespace(workspace=SimpleNamespace(work_dir=str(path.parent)), name="one")
    configure(cast(Any, stack), cast(Any, None), sections(settings, path.parent))


def test_there_are_files_to_begin_with() -> None:
    assert len(FILES) >= 2, "the checkout's own stacks"


@given(st.lists(st.sampled_from([*FILES, *range(len(CALLS))]), min_size=1, max_size=4), st.sampled_from(CALLS))
def test_a_caller_gets_what_it_passes_whatever_the_file_held_before(
    tmp_path_factory: pytest.TempPathFactory, before: list[Path | int], raw: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("caller") / "Pulumi.one.yaml"
    for earlier in before:
        if isinstance(earlier, Path):
            path.write_text(earlier.read_text())
        else:
            write(path, check(CALLS[earlier]))
    settings = check(raw)
    write(path, settings)
    assert read(path).clusters == settings.clusters, "a key of the file would be a default of each cluster"


def test_a_kubeconfig_for_the_engine_alone_is_the_stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/of/the/process")
    settings = with_absolute_paths(check(configuration()), tmp_path, {"KUBECONFIG": "engines.yaml"})
    if configuration().get("management"):
        pytest.fail("the case names credentials itself")
    assert settings.management.kubeconfig_path == str(tmp_path / "engines.yaml"), "not another management cluster's"
    several = {"KUBECONFIG": os.pathsep.join(("a", "b"))}
    with pytest.raises(ConfigurationError, match=r"KUBECONFIG.*several files.*kubeconfigPath"):
        with_absolute_paths(check(configuration()), tmp_path, several)
