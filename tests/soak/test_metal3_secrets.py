"""The passwords of a rack's BMCs on the lab: nothing that a stack, its tools or the controllers write or start shows one."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.lab import Lab
from tests.support.markers import leaks, marker
from tests.support.metal3_lab import HOSTS, racks_lab, write
from tests.support.project import Project

STACK = "marked"


@pytest.fixture(scope="module")
def racks(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    yield from racks_lab(lab, tmp_path_factory.mktemp("racks") / "state")


class Arguments:
    """The command lines of all processes, while something runs."""

    def __init__(self) -> None:
        self.command_lines: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Arguments:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.wait(0.3):
            self.command_lines |= {
                " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
            }


def passwords(project: Project, count: int) -> list[str]:
    """Give each host a password that occurs nowhere else, by pulumi's stdin."""
    words = [marker() for _ in range(count)]
    for index, word in enumerate(words):
        path = f"kamaji-equinix:metal3.hosts[{index}].bmc.password"
        command = ["pulumi", "config", "set", "--path", "--secret", path, "--stack", STACK]
        subprocess.run(command, cwd=project.folder, env=project.environment, input=word, text=True, check=True)
    return words


def test_no_password_of_a_bmc_is_shown_anywhere(racks: Lab, tmp_path: Path) -> None:
    project = Project.make(tmp_path / "project", racks.environment())
    texts: dict[str, str] = {}

    def run(*words: str, code: int = 0) -> None:
        result = project.script(*words, "--stack", STACK, "--log", str(tmp_path / f"{len(texts)}.log"))
        texts[f"{len(texts)} {' '.join(words)}"] = result.output
        assert result.code == code, f"{words}:\n{result.output}"

    write(project, racks, STACK, replicas=1)
    project.pulumi("stack", "init", STACK).ok()
    write(project, racks, STACK, replicas=1)
    with Arguments() as arguments:
        markers = passwords(project, 3)
        run("up")
        write(project, racks, STACK, replicas=1)
        markers += passwords(project, 3)
        run("import", code=2)
        run("up", "--no-wait")
        with racks.management() as client:
            data = client.get("/api/v1/namespaces/default/secrets/rack-1-host-0-bmc").raise_for_status().json()["data"]
        assert base64.b64decode(data["password"]).decode() == markers[3], (
            "the words are those that the BMC is asked with"
        )
        texts["preview"] = project.pulumi("preview", "--diff", "--refresh", "--stack", STACK).output
        for words in ("status", "status --json", "check --json", "render"):
            texts[words] = project.script(*words.split(), "--stack", STACK).output
        texts["state"] = project.pulumi("stack", "export", "--stack", STACK).ok()
        project.pulumi("stack", "rm", STACK, "--force", "--yes", "--preserve-config").ok()
        run("import")
        texts["outputs"] = project.pulumi("stack", "output", "--json", "--show-secrets", "--stack", STACK).ok()
        texts["hosts"] = json.dumps(racks.items(HOSTS))
        run("destroy", "--yes")
    texts |= {f"process {index}": line for index, line in enumerate(sorted(arguments.command_lines))}
    texts |= {str(path): path.read_text(errors="replace") for path in tmp_path.glob("*.log")}
    texts |= {path.name: path.read_text(errors="replace") for path in racks.folder.logs.iterdir()}
    texts |= {
        str(path): path.read_text(errors="replace")
        for path in Path(project.environment["PULUMI_BACKEND_URL"].removeprefix("file://")).rglob("*")
        if path.is_file()
    }
    assert sum("pulumi" in line for line in arguments.command_lines) > 5, "commands were seen"
    assert len(texts) > 60, f"there is much to look at: {len(texts)} texts"
    hits = leaks(markers, texts)
    assert not hits, f"{len(markers)} passwords in {len(texts)} texts: {hits}"
