"""A living cluster on servers of one's own is taken into a stack, whoever made it and whatever its controllers wrote."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.plane import ManagementPlane
from tests.support.data_store import make_data_store
from tests.support.metal3_fleet import Metal3Fleet
from tests.support.metal3_plane import least_rights, metal3_plane
from tests.support.metal3_rack import STACK, Rack, sections_of
from tests.support.metal3_settings import PASSWORD
from tests.support.project import Project

RACKS = [
    ("kubectl apply", "by-hand", "network"),
    ("kubectl apply --server-side", "by-hand", ""),
    ("kubectl apply --server-side", "", "network"),
    ("another stack", "", "network"),
]
"""What made it, whether with templates under names of its own, and with a network of the servers."""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementPlane]:
    with metal3_plane(tmp_path_factory.mktemp("metal3")) as instance:
        make_data_store(instance)
        yield instance


@pytest.fixture
def rack(plane: ManagementPlane, project: Project, request: pytest.FixtureRequest) -> Iterator[Rack]:
    """A cluster that lives; the parameter is one of ``RACKS``."""
    maker, names, network = request.param
    with Metal3Fleet(plane) as fleet:
        rights = least_rights(plane, fleet.namespace)
        instance = Rack(project, fleet, maker, sections_of(fleet.namespace, rights, network=bool(network)))
        if names:
            instance.rename()
        instance.live()
        yield instance
        project.pulumi("stack", "rm", STACK, "--force", "--yes")


@pytest.mark.parametrize("rack", RACKS, indirect=True, ids=[" ".join(filter(None, row)) for row in RACKS])
def test_it_is_taken_in_as_it_lives_and_can_be_changed_then(rack: Rack) -> None:
    before = rack.snapshot()
    output = rack.project.script_here("import", "--stack", STACK).ok()
    assert "will roll" not in output, f"nothing rolls:\n{output}"
    assert rack.snapshot() == before, f"nothing is made anew or has other content:\n{output}"
    assert rack.host()["spec"]["online"], "the server stays on"
    rerun = rack.project.up(STACK, "--expect-no-changes", "--refresh")
    assert rerun.code == 0, f"there is nothing left to do:\n{rerun.output}"
    assert rack.snapshot() == before, "and nothing is done"

    rack.change(
        hosts=[{**entry, "labels": {"pool": "worker-a", "rack": "1"}} for entry in rack.sections["metal3"]["hosts"]]
    )
    rack.sections["workerPools"] = [{"name": "a", "replicas": 2}]
    rack.configure()
    update = rack.project.up(STACK).ok()
    after = rack.snapshot()
    assert after["MachineDeployment one-a"][1]["replicas"] == 2, f"the stack has its fields now:\n{update}"
    assert {key: uid for key, (uid, _) in after.items()} == {key: uid for key, (uid, _) in before.items()}, update
    host = rack.host()
    assert (host["metadata"]["labels"]["rack"], host["spec"]["online"]) == ("1", True), "its hosts, too"
    assert "row" not in host["metadata"]["labels"], f"also what the settings leave out now:\n{update}"

    rack.change(metaData={"ipAddressesFromPool": {"nodeIP": "nodes"}, "strings": {"site": "fra"}})
    rack.configure()
    roll = rack.project.up(STACK).ok()
    names = {key for key in rack.snapshot() if key.startswith("Metal3") and "Template" in key}
    assert not names & before.keys(), f"other content has other names, and the former go:\n{roll}"


@pytest.mark.parametrize("rack", RACKS[:1], indirect=True)
def test_what_differs_is_told_by_its_own_field_and_nothing_is_written(rack: Rack) -> None:
    before, sections = rack.resource_versions(), rack.sections

    def report(*, password: str = PASSWORD) -> str:
        rack.configure(password=password)
        result = rack.project.script_here("import", "--stack", STACK)
        assert result.code == 2, f"the settings are at fault:\n{result.output}"
        return " ".join(result.output.split())

    rack.change(metaData={**sections["metal3"]["metaData"], "strings": {"site": "fra"}})
    text = report()
    assert f"Metal3DataTemplate {rack.fleet.namespace}/by-hand-metal3datatemplate (spec.metaData.strings)" in text, text
    assert "dataTemplate.name" not in text, f"a name made of content tells nothing:\n{text}"
    rack.sections = sections
    hosts = [
        {**entry, "bootMACAddress": f"00:60:2f:00:01:0{number}"}
        for number, entry in enumerate(sections["metal3"]["hosts"])
    ]
    rack.change(hosts=hosts)
    text = report()
    assert f"BareMetalHost {rack.fleet.namespace}/host-2" in text, text
    assert ".spec.bootMACAddress" in text, text
    assert ".spec.online" not in text, f"which is its controller's:\n{text}"
    rack.sections = sections
    text = report(password="another-word")
    assert f"Secret {rack.fleet.namespace}/host-0-bmc" in text, text
    assert ".data.password" in text, text
    assert not {"another-word", PASSWORD} & {*text.split()}, "neither word is told"
    rack.change(ipPools=[{"name": "nodes", "ranges": [{"start": "192.0.2.100", "end": "192.0.2.210"}], "prefix": 24}])
    text = report()
    assert f"IPPool {rack.fleet.namespace}/one-nodes" in text, text
    assert rack.resource_versions() == before, "nothing was written"
