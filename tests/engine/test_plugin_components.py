"""The Kubernetes plugin's own components on a real API server.

The plugin is compiled without most of its generated SDK (toolchain/pins/kubernetes/sdk). These are the
parts of it that used that SDK: they must register every object under the type token that published programs expect.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import toolchain
from lab.plane import ManagementPlane

PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.helm.v4 import Chart, PostRendererArgs, RepositoryOptsArgs
from pulumi_kubernetes.yaml.v2 import ConfigFile, ConfigGroup

Chart(
    "chart",
    chart="./chart",
    namespace="default",
    values={"word": "from-values"},
    repository_opts=RepositoryOptsArgs(username=pulumi.Output.secret("nobody")),
    post_renderer=PostRendererArgs(command="sed", args=["s/to-be-rewritten/rewritten/"]),
)
group = ConfigGroup("group", files=["manifests/*.yaml"], skip_await=True)
ConfigFile("file", file="single.yaml")
# pulumi_kubernetes.kustomize.v2.Directory takes its resources for a text, and fails with the list that it gets.
pulumi.ComponentResource(
    "kubernetes:kustomize/v2:Directory",
    "directory",
    {"directory": "./kustomize", "namespace": "default", "resources": None},
    pulumi.ResourceOptions(version="4.25.0"),
    remote=True,
)
after = k8s.core.v1.ConfigMap(
    "after", metadata={"name": "after", "namespace": "default"}, opts=pulumi.ResourceOptions(depends_on=[group])
)
pulumi.export("resources", group.resources.apply(lambda resources: [str(type(each).__name__) for each in resources]))
"""

