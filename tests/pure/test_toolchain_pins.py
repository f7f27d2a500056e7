"""What the toolchain plans, names and finds, without building."""

from __future__ import annotations

import json
import os
import re
from itertools import groupby
from pathlib import Path

import pytest

from toolchain import build, build_folder, environment, locate, pins
from toolchain.progress import FIRST_PACE, Progress
from toolchain.sources import SourceMissing, keep, module_folder

GROUPS = sorted({program.group for program in pins.PROGRAMS})


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache on a machine that brings no program of its own."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("KAMAJI_EQUINIX_TOOLCHAIN", str(folder))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    return folder


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def user_pulumi(folder: Path, version: str) -> Path:
    executable(folder / "pulumi-language-python", "exit 0")
    return executable(folder / "pulumi", f"echo {version}")


def test_an_empty_cache_is_filled_the_smallest_group_first(cache: Path) -> None:
    plan = build.missing_programs()
    tested = [program for program in pins.EXTRA_PROGRAMS if program.need == "test"]
    assert plan == [*pins.PROGRAMS, *tested], "everything that the lab and the tests run has to be built"
    usual = groupby(pins.PROGRAMS, key=lambda entry: entry.group)
    times = [sum(program.seconds for program in of if program.need == "up") for _group, of in usual]
    # The first one's time has Go's own packages in it, which it compiles for all.
    assert times[1:] == sorted(times[1:]), f"progress must show early, but the groups take {times}"
    assert times[0] < times[2], f"the first is a small one: {times}"


def test_what_only_tests_run_is_not_built_before_the_lab(cache: Path) -> None:
    rest = set(build.missing_programs()) - set(build.missing_programs(need="up"))
    assert {(program.name, program.group) for program in rest if program.group != pins.SECOND_GENERATION} == {
        ("clusterctl", "cluster-api")
    }, f"`make up` must not wait for what it does not run, it leaves out {rest}"
    second = {program for program in pins.BY_NAME.values() if program.group == pins.SECOND_GENERATION}
    assert second <= rest, "a lab of the second generation builds its programs when it is asked for"


def test_another_version_is_asked_for_by_name_and_version(cache: Path) -> None:
    [older] = build.missing_programs(["kube-apiserver@v1.32.2"])
    assert older.file_name == "kube-apiserver-v1.32.2", f"one file for each version, not {older.file_name}"
    assert "gitMinor=32" in build.linker_flags(older), "it tells its own version"
    usual = executable(cache / "kube-apiserver-v1.33.0", "exit 0")
    assert locate.find("kube-apiserver") == locate.find("kube-apiserver", "v1.33.0") == usual, "the lab's"
    with pytest.raises(locate.MissingProgram, match=r"python -m toolchain --only kube-apiserver@v1\.32\.2"):
        locate.program("kube-apiserver", "v1.32.2")
    with pytest.raises(KeyError):
        locate.program("kube-apiserver", "v1.31.0")


