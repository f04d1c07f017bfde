"""The agent's own socket: it shows and leads a walk test, and whatever comes in, the guard goes on."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.local import lines, server
from agent.local.answering import SWITCH_EVERY, TOLD_AT_ONCE
from agent.local.client import LocalClient, NotRunningError, SaysNoError
from agent.local.lines import LineError
from agent.signals import State
from protocol import acceptance
from protocol.acceptance import Config, Result
from protocol.certificates import Role
from protocol.documents import Signer, sign_document
from protocol.envelope import EnvelopeType
from protocol.messages import Event
from protocol.timestamps import format_time
from tests.conftest import Eventually
from tests.local_box import LocalBox, client, local_box, only
from tests.walks import signer

TEST = "019aa43a-0000-7000-8000-000000000001"
OTHER = "019aa43a-0000-7000-8000-000000000002"


async def _raw(here: LocalBox, *sent: bytes) -> list[dict[str, Any]]:
    """What answers these bytes, until the agent has nothing more to say or hangs up."""
    folder = os.open(here.state, os.O_PATH)
    try:
        reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/{lines.SOCKET}")
    finally:
        os.close(folder)
    writer.writelines(sent)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return [json.loads(line) for line in answer.splitlines()]


async def _lead(connected: LocalClient, test: str = TEST, *, resume: bool = False) -> None:
    assert only(await connected.ask(lines.Walk(test=test, resume=resume))).done == "walk"


def _tell(point: str = "door/outer", test: str = TEST, **facts: Any) -> lines.Tell:
    return lines.Tell(kind="test.point", source=point, facts={"test": test, "result": "passed", **facts})


async def _begin(connected: LocalClient) -> None:
    await _lead(connected)
    steps = [step for said in await connected.ask(lines.Plan()) for step in said.steps]
    points = [acceptance.ListedPoint(id=step.point, name=step.name) for step in steps]
    for facts in acceptance.announced(TEST, Config(version=7, hash="ab" * 32), points):
        await connected.ask(lines.Tell(kind="test.started", source=acceptance.SOURCE, facts=facts))


def _state(here: LocalBox, point: str) -> State:
    return next(view.state for view in here.guard.points() if view.id == point)


async def _events(connected: LocalClient) -> list[Event]:
    return [event for said in await connected.ask(lines.Events(test=TEST)) for event in said.events]


async def test_it_shows_every_point_and_then_what_moves(tmp_path: Path, eventually: Eventually) -> None:
    """First all points as they are, then each change in its order, a pulse between two polls too."""
    async with local_box(tmp_path) as here, client(here) as connected:
        await eventually(lambda: _state(here, "door/outer") is State.CLOSED)
        about = only(await connected.ask(lines.About()))
        assert (about.site, about.box, about.config) == ("0755-031", "0755-031-a", Config(version=7, hash="ab" * 32))
        shown = {seen.id: seen.state for said in await connected.ask(lines.Watch()) for seen in said.points}
        assert (shown["door/outer"], shown["zone/cash-motion"]) == (State.CLOSED, State.NORMAL)
        here.say(door_outer="open")
        here.say(door_outer="closed", key_inner="active")
        moves = connected.moves()
        seen = [await anext(moves) for _ in range(3)]
        assert [(each.id, each.state.value) for each in seen] == [
            ("door/outer", "open"),
            ("door/outer", "closed"),
            ("key/inner", "active"),
        ]
        health = only(await connected.ask(lines.HealthOf()))
        assert [(each.id, each.took_ms) for each in health.devices] == [("device/io1", 4.2)]


async def test_the_file_is_its_owners_alone_and_no_path_is_too_long(tmp_path: Path) -> None:
    """Mode 0600; also in a folder deeper than a socket's address may name; gone with the agent."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True, mode=0o700)
    async with local_box(deep) as here, client(here) as connected:
        assert stat.S_IMODE((deep / lines.SOCKET).stat().st_mode) == 0o600
        assert only(await connected.ask(lines.About())).box == "0755-031-a"
    assert not (deep / lines.SOCKET).exists()
    with pytest.raises(NotRunningError):
        await LocalClient.connect(deep)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_another_user_is_sent_away(tmp_path: Path) -> None:
    """Even where the file's rights were opened by hand, the kernel's word on the peer counts."""
    program = (
        "import os, socket, sys; s = socket.socket(socket.AF_UNIX); os.setresuid(*[int(sys.argv[1])] * 3)\n"
        "try: s.connect('agent.sock'); s.sendall(b'{\"do\":\"about\"}\\n'); sys.stdout.write(repr(s.recv(999)))\n"
        "except OSError as error: sys.stdout.write(repr(error))"
    )
    async with local_box(tmp_path) as here:
        here.state.chmod(0o755)
        (here.state / lines.SOCKET).chmod(0o666)
        for user, heard in ((65534, False), (0, True)):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, str(user), stdout=subprocess.PIPE, cwd=here.state
            )
            out, _ = await child.communicate()
            assert child.returncode == 0
            assert (b"0755-031-a" in out) is heard, out


