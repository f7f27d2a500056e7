"""Add-ons of a tenant cluster: charts and manifests, by the real engine and plugin, on a real tenant API server."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import toolchain
from lab.plane import ManagementPlane
from tests.support.addon_stack import LEAKING, MANIFESTS, OBJECT, STACK, edit_stack, write
from tests.support.charts import ChartServer
from tests.support.data_store import make_data_store
from tests.support.fleet import MERGE, Fleet
from tests.support.markers import leaks, marker
from tests.support.project import ROOT, CommandResult, Project
from tests.support.tenant import Tenant

NETWORK = ROOT / "lab" / "charts" / "network"
DEPLOYMENTS = "/apis/cluster.x-k8s.io/v1beta1/namespaces/{}/machinedeployments"
POOLS = "/apis/network.lab/v1/addresspools"
SECONDS = 60.0
"""A destroy may take as long, whatever the tenant does."""


@pytest.fixture(scope="module")
def fleet(management: ManagementPlane, tenant: Tenant) -> Iterator[Fleet]:
    make_data_store(management)
    with Fleet(management, kubeconfig=(tenant.folder / "kubeconfig").read_text()) as instance:
        yield instance


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ChartServer, ChartServer]]:
    """A repository that asks for a password, and a registry."""
    folder = tmp_path_factory.mktemp("leaking")
    for name, text in LEAKING.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    instances = (ChartServer(folder, "robot:pass-word"), ChartServer(NETWORK))
    yield instances
    for server in instances:
        server.close()


@pytest.fixture(scope="module")
def words() -> list[str]:
    """What is stored as a secret."""
    return [marker(), marker(), marker()]


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory,
    fleet: Fleet,
    servers: tuple[ChartServer, ChartServer],
    words: list[str],
) -> Project:
    folder = tmp_path_factory.mktemp("addons")
    (folder / "backend").mkdir()
    backend = {"PULUMI_BACKEND_URL": f"file://{folder}/backend", "PULUMI_CONFIG_PASSPHRASE": "test"}
    instance = Project.make(folder / "project", {**toolchain.pulumi_environment(), **backend})
    (instance.folder / "manifests").mkdir()
    (instance.folder / "manifests" / "all.yaml").write_text(MANIFESTS)
    instance.pulumi("stack", "init", STACK).ok()
    write(instance, fleet, servers)
    places = ("addons[0].values.encryptionKey", "addons[1].values.word", "addons[3].objects[0].data.word")
    instance.store(STACK, dict(zip(places, words, strict=True)))
    return instance


def config_map(tenant: Tenant, namespace: str, name: str) -> dict[str, Any]:
    obj: dict[str, Any] = (
        tenant.client.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}").raise_for_status().json()
    )
    return obj


def exported(project: Project) -> str:
    return project.pulumi("stack", "export", "--stack", STACK).ok()


def test_a_preview_of_a_new_stack_needs_no_tenant(project: Project) -> None:
    output = project.pulumi("preview", "--stack", STACK).ok()
    assert "helm.sh/v4:Chart" in output, f"the add-ons are part of the preview:\n{output}"


def test_charts_and_manifests_of_each_origin_are_installed_with_the_tenants_version(
    project: Project, tenant: Tenant, words: list[str]
) -> None:
    result = project.up(STACK)
    assert result.code == 0, result.output
    network = config_map(tenant, "kube-system", "lab-network")["data"]
    assert network == {"mtu": "1400", "kubernetes": "v1.33.0"}, "of a registry: values, and the tenant's own version"
    assert tenant.client.get(f"{POOLS}/default").status_code == httpx.codes.OK, "its kind came before its object"
    sets = tenant.client.get("/apis/apps/v1/namespaces/kube-system/daemonsets/lab-network").raise_for_status().json()
    mounts = [volume["hostPath"]["path"] for volume in sets["spec"]["template"]["spec"]["volumes"]]
    assert mounts == ["/etc/cni/net.d", "/opt/cni/bin"], "what a network plugin's pods mount"
    jobs = tenant.client.get("/apis/batch/v1/namespaces/kube-system/jobs").raise_for_status().json()["items"]
    assert jobs == [], "a hook that cleans up at the end must not run at the beginning"
    leaking = config_map(tenant, "leaking", "leaking")["data"]
    assert leaking["settings"] == f"word = {words[1]}\n", "of a repository"
    assert base64.b64decode(leaking["encoded"]).decode() == f"user:{words[1]}:end", "encoded amid other text"
    assert config_map(tenant, "default", "of-a-folder")["data"] == {"a": "b"}, "of a folder of manifests"
    assert config_map(tenant, "default", "inline")["data"] == {"word": words[2]}, "of the settings"
    assert not leaks(words, {"the output": result.output, "the state": exported(project)}), (
        "no secret is shown or stored"
    )


def test_a_run_without_a_change_has_nothing_to_do(project: Project) -> None:
    assert project.up(STACK, "--expect-no-changes").code == 0, "a second run has nothing to do"


def test_changed_values_change_the_living_objects(project: Project, tenant: Tenant, words: list[str]) -> None:
    before = config_map(tenant, "kube-system", "lab-network")["metadata"]["uid"]
    edit_stack(project, lambda config: config["kamaji-equinix:addons"][0]["values"].update(mtu=1300))
    preview = project.pulumi("preview", "--diff", "--stack", STACK).ok()
    output = project.up(STACK).ok()
    after = config_map(tenant, "kube-system", "lab-network")
    assert after["data"]["mtu"] == "1300", "the new value is there"
    assert after["metadata"]["uid"] == before, "in the same object"
    assert not leaks(words, {"preview": preview, "up": output}), "and no secret is shown on the way"


def test_an_add_on_that_is_renamed_and_moved_keeps_its_objects(project: Project, tenant: Tenant) -> None:
    def uids() -> list[str]:
        objects = [config_map(tenant, *of) for of in (("kube-system", "lab-network"), ("default", "inline"))]
        return [obj["metadata"]["uid"] for obj in objects]

    def change(config: Any) -> None:
        config["kamaji-equinix:addons"][0]["name"] = "plugin"
        config["kamaji-equinix:addons"].reverse()

    before = uids()
    edit_stack(project, change)
    output = project.up(STACK).ok()
    assert uids() == before, (
        f"created under the new name and then deleted under the former one, it would be gone:\n{output}"
    )
    deletions = re.findall(r"kubernetes:(?!helm\.sh|yaml)\S+ \S+ deleted", output)
    assert not deletions, f"but what groups them no object is deleted:\n{output}"
    edit_stack(project, lambda config: config["kamaji-equinix:addons"].reverse())


def test_what_somebody_deletes_in_the_tenant_comes_again_with_a_refresh(project: Project, tenant: Tenant) -> None:
    path = "/apis/apps/v1/namespaces/kube-system/daemonsets/lab-network"
    tenant.client.delete(path).raise_for_status()
    output = project.up(STACK, "--refresh").ok()
    assert tenant.client.get(path).status_code == httpx.codes.OK, f"status advises it:\n{output}"


def test_a_preview_shows_a_living_tenants_add_ons_though_the_hand_off_has_to_be_repeated(project: Project) -> None:
    edit_stack(project, lambda config: config["kamaji-equinix:handoff"].update(timeoutSeconds=61, path="/livez"))
    output = project.pulumi("preview", "--stack", STACK).ok()
    assert "delete" not in output, f"nothing is about to be deleted:\n{output}"
    edit_stack(project, lambda config: config["kamaji-equinix:handoff"].update(timeoutSeconds=60, path="/readyz"))


def test_an_object_of_two_add_ons_is_refused_with_their_names(project: Project) -> None:
    addon = {"name": "twice", "objects": [OBJECT]}
    edit_stack(project, lambda config: config["kamaji-equinix:addons"].append(addon))
    result = project.up(STACK)
    edit_stack(project, lambda config: config["kamaji-equinix:addons"].pop())
    assert result.code != 0, "whichever goes first would take the other's object along"
    text = " ".join(result.output.split())
    assert "add-ons inline and twice both have ConfigMap default/inline" in text, f"which, and what:\n{result.output}"


def test_what_a_chart_or_the_tenant_says_of_a_secret_is_not_shown(project: Project, words: list[str]) -> None:
    edit_stack(project, lambda config: config["kamaji-equinix:addons"][1]["values"].update(refuse=True))
    by_engine = project.up(STACK)
    by_script = project.script_here("preview", "--json", "--stack", STACK)
    edit_stack(project, lambda config: config["kamaji-equinix:addons"][1]["values"].pop("refuse"))
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "wrong", "namespace": "default"}}
    secret = yaml.safe_load((project.folder / f"Pulumi.{STACK}.yaml").read_text())["config"]["kamaji-equinix:addons"][3]
    word = secret["objects"][0]["data"]["word"]
    spec = {"ports": [{"name": word, "port": 1}], "clusterIP": word}
    edit_stack(project, lambda config: config["kamaji-equinix:addons"][3]["objects"].append({**wrong, "spec": spec}))
    of_tenant = project.up(STACK)
    edit_stack(project, lambda config: config["kamaji-equinix:addons"][3]["objects"].pop())
    for result, reason in ((by_engine, "too short"), (by_script, "too short"), (of_tenant, "wrong")):
        assert result.code != 0, f"it fails: {result.output}"
        assert reason in result.output, f"the reason is told: {result.output}"
        assert not leaks(words, {"the output": result.output}), "without the secret"


def test_a_chart_that_is_not_there_is_said_before_anything_is_created(project: Project) -> None:
    edit_stack(project, lambda config: config["kamaji-equinix:addons"].append({"name": "lost", "chart": "./lost"}))
    result = project.up(STACK)
    edit_stack(project, lambda config: config["kamaji-equinix:addons"].pop())
    assert result.code != 0, "it fails"
    assert "addons[4].chart" in result.output, f"with the key:\n{result.output}"
    assert "Traceback" not in result.output, "in words"


def preview_with(project: Project, source: dict[str, Any]) -> CommandResult:
    """A preview of the living stack with one add-on more."""
    edit_stack(project, lambda config: config["kamaji-equinix:addons"].append({"name": "more", **source}))
    try:
        return project.pulumi("preview", "--stack", STACK)
    finally:
        edit_stack(project, lambda config: config["kamaji-equinix:addons"].pop())


@pytest.mark.parametrize("mistake", ["address", "password", "chart", "version"])
def test_a_source_that_gives_nothing_is_named_with_the_reason(
    project: Project, servers: tuple[ChartServer, ChartServer], mistake: str
) -> None:
    private, public = servers
    repository = {"repository": private.repository, "version": private.version, "username": "robot"}
    source, reasons = {
        "address": ({"files": [f"http://{public.address}/nothing.yaml"]}, ["addons[4].files[0]", "404 Not Found"]),
        "password": ({**repository, "chart": private.name, "password": "mistaken"}, ["addons-more", "401"]),
        "chart": ({**repository, "chart": "unknown", "password": "pass-word"}, ["addons-more", '"unknown"']),
        "version": (
            {"chart": public.image, "version": "9.9.9", "plainHttp": True},
            ["addons-more", "9.9.9: not found"],
        ),
    }[mistake]
    result = preview_with(project, source)
    assert result.code != 0, f"nothing comes from there:\n{result.output}"
    for reason in reasons:
        assert reason in result.output, f"what, and why:\n{result.output}"
    assert "mistaken" not in result.output, "a password is not shown"


def test_a_closed_registry_opens_to_who_has_logged_in_with_helm(
    project: Project, servers: tuple[ChartServer, ChartServer], tmp_path: Path
) -> None:
    private, _ = servers
    source = {"chart": private.image, "version": private.version, "plainHttp": True, "values": {"word": "w"}}
    before = preview_with(project, source)
    assert before.code != 0, f"nobody has logged in:\n{before.output}"
    assert "credential not found" in before.output, f"that is said:\n{before.output}"
    # What `helm registry login` writes.
    login = {"auths": {private.address: {"auth": base64.b64encode(private.credentials.encode()).decode()}}}
    (tmp_path / "config.json").write_text(json.dumps(login))
    environment = project.environment | {"HELM_REGISTRY_CONFIG": str(tmp_path / "config.json")}
    after = preview_with(Project(project.folder, environment), source)
    assert after.code == 0, f"the chart comes:\n{after.output}"


def test_a_tenant_that_does_not_answer_makes_its_add_ons_fail_and_nothing_else(
    project: Project, tenant: Tenant, fleet: Fleet
) -> None:
    edit_stack(project, lambda config: config["kamaji-equinix:workerPools"][0].update(replicas=2))
    hang(tenant)
    result = project.up(STACK)
    assert result.code != 0, "the add-ons could not be compared"
    assert f"{STACK}-plugin" in result.output, f"it is said which:\n{result.output}"
    assert "unreachable" in result.output, f"and why:\n{result.output}"
    deployments = fleet.http.get(DEPLOYMENTS.format(fleet.namespace)).raise_for_status().json()["items"]
    assert [item["spec"]["replicas"] for item in deployments] == [2], "the pool has its machine all the same"


def test_a_refresh_with_a_tenant_that_does_not_answer_blames_the_tenant(project: Project) -> None:
    result = project.script_here("refresh", "--stack", STACK)
    assert result.code != 0, "what is in it could not be compared"
    assert "tenant cluster" in result.output, f"it is said who does not answer:\n{result.output}"
    assert "credentials" not in result.output, f"and not the management cluster's credentials:\n{result.output}"


def hang(tenant: Tenant) -> None:
    """A finalizer that nobody removes, then an API server that is gone."""
    patch = {"metadata": {"finalizers": ["network.lab/held"]}}
    tenant.client.patch(f"{POOLS}/default", json=patch, headers=MERGE).raise_for_status()
    api = next(process for process in tenant.processes if process.name == "tenant-apiserver")
    api.stop()


def test_a_destroy_asks_the_tenant_for_nothing(project: Project, fleet: Fleet) -> None:
    start = time.monotonic()
    output = project.script_here("destroy", "--yes", "--stack", STACK).ok()
    assert time.monotonic() - start < SECONDS, f"neither a dead tenant nor a finalizer in it holds it up:\n{output}"
    clusters = f"/apis/cluster.x-k8s.io/v1beta1/namespaces/{fleet.namespace}/clusters"
    assert fleet.http.get(clusters).json()["items"] == [], "the Cluster is gone"
    assert not json.loads(exported(project))["deployment"].get("resources"), "and nothing is left in the state"
