"""Modules on a serial line: units of libmodbus on one bus, asked in turn, with every fault that a line can have."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent.config.wiring import wirings
from agent.drivers.modbus.asking import set_coil, silence_of
from agent.drivers.modbus.driver import ModbusDriver
from agent.drivers.modbus.serial_line import SerialLines
from agent.signals import Moment, OutputWrite, Signal, State
from protocol.site.modbus import line_of
from protocol.site.schema import Site
from tests.branch import site_of
from tests.conftest import Eventually
from tests.modbus_peers import LibmodbusServer, compiled_server
from tests.serial_bus import Fault, SerialBus, honest

HEAD = 'id = "s"\nname = "s"\nunit = "u"\ntimezone = "Asia/Shanghai"\n'
MODULE = """[[io]]
id = "ioUNIT"
address = "LINE"
unit_id = UNIT
[[door]]
id = "dUNIT"
contact = "ioUNIT/di/0"
closed = 1
"""
LOCK = 'lock = "io1/do/5"\nlock_energised = "unlocked"\n'
LOOP = """[[zone]]
id = "loop"
type = "instant"
input = "io2/ir/3"
bands = { normal = [800, 1200], alarm = [1800, 2400], short = [0, 200], open = [3500, 4095] }
"""
FAR = '[[door]]\nid = "far"\ncontact = "io1/di/200"\nclosed = 1\n'


def now() -> Moment:
    """Real time: these tests have real peers."""
    return Moment(wall=datetime.now(UTC), mono_ms=time.monotonic_ns() // 1_000_000)


def site_on(line: Path | str, units: Iterable[int], more: str = "", lock: str = "") -> Site:
    """A door a unit on this line; `lock` is that of the first, `more` stands behind."""
    doors = [MODULE.replace("UNIT", str(unit)).replace("LINE", str(line)) for unit in units]
    return site_of(HEAD + doors[0] + lock + "".join(doors[1:]) + more)


class Watch:
    """The drivers of a site on one line, and everything they said."""

    def __init__(self, site: Site, lines: SerialLines | None = None) -> None:
        self.signals: list[Signal] = []
        self.states: dict[str, State] = {}
        self.causes: dict[str, str] = {}
        self.lines = lines or SerialLines()
        self.drivers = [
            ModbusDriver(wiring, now=now, deliver=self.take, counters={}, lines=self.lines) for wiring in wirings(site)
        ]

    def take(self, signals: tuple[Signal, ...]) -> None:
        self.signals += signals
        for signal in signals:
            self.states[signal.point] = signal.state
            self.causes[signal.point] = signal.cause

    def seen(self, **states: str) -> Callable[[], bool]:
        """Whether these points are in these states: `seen(door_d1="open")`."""
        return lambda: all(self.states.get(point.replace("_", "/")) == state for point, state in states.items())

    def ever(self, point: str) -> set[str]:
        """Every state that it was in."""
        return {str(each.state) for each in self.signals if each.point == point}


@asynccontextmanager
async def watching(watch: Watch) -> AsyncIterator[Watch]:
    """The drivers run inside, and are cancelled at the end."""
    tasks = [asyncio.create_task(driver.run()) for driver in watch.drivers]
    try:
        yield watch
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The libmodbus server."""
    return compiled_server(tmp_path_factory.mktemp("modbus"))


@pytest.fixture
async def bus() -> AsyncIterator[SerialBus]:
    """A line without modules."""
    async with SerialBus() as bus:
        yield bus


@asynccontextmanager
async def units(program: Path, bus: SerialBus, *numbers: int) -> AsyncIterator[dict[int, LibmodbusServer]]:
    """These units on the bus, their doors closed."""
    async with AsyncExitStack() as stack:
        found = {}
        for number in numbers:
            found[number] = await stack.enter_async_context(LibmodbusServer(program, bus.module(number), number))
            await found[number].set("di", 0, 1)
        yield found


