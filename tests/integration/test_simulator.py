"""The simulated branch over real Modbus, read by a client that is not ours: mbpoll on libmodbus."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path

import msgspec
import pytest

from simulator.acting import BranchUnreachableError, DoorStayedShutError, act
from simulator.actions import Action
from simulator.branch import BranchServer
from simulator.demo_file import BrokerAccess, DemoFile, Login, SiteAccess, read_demo, write_demo
from simulator.model import Door
from tests.conftest import Eventually, StartProcess

ALL_SHUT = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
INPUTS, COILS, COUNTERS, OPERATOR = ("1", "0", "10"), ("0", "0", "3"), ("3", "0", "3"), ("4", "100", "4")
"""mbpoll's type, first number and count of each table."""


def hurried() -> float:
    """A clock for branches whose people move ten times as fast."""
    return 10 * time.monotonic()


async def mbpoll(branch: BranchServer, *words: str, unit: str = "1") -> str:
    """What mbpoll prints; numbers from zero, one poll."""
    command = ["mbpoll", "-m", "tcp", "-p", str(branch.port), "-0", "-1", "-a", unit, *words]
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await child.communicate()
    return output.decode()


async def read(branch: BranchServer, table: tuple[str, str, str]) -> list[int]:
    """The values of one table."""
    kind, first, count = table
    output = await mbpoll(branch, "-t", kind, "-r", first, "-c", count, branch.host)
    return [int(value) for value in re.findall(r"^\[\d+\]:\s+(\d+)", output, re.MULTILINE)]


async def write(branch: BranchServer, kind: str, first: int, *values: int) -> str:
    """Have mbpoll write values."""
    return await mbpoll(branch, "-t", kind, "-r", str(first), branch.host, *map(str, values))


async def test_bits_stand_where_the_wiring_says() -> None:
    """libmodbus reads three closed contacts and nothing else, and no counted edge."""
    async with BranchServer() as branch:
        assert await read(branch, INPUTS) == ALL_SHUT
        assert await read(branch, COILS) == [0, 0, 0]
        assert await read(branch, COUNTERS) == [0, 0, 0]


