"""The connections of inline programs to their engines, which all live in one process."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from kamaji_equinix.automation.engine import workspace
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
from pulumi.runtime.settings import Settings


class Engine(engine_pb2_grpc.EngineServicer):
    def Log(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802 (gRPC calls it by this name)
        return empty_pb2.Empty()


@pytest.fixture
def engine() -> Iterator[grpc.Server]:
    server = grpc.server(ThreadPoolExecutor(2))
    engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
    yield server
    server.stop(grace=None).wait()


def program(port: int) -> Settings:
    return Settings(project="p", stack="s", engine=f"127.0.0.1:{port}")


def test_a_program_reaches_its_engine_at_a_port_that_another_program_still_calls_in_vain(engine: grpc.Server) -> None:
    assert workspace, "opening a stack sets the connections up"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    # The runtime keeps settings in context variables: each program's stub is its own.
    former = program(port).engine
    for _ in range(3):
        with pytest.raises(grpc.RpcError, match="Connection refused"):
            former.Log(engine_pb2.LogRequest(message="the engine was killed"))
    assert engine.add_insecure_port(f"127.0.0.1:{port}") == port
    engine.start()
    reply = program(port).engine.Log(engine_pb2.LogRequest(message="a new engine"), timeout=10)
    assert isinstance(reply, empty_pb2.Empty), "gRPC must not make a new engine wait for the failures of a former one"


class Unavailable(grpc.RpcError):
    """What a call says whose server is gone."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(("module", "shown"), [("pulumi.runtime.stack", False), ("service.backend", True)])
def test_only_what_pulumi_itself_says_of_a_server_that_is_gone_is_hidden(module: str, shown: bool) -> None:
    def fail() -> None:
        raise Unavailable

    try:
        FunctionType(fail.__code__, {"__name__": module, "Unavailable": Unavailable})()
    except Unavailable:
        record = logging.LogRecord(
            "grpc._server", logging.ERROR, __file__, 1, "Exception calling", None, sys.exc_info()
        )
    kept = bool(logging.getLogger("grpc._server").filter(record))
    assert kept is shown, "a service of the caller's own needs its tracebacks; an engine's end is reported anyway"
