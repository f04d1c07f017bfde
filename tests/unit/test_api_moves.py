"""The life of an alarm over HTTP: every address of a move, what it answers, and what it says when it refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from collector.alarms.lifecycle import Move
from tests.console import ConsoleWorld

RESOLVED = {"resolution": "real", "narrative": "seen on site"}
CLOSED = {"corrected": True, "verified_by": "video", "text": "lock changed"}
BODIES: dict[str, dict[str, Any] | None] = {
    "acknowledge": None,
    "release": {"text": "called away"},
    "hand_over": {"to": "chen"},
    "take_over": None,
    "verify": None,
    "dispatch": {"whom": "guard", "text": "to the vestibule"},
    "park": {"until": "2026-11-21T05:00:00Z", "text": "later"},
    "resolve": RESOLVED,
    "review": None,
    "return": {"text": "again"},
    "reopen": {"text": "it was real"},
    "close": CLOSED,
    "note": {"text": "seen"},
    "score": {"score": 3, "text": "broken glass"},
    "step": {"position": 1, "outcome": "skipped", "text": "no camera"},
}


class Alarm:
    """One alarm over HTTP; `do` names the version that was answered last."""

    def __init__(self, world: ConsoleWorld, found: dict[str, Any]) -> None:
        self.world, self.id, self.etag = world, found["id"], f'"{found["version"]}"'

    async def do(self, client: httpx.AsyncClient, move: str, body: Any = "usual") -> httpx.Response:
        """A move; its body is the usual one unless another is given."""
        answer = await client.post(
            f"/api/v1/alarms/{self.id}/{move}",
            json=BODIES[move] if body == "usual" else body,
            headers={"If-Match": self.etag, "Accept-Language": "en"},
        )
        self.etag = answer.headers.get("ETag", self.etag)
        return answer

    async def whole(self, client: httpx.AsyncClient) -> dict[str, Any]:
        """As it stands."""
        return dict((await client.get(f"/api/v1/alarms/{self.id}", headers={"Accept-Language": "en"})).json())


async def _alarm(world: ConsoleWorld, client: httpx.AsyncClient) -> Alarm:
    world.dual_open()
    (found,) = (await client.get("/api/v1/alarms")).json()["items"]
    return Alarm(world, found)


def _problem(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).removeprefix("urn:branchwatch:problem:")


async def test_a_life_over_http(world: ConsoleWorld) -> None:
    """Taken, verified, dispatched, resolved, reviewed, closed: each answer has its state and a fresh ETag."""
    async with world.client() as wang, world.client("zhou") as reviewer, world.client("zhao") as officer:
        alarm = await _alarm(world, wang)
        states = []
        for client, move in (
            (wang, "acknowledge"),
            (wang, "verify"),
            (wang, "dispatch"),
            (wang, "score"),
            (wang, "resolve"),
            (reviewer, "review"),
            (officer, "close"),
        ):
            answer = await alarm.do(client, move)
            assert answer.status_code == 200, answer.text
            states.append(answer.json()["state"])
        whole = await alarm.whole(wang)
    assert states == ["acknowledged", "verifying", "dispatched", "dispatched", "resolved", "reviewed", "closed"]
    assert (whole["reviewer"], whole["handlers"], whole["score"], whole["score_by"]) == ("zhou", ["wang"], 3, "wang")
    assert whole["score_reasons"] == ["Wang says: broken glass"]
    assert whole["score_words"] == "threat to property"
    assert whole["follow_by"] is not None
    entries = [entry for entry in whole["record"] if not entry["person"].startswith("centre")]
    assert {entry["way"] for entry in entries} == {"program"}
    assert [entry["note"] for entry in entries if entry["action"] == "close"] == ["lock changed"]


async def test_release_hand_over_take_over_park(world: ConsoleWorld) -> None:
    """Who holds it follows each move; a parked alarm says until when."""
    async with world.client() as wang, world.client("chen") as chen, world.client("li") as leader:
        alarm = await _alarm(world, wang)
        await alarm.do(wang, "acknowledge")
        assert (await alarm.do(wang, "hand_over")).json()["holder"] == "chen"
        assert _problem(await alarm.do(wang, "release")) == "held-by-another"
        assert (await alarm.do(chen, "release")).json()["holder"] is None
        await alarm.do(chen, "acknowledge")
        assert (await alarm.do(leader, "take_over")).json()["holder"] == "li"
        until = (world.centre.now + timedelta(hours=1)).isoformat()
        parked = (await alarm.do(leader, "park", {"until": until, "text": "technician comes"})).json()
        assert parked["state"] == "parked"
        assert parked["parked_until"].startswith((world.centre.now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"))
        assert set(parked["moves"]) == {"acknowledge", "note", "score"}
        assert (await alarm.do(wang, "acknowledge")).json()["handlers"] == ["wang", "chen", "li"]


async def test_refusals_say_what_to_do(world: ConsoleWorld) -> None:
    """Each with its sort, one sentence, and how the alarm stands."""
    async with world.client() as wang, world.client("li") as leader, world.client("zhou") as reviewer:
        alarm = await _alarm(world, wang)
        assert _problem(await alarm.do(wang, "verify")) == "wrong-state"
        await alarm.do(wang, "acknowledge")
        strange = await alarm.do(wang, "hand_over", {"to": "qian"})
        assert (strange.status_code, _problem(strange)) == (422, "invalid")
        assert "handles alarms" in strange.json()["detail"]
        late = (world.centre.now + timedelta(hours=25)).isoformat()
        parked = await alarm.do(wang, "park", {"until": late, "text": "x"})
        assert (parked.status_code, "24 hours" in parked.json()["detail"]) == (422, True)
        assert (await alarm.do(wang, "resolve", {**RESOLVED, "resolution": "nonsense"})).status_code == 422
        await alarm.do(leader, "take_over")
        assert _problem(await alarm.do(leader, "take_over")) == "wrong-state"
        await alarm.do(leader, "resolve")
        own = await alarm.do(leader, "return")
        assert (own.status_code, _problem(own), own.json()["state"]) == (403, "other-person", "resolved")
        assert (await alarm.do(reviewer, "review")).status_code == 200
        open_still = await alarm.do(wang, "close")
        assert (open_still.status_code, _problem(open_still)) == (403, "not-allowed")
        async with world.client("zhao") as officer:
            risk = await alarm.do(officer, "close", {**CLOSED, "corrected": False})
        assert (risk.status_code, _problem(risk)) == (409, "not-now")


async def test_every_move_needs_its_version_and_its_person(world: ConsoleWorld) -> None:
    """428 without If-Match, 412 or the role's own refusal with a stale one, 404 for a sibling, 401 for nobody."""
    async with world.client() as wang, world.client("east") as east, world.client(None) as nobody:
        alarm = await _alarm(world, wang)
        for move, body in BODIES.items():
            path, seen = f"/api/v1/alarms/{alarm.id}/{move}", {"If-Match": '"1"'}
            assert (await wang.post(path, json=body)).status_code == 428, move
            assert (await east.post(path, json=body, headers=seen)).status_code == 404, move
            assert (await nobody.post(path, json=body, headers=seen)).status_code == 401, move
            stale = await wang.post(path, json=body, headers={"If-Match": '"7"'})
            assert stale.status_code in {403, 412}, stale.text
        assert (await alarm.whole(wang))["version"] == 1
    assert set(BODIES) == {move.value for move in Move}


