"""What somebody deletes of a rack behind a stack's back, and what a destroy leaves, with the real engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from lab.plane import ManagementPlane
from tests.support.fleet import CLUSTERS, MERGE
from tests.support.lab import eventually
from tests.support.metal3_fleet import HOSTS, NEWER
from tests.support.metal3_plane import metal3_plane
from tests.support.metal3_stack import KINDS, Metal3Stack, metal3_stack
from tests.support.project import Project

HELD_SECONDS = 6.0
"""How long a controller holds what hung on a cluster that is gone."""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementPlane]:
    with metal3_plane(tmp_path_factory.mktemp("metal3")) as plane:
        yield plane


@pytest.fixture(scope="module")
def stack(plane: ManagementPlane, project: Project) -> Iterator[Metal3Stack]:
    yield from metal3_stack(plane, project, "losses")


def missing_names(stack: Metal3Stack) -> set[str]:
    """Names of what `status` misses."""
    differences = stack.status()["differences"]
    return {item["subject"].partition("/")[2] for item in differences if "does not exist" in item["reason"]}


def test_status_and_preview_name_what_is_gone_and_the_advice_brings_it_back(stack: Metal3Stack) -> None:
    assert missing_names(stack) == set(), "nothing is gone"
    paths = stack.declared()
    for path in paths:
        stack.fleet.http.delete(path).raise_for_status()
        eventually(
            lambda path=path: stack.fleet.http.get(path).status_code, lambda code: code == 404, 30, f"{path} is gone"
        )
    names = {path.rpartition("/")[2] for path in paths}
    assert missing_names(stack) == names, "each of them"
    preview = " ".join(stack.script("preview").ok().split())
    assert "somebody else has deleted what this stack has made:" in preview, preview
    remark = preview.partition("what this stack has made:")[2].partition(" creates it again")[0]
    for name in names:
        assert f"{stack.fleet.namespace}/{name}" in remark, f"{name}: {remark}"
    output = stack.script("up", "--no-wait").ok()
    for path in paths:
        assert stack.fleet.http.get(path).is_success, f"{path} is there again:\n{output}"
    assert missing_names(stack) == set(), "the advice worked"
    assert "delete done" not in output, f"nothing was deleted:\n{output}"
    assert "somebody else" not in stack.script("preview").ok(), "and a preview has nothing to say"


def test_a_destroy_ends_once_what_hung_on_its_cluster_is_gone(stack: Metal3Stack) -> None:
    http, namespace = stack.fleet.http, stack.fleet.namespace
    datas = f"{KINDS.format(namespace)}metal3datas"
    reference = {"name": "x"}
    document = {
        "apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2",
        "kind": "Metal3Data",
        "metadata": {
            "name": "one-a-0",
            "labels": {"cluster.x-k8s.io/cluster-name": "one"},
            "finalizers": ["test.example/held"],
        },
        "spec": {"claim": reference, "template": reference},
    }
    http.post(datas, json=document).raise_for_status()
    releases: list[float] = []

    def release() -> None:
        """As CAPM3: some time after the Cluster is gone."""
        cluster = f"{NEWER[CLUSTERS].format(namespace)}/one"
        eventually(lambda: http.get(cluster).status_code, lambda code: code == 404, 120, "the Cluster is gone")
        http.delete(f"{datas}/one-a-0").raise_for_status()
        time.sleep(HELD_SECONDS)
        http.patch(f"{datas}/one-a-0", json={"metadata": {"finalizers": None}}, headers=MERGE).raise_for_status()
        releases.append(time.monotonic())

    thread = threading.Thread(target=release, daemon=True)
    thread.start()
    output = stack.script("destroy", "--yes").ok()
    end = time.monotonic()
    thread.join(10)
    assert len(releases) == 1, f"CAPM3 has let go:\n{output}"
    assert end >= releases[0], f"it has waited for the last of them:\n{output}"
    assert http.get(f"{datas}/one-a-0").status_code == httpx.codes.NOT_FOUND, "which is gone"
    for kind in ("metal3machinetemplates", "metal3datatemplates"):
        assert stack.names(f"{KINDS}{kind}") == set(), f"so are all {kind}"
    assert stack.names(HOSTS) == set(), "and the hosts"
    assert "waits until what hung on the stack's clusters is gone" in output, f"it says what it waits for:\n{output}"
