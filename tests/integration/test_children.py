"""Children of the agent, as real processes: heard, ending with it, mended when they hang, hoard or die."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from agent.children.child import Channel, ParentGone
from agent.children.keeper import ChildLimits, pause_s
from agent.children.starting import Starter, forked, program
from tests.child_programs import behave
from tests.conftest import Eventually, EventuallyBlocking, StartProcess
from tests.kept import QUICK, kept

STARTERS: dict[str, Callable[[], Starter]] = {
    "program": lambda: program("tests.child_programs", "hello"),
    "forked": lambda: forked(behave, b"hello"),
}


@pytest.fixture(params=STARTERS)
def starter(request: pytest.FixtureRequest) -> Starter:
    """Both ways to begin."""
    return STARTERS[request.param]()


def descriptors() -> set[str]:
    """What this process holds open, by kind and number."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{each.name} {each.readlink()}")
        except OSError:
            continue
    return found


def gone(pid: int) -> bool:
    """Neither running nor waiting to be buried."""
    return not Path(f"/proc/{pid}").exists()


async def test_a_child_is_heard_and_told(starter: Starter, eventually: Eventually) -> None:
    """Messages pass both ways, whole and in order, also large ones; nothing of the child is left afterwards."""
    before = descriptors()
    large = os.urandom(900_000)
    async with kept(starter) as it:
        pid = await it.alive()
        assert it.keeper.send(b"one")
        assert it.keeper.send(large)
        assert it.keeper.send(b"two")
        await eventually(lambda: it.heard[1:] == [b"one", large, b"two"])
        assert it.heard[0] == b"pid %d hello" % pid
        assert [state.alive for state in it.states] == [True]
    assert gone(pid)
    assert [each for each in descriptors() - before if "socket" in each or "pidfd" in each] == []
    assert not it.keeper.send(b"nobody")


@pytest.mark.parametrize("how", [b"hang", b"hang in a library"])
async def test_a_hanging_child_is_killed_and_started_again(
    starter: Starter, how: bytes, eventually: Eventually
) -> None:
    """A working loop that no longer goes round ends its process, even where the interpreter itself stands still."""
    async with kept(starter) as it:
        first = await it.alive()
        it.keeper.send(how)
        second = await it.alive(lives=2)
        assert gone(first)
        assert second != first
        assert "hung" in [state.cause for state in it.states]
        await eventually(lambda: it.keeper.send(b"again") and b"again" in it.heard)


async def test_a_child_that_takes_too_much_memory_is_killed(starter: Starter) -> None:
    """Its cap counts what it has of its own."""
    limits = ChildLimits(memory_bytes=150 * 1024 * 1024, memory_every_s=0.1, restart_s=(0.05, 0.1))
    async with kept(starter, limits) as it:
        first = await it.alive()
        it.keeper.send(b"hoard")
        it.keeper.send(b"hoard")
        await it.alive(lives=2)
        assert gone(first)
        assert "memory" in [state.cause for state in it.states]


async def test_a_child_cannot_grab_the_whole_machine(starter: Starter) -> None:
    """64 GiB at once are refused by the kernel, between two looks at its memory: it dies of it alone."""
    async with kept(starter) as it:
        await it.alive()
        it.keeper.send(b"grab")
        await it.alive(lives=2)
        assert [state.cause for state in it.states][1] == "died"


