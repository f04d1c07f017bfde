"""The Modbus driver against a server made with libmodbus, and against one that does everything wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from agent.config.wiring import wirings
from agent.drivers.modbus.driver import ModbusDriver
from agent.guard import Guard
from agent.signals import Moment, OutputWrite, Signal, State
from tests.branch import site_of
from tests.conftest import Eventually
from tests.modbus_peers import Answer, FaultServer, LibmodbusServer, compiled_server, framed, honest

SITE = """
id = "s"
name = "s"
unit = "u"
timezone = "Asia/Shanghai"
[[io]]
id = "io1"
address = "127.0.0.1:PORT"
[[door]]
id = "a"
contact = "io1/di/0"
closed = 1
lock = "io1/do/0"
lock_energised = "unlocked"
exit_button = "io1/di/4"
[[door]]
id = "b"
contact = "io1/di/1"
contact_counter = "io1/ir/3"
closed = 1
lock = "io1/do/9"
lock_energised = "locked"
"""
ONLY_BITS = SITE.replace('contact_counter = "io1/ir/3"\n', "")
FAR_APART = ONLY_BITS.replace("io1/di/1", "io1/di/1000")


def now() -> Moment:
    """Real time: these tests have real peers."""
    return Moment(wall=datetime.now(UTC), mono_ms=time.monotonic_ns() // 1_000_000)


class Watch:
    """A driver under test and everything it said."""

    def __init__(
        self, text: str, port: int, counters: Mapping[str, int] | None = None, golden: tuple[bool, ...] | None = None
    ) -> None:
        self.site = site_of(text.replace("PORT", str(port)))
        self.signals: list[Signal] = []
        self.states: dict[str, State] = {}
        self.causes: dict[str, str] = {}
        (wiring,) = wirings(self.site)
        self.driver = ModbusDriver(wiring, now=now, deliver=self.take, counters=counters or {}, golden=golden)

    def take(self, signals: tuple[Signal, ...]) -> None:
        self.signals += signals
        for signal in signals:
            self.states[signal.point] = signal.state
            self.causes[signal.point] = signal.cause

    def seen(self, **states: str) -> Callable[[], bool]:
        """Whether these points are in these states: `seen(door_a="open")`."""
        return lambda: all(self.states.get(point.replace("_", "/")) == state for point, state in states.items())


@asynccontextmanager
async def watching(watch: Watch) -> AsyncIterator[Watch]:
    """The driver runs inside, and is cancelled at the end."""
    task = asyncio.create_task(watch.driver.run())
    try:
        yield watch
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The libmodbus server."""
    return compiled_server(tmp_path_factory.mktemp("modbus"))


async def test_contacts_locks_and_counters_of_a_libmodbus_server(
    program: Path, free_port: Callable[[], int], eventually: Eventually
) -> None:
    """Polarity, write and read-back, a pulse by its counter, power cut and return, with a server not written here."""
    port = free_port()
    watch = Watch(SITE, port)
    async with LibmodbusServer(program, port) as server:
        await server.set("di", 0, 1)
        await server.set("di", 1, 1)
        async with watching(watch):
            await eventually(watch.seen(device_io1="online", door_a="closed", door_b="closed", lock_a="locked"))
            assert watch.states["lock/b"] == "unlocked"  # energised means locked there
            await server.set("di", 0, 0)
            await eventually(watch.seen(door_a="open"))
            assert watch.states["door/b"] == "closed"
            watch.driver.write(OutputWrite(point="lock/a", state=State.UNLOCKED))
            watch.driver.write(OutputWrite(point="lock/b", state=State.LOCKED))
            await eventually(watch.seen(lock_a="unlocked", lock_b="locked"))
            assert server.wrote == [(0, 1), (9, 1)]
            watch.signals.clear()
            await server.set("ir", 3, 1)
            await eventually(lambda: watch.signals)
            assert [(each.point, each.state, each.cause) for each in watch.signals] == [
                ("door/b", "open", "pulse"),
                ("door/b", "closed", "pulse"),
            ]
            await server.kill()
            await eventually(watch.seen(device_io1="offline", door_a="unknown", lock_a="unknown"))
            async with LibmodbusServer(program, port) as again:
                await again.set("di", 1, 1)
                await eventually(watch.seen(device_io1="online", door_a="open", door_b="closed"))


