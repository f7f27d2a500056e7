"""What can be known to be wrong is said once, before anything is created, and without a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from kamaji_equinix.automation import ClusterStack, ConfigurationError

from lab.plane import ManagementPlane
from lab.processes import free_port
from tests.support.project import CommandResult, Project, dev_sections


def run_stack(project: Project, stack: str, *, preview: bool = False) -> CommandResult:
    """Run a stack that can't come up."""
    project.pulumi("stack", "init", stack)
    if preview:
        return project.pulumi("preview", "--stack", stack)
    return project.up(stack)


def assert_nothing_happened(project: Project, stack: str, result: CommandResult) -> None:
    assert result.code != 0, f"it must fail:\n{result.output}"
    assert "Traceback" not in result.output, f"a user's mistake must not look like a bug:\n{result.output}"
    state = project.pulumi("stack", "export", "--stack", stack).ok()
    assert "kubernetes:cluster.x-k8s.io" not in state, "something was created before the mistake was named"


def test_wrong_settings_are_reported_together(project: Project, management: ManagementPlane) -> None:
    sections = dev_sections(management.kubeconfig)
    sections["cluster"] = {**sections["cluster"], "podCidrs": ["172.26.0.0/20"], "kubernetsVersion": "1.33.0"}
    sections["workerPools"] = [{**sections["workerPools"][0], "name": "Worker_A"}]
    project.configure("settings", **sections)
    result = run_stack(project, "settings")
    for text in ("kubernetsVersion", "kubernetesVersion", "workerPools[0].name", "Worker_A"):
        assert text in result.output, f"the report misses {text}:\n{result.output}"
    assert_nothing_happened(project, "settings", result)


def test_a_lab_that_does_not_run_is_named(project: Project) -> None:
    project.configure("nolab", **dev_sections(Path(".lab/kubeconfig")))
    result = run_stack(project, "nolab")
    assert "make lab" in result.output, f"the message says how to start it:\n{result.output}"
    assert_nothing_happened(project, "nolab", result)


def test_a_wrong_kubeconfig_path_is_named(project: Project) -> None:
    project.configure("nopath", **dev_sections(Path("no-such-file")))
    result = run_stack(project, "nopath")
    assert "no-such-file" in result.output, f"the path is named:\n{result.output}"
    assert "kubeconfigPath" in result.output, f"the setting is named:\n{result.output}"
    assert_nothing_happened(project, "nopath", result)


@pytest.fixture
def unreachable(tmp_path: Path, management: ManagementPlane) -> Path:
    """A kubeconfig that leads to a port where nothing listens."""
    path = tmp_path / "kubeconfig"
    path.write_text(management.kubeconfig.read_text().replace(str(management.port), str(free_port())))
    return path


def test_an_unreachable_management_cluster_fails_an_up(project: Project, unreachable: Path) -> None:
    project.configure("away", **dev_sections(unreachable))
    result = run_stack(project, "away")
    assert "refuses connections" in result.output, f"the cause is named:\n{result.output}"
    assert_nothing_happened(project, "away", result)


def test_a_preview_without_the_management_cluster_only_warns(project: Project, unreachable: Path) -> None:
    project.configure("awaypreview", **dev_sections(unreachable))
    result = run_stack(project, "awaypreview", preview=True)
    assert "warning" in result.output, f"the user is told:\n{result.output}"
    assert "refuses connections" in result.output, f"the cause is named:\n{result.output}"


def test_a_management_cluster_without_the_crds_is_told_what_to_install(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    plane = ManagementPlane(tmp_path_factory.mktemp("bare"), install_crds=False)
    plane.start()
    try:
        project.configure("bare", **dev_sections(plane.kubeconfig))
        result = run_stack(project, "bare")
    finally:
        plane.stop()
    for text in ("kamajicontrolplanes", "clusters.cluster.x-k8s.io", "packetclusters", "clusterctl init"):
        assert text in result.output, f"the report misses {text}:\n{result.output}"
    assert_nothing_happened(project, "bare", result)


def test_a_missing_data_store_is_named(project: Project, management: ManagementPlane) -> None:
    sections = dev_sections(management.kubeconfig)
    sections["controlPlane"] = {**sections["controlPlane"], "dataStore": "elsewhere"}
    project.configure("store", **sections)
    result = run_stack(project, "store")
    assert "DataStore" in result.output, f"Kamaji needs one:\n{result.output}"
    assert_nothing_happened(project, "store", result)


def test_a_key_in_nearly_the_right_namespace_is_named_in_every_way_in(
    project: Project, management: ManagementPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = dev_sections(management.kubeconfig)
    pools = sections.pop("workerPools")
    project.configure("namespace", **sections)
    path = project.folder / "Pulumi.namespace.yaml"
    document = yaml.safe_load(path.read_text())
    document["config"]["kamaji_equinix:workerPools"] = pools
    path.write_text(yaml.safe_dump(document))
    right = "kamaji-equinix:workerPools"
    message = f"kamaji_equinix:workerPools: is in a namespace that this program does not read; write it as {right}"
    result = run_stack(project, "namespace")
    assert_nothing_happened(project, "namespace", result)
    for way, output in {
        "plain pulumi": result.output,
        "the script": project.script_here("up", "--no-wait", "--stack", "namespace").output,
        "render": project.script_here("render", "--stack", "namespace").output,
    }.items():
        assert message in output, f"{way}:\n{output}"
    monkeypatch.setenv("PATH", project.environment["PATH"])
    stack = ClusterStack("namespace", folder=project.folder, environment=project.environment)
    for operation in (stack.settings, stack.preview, stack.up):
        with pytest.raises(ConfigurationError) as error:
            operation()
        assert message in error.value.problems, f"the API's {operation.__name__}: {error.value}"


def test_a_preview_of_a_stack_that_is_not_there_leaves_none(project: Project, management: ManagementPlane) -> None:
    project.configure("look", **dev_sections(management.kubeconfig))
    path = project.folder / "Pulumi.look.yaml"
    path.write_text("# Of the platform team.\n" + path.read_text())
    before = path.read_bytes()
    result = project.script_here("preview", "--stack", "look")
    assert "Previewing update" in result.output, f"it was looked at:\n{result.output}"
    assert "look" not in project.pulumi("stack", "ls").ok(), "the backend has no stack of that name afterwards"
    assert path.read_bytes() == before, "and the user's file is as it was"


def test_a_preview_of_a_stack_that_is_there_keeps_it(project: Project, management: ManagementPlane) -> None:
    project.configure("kept", **dev_sections(management.kubeconfig))
    project.pulumi("stack", "init", "kept").ok()
    project.script_here("preview", "--stack", "kept")
    assert "kept" in project.pulumi("stack", "ls").ok(), "it was there before"


def test_a_stack_name_that_pulumi_would_refuse_is_named_before_the_engine(project: Project) -> None:
    result = project.script_here("preview", "--stack", "no such name")
    assert result.code == 2, "the request is wrong"
    assert "argument name: must be at most 100 letters" in result.output, (
        f"in the program's own words:\n{result.output}"
    )
    assert "Traceback" not in result.output, "and without a traceback"
