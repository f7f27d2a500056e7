"""Every advice that is given has a row here, with the test that follows it to the letter, or why none can."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from kamaji_equinix.components.checks import addon_files, changes, machines, upgrades
from kamaji_equinix.components.checks.living_cluster import LivingCluster
from kamaji_equinix.components.checks.upgrades import Versions
from kamaji_equinix.components.manifests.documents import documents
from kamaji_equinix.components.settings.load import load_stack
from kamaji_equinix.components.settings.model import StackSettings
from kamaji_equinix.components.settings.report import Problem

from tests.conftest import ROOT
from tests.support.advice import places
from tests.support.settings_cases import configuration

COMMANDS = "tests/provider/test_advice_commands.py::test_each_command_that_is_advised_works_to_the_letter"
UP = "tests/engine/test_drift.py::test_up_mends_what_status_says_that_it_mends"
LOSSES = "tests/engine/test_metal3_losses.py::test_status_and_preview_name_what_is_gone_and_the_advice_brings_it_back"
LOSS = "tests/lab/test_lost_objects.py::test_a_control_plane_that_is_lost_takes_no_machine_that_stays_billed_with_it"
INSTALLATION = "tests/engine/test_addons.py::test_what_somebody_deletes_in_the_tenant_comes_again_with_a_refresh"
CLOUD = "tests/soak/test_cloud_controller.py::test_a_node_waits_for_a_cloud_controller_that_can_look_at_its_device"
RIGHTS = "tests/provider/test_handoff_rbac.py::test_a_denial_that_passes_is_waited_for"
PERMISSION = "tests/pure/test_changes.py::test_a_cluster_that_leaves_the_list_is_missed_until_it_was_allowed_to"

RACKS = "tests/lab_generations/test_racks.py"
WAITING_RACKS = "tests/lab_generations/test_rack_waits.py"
PAGE = "tests/provider/test_management_cluster_page.py::test_the_pages_commands_make_what_check_asks_for"
COMES_BACK = "tests/provider/test_management_cluster_page.py::test_what_is_gone_comes_back_by_the_printed_commands"

STRANGERS = "tests/provider/test_strangers.py::test_what_another_cluster_has_is_named_and_another_name_is_free"

POINTS = "points to where the cause is told: there is nothing to follow"
WAITS = "advises to wait: what is waited for has a test where it comes"
ELSEWHERE = "its remedy lies outside of the management cluster"

ADVICE = {
    # Status.
    "tree/blocker.unreadable#1": UP,
    "tree/blocker.unreadable#2": POINTS,
    "tree/blockers._deletion#1": WAITS,
    "tree/blockers._pause#1": COMMANDS,
    "tree/blockers._pause#2": COMMANDS,
    "tree/blockers._reference_problem#1": UP,
    "tree/blockers._final_failure#1": COMMANDS,
    "tree/blockers._address#1": COMMANDS,
    "tree/blockers._handoff#1": UP,
    "tree/blockers._handoff#2": UP,
    "tree/blockers._handoff#3": COMMANDS,
    "tree/blockers._control_plane#1": COMMANDS,
    "tree/blockers._any_row#1": POINTS,
    "tree/blockers._any_row#2": POINTS,
    "tree/blockers_inside._absences#1": INSTALLATION,
    "tree/blockers_inside._taint#1": CLOUD,
    "tree/blockers_inside._workload#1": POINTS,
    "tree/blockers_workers._former#1": LOSS,
    "tree/blockers_workers._final_failure#1": COMMANDS,
    "tree/blockers_workers._no_machines#1": (
        "tests/soak/test_upgrade.py::"
        "test_a_pool_of_another_minor_gets_its_machines_once_the_versions_are_brought_together"
    ),
    "tree/blockers_workers._no_machines#2": COMMANDS,
    "tree/blockers_workers._machine#1": WAITS,
    "tree/blockers_workers._machine#2": ELSEWHERE,
    "tree/blockers_workers._without_node#1": ELSEWHERE,
    "tree/blockers_workers._waits_for#1": ELSEWHERE,
    "tree/blockers_workers._waits_for#2": COMMANDS,
    "tree/blockers_workers._pool#1": COMMANDS,
    "tree/blockers_workers._pool#2": COMMANDS,
    "tree/blockers_workers._unhealthy_node#1": ELSEWHERE,
    "tree/blockers_workers._unhealthy_node#2": ELSEWHERE,
    "tree/servers/metal3.trouble#1": f"{RACKS}::test_a_machine_whose_server_is_gone_is_replaced_as_status_advises",
    "tree/servers/metal3._unreadable_hosts#1": (
        "tests/soak/test_metal3.py::test_a_rack_comes_up_rolls_and_is_given_back_with_the_documented_rights_alone"
    ),
    "tree/servers/metal3._host_blocker#1": f"{RACKS}::test_a_marked_server_is_passed_over_as_status_advises",
    "tree/servers/metal3._host_blocker#2": ELSEWHERE,
    "tree/servers/metal3._host_blocker#3": ELSEWHERE,
    "tree/servers/metal3._host_blocker#4": f"{RACKS}::test_a_node_is_found_once_it_has_the_label_that_status_advises",
    "tree/servers/metal3._none_free#1": WAITS,
    # A roll without a spare host: test_rolls_of_racks.py::test_a_roll_without_a_spare_host_goes_on_as_status_advises.
    "tree/servers/metal3._none_free#2": f"{RACKS}::test_a_server_with_the_labels_that_status_asks_for_is_taken",
    "tree/servers/metal3_data.blocker#1": ELSEWHERE,
    "tree/servers/metal3_data._unreadable#1": (
        "tests/soak/test_metal3.py::test_a_rack_comes_up_rolls_and_is_given_back_with_the_documented_rights_alone"
    ),
    "tree/servers/metal3_data._claim_blocker#1": ELSEWHERE,
    "tree/servers/metal3_data._claim_blocker#2": ELSEWHERE,
    "tree/servers/metal3_data._claim_blocker#3": WAITS,
    "tree/servers/metal3_data._exhaustion#1": (
        f"{WAITING_RACKS}::"
        "test_a_pool_without_addresses_is_blamed_for_a_server_that_is_not_installed_and_the_advice_installs_it"
    ),
    "tree/servers/metal3_nodes._obstruction#1": (
        f"{WAITING_RACKS}::test_a_node_of_another_machine_that_keeps_one_from_its_own_is_deleted_as_status_advises"
    ),
    "tree/servers/metal3_nodes._wrong_binding#1": (
        f"{WAITING_RACKS}::test_a_machine_that_is_bound_to_a_node_of_another_gets_its_own_as_status_advises"
    ),
    "tree/difference.shortfalls#1": UP,
    "tree/difference._absences#1": LOSSES,
    "tree/difference._absences#2": WAITS,
    "tree/difference.besides#1": INSTALLATION,
    "tree/difference.besides#2": COMMANDS,
    "tree/difference._control_plane#1": UP,
    "tree/difference._control_plane#2": COMMANDS,
    "tree/difference._control_plane#3": UP,
    "tree/difference._pool#1": UP,
    "tree/difference._pool#2": UP,
    "tree/difference._surplus#1": COMMANDS,
    # The hand-off.
    "handoff/address.same_cluster#1": ELSEWHERE,
    "handoff/address.same_cluster#2": (
        "tests/lab/test_interrupted.py::"
        "test_ctrl_c_during_a_destroy_leaves_a_state_from_which_up_makes_the_cluster_anew"
    ),
    "handoff/address.await_address#1": COMMANDS,
    "handoff/answer.published_address#1": LOSS,
    "handoff/answer.tenant_authority#1": (
        "tests/provider/test_handoff_answer.py::test_an_authority_that_is_no_certificate_is_named"
    ),
    "handoff/answer.timeout_error#1": COMMANDS,
    "handoff/declared_address.look#1": ELSEWHERE,
    "handoff/kubeconfig.await_kamaji#1": POINTS,
    "handoff/kubeconfig.judge#1": (
        "tests/provider/test_handoff_kubeconfig.py::"
        "test_one_that_kamaji_can_never_take_over_ends_the_hand_off_before_machines_are_bought"
    ),
    "handoff/link.patch#1": "tests/provider/test_handoff_link.py::test_a_different_endpoint_is_refused_with_both_shown",
    "handoff/link.patch#2": "tests/provider/test_handoff_link.py::test_a_patch_that_fails_for_a_moment_is_tried_again",
    "handoff/link.verify#1": POINTS,
    "handoff/link.verify#2": (
        "tests/engine/test_metal3.py::"
        "test_an_endpoint_that_somebody_has_changed_ends_a_hand_off_whose_advice_puts_it_right"
    ),
    "handoff/link.verify#3": ELSEWHERE,
    "handoff/nudge.nudge#1": POINTS,
    "handoff/nudge.nudge#2": POINTS,
    "handoff/patience.infrastructure#1": UP,
    "handoff/patience.patiently#1": (
        "tests/provider/test_handoff_address.py::test_an_api_server_that_restarts_during_the_wait_is_waited_for"
    ),
    "handoff/patience.bearable#1": RIGHTS,
    "handoff/refusal.look#1": (
        "tests/soak/test_upgrade.py::"
        "test_where_kamaji_can_not_be_asked_its_refusal_ends_the_run_soon_and_the_old_settings_bring_it_back"
    ),
    "handoff/version.await_version#1": COMMANDS,
    # Before a run.
    "checks/accidents.judge#1": "tests/soak/test_upgrade.py::test_a_version_that_kamaji_refuses_changes_nothing",
    "checks/departures.problems#1": "tests/pure/test_changes.py::test_a_change_that_the_stack_allows_passes",
    "checks/departures.rename_problem#1": PERMISSION,
    "checks/departures.removal#1": PERMISSION,
    "checks/addon_files.problems#1": "tests/pure/test_advice.py::test_charts_and_manifests_that_are_not_there_are_named",
    "checks/addon_files.problems#2": "tests/pure/test_advice.py::test_charts_and_manifests_that_are_not_there_are_named",
    "checks/addon_files.problems#3": "tests/pure/test_addon_files.py::test_an_address_that_a_server_refuses_is_named",
    "checks/changes.immutable_values#1": "tests/pure/test_advice.py::test_the_way_around_what_never_changes_is_open",
    "checks/changes.ranges#1": "tests/pure/test_advice.py::test_the_way_around_what_never_changes_is_open",
    "checks/changes.ranges#2": "tests/pure/test_advice.py::test_source_ranges_that_may_not_go_can_be_opened",
    "checks/changes.check_cluster#1": "tests/pure/test_metal3_effects.py::test_no_other_provider_takes_over_a_cluster",
    "checks/hosts.problems#1": (
        "tests/pure/test_metal3_settings.py::"
        "test_a_cluster_with_another_name_gets_the_hosts_of_the_one_before_in_a_second_run"
    ),
    "checks/hosts.problems#2": "tests/pure/test_metal3_settings.py::test_a_host_moves_to_another_cluster_in_two_runs",
    "checks/hosts.credentials_in_use#1": (
        "tests/pure/test_metal3_settings.py::test_a_hosts_own_credentials_are_not_taken_from_under_it"
    ),
    "checks/hosts.problems#3": "tests/engine/test_metal3.py::test_a_host_with_a_machine_is_not_left_out",
    "checks/losses.losses#1": LOSS,
    "checks/losses.losses#2": UP,
    "checks/machines.skew_problems#1": (
        "tests/pure/test_advice.py::test_a_pool_that_may_not_roll_may_with_the_version_that_is_advised"
    ),
    "checks/strangers.problems#1": (
        "tests/engine/test_cluster_stack.py::test_living_objects_are_imported_without_being_touched"
    ),
    "checks/strangers.problems#2": STRANGERS,
    "checks/strangers.pools#1": STRANGERS,
    "checks/strangers.hosts#1": "tests/pure/test_metal3_settings.py::test_a_host_moves_to_another_cluster_in_two_runs",
    "checks/upgrades.problems#1": "tests/pure/test_advice.py::test_the_version_that_is_advised_is_taken",
    "checks/upgrades.problems#2": "tests/pure/test_advice.py::test_the_version_that_is_advised_is_taken",
    "checks/upgrades.problems#3": "tests/pure/test_advice.py::test_the_version_that_is_advised_is_taken",
    "checks/preflight.check#1": POINTS,
    "checks/verdict.no_answer#1": ELSEWHERE,
    "checks/controllers.missing_deployments#1": COMES_BACK,
    "checks/verdict.kinds#1": PAGE,
    "checks/verdict.kinds#2": "tests/provider/test_preflight.py::test_a_cluster_with_all_that_is_needed_has_no_problem",
    "checks/verdict.namespaces#1": (
        "tests/provider/test_preflight.py::test_a_missing_namespace_is_named_unless_the_stack_creates_it"
    ),
    "checks/verdict.namespaces#2": WAITS,
    "checks/verdict.data_stores#2": PAGE,
    "checks/verdict.data_stores#1": (
        "tests/provider/test_preflight.py::test_a_cluster_with_all_that_is_needed_has_no_problem"
    ),
    "checks/rights.rights#1": (
        "tests/provider/test_preflight.py::test_missing_rights_are_named_and_the_printed_commands_grant_exactly_them"
    ),
}

REASONS = {POINTS, WAITS, ELSEWHERE}


def test_every_place_that_gives_advice_has_a_row_and_every_row_a_place() -> None:
    assert set(places()) == set(ADVICE), "write down which test follows a new advice"


@pytest.mark.parametrize("place", [place for place, test in ADVICE.items() if test not in REASONS])
def test_the_test_that_follows_an_advice_is_there(place: str) -> None:
    path, _, name = ADVICE[place].partition("::")
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.M), f"{ADVICE[place]} follows {place}"


def stack(**difference: Any) -> StackSettings:
    """A stack's settings."""
    return load_stack(configuration(**difference))