@pytest.mark.parametrize("how", [b"die", b"raise", b"garbage"])
async def test_a_child_that_dies_is_started_again(
    starter: Starter, how: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its last words are heard; a failure's text, which may hold an address, is written nowhere."""
    async with kept(starter) as it:
        await it.alive()
        it.keeper.send(how)
        await it.alive(lives=2)
        assert (b"last words" in it.heard) == (how == b"die")
        assert it.keeper.state.restarts == 1
    assert ("secret" in capfd.readouterr().err) == (how == b"raise" and not hasattr(starter, "_request"))


async def test_a_child_killed_from_outside_is_started_again(starter: Starter) -> None:
    """As by the kernel when memory is short."""
    async with kept(starter) as it:
        for life in range(1, 4):
            os.kill(await it.alive(lives=life), signal.SIGKILL)
        await it.alive(lives=4)
        assert it.keeper.state.restarts == 3


async def test_a_child_that_never_says_a_word_is_killed(eventually: Eventually) -> None:
    """Beginning has its own, longer limit."""
    limits = ChildLimits(beat_s=1.0, first_beat_s=1.0, restart_s=(0.05, 0.1))
    async with kept(program("tests.child_programs", "mute"), limits) as it:
        await eventually(lambda: it.states)
        assert it.states[0].cause == "hung"


async def test_a_child_that_cannot_begin_is_tried_again(eventually: Eventually) -> None:
    """A missing module, or function, is tried again and again, more and more seldom."""
    for missing in (program("agent.nothing_there"), forked("agent.nothing_there:run", b"")):
        async with kept(missing) as it:
            await eventually(partial(lambda it: len(it.states) >= 3, it))
            assert not any(state.alive for state in it.states)
            assert {state.cause for state in it.states} <= {"died", "start"}  # on a busy machine it may not even start


async def test_two_forked_children_share_their_nursery(eventually: Eventually) -> None:
    """Both begin from one process; when that dies, both die and both begin again."""
    async with kept(forked(behave, b"a")) as one, kept(forked(behave, b"b")) as two:
        pids = await one.alive(), await two.alive()
        parents = {int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in pids}
        assert len(parents) == 1
        os.kill(parents.pop(), signal.SIGKILL)
        await eventually(lambda: all(gone(pid) or orphaned_and_dead(pid) for pid in pids))
        await asyncio.gather(one.alive(lives=2), two.alive(lives=2))


async def test_keeping_can_end_at_any_time(starter: Starter) -> None:
    """Before it was started, while it starts, in its pause: nothing is left behind."""
    for turns in range(0, 60, 6):
        async with kept(starter, QUICK):
            for _ in range(turns):
                await asyncio.sleep(0)


AGENT = """
import asyncio, sys
from agent.children.keeper import ChildLimits, Keeper
from agent.children.starting import forked, program
from tests.kept import real_now
async def main():
    starts = program("tests.child_programs", "hello"), forked("tests.child_programs:behave", b"hello")
    keepers = [Keeper("child", start, ChildLimits(), real_now) for start in starts]
    def hear(message):
        print(message.decode(), flush=True)
    def once(keeper):
        return lambda state: keeper.send(b"hang in a library") if sys.argv[1] == "hang" else None
    await asyncio.gather(*(keeper.run(hear, once(keeper)) for keeper in keepers))
asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["well", "hang"])
def test_children_die_with_the_agent(how: str, process: StartProcess, eventually_blocking: EventuallyBlocking) -> None:
    """An agent that is killed outright leaves no child, not even one that hangs in a library."""
    agent = process([sys.executable, "-c", AGENT, how])
    eventually_blocking(lambda: agent.output().count("pid ") == 2, 20)
    pids = descendants(agent.pid)
    assert {int(line.split()[1]) for line in agent.output().splitlines() if line.startswith("pid ")} < pids
    os.kill(agent.pid, signal.SIGKILL)
    agent.wait()
    eventually_blocking(lambda: all(gone(pid) or orphaned_and_dead(pid) for pid in pids))


def descendants(pid: int) -> set[int]:
    """Its children and theirs: also the process that forks."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for word in (task / "children").read_text().split():
            found |= {int(word)} | descendants(int(word))
    return found


def orphaned_and_dead(pid: int) -> bool:
    """Dead, and waiting for this test process, which adopted it, to bury it."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return gone(pid)


def test_a_program_that_nobody_keeps_says_so() -> None:
    """Asked for by hand, a child's program finds no agent."""
    with pytest.raises(ParentGone):
        Channel.inherited()


def test_pauses_double_to_their_longest() -> None:
    """1 s, 2, 4, 8, 16, then 30 for ever."""
    limits = ChildLimits()
    assert [pause_s(failures, limits) for failures in (1, 2, 3, 4, 5, 6, 7, 1000)] == [1, 2, 4, 8, 16, 30, 30, 30]
