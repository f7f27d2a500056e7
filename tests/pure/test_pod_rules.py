"""What the lab's kubelet makes of a pod, step by step, as a real one does."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.simulation import pod_rules, pod_sources
from lab.simulation.pod_rules import Facts
from lab.simulation.pod_sources import Missing
from lab.simulation.programs import image_name

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
FACTS = Facts(now=START, host_ip="10.64.2.1", pod_ip="192.168.0.2")


def pod(restart: str = "Always", **spec: Any) -> dict[str, Any]:
    containers = spec.pop("containers", [{"name": "app", "image": "app:1"}])
    return {
        "metadata": {"name": "p", "namespace": "default", "uid": "1"},
        "spec": {"restartPolicy": restart, "containers": containers, **spec},
    }


def live(body: Mapping[str, Any], facts: Facts = FACTS, *, steps: int = 8, seconds: float = 1) -> list[dict[str, Any]]:
    """The pod's statuses, one for each step of a second."""
    statuses, current = [], dict(body)
    for number in range(steps):
        moment = replace(facts, now=facts.now + datetime.timedelta(seconds=number * seconds))
        current = {**current, "status": pod_rules.status(current, moment)}
        statuses.append(current["status"])
    return statuses


def condition(status: Mapping[str, Any], name: str) -> str:
    return next(entry["status"] for entry in status["conditions"] if entry["type"] == name)


def state(status: Mapping[str, Any], name: str = "app") -> dict[str, Any]:
    both = [*status.get("initContainerStatuses", []), *status["containerStatuses"]]
    return next(dict(entry["state"]) for entry in both if entry["name"] == name)


def test_a_pod_of_a_deployment_runs_is_ready_and_stays_so() -> None:
    first, *_, last = live(pod())
    assert first["phase"] == last["phase"] == "Running", "its container starts at once and for ever"
    assert condition(last, "Ready") == condition(last, "ContainersReady") == "True", "it has no probe"
    assert (last["podIP"], last["hostIP"]) == ("192.168.0.2", "10.64.2.1"), "its own address, and the node's"
    assert state(first) == state(last), "a container that runs has one start"


def test_a_pod_of_a_job_runs_and_completes() -> None:
    for policy in ("Never", "OnFailure"):
        phases = [status["phase"] for status in live(pod(policy))]
        assert (phases[0], phases[-1]) == ("Running", "Succeeded"), f"restartPolicy {policy} comes to an end: {phases}"
    assert state(live(pod("Never"))[-1])["terminated"]["exitCode"] == 0, "it ended well"


def test_init_containers_run_one_after_the_other_before_the_others() -> None:
    body = pod(initContainers=[{"name": "one", "image": "i"}, {"name": "two", "image": "i"}])
    statuses = live(body)
    assert state(statuses[0]) == {"waiting": {"reason": "PodInitializing"}}, "as kubectl shows it"
    assert statuses[0]["phase"] == "Pending", "not all of its containers run"
    assert [*state(statuses[0], "one"), *state(statuses[0], "two")] == ["running", "waiting"], "the first one alone"
    assert condition(statuses[0], "Initialized") == "False", "they are not through"
    assert (statuses[-1]["phase"], condition(statuses[-1], "Initialized")) == ("Running", "True"), "then the others"
    assert state(statuses[-1], "two")["terminated"]["reason"] == "Completed", "both ended"


def test_a_sidecar_runs_on_beside_the_containers_after_it_and_ends_with_them() -> None:
    for policy, last in (("Always", "running"), ("Never", "terminated")):
        body = pod(policy, initContainers=[{"name": "side", "image": "i", "restartPolicy": "Always"}])
        first, *_, end = live(body)
        assert [*state(first, "side"), *state(first)] == ["running"] * 2, "nobody waits for a sidecar's end"
        assert [*state(end, "side")] == [last], f"restartPolicy {policy}: it lives as long as the others"


def test_a_pod_waits_for_the_network_unless_it_has_the_machines_own() -> None:
    facts = replace(FACTS, network=False)
    (status,) = live(pod(), facts, steps=1)
    assert (status["phase"], status.get("podIP")) == ("Pending", None), "no sandbox can be made"
    reason, message = pod_rules.trouble(pod(), status, facts) or ("", "")
    assert reason == "NetworkNotReady", "the kubelet's own reason"
    assert "cni plugin not initialized" in message, "the kubelet's own words"
    (host_status,) = live(pod(hostNetwork=True), facts, steps=1)
    assert (host_status["phase"], host_status["podIP"]) == ("Running", "10.64.2.1"), (
        "a network plugin's pod starts without a network"
    )


