"""Asking a module beside its driver, and setting a coil in passing: bounded, and nothing is changed by asking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from agent.config.wiring import wirings
from agent.drivers.modbus.asking import ANSWER_S, TRIES, set_coil, silence_of
from agent.drivers.modbus.config import Wiring
from agent.drivers.modbus.connection import Connection
from agent.drivers.modbus.registers import Read
from protocol.site.modbus import IoModule, Table
from tests.branch import VESTIBULE, site_of
from tests.modbus_peers import FaultServer, framed, honest


def wiring_at(port: int) -> Wiring:
    """The branch's module at this port, its first door with a latch of which reading would clear it."""
    latched = 'contact = "io1/di/0"\ncontact_latch = "io1/hr/7"'
    (wiring,) = wirings(site_of(VESTIBULE, **{"192.0.2.10:502": f"127.0.0.1:{port}", 'contact = "io1/di/0"': latched}))
    return wiring


async def test_a_module_that_answers_is_asked_once_and_loses_no_latch() -> None:
    """Contacts and coils are read on a connection that is closed; the latch is left to the driver."""
    async with FaultServer() as server:
        assert await silence_of(wiring_at(server.port)) == ""
        assert {request[7] for request in server.requests} == {1, 2}
        assert server.connections == 1


async def test_a_module_that_refuses_says_how() -> None:
    """Registers that are not there would take the whole module offline: that is no answer."""
    async with FaultServer() as server:
        server.answer = lambda _, request: framed(request, bytes([request[7] | 0x80, 2]))
        assert await silence_of(wiring_at(server.port)) == "exception 2: illegal address"
        assert server.connections == TRIES


async def test_a_module_that_takes_the_call_and_says_nothing_is_waited_for_a_bounded_time(
    free_port: Callable[[], int],
) -> None:
    """Neither it nor one that is not there keeps a bundle waiting."""
    begun_s = time.monotonic()
    async with FaultServer() as server:
        server.answer = lambda *_: None
        told = await asyncio.gather(silence_of(wiring_at(server.port)), silence_of(wiring_at(free_port())))
    assert list(told) == ["no answer within 0.4 s", "cannot be connected"]
    assert time.monotonic() - begun_s < ANSWER_S + 1


async def test_a_coil_is_set_in_passing() -> None:
    """Written over one connection, tried again where the first answer was lost; what cannot be is said."""
    async with FaultServer() as server:
        module = IoModule(id="io1", address=f"127.0.0.1:{server.port}")
        lost = iter([True])
        server.answer = lambda peer, request: None if next(lost, False) else honest(peer, request)
        assert await set_coil(module, 3, on=True) == ""
        written = [server.bits[3]]
        assert await set_coil(module, 3, on=False) == ""
        assert [*written, server.bits[3]] == [True, False]
    assert await set_coil(module, 3, on=True) == "cannot be connected"


@pytest.mark.parametrize("what", ["read", "write"])
async def test_an_end_that_comes_with_an_answer_is_an_end(what: str) -> None:
    """The library forgets a cancellation that meets an answer; a driver that polled on would keep the agent alive."""

    class CutOff(Connection):
        def _received(self, data: bytes) -> bytes:
            task.cancel()
            return super()._received(data)

    async with FaultServer() as server:
        connection = await CutOff.open("127.0.0.1", server.port, 1)

        async def talk() -> None:
            if what == "write":
                await connection.write(1, True)
            else:
                await connection.read(Read(table=Table.COILS, start=0, count=8))

        task = asyncio.create_task(talk())
        ended = await asyncio.gather(task, return_exceptions=True)
        connection.close()
    assert isinstance(ended[0], asyncio.CancelledError)
