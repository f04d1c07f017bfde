"""Alarms over HTTP: what is listed, what people may do, and what they are told when they may not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from collector.console.entity_tags import version_in
from tests.console import ConsoleWorld

SEEN = {"If-Match": '"1"'}


async def _one(client: httpx.AsyncClient, **query: str) -> dict[str, Any]:
    answer = await client.get("/api/v1/alarms", params=query)
    assert answer.status_code == 200, answer.text
    (alarm,) = answer.json()["items"]
    return dict(alarm)


async def test_an_alarm_has_the_shape_of_the_specification(world: ConsoleWorld) -> None:
    """WIRE section 5: every field is there, times have three decimals, nothing is lost of facts and because."""
    event = world.dual_open()
    async with world.client() as client:
        alarm = await _one(client)
        whole = (await client.get(f"/api/v1/alarms/{alarm['id']}")).json()
    assert alarm["site"] == "0755-031"
    assert alarm["box"] == "0755-031-a"
    assert (alarm["kind"], alarm["class"], alarm["level"], alarm["state"]) == ("door.dual_open", "security", 2, "new")
    assert alarm["facts"]["overlap_s"] == 0.9
    assert [row[1] for row in alarm["because"]] == ["door/outer", "door/inner"]
    assert (alarm["events"], alarm["holder"], alarm["version"]) == (1, None, 1)
    assert alarm["opened_at"].endswith("Z")
    assert len(alarm["opened_at"]) == 24
    assert whole["event_ids"] == [event]


async def test_an_alarm_is_found_by_the_number_that_a_notice_says(world: ConsoleWorld) -> None:
    """A message that leaves the bank says a number and nothing else: the desk knows the alarm by it."""
    for source in ("interlock/one", "interlock/two"):
        world.dual_open(source)
    rows = {each.source: each for each in world.centre.alarms()}
    wanted = rows["interlock/one"]
    async with world.client() as client:
        found = await _one(client, number=str(wanted.cursor))
        history = (await client.get("/desk/history", params={"number": wanted.cursor})).text
        shown = (await client.get(f"/desk/alarms/{wanted.id}", params={"lang": "en"})).text
        nothing = (await client.get("/api/v1/alarms", params={"number": "999999"})).json()
    assert (found["id"], found["number"], nothing["items"]) == (wanted.id, wanted.cursor, [])
    assert wanted.id in history
    assert rows["interlock/two"].id not in history
    assert f"Alarm number {wanted.cursor}" in shown


async def test_a_deadline_warms_up_from_when_its_clock_began(world: ConsoleWorld) -> None:
    """What is given back an hour after its opening has its whole response time, and is not shown as nearly over."""
    world.dual_open()
    async with world.client() as client:
        alarm = await _one(client)
        path = f"/api/v1/alarms/{alarm['id']}"
        await client.post(f"{path}/acknowledge", headers=SEEN)
        world.centre.now += timedelta(hours=1)
        given = (await client.post(f"{path}/release", headers={"If-Match": '"2"'}, json={"text": "break"})).json()
    began, ends = (datetime.fromisoformat(given[name]) for name in ("due_from", "due_at"))
    assert (began, ends - began) == (world.centre.now, timedelta(seconds=60))


async def test_words_are_in_the_language_asked_for(world: ConsoleWorld) -> None:
    """The same alarm reads Chinese or English; names of points are the branch's own in both."""
    world.dual_open()
    async with world.client() as client:
        chinese = await _one(client, lang="zh-CN")
        english = await _one(client, lang="en")
    assert chinese["words"]["title"] == "联动门双开"
    assert chinese["words"]["headline"] == "两门同开,超过允许的 0.5 秒".replace(",", "\uff0c")
    assert chinese["words"]["place"].endswith("通道外门、通道内门")
    assert english["words"]["title"] == "Both interlock doors open"
    assert {name: chinese[name] for name in chinese if name != "words"} == {
        name: english[name] for name in english if name != "words"
    }