def test_a_pod_that_runs_outlives_the_loss_of_the_network_and_of_its_secret() -> None:
    body = pod()
    body["status"] = live(body, steps=1)[0]
    after = pod_rules.status(body, replace(FACTS, network=False, volumes="gone"))
    assert after["phase"] == "Running", "what is mounted stays mounted"


def test_a_missing_volume_keeps_all_containers_back() -> None:
    facts = replace(FACTS, volumes='MountVolume.SetUp failed for volume "v" : secret "s" not found')
    (status,) = live(pod(), facts, steps=1)
    assert state(status) == {"waiting": {"reason": "ContainerCreating"}}, "as kubectl shows it"
    assert pod_rules.trouble(pod(), status, facts) == ("FailedMount", facts.volumes), "and an event says why"


def test_a_missing_variable_keeps_its_container_back_alone() -> None:
    two = [{"name": "app", "image": "a"}, {"name": "other", "image": "a"}]
    facts = replace(FACTS, environment={"app": 'secret "s" not found'})
    (status,) = live(pod(containers=two), facts, steps=1)
    assert state(status)["waiting"]["reason"] == "CreateContainerConfigError", "the kubelet's reason"
    assert ([*state(status, "other")], status["phase"]) == (["running"], "Pending"), "the other one runs"


def test_a_program_that_crashes_rests_longer_each_time() -> None:
    body, facts = pod(), FACTS
    body["status"] = live(body, steps=1)[0]
    rests = []
    for _ in range(7):
        body["status"] = pod_rules.status(body, replace(facts, exit_codes={"app": 1}))
        assert state(body["status"])["waiting"]["reason"] == "CrashLoopBackOff", "it is not started at once"
        assert (body["status"]["phase"], condition(body["status"], "Ready")) == ("Running", "False"), (
            "as a kubelet says"
        )
        start = facts.now
        while "waiting" in state(body["status"]):
            facts = replace(facts, now=facts.now + datetime.timedelta(seconds=1))
            body["status"] = pod_rules.status(body, facts)
        rests.append((facts.now - start).total_seconds())
    assert rests == [10, 20, 40, 80, 160, 300, 300], "twice as long each time, up to five minutes"
    assert body["status"]["containerStatuses"][0]["restartCount"] == 7, "each start is counted"


def test_readiness_waits_for_the_probes_delay_and_the_gates() -> None:
    containers = [{"name": "app", "image": "a", "readinessProbe": {"initialDelaySeconds": 3}}]
    results = [condition(status, "Ready") for status in live(pod(containers=containers))]
    assert (results[:3], results[-1]) == (["False"] * 3, "True"), f"ready after three seconds: {results}"
    result = live(pod(readinessGates=[{"conditionType": "example.org/gate"}]))[-1]
    assert (condition(result, "ContainersReady"), condition(result, "Ready")) == ("True", "False"), "the gate is closed"


def test_a_pod_that_is_deleted_ends_in_a_last_phase() -> None:
    body = pod()
    assert pod_rules.last_status(body, FACTS)["phase"] == "Failed", "nothing of it ever ran"
    body["status"] = live(body, steps=1)[0]
    status = pod_rules.last_status(body, FACTS)
    assert (status["phase"], condition(status, "Ready")) == ("Succeeded", "False"), "its containers stop well"


def test_a_network_plugin_is_known_by_what_it_mounts() -> None:
    for folder, mounted, host, plugin in (
        ("/etc/cni/net.d", True, True, True),
        ("/opt/cni/bin/", True, True, True),
        ("/etc/cni/net.d", False, True, False),
        ("/etc/cni/net.d", True, False, False),
        ("/var/lib", True, True, False),
    ):
        container = {"name": "app", "image": "a", "volumeMounts": [{"name": "v", "mountPath": "/x"}] if mounted else []}
        body = pod(containers=[container], hostNetwork=host, volumes=[{"name": "v", "hostPath": {"path": folder}}])
        assert pod_rules.brings_network(body) is plugin, f"{folder}, mounted {mounted}, host's network {host}"