async def test_nonsense_is_refused_and_the_next_line_is_served(tmp_path: Path) -> None:
    """Each wrong line gets one word; the connection goes on, and so does everybody else's."""
    async with local_box(tmp_path) as here, client(here) as connected:
        wrong = [
            b"\n",
            b"{}\n",
            b"[" * 9000 + b"\n",
            b'{"do":"disarm"}\n',
            b'{"do":"switch","point":"../etc"}\n',
            b"\xff\xfe\n",
            b'{"do":"walk","test":"x"}\n',
        ]
        answers = await _raw(here, *wrong, b'{"do":"about"}\n')
        assert [answer.get("refused") for answer in answers] == [*["malformed"] * len(wrong), None]
        assert answers[-1]["box"] == "0755-031-a"
        assert only(await connected.ask(lines.About())).done == "about"


async def test_a_line_without_end_ends_the_connection(tmp_path: Path) -> None:
    """Past its limit nothing is read; the others stay."""
    async with local_box(tmp_path) as here, client(here) as connected:
        answers = await _raw(here, b'{"do":"' + b"a" * (2 * lines.MAX_REQUEST_BYTES))
        assert answers == [{"refused": "too_large"}]
        assert only(await connected.ask(lines.About())).done == "about"


async def test_only_so_many_are_served(tmp_path: Path, eventually: Eventually) -> None:
    """One more than the limit is told so and sent away; when one leaves there is room."""
    async with local_box(tmp_path) as here:
        known = [await LocalClient.connect(here.state) for _ in range(server.MAX_CLIENTS)]
        for each in known:
            await each.ask(lines.About())
        assert (await _raw(here))[0] == {"refused": "too_many_clients"}
        for each in known:
            await each.close()

        async def served() -> bool:
            return (await _raw(here, b'{"do":"about"}\n'))[0].get("done") == "about"

        await eventually(served)


