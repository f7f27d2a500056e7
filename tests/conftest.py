"""Fixtures of all tiers. Nothing is skipped: a missing program fails the test that needs it."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lab.controllers import PortConflict, require_webhook_port  # noqa: E402 - the checkout's packages are not installed
from lab.plane import ManagementPlane  # noqa: E402

# A machine that four workers share makes values slowly now and then, which says nothing of what is tested.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


SECOND_LAB = tuple(f"tests/lab/test_{name}.py" for name in ("fleet_of_pools", "import", "interrupted", "kills"))
"""The modules whose lab is in a network of its own, where this machine allows that: about half of the tier's time."""

SECOND = "second lab"


class Modules(LoadScopeScheduling):
    """Keeps together, where several workers share the tests, those of one module, and those of one lab.

    Kamaji's webhooks have a fixed port, so that there is one lab in each network. One worker has a network of its own with
    loopback alone; tests that install packages need the machine's.
    """

    def add_node(self, node: WorkerController) -> None:
        """Take a worker in; where there are more than there is to do, the first ones stay."""
        super().add_node(node)
        if is_isolated(node):
            self.assigned_work = {node: self.assigned_work.pop(node), **self.assigned_work}

    def _assign_work_unit(self, node: WorkerController) -> None:
        if SECOND in self.workqueue:
            self.workqueue.move_to_end(SECOND, last=not is_isolated(node))
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if not module.startswith(("tests/lab/", "tests/lab_generations/")):
            return module
        return SECOND if module in SECOND_LAB and any(map(is_isolated, self.nodes)) else "first lab"


def is_isolated(node: WorkerController) -> bool:
    """Whether a worker has a network of its own."""
    return getattr(node.gateway.spec, "python", None) is not None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Modules:
    """How tests come to workers."""
    return Modules(config, log)


LABS = [ROOT / "tests" / name for name in ("lab", "lab_generations", "soak")]


def needs_lab(arguments: Iterable[str]) -> bool:
    """Whether tests of a lab are among those that the arguments of pytest name."""
    paths = [(ROOT / argument.partition("::")[0]).resolve() for argument in arguments]
    return any(path.is_relative_to(folder) or folder.is_relative_to(path) for path in paths for folder in LABS)


TEMPORARY = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Let programs put their temporary files where they go with the run: plain ``pulumi`` leaves kubeconfigs in there."""
    # What `nohup` and `&` let a run ignore, each program that it starts would ignore too, Ctrl-C as a test sends it included.
    # A handler is not inherited: the run goes on being deaf, its programs are not.
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    if hasattr(config, "workerinput"):
        return
    if not config.option.collectonly and needs_lab(config.args):
        try:
            require_webhook_port()
        except PortConflict as error:
            raise pytest.UsageError(str(error)) from None
    command = [sys.executable, str(ROOT / "tests/support/network_namespace.py")]
    if len(config.getoption("tx", None) or []) > 1:
        probe = subprocess.run([*command, "-c", ""], capture_output=True, check=False)
        if probe.returncode == 0:
            config.option.tx[0] = f"popen//python={shlex.join(command)}"
    # The engine's processes live for seconds: nothing of theirs is worth a collector's time.
    os.environ.setdefault("GOGC", "400")
    # Where Python is to keep no bytecode, each of some thousand processes would compile this package anew: up to 0.3 s.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # pytest keeps the folders of the last runs: those stay where they were.
    tempfile.gettempdir()
    os.environ["TMPDIR"] = config.stash[TEMPORARY] = tempfile.mkdtemp(prefix="kamaji-equinix-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove them."""
    if TEMPORARY in config.stash:
        shutil.rmtree(config.stash[TEMPORARY], ignore_errors=True)


@pytest.fixture(scope="session")
def management(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementPlane]:
    """A management cluster's API with all CRDs, and no controllers: tests play those themselves."""
    # Its imports are those of this project's packages, which not each run of pytest is about.
    from tests.support.prepared_plane import prepared_plane

    with prepared_plane(tmp_path_factory.mktemp("management")) as plane:
        yield plane
