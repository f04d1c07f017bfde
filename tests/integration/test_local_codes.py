"""Codes at the agent's own socket: who may what, what wrong ones lead to, and that duress shows nowhere here."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.arming.lockout import LOCKED_FOR
from agent.local import lines
from agent.local.arming import MAX_DONE, MAX_WAITING
from agent.local.client import LocalClient, SaysNoError
from agent.local.lines import LineError, Reply
from agent.outbox.schema import FILE_NAME
from agent.signals import State
from protocol.messages import Clock
from tests.clock import Clock as VirtualClock
from tests.codes import AT_REST, BRANCH, CODE, DURESS, LIMITED, OTHER, SITE, lines_of, secrets
from tests.ledgers import NOW
from tests.local_box import LocalBox, client, local_box, only

WRONG = "900817"


def events(here: LocalBox) -> list[dict[str, Any]]:
    """Everything that the box has stored, as the centre gets it."""
    connection = sqlite3.connect(f"file:{here.state / FILE_NAME}?mode=ro", uri=True)
    try:
        return [json.loads(line) for (line,) in connection.execute("SELECT line FROM events ORDER BY rowid")]
    finally:
        connection.close()


def told(here: LocalBox, kind: str) -> list[dict[str, Any]]:
    """The facts of every event of a kind."""
    return [event["facts"] for event in events(here) if event["kind"] == kind]


async def refused(connected: LocalClient, request: lines.Request) -> Reply:
    """What the box says no with."""
    with pytest.raises(SaysNoError) as said:
        await connected.ask(request)
    return said.value.said


def arm(code: str, partition: str = "general", **more: Any) -> lines.Arm:
    """A request."""
    return lines.Arm(partition=partition, code=code, **more)


def disarm(code: str, partition: str = "general", **more: Any) -> lines.Disarm:
    """A request."""
    return lines.Disarm(partition=partition, code=code, **more)


def stands(here: LocalBox, partition: str = "general") -> State:
    """What the box shows of it."""
    return next(view.state for view in here.guard.points() if view.id == f"partition/{partition}")


async def test_a_code_arms_and_disarms_as_its_person(tmp_path: Path) -> None:
    """Armed after the exit delay, disarmed at once; who and how is told to the centre."""
    async with local_box(tmp_path, BRANCH, secrets=secrets()) as here, client(here) as connected:
        here.say(**AT_REST)
        said = only(await connected.ask(arm(CODE)))
        assert (said.done, said.wait_s) == ("arm", 60)
        assert [(point.id, point.state, point.name) for point in said.points] == [
            ("partition/general", State.ARMING, "Hall")
        ]
        here.clock.advance(timedelta(seconds=60))
        here.say(device_io1="online")
        said = only(await connected.ask(disarm(CODE)))
        assert [(point.id, point.state) for point in said.points] == [("partition/general", State.DISARMED)]
        (armed,), (disarmed,) = told(here, "partition.armed"), told(here, "partition.disarmed")
        assert (armed["way"], armed["people"], armed["mode"]) == ("code", ["li-na"], "away")
        assert (disarmed["way"], disarmed["people"]) == ("code", ["li-na"])


async def test_what_prevents_arming_is_named(tmp_path: Path) -> None:
    """The open window with its name; armed stay, the hall's detector does not matter."""
    async with local_box(tmp_path, BRANCH, secrets=secrets()) as here, client(here) as connected:
        here.say(**{**AT_REST, "zone_window": "active"})
        said = await refused(connected, arm(CODE))
        assert said.refused == "not_ready"
        assert [(each.point, each.why, each.name) for each in said.blocking] == [("zone/window", "active", "Window")]
        here.say(zone_window="normal", zone_hall="unknown")
        assert only(await connected.ask(arm(CODE, stay=True))).done == "arm"


