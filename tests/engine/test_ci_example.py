"""The CI example: its form by GitHub's schema, its steps run against a real S3 server, engine and API server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import yaml

import toolchain
from tests.support.fleet import CLUSTERS, Fleet
from tests.support.project import ROOT
from tests.support.s3 import Bucket
from tests.support.workflow import Runner, expressions, git, load, publish

WORKFLOW = ROOT / "examples" / "ci" / "clusters.github.yaml"
STACK = "staging"
PASSPHRASE = "correct horse battery"


def check(path: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", path]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)


def test_the_workflow_is_one_by_githubs_schema(tmp_path: Path) -> None:
    process = check(WORKFLOW)
    assert process.returncode == 0, process.stdout + process.stderr
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(WORKFLOW.read_text().replace("runs-on:", "runs-at:"))
    assert check(wrong).returncode != 0, "the schema notices a misspelt key"


def test_each_stack_has_one_run_at_a_time_that_is_never_cancelled() -> None:
    jobs = load(WORKFLOW)["jobs"]
    concurrency = jobs["up"]["concurrency"]
    assert "${{ matrix.stack }}" in concurrency["group"], "stacks do not wait for each other"
    assert concurrency["cancel-in-progress"] is False, "a run that is cancelled may leave machines on order"
    for name, job in jobs.items():
        for stack in job["strategy"]["matrix"]["stack"]:
            assert (ROOT / f"Pulumi.{stack}.yaml").is_file(), f"{name} runs stack {stack}, which has no file"


def test_the_pinned_pulumi_is_the_programs() -> None:
    versions = set(re.findall(r"pulumi-version: (\S+)", WORKFLOW.read_text()))
    assert versions == {toolchain.pins.PULUMI.removeprefix("v")}, f"one version everywhere: {versions}"


def sections(fleet: Fleet, replicas: int) -> dict[str, Any]:
    return {
        "cluster": {"name": "staging", "namespace": fleet.namespace},
        "metal": {"projectId": "1d3c8a52-6f0e-4d55-8f5a-0a7f5b9b2c01", "metro": "fr"},
        "workerPools": [{"name": "general", "replicas": replicas, "machineType": "c3.small.x86"}],
    }


def write(clone: Path, sections: dict[str, Any]) -> None:
    """Change the stack's file, keeping what pulumi wrote there: the salt, and the credentials that it encrypted."""
    path = clone / f"Pulumi.{STACK}.yaml"
    document = yaml.safe_load(path.read_text()) if path.exists() else {}
    management = {key: value for key, value in document.get("config", {}).items() if key == "kamaji-equinix:management"}
    document["config"] = {f"kamaji-equinix:{key}": value for key, value in sections.items()} | management
    path.write_text(yaml.safe_dump(document))


def test_a_pull_request_shows_what_changes_and_its_merge_does_it(bucket: Bucket, fleet: Fleet, tmp_path: Path) -> None:
    origin, clone = publish(ROOT, tmp_path / "git", ["tests", "lab", "toolchain", "bench"])
    engine = {
        **os.environ,
        **toolchain.pulumi_environment(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        **bucket.variables,
    }
    (clone / f"Pulumi.{STACK}.yaml").unlink()
    for command, text in (
        (["stack", "init", STACK], None),
        (
            ["config", "set", "--secret", "--stack", STACK, "--path", "kamaji-equinix:management.kubeconfig"],
            fleet.management.kubeconfig.read_text(),
        ),
    ):
        subprocess.run(
            ["pulumi", *command, "--non-interactive"], cwd=clone, env=engine, input=text, text=True, check=True
        )
    write(clone, sections(fleet, 1))
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "Staging")
    git(clone, "push", "--quiet", "origin", "main")

    text = WORKFLOW.read_text()
    values = {
        "vars.PULUMI_BACKEND_URL": bucket.url,
        "secrets.PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "vars.AWS_REGION": "us-east-1",
        "vars.AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/fleet",
        "matrix.stack": STACK,
        "github.base_ref": "main",
    }
    assert expressions(text) == set(values), "the test gives a value for each expression, and for no other"
    actions = {
        "actions/checkout@v4": {},
        # The packages of the test's own environment, so that pip finds them installed and downloads nothing.
        "actions/setup-python@v5": {
            "PYTHONPATH": sysconfig.get_path("purelib"),
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_NO_INDEX": "1",
        },
        "pulumi/actions@v6": toolchain.pulumi_environment(),
        "aws-actions/configure-aws-credentials@v4": {
            key: value for key, value in bucket.variables.items() if key.startswith("AWS_")
        },
    }
    base = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}

    def event(kind: str, branch: str) -> dict[str, str]:
        checkout = tmp_path / f"{kind}-{branch}-{len(list(tmp_path.iterdir()))}"
        git(tmp_path, "clone", "--quiet", "--branch", branch, str(origin), str(checkout))
        files = checkout.with_name(f"{checkout.name}-files")
        files.mkdir()
        runner = Runner(checkout, files, values, actions, base)
        outputs = runner.run(load(WORKFLOW), kind)
        assert runner.uses >= set(actions), f"the job is prepared by each action: {runner.uses}"
        for secret in (PASSPHRASE, "client-key-data", fleet.secret):
            assert secret not in str(outputs), f"{secret.split()[0]}… is in a log that many read"
        return outputs

    def names() -> set[str]:
        return {item["metadata"]["name"] for item in fleet.http.get(CLUSTERS.format(fleet.namespace)).json()["items"]}

    first = event("push", "main")
    assert list(first) == ["up"], f"a push brings the stack up, and previews nothing: {list(first)}"
    assert names() == {"staging"}, f"the cluster is there:\n{first['up']}"
    assert "Cluster/staging" in first["up"], f"its status tree is in the summary:\n{first['up']}"

    git(clone, "checkout", "--quiet", "-b", "scale")
    write(clone, sections(fleet, 4))
    git(clone, "commit", "--quiet", "--all", "-m", "Scale staging")
    git(clone, "push", "--quiet", "origin", "scale")
    request = event("pull_request", "scale")
    assert list(request) == ["preview"], f"a pull request only looks: {list(request)}"
    assert re.search(r"^-\s+replicas: 1$\n^\+\s+replicas: 4$", request["preview"], re.M), (
        f"the summary shows the manifests' difference:\n{request['preview']}"
    )
    assert "MachineDeployment" in request["preview"], f"and the engine's preview:\n{request['preview']}"
    deployments = "/apis/cluster.x-k8s.io/v1beta1/namespaces/{}/machinedeployments/staging-general"

    def replicas() -> int:
        count: int = fleet.read(deployments.rpartition("/")[0], "staging-general")["spec"]["replicas"]
        return count

    assert replicas() == 1, "nothing was changed by looking"
    git(clone, "push", "--quiet", "origin", "scale:main")
    event("push", "main")
    assert replicas() == 4, "the merge scales the pool"
    assert not bucket.locks("kamaji-equinix", STACK), "no lock stays behind"
