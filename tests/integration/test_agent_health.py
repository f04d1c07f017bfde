"""`agent health` on real boxes: what enrolment, agent and a failing disk leave behind, looked at and not changed."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import branchwatch
from agent.claim import claim
from agent.condition import Enrolled, Level, Live, SiteFile, Store, judge
from agent.condition_seen import look
from agent.outbox.capacity import Capacity
from agent.outbox.schema import FILE_NAME, open_database
from agent.signals import State
from agent.timekeeper import FLOOR_KEY
from protocol.timestamps import format_time
from tests.brokers import Certificates
from tests.enrolled import BOX, SITE, RealBureau, branch_settings, enrol
from tests.local_box import local_box


@pytest.fixture
def state(certificates: Certificates, tmp_path: Path) -> Path:
    """The folder of an enrolled box with a site file."""
    bureau = RealBureau(certificates)
    bundle = bureau.bundle(settings=branch_settings(502, "192.0.2.5:8883"))
    enrol(tmp_path / "state", certificates, bureau, bureau.document(bundle))
    return tmp_path / "state"


def fill(state: Path, heard: datetime) -> None:
    """A store with one event of each state and a floor."""
    connection = open_database(state / FILE_NAME, Capacity(reserved_events=0))
    row = "INSERT INTO events (lane, seq, run, hash, prev, kind, source, level, at, state, receipted_at, line) "
    for seq, (word, receipted) in enumerate(
        [("pending", None), ("receipted", format_time(heard)), ("quarantined", None)]
    ):
        values = ("urgent", seq, "r", "h", "p", "door.forced", "door/x", 2, format_time(heard), word, receipted, b"{}")
        connection.execute(row + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    floor = format_time(heard + timedelta(minutes=4)).encode()
    connection.execute("INSERT INTO saved (key, value) VALUES (?, ?)", (FLOOR_KEY, floor))
    connection.close()


def test_a_real_box_is_looked_at(state: Path) -> None:
    """Certificate, site file, lock, store, disk: read from what enrolment and agent write, and nothing is changed."""
    now = datetime.now(UTC)
    heard = now.replace(microsecond=0) - timedelta(minutes=9)
    fill(state, heard)
    before = sorted(path.name for path in state.rglob("*"))
    seen = look(state, now)
    assert isinstance(seen.enrolled, Enrolled)
    assert (seen.enrolled.box, seen.enrolled.site) == (BOX, SITE)
    assert isinstance(seen.site_file, SiteFile)
    assert (seen.site_file.version, seen.site_file.damaged) == (1, False)
    assert seen.store == Store(pending=1, oldest_pending=heard, heard=heard + timedelta(minutes=4), quarantined=1)
    assert seen.running is False
    assert isinstance(seen.free_bytes, int)
    assert sorted(path.name for path in state.rglob("*") if not path.name.startswith(FILE_NAME)) == [
        name for name in before if not name.startswith(FILE_NAME)
    ]


def test_a_running_agent_is_seen_and_not_disturbed(state: Path) -> None:
    """By its lock, which a look does not take from it."""
    held = claim(state)
    try:
        assert look(state, datetime.now(UTC)).running is True
        assert look(state, datetime.now(UTC)).running is True
    finally:
        os.close(held)
    assert look(state, datetime.now(UTC)).running is False


@pytest.mark.parametrize(
    ("spoil", "matter", "text"),
    [
        (lambda state: (state / "identity/signing.key").write_bytes(b"x"), "identity", "is no private key"),
        (lambda state: (state / "identity/signing.key").chmod(0o644), "identity", "can be read by others"),
        (lambda state: (state / "identity/box.pem").unlink(), "identity", "not enrolled"),
        (lambda state: (state / "site/current.json").write_bytes(b"{}"), "site file", "cannot be used"),
        (lambda state: (state / "site/current.json").unlink(), "site file", "none yet"),
        (lambda state: (state / FILE_NAME).write_bytes(b"no database at all" * 999), "centre", "not a database"),
    ],
)
def test_a_damaged_box_is_told_as_what_it_is(
    spoil: Callable[[Path], object], matter: str, text: str, state: Path
) -> None:
    """Never a traceback: the matter is bad, and says why."""
    fill(state, datetime.now(UTC))
    spoil(state)
    now = datetime.now(UTC)
    (found,) = [line for line in judge(look(state, now), now) if line.matter == matter]
    assert found.level is Level.BAD
    assert text in str(found.text)


def test_the_word_tells_people_and_programs(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text with next steps, JSON with the same, exit code 1 while something is bad."""
    assert branchwatch.main(["agent", "health", "--state", str(state)]) == 1
    text = capsys.readouterr().out
    assert "bad        agent      not running: this site is not guarded\n" in text
    assert "           next step: systemctl start branchwatch-agent; if it" in text
    assert branchwatch.main(["agent", "health", "--json", "--state", str(state)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["level"] == "bad"
    (agent,) = [matter for matter in told["matters"] if matter["matter"] == "agent"]
    assert (agent["level"], agent["text"]) == ("bad", "not running: this site is not guarded")
    assert agent["next"].startswith("systemctl start branchwatch-agent; if it does not stay")
    held = claim(state)
    try:
        assert branchwatch.main(["agent", "health", "--state", str(state)]) == 0
    finally:
        os.close(held)
    assert "centre" not in capsys.readouterr().out  # the agent never ran: there is no store yet


def test_a_machine_that_is_none_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there: one line each, exit 1."""
    assert branchwatch.main(["agent", "health", "--state", str(tmp_path / "nowhere")]) == 1
    assert "is it the box's folder" in capsys.readouterr().out


async def test_an_agent_that_begins_just_now_is_waited_for(tmp_path: Path) -> None:
    """It holds its folder a moment before it answers: whoever looks in between is not told that it is mute."""
    held = claim(tmp_path)
    try:
        looking = asyncio.create_task(asyncio.to_thread(look, tmp_path, datetime.now(UTC)))
        async with local_box(tmp_path):
            seen = await looking
    finally:
        os.close(held)
    assert seen.live is not None
    assert seen.live.in_touch


async def test_a_running_agent_is_asked(tmp_path: Path) -> None:
    """Its line and its modules as they are this moment, not as the disk last heard of them."""
    async with local_box(tmp_path) as here:
        held = claim(tmp_path)
        try:
            seen = await asyncio.to_thread(look, tmp_path, datetime.now(UTC))
            assert seen.live == Live(in_touch=True, broker="192.0.2.5:8883", error="", silent=(), modules=1)
            here.say(device_io1=State.OFFLINE)
            seen = await asyncio.to_thread(look, tmp_path, datetime.now(UTC))
            assert seen.live is not None
            assert seen.live.silent == ("io1",)
            found = [line for line in judge(seen, datetime.now(UTC)) if line.matter == "devices"]
            assert [line.level for line in found] == [Level.BAD]
        finally:
            os.close(held)