async def test_a_forced_door_is_seen_by_a_foreign_master() -> None:
    """An action written by libmodbus opens one contact, which libmodbus reads, and counts one edge."""
    async with BranchServer() as branch:
        assert "Written 2" in await write(branch, "4", 100, 5, 2)
        assert await read(branch, INPUTS) == [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
        assert await read(branch, COUNTERS) == [0, 1, 0]
        assert (await read(branch, OPERATOR))[2:] == [1, 2]


async def test_dual_open_is_seen_by_a_foreign_master(eventually: Eventually) -> None:
    """With the outer lock released by a coil, libmodbus sees both contacts open, then shut again."""
    async with BranchServer(monotonic_s=hurried) as branch:

        async def both_open() -> bool:
            return (await read(branch, INPUTS))[:2] == [0, 0]

        async def all_shut() -> bool:
            return await read(branch, INPUTS) == ALL_SHUT

        assert "Written 1" in await write(branch, "0", 0, 1)
        assert "Written 2" in await write(branch, "4", 100, 3, 0)
        await eventually(both_open)
        await eventually(all_shut)
        assert await read(branch, COUNTERS) == [2, 2, 0]


async def test_coils_stay_as_written() -> None:
    """Locks and siren keep what the master wrote, one by one and several at once."""
    async with BranchServer() as branch:
        await write(branch, "0", 2, 1)
        assert await read(branch, COILS) == [0, 0, 1]
        assert branch.now().siren
        await write(branch, "0", 0, 1, 1, 0)
        assert await read(branch, COILS) == [1, 1, 0]
        assert branch.now().unlocked == {Door.OUTER, Door.INNER}


async def test_wrong_requests_get_exceptions() -> None:
    """Unknown actions, busy people, numbers out of range and another unit are refused as Modbus has it."""
    async with BranchServer() as branch:
        assert "Illegal data value" in await write(branch, "4", 100, 99, 0)
        assert "Illegal data value" in await write(branch, "4", 101, 1, 1)
        await write(branch, "4", 100, 3, 0)
        assert "busy" in await write(branch, "4", 100, 3, 0)
        assert "Illegal data address" in await mbpoll(branch, "-t", "1", "-r", "10", "-c", "16", branch.host)
        assert "failed" in await mbpoll(branch, "-t", "1", "-r", "0", "-c", "1", branch.host, unit="7")


async def test_act_returns_when_it_is_seen() -> None:
    """`act` waits for the door, queues behind what is under way, and says when a lock did not let go."""
    async with BranchServer(monotonic_s=hurried) as branch:
        address = f"{branch.host}:{branch.port}"
        with pytest.raises(DoorStayedShutError, match="lock"):
            await act(address, Action.OPEN, Door.OUTER)
        await act(address, Action.FORCE, Door.OUTER)
        assert Door.OUTER in branch.now().open
        await act(address, Action.CLOSE, Door.OUTER)
        assert not branch.now().open


async def test_act_says_when_nobody_answers() -> None:
    """A branch that is gone is named with its address."""
    async with BranchServer() as branch:
        address = f"{branch.host}:{branch.port}"
    with pytest.raises(BranchUnreachableError, match=address):
        await act(address, Action.FORCE, Door.OUTER)


def demo_of(modbus: str) -> DemoFile:
    """A demo with one site."""
    return DemoFile(
        console="http://localhost:1",
        token="t",
        login=Login(name="n", password="p"),
        broker=BrokerAccess(host="127.0.0.1", port=1, ca="ca", cert="cert", key="key"),
        collector_db="db",
        sites=[SiteAccess(id="0755-031", box="0755-031-a", modbus=modbus, cert="c", key="k", state="s")],
    )


def test_the_demos_file_is_private_and_comes_back(tmp_path: Path) -> None:
    """demo.json holds a password: 0600, whole, with the names WIRE section 6 gives it, and the officers."""
    demo = demo_of("127.0.0.1:1")
    write_demo(demo, tmp_path)
    path = tmp_path / "demo.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_demo(tmp_path) == demo
    fields = msgspec.json.decode(path.read_bytes())
    assert set(fields) == {"console", "token", "login", "broker", "collector_db", "sites", "people", "phones", "seats"}
    assert set(fields["sites"][0]) == {"id", "box", "modbus", "cert", "key", "state", "panel", "cameras"}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["act", "list"], 0, "dual-open"),
        (["act", "--dir", "{}", "0755-031", "force", "inner"], 0, "0755-031"),
        (["act", "--dir", "{}", "0755-031", "open", "outer"], 1, "stayed shut"),
        (["act", "--dir", "{}", "0755-031", "open"], 2, "outer, inner, vault"),
        (["act", "--dir", "{}", "0755-031", "dance"], 2, "dual-open"),
        (["act", "--dir", "{}", "0755-031", "open", "roof"], 2, "roof"),
        (["act", "--dir", "{}", "0755-999", "dual-open"], 2, "0755-031"),
        (["act", "--dir", "{}/none", "0755-031", "dual-open"], 2, "branchwatch demo"),
    ],
)
async def test_the_command_from_another_process(
    tmp_path: Path, process: StartProcess, words: list[str], code: int, sentence: str, eventually: Eventually
) -> None:
    """`simulate act` finds the branch through demo.json; each refusal has its exit code and says what would do."""
    async with BranchServer() as branch:
        write_demo(demo_of(f"{branch.host}:{branch.port}"), tmp_path)
        command = [sys.executable, "-m", "branchwatch", "simulate", *(word.format(tmp_path) for word in words)]
        child = process(command)
        await eventually(lambda: not child.running(), what="the command ends")
        assert sentence in child.output()
        assert child.wait() == code