async def test_two_units_on_one_line(program: Path, bus: SerialBus, eventually: Eventually) -> None:
    """Contacts, a lock written and read back, a supervised loop; one unit without power leaves the other as it is."""
    async with units(program, bus, 1, 2) as found:
        await found[2].set("ir", 3, 1000)
        async with watching(Watch(site_on(bus.master, (1, 2), LOOP, LOCK))) as watch:
            await eventually(watch.seen(door_d1="closed", door_d2="closed", zone_loop="normal", lock_d1="locked"))
            await found[2].set("di", 0, 0)
            await found[2].set("ir", 3, 2000)
            await eventually(watch.seen(door_d1="closed", door_d2="open", zone_loop="active"))
            await found[2].set("ir", 3, 4000)
            await eventually(watch.seen(zone_loop="tamper"))
            assert watch.causes["zone/loop"] == "open"
            watch.drivers[0].write(OutputWrite(point="lock/d1", state=State.UNLOCKED))
            await eventually(watch.seen(lock_d1="unlocked"))
            assert (found[1].wrote, found[2].wrote) == ([(5, 1)], [])
            await found[2].kill()
            await eventually(watch.seen(device_io2="offline", door_d2="unknown", zone_loop="unknown"))
            assert watch.causes["device/io2"].startswith("no answer within")
            assert watch.ever("device/io1") == {"online"}
            async with LibmodbusServer(program, bus.module(2), 2):
                await eventually(watch.seen(device_io2="online", door_d2="open", zone_loop="tamper"))


async def test_a_dead_unit_is_asked_less_often_and_makes_no_other_unknown(
    program: Path, bus: SerialBus, eventually: Eventually
) -> None:
    """Four units of which one never answers: the others stay known, and the line is theirs."""
    async with units(program, bus, 1, 2, 3), watching(Watch(site_on(bus.master, (1, 2, 3, 4)))) as watch:
        await eventually(watch.seen(device_io1="online", device_io2="online", device_io3="online"))
        await eventually(watch.seen(device_io4="offline"))
        asked = len(bus.requests)
        await eventually(lambda: len(bus.requests) > asked + 120)
        to_dead = sum(request[0] == 4 for request in bus.requests[-120:])
        assert to_dead < 12
        assert [watch.ever(f"device/io{unit}") for unit in (1, 2, 3)] == [{"online"}] * 3
        assert [watch.ever(f"door/d{unit}") for unit in (1, 2, 3)] == [{"closed"}] * 3


def flipped(answer: bytes) -> list[tuple[float, bytes]]:
    """One bit of its value turned over on the way."""
    return [(0.0, answer[:3] + bytes([answer[3] ^ 1]) + answer[4:])]


def of_another(answer: bytes) -> list[tuple[float, bytes]]:
    """A sound frame of unit 9, as another's late answer would be."""
    return [(0.0, bytes.fromhex("09020100a3e8"))]


def silent(answer: bytes) -> list[tuple[float, bytes]]:
    """Nothing arrives."""
    return []


