"""What keeps a living cluster in its place: aliases for the other contract, owner references, marks, and the last state."""

from __future__ import annotations

from typing import Any

import grpc
import pulumi
import pytest
from kamaji_equinix.components import stack
from kamaji_equinix.components.checks import accidents, departures
from kamaji_equinix.components.checks.departures import ALLOW_REPLACEMENT, AppliedCluster
from kamaji_equinix.components.kube.client import ApiError
from kamaji_equinix.components.settings.load import load_stack
from pulumi.runtime.mocks import MockCallArgs, set_mocks

from tests.engine_mock.test_tenant_cluster import RAW
from tests.support.mock_engine import Monitor, Recorder, record

OTHER = {"v1beta1": "v1beta2", "v1beta2": "v1beta1", "v1alpha1": "v1alpha2", "v1alpha2": "v1alpha1"}
URN = "urn:pulumi:test::kamaji-equinix::kamaji-equinix:index:TenantCluster$kubernetes:cluster.x-k8s.io/v1beta1:Cluster::{}"


class AliasRecorder(Recorder):
    """Also notes the aliases and ignored changes of each resource."""

    def __init__(self) -> None:
        super().__init__()
        self.options: dict[str, tuple[list[str], list[str]]] = {}


class AliasMonitor(Monitor):
    """Notes them from the requests."""

    recorder: AliasRecorder

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - name of the RPC
        types = [alias.spec.type for alias in request.aliases]
        self.recorder.options[f"{request.type} {request.name}"] = (types, list(request.ignoreChanges))
        return super().RegisterResource(request)


def options(contract: str) -> AliasRecorder:
    """What the program asks of the engine with a contract."""
    recorder = AliasRecorder()
    set_mocks(recorder, project="kamaji-equinix", stack="test", preview=False, monitor=AliasMonitor(recorder))

    @pulumi.runtime.test
    def run() -> None:
        stack.declare(load_stack({**RAW, "capi": {"contract": contract}}, frozenset({"management"})))

    run()
    return recorder


@pytest.mark.parametrize("contract", ["v1beta1", "v1beta2"])
def test_each_object_is_known_by_the_type_of_the_other_contract(contract: str) -> None:
    count = 0
    for resource, (aliases, _) in options(contract).options.items():
        type_ = resource.partition(" ")[0]
        if ".x-k8s.io/" not in type_ and ":cluster.x-k8s.io/" not in type_:
            continue
        group, version, kind = type_.removeprefix("kubernetes:").replace("/", ":").split(":")
        expected = [] if group.startswith("infrastructure.") else [f"kubernetes:{group}/{OTHER[version]}:{kind}"]
        assert aliases == expected, f"{resource}: without it another contract deletes the living object"
        count += 1
    assert count == 10, "Cluster, control plane, infrastructure, two pools of three objects, a health check"


def test_owner_references_follow_the_contract_once() -> None:
    recorder = options("v1beta2")
    for resource in recorder.resources:
        if ".x-k8s.io/" in resource.type and not resource.type.endswith(":Cluster"):
            (owner,) = resource.inputs["metadata"]["ownerReferences"]
            assert owner["apiVersion"] == "cluster.x-k8s.io/v1beta2", (
                f"{resource.name}: a new object refers as Cluster API does"
            )
            ignores = recorder.options[f"{resource.type} {resource.name}"][1]
            assert ignores == ["metadata.ownerReferences"], (
                f"{resource.name}: Cluster API keeps the living ones current"
            )


def test_what_is_taken_in_keeps_the_owners_that_cluster_api_has_entered() -> None:
    recorder = record(lambda: stack.declare(load_stack(RAW, frozenset({"management"})), adopts=True))
    objects = [resource for resource in recorder.resources if ".x-k8s.io/" in resource.type]
    assert len(objects) == 10, "the same objects as ever"
    for resource in objects:
        assert "ownerReferences" not in resource.inputs["metadata"], (
            f"{resource.name}: another entry would be a conflict"
        )
        assert resource.inputs["metadata"]["name"], f"{resource.name}: all else is as asked for"


