"""The lab's load balancers and the pods behind them, where the machine does not play along."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import httpx

from lab import relay
from lab.processes import listener_on, start
from lab.relay import ConnectProxy, LoadBalancer
from lab.tenants import FIRST_BACKOFF, LONGEST_BACKOFF, Tenants


def await_problem(balancer: LoadBalancer, problem: bool) -> None:
    deadline = time.monotonic() + 10
    while bool(balancer.problem) != problem:
        assert time.monotonic() < deadline, f"problem: {balancer.problem!r}"
        time.sleep(0.02)


def test_a_load_balancer_whose_port_is_taken_says_so_and_answers_once_it_is_free() -> None:
    holder = socket.create_server(("127.0.0.1", 0))
    port = holder.getsockname()[1]
    balancer = LoadBalancer("127.0.0.1", port, ("127.0.0.1", 1), 0)
    try:
        await_problem(balancer, True)
        assert f"load balancer 127.0.0.1:{port} can't listen" in balancer.problem, "the machines would dial a stranger"
        assert "python" in listener_on(port), "its holder can be named"
        holder.close()
        await_problem(balancer, False)
        deadline = time.monotonic() + 15 * relay.RETRY_SECONDS
        while not connects(port):
            assert time.monotonic() < deadline, "it listens once the port is free"
            time.sleep(0.05)
    finally:
        holder.close()
        balancer.close()


def connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_tenants_process_that_crashes_is_started_later_each_time_and_told_with_its_last_words(tmp_path: Path) -> None:
    proxy = ConnectProxy()
    tenants = Tenants(httpx.Client, tmp_path, proxy, lambda: 0.0)
    try:
        waits = []
        for _ in range(10):
            process = start("tenant-a-b-kube-apiserver", ["sh", "-c", "echo no such port; exit 3"], tmp_path)
            process.popen.wait(10)
            tenants._note_crash(("a", "b"), process)
            waits.append(tenants._crashes["a", "b"].again - time.monotonic())
    finally:
        proxy.close()
    assert waits[0] <= FIRST_BACKOFF, f"at once, almost: {waits}"
    assert waits[-1] > LONGEST_BACKOFF - 1, f"then more and more rarely: {waits}"
    (problem,) = tenants.problems()
    assert "kube-apiserver crashed 10 times, last with exit code 3" in problem, problem
    assert "no such port" in problem, "the end of its log says why"