async def test_an_alarm_is_taken_and_resolved(world: ConsoleWorld) -> None:
    """Acknowledge, note, resolve: each step names the person, and the record keeps all of them."""
    world.dual_open()
    async with world.client() as client:
        alarm = await _one(client)
        path = f"/api/v1/alarms/{alarm['id']}"
        taken = await client.post(f"{path}/acknowledge", headers=SEEN)
        assert taken.status_code == 200, taken.text
        assert (taken.json()["state"], taken.json()["holder"]) == ("acknowledged", "wang")
        assert version_in(taken.headers["ETag"]) == "2"
        noted = await client.post(f"{path}/note", headers={"If-Match": "2"}, json={"text": "called the branch"})
        assert noted.status_code == 200, noted.text
        said = {"resolution": "false_alarm", "narrative": "cleaner held both doors"}
        resolved = await client.post(f"{path}/resolve", headers={"If-Match": '"2"'}, json=said)
        assert resolved.status_code == 200, resolved.text
        assert (await client.get("/api/v1/alarms", params={"state": "open"})).json()["items"] == []
        assert (await _one(client, state="resolved"))["resolution"] == "false_alarm"
    record = resolved.json()["record"]
    assert [entry["action"] for entry in record] == ["opened", "told", "acknowledge", "note", "resolve"]
    assert [entry["note"] for entry in record[3:]] == ["called the branch", "cleaner held both doors"]
    assert {entry["person"] for entry in record[2:]} == {"wang"}


async def test_the_second_to_act_is_told_who_holds_it(world: ConsoleWorld) -> None:
    """A stale version is 412, in words and as data, and changes nothing."""
    world.dual_open()
    async with world.client() as first, world.client("chen", **{"Accept-Language": "en"}) as second:
        alarm = await _one(first)
        path = f"/api/v1/alarms/{alarm['id']}/acknowledge"
        await first.post(path, headers=SEEN)
        late = await second.post(path, headers=SEEN)
    assert late.status_code == 412
    assert late.headers["Content-Type"] == "application/problem+json"
    assert (late.json()["holder"], late.json()["version"]) == ("wang", 2)
    assert "Wang" in late.json()["detail"]


async def test_a_change_without_a_version_is_refused(world: ConsoleWorld) -> None:
    """RFC 6585: 428 when If-Match is missing, whatever the action."""
    world.dual_open()
    async with world.client() as client:
        alarm = await _one(client)
        for action, body in (("acknowledge", None), ("note", {"text": "x"}), ("resolve", _RESOLVED)):
            answer = await client.post(f"/api/v1/alarms/{alarm['id']}/{action}", json=body)
            assert answer.status_code == 428, action


async def test_another_persons_alarm_is_left_alone(world: ConsoleWorld) -> None:
    """Only its holder resolves an alarm, or a shift leader."""
    world.dual_open()
    async with world.client() as holder, world.client("chen") as other, world.client("li") as leader:
        alarm = await _one(holder)
        path = f"/api/v1/alarms/{alarm['id']}"
        await holder.post(f"{path}/acknowledge", headers=SEEN)
        version = {"If-Match": '"2"'}
        refused = await other.post(f"{path}/resolve", headers=version, json=_RESOLVED)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:branchwatch:problem:held-by-another")
        assert (await leader.post(f"{path}/resolve", headers=version, json=_RESOLVED)).status_code == 200


async def test_an_auditor_reads_and_changes_nothing(world: ConsoleWorld) -> None:
    """DOMAIN section 4: reads everything, changes nothing."""
    world.dual_open()
    async with world.client("qian") as auditor:
        alarm = await _one(auditor)
        for action, body in (("acknowledge", None), ("note", {"text": "x"})):
            answer = await auditor.post(f"/api/v1/alarms/{alarm['id']}/{action}", headers=SEEN, json=body)
            assert answer.status_code == 403, action
        assert (await _one(auditor))["version"] == 1


