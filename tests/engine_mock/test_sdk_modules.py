"""Programs in threads of one process: none meets a module of pulumi-kubernetes that another thread is about to load.

Each case is a process of its own, since a module loads once in a process.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.engine_mock.test_tenant_cluster import RAW
from tests.support.project import ROOT

ADDONS = {
    "network": {"plugin": "cilium"},
    "addons": [
        {"name": "chart", "chart": "metrics-server", "repository": "https://charts.example", "version": "1.0.0"},
        {"name": "objects", "objects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}]},
    ],
}

LOADS = """
import asyncio, threading
from pulumi import _utils
from kamaji_equinix.components import stack
from kamaji_equinix.components.sdk import modules
from kamaji_equinix.components.settings.load import load_stack
from tests.support.mock_engine import record

load = _utils._LazyModule.__getattribute__

def watch(module, name):
    if name not in _utils._INTROSPECTION_ATTRS and not modules._lock.locked():
        print(load(module, "__name__"), name)
    return load(module, name)

def run():
    asyncio.set_event_loop(asyncio.new_event_loop())
    record(lambda: stack.declare(settings))

settings = load_stack(RAW, frozenset({"management"}))
_utils._LazyModule.__getattribute__ = watch
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""

RACE = """
import sys, threading
from kamaji_equinix.components.resources import addons
from kamaji_equinix.components.sdk import modules
sys.setswitchinterval(1e-6)
errors, together = [], threading.Barrier(16)

def program():
    together.wait()
    try:
        USE
    except AttributeError as error:
        errors.append(error)

threads = [threading.Thread(target=program) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit("\\n".join(map(str, errors)) or None)
"""

TYPES_OF_AN_OBJECT = (
    "from pulumi._types import input_type_types;"
    "input_type_types(sys.modules['pulumi_kubernetes.apiextensions.CustomResource'].CustomResourceArgs)"
)

RESOURCES_OF_A_CHART = (
    "modules.load_for_addons();"
    "from pulumi._types import resource_types;"
    "import pulumi_kubernetes as k8s;"
    "[resource_types(kind) for kind in (k8s.apps.v1.Deployment, k8s.core.v1.ConfigMap, k8s.batch.v1.Job,"
    " k8s.rbac.v1.Role, k8s.policy.v1.PodDisruptionBudget, k8s.networking.v1.Ingress)]"
)


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("use", [TYPES_OF_AN_OBJECT, RESOURCES_OF_A_CHART], ids=["an object", "a chart"])
def test_threads_that_use_the_sdk_at_the_same_moment_find_whole_modules(use: str) -> None:
    process = python(RACE.replace("USE", use))
    assert process.returncode == 0, f"a thread met a module that was half loaded:\n{process.stderr}"


@pytest.mark.parametrize("raw", [RAW, {**RAW, **ADDONS}], ids=["without add-ons", "with add-ons"])
def test_a_program_in_a_thread_loads_no_module_of_the_sdk_but_while_other_programs_wait(raw: object) -> None:
    process = python(f"RAW = {raw!r}\n{LOADS}")
    assert process.returncode == 0, process.stderr
    assert process.stdout == "", "another program's thread could use these at that moment"