async def test_a_code_alone_never_disarms_a_vault(tmp_path: Path) -> None:
    """It arms everything; what needs two people needs an order."""
    async with local_box(tmp_path, BRANCH, secrets=secrets()) as here, client(here) as connected:
        here.say(**AT_REST)
        assert only(await connected.ask(arm(OTHER, "vault"))).done == "arm"
        assert (await refused(connected, disarm(OTHER, "vault"))).refused == "needs_order"
        assert stands(here, "vault") is not State.DISARMED
        assert [facts["reason"] for facts in told(here, "order.refused")] == ["needs_order"]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (disarm(OTHER), "code_partition"),
        (arm(OTHER, SITE), "code_partition"),
        (disarm(LIMITED), "code_hours"),
        (disarm(CODE, person="wang-wei"), "code_wrong"),
        (disarm(CODE, person="nobody"), "code_wrong"),
        (disarm(WRONG), "code_wrong"),
    ],
)
async def test_a_code_goes_as_far_as_its_limits(tmp_path: Path, request_: lines.Disarm, reason: str) -> None:
    """Partitions, hours, and whose it is; each refusal is an event with its reason."""
    async with local_box(tmp_path, BRANCH, secrets=secrets()) as here, client(here) as connected:
        here.say(**AT_REST)
        here.clock.advance(timedelta(hours=1))  # 11:15 at the site
        assert (await refused(connected, request_)).refused == reason
        (facts,) = told(here, "order.refused")
        assert (facts["reason"], facts["way"], facts["partition"]) == (reason, "code", request_.partition)


async def test_hours_do_not_open_by_a_clock_that_nobody_believes(tmp_path: Path) -> None:
    """Who can set the clock gains no hours by it: disarming is refused, arming is not."""
    clock = VirtualClock(NOW.replace(hour=1))  # 09:00 at the site
    async with local_box(tmp_path, BRANCH, secrets=secrets(), clock=clock) as here, client(here) as connected:
        here.say(**AT_REST)
        here.believed = Clock.SUSPECT
        assert (await refused(connected, disarm(LIMITED))).refused == "clock_suspect"
        assert only(await connected.ask(arm(LIMITED))).done == "arm"
        here.believed = Clock.SYNCED
        assert only(await connected.ask(disarm(LIMITED))).done == "disarm"


async def test_an_unknown_partition_is_no_try(tmp_path: Path) -> None:
    """A slip of the pen counts nothing."""
    async with local_box(tmp_path, BRANCH, secrets=secrets()) as here, client(here) as connected:
        for _ in range(9):
            assert (await refused(connected, arm(WRONG, "nowhere"))).refused == "no_such_partition"
        here.say(**AT_REST)
        assert only(await connected.ask(arm(CODE))).done == "arm"


async def test_five_wrong_codes_lock_all_codes_for_ten_minutes(tmp_path: Path) -> None:
    """The right one too, in a second connection too; each is told, then that codes are locked, then nothing more."""
    async with local_box(tmp_path, BRANCH, secrets=secrets()) as here, client(here) as connected:
        here.say(**AT_REST)
        for left in (4, 3, 2, 1):
            assert (await refused(connected, disarm(WRONG))).wait_s == 0, left
        assert (await refused(connected, disarm(WRONG))).wait_s == 600
        async with client(here) as other:
            said = await refused(other, arm(CODE))
            assert (said.refused, said.wait_s) == ("codes_locked", 600)
        reasons = [facts["reason"] for facts in told(here, "order.refused")]
        assert reasons == ["code_wrong"] * 5 + ["codes_locked"]
        here.clock.advance(LOCKED_FOR - timedelta(seconds=1))
        assert (await refused(connected, arm(CODE))).wait_s == 1
        here.clock.advance(timedelta(seconds=1))
        assert only(await connected.ask(arm(CODE))).done == "arm"


async def test_a_restart_unlocks_nothing(tmp_path: Path) -> None:
    """Four wrong codes and a restart leave one more try; a lock goes on."""
    clock = VirtualClock(NOW)
    for expected in (0, 0, 600):
        async with local_box(tmp_path, BRANCH, secrets=secrets(), clock=clock) as here, client(here) as connected:
            for _ in range(2 if expected == 0 else 1):
                assert (await refused(connected, disarm(WRONG))).refused == "code_wrong"
        clock = VirtualClock(clock.now() + timedelta(seconds=30), 7_000)
    async with local_box(tmp_path, BRANCH, secrets=secrets(), clock=clock) as here, client(here) as connected:
        said = await refused(connected, arm(CODE))
        assert (said.refused, said.wait_s) == ("codes_locked", 570)


