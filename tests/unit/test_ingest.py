"""The ingest from the wire to the rows, with real keys and a real database, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from collector.console.telling import iso
from collector.ingest.parsing import LIMITS_BYTES, NOBODY
from collector.ingest.rates import BURST, Rates
from collector.ingest.received import Received
from collector.ingest.rejecting import KEPT, KEPT_PER_INCIDENT, MAX_INCIDENTS, MAX_KEPT_BYTES
from collector.storage.records import Flag
from collector.storage.schema import events, quarantine
from protocol.certificates import Role
from protocol.envelope import EnvelopeType, open_envelope, read_envelope
from protocol.kinds import Lane
from protocol.ledger import GENESIS, Position, line_hash
from protocol.limits import MAX_PARKED_ENVELOPES
from protocol.messages import Answers, PointState, decode_event, encode
from protocol.timestamps import format_time
from protocol.topics import Up
from provisioning.authority import Authority
from tests.collecting import Box, PaperCentre, receipt_of
from tests.ledgers import NOW, der_chain, trust_of


@pytest.fixture
def box(centre: PaperCentre) -> Box:
    """A box that has introduced itself and opened both lanes."""
    made = centre.box()
    centre.take(made.birth())
    centre.take(made.events(made.opened(Lane.URGENT)), made.events(made.opened(Lane.ROUTINE)))
    return made


def reasons(centre: PaperCentre) -> list[str]:
    """Why things stand in the quarantine, oldest first."""
    with centre.store.read() as reading:
        return [row.reason for row in reversed(reading.quarantine(500))]


def test_an_event_becomes_an_alarm_and_is_receipted(centre: PaperCentre, box: Box) -> None:
    """Event, alarm and head stand in one commit; the receipt names the head that the box has."""
    sending = centre.take(box.events(box.line("door.dual_open", overlap_s=0.9)))
    ((head),) = [sending.heads[box.id]["urgent"]]
    assert (head.seq, head.hash) == (2, box.tips[Lane.URGENT].hash)
    (alarm,) = centre.alarms()
    assert (alarm.kind, alarm.level, alarm.site, alarm.state) == ("door.dual_open", 2, box.site, "new")
    assert alarm.facts == {"overlap_s": 0.9}
    assert alarm.unit == box.unit


def test_a_certificate_for_another_key_takes_no_boxs_place(centre: PaperCentre, box: Box) -> None:
    """Whoever stole the boxes' issuing key makes one of any name: a box that was heard keeps its key (WIRE 3.1).

    The box is cut off meanwhile, so that nothing else would tell the two apart. A restart and new lists change nothing.
    """
    thief = Box(authority=centre.authority, id=box.id, site=box.site, now=centre.now, run="ab" * 16)
    for _ in range(2):
        assert centre.take(thief.birth()).answers == []
        centre.pipeline.trust(trust_of(centre.authority))
        assert centre.take(thief.birth(), thief.events(thief.opened(Lane.URGENT))).answers == []
        centre.restart()
    assert set(reasons(centre)) == {"foreign_key"}
    (told,) = centre.events("envelope.rejected")
    assert (told.facts["reason"], told.facts["claimed_box"]) == ("foreign_key", box.id)
    assert "envelope.rejected" in {alarm.kind for alarm in centre.alarms()}
    assert centre.take(box.birth()).answers, "the box itself is heard as ever"


def test_a_receipt_is_signed_by_the_collector_and_names_each_lane(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.6: box, lane, run, seq and hash, signed by a certificate of role collector."""
    sending = centre.take(box.events(box.line("door.dual_open")))
    envelope = centre.centre.receipts.events(box.id, sending.heads[box.id], 0)
    identity = trust_of(centre.authority).identify(centre.chain, NOW, Role.COLLECTOR)
    unverified = read_envelope(envelope, 65536)
    opened = open_envelope(unverified, identity.public_key, EnvelopeType.RECEIPT)
    receipt = receipt_of(envelope)
    assert opened.payload
    assert (receipt.box, receipt.collector, receipt.answers) == (box.id, centre.id, Answers.EVENTS)
    assert {(head.lane, head.run, head.seq, head.hash) for head in receipt.heads} == {
        (lane, tip.run, tip.seq, tip.hash) for lane, tip in box.tips.items()
    }