async def test_who_does_not_read_is_let_go_and_the_guard_never_waits(tmp_path: Path, eventually: Eventually) -> None:
    """A watcher that stops reading loses its connection; every poll was judged meanwhile."""
    async with local_box(tmp_path) as here:
        folder = os.open(here.state, os.O_PATH)
        reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/{lines.SOCKET}", limit=1024)
        os.close(folder)
        writer.write(b'{"do":"watch"}\n')
        await eventually(lambda: len(here.moves._listeners) == 1)
        await reader.readline()
        for _ in range(server.MAX_WAITING + 20_000):
            here.say(zone_cash_motion="active")
            here.say(zone_cash_motion="normal")
        here.say(door_outer="open")
        await eventually(lambda: len(here.moves._listeners) == 0)
        await eventually(lambda: _state(here, "door/outer") is State.OPEN)
        writer.close()


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (_tell("door/cellar"), "no_such_point"),
        (_tell(test=OTHER), "foreign_test"),
        (_tell(result="splendid"), "malformed"),
        (_tell(number="12345"), "malformed"),
        (lines.Tell(kind="test.started", source="door/outer", facts={"test": TEST}), "malformed"),
        (
            lines.Tell(kind="test.finished", source=acceptance.SOURCE, facts={"test": TEST, "passed": 3}),
            "malformed",
        ),
        (lines.Switch(point="output/cellar"), "no_such_point"),
        (lines.Switch(point="door/outer"), "no_output"),
        (lines.Finish(test=OTHER, finished="2026-11-21T02:13:49.204Z"), "foreign_test"),
        (lines.Finish(test=TEST, finished="2026-11-22T02:13:49.204Z"), "not_now"),
        (lines.Finish(test=TEST, finished="2026-11-21T02:13:49.204Z"), "incomplete"),
        (lines.Walk(test=OTHER, resume=True), "not_open"),
        (lines.Judge(x5c=("AAAA",)), "certificate_malformed"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_a_walk_cannot_do_more_than_a_walk(tmp_path: Path, request_: lines.Request, word: str) -> None:
    """Only its own test, only points of the site, only outputs, and no closing past the box's own ledger."""
    async with local_box(tmp_path) as here, client(here) as connected:
        await _lead(connected)
        with pytest.raises(SaysNoError, match=word):
            await connected.ask(request_)
        assert await _events(connected) == []


async def test_without_a_walk_nothing_is_told_or_moved(tmp_path: Path, eventually: Eventually) -> None:
    """One connection leads at a time; the others look, and the walk is free again when it goes."""
    async with local_box(tmp_path) as here, client(here) as other:
        async with client(here) as connected:
            await _lead(connected)
            for request in (_tell(), lines.Switch(point="output/hall")):
                with pytest.raises(SaysNoError, match="no_walk"):
                    await other.ask(request)
            with pytest.raises(SaysNoError, match="walk_under_way"):
                await _lead(other)

        async def led() -> bool:
            try:
                await _lead(other)
            except SaysNoError as refused:
                raise AssertionError(refused.word) from None
            return True

        await eventually(led)
        assert here.writes == []


async def test_a_siren_is_sounded_for_a_walk_and_that_is_told(tmp_path: Path, eventually: Eventually) -> None:
    """The coil is written, the event names what was asked; again at once is too soon; a refused lock moves nothing."""
    async with local_box(tmp_path) as here, client(here) as connected:
        await eventually(lambda: _state(here, "door/outer") is State.CLOSED)
        await _begin(connected)
        await connected.ask(lines.Switch(point="output/hall"))
        await eventually(lambda: [(each.point, each.state.value) for each in here.writes] == [("output/hall", "on")])
        with pytest.raises(SaysNoError, match="too_soon"):
            await connected.ask(lines.Switch(point="output/hall"))
        here.say(door_inner="open")
        await asyncio.sleep(0)
        here.clock.advance(2 * SWITCH_EVERY)
        with pytest.raises(SaysNoError, match="interlock"):
            await connected.ask(lines.Switch(point="lock/outer"))

        async def told() -> bool:
            events = await _events(connected)
            return [(e.source, e.facts.get("asked")) for e in events if e.kind == "test.point"] == [
                ("output/hall", "sound")
            ]

        await eventually(told)
        assert all(each.point != "lock/outer" for each in here.writes)


async def test_a_flood_of_told_events_is_bounded(tmp_path: Path) -> None:
    """A walk gone mad cannot fill the ledger."""
    async with local_box(tmp_path) as here, client(here) as connected:
        await _lead(connected)
        for _ in range(TOLD_AT_ONCE):
            await connected.ask(_tell())
        with pytest.raises(SaysNoError, match="too_many"):
            await connected.ask(_tell())


async def _finish(here: LocalBox, connected: LocalClient, person: Signer, name: str) -> None:
    finished = format_time(here.clock.now())
    closing = acceptance.Closing(finished=finished, installer=name)
    record = acceptance.record_from(await _events(connected), TEST, closing)
    document = sign_document(EnvelopeType.ACCEPTANCE, acceptance.record_bytes(record), [person])
    signature = json.loads(document)["signatures"][0]
    await connected.ask(lines.Finish(test=TEST, finished=finished, installer=name, signature=signature))


async def test_the_box_signs_what_its_own_ledger_says(tmp_path: Path, eventually: Eventually) -> None:
    """The centre opens the record from the events alone; a signature over anything else is refused by the box."""
    async with local_box(tmp_path) as here, client(here) as connected:
        person = signer(here.authority, Role.PERSON, "li-na")
        await _begin(connected)
        await connected.ask(_tell("door/outer", noticed="box"))
        await eventually(lambda: _count(connected, 2))
        with pytest.raises(SaysNoError, match="foreign_signer"):
            await _finish(here, connected, person, "zhang-wei")
        closing = acceptance.Closing(finished=format_time(here.clock.now()), installer="li-na")
        old = acceptance.record_from(await _events(connected), TEST, closing)
        await connected.ask(_tell("door/inner", noticed="box"))
        await eventually(lambda: _count(connected, 3))
        document = sign_document(EnvelopeType.ACCEPTANCE, acceptance.record_bytes(old), [person])
        signature = json.loads(document)["signatures"][0]
        with pytest.raises(SaysNoError, match="bad_signature"):
            await connected.ask(
                lines.Finish(test=TEST, finished=closing.finished, installer="li-na", signature=signature)
            )
        await _finish(here, connected, person, "li-na")
        await eventually(lambda: _count(connected, 4))
        found = acceptance.open_acceptance(await _events(connected), TEST, here.trust, here.clock.now())
        assert found.installer is not None
        assert [p.id for p in found.record.points if p.result is Result.PASSED] == ["door/outer", "door/inner"]
        with pytest.raises(SaysNoError, match="no_walk"):
            await connected.ask(_tell())
        with pytest.raises(SaysNoError, match="not_open"):
            await _lead(connected, resume=True)


async def _count(connected: LocalClient, count: int) -> bool:
    return len(await _events(connected)) == count


@given(line=st.binary(max_size=200) | st.text(max_size=60).map(lambda text: json.dumps({"do": text}).encode()))
@settings(max_examples=300)
def test_no_line_is_more_than_refused(line: bytes) -> None:
    """Whatever bytes come, they are a request or a LineError."""
    try:
        request = lines.decode_request(line)
    except LineError:
        return
    assert lines.decode_request(lines.encode_line(request).rstrip()) == request
