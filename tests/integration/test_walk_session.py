"""A walk test over its stops: the ledger's word stands, the rest is kept beside it, what does not fit is refused."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.acceptance import keeping, session
from agent.acceptance.keeping import OpenWalk
from agent.acceptance.progress import Stage
from agent.acceptance.session import Act, Session, WrongWalkError
from agent.local.client import LocalClient, SaysNoError
from protocol import acceptance
from protocol.acceptance import Config, Result
from tests.conftest import Eventually
from tests.local_box import LocalBox, client, local_box

TEST = "019aa43a-0000-7000-8000-000000000001"


@asynccontextmanager
async def _under_way(here: LocalBox, connected: LocalClient, known: OpenWalk | None = None) -> AsyncIterator[Session]:
    """A walk test that follows the box; `known`: one that was stopped."""
    if known is None:
        walk = await session.begin(connected, here.state, os.urandom, here.clock.now)
    else:
        walk = await session.resume(connected, here.state, known, os.urandom, here.clock.now)
    follow = asyncio.create_task(walk.follow())
    try:
        yield walk
    finally:
        follow.cancel()
        await asyncio.gather(follow, return_exceptions=True)


def _note(here: LocalBox) -> OpenWalk:
    known = keeping.open_walk(here.state)
    assert known is not None
    return known


async def test_a_stopped_walk_goes_on_where_it_was(tmp_path: Path, eventually: Eventually) -> None:
    """Results come from the ledger, what was put off from the note; then the record has both, and the note is gone."""
    async with local_box(tmp_path) as here:
        async with client(here) as connected, _under_way(here, connected) as walk:
            await eventually(lambda: walk.progress.stages["door/vault"] is Stage.RESTING)
            here.say(door_vault="open")
            here.say(door_vault="closed")
            await eventually(lambda: walk.progress.stages["door/vault"] is Stage.PASSED)
            await walk.act(Act.LATER, "door/outer")
            await walk.act(Act.NO, "exit/outer")
        assert stat.S_IMODE((here.state / keeping.OPEN_NAME).stat().st_mode) == 0o600

        async def free() -> OpenWalk:
            async with client(here) as connected, _under_way(here, connected, _note(here)) as walk:
                stages = walk.progress.stages
                assert (stages["door/vault"], stages["exit/outer"]) == (Stage.PASSED, Stage.FAILED)
                assert walk.progress.later == ("door/outer",)
                assert await walk.finish(None), walk.problem
                assert walk.finished is not None
                record = walk.finished.record
                assert {point.id for point in record.points if point.result is Result.FAILED} == {"exit/outer"}
                assert walk.finished.file.read_bytes() == walk.finished.document
            return OpenWalk(test=record.test)

        ended = await free()
        assert keeping.open_walk(here.state) is None
        async with client(here) as connected:
            with pytest.raises(SaysNoError, match="not_open"):
                await session.resume(connected, here.state, ended, os.urandom, here.clock.now)


async def test_a_walk_cut_off_at_its_very_beginning_begins(tmp_path: Path, eventually: Eventually) -> None:
    """The note was written, nothing announced: resuming announces it, once."""
    async with local_box(tmp_path) as here, client(here) as connected:
        keeping.keep_open(here.state, OpenWalk(test=TEST))
        async with _under_way(here, connected, _note(here)) as walk:

            async def announced() -> bool:
                return [event.kind for event in await session._events_of(connected, TEST)][:1] == ["test.started"]

            await eventually(announced)
            assert walk.progress.count(Stage.PASSED) <= 1  # the module answers by itself


async def test_other_settings_are_another_walk(tmp_path: Path) -> None:
    """After a new site bundle the old list of points is nobody's: it is refused, and can be given up."""
    async with local_box(tmp_path) as here, client(here) as connected:
        await session.begin(connected, here.state, os.urandom, here.clock.now)
    async with local_box(tmp_path, config=Config(version=8, hash="cd" * 32)) as here, client(here) as connected:
        with pytest.raises(WrongWalkError, match="other_settings"):
            await session.resume(connected, here.state, _note(here), os.urandom, here.clock.now)
        await session.abandon(connected, here.state, _note(here))
        assert keeping.open_walk(here.state) is None
        await session.begin(connected, here.state, os.urandom, here.clock.now)


async def test_what_the_box_refuses_does_not_count(tmp_path: Path, eventually: Eventually) -> None:
    """A release that the interlock forbids leaves the step as it was, with the word that says why."""
    async with local_box(tmp_path) as here, client(here) as connected, _under_way(here, connected) as walk:
        await eventually(lambda: walk.progress.stages["door/inner"] is Stage.RESTING)
        here.say(door_inner="open")
        await eventually(lambda: walk.progress.stages["door/inner"] is Stage.MOVED)
        await walk.act(Act.GO, "lock/outer")
        assert (walk.problem, walk.progress.stages["lock/outer"]) == ("interlock", Stage.UNSEEN)
        await walk.act(Act.GO, "nowhere/at-all")
        await walk.act(Act.NUMBER, "desk/operator", "0000")
        assert walk.progress.stages[acceptance.DESK] is Stage.UNSEEN


async def test_a_full_folder_is_said(tmp_path: Path, eventually: Eventually) -> None:
    """Where the note or the record cannot be written, the walk says so and goes on."""
    async with local_box(tmp_path) as here, client(here) as connected, _under_way(here, connected) as walk:
        await eventually(lambda: walk.progress.stages["door/vault"] is Stage.RESTING)
        (here.state / f"{keeping.OPEN_NAME}.new").mkdir()
        await walk.act(Act.LATER, "door/vault")
        assert walk.problem == "not_kept"
        await walk.act(Act.NO, "door/vault")
        assert walk.progress.stages["door/vault"] is Stage.FAILED


def test_a_damaged_note_is_said(tmp_path: Path) -> None:
    """Cut, empty, of another shape: never taken for no walk at all."""
    for content in (b"", b"{", b'{"v":1}', b'{"v":1,"test":"../x"}', b"[" * 9999):
        (tmp_path / keeping.OPEN_NAME).write_bytes(content)
        with pytest.raises(keeping.DamagedError):
            keeping.open_walk(tmp_path)
