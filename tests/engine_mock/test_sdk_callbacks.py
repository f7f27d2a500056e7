"""The servers of a program's callbacks, of which each program ends its own."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from kamaji_equinix.components.resources import addons
from pulumi.runtime import _callbacks

SERVICER = _callbacks._CallbackServicer


class Server:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.is_stopped = False

    async def stop(self, grace: float) -> None:
        self.is_stopped = grace == 0


@pytest.fixture
def servicers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    assert addons, "its import is what separates the servers"
    instances: list[Any] = []
    monkeypatch.setattr(SERVICER, "_servicers", instances)
    return instances


def test_a_program_ends_its_own_servers_and_leaves_those_of_others(servicers: list[Any]) -> None:
    async def program() -> Server:
        server = Server()
        servicers.append(SimpleNamespace(_server=server))
        return server

    async def both() -> Server:
        server = await program()
        await SERVICER.shutdown()
        return server

    other = asyncio.run(program())
    assert asyncio.run(both()).is_stopped, "its own"
    assert not other.is_stopped, "another program still answers its engine"
    assert [servicer._server for servicer in servicers] == [other], "what has ended is not kept"


@pytest.mark.parametrize("in_loop", [True, False], ids=["in another program's loop", "without a loop"])
def test_an_interrupted_program_that_is_cleared_away_stops_no_other(servicers: list[Any], in_loop: bool) -> None:
    async def program() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await SERVICER.shutdown()

    async def start() -> Any:
        coroutine = program()
        coroutine.send(None)
        return coroutine

    async def other(interrupted: Any) -> Server:
        server = Server()
        servicers.append(SimpleNamespace(_server=server))
        interrupted.close()
        return server

    interrupted = asyncio.run(start())
    if in_loop:
        assert not asyncio.run(other(interrupted)).is_stopped, "it goes on"
    else:
        interrupted.close()