CONTAINER = st.fixed_dictionaries(
    {"image": st.just("i")},
    optional={"readinessProbe": st.fixed_dictionaries({"initialDelaySeconds": st.integers(0, 3)})},
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["Always", "OnFailure", "Never"]),
    st.lists(CONTAINER, max_size=3),
    st.lists(st.booleans(), max_size=3),
    st.lists(CONTAINER, min_size=1, max_size=3),
    st.booleans(),
)
def test_every_pod_comes_to_rest_in_the_phase_of_its_policy(
    policy: str, first: list[dict[str, Any]], sidecars: list[bool], rest: list[dict[str, Any]], host: bool
) -> None:
    inits = [
        {**entry, "name": f"i{number}", **({"restartPolicy": "Always"} if side else {})}
        for number, (entry, side) in enumerate(zip(first, [*sidecars, *[False] * 3], strict=False))
    ]
    body = pod(
        policy,
        initContainers=inits,
        containers=[{**entry, "name": f"c{number}"} for number, entry in enumerate(rest)],
        hostNetwork=host,
    )
    statuses = live(body, steps=30)
    assert statuses[-1] == statuses[-2], "it comes to rest"
    assert statuses[-1]["phase"] == ("Running" if policy == "Always" else "Succeeded"), f"{statuses[-1]}"
    phases = [status["phase"] for status in statuses]
    order = ["Pending", "Running", "Succeeded"]
    assert phases == sorted(phases, key=order.index), f"no phase is left backwards: {phases}"


def fetch(plural: str, name: str) -> Mapping[str, Any] | None:
    objects = {
        ("secrets", "s"): {"data": {"key": base64.b64encode(b"value").decode()}},
        ("configmaps", "c"): {"data": {"file": "text"}},
    }
    return objects.get((plural, name))


@pytest.mark.parametrize(
    ("volume", "says"),
    [
        ({"secret": {"secretName": "s"}}, ""),
        ({"secret": {"secretName": "none"}}, 'secret "none" not found'),
        ({"secret": {"secretName": "none", "optional": True}}, ""),
        ({"secret": {"secretName": "s", "items": [{"key": "none", "path": "p"}]}}, "non-existent secret key: none"),
        ({"configMap": {"name": "none"}}, 'configmap "none" not found'),
        ({"projected": {"sources": [{"serviceAccountToken": {}}, {"configMap": {"name": "none"}}]}}, "not found"),
        ({"hostPath": {"path": "/x"}}, ""),
    ],
)
def test_a_volume_says_what_it_lacks(volume: dict[str, Any], says: str) -> None:
    body = pod(volumes=[{"name": "v", **volume}])
    try:
        pod_sources.files(body, fetch)
        message = ""
    except Missing as error:
        message = str(error)
    assert (says in message and 'volume "v"' in message) if says else not message, f"the kubelet's words: {message!r}"


def test_a_containers_files_and_variables_are_those_of_its_sources() -> None:
    body = pod(
        volumes=[{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "c"}}]}}]
    )
    mounts = {
        "volumeMounts": [{"name": "v", "mountPath": "/a/"}, {"name": "v", "mountPath": "/b/f", "subPath": "file"}]
    }
    files = pod_sources.mounts({"name": "app", **mounts}, pod_sources.files(body, fetch))
    assert files == {"/a/key": b"value", "/a/file": b"text", "/b/f": b"text"}, "by their mounts"
    container = {
        "envFrom": [{"prefix": "P_", "secretRef": {"name": "s"}}],
        "env": [
            {"name": "A", "value": "1"},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}},
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "no", "optional": True}}},
        ],
    }
    assert pod_sources.environment(body, container, fetch) == {"P_key": "value", "A": "1", "B": "value"}, "from all"
    container["env"] = [{"name": "D", "valueFrom": {"secretKeyRef": {"name": "s", "key": "no"}}}]
    with pytest.raises(Missing, match="couldn't find key no in Secret default/s"):
        pod_sources.environment(body, container, fetch)


def test_an_images_name_is_read_without_registry_tag_and_digest() -> None:
    for image in ("cpem", "cpem:1", "host:443/a/cpem", "host/a/cpem:v1@sha256:ab", "a/cpem@sha256:ab"):
        assert image_name(image) == "cpem", image