async def test_a_duress_code_is_obeyed_and_told(tmp_path: Path) -> None:
    """The same answer, byte for byte; one urgent event more for the centre."""
    said: dict[str, list[dict[str, Any]]] = {}
    for code in (CODE, DURESS):
        folder = tmp_path / code
        folder.mkdir(mode=0o700)
        async with local_box(folder, BRANCH, secrets=secrets()) as here:
            here.say(**AT_REST)
            said[code] = [
                *await raw(here, arm(code)),
                *await raw(here, disarm(code)),
                *await raw(here, lines.HealthOf()),
                *await raw(here, lines.About()),
                *await raw(here, lines.Plan()),
                *await raw(here, lines.Watch()),
            ]
            duress = told(here, "zone.duress")
            assert [facts["person"] for facts in duress] == (["li-na"] * 2 if code == DURESS else [])
            assert all(facts["way"] == "code" for facts in duress)
            kinds = [event["kind"] for event in events(here) if event["kind"] != "zone.duress"]
        said[code].append({"kinds": kinds})
    assert said[CODE] == said[DURESS]


@pytest.mark.parametrize("hindrance", ["locked", "partition", "vault"])
async def test_duress_is_heard_although_nothing_follows(tmp_path: Path, hindrance: str) -> None:
    """Refused for another reason, or while codes are locked: the call for help leaves all the same."""
    async with local_box(tmp_path, BRANCH, secrets=secrets()) as here, client(here) as connected:
        here.say(**AT_REST)
        request: lines.Request = disarm(DURESS)
        if hindrance == "locked":
            for _ in range(5):
                await refused(connected, disarm(WRONG))
        elif hindrance == "vault":
            await connected.ask(arm(CODE, "vault"))
            request = disarm(DURESS, "vault")
        else:
            here.say(zone_window="active")
            request = arm(DURESS)
        assert (await refused(connected, request)).refused in {"codes_locked", "needs_order", "not_ready"}
        assert [facts["person"] for facts in told(here, "zone.duress")] == ["li-na"]


@pytest.mark.parametrize("state", ["open already", "locked"])
@pytest.mark.parametrize("code", [CODE, DURESS, WRONG])
async def test_every_answer_waits_for_the_disk(tmp_path: Path, state: str, code: str) -> None:
    """Where nothing follows of the ordinary code it takes a transaction all the same: time tells no duress."""
    async with local_box(tmp_path, BRANCH, secrets=secrets()) as here, client(here) as connected:
        here.say(**AT_REST)
        for _ in range(5 if state == "locked" else 0):
            await refused(connected, disarm(WRONG))
        watching = sqlite3.connect(f"file:{here.state / FILE_NAME}?mode=ro", uri=True)
        try:
            before = watching.execute("PRAGMA data_version").fetchone()
            with suppress(SaysNoError):
                await connected.ask(disarm(code))
            assert watching.execute("PRAGMA data_version").fetchone() != before
        finally:
            watching.close()


async def test_a_code_that_is_not_sealed_yet_is_none(tmp_path: Path) -> None:
    """Its person cannot use it, the others can."""
    pending = frozenset({"code-li-na"})
    async with local_box(tmp_path, BRANCH, secrets=secrets(pending)) as here, client(here) as connected:
        here.say(**AT_REST)
        assert (await refused(connected, arm(CODE))).refused == "code_wrong"
        assert only(await connected.ask(arm(OTHER, "vault"))).done == "arm"


async def test_a_box_without_codes_says_so(tmp_path: Path) -> None:
    """No secrets, no codes."""
    async with local_box(tmp_path, BRANCH) as here, client(here) as connected:
        assert (await refused(connected, arm(CODE))).refused == "no_codes"


