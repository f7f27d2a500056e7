"""The engine that the toolchain gives: quiet, tidy, and without a try to download anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import toolchain
from toolchain import locate, pins

PROGRAM = """
import pulumi_equinix_metal
import pulumi_kubernetes as k8s
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

class Provider(ResourceProvider):
    def create(self, props):
        return CreateResult("one", {})

class Plain(Resource):
    def __init__(self, name):
        super().__init__(Provider(), name, {})

Plain("one")
k8s.Provider("rendered", render_yaml_to_directory="rendered")
"""

Pulumi = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pulumi(tmp_path: Path) -> Pulumi:
    """Runs ``pulumi`` as the toolchain says, in a project whose program uses both plugins' packages."""
    (tmp_path / "Pulumi.yaml").write_text("name: quiet\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    (tmp_path / "state").mkdir()
    environment = {
        **os.environ,
        **toolchain.pulumi_environment(),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "x",
        "PULUMI_PYTHON_CMD": sys.executable,
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    process = run("stack", "init", "dev")
    assert process.returncode == 0, f"{process.stdout}{process.stderr}"
    return run


def test_updates_run_without_warnings_and_without_a_search_for_plugins(pulumi: Pulumi) -> None:
    first = pulumi("up", "--yes", "--skip-preview", "--non-interactive")
    assert first.returncode == 0, f"{first.stdout}{first.stderr}"
    second = pulumi("up", "--yes", "--skip-preview", "--non-interactive", "--expect-no-changes")
    assert second.returncode == 0, f"nothing has changed: {second.stdout}{second.stderr}"
    for run in (first, second):
        output = f"{run.stdout}{run.stderr}".lower()
        for word in ("warning", "download", "installing", "error"):
            assert word not in output, f"{word!r} should not be said: {output}"


def test_the_kubernetes_plugin_is_installed_in_its_pinned_version(pulumi: Pulumi) -> None:
    process = pulumi("plugin", "ls")
    assert "kubernetes  resource  4.25.0" in process.stdout, f"{process.stdout}{process.stderr}"


def test_the_engine_on_path_is_the_pinned_one_with_its_host_beside_it() -> None:
    path = toolchain.pulumi_environment()["PATH"]
    cli = shutil.which("pulumi", path=path)
    assert cli, f"pulumi must be on {path}"
    assert locate.version_of(Path(cli), "version") == "v3.259.0", "the version is linked into it"
    for name in ("pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python"):
        assert os.access(Path(cli).parent / name, os.X_OK), f"{name} must lie beside {cli}"


def test_a_real_pulumi_outside_the_cache_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pulumi", "pulumi-language-python"):
        shutil.copy(toolchain.program(name), tmp_path / name)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{tmp_path}")
    assert toolchain.program("pulumi") == tmp_path / "pulumi", "new enough, with its host: no other is needed"
    variables = toolchain.pulumi_environment()
    assert set(variables) == {"PATH", "PULUMI_SKIP_UPDATE_CHECK"}, (
        f"home and plugins stay the user's: {sorted(variables)}"
    )


def test_kubebuilder_assets_with_real_servers_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("etcd", "kube-apiserver"):
        (tmp_path / name).symlink_to(toolchain.program(name))
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    lines: list[str] = []
    toolchain.ensure(["etcd", "kube-apiserver"], lines.append)
    assert toolchain.program("etcd") == tmp_path / "etcd", "the named folder comes first"
    assert any("Kubernetes v1.33.0" in line for line in lines), f"the server's version is told: {lines}"


@pytest.mark.parametrize(
    ("module", "version", "file", "api"),
    [
        ("sigs.k8s.io/cluster-api", None, "config/crd/bases/cluster.x-k8s.io_clusters.yaml", "v1beta1"),
        (
            "sigs.k8s.io/cluster-api",
            pins.NEWER_CLUSTER_API,
            "config/crd/bases/cluster.x-k8s.io_clusters.yaml",
            "v1beta2",
        ),
        (
            "github.com/clastix/cluster-api-control-plane-provider-kamaji",
            "v0.20.0",
            "config/crd/bases/controlplane.cluster.x-k8s.io_kamajicontrolplanes.yaml",
            "v1alpha2",
        ),
    ],
)
def test_the_modules_files_of_both_api_generations_are_kept(
    module: str, version: str | None, file: str, api: str
) -> None:
    [definition] = yaml.safe_load_all((toolchain.module_folder(module, version) / file).read_text())
    assert definition["kind"] == "CustomResourceDefinition", f"{module} {version}: {file}"
    versions = [entry["name"] for entry in definition["spec"]["versions"] if entry["served"]]
    assert api in versions, f"{module} {version or 'without a version'} must serve {api}, not only {versions}"
