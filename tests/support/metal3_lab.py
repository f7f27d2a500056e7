"""Stacks on the lab whose machines are servers of one's own."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.lab import Lab
from tests.support.project import ROOT, Project

HOSTS = "metal3.io/v1alpha1/baremetalhosts"


def write(
    project: Project,
    lab: Lab,
    stack: str,
    *,
    replicas: int = 2,
    namespace: str = "default",
    pools: Sequence[str] = (),
    kubeconfig: Path | None = None,
    **metal3: Any,
) -> None:
    """Write the example's configuration for a stack and cluster of a name; its secrets are for the lab's passphrase.

    Args:
        project: where.
        lab: its management cluster.
        stack: name of the stack and of its cluster.
        replicas: machines of the example's pool.
        namespace: the cluster's.
        pools: names of pools instead of the example's: each without a machine, and with a selector of hosts by its name.
        kubeconfig: of the management cluster; by default with all rights.
        metal3: further keys of that section.
    """
    document = yaml.safe_load((ROOT / "Pulumi.metal3.yaml").read_text())
    config = document["config"]
    config["kamaji-equinix:cluster"] |= {"name": stack, "namespace": namespace}
    config["kamaji-equinix:metal3"] |= metal3
    config["kamaji-equinix:workerPools"][0]["replicas"] = replicas
    if pools:
        config["kamaji-equinix:workerPools"] = [
            {"name": name, "replicas": 0, "hostSelector": {"matchLabels": {"pool": name}}} for name in pools
        ]
    # The tests' lab gives its nodes a network.
    del config["kamaji-equinix:network"], config["kamaji-equinix:addons"]
    config["kamaji-equinix:management"] = {"kubeconfigPath": str(kubeconfig or lab.kubeconfig)}
    (project.folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(document))


def racks_lab(lab: Lab, state: Path) -> Iterator[Lab]:
    """A lab of the second generation; the tier's own makes room, because there can't be two.

    Args:
        lab: the tier's own.
        state: folder of the other one.
    """
    options = lab.folder.options.read_text()
    assert lab.command("down").returncode == 0, "the tier's lab stops"
    second = Lab(state)
    try:
        start = second.command("up", "--contract", "v1beta2", "--load-balancer-delay", "3", "--network", "provided")
        assert start.returncode == 0, start.stdout
        yield second
    finally:
        stop = second.command("down")
        lab.up()
    assert stop.returncode == 0, stop.stdout
    assert lab.folder.options.read_text() == options, "the modules that follow find the lab as it was"


class HostWatch:
    """What becomes of all BareMetalHosts while something runs.

    Attributes:
        states: by name, each state in which a host was seen: provisioning state, powered on, whether a machine is on it, and
            whether it is being deleted.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab, self._stop = lab, threading.Event()
        self.states: dict[str, list[tuple[str, bool, bool, bool]]] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> HostWatch:
        self._thread.start()
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        is_whole = self._thread.is_alive()
        self._stop.set()
        self._thread.join(30)
        assert error or (is_whole and self.states), "it has watched until now, and seen hosts"

    def _run(self) -> None:
        with self._lab.management() as client:
            version = ""
            while not self._stop.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    version = version or self._list(client)
                    version = self._follow(client, version)

    def _list(self, client: httpx.Client) -> str:
        """Note what there is; its resource version."""
        collection = client.get(f"/apis/{HOSTS}").raise_for_status().json()
        for host in collection["items"]:
            self._note(host)
        return str(collection["metadata"]["resourceVersion"])

    def _follow(self, client: httpx.Client, version: str) -> str:
        """Note what happens after a version; the one to go on from, empty where that is too old."""
        query = {"watch": "1", "timeoutSeconds": "5", "resourceVersion": version}
        with client.stream("GET", f"/apis/{HOSTS}", params=query, timeout=20) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return ""
                version = event["object"]["metadata"]["resourceVersion"]
                self._note(event["object"])
        return version

    def _note(self, host: dict[str, Any]) -> None:
        status = host.get("status") or {}
        state = (
            str((status.get("provisioning") or {}).get("state", "")),
            bool(status.get("poweredOn")),
            "consumerRef" in host["spec"],
            "deletionTimestamp" in host["metadata"],
        )
        history = self.states.setdefault(host["metadata"]["name"], [])
        if not history or history[-1] != state:
            history.append(state)

    def check_return(self) -> None:
        """See that each host that went had been wiped before, had no machine on it, and was switched off at last."""
        for name, states in self.states.items():
            story = f"{name}: state, power, machine, deletion one after the other: {states}"
            before = [state for state, _, _, deletion in states if not deletion][-1:]
            assert not {"provisioning", "provisioned", "deprovisioning"} & {*before}, f"it was not wiped: {story}"
            assert not [True for _, _, machine, deletion in states if machine and deletion], (
                f"a machine was on it: {story}"
            )
            assert not states[-1][1], f"it is still on: {story}"