MANIFESTS = """
apiVersion: v1
kind: Namespace
metadata: {name: of-the-group}
---
apiVersion: v1
kind: Secret
metadata: {name: hidden, namespace: of-the-group}
stringData: {word: correct-horse-battery}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: no-pods, namespace: of-the-group}
spec:
  replicas: 0
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec: {containers: [{name: a, image: example.org/a}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleList
items:
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: of-a-list, namespace: of-the-group}
    rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: widget, namespace: of-the-group}
spec: {size: 3}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""

FILES = {
    "Pulumi.yaml": "name: parts\nruntime: python\n",
    "__main__.py": PROGRAM,
    "manifests/all.yaml": MANIFESTS,
    "single.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: of-the-file, namespace: default}\n",
    "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
    "chart/values.yaml": "word: default\n",
    "chart/templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-the-chart}\n"
    "data: {word: {{ .Values.word }}, other: to-be-rewritten}\n",
    "kustomize/kustomization.yaml": "namePrefix: my-\nresources: [map.yaml]\n",
    "kustomize/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-the-directory}\ndata: {a: b}\n",
}

TOKENS = {
    "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition": ["widgets.example.org"],
    "kubernetes:apps/v1:Deployment": ["no-pods"],
    "kubernetes:core/v1:ConfigMap": ["after", "my-of-the-directory", "of-the-chart"],
    "kubernetes:core/v1:Namespace": ["of-the-group"],
    "kubernetes:core/v1:Secret": ["hidden"],
    "kubernetes:core/v1:ServiceAccount": ["of-the-file"],
    "kubernetes:example.org/v1:Widget": ["widget"],
    "kubernetes:rbac.authorization.k8s.io/v1:Role": ["of-a-list"],
}

COMPONENTS = {
    "kubernetes:helm.sh/v4:Chart",
    "kubernetes:kustomize/v2:Directory",
    "kubernetes:yaml/v2:ConfigFile",
    "kubernetes:yaml/v2:ConfigGroup",
}


def pulumi(folder: Path, *words: str) -> str:
    """Run ``pulumi`` in the project; its output."""
    process = subprocess.run(
        ["pulumi", *words], cwd=folder, env=variables(folder), capture_output=True, text=True, check=False, timeout=240
    )
    assert process.returncode == 0, f"pulumi {' '.join(words)}:\n{process.stdout}{process.stderr}"
    return process.stdout


def variables(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        **toolchain.pulumi_environment(),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "x",
        "PULUMI_PYTHON_CMD": sys.executable,
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, management: ManagementPlane) -> Path:
    """The program, run once."""
    folder = tmp_path_factory.mktemp("components")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "state").mkdir()
    pulumi(folder, "stack", "init", "dev")
    pulumi(folder, "config", "set", "kubernetes:kubeconfig", str(management.kubeconfig))
    pulumi(folder, "up", "--yes", "--skip-preview", "--non-interactive")
    return folder


@pytest.fixture(scope="module")
def state(project: Path) -> list[dict[str, Any]]:
    """The resources of the stack, as the state holds them."""
    resources: list[dict[str, Any]] = json.loads(pulumi(project, "stack", "export"))["deployment"]["resources"]
    return resources


def test_each_object_is_registered_under_the_type_token_of_its_kind(state: list[dict[str, Any]]) -> None:
    tokens: dict[str, list[str]] = {}
    for resource in state:
        if resource.get("custom") and not resource["type"].startswith("pulumi:"):
            tokens.setdefault(resource["type"], []).append(resource["id"].rsplit("/", 1)[-1])
    assert {token: sorted(names) for token, names in tokens.items()} == TOKENS, "published programs expect these"
    components = {resource["type"] for resource in state if not resource.get("custom")} - {"pulumi:pulumi:Stack"}
    assert components == COMPONENTS, "all four of the plugin's components were run"


def test_each_object_is_a_child_of_its_component_and_comes_in_order(state: list[dict[str, Any]]) -> None:
    parents = {
        resource["id"].rsplit("/", 1)[-1]: resource["parent"].rsplit("::", 1)[-1]
        for resource in state
        if resource.get("custom") and resource["type"] in TOKENS
    }
    assert parents["of-the-chart"] == "chart", parents
    assert parents["my-of-the-directory"] == "directory", parents
    assert parents["widget"] == parents["hidden"] == parents["of-a-list"] == "group", parents
    [widget] = [resource for resource in state if resource["type"] == "kubernetes:example.org/v1:Widget"]
    assert any("CustomResourceDefinition" in urn for urn in widget["dependencies"]), "a kind before its objects"
    [after] = [resource for resource in state if resource["urn"].endswith("::after")]
    assert any(urn.endswith("::group") or "::group:" in urn for urn in after["dependencies"]), (
        "who waits, waits for all"
    )


def test_values_and_the_post_renderer_reach_the_objects_of_a_chart(
    management: ManagementPlane, state: list[dict[str, Any]]
) -> None:
    with management.client() as client:
        data = client.get("/api/v1/namespaces/default/configmaps/of-the-chart").raise_for_status().json()["data"]
    assert data == {"word": "from-values", "other": "rewritten"}, "as the values and the command say"


def test_what_a_manifest_says_in_a_secret_is_a_secret_in_the_state(project: Path, state: list[dict[str, Any]]) -> None:
    assert any(resource["type"] == "kubernetes:core/v1:Secret" for resource in state), "it is there"
    text = json.dumps(state)
    assert "correct-horse-battery" not in text, "not in clear"
    assert "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5" not in text, "nor in base64"


def test_a_program_gets_the_resources_of_a_group_with_their_classes(project: Path) -> None:
    classes = json.loads(pulumi(project, "stack", "output", "resources", "--json"))
    assert sorted(classes) == sorted(
        ["CustomResourceDefinition", "Deployment", "Namespace", "Role", "Secret", "str"]
    ), f"Python finds the class of each by its token, and gives the URN of one without a class: {classes}"


def test_a_second_run_changes_nothing(project: Path) -> None:
    pulumi(project, "up", "--yes", "--skip-preview", "--non-interactive", "--expect-no-changes")