def test_the_permission_to_delete_is_marked_on_the_cluster_only_where_it_is_given() -> None:
    plain = record(lambda: stack.declare(load_stack(RAW, frozenset({"management"}))))
    assert ALLOW_REPLACEMENT not in plain.only("Cluster").inputs["metadata"]["annotations"], "none was given"
    raw = {**RAW, "cluster": {**RAW["cluster"], "allowReplacement": True}}
    permission = record(lambda: stack.declare(load_stack(raw, frozenset({"management"}))))
    assert permission.only("Cluster").inputs["metadata"]["annotations"][ALLOW_REPLACEMENT] == "true", (
        "the next run reads it"
    )


class NoBackend(grpc.RpcError):
    """What an engine answers that can't read its state."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return "no backend client is available"


class Remembering(Recorder):
    """An engine whose last state holds clusters."""

    state: dict[str, Any]
    stack_name: str = ""

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        """The engine's own function."""
        assert args.token == "pulumi:pulumi:readStackResourceOutputs", "nothing else is called"
        self.stack_name = args.args["stackName"]
        if not self.state:
            raise NoBackend
        return {"name": self.stack_name, "outputs": self.state}


class Server:
    """Stands for the connection to a management cluster that holds one Cluster, or refuses to say."""

    def __init__(self, metadata: dict[str, Any] | None, code: int = 404) -> None:
        self.metadata, self.code, self.requests = metadata, code, 0

    def get(self, path: str, **_: Any) -> dict[str, Any]:
        self.requests += 1
        assert path.endswith("/namespaces/default/clusters/gone"), f"only what is missed is looked at, not {path}"
        if self.metadata is None:
            raise ApiError("Forbidden" if self.code == 403 else "NotFound", "no", self.code)
        return {"metadata": self.metadata}


def problems_of(server: Server, *names: str) -> list[str]:
    """The problems of settings that name cluster `one` alone, where the state holds `names`."""
    recorder = Remembering()
    recorder.state = {
        URN.format(name): {"outputs": {"metadata": {"name": name, "namespace": "default", "uid": name}}}
        for name in names
    }
    set_mocks(recorder, project="kamaji-equinix", stack="test", preview=False)
    texts: list[str] = []

    @pulumi.runtime.test
    def run() -> None:
        settings = load_stack(RAW, frozenset({"management"}))
        before = stack.last_state() or {}
        missing = accidents.clusters_to_delete(server, settings, before, accidents.Remarks())  # type: ignore[arg-type]
        problems = departures.problems(missing, settings, departures.clusters_in_state(before))
        texts.extend(str(problem) for problem in problems)

    run()
    assert recorder.stack_name.endswith("/kamaji-equinix/test"), "it is the stack's own state"
    return texts


def test_a_run_that_misses_no_cluster_asks_the_management_cluster_nothing() -> None:
    server = Server(None)
    assert problems_of(server, "one") == [], "all is in its place"
    assert server.requests == 0, "a run that changes nothing stays as quick as it was"


def test_a_missed_cluster_is_refused_where_it_lives() -> None:
    (problem,) = problems_of(Server({"uid": "gone"}), "one", "gone")
    assert "gone, which would be deleted with all its machines" in problem, "by its name"


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"uid": "of another with the same name"},
        {"uid": "gone", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        {"uid": "gone", "annotations": {ALLOW_REPLACEMENT: "true"}},
    ],
    ids=["deleted", "made anew by somebody", "going", "allowed"],
)
def test_a_missed_cluster_is_let_go_where_nothing_would_be_lost(metadata: dict[str, Any] | None) -> None:
    assert problems_of(Server(metadata), "one", "gone") == [], "there is nothing to protect"


def test_a_missed_cluster_that_can_not_be_read_is_taken_for_living() -> None:
    assert problems_of(Server(None, 403), "one", "gone"), "a missing right must not cost servers"


def test_an_engine_that_does_not_tell_the_state_does_not_stop_the_run() -> None:
    assert problems_of(Server(None)) == [], "as before there was such a check"
    assert AppliedCluster("a", "b").allow_replacement is False, "nothing is allowed by default"
