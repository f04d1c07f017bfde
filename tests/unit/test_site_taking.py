"""Bundles while the agent runs: judged, tried, committed, told; one at a time, and repeats only counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from agent.drivers.modbus.config import Wiring
from agent.findings import Finding
from agent.incidents import EACH_TOLD
from agent.signals import Moment
from agent.site_judging import in_force
from agent.site_store import SiteStore
from agent.site_taking import Outcome, SiteTaker, applied
from tests.bundles import settings
from tests.clock import Clock
from tests.conftest import Eventually
from tests.ledgers import NOW
from tests.unit.test_site_judging import BUREAU, KNOWS


@dataclass
class Desk:
    """A taker with a folder, virtual time, and modules of which a test says which are silent."""

    store: SiteStore
    clock: Clock
    taker: SiteTaker
    told: list[Finding] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    mute: set[str] = field(default_factory=set)
    before: frozenset[str] = frozenset()
    stores: bool = True

    def facts(self) -> list[dict[str, Any]]:
        """Of everything told."""
        return [dict(finding.facts) for finding in self.told]

    async def order(self, document: bytes) -> None:
        """Have it taken or refused, to the end."""
        await self.taker.take(document)
        await self.taker.tell_overdue()


def desk(folder: Path) -> Desk:
    """A running box with version 3 in force."""
    store, clock = SiteStore(folder), Clock(NOW)
    document = BUREAU.document(BUREAU.bundle(3))
    store.commit(document, keep=None)

    def now() -> Moment:
        return Moment(wall=clock.now(), mono_ms=clock.mono_ms())

    async def ask(wiring: Wiring) -> str:
        made.asked.append(wiring.module.id)
        return "cannot be connected" if wiring.module.id in made.mute else ""

    async def tell(found: Iterable[Finding]) -> None:
        made.told.extend(found)

    taker = SiteTaker(
        held=in_force(document, KNOWS),
        knows=KNOWS,
        store=store,
        now=now,
        judged_at=clock.now,
        silent=lambda: made.before,
        stores=lambda: made.stores,
        ask=ask,
        tell=tell,
    )
    made = Desk(store, clock, taker)
    return made


def with_module(version: int) -> bytes:
    """A bundle with one more module, which no output hangs on."""
    changed = settings()
    changed["io"].append({"id": "io2", "address": "192.0.2.21"})
    return BUREAU.document(BUREAU.bundle(version, settings=changed))


async def test_a_new_module_must_answer_before_anything_changes(tmp_path: Path) -> None:
    """Silent, the bundle is refused with its name; as soon as it answers, the very same bundle is taken."""
    at = desk(tmp_path)
    at.mute = {"io2"}
    await at.order(with_module(4))
    assert at.store.current() == at.taker.held.document
    (facts,) = at.facts()
    assert (facts["reason"], facts["devices"], facts["version"], facts["held"]) == ("device_silent", ["io2"], 4, 3)
    at.mute = set()
    await at.order(with_module(4))
    assert at.taker.next is not None
    assert at.taker.changed.is_set()
    assert (at.store.current(), at.store.previous()) == (with_module(4), at.taker.held.document)
    assert at.asked == ["io2", "io2"]
    assert len(at.told) == 1


async def test_the_one_in_force_changes_nothing_and_is_not_told(tmp_path: Path) -> None:
    """A centre that sends it again, signed by whomever, gets no event for it."""
    at = desk(tmp_path)
    await at.order(BUREAU.document(BUREAU.bundle(3), "bureau-3"))
    assert (at.told, at.asked, at.taker.next) == ([], [], None)


async def test_repeats_of_one_refusal_are_counted(tmp_path: Path) -> None:
    """Told at once, then again with the count after ten minutes; another reason is told by itself."""
    at = desk(tmp_path)
    for _ in range(4):
        await at.order(BUREAU.document(BUREAU.bundle(2)))
    await at.order(BUREAU.document(BUREAU.bundle(4), "bureau-3"))
    assert [(facts["reason"], facts["count"]) for facts in at.facts()] == [
        ("older_version", 1),
        ("key_not_pinned", 1),
    ]
    at.clock.advance(timedelta(minutes=11))
    await at.order(BUREAU.document(BUREAU.bundle(3)))
    assert [(facts["reason"], facts["count"]) for facts in at.facts()[2:]] == [("older_version", 3)]
    assert at.facts()[2]["version"] == 2


async def test_a_flood_of_different_bundles_fills_no_ledger(tmp_path: Path) -> None:
    """A stolen centre may carry every other box's bundle here: some are told, the rest is one count a reason."""
    at = desk(tmp_path)
    for number in range(EACH_TOLD + 40):
        await at.order(BUREAU.document(BUREAU.bundle(4, box=f"0755-{100 + number}-a"), "bureau-1"))
    assert len(at.told) == EACH_TOLD + 1
    assert at.facts()[-1].keys() == {"reason", "held", "count"}
    at.clock.advance(timedelta(minutes=11))
    await at.order(BUREAU.document(BUREAU.bundle(3)))
    assert at.facts()[-1] == {"reason": "other_box", "held": 3, "count": 39}


