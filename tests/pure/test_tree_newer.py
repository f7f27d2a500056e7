"""The table of contract v1beta2: counters, conditions without severity, messages of several lines, colours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.automation.cli import documents
from kamaji_equinix.components import tree
from kamaji_equinix.components.capi.reading import newer_condition
from kamaji_equinix.components.kube.client import ApiError
from kamaji_equinix.components.tree import Failure, Snapshot
from kamaji_equinix.components.tree.model import Reference
from kamaji_equinix.components.tree.references import References
from kamaji_equinix.components.tree.table import paragraph

from tests.support import cluster_objects as older
from tests.support import newer_objects as newer
from tests.support.cluster_objects import Object
from tests.support.snapshots import TIME

WELL = [newer.condition(type_, True) for type_ in ("Available", "Ready", "UpToDate")]
COUNTS = {"replicas": 3, "availableReplicas": 3, "readyReplicas": 3, "upToDateReplicas": 3}


def formerly(obj: Object, ready: Object | None = None) -> Object:
    """An object with the older condition Ready, too."""
    obj["status"]["deprecated"] = {"v1beta1": {"conditions": [ready or older.condition(True)]}}
    return obj


def cluster(**status: Any) -> Object:
    """A Cluster with one of three control planes available, and three workers."""
    parts = {
        "controlPlane": {"desiredReplicas": 3, "replicas": 3, "availableReplicas": 1},
        "workers": {**COUNTS, "desiredReplicas": 3},
    }
    obj = newer.cluster(older.packet_cluster(), newer.control_plane(), **{"conditions": [WELL[0]], **parts, **status})
    return formerly(obj)


def snapshot(*states: list[Object], **changes: Any) -> Snapshot:
    """A cluster with a machine for each state."""
    deployment = formerly(newer.deployment("a", len(states), [WELL[0]], **COUNTS))
    machine_set = newer.machine_set("a-set", deployment)
    parts = {"infrastructure": older.packet_machine("x")}
    machines = [
        formerly(newer.machine(f"a-{index}", machine_set, state, parts=parts)) for index, state in enumerate(states)
    ]
    plane = newer.control_plane(conditions=[WELL[0]], replicas=2, availableReplicas=2, readyReplicas=2)
    fields: dict[str, Any] = {
        "namespace": "default",
        "name": "c1",
        "cluster": cluster(),
        "infrastructure": older.packet_cluster(),
        "control_plane": plane,
        "machines": tuple(machines),
        "machine_deployments": (deployment,),
        "machine_sets": (machine_set,),
        "time": TIME,
        "contract": "v1beta2",
        **changes,
    }
    return Snapshot(**fields)


def test_the_columns_counters_and_groups_are_those_of_clusterctl() -> None:
    assert tree.draw(tree.build(snapshot(WELL, WELL, WELL))).splitlines() == [
        "NAME                                        REPLICAS AVAILABLE READY UP TO DATE STATUS REASON     SINCE MESSAGE",
        "Cluster/c1                                  6/6      4         3     3          True   Available  4m",
        "├─ClusterInfrastructure - PacketCluster/c1",
        "├─ControlPlane - KamajiControlPlane/cp      2/2      2         2                True   Available  4m",
        "└─Workers",
        "  └─MachineDeployment/a                     3/3      3         3     3          True   Available  4m",
        "    └─3 Machines...                                  3         3     3          True   Ready      4m    "
        "See a-0, a-1, ...",
    ], "as clusterctl 1.13 draws it"


def test_a_machine_counts_as_one_replica() -> None:
    state = [newer.condition("Ready", False, "Failed", "gone"), WELL[2]]
    (row,) = (cells for cells in tree.cells(tree.build(snapshot(state))) if "Machine/a-0" in cells[0])
    assert row[1:] == ("1", "0", "0", "1", "False", "Failed", "4m", "gone"), "of which each condition says its part"


@pytest.mark.parametrize("type_", ["Available", "Ready", "UpToDate"])
@pytest.mark.parametrize("change", [{"status": "Unknown"}, {"reason": "Another"}, None])
def test_machines_that_differ_in_one_condition_have_rows_of_their_own(
    type_: str, change: dict[str, str] | None
) -> None:
    others = [condition for condition in WELL if condition["type"] != type_]
    (condition,) = (condition for condition in WELL if condition["type"] == type_)
    other = [*others, *([{**condition, **change}] if change else [])]
    titles = [node.title for node in tree.build(snapshot(WELL, WELL, other)).nodes]
    assert titles[-2:] == ["2 Machines...", "Machine/a-2"], "in status or reason, or because it has none"


def test_messages_and_other_conditions_keep_no_machines_apart() -> None:
    other = [*({**condition, "message": "mine"} for condition in WELL), newer.condition("NodeHealthy", "Unknown")]
    titles = [node.title for node in tree.build(snapshot(WELL, other)).nodes]
    assert titles[-1] == "2 Machines...", "clusterctl looks at none of them"


def test_counters_that_are_not_there_leave_their_cells_empty() -> None:
    bare = formerly(newer.cluster(older.packet_cluster(), newer.control_plane(), workers={"readyReplicas": 0}))
    status_tree = tree.build(snapshot(cluster=bare, control_plane=newer.control_plane(replicas=2)))
    rows = tree.cells(status_tree)
    assert rows[0][1:5] == ("", "", "0", ""), "one that is zero is shown"
    assert rows[2][1:5] == ("2/2", "", "", ""), "of a control plane, too"


def test_a_part_of_a_machine_has_a_row_only_where_it_says_more_than_the_machine() -> None:
    machine_state = [newer.condition("Ready", False, "Reason")]
    has_row = {}
    for status, reason in (("True", ""), ("False", "Reason"), ("False", "Else"), ("Unknown", "Reason")):
        part = older.packet_machine("x", ready=older.condition(status, reason, "Error"))
        reference = Reference.parse(newer.reference(part), "default")
        assert reference is not None, "it names the part"
        status_tree = tree.build(snapshot(machine_state, references={reference: part}))
        has_row[status, reason] = any("PacketMachine/x" in node.title for node in status_tree.nodes)
    assert has_row == {
        ("True", ""): False,
        ("False", "Reason"): False,
        ("False", "Else"): True,
        ("Unknown", "Reason"): True,
    }, "what is True, or in the machine's own state, is an echo"


LONG = "* NodeHealthy: not seen\n* InfrastructureReady: " + "word " * 30


def test_a_message_has_clusterctls_lines_unless_a_width_is_given() -> None:
    status_tree = tree.build(snapshot([newer.condition("Ready", False, "Lost", LONG)], WELL))
    lines = tree.draw(status_tree).splitlines()
    assert lines[-4].endswith("* NodeHealthy: not seen"), "the first beside the name"
    assert lines[-3].lstrip(" │") == "* InfrastructureReady: " + " ".join(["word"] * 15), "a long one is broken"
    assert lines[-2].lstrip(" │") == " ".join(["word"] * 15), "and goes on below its first word"
    assert lines[-2].index("word") == lines[-3].index("*") + 2, "under the text of its bullet"
    assert "Machine/a-1" in lines[-1], "the next row follows"
    narrow = tree.draw(status_tree, width=180).splitlines()
    assert len(narrow) == len(list(status_tree.nodes)) + 1, "in a width each row is one line"
    assert max(map(len, narrow)) <= 180, "that fits"
    (row,) = (line for line in narrow if "Lost" in line)
    assert "* NodeHealthy: not seen * InfrastructureReady: word" in row, "with the lines one after the other"
    assert row.endswith(" ..."), "as far as there is room"


def test_further_lines_of_a_message_keep_the_trees_lines() -> None:
    message = {**newer.condition("Available", False), "message": "one\ntwo"}
    lines = tree.draw(tree.build(snapshot(WELL, cluster=cluster(conditions=[message])))).splitlines()
    assert lines[2].split() == ["│", "two"], "the rows below hang on that line"


def test_each_status_has_its_colour() -> None:
    states = [[newer.condition("Ready", status)] for status in ("True", "False", "Unknown")]
    status_tree = tree.build(snapshot(*states))
    colored = tree.draw(status_tree, color=True)
    for code, status in (("32", "True"), ("31", "False"), ("33", "Unknown")):
        assert f"\x1b[{code}m{status}" in colored, f"{status} as clusterctl colours it"
    plain = colored
    for code in ("0", "1", "31", "32", "33", "90"):
        plain = plain.replace(f"\x1b[{code}m", "")
    assert [line.rstrip() for line in plain.splitlines()] == tree.draw(status_tree).splitlines(), "the same text"


def test_what_could_not_be_read_says_why() -> None:
    failure = Failure("KamajiControlPlane/cp", "Forbidden", "no\nway")
    status_tree = tree.build(snapshot(control_plane=failure))
    (row,) = (cells for cells in tree.cells(status_tree) if "ControlPlane" in cells[0])
    assert row[5:] == ("", "Forbidden", "", "no way"), "in REASON and MESSAGE"
    assert "\x1b[31mForbidden" in tree.draw(status_tree, color=True), "in red"


def test_a_row_that_the_table_shows_as_not_true_blocks() -> None:
    assert tree.first_blocker(tree.build(snapshot(WELL, WELL, WELL))) is None, "this one is ready"
    unwell = [*WELL[:1], newer.condition("Ready", False, "NotReady", "* A: b\n* C: d"), WELL[2]]
    blocker = tree.first_blocker(tree.build(snapshot(WELL, WELL, unwell)))
    assert blocker is not None, "though its older conditions are all True"
    assert blocker.subject == "Machine/a-2", "the row that says so"
    assert blocker.reason == "its condition Ready is False: NotReady: * A: b * C: d", "in one line"


def test_rows_and_json_keep_their_keys_and_gain_the_tables_cells() -> None:
    status_tree = tree.build(snapshot(WELL, WELL, WELL))
    assert tree.rows(status_tree)[0] == ("Cluster/c1", "True", "", "", "4m", ""), "whether it is ready, as with v1beta1"
    document = documents.of_status({"c1": status_tree})["c1"]["rows"][0]
    table = document.pop("v1beta2")
    assert list(document) == ["name", "ready", "severity", "reason", "since", "message"], "as with v1beta1"
    assert table == {
        "replicas": "6/6",
        "available": "4",
        "ready": "3",
        "upToDate": "3",
        "status": "True",
        "reason": "Available",
        "since": "4m",
        "message": "",
    }, "and the table's"


def test_a_group_is_not_called_ready_while_one_of_it_is_not() -> None:
    status_tree = tree.build(snapshot(WELL, WELL))
    machines = status_tree.snapshot.machines
    assert isinstance(machines, tuple), "they were read"
    formerly(machines[1], older.condition(False, "Old", "Error"))  # type: ignore[arg-type]
    group = next(node for node in tree.build(status_tree.snapshot).nodes if node.members)
    assert group.ready is not None, "it has the older condition"
    assert group.ready.reason == "Old", "of the machine that is not ready"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"conditions": [{"type": "Ready", "status": "False"}]}, "NoReasonReported"),
        ({"conditions": [], "v1beta2": {"conditions": [newer.condition("Ready", True, "Moved")]}}, "Moved"),
        ({"conditions": [newer.condition("Ready", True), {"type": "Broken"}]}, None),
        ({}, None),
    ],
)
def test_conditions_are_read_as_cluster_api_reads_them(status: Object, expected: str | None) -> None:
    condition = newer_condition({"status": status}, "Ready")
    assert (condition and condition.reason) == expected, "whatever generation the object is of"


@given(st.text(alphabet="ab \n*"), st.integers(1, 20))
def test_a_broken_message_has_all_its_words_in_order(text: str, length: int) -> None:
    lines = paragraph(text, length)
    assert " ".join(lines).split() == text.split(), "none is lost"
    assert all("\n" not in line for line in lines), "each line is one"


class Management:
    """Two kinds of one group that have no version in common."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def get(self, path: str) -> dict[str, Any]:
        """An answer for what it serves."""
        self.paths.append(path)
        base = "/apis/infrastructure.cluster.x-k8s.io"
        if path == base:
            versions = [
                {"groupVersion": f"infrastructure.cluster.x-k8s.io/{version}"} for version in ("v1beta2", "v1beta1")
            ]
            return {"preferredVersion": versions[0], "versions": versions}
        if path.startswith((f"{base}/v1beta2/namespaces/n/racks", f"{base}/v1beta1/namespaces/n/packetmachines")):
            return {"kind": "Found", "metadata": {"name": path.rpartition("/")[2]}}
        raise ApiError("NotFound", "404 page not found", 404)


def test_a_reference_without_a_version_is_found_in_the_newest_that_serves_its_kind() -> None:
    management = Management()
    references = References(management)
    for kind in ("PacketMachine", "Rack"):
        for name in ("one", "two"):
            value = {"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": kind, "name": name}
            part = references.read(Reference.parse(value, "n"))
            assert not isinstance(part, Failure), f"{kind}/{name} is there: {part}"
    assert len(management.paths) == 6, f"the group is asked once, and a wrong version once: {management.paths}"