async def test_a_sibling_unit_sees_nothing(world: ConsoleWorld) -> None:
    """DOMAIN section 1: nobody sees a sibling's sites; they are not there, not forbidden."""
    world.dual_open()
    async with world.client() as whole, world.client("east") as east, world.client("west-auditor") as west:
        alarm = await _one(whole)
        assert (await east.get("/api/v1/alarms")).json()["items"] == []
        assert (await east.get(f"/api/v1/alarms/{alarm['id']}")).status_code == 404
        assert (await east.post(f"/api/v1/alarms/{alarm['id']}/acknowledge", headers=SEEN)).status_code == 404
        for path in ("alarms", "events", "boxes"):
            assert (await east.get(f"/api/v1/{path}", params={"site": "0755-031"})).status_code == 404, path
        assert (await east.get("/api/v1/sites")).json()["items"] == []
        assert (await _one(west, site="0755-031"))["id"] == alarm["id"]


async def test_pages_of_a_list_join_without_gap_or_repeat(world: ConsoleWorld) -> None:
    """`next` leads through everything exactly once, newest first; the last page has none."""
    for number in range(7):
        world.dual_open(source=f"interlock/v{number}")
        world.box.now += timedelta(milliseconds=5)
    seen: list[str] = []
    cursor: str | None = None
    async with world.client() as client:
        while True:
            page = (
                await client.get("/api/v1/alarms", params={"limit": "3"} | ({"cursor": cursor} if cursor else {}))
            ).json()
            seen += [alarm["source"] for alarm in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
    assert seen == [f"interlock/v{number}" for number in reversed(range(7))]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "501"},
        {"level": "6"},
        {"site": "No Site"},
        {"since": "yesterday"},
        {"since": "2026-11-21T02:13:49"},
        {"cursor": "-1"},
        {"kind": "x" * 65},
        {"state": "gone"},
    ],
)
async def test_wrong_filters_are_named(world: ConsoleWorld, query: dict[str, str]) -> None:
    """A wrong parameter is 422 with its place, in the reader's language, without its value."""
    async with world.client() as client:
        english = await client.get("/api/v1/alarms", params=query, headers={"Accept-Language": "en"})
        chinese = await client.get("/api/v1/alarms", params=query, headers={"Accept-Language": "zh-CN"})
    assert english.status_code == chinese.status_code == 422
    (name,) = query
    assert english.json()["faults"][0]["place"] == f"query/{name}"
    assert english.json()["title"] == "The request is not valid"
    assert chinese.json()["title"] == "请求无效"
    assert english.json()["faults"][0]["detail"] != chinese.json()["faults"][0]["detail"]


async def test_the_end_of_a_condition_is_told_in_words(world: ConsoleWorld) -> None:
    """A restore is noted on its alarm and closes its timeline."""
    event = world.dual_open()
    world.happens("door.dual_open.restored", facts={"overlap_s": 1.4}, restores=event)
    async with world.client(**{"Accept-Language": "en"}) as client:
        alarm = await _one(client)
        whole = (await client.get(f"/api/v1/alarms/{alarm['id']}")).json()
    assert alarm["restored_at"] is not None
    assert whole["timeline"][-1]["text"] == "After 1.4 s the two doors are no longer open together"


_RESOLVED = {"resolution": "real", "narrative": "seen on site"}


@pytest.mark.parametrize("text", ["NUL \x00", "bell \x07", "delete \x7f", "next line \x85"])
async def test_control_characters_are_no_note(world: ConsoleWorld, text: str) -> None:
    """What no database's text can hold, and no page can show, is refused; tab and line end are fine."""
    world.dual_open()
    async with world.client() as client:
        alarm = (await client.get("/api/v1/alarms")).json()["items"][0]["id"]
        path, seen = f"/api/v1/alarms/{alarm}/note", {"If-Match": "1"}
        assert (await client.post(path, json={"text": text}, headers=seen)).status_code == 422
        assert (await client.post(path, json={"text": "one\ttwo\n"}, headers=seen)).status_code == 200