def test_kubebuilder_assets_stand_for_the_usual_version_only(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = executable(tmp_path / "assets" / "kube-apiserver", "echo Kubernetes v1.30.0").parent
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    assert locate.find("kube-apiserver") == assets / "kube-apiserver", "the machine's own is used"
    assert locate.find("kube-apiserver", "v1.32.2") is None, "who asks for a version gets that or none"


def test_the_remaining_time_follows_from_the_pace_of_what_is_built() -> None:
    now = [0.0]
    small, large = pins.pin_of("etcd"), pins.pin_of("kube-apiserver")
    lines: list[str] = []
    progress = Progress([small, large], lines.append, lambda: now[0])
    progress.start(small)
    now[0] = 10.0
    assert 0 < progress.weight() < small.seconds, "a program under way counts by its time"
    now[0] = 1000.0
    assert progress.weight() < small.seconds, "and never for all of it, however long it takes"
    before = progress.remaining_seconds()
    now[0] = 126.0
    progress.end(small, 63.0)
    assert progress.weight() == small.seconds, "what is built counts for its weight"
    seconds = progress.remaining_seconds()
    assert large.seconds / FIRST_PACE < seconds < large.seconds * 126 / small.seconds, (
        f"one small program, built alone, moves the estimate and does not make it: {seconds}, {before} before"
    )
    progress.start(large)
    progress.end(large, 300.0)
    assert progress.remaining_seconds() == 0, "nothing is left"
    assert [line.split(": ")[1].split(" (")[0] for line in lines] == [
        "building",
        "built in 126 s",
        "building",
        "built in 0 s",
    ], f"one line for each event: {lines}"


def test_the_remaining_time_comes_near_to_what_this_machine_shows() -> None:
    now = [0.0]
    progress = Progress(pins.PROGRAMS, lambda _line: None, lambda: now[0])
    for program in pins.PROGRAMS[:-1]:
        progress.start(program)
        now[0] += 3 * program.seconds
        progress.end(program, float(program.seconds))
    assert progress.remaining_seconds() == pytest.approx(3 * pins.PROGRAMS[-1].seconds, rel=0.2), (
        "this machine takes three seconds for one of weight"
    )


def test_a_picture_needs_no_line_for_what_begins() -> None:
    lines: list[str] = []
    program = pins.pin_of("etcd")
    progress = Progress([program], lines.append, starts=False)
    progress.start(program)
    assert not lines, "it shows what is under way itself"
    progress.end(program, 1.0)
    assert len(lines) == 1, "what is built stays to be read"


def test_what_another_process_built_does_not_count_as_pace() -> None:
    now = [0.0]
    progress = Progress([pins.pin_of("etcd"), pins.pin_of("capp")], lambda _line: None, lambda: now[0])
    now[0] = 1.0
    before = progress.remaining_seconds()
    progress.end(pins.pin_of("etcd"))
    assert 0 < progress.remaining_seconds() < before, "less is left, at the same pace"


def test_programs_of_one_group_follow_each_other() -> None:
    groups = [program.group for program in pins.PROGRAMS]
    runs = [group for group, before in zip(groups, [None, *groups], strict=False) if group != before]
    assert len(runs) == len(set(runs)), f"a group's shared packages are compiled in one go, but the order is {runs}"


def test_what_is_in_the_cache_is_not_built_again(cache: Path) -> None:
    etcd = executable(cache / "etcd-v3.6.16", "exit 0")
    assert locate.program("etcd") == etcd, "the cached file is the program"
    assert "etcd" not in {program.name for program in build.missing_programs()}, "nothing is left to build for it"


def test_a_file_that_cannot_be_run_counts_as_missing(cache: Path) -> None:
    (cache / "etcd-v3.6.16").write_text("half")
    assert locate.find("etcd") is None, "a file without the right to run is not a program"


def test_a_missing_program_says_where_it_was_sought_and_what_builds_it(cache: Path) -> None:
    with pytest.raises(locate.MissingProgram) as error:
        locate.program("kamaji")
    for part in ("kamaji v1.0.1-0.20250428170502-994ca7687d0f", str(cache), "make toolchain"):
        assert part in str(error.value), f"{part!r} belongs in: {error.value}"


def test_an_unknown_program_is_refused_with_the_known_names(cache: Path) -> None:
    with pytest.raises(KeyError, match=r"unknown program nginx; there are pulumi-language-python, etcd"):
        build.missing_programs(["etcd", "nginx"])


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_pins_its_modules_with_checksums(group: str) -> None:
    folder = pins.PINS / group
    assert re.search(r"^go 1\.26", (folder / "go.mod").read_text(), re.M), f"{group} must name the oldest Go"
    assert (folder / "go.sum").read_text().count(" h1:") > 10, f"{group} must carry checksums"


def test_the_pinned_versions_are_those_of_the_go_mod_files() -> None:
    lines = {
        "etcd": f"go.etcd.io/etcd/server/v3 {pins.BY_NAME['etcd'].version}",
        "kubernetes": f"k8s.io/kubernetes {pins.KUBERNETES}",
        "cluster-api": f"sigs.k8s.io/cluster-api {pins.CLUSTER_API}",
        "capp": f"sigs.k8s.io/cluster-api-provider-packet {pins.PACKET_PROVIDER}",
        "pulumi": f"github.com/pulumi/pulumi/sdk/v3 {pins.PULUMI}",
    }
    for group, line in lines.items():
        assert line in (pins.PINS / group / "go.mod").read_text(), f"{group}/go.mod must require {line}"


def test_the_servers_tell_the_version_that_cluster_api_asks_for() -> None:
    flags = build.linker_flags(pins.BY_NAME["kube-apiserver"])
    assert flags.startswith("-s -w "), f"no symbol tables: {flags}"
    for part in ("gitVersion=v1.33.0", "gitMajor=1", "gitMinor=33"):
        assert f"-X k8s.io/component-base/version.{part}" in flags, f"{part} is missing in {flags}"


def test_the_cache_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KAMAJI_EQUINIX_TOOLCHAIN", str(tmp_path))
    assert pins.cache_folder() == tmp_path, "the variable decides"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAMAJI_EQUINIX_TOOLCHAIN", "here")
    assert pins.cache_folder() == tmp_path / "here", "the lab's processes have another working folder"
    monkeypatch.delenv("KAMAJI_EQUINIX_TOOLCHAIN")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert pins.cache_folder() == tmp_path / ".cache/kamaji-equinix/toolchain", "else the user's cache"


@pytest.mark.parametrize(
    ("version", "fits"),
    [("v3.259.0", True), ("v3.300.1", True), ("v3.258.9", False), ("v4.0.0", False), ("v2.300.0", False), ("", False)],
)
def test_a_pulumi_on_path_is_used_from_the_pinned_version_on_within_its_major(
    version: str, fits: bool, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = user_pulumi(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", f"{cli.parent}:/usr/bin:/bin")
    assert (locate.machines_pulumi() == cli) is fits, f"pulumi {version or 'without a version'}"


def test_with_the_machines_own_pulumi_no_engine_and_no_plugin_is_built(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = user_pulumi(tmp_path / "bin", "v3.260.0")
    monkeypatch.setenv("PATH", f"/usr/bin:/bin:{cli.parent}")
    plan = {program.name for program in build.missing_programs()}
    assert not any(name.startswith("pulumi") for name in plan), f"Pulumi fetches its own plugins; planned: {plan}"
    variables = environment.pulumi_environment()
    assert variables["PATH"].split(os.pathsep)[0] == str(cli.parent), "its folder comes first"
    assert "PULUMI_HOME" not in variables, "the user's login and plugins stay in use"
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in variables, "it has to fetch plugins"


def test_a_pulumi_without_its_python_host_or_that_cannot_run_is_passed_over(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = executable(tmp_path / "bare" / "pulumi", "echo v3.260.0")
    monkeypatch.setenv("PATH", f"{bare.parent}:/usr/bin:/bin")
    assert locate.machines_pulumi() is None, "without pulumi-language-python no program of ours runs"
    foreign = user_pulumi(tmp_path / "foreign", "v3.260.0")
    foreign.write_bytes(b"\x7fELF of another machine")
    monkeypatch.setenv("PATH", f"{foreign.parent}:/usr/bin:/bin")
    assert locate.machines_pulumi() is None, "a file of another machine's kind is not usable"


def test_the_folder_of_our_own_pulumi_on_path_does_not_make_it_the_machines(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = user_pulumi(cache / "pulumi-v3.259.0-commands", "v3.259.0")
    monkeypatch.setenv("PATH", f"{cli.parent}:/usr/bin:/bin")
    assert locate.machines_pulumi() is None, "a process inside the environment must see the same toolchain"


def test_kubebuilder_assets_are_used_and_told_with_their_version(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = executable(tmp_path / "assets" / "kube-apiserver", "echo Kubernetes v1.32.9")
    etcd = executable(tmp_path / "assets" / "etcd", "echo etcd Version: 3.5.1")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(server.parent))
    lines: list[str] = []
    build.ensure(["etcd", "kube-apiserver"], lines.append)
    assert locate.program("kube-apiserver") == server, "the named folder is used"
    assert lines == [
        f"etcd: {etcd}, etcd Version: 3.5.1 (KUBEBUILDER_ASSETS)",
        f"kube-apiserver: {server}, Kubernetes v1.32.9 (KUBEBUILDER_ASSETS)",
    ], f"versions are told and nothing is built: {lines}"


@pytest.mark.parametrize("fault", ["absent", "no right to run", "fails"])
def test_kubebuilder_assets_that_do_not_run_are_named(
    fault: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    if fault != "absent":
        executable(assets / "etcd", "exit 3").chmod(0o755 if fault == "fails" else 0o644)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    with pytest.raises(locate.MissingProgram, match=r"KUBEBUILDER_ASSETS is .*/etcd .*unset it or correct it"):
        locate.program("etcd")


def test_a_modules_files_are_kept_whole_and_writable(cache: Path, tmp_path: Path) -> None:
    module = tmp_path / "module"
    (module / "config").mkdir(parents=True)
    (module / "config" / "crd.yaml").write_text("kind: A\n")
    (module / "config" / "crd.yaml").chmod(0o444)
    source = pins.Source("example.org/m", "v1.0.0", "etcd", ("config",))
    folder = cache / "sources" / "m"
    keep(source, module, folder)
    assert (folder / "config" / "crd.yaml").read_text() == "kind: A\n", "at its path in the module"
    assert os.access(folder / "config" / "crd.yaml", os.W_OK), "a cache can be removed"
    assert [path.name for path in folder.parent.iterdir()] == ["m"], "no half folder stays"


def test_without_a_version_the_generation_that_the_lab_runs_is_meant(cache: Path) -> None:
    for module, version in (
        ("sigs.k8s.io/cluster-api", pins.CLUSTER_API),
        ("github.com/clastix/cluster-api-control-plane-provider-kamaji", pins.KAMAJI_PROVIDER),
    ):
        folder = cache / "sources" / f"{module.replace('/', '_')}@{version}"
        folder.mkdir(parents=True)
        assert module_folder(module) == folder, f"{module} without a version is {version}"
    with pytest.raises(KeyError, match=r"no pinned module example\.org/m"):
        module_folder("example.org/m")


def test_sources_that_cannot_be_had_are_a_missing_program_to_callers() -> None:
    assert issubclass(SourceMissing, locate.MissingProgram), "the lab's command line catches one kind of error"


@pytest.mark.parametrize(
    ("log", "part"),
    [
        ("go: x@v1: Get https://p/x: dial tcp: lookup p on [::1]:53: connection refused", "GOPROXY"),
        ("go: x@v1: reading https://p/x.mod: 403 Forbidden", "GOPROXY"),
        ("write $WORK/b001: no space left on device", "disk is full"),
        ("main.go:403:1: undefined: x", None),
    ],
)
def test_a_failed_builds_log_is_read_for_what_to_do(log: str, part: str | None) -> None:
    message = build.advice(log)
    assert (part in message) if part else message == "", f"{log!r} leads to {message!r}"


def test_the_plugins_generated_files_carry_the_pinned_version(cache: Path, tmp_path: Path) -> None:
    group = cache / "sources" / "github.com_pulumi_pulumi-kubernetes_provider_v4@v4.0.0-20260115033456-f47bc2d6f199"
    plugin = group / "cmd" / "pulumi-resource-kubernetes"
    plugin.mkdir(parents=True)
    (plugin / "schema.json").write_text('{"name": "kubernetes", "version": ""}')
    (plugin / "terraform-mapping.json").write_text('{ "a":  1 }')
    build_folder.prepare(pins.BY_NAME["pulumi-resource-kubernetes"], work := tmp_path / "work")
    folder = work / "plugin"
    assert json.loads((folder / "schema-embed.json").read_text())["version"] == "4.25.0", "the engine checks it"
    assert (folder / "terraform-mapping-embed.json").read_text() == '{"a":1}', "compacted, as upstream's release does"
    assert (folder / "main.go").is_file(), "beside the main that embeds them"
