"""Rendering: stable, applicable, without secrets, engine or plugin."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.render import RenderError, main, render
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.stack_file import StackFileError, read_stack_file

from tests.support.seed import ROOT
from tests.support.settings_cases import configuration

STACKS = ["dev", "seed", "staging", "production"]


@pytest.mark.parametrize("stack", STACKS)
def test_each_example_stack_renders_what_its_manifests_are(stack: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", stack, "--cwd", str(ROOT)]) == 0, "an example is right"
    text = capsys.readouterr().out
    settings = load_stack(*read_stack_file(ROOT / f"Pulumi.{stack}.yaml"))
    expected = [document for tenant in settings.clusters for document in documents(tenant)]
    assert list(yaml.safe_load_all(text)) == expected, "reading it back gives the manifests, comments aside"
    assert render(settings) == text, "the same settings give the same text"


@pytest.mark.parametrize("stack", STACKS)
def test_no_example_renders_an_alias_or_a_trailing_blank(stack: str) -> None:
    text = render(load_stack(*read_stack_file(ROOT / f"Pulumi.{stack}.yaml")))
    assert not re.search(r": [&*]id\d", text), "each value stands where it is used, for reviews"
    assert not re.search(r"(?m)[ \t]+$", text), "no noise in a diff"


def test_commands_are_rendered_as_blocks_that_can_be_read() -> None:
    text = render(load_stack(configuration()))
    assert "      preKubeadmCommands:\n      - |\n        set -e\n" in text, "a shell script is read line by line"


def test_an_autoscaled_pool_is_rendered_with_the_reason_for_its_missing_number() -> None:
    text = render(load_stack(configuration(workerPools=[{"name": "a", "min": 1, "max": 2}])))
    assert "# No replicas: the cluster autoscaler sets them" in text, "a reviewer would ask"


def test_a_namespace_of_several_clusters_is_rendered_once() -> None:
    raw = configuration(
        cluster={"namespace": "tenants", "createNamespace": True},
        clusters=[{"cluster": {"name": "a"}}, {"cluster": {"name": "b"}}],
    )
    kinds = [document["kind"] for document in yaml.safe_load_all(render(load_stack(raw)))]
    assert kinds.count("Namespace") == 1, "one object, one document"
    assert kinds.count("Cluster") == 2, "both clusters are there"


def test_a_project_that_pulumi_creates_can_not_be_rendered() -> None:
    raw = configuration(metal={"projectId": "DELETE", "project": {"name": "tenants"}})
    with pytest.raises(RenderError, match=r"cluster prod: metal\.project .* set metal\.projectId to render"):
        render(load_stack(raw))


def test_encrypted_values_never_fail_and_never_appear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configuration(management={"kubeconfig": {"secure": "v1:abc:c2VjcmV0"}})
    config["workerPools"][0]["bootstrap"] = {"commands": [{"secure": "v1:def:c2VjcmV0"}]}
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(yaml.safe_dump({"config": {f"kamaji-equinix:{key}": value for key, value in config.items()}}))
    assert main(["--stack", "x", "--cwd", str(tmp_path)]) == 0, "there is no passphrase here"
    output = capsys.readouterr()
    assert "secure" not in output.out, "neither the cipher text"
    assert "encrypted" not in output.out, "nor its placeholder is a manifest's business"
    assert "(secret: commands.0 of the bootstrap of pool worker-a)" in output.out, "a placeholder says what is meant"
    assert "stored in clear" not in output.err, "the kubeconfig is a secret"


def test_a_whole_section_may_be_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    text = {"config": {"kamaji-equinix:management": {"secure": "v1:abc"}, "aws:region": "eu", "cluster": {"name": "a"}}}
    path.write_text(yaml.safe_dump(text))
    values, secret, _ = read_stack_file(path)
    assert secret == {"management"}, "its key is the secret"
    assert set(values) == {"management", "cluster"}, "keys without a namespace are the project's, others' are left out"
    assert load_stack({**configuration(), **values}, secret).clusters[0].cluster.name == "a", "and it is taken"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("config: [", "is no YAML"),
        ("config: []", "must hold a map"),
        ("[1]", "must hold a map"),
        ("config: {a: {b: 1, c: 2, b: 3}}", "key 'b' twice"),
        ("config: {a: &a {b: *a}}", "contains itself"),
        ("config: " + "{a: " * 2000 + "1" + "}" * 2000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_stacks_file_is_said(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StackFileError, match=message):
        read_stack_file(path)


def test_mistakes_end_with_status_2_and_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {'kamaji-equinix:cluster': {name: Prod}}")
    assert main(["--cwd", str(tmp_path)]) == 2, "a mistake of the user's"
    output = capsys.readouterr()
    assert output.out == "", "nothing half is rendered"
    assert 'cluster.name is "Prod"' in output.err, "the report"


def test_rendering_imports_neither_pulumi_nor_a_cluster_client() -> None:
    code = (
        "import sys, kamaji_equinix.components.render; "
        "print([name for name in ('pulumi', 'pulumi_kubernetes', 'pulumi_equinix_metal', 'lightkube', 'httpx') "
        "if name in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]", "rendering needs no engine, cluster or plugin"


def test_the_file_is_the_one_that_the_engine_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: clusters\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    config = {
        "config": {"clusters:other": "1", **{f"kamaji-equinix:{key}": value for key, value in configuration().items()}}
    }
    (tmp_path / "stacks" / "Pulumi.x.yaml").write_text(yaml.safe_dump(config))
    for name in ("x", "acme/clusters/x"):
        assert main(["--stack", name, "--cwd", str(tmp_path)]) == 0, f"{name}: {capsys.readouterr().err}"
    assert "kind: Cluster" in capsys.readouterr().out, "it is rendered"