WRONG: tuple[tuple[str, dict[str, Any]], ...] = (
    ("release", {}),
    ("release", {"text": ""}),
    ("release", {"text": "x", "state": "closed"}),
    ("hand_over", {"text": "x"}),
    ("dispatch", {"whom": "army", "text": "x"}),
    ("park", {"until": "tomorrow", "text": "x"}),
    ("park", {"until": "2026-11-21T05:00:00", "text": "x"}),
    ("close", {"verified_by": "video", "text": "x"}),
    ("close", {"corrected": True, "verified_by": "guess", "text": "x"}),
    ("score", {"score": 5, "text": "x"}),
    ("score", {"score": 1}),
    ("step", {"position": 0, "outcome": "done"}),
    ("step", {"position": 1, "outcome": "half"}),
    ("step", {"position": 1, "outcome": "done", "number": "x" * 65}),
    ("note", {"text": "x" * 2001}),
    ("review", {"text": "bell \x07"}),
)


async def test_a_wrong_form_is_named(world: ConsoleWorld) -> None:
    """What is missing, unknown, too long or of another form is 422 with its place; nothing is moved."""
    async with world.client() as wang:
        alarm = await _alarm(world, wang)
        for move, body in WRONG:
            answer = await alarm.do(wang, move, body)
            assert answer.status_code == 422, (move, body)
            assert answer.json()["faults"][0]["place"].startswith("body"), (move, body)
        assert (await alarm.whole(wang))["version"] == 1


