"""docs/fleets.md: its commands are run in their order, the rest is what the examples and the program hold."""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from kamaji_equinix.automation.engine.lock import Lock, refusal
from kamaji_equinix.automation.errors import Locked

import toolchain
from tests.support.fleet import CLUSTERS, Fleet
from tests.support.project import ROOT, Project
from tests.support.s3 import Bucket

PAGE = (ROOT / "docs" / "fleets.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.M | re.S)
BUCKET = "s3://fleet-state?region=eu-central-1"


def blocks(kind: str) -> list[str]:
    return [text for language, text in BLOCKS if language == kind]


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    kinds = [kind for kind, _ in BLOCKS]
    assert set(kinds) == {"sh", "text", "yaml", "console", "python"}, f"each kind has its test: {kinds}"
    assert PAGE.count("\n```") == 2 * len(BLOCKS), "no block escapes"


def test_what_is_quoted_of_the_examples_is_in_them() -> None:
    examples = [path.read_text() for path in sorted((ROOT / "examples").glob("*/*.yaml"))]
    for block in blocks("yaml"):
        assert any(block in example for example in examples), f"no example holds:\n{block}"
    for block in blocks("console"):
        comment = textwrap.indent(block, "#     ")
        assert any(comment in example for example in examples), f"no example tells:\n{block}"


def test_the_url_of_another_server_is_formed_as_the_tests_form_theirs(tmp_path: Path) -> None:
    url = blocks("text")[0].strip()
    assert parse_qs(urlsplit(url).query).keys() == parse_qs(urlsplit(Bucket(tmp_path).url).query).keys(), (
        "the parameters with which the tests reach their S3 server"
    )


def test_the_refusal_is_told_as_it_is_said() -> None:
    since = datetime(2026, 1, 2, 3, 4, 5).astimezone()
    locks = [Lock("s3://fleet-state/…", "ann", "runner-7", 4711, since)]
    assert blocks("text")[1].strip() == refusal("staging", locks), "word for word"
    assert f"exit code {Locked.exit_code}" in PAGE, "with its exit code"


def test_the_commands_do_what_the_page_says(fleet: Fleet, tmp_path: Path) -> None:
    commands = blocks("sh")
    with Bucket(tmp_path / "s3") as bucket:
        home = tmp_path / "home"
        (home / ".config" / "fleet").mkdir(parents=True)
        (home / ".config" / "fleet" / "passphrase").write_text("correct horse battery")
        engine = {**toolchain.pulumi_environment(), **bucket.variables, "HOME": str(home)}
        del engine["PULUMI_BACKEND_URL"]
        engine["PATH"] = os.pathsep.join([str(ROOT / ".venv" / "bin"), engine["PATH"]])
        project = Project.make(tmp_path / "project", engine)
        project.environment.pop("PULUMI_CONFIG_PASSPHRASE", None)
        project.configure(
            "staging",
            cluster={"name": "staging", "namespace": fleet.namespace},
            metal={"projectId": "1d3c8a52-6f0e-4d55-8f5a-0a7f5b9b2c01", "metro": "fr"},
            workerPools=[{"name": "a", "replicas": 1, "machineType": "c3.small.x86"}],
            management={"kubeconfigPath": str(fleet.management.kubeconfig)},
        )
        assert all(BUCKET not in text for text in commands[1:]), "the backend is named once"
        outputs = []
        for index, text in enumerate(commands):
            if index == len(commands) - 1:
                key = bucket.put_lock(
                    "kamaji-equinix", "staging", pid=1, username="a", hostname="b", timestamp="2026-01-02T03:04:05Z"
                )
            # Each block goes on in the shell of the first.
            script = "\n".join([*(line for line in commands[0].splitlines() if line.startswith("export ")), text])
            process = subprocess.run(
                ["bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", script.replace(BUCKET, bucket.url)],
                cwd=project.folder,
                env=project.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=300,
                check=False,
            )
            assert process.returncode == 0, f"{text}\n{process.stdout}"
            outputs.append(process.stdout)
        names = {item["metadata"]["name"] for item in fleet.http.get(CLUSTERS.format(fleet.namespace)).json()["items"]}
        assert names == {"staging"}, f"the first block brings the stack up: {names}"
        assert "unchanged" in outputs[1], f"the second finds nothing to do:\n{outputs[1]}"
        assert fleet.secret in (project.folder / "staging.kubeconfig").read_text(), "and has the kubeconfig"
        assert key not in bucket.objects(), "the last one clears the lock of another host"