async def test_a_flood_of_codes_is_turned_away(tmp_path: Path) -> None:
    """Few wait for their turn, and a right code is not taken without end; the guard goes on."""
    async with local_box(tmp_path, BRANCH, secrets=secrets()) as here:
        here.say(**AT_REST)
        connections = [await LocalClient.connect(here.state) for _ in range(MAX_WAITING + 3)]
        answers = await asyncio.gather(*(each.ask(arm(CODE)) for each in connections), return_exceptions=True)
        assert sum(isinstance(each, SaysNoError) and each.word == "busy" for each in answers) == 3
        for each in connections:
            await each.close()
        async with client(here) as connected:
            for _ in range(MAX_DONE - MAX_WAITING):
                await connected.ask(arm(CODE))
            assert (await refused(connected, arm(CODE))).refused == "too_many"
            here.clock.advance(timedelta(minutes=10))
            assert only(await connected.ask(disarm(CODE))).done == "disarm"


async def test_no_code_stands_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the outbox, nor in the log, nor in what a request shows of itself."""
    async with local_box(tmp_path, BRANCH, secrets=secrets()) as here, client(here) as connected:
        here.say(**AT_REST)
        for code in (CODE, DURESS):
            await connected.ask(arm(code))
            await connected.ask(disarm(code))
        await refused(connected, disarm(WRONG))
        for code in (CODE, DURESS, WRONG):
            assert code.encode() not in lines_of(tmp_path)
            assert code not in caplog.text
            assert code not in f"{arm(code)!r}{disarm(code)!r}"


@pytest.mark.parametrize("code", ["", "12345", "1234567890123", "48291٥", "482915\\n", "48 915", "x" * 20_000])
async def test_what_is_no_code_is_not_even_tried(tmp_path: Path, code: str) -> None:
    """Its shape is judged before anything is hashed or counted."""
    async with local_box(tmp_path, BRANCH, secrets=secrets()) as here:
        line = b'{"do":"arm","partition":"general","code":"%s"}\n' % code.encode()
        (said,) = await raw_bytes(here, line)
        assert said["refused"] in {"malformed", "too_large"}
        assert told(here, "order.refused") == []


@given(
    st.fixed_dictionaries(
        {"do": st.sampled_from(["arm", "disarm"])},
        optional={
            "partition": st.one_of(st.sampled_from(["general", "site", ""]), st.text(), st.integers()),
            "code": st.one_of(st.text(), st.integers(), st.from_regex(r"\A[0-9]{5,13}\Z"), st.none()),
            "person": st.one_of(st.none(), st.text(), st.integers()),
            "stay": st.one_of(st.booleans(), st.text()),
            "mode": st.text(max_size=5),
        },
    )
)
@settings(max_examples=300, deadline=None)
def test_any_request_about_arming_is_read_or_refused(message: dict[str, Any]) -> None:
    """What is read has the shape of a code, and shows none of it."""
    line = json.dumps(message).encode()
    try:
        read = lines.decode_request(line)
    except LineError:
        return
    assert isinstance(read, lines.Arm | lines.Disarm)
    assert set(read.code) <= set("0123456789")
    assert 6 <= len(read.code) <= 12
    assert read.code not in repr(read).replace(read.partition, "")


async def raw(here: LocalBox, request: lines.Request) -> list[dict[str, Any]]:
    """Every line that answers a request."""
    return await raw_bytes(here, lines.encode_line(request))


async def raw_bytes(here: LocalBox, sent: bytes) -> list[dict[str, Any]]:
    """What answers these bytes, to the last line of the answer."""
    folder = os.open(here.state, os.O_PATH)
    try:
        reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/{lines.SOCKET}")
    finally:
        os.close(folder)
    writer.write(sent)
    answer: list[dict[str, Any]] = []
    while not answer or not {"done", "refused"} & answer[-1].keys():
        line = await reader.readline()
        assert line, answer
        answer.append(json.loads(line))
    writer.close()
    return answer