@pytest.mark.parametrize(
    ("accepted", "running", "version", "kubelets"),
    [
        ("1.33.2", "1.33.2", "1.33.0", {}),
        ("1.32.0", "1.32.0", "1.34.0", {}),
        ("1.33.0", "1.33.0", "1.34.0", {"web": ["1.30.0"]}),
    ],
    ids=["back", "skips", "kubelets"],
)
def test_the_version_that_is_advised_is_taken(
    accepted: str, running: str, version: str, kubelets: dict[str, Sequence[str]]
) -> None:
    versions = Versions(accepted, running)
    (tenant,) = stack(cluster={"kubernetesVersion": version}).clusters
    (problem,) = upgrades.problems("", versions, tenant, kubelets)
    (after,) = stack(cluster={"kubernetesVersion": problem.example}).clusters
    assert not list(upgrades.problems("", versions, after, kubelets)), f"{problem.example} of {problem}"


def refusals(before: StackSettings, after: StackSettings) -> list[Problem]:
    """What of a change of the only cluster can't be done; a cluster beside it is a new one."""
    (living,) = (changes.of_settings(tenant) for tenant in before.clusters)
    successor = next(tenant for tenant in after.clusters if tenant.cluster.name == living.name)
    return changes.check_cluster(living, successor)


@pytest.mark.parametrize(
    "change",
    [
        {"cluster": {"podCidrs": ["10.0.0.0/16"]}},
        {"controlPlane": {"network": {"loadBalancerSourceRanges": ["203.0.113.0/24"]}}},
    ],
    ids=["fixed", "ranges"],
)
def test_the_way_around_what_never_changes_is_open(change: dict[str, Any]) -> None:
    before = stack()
    (problem,) = refusals(before, stack(**change))
    assert "make a new cluster instead, under another cluster.name" in str(problem), "the advice"
    both = configuration()
    cluster = both.pop("cluster")
    other = {**change, "cluster": {**cluster, **change.get("cluster", {}), "name": "another"}}
    after = load_stack({**both, "clusters": [{"cluster": cluster}, other]})
    assert refusals(before, after) == [], "beside the living one"