async def test_a_door_opened_before_the_first_poll_is_found(
    program: Path, free_port: Callable[[], int], eventually: Eventually
) -> None:
    """FIELD-FAULTS row 1: opened while the agent was down, or just before it looked: found, with `while_down`."""
    port = free_port()
    first = Watch(SITE, port)
    guard = Guard(first.site, None, now(), same_boot=True)
    async with LibmodbusServer(program, port) as server:
        await server.set("di", 0, 1)
        await server.set("di", 1, 1)
        await server.set("ir", 3, 7)
        async with watching(first):
            await eventually(first.seen(door_a="closed", door_b="closed"))
        guard.observe(first.signals, now())
        assert guard.counters() == {"door/b": 7}
        await server.set("di", 0, 0)  # door a opens and stays open; door b opens and closes again
        await server.set("ir", 3, 8)
        again = Guard(first.site, guard.saved(), now(), same_boot=True)
        second = Watch(SITE, port, again.counters())
        async with watching(second):
            await eventually(second.seen(door_a="open", door_b="closed"))
        found = again.observe(second.signals, now()).findings
    assert [(each.source, each.kind, each.phase, dict(each.facts)) for each in found] == [
        ("door/a", "door.forced", "raised", {"while_down": True}),
    ]


SILENT: Answer = lambda server, request: None  # noqa: E731
FAULTS: dict[str, tuple[Answer, str]] = {
    "exception": (
        lambda server, request: framed(request, bytes([request[7] | 0x80, 4])),
        "exception 4: device failure",
    ),
    "short answer": (lambda server, request: framed(request, bytes([request[7], 0])), "answer has 0 bytes, not 1"),
    "long answer": (
        lambda server, request: framed(request, bytes([request[7], 3, 1, 2, 3])),
        "answer has 3 bytes, not 1",
    ),
    "wrong count": (lambda server, request: framed(request, bytes([request[7], 2, 1])), "answer has 1 bytes, not 1"),
    "wrong unit": (lambda server, request: framed(request, bytes([request[7], 1, 0xFF]), unit=9), "answer of unit 9"),
    "wrong function": (lambda server, request: framed(request, bytes([3 - request[7], 1, 0xFF])), "answer of function"),
    "wrong transaction": (
        lambda server, request: bytes([request[0] ^ 1, *honest(server, request)[1:]]),
        "answer to another request",
    ),
    "no transaction": (lambda server, request: b"\0\0" + honest(server, request)[2:], "answer to another request"),
    "two answers": (lambda server, request: honest(server, request) * 2, "bytes behind the answer"),
    "half a frame": (lambda server, request: honest(server, request)[:-1], "no answer within 0.4 s"),
    "silence": (SILENT, "no answer within 0.4 s"),
    "not modbus": (lambda server, request: b"HTTP/1.1 400 Bad Request\r\n\r\n", "answer is not Modbus TCP"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_wrong_answer_makes_points_unknown_and_the_device_offline(name: str, eventually: Eventually) -> None:
    """FIELD-FAULTS row 9: whatever a module does wrong, its points are right or unknown, with the cause."""
    answer, cause = FAULTS[name]
    async with FaultServer() as server:
        server.bits[1] = True
        async with watching(Watch(ONLY_BITS, server.port)) as watch:
            await eventually(watch.seen(door_a="open", door_b="closed"))
            server.answer = answer
            await eventually(watch.seen(device_io1="offline", door_a="unknown", door_b="unknown", lock_a="unknown"))
            assert watch.causes["door/a"].startswith(cause)
            assert watch.causes["device/io1"].startswith(cause)
            server.answer = honest
            await eventually(watch.seen(device_io1="online", door_a="open", door_b="closed", lock_a="locked"))
        assert {each.state for each in watch.signals if each.point == "door/b"} == {"closed", "unknown"}
        assert {each.state for each in watch.signals if each.point == "door/a"} == {"open", "unknown"}


async def test_one_lost_answer_is_no_fault(eventually: Eventually) -> None:
    """A single silence costs a new connection, not an event."""
    async with FaultServer() as server:
        server.bits[1] = True
        async with watching(Watch(ONLY_BITS, server.port)) as watch:
            await eventually(watch.seen(door_a="open"))
            server.answer = SILENT
            await eventually(lambda: server.requests and server.connections == 1)
            server.drop()
            server.answer = honest
            await eventually(lambda: server.connections == 2)
            server.bits[0] = True
            await eventually(watch.seen(door_a="closed"))
        assert State.OFFLINE not in {each.state for each in watch.signals}


async def test_answers_that_come_late_after_a_reboot_are_nobodys(eventually: Eventually) -> None:
    """FIELD-FAULTS row 9: a gateway keeps answers over its reboot and sends them on the new connection."""
    async with FaultServer() as server:
        server.bits[0] = True

        def hold(server: FaultServer, request: bytes) -> None:
            server.held.append(honest(server, request))

        async with watching(Watch(ONLY_BITS, server.port)) as watch:
            await eventually(watch.seen(door_a="closed", door_b="open"))
            server.bits[0], server.bits[1] = False, True
            server.answer = hold
            await eventually(lambda: server.held)
            server.bits[0], server.bits[1] = True, False
            server.greeting = b"".join(server.held)
            server.drop()
            await eventually(lambda: server.connections >= 3)
            server.greeting, server.answer = b"", honest
            await eventually(watch.seen(device_io1="online", door_a="closed", door_b="open"))
        assert {each.state for each in watch.signals if each.point == "door/a"} <= {"closed", "unknown"}
        assert {each.state for each in watch.signals if each.point == "door/b"} <= {"open", "unknown"}


async def test_a_gateway_that_is_one_answer_behind_shows_no_other_points_value(eventually: Eventually) -> None:
    """FIELD-FAULTS row 9: a request gets the answer of the one before, under its own number: unknown."""
    async with FaultServer() as server:
        server.bits[0], server.bits[1000] = True, False  # a closed, b open: swapped they would both be wrong
        behind = [b""]

        def late(server: FaultServer, request: bytes) -> bytes:
            answer, behind[0] = behind[0], honest(server, request)
            return request[:2] + answer[2:] if answer else b""

        async with watching(Watch(FAR_APART, server.port)) as watch:
            await eventually(watch.seen(door_a="closed", door_b="open"))
            server.answer = late
            await eventually(watch.seen(device_io1="offline", door_a="unknown", door_b="unknown"))
            server.answer = honest
            await eventually(watch.seen(device_io1="online", door_a="closed", door_b="open"))
        assert {each.state for each in watch.signals if each.point == "door/a"} == {"closed", "unknown"}
        assert {each.state for each in watch.signals if each.point == "door/b"} == {"open", "unknown"}


async def test_a_library_with_another_bit_order_reads_nothing(eventually: Eventually) -> None:
    """The golden byte pair fails: everything is unknown, and no request is ever sent."""
    async with FaultServer() as server:
        async with watching(Watch(ONLY_BITS, server.port, golden=(False,) * 16)) as watch:
            await eventually(watch.seen(device_io1="offline", door_a="unknown", lock_b="unknown"))
            assert watch.causes["door/a"] == "bit order of the Modbus library is wrong"
        assert server.connections == 0


async def test_a_coil_that_is_refused_does_not_stop_the_watch(eventually: Eventually) -> None:
    """A module that does not take a write is still read."""

    def refuse(server: FaultServer, request: bytes) -> bytes:
        return framed(request, b"\x85\x04") if request[7] == 5 else honest(server, request)

    async with FaultServer() as server:
        server.answer = refuse
        async with watching(Watch(ONLY_BITS, server.port)) as watch:
            await eventually(watch.seen(door_a="open", lock_a="locked"))
            watch.driver.write(OutputWrite(point="lock/a", state=State.UNLOCKED))
            await eventually(lambda: any(request[7] == 5 for request in server.requests))
            server.bits[1] = True
            await eventually(watch.seen(door_b="closed"))
            assert (watch.states["lock/a"], server.connections) == ("locked", 1)


async def test_a_refusal_stands_once_in_the_log(eventually: Eventually, caplog: pytest.LogCaptureFixture) -> None:
    """A module that refuses every second does not fill the log; refused anew after it was taken, it is said again."""
    refused = True

    def moody(server: FaultServer, request: bytes) -> bytes:
        return framed(request, b"\x85\x04") if refused and request[7] == 5 else honest(server, request)

    def said() -> int:
        return sum("lock/a is not" in record.getMessage() for record in caplog.records)

    async with FaultServer() as server:
        server.answer = moody
        async with watching(Watch(ONLY_BITS, server.port)) as watch:

            def writes() -> int:
                return sum(each[7] == 5 for each in server.requests)

            def more_than(before: int) -> bool:
                return writes() > before

            async def ask(times: int) -> None:
                for _ in range(times):
                    before = writes()
                    watch.driver.write(OutputWrite(point="lock/a", state=State.UNLOCKED))
                    await eventually(partial(more_than, before))
                polls = len(server.requests)
                await eventually(lambda: len(server.requests) > polls + 1)

            await ask(3)
            assert said() == 1
            refused = False
            await ask(1)
            refused = True
            await ask(2)
            assert said() == 2


async def test_nobody_there_is_told_once_and_tried_again(free_port: Callable[[], int], eventually: Eventually) -> None:
    """A module that is off at the start is offline within a second or two, said once."""
    async with watching(Watch(ONLY_BITS, free_port())) as watch:
        await eventually(watch.seen(device_io1="offline", door_a="unknown"))
        assert watch.causes["device/io1"] == "cannot be connected"
    assert [each.point for each in watch.signals].count("device/io1") == 1