async def test_no_room_is_a_refusal(tmp_path: Path) -> None:
    """A folder that takes nothing, and a store that refuses events: what is in force stays, and is said so."""
    at = desk(tmp_path)
    before = at.store.current()
    at.stores = False
    await at.order(BUREAU.document(BUREAU.bundle(4)))
    at.stores = True
    (tmp_path / "site" / "current.json.new").mkdir()
    await at.order(BUREAU.document(BUREAU.bundle(5)))
    assert [facts["reason"] for facts in at.facts()] == ["no_room", "no_room"]
    assert at.facts()[0]["fault"] == "No space left on device"
    assert (at.store.current(), at.taker.next) == (before, None)


async def test_what_is_handed_in_is_answered(tmp_path: Path, eventually: Eventually) -> None:
    """A stick at a running box: refused with its reason and facts, or applied; gone from the folder either way."""
    at = desk(tmp_path)
    task = asyncio.create_task(at.taker.run())
    at.store.hand_in(BUREAU.document(BUREAU.bundle(2)))
    answer = await eventually(at.store.answered)
    outcome = msgspec.json.decode(answer or b"", type=Outcome)
    assert (outcome.outcome, outcome.reason, outcome.facts) == ("refused", "older_version", {"version": 2, "held": 3})
    assert at.store.handed_in() is None
    at.store.hand_in(BUREAU.document(BUREAU.bundle(4)))
    answer = await eventually(at.store.answered)
    assert msgspec.json.decode(answer or b"", type=Outcome).outcome == "applied"
    await task
    assert at.taker.next is not None


def test_what_goes_back_says_why(tmp_path: Path) -> None:
    """`config.applied` of a rollback names its reason; of another none."""
    at = Moment(wall=NOW, mono_ms=0)
    back = in_force(BUREAU.document(BUREAU.bundle(4, rollback=True, reason="the doors were mixed up")), KNOWS)
    assert applied(back, at).facts["why"] == "the doors were mixed up"
    assert "why" not in applied(in_force(BUREAU.document(BUREAU.bundle(4)), KNOWS), at).facts


async def test_a_fault_of_ours_ends_no_guarding(tmp_path: Path) -> None:
    """Whatever a document brings about while it is judged: it is refused, and the next sound one is taken."""
    at = desk(tmp_path)

    def stumble() -> datetime:
        raise RuntimeError("stumbled")

    sound, at.taker.judged_at = at.taker.judged_at, stumble
    await at.order(BUREAU.document(BUREAU.bundle(4)))
    assert at.facts()[0]["reason"] == "malformed"
    at.taker.judged_at = sound
    await at.order(BUREAU.document(BUREAU.bundle(4)))
    assert at.taker.next is not None