def test_charts_and_manifests_that_are_not_there_are_named(tmp_path: Path) -> None:
    chart, file = tmp_path / "chart", tmp_path / "manifests" / "one.yaml"

    def absences(**difference: Any) -> list[str]:
        addons = [{"name": "a", "chart": str(chart), **difference}, {"name": "b", "files": [str(file)]}]
        return [str(problem) for problem in addon_files.problems(stack(addons=addons))]

    missing = absences()
    assert len(missing) == 2, missing
    assert f"there is no Chart.yaml in {chart}" in missing[0], missing
    assert f"there is no manifest at {file}" in missing[1], missing
    for path in (chart / "Chart.yaml", file):
        path.parent.mkdir()
        path.touch()
    assert absences() == [], "both are there"
    chart.joinpath("Chart.yaml").unlink()
    repository = {"chart": "metrics", "repository": "https://charts.example.com", "version": "1.0.0"}
    assert absences(**repository) == [], "a chart of a repository with `repository`, as advised"


def test_source_ranges_that_may_not_go_can_be_opened() -> None:
    before = stack(controlPlane={"network": {"loadBalancerSourceRanges": ["203.0.113.0/24"]}})
    (problem,) = refusals(before, stack())
    after = stack(controlPlane={"network": {"loadBalancerSourceRanges": problem.example}})
    assert refusals(before, after) == [], f"{problem.example} of {problem}"


def test_a_pool_that_may_not_roll_may_with_the_version_that_is_advised() -> None:
    def pools(version: str, kind: str) -> StackSettings:
        return stack(workerPools=[{"name": "web", "replicas": 1, "kubernetesVersion": version, "machineType": kind}])

    (before,) = pools("1.32.0", "c3.small.x86").clusters
    living = LivingCluster(deployments=tuple(item for item in documents(before) if item["kind"] == "MachineDeployment"))
    (tenant,) = pools("1.32.0", "m3.large.x86").clusters
    (problem,) = machines.skew_problems("", tenant, machines.plan_of(tenant, living, {}))
    (after,) = pools(str(problem.example), "m3.large.x86").clusters
    assert not list(machines.skew_problems("", after, machines.plan_of(after, living, {}))), (
        f"{problem.example} of {problem}"
    )