def test_a_birth_is_answered_with_heads_and_certificates(centre: PaperCentre) -> None:
    """WIRE 2.6: the reply to a birth states the centre's heads, number 0 where it has nothing."""
    box = centre.box()
    receipt = centre.answer(box.birth())
    assert receipt.answers is Answers.BIRTH
    assert {(head.lane, head.seq, head.hash) for head in receipt.heads} == {(lane, 0, GENESIS) for lane in Lane}
    assert len(receipt.x5c) == 2
    assert receipt.challenge
    assert receipt.counter == 1


def test_an_honest_repeat_is_receipted_again_and_nothing_more(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.5: acknowledged and receipted again, counted as a duplicate, never quarantined, no second alarm."""
    message = box.events(box.line("door.dual_open"))
    first = centre.take(message)
    second = centre.take(message, message)
    assert second.heads == first.heads
    assert len(centre.alarms()) == 1
    assert len(centre.events("door.dual_open")) == 1
    assert reasons(centre) == []
    assert centre.metrics.registry.get_sample_value("branchwatch_duplicates_total") == 2


def test_events_of_an_unknown_key_wait_for_the_birth(centre: PaperCentre) -> None:
    """WIRE 1.2: parked, the birth is asked for once, and its answer already covers what waited."""
    box = centre.box()
    first = centre.take(box.events(box.opened(Lane.URGENT)))
    second = centre.take(box.events(box.line("door.dual_open")))
    assert [(to, ask.action) for to, ask in (*first.asks, *second.asks)] == [(box.id, "birth")]
    assert centre.events() == []
    receipt = centre.answer(box.birth())
    assert {head.lane: head.seq for head in receipt.heads} == {Lane.URGENT: 2, Lane.ROUTINE: 0}
    assert len(centre.alarms()) == 1


def test_a_key_that_nobody_introduces_is_rejected_in_the_end(centre: PaperCentre) -> None:
    """After a minute of waiting it is set aside as an unknown key."""
    box = centre.box()
    centre.take(box.events(box.opened(Lane.URGENT)))
    centre.pass_time(59)
    assert reasons(centre) == []
    centre.pass_time(2)
    assert reasons(centre) == ["unknown_key"]


def test_parked_envelopes_are_bounded(centre: PaperCentre) -> None:
    """WIRE 1.2: at most 1,000 a box; the rest is dropped, and the box sends it again."""
    box = centre.box()
    message = box.events(box.opened(Lane.URGENT))
    centre.take(*[message] * (MAX_PARKED_ENVELOPES + 50))
    centre.tick()
    assert centre.metrics.registry.get_sample_value("branchwatch_parked_envelopes") == MAX_PARKED_ENVELOPES


def test_a_signer_is_known_again_after_a_restart(centre: PaperCentre, box: Box) -> None:
    """Chains are stored: a collector that starts anew asks nobody for a birth."""
    centre.restart()
    sending = centre.take(box.events(box.line("door.dual_open")))
    assert not sending.asks
    assert sending.heads[box.id]["urgent"].seq == 2


def test_what_is_forged_is_set_aside_with_its_reason(centre: PaperCentre, box: Box) -> None:
    """Unsigned, altered, foreign, oversized, mistyped: quarantined by name, no event, no alarm but the centre's own."""
    other = centre.box("0755-032-a", "0755-032")
    centre.take(other.birth())
    sealed = box.seal(box.line("zone.fire"))
    header, payload, signature = sealed.split(b".")
    evil = box.message("event", sealed)
    foreign_site = replace(box, site="0755-032")
    foreign_site.credential, foreign_site.sealer = box.credential, box.sealer
    altered = signature[:9] + (b"A" if signature[9:10] != b"A" else b"B") + signature[10:]
    strange = [
        ("malformed", msgspec.structs.replace(evil, payload=b"\x00\xff nonsense")),
        ("malformed", msgspec.structs.replace(evil, payload=b".".join((header, payload, b"")))),
        ("bad_signature", msgspec.structs.replace(evil, payload=b".".join((header, payload, altered)))),
        ("too_large", msgspec.structs.replace(evil, payload=b"x" * (LIMITS_BYTES[Up.EVENT] + 1))),
        ("wrong_type", box.message("beat", sealed)),
        ("foreign_box", box.message("event", sealed, box=other.id)),
        ("foreign_site", foreign_site.events(foreign_site.line("zone.fire"))),
        ("malformed", box.message("event", box.sealer.seal(EnvelopeType.EVENTS, b"{}"))),
        ("bad_topic", Received(topic="bw/1/0755-031-a/up/nothing", payload=sealed, received_ms=0)),
        ("bad_topic", Received(topic="bw/1/centre-1/up/event", payload=sealed, received_ms=0)),
    ]
    before = len(centre.events())
    for reason, message in strange:
        centre.take(message)
        assert reasons(centre)[-1] == reason
    assert len(reasons(centre)) == len(strange)
    told = centre.events()[before:]
    assert {event.box for event in told} == {centre.id}
    assert {event.site for event in told} == {centre.id}, "never an alarm in another site's name"


@pytest.mark.parametrize(
    ("what", "reason"),
    [({"id": "0755-032-a"}, "foreign_box"), ({"site": "0755-032"}, "foreign_site")],
    ids=["another box", "another site"],
)
def test_a_box_speaks_for_itself_only(centre: PaperCentre, box: Box, what: dict[str, Any], reason: str) -> None:
    """A sound signature on its own topic, and inside the name of another: event, beat, birth and death are refused."""
    other = centre.box("0755-032-a", "0755-032")
    centre.take(other.birth(), other.events(other.opened(Lane.URGENT)))
    liar = replace(box, **what)
    liar.credential, liar.sealer, liar.chain = box.credential, box.sealer, box.chain
    said = [liar.events(liar.line("zone.fire")), liar.birth()]
    if liar.id != box.id:
        said += [liar.beat(), liar.death()]  # these name no site
    before = len(centre.events())
    for message in said:
        topic = message.topic.replace(liar.id, box.id)
        assert not centre.take(msgspec.structs.replace(message, topic=topic)).answers
        assert reasons(centre)[-1] == reason
    assert len(reasons(centre)) == len(said)
    assert {event.site for event in centre.events()[before:]} == {centre.id}


def test_the_largest_honest_beat_is_not_too_large(centre: PaperCentre, box: Box) -> None:
    """Limits refuse what is dishonest only: 500 points in one beat pass."""
    points = [PointState(id=f"door/point-{number}", state="closed", age_ms=1, name="门" * 8) for number in range(500)]
    centre.take(box.beat(points))
    with centre.store.read() as reading:
        (row,) = reading.boxes("", box=box.id)
    assert len(row.points) == 500


def test_rejections_are_one_incident_with_a_count(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.9: one incident per claimed box and reason in ten minutes, its end says how many; bodies are bounded."""
    bad = box.message("event", b"nonsense")
    for _ in range(3):
        centre.take(*[bad] * 20)
    (told,) = centre.events("envelope.rejected")
    assert (told.facts["claimed_box"], told.facts["reason"]) == (box.id, "malformed")
    assert len(reasons(centre)) == KEPT_PER_INCIDENT
    centre.now += timedelta(minutes=9, seconds=59)
    centre.tick()
    assert not centre.events("envelope.rejected.restored")
    centre.now += timedelta(seconds=2)
    centre.tick()
    (ended,) = centre.events("envelope.rejected.restored")
    assert ended.restores == told.id
    assert ended.facts["count"] == 60
    centre.take(bad)
    assert len(centre.events("envelope.rejected")) == 2


def test_of_a_huge_body_only_the_beginning_is_kept(centre: PaperCentre, box: Box) -> None:
    """Its true size is told all the same."""
    centre.take(box.message("event", b"x" * (MAX_KEPT_BYTES + 1)))
    with centre.store.read() as reading:
        (kept,) = reading.connection.execute(select(quarantine)).all()
    assert (len(kept.body), kept.size_bytes) == (MAX_KEPT_BYTES, MAX_KEPT_BYTES + 1)


def test_quarantine_and_incidents_are_bounded(centre: PaperCentre, box: Box) -> None:
    """Deliverable 4: whoever sends rubbish as ever more boxes fills no disk and no desk; the newest is kept."""
    for group in range(MAX_INCIDENTS // 100 + 1):
        names = [f"liar-{group}-{number}" for number in range(100)]
        centre.take(*[box.message("event", b"nonsense", box=name) for name in names for _ in range(10)])
    with centre.store.read() as reading:
        assert reading.connection.execute(select(func.count()).select_from(quarantine)).scalar() == KEPT
        assert reading.quarantine(1)[0].claimed_box == NOBODY  # the last hundred are told together
        told = reading.connection.execute(
            select(func.count()).where(events.c.kind == "envelope.rejected", events.c.box == centre.id)
        ).scalar()
    assert told == MAX_INCIDENTS + 1
    assert centre.events("envelope.rejected")[-1].facts["claimed_box"] == NOBODY


def test_a_flood_is_stopped_before_verification() -> None:
    """WIRE 2.9: a per-box limit; another box is not touched by it, and time heals it."""
    rates = Rates()
    assert all(rates.admits("a", 0) for _ in range(BURST))
    assert not rates.admits("a", 0)
    assert rates.admits("b", 0)
    assert rates.admits("a", 10)


def test_whoever_floods_is_not_verified(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.9: beyond its rate nothing of a box is looked at, it is told, not kept; the others are heard meanwhile."""
    flood = centre.box("0755-032-a", "0755-032")
    centre.take(*[flood.events(flood.opened(Lane.URGENT))] * (BURST + 5))
    assert centre.rejected("rate") == 5
    assert [event.facts["reason"] for event in centre.events("envelope.rejected")] == ["rate"]
    assert reasons(centre) == []
    assert centre.take(box.events(box.line("door.forced"))).heads[box.id]["urgent"].seq == 2


def test_a_revoked_certificate_counts_from_the_next_envelope(centre: PaperCentre) -> None:
    """WIRE 2.5, 3.3: revoked is quarantined, checked per envelope although the connection still lives."""
    authority = Authority.create(now=NOW)
    box = Box(authority=authority, id="0755-035-a", site="0755-035", now=NOW)
    centre.pipeline.trust(trust_of(authority))
    centre.take(box.birth(), box.events(box.opened(Lane.URGENT)))
    assert len(centre.events("ledger.opened")) == 1
    revoked = authority.revoke(box.credential.certificate, now=NOW)
    centre.pipeline.trust(trust_of(revoked))
    centre.take(box.events(box.line("zone.fire")), box.birth())
    assert reasons(centre) == ["revoked", "revoked"]
    assert centre.events("zone.fire") == []


def test_an_expired_certificate_is_stored_and_flagged(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.5: expired but unrevoked is authentic: stored, flagged, alarmed."""
    centre.now = box.now = box.credential.certificate.not_valid_after_utc + timedelta(days=3)
    centre.take(box.events(box.line("door.dual_open")))
    (event,) = centre.events("door.dual_open")
    assert Flag.CERTIFICATE_EXPIRED in event.flags
    assert centre.alarms()


def test_another_root_introduces_nobody(centre: PaperCentre) -> None:
    """A birth whose chain leads elsewhere teaches the centre nothing."""
    stranger = Box(authority=Authority.create(now=NOW), now=NOW)
    centre.take(stranger.birth())
    assert reasons(centre) == ["untrusted"]
    with centre.store.read() as reading:
        assert reading.boxes("") == ()


def test_a_birth_may_not_bring_another_box_s_certificate(centre: PaperCentre, box: Box) -> None:
    """The key that signs the birth is the key of the certificate in it."""
    thief = centre.box("0755-032-a", "0755-032")
    thief.chain = box.chain
    centre.take(thief.birth())
    assert reasons(centre) == ["unknown_key"]


def test_a_person_s_certificate_is_no_box(centre: PaperCentre) -> None:
    """A role is accepted from its issuer only, and a birth is accepted from boxes only."""
    person = Box(authority=centre.authority, id="operator-1", role=Role.PERSON, now=NOW)
    person.chain = der_chain(centre.authority, person.credential.certificate)
    centre.take(person.birth())
    assert reasons(centre) == ["untrusted"]


def test_a_store_set_back_is_told_and_loses_nothing(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.2: rollback, range named; every line is stored, the head follows the box, repeats tell nothing more."""
    image = dict(box.tips)
    centre.take(box.events(box.line("door.forced"), box.line("door.forced")))
    box.tips = image
    box.restart()
    sending = centre.take(box.events(box.opened(Lane.URGENT), box.line("zone.fire")))
    (told,) = centre.events("ledger.rollback")
    assert (told.site, told.facts["box"], told.facts["from"], told.facts["to"]) == (box.site, box.id, 2, 3)
    assert told.facts["run"] == box.run
    head = sending.heads[box.id]["urgent"]
    assert (head.run, head.seq) == (box.run, 3)
    centre.take(box.events(box.line("zone.fire")))
    assert len(centre.events("ledger.rollback")) == 1
    assert len(centre.events("door.forced")) == 2


def test_a_lane_beyond_a_hole_is_receipted_once_the_hole_is_explained(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.4: lines after the hole wait; the shed line, sent ahead of its lane, lets the head step over."""
    hole_prev = box.tips[Lane.ROUTINE].hash
    box.line("ledger.mark")
    lost = box.tips[Lane.ROUTINE]
    kept = box.line("ledger.mark")
    facts: dict[str, Any] = {"from": 2, "to": 2, "first_prev": hole_prev, "last_hash": lost.hash}
    shed = box.line("ledger.shed", **facts)
    assert centre.take(box.events(kept)).heads[box.id]["routine"].seq == 1
    assert centre.take(box.events(shed)).heads[box.id]["routine"].seq == 4


def test_a_hole_that_grew_around_what_arrived_does_not_hold_the_lane_up(centre: PaperCentre, box: Box) -> None:
    """A box gives up lines whose receipts it never got, and signs anew for the whole: the head goes on behind it."""
    before = box.tips[Lane.ROUTINE].hash
    box.line("ledger.mark")
    facts: dict[str, Any] = {"from": 2, "first_prev": before}
    small = box.line("ledger.shed", to=2, last_hash=box.tips[Lane.ROUTINE].hash, **facts)
    box.line("ledger.mark")
    whole = box.line("ledger.shed", to=4, last_hash=box.tips[Lane.ROUTINE].hash, **facts)
    kept = box.line("ledger.mark")
    centre.take(box.events(small))
    centre.take(box.events(whole))
    assert centre.take(box.events(kept)).heads[box.id]["routine"].seq == 6


def test_an_older_shed_line_that_comes_late_does_not_shrink_the_hole(centre: PaperCentre, box: Box) -> None:
    """The newest explanation is sent ahead; the one it replaced follows in its turn and changes nothing."""
    facts: dict[str, Any] = {"from": 2, "first_prev": box.tips[Lane.ROUTINE].hash}
    box.line("ledger.mark")
    of_two = box.tips[Lane.ROUTINE].hash
    box.line("ledger.mark")
    of_three = box.tips[Lane.ROUTINE].hash
    kept = box.line("ledger.mark")
    stale = box.line("ledger.shed", to=2, last_hash=of_two, **facts)
    newest = box.line("ledger.shed", to=3, last_hash=of_three, **facts)
    centre.take(box.events(newest))
    assert centre.take(box.events(kept, stale)).heads[box.id]["routine"].seq == 6


def test_a_date_that_does_not_exist_is_the_boxs_fault(centre: PaperCentre, box: Box) -> None:
    """It is malformed, set aside with that reason, and no fault of ours."""
    line = box.line("door.forced")
    wrong = line.replace(format_time(box.now).encode(), b"2026-06-31T00:00:00.000Z")
    centre.take(box.events(wrong), box.beat(at="2026-02-30T00:00:00.000Z"))
    assert reasons(centre) == ["malformed", "malformed"]


def test_a_poisoned_urgent_record_is_stepped_over(centre: PaperCentre, box: Box) -> None:
    """FIELD-FAULTS row 7, the centre's half: a hole in the urgent lane is explained by a line of the routine lane."""
    hole_prev = box.tips[Lane.URGENT].hash
    box.line("door.forced")
    lost = box.tips[Lane.URGENT]
    kept = box.line("door.dual_open")
    told: dict[str, Any] = {
        "from": 2,
        "to": 2,
        "first_prev": hole_prev,
        "last_hash": lost.hash,
        "lane": Lane.URGENT.value,
    }
    centre.take(box.events(kept), box.events(box.line("ledger.shed", **told)))
    assert {head.lane: head.seq for head in centre.answer(box.beat()).heads} == {Lane.URGENT: 3, Lane.ROUTINE: 2}


def test_one_poisoned_message_does_not_stop_the_others(centre: PaperCentre, box: Box) -> None:
    """FIELD-FAULTS row 7: what the database cannot take is set aside with its name; the rest of its group is stored."""
    good = box.events(box.line("door.dual_open"))
    clash = box.events(box.line("door.forced"))
    poison = {
        "sqlite": "CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.kind = 'door.forced'"
        " BEGIN SELECT RAISE(ABORT, 'poison'); END",
        "postgresql": "ALTER TABLE events ADD CONSTRAINT poison CHECK (kind <> 'door.forced')",
    }
    with centre.store.write() as connection:
        connection.exec_driver_sql(poison[connection.dialect.name])
    sending = centre.pipeline.take([good, clash], now_ms=1, mono_ms=1, listening_ms=0)
    assert reasons(centre) == ["not_stored"]
    assert sending.heads[box.id]["urgent"].seq == 2
    assert len(centre.events("door.dual_open")) == 1


def test_a_clock_that_is_off_is_flagged_and_never_refused(centre: PaperCentre) -> None:
    """FIELD-FAULTS row 13: an hour off, either way: accepted, flagged, and the box is told the time."""
    for name, off in (("0755-036-a", timedelta(hours=1)), ("0755-037-a", timedelta(hours=-1))):
        box = centre.box(name, name[:-2])
        box.now += off
        receipt = centre.answer(box.birth())
        assert receipt.at.startswith(f"{centre.now:%Y-%m-%dT%H:%M:%S}")
        centre.take(box.events(box.opened(Lane.URGENT), box.line("door.dual_open")))
        (event,) = [each for each in centre.events("door.dual_open") if each.box == name]
        assert Flag.CLOCK_OFF in event.flags
        with centre.store.read() as reading:
            (row,) = reading.boxes("", box=name)
        assert abs(row.offset_ms - off.total_seconds() * 1000) < 1000


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00.000Z", "1970-01-01T00:00:07.000Z", "9999-12-31T23:59:59.999Z"])
def test_a_clock_without_any_sense_hides_no_alarm(centre: PaperCentre, box: Box, at: str) -> None:
    """FIELD-FAULTS row 13: a clock of another age is stored and flagged, opens its alarm and can be told anywhere."""
    box.now = centre.now
    said = box.line("door.dual_open").replace(format_time(box.now).encode(), at.encode())
    said = said.replace(b'"clock":"synced"', b'"clock":"suspect"')
    centre.take(box.beat(at=at))
    centre.take(box.events(said))
    (event,) = centre.events("door.dual_open")
    assert Flag.CLOCK_SUSPECT in event.flags
    assert Flag.CLOCK_OFF in event.flags
    (alarm,) = centre.alarms()
    assert 0 <= alarm.at_ms == event.at_ms
    assert iso(event.at_ms) == max(at, "1970-01-01T00:00:00.000Z")
    assert reasons(centre) == []


def test_a_restore_finds_its_alarm_in_either_order(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.3: a restore may arrive before what it ends."""
    first = box.line("door.dual_open")
    second = box.line("door.dual_open")
    restores = [_restoring(box, decode_event(line).id) for line in (first, second)]
    centre.take(box.events(first))
    centre.take(box.events(restores[0]))
    assert centre.alarms()[0].restored_ms is not None
    centre.take(box.events(restores[1]))
    centre.take(box.events(second))
    assert len(centre.alarms()) == 1
    assert centre.alarms()[0].restored_ms is not None


def _restoring(box: Box, event_id: str) -> bytes:
    """The next line of a box: the end of an event."""
    tip = box.tips[Lane.URGENT]
    event = decode_event(box.line("door.dual_open.restored"))
    line = encode(msgspec.structs.replace(event, restores=event_id))
    box.tips[Lane.URGENT] = Position(run=tip.run, seq=event.seq, hash=line_hash(line))
    return line
