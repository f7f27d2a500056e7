"""Which objects get a row, which share one, and how the rows are drawn."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kamaji_equinix.components import tree
from kamaji_equinix.components.capi.reading import Condition, timestamp
from kamaji_equinix.components.kube.objects import plural
from kamaji_equinix.components.tree import Failure, Snapshot, table
from kamaji_equinix.components.tree.model import Reference

from tests.support import cluster_objects as build
from tests.support.cluster_objects import Object, condition
from tests.support.snapshots import TIME, TRUE, pool, snapshot


def titles(status_tree: tree.Tree) -> list[str]:
    return [node.title for node in status_tree.nodes]


def test_the_seeds_tree_is_drawn_as_the_seed_shows_it() -> None:
    text = tree.draw(tree.build(snapshot(*pool("capi-quickstart-worker-a", [TRUE] * 3))))
    assert [line.rstrip() for line in text.splitlines()] == [
        "NAME                                            READY  SEVERITY  REASON  SINCE  MESSAGE",
        "Cluster/c1                                      True                     4m",
        "├─ClusterInfrastructure - PacketCluster/c1",
        "├─ControlPlane - KamajiControlPlane/cp",
        "└─Workers",
        "  └─MachineDeployment/capi-quickstart-worker-a  True                     4m",
        "    └─3 Machines...                             True                     4m     "
        "See capi-quickstart-worker-a-0, capi-quickstart-worker-a-1, ...",
    ], "columns, lines and grouping are those of clusterctl"


def test_machines_in_different_states_have_rows_of_their_own() -> None:
    failure = condition(False, "Failed", "Error")
    status_tree = tree.build(snapshot(*pool("a", [TRUE, failure, TRUE])))
    assert titles(status_tree)[-2:] == ["2 Machines...", "Machine/a-1"], "the failed one is not hidden in a group"


def test_a_group_says_since_when_its_first_member_is_in_that_state() -> None:
    older = {**TRUE, "lastTransitionTime": "2026-01-02T02:00:00Z"}
    status_tree = tree.build(snapshot(*pool("a", [TRUE, older, TRUE])))
    group = next(node for node in status_tree.nodes if node.members)
    assert group.ready is not None, "the group has the state of its members"
    assert group.ready.since == datetime(2026, 1, 2, 2, tzinfo=timezone.utc), "the earliest of them"
    assert group.ready.message == "", "no member's message stands for all"


def test_a_list_that_could_not_be_read_has_a_row() -> None:
    failure = Failure("Machines", "Forbidden", 'machines is forbidden: User "bob" cannot list')
    status_tree = tree.build(snapshot(machines=failure))
    assert titles(status_tree)[-2:] == ["Workers", "Machines"], "it stands where the machines would"
    assert "Forbidden" in tree.draw(status_tree), "with the reason"


def test_infrastructure_that_is_gone_before_its_machine_in_deletion_is_no_failure() -> None:
    machines = pool("a", [condition(False, "Deleting", "Info")])
    machine = machines[-1]
    machine["metadata"]["deletionTimestamp"] = build.SINCE
    reference = Reference.parse(machine["spec"]["infrastructureRef"], "default")
    assert reference is not None, "the machine refers to it"
    references = {reference: Failure("PacketMachine/a-0", "NotFound", "not found")}
    status_tree = tree.build(snapshot(*machines, references=references))
    assert not [node for node in status_tree.nodes if node.failure], "that is the order of a deletion"
    del machine["metadata"]["deletionTimestamp"]
    status_tree = tree.build(snapshot(*machines, references=references))
    assert [node.title for node in status_tree.nodes if node.failure] == [
        "MachineInfrastructure - PacketMachine/a-0"
    ], "of a machine that stays it is one"


def test_a_cluster_that_could_not_be_read_is_a_tree_of_one_row() -> None:
    status_tree = tree.build(Snapshot("default", "c1", Failure("Cluster/c1", "NotFound", "not found")))
    assert titles(status_tree) == ["Cluster/c1"], "there is nothing else to show"


def test_the_drawing_fits_the_width_by_shortening_messages_only() -> None:
    long = condition(False, "Long", "Error", "word " * 40)
    status_tree = tree.build(snapshot(*pool("a", [long])))
    lines = tree.draw(status_tree, width=110).splitlines()
    assert max(map(len, lines)) <= 110, "no line is wider"
    assert "Machine/a-0" in lines[-1], "names stay whole"
    assert lines[-1].endswith(" ..."), "the message says that it goes on"


def test_what_controllers_write_cannot_move_the_cursor() -> None:
    nasty = condition(False, "X", "Error", "a\x1b[2Jb\r\nc")
    text = tree.draw(tree.build(snapshot(*pool("a", [nasty]))))
    assert "\x1b" not in text, "no escape sequence passes"
    assert "a?[2Jb c" in text, "a message stays on its line"


def test_colours_mark_states_and_change_no_text() -> None:
    status_tree = tree.build(
        snapshot(*pool("a", [TRUE, condition(False, "X", "Error"), condition(False, "Y", "Warning")]))
    )
    colored = tree.draw(status_tree, color=True)
    for code, state in (("\x1b[32m", "True"), ("\x1b[31m", "an error"), ("\x1b[33m", "a warning")):
        assert code in colored, f"{state} has its colour"
    plain = colored
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[90m"):
        plain = plain.replace(code, "")
    assert [line.rstrip() for line in plain.splitlines()] == tree.draw(status_tree).splitlines(), "the same text"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (440, "7m20s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (8 * 3600 - 60, "7h59m"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (50 * 3600, "2d2h"),
        (8 * 86400, "8d"),
        (800 * 86400, "2y70d"),
        (3000 * 86400, "8y"),
    ],
)
def test_durations_are_written_as_kubectl_writes_them(seconds: float, text: str) -> None:
    assert table.human_duration(seconds) == text, "HumanDuration of apimachinery"


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("Machine", "machines"),
        ("PacketCluster", "packetclusters"),
        ("Proxy", "proxies"),
        ("Gateway", "gateways"),
        ("Box", "boxes"),
    ],
)
def test_plurals_follow_the_rule_that_cluster_apis_contract_fixes(kind: str, resource: str) -> None:
    assert plural(kind) == resource, "contract.CalculateCRDName"


def test_the_conditions_of_the_newer_generation_are_understood() -> None:
    newer = {
        "apiVersion": "cluster.x-k8s.io/v1beta2",
        "kind": "Cluster",
        "metadata": {"name": "c1"},
        "status": {"conditions": [{"type": "Available", "status": "True", "reason": "Available"}]},
    }
    status_tree = tree.build(Snapshot("default", "c1", newer))
    assert status_tree.root.ready is not None, "v1beta2's Available stands for Ready"
    assert status_tree.root.ready.status == "True", "with its status"
    newer["status"]["deprecated"] = {"v1beta1": {"conditions": [condition(False, "Old", "Info")]}}  # type: ignore[index]
    status_tree = tree.build(Snapshot("default", "c1", newer))
    assert status_tree.root.ready.state == ("False", "Info", "Old"), "the condition with a severity comes first"  # type: ignore[union-attr]


STATES: st.SearchStrategy[Object | None] = st.none() | st.builds(
    condition,
    st.sampled_from(["True", "False", "Unknown"]),
    st.sampled_from(["", "A", "B"]),
    st.sampled_from(["", "Error"]),
)


@given(st.lists(STATES, max_size=12))
def test_every_machine_is_in_exactly_one_row_and_no_two_rows_are_in_the_same_state(states: list[Object | None]) -> None:
    status_tree = tree.build(snapshot(*pool("a", states)))
    rows = [node for node in status_tree.nodes if node.kind == "Machine"]
    names = [name for node in rows for name in (node.members or (node.name,))]
    assert sorted(names) == sorted(f"a-{index}" for index in range(len(states))), "none is lost, none is twice"
    in_states = [node.ready.state if node.ready else None for node in rows]
    assert len(in_states) == len(set(in_states)), "what is in the same state shares a row"
    assert all(len(node.members) != 1 for node in rows), "one machine is no group"


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))
def test_times_of_the_api_are_read_to_the_second(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=timezone.utc)
    assert timestamp(f"{moment.replace(microsecond=0).isoformat()}Z") == whole, "without a fraction"
    assert timestamp(f"{moment.replace(microsecond=0).isoformat()}.123456789Z") == whole, "and with one"


@given(st.text() | st.integers() | st.none())
def test_what_is_no_time_is_none(value: object) -> None:
    assert timestamp(value) is None or isinstance(value, str), "no exception, no guess"


def test_two_drawings_of_the_same_state_are_equal_without_their_age() -> None:
    objects = pool("a", [TRUE])
    early, late = (tree.build(snapshot(*objects, time=TIME + timedelta(hours=h))) for h in (0, 5))
    assert tree.draw(early) != tree.draw(late), "the age differs"
    assert tree.draw(early, since=False) == tree.draw(late, since=False), "the state does not"


def test_a_condition_is_compared_by_status_severity_and_reason_only() -> None:
    first = Condition("Ready", "False", "Error", "X", "one")
    second = Condition("Ready", "False", "Error", "X", "another")
    assert first.state == second.state, "messages name the machine, so they always differ"