async def test_what_happens_next_is_said(world: ConsoleWorld) -> None:
    """Whoever looks at an open alarm reads when something happens by itself, and what; a closed one has nothing."""
    async with world.client() as wang, world.client("zhou") as reviewer, world.client("zhao") as officer:
        alarm = await _alarm(world, wang)
        for client, move in ((wang, "acknowledge"), (wang, "resolve"), (reviewer, "review")):
            assert len((await alarm.whole(wang))["next"]) == 1, move
            await alarm.do(client, move)
        (ahead,) = (await alarm.whole(wang))["next"]
        assert ahead["at"] == (await alarm.whole(wang))["follow_by"]
        assert ahead["said"]
        await alarm.do(officer, "close")
        assert (await alarm.whole(wang))["next"] == []


async def test_lists_by_what_is_to_be_done(world: ConsoleWorld) -> None:
    """open, queue, review, follow: an alarm stands in the lists of its state, the newest first."""
    async with world.client() as wang, world.client("zhou") as reviewer:
        alarm = await _alarm(world, wang)

        async def lists() -> set[str]:
            found = set()
            for state in ("open", "queue", "review", "follow"):
                items = (await wang.get("/api/v1/alarms", params={"state": state})).json()["items"]
                if any(each["id"] == alarm.id for each in items):
                    found.add(state)
            return found

        assert await lists() == {"open", "queue"}
        await alarm.do(wang, "acknowledge")
        assert await lists() == {"open", "queue"}
        await alarm.do(wang, "resolve")
        assert await lists() == {"review"}
        await alarm.do(reviewer, "review")
        assert await lists() == {"follow"}
        assert (await wang.get("/api/v1/alarms", params={"sheltered": "true"})).json()["items"] == []
        assert len((await wang.get("/api/v1/alarms", params={"sheltered": "false"})).json()["items"]) == 1


async def test_what_is_offered_depends_on_who_asks(world: ConsoleWorld) -> None:
    """`moves` are those of the asker: an auditor has none, a reviewer reviews, the holder goes on."""
    async with (
        world.client() as wang,
        world.client("chen") as chen,
        world.client("qian") as auditor,
        world.client("zhou") as reviewer,
    ):
        alarm = await _alarm(world, wang)
        assert "acknowledge" in (await alarm.whole(wang))["moves"]
        await alarm.do(wang, "acknowledge")
        assert {"verify", "dispatch", "park", "resolve", "release"} <= set((await alarm.whole(wang))["moves"])
        assert set((await alarm.whole(chen))["moves"]) == {"note"}
        assert (await alarm.whole(auditor))["moves"] == []
        await alarm.do(wang, "resolve")
        assert set((await alarm.whole(reviewer))["moves"]) == {"review", "return", "note"}
