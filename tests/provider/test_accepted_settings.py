"""What the settings let pass, an API server takes; and what Kubernetes takes, the settings let pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kamaji_equinix.components.settings import addresses, quantities, types

from lab.plane import ManagementPlane
from tests.support.acceptance import Judge
from tests.support.dry_run import send
from tests.support.generated_settings import configurations
from tests.support.strange_values import TABLES

EXAMPLES = 200
QUIET = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck), "derandomize": True}


@pytest.fixture(scope="module")
def judge(management: ManagementPlane, newer: ManagementPlane) -> Iterator[Judge]:
    """Judges by API servers of both generations."""
    with management.client() as older_client, newer.client() as newer_client:
        yield Judge({"v1beta1": older_client, "v1beta2": newer_client})


def test_an_api_server_takes_whatever_the_settings_take(judge: Judge) -> None:
    @settings(max_examples=EXAMPLES, phases=[Phase.generate], **QUIET)
    @given(configurations())
    def check(raw: dict[str, Any]) -> None:
        judge.judge(raw)

    check()
    assert judge.counts["accepted"] >= EXAMPLES / 4, f"most generated settings are no nonsense: {judge.counts}"
    assert judge.counts["objects"] > judge.counts["accepted"], f"and their objects differ: {judge.counts}"


def container(**resources: Any) -> dict[str, Any]:
    """A Deployment whose container has these resources."""
    labels = {"a": "b"}
    pod = {"containers": [{"name": "a", "image": "a", "resources": resources}]}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": spec,
    }


def config_map(name: str = "a", data: Any = None, **metadata: Any) -> dict[str, Any]:
    """A ConfigMap."""
    whole = {"name": name, "namespace": "default", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": whole, "data": data or {}}


def service(name: str = "a", **spec: Any) -> dict[str, Any]:
    """A Service with a load balancer."""
    ports = [{"name": "a", "port": 1, "protocol": "TCP"}]
    whole = {"type": "LoadBalancer", "ports": ports, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": whole}


def ingress(host: str) -> dict[str, Any]:
    """An Ingress for a host, as Kamaji makes it."""
    backend = {"service": {"name": "a", "port": {"number": 1}}}
    rule = {
        "host": host.partition(":")[0],
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
    }
    metadata = {"name": "a", "namespace": "default"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": {"rules": [rule]}}


ALPHABETS = {"quantity": "019.+-eEiKMGTPmnuk", "cidr": "01269./:f"}
PEERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], dict[str, Any]]]] = {
    "quantity": (quantities.quantity, lambda value: container(limits={"cpu": value})),
    "resource_name": (quantities.resource_name, lambda value: container(limits={value: "6Gi", "cpu": 1})),
    "label_key": (types.label_key, lambda value: config_map(labels={value: "a"})),
    "annotation_key": (types.annotation_key, lambda value: config_map(annotations={value: "a"})),
    "label_value": (types.label_value, lambda value: config_map(labels={"a": value})),
    "dns_subdomain": (types.dns_subdomain, lambda value: config_map(metadata_name(value))),
    "dns_1035": (types.dns_1035, lambda value: service(metadata_name(value))),
    "secret_key": (types.secret_key, lambda value: config_map(data={value: "a"})),
    "source_range": (addresses.source_range, lambda value: service(loadBalancerSourceRanges=[value])),
    "ingress_host": (addresses.ingress_host, ingress),
    "load_balancer_class": (types.label_key, lambda value: service(loadBalancerClass=value)),
}
"""Each kind of value: the program's rule, and an object in which Kubernetes judges it."""


def metadata_name(value: str) -> str:
    """A name that fits into a URL; no rule takes what doesn't."""
    return value


TABLE_OF = {"annotation_key": "label_key", "load_balancer_class": "label_key"}


def stricter(kind: str, value: Any) -> bool:
    """What the program refuses although this Kubernetes takes it, each with its reason."""
    text = str(value)
    if kind == "source_range":
        # Kubernetes 1.33 still reads the addresses of old times: leading zeros, bits behind the prefix, spaces around, and
        # IPv4-mapped ones, which it warns of or which the next versions refuse.
        return True
    if kind == "ingress_host":
        # Kamaji takes what stands before the first colon, whatever follows; and an empty host means all hosts.
        # Four numbers are a mistyped address rather than a name, and no DNS name has parts longer than 63 characters.
        longest = max(map(len, text.split(".")))
        return ":" in text or text == "" or text.replace(".", "").isdecimal() or longest > 63
    if kind == "quantity":
        # Go's parser takes a suffix alone for 0, the pattern of Kamaji's CRD does not; the rest is too large or too small to
        # be anything but a mistake.
        exponent = text.lower().rpartition("e")[2].lstrip("+-")
        return (
            not any(map(str.isdecimal, text))
            or len(text) > 18
            or (exponent.isdecimal() and int(exponent) > 18)
            or "E" in text
        )
    return kind == "load_balancer_class" and text == ""


@pytest.mark.parametrize("kind", PEERS)
def test_single_values_are_judged_as_kubernetes_judges_them(management: ManagementPlane, kind: str) -> None:
    rule, object_of = PEERS[kind]
    table = TABLES[TABLE_OF.get(kind, kind)]
    alphabet = ALPHABETS.get(kind, "aZ09.-_/: *e")
    candidates = st.one_of(st.sampled_from(table), st.text(alphabet, min_size=1, max_size=9))
    counts: dict[str, int] = {"both take it": 0, "both refuse it": 0}

    with management.client() as client:

        @settings(max_examples=100, phases=[Phase.generate, Phase.explicit], **QUIET)
        @given(candidates)
        def compare(value: Any) -> None:
            try:
                rule(value)
                passes = True
            except ValueError:
                passes = False
            accepts = kubernetes_takes(client, object_of, value)
            if passes:
                assert accepts, f"{kind} {value!r} is let pass, but Kubernetes refuses it"
            elif accepts:
                assert stricter(kind, value), f"{kind} {value!r} is refused, but Kubernetes takes it"
            counts["both take it" if passes else "both refuse it"] += 1

        compare()
    assert min(counts.values()) >= 5, f"right and wrong values were compared: {counts}"


def kubernetes_takes(client: httpx.Client, object_of: Callable[[Any], dict[str, Any]], value: Any) -> bool:
    """Whether the API server takes a value."""
    try:
        answer = send(client, object_of(value))
    except (httpx.InvalidURL, UnicodeEncodeError):
        return False
    return answer.is_success