FAULTS: dict[str, tuple[Fault, str]] = {
    "a bit turned over": (flipped, "answer is garbled"),
    "another unit's": (of_another, "answer of unit 9"),
    "half of it": (lambda answer: [(0.0, answer[:-2])], "answer is garbled"),
    "silence": (silent, "no answer within"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_what_is_no_answer_makes_points_unknown(
    name: str, program: Path, bus: SerialBus, eventually: Eventually
) -> None:
    """FIELD-FAULTS row 9: whatever arrives instead, its points are right or unknown; the next unit's are right."""
    fault, cause = FAULTS[name]
    async with units(program, bus, 1, 2), watching(Watch(site_on(bus.master, (1, 2)))) as watch:
        await eventually(watch.seen(door_d1="closed", door_d2="closed"))
        bus.faults[1] = fault
        await eventually(watch.seen(device_io1="offline", door_d1="unknown"))
        assert watch.causes["door/d1"].startswith(cause)
        bus.faults.clear()
        await eventually(watch.seen(device_io1="online", door_d1="closed"))
        assert watch.ever("door/d1") == {"closed", "unknown"}
        assert watch.ever("door/d2") == {"closed"}


async def test_stray_bytes_around_an_answer_are_passed_over(
    program: Path, bus: SerialBus, eventually: Eventually
) -> None:
    """A line driver that switches over leaves a byte before or behind: no fault."""
    bus.faults[1] = lambda answer: [(0.0, b"\xff" + answer), (0.001, b"\x00")]
    async with units(program, bus, 1) as found, watching(Watch(site_on(bus.master, (1,)))) as watch:
        await eventually(watch.seen(door_d1="closed"))
        await found[1].set("di", 0, 0)
        await eventually(watch.seen(door_d1="open"))
        assert watch.ever("device/io1") == {"online"}


@pytest.mark.parametrize("late_s", [0.5, 1.3])
async def test_late_answers_are_nobodys(late_s: float, program: Path, bus: SerialBus, eventually: Eventually) -> None:
    """FIELD-FAULTS row 9: a unit that answers late is unknown; its neighbours, and itself later, are right."""
    async with units(program, bus, 1, 2) as found:
        await found[2].set("di", 0, 0)
        async with watching(Watch(site_on(bus.master, (1, 2)))) as watch:
            await eventually(watch.seen(door_d1="closed", door_d2="open"))
            bus.faults[1] = lambda answer: [(late_s, answer)]
            await eventually(watch.seen(device_io1="offline", door_d1="unknown"))
            asked = len(bus.requests)
            await eventually(lambda: len(bus.requests) > asked + 30)
            bus.faults.clear()
            await eventually(watch.seen(device_io1="online", door_d1="closed"))
        assert watch.ever("door/d1") == {"closed", "unknown"}
        assert watch.ever("door/d2") == {"open"}


async def test_a_unit_that_is_one_answer_behind_never_shows_an_old_state(
    program: Path, bus: SerialBus, eventually: Eventually
) -> None:
    """FIELD-FAULTS row 9: each request brings the answer to the one before, whole and of its own unit: unknown."""
    async with units(program, bus, 1) as found:
        await found[1].set("di", 200, 1)
        async with watching(Watch(site_on(bus.master, (1,), FAR))) as watch:
            await eventually(watch.seen(door_d1="closed", door_far="closed"))
            behind = [b""]

            def late(answer: bytes) -> list[tuple[float, bytes]]:
                before, behind[0] = behind[0], answer
                return honest(before) if before else []

            bus.faults[1] = late
            await eventually(watch.seen(device_io1="offline", door_d1="unknown"))
            watch.signals.clear()
            await found[1].set("di", 0, 0)
            await found[1].set("di", 200, 0)
            asked = len(bus.requests)
            await eventually(lambda: len(bus.requests) > asked + 3, 20)
            assert watch.ever("door/d1") | watch.ever("door/far") <= {"unknown"}
            bus.faults.clear()
            await eventually(watch.seen(device_io1="online", door_d1="open", door_far="open"))
        assert watch.ever("door/d1") == watch.ever("door/far") == {"open"}


async def test_a_late_answer_of_the_same_read_is_not_believed(
    program: Path, bus: SerialBus, eventually: Eventually
) -> None:
    """An answer from before a gap arrives when its very read is asked again: the door is as it is, never as it was."""
    async with units(program, bus, 1) as found, watching(Watch(site_on(bus.master, (1,)))) as watch:
        await eventually(watch.seen(door_d1="closed"))
        held: list[bytes] = []

        def hold(answer: bytes) -> list[tuple[float, bytes]]:
            held.append(answer)
            return []

        def give_first(answer: bytes) -> list[tuple[float, bytes]]:
            bus.faults.clear()
            return [(0.0, held[0]), (0.02, answer)]

        bus.faults[1] = hold
        await eventually(watch.seen(device_io1="offline", door_d1="unknown"))
        watch.signals.clear()
        await found[1].set("di", 0, 0)
        bus.faults[1] = give_first
        await eventually(watch.seen(device_io1="online", door_d1="open"))
        assert watch.ever("door/d1") == {"open"}


async def test_a_line_that_was_pulled_out_is_opened_again(
    program: Path, tmp_path: Path, eventually: Eventually
) -> None:
    """A USB adapter that goes and comes back under its name: offline with the cause, then as it is."""
    device = tmp_path / "adapter"
    (wiring,) = wirings(site_on("/dev/ttyS0", (1,)))
    module = msgspec.structs.replace(wiring.module, address=str(device))
    watch = Watch(site_on("/dev/ttyS0", (1,)))
    watch.drivers = [
        ModbusDriver(msgspec.structs.replace(wiring, module=module), now=now, deliver=watch.take, counters={})
    ]
    async with watching(watch):
        await eventually(watch.seen(device_io1="offline"))
        assert watch.causes["device/io1"] == "serial line cannot be opened"
        for _ in range(2):
            async with SerialBus() as bus, units(program, bus, 1):
                device.symlink_to(bus.master)
                await eventually(watch.seen(device_io1="online", door_d1="closed"))
                device.unlink()
            await eventually(watch.seen(device_io1="offline", door_d1="unknown"))


async def test_a_module_is_asked_beside_the_drivers_of_its_line(
    program: Path, bus: SerialBus, eventually: Eventually
) -> None:
    """A new bundle's module on a line in use is asked between two polls, a coil is set; nobody is disturbed."""
    async with units(program, bus, 1, 2) as found, watching(Watch(site_on(bus.master, (1,)))) as watch:
        await eventually(watch.seen(door_d1="closed"))
        _, second, third = wirings(site_on(bus.master, (1, 2, 3)))
        assert await silence_of(second, watch.lines) == ""
        assert (await silence_of(third, watch.lines)).startswith("no answer within")
        assert await set_coil(second.module, 7, watch.lines, on=True) == ""
        assert found[2].wrote == [(7, 1)]
        assert watch.ever("device/io1") == {"online"}


async def test_mbpoll_reads_and_writes_the_same(program: Path, bus: SerialBus, eventually: Eventually) -> None:
    """A master that this project did not write finds the same units, values and coils on the line."""
    async with units(program, bus, 1, 2) as found:
        await found[2].set("ir", 3, 1000)
        async with watching(Watch(site_on(bus.master, (1, 2), LOOP, LOCK))) as watch:
            await eventually(watch.seen(door_d1="closed", zone_loop="normal", lock_d1="locked"))

        async def mbpoll(*arguments: str) -> str:
            fixed = ("mbpoll", "-m", "rtu", "-b", "9600", "-P", "none", "-0", "-1", "-q")
            child = await asyncio.create_subprocess_exec(
                *fixed, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            out, _ = await child.communicate()
            return out.decode()

        await eventually(bus.idle)
        bus.forget()  # the driver ended in the middle of a poll, and mbpoll does not look first
        line = str(bus.master)
        assert "[0]: \t1" in await mbpoll("-a", "1", "-t", "1", "-r", "0", line)
        assert "[3]: \t1000" in await mbpoll("-a", "2", "-t", "3", "-r", "3", line)
        assert "Written 1" in await mbpoll("-a", "1", "-t", "0", "-r", "5", line, "1")
        async with watching(Watch(site_on(bus.master, (1, 2), LOOP, LOCK))) as again:
            await eventually(again.seen(lock_d1="unlocked", zone_loop="normal"))


async def test_a_module_that_is_silent_to_the_first_question_is_asked_another(
    program: Path, bus: SerialBus, eventually: Eventually
) -> None:
    """Some answer nothing to a read beyond their inputs: they are known all the same, by a read of another table."""
    bus.faults[1] = lambda answer: [] if answer[1:3] > b"\x02\x01" else [(0.0, answer)]
    async with units(program, bus, 1), watching(Watch(site_on(bus.master, (1,)))) as watch:
        await eventually(watch.seen(device_io1="online", door_d1="closed"))


async def test_a_line_that_hangs_is_opened_anew(
    program: Path, bus: SerialBus, tmp_path: Path, eventually: Eventually
) -> None:
    """A USB adapter that came back as another device under its name: what is open is dead, and says so by silence."""
    line = tmp_path / "ttyUSB0"
    line.symlink_to(bus.master)
    site = site_on(bus.master, range(1, 5))
    site = msgspec.structs.replace(site, io=tuple(msgspec.structs.replace(io, address=str(line)) for io in site.io))
    lines, speaks = SerialLines(), line_of(site.io[0])
    assert speaks is not None
    held = lines.at(speaks.path).connect(speaks, 9)  # somebody always holds a line of many modules open
    async with SerialBus() as other, units(program, other, 1, 2), watching(Watch(site, lines)) as watch:
        await eventually(lambda: len(bus.requests) > 1)
        line.unlink()
        line.symlink_to(other.master)
        await eventually(watch.seen(device_io1="online", device_io2="online"))
    held.close()
