"""Secrets at random places of a whole configuration, through the real engine: no run shows one.

``MARKERS_SEED`` and ``MARKERS_COUNT`` choose another run; both are printed with what came of it.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from kamaji_equinix.automation import ClusterStack, OperationError

import toolchain
from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.fleet import Fleet
from tests.support.markers import complete, leaks, leaves, marker, may_be_secret
from tests.support.project import Project

SEED, COUNT = int(os.environ.get("MARKERS_SEED", "7")), int(os.environ.get("MARKERS_COUNT", "40"))
STACK = "scattered"
WORDS = (
    "preview --json",
    "check",
    "check --json",
    "status",
    "status --json",
    "kubeconfig",
    "render",
    "import --log {}/import.log",
    "refresh --log {}/refresh.log",
    "destroy --yes --log {}/destroy.log",
)
"""The script's commands; there is no cluster to look at, import or destroy, so these end with an error."""


def test_no_run_shows_a_secret_wherever_it_stands(
    management: ManagementPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, counts = random.Random(SEED), Counter[str]()  # noqa: S311 - repeatable on purpose
    (tmp_path / "backend").mkdir()
    backend = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/backend", "PULUMI_CONFIG_PASSPHRASE": "test"}
    project = Project.make(tmp_path / "project", {**toolchain.pulumi_environment(), **backend})
    monkeypatch.setenv("PATH", project.environment["PATH"])
    make_data_store(management)
    with Fleet(management) as fleet:
        whole = complete()
        whole["cluster"] |= {"namespace": fleet.namespace, "createNamespace": False}
        whole["management"] = {"kubeconfigPath": str(management.kubeconfig)}
        paths = [path for path, value in leaves(whole) if isinstance(value, str)]
        right = [path for path in paths if may_be_secret(path)]
        project.pulumi("stack", "init", STACK).ok()
        for number in range(COUNT):
            # Half of the runs with secrets where they may stand only, so that the run goes on.
            candidates = right if number % 2 else paths
            places = chance.sample(candidates, chance.randint(1, min(6, len(candidates))))
            project.configure(STACK, **whole)
            markers = [marker() for _ in places]
            for place, text in zip(places, markers, strict=True):
                store(project, place, f"echo {text}" if may_be_secret(place) else text)
            texts = {
                "preview": project.pulumi("preview", "--diff", "--stack", STACK),
                **{
                    words: project.script_here(*words.format(project.folder).split(), "--stack", STACK)
                    for words in WORDS
                },
            }
            outputs = {name: result.output for name, result in texts.items()} | {"API": by_api(project)}
            outputs |= {path.name: path.read_text() for path in project.folder.glob("*.log")}
            counts["planted"] += len(markers)
            counts["runs"] += len(outputs)
            counts["refused"] += texts["preview"].code != 0
            hits = leaks(markers, outputs)
            counts["shown"] += len(hits)
            assert not hits, f"seed {SEED}, run {number}, secrets at {places}: {hits}"
            assert (texts["preview"].code == 0) == all(map(may_be_secret, places)), (
                f"run {number}, secrets at {places}: {texts['preview'].output}"
            )
    print(f"markers: seed {SEED}, {dict(counts)}")
    assert 0 < counts["refused"] < COUNT, "some places are right for a secret, and some are not"


def store(project: Project, path: str, text: str) -> None:
    command = ["pulumi", "config", "set", "--path", "--secret", f"kamaji-equinix:{path}", "--stack", STACK]
    subprocess.run(command, cwd=project.folder, env=project.environment, input=text, text=True, check=True)


def by_api(project: Project) -> str:
    """What the API says of the stack."""
    try:
        result = ClusterStack(STACK, folder=project.folder, environment=project.environment).preview()
    except OperationError as error:
        return f"{error}\n{error.output}\n{error!r}"
    return f"{result!r}\n{result.output}"
