"""Silence, delay, gaps and doubles: WIRE 2.2 and 2.8 in virtual time, through the whole ingest and its tick."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from collector.fleet.supervision import supervise
from collector.ingest.sequence import Standing
from collector.storage import writing
from collector.storage.records import EventRow
from collector.times import unix_ms
from protocol.kinds import Lane
from protocol.messages import PointState
from protocol.timestamps import format_time
from tests.collecting import Box, PaperCentre, receipt_of


@pytest.fixture
def box(centre: PaperCentre) -> Box:
    """A key site's box: beats every 5 s, silent after 17.5 s."""
    made = centre.box()
    meet(centre, made)
    return made


def meet(centre: PaperCentre, box: Box) -> None:
    """Birth and the first lines; the box remembers the challenge it was given."""
    box.echo = centre.answer(box.birth()).challenge
    centre.take(box.events(box.opened(Lane.URGENT)), box.events(box.opened(Lane.ROUTINE)))


def beat(centre: PaperCentre, box: Box) -> None:
    """A beat that echoes the last challenge."""
    box.echo = centre.answer(box.beat()).challenge


def live(centre: PaperCentre, box: Box, seconds: int) -> None:
    """Time passes with honest beats."""
    for _ in range(seconds // 5):
        centre.pass_time(5)
        beat(centre, box)


def told(centre: PaperCentre) -> list[str]:
    """What the centre found itself, oldest first."""
    return [event.kind for event in found(centre) if event.kind != "ledger.opened"]


def found(centre: PaperCentre) -> list[EventRow]:
    """The centre's own events."""
    return [event for event in centre.events() if event.box == centre.id]


def test_a_living_box_is_never_told_of(centre: PaperCentre, box: Box) -> None:
    """Five minutes of honest beats: nothing is found."""
    live(centre, box, 300)
    assert told(centre) == []


def test_silence_is_told_after_three_and_a_half_beats(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.8: 17.5 s at a key site, once, with the site that is silent; the next beat ends it."""
    live(centre, box, 20)
    centre.pass_time(17)
    assert told(centre) == []
    centre.pass_time(1)
    assert told(centre) == ["box.silent"]
    centre.pass_time(300)
    assert told(centre) == ["box.silent"]
    silent = found(centre)[-1]
    assert (silent.site, silent.source) == (box.site, f"box/{box.id}")
    (alarm,) = centre.alarms(site=box.site)
    box.echo = ""
    centre.answer(box.birth())
    assert told(centre) == ["box.silent", "box.silent.restored"]
    assert found(centre)[-1].restores == silent.id
    assert centre.alarms(site=box.site)[0].id == alarm.id
    assert centre.alarms(site=box.site)[0].restored_ms is not None


def test_a_slow_box_is_given_the_time_it_asks_for(centre: PaperCentre) -> None:
    """WIRE 2.8: the site file says how long; the birth carries it."""
    box = centre.box("0755-040-a", "0755-040", beat_s=15.0, silent_after_s=52.5)
    meet(centre, box)
    centre.pass_time(52)
    assert told(centre) == []
    centre.pass_time(1)
    assert told(centre) == ["box.silent"]


def test_a_death_only_shortens_the_wait(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.8: a will brings silence forward by some beats and is undone by the next beat."""
    live(centre, box, 10)
    centre.take(box.death())
    centre.pass_time(7)
    assert told(centre) == []
    centre.pass_time(1)
    assert told(centre) == ["box.silent"]
    box.echo = ""
    box.echo = centre.answer(box.birth()).challenge
    centre.take(box.death())
    centre.pass_time(5)
    beat(centre, box)
    centre.pass_time(10)
    assert told(centre) == ["box.silent", "box.silent.restored"]


def test_the_death_of_an_older_connection_means_nothing(centre: PaperCentre, box: Box) -> None:
    """The will of a connection that was replaced meanwhile does not shorten anything."""
    old = box.death()
    live(centre, box, 30)
    box.echo = centre.answer(box.birth()).challenge
    centre.take(old)
    centre.pass_time(16)
    assert told(centre) == []


def test_a_beat_that_comes_again_is_dropped(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.8: the counter does not rise: no sign of life, no answer."""
    live(centre, box, 10)
    replayed = box.beat()
    centre.take(replayed)
    centre.pass_time(16)
    assert not centre.take(replayed).answers
    centre.pass_time(2)
    assert told(centre) == ["box.silent"]


def test_an_old_birth_that_comes_again_is_dropped(centre: PaperCentre, box: Box) -> None:
    """A birth of a run long gone cannot hide a silence, however long it was kept."""
    birth = box.birth()
    centre.answer(birth)
    for _ in range(6):
        box.restart()
        meet(centre, box)
    centre.pass_time(16)
    assert not centre.take(birth).answers
    centre.pass_time(2)
    assert told(centre) == ["box.silent"]


def test_what_is_held_back_is_told(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.8: an echo older than 20 s is link.delayed, told once; a fresh echo ends it."""
    live(centre, box, 20)
    stale = box.echo
    for _ in range(5):
        centre.pass_time(5)
        box.echo = stale
        centre.answer(box.beat())
    assert told(centre) == ["link.delayed"]
    beat(centre, box)
    live(centre, box, 10)
    assert told(centre) == ["link.delayed", "link.delayed.restored"]


@pytest.mark.parametrize("lost", ["beat", "receipt"])
@pytest.mark.parametrize("beat_s", [5, 15])
def test_one_lost_message_is_no_delay(centre: PaperCentre, beat_s: int, lost: str) -> None:
    """A beat or its answer gets lost now and then: two beats are no late echo, however slowly the box beats."""
    box = slow(centre, beat_s)
    for _ in range(3):
        missing(centre, box, beat_s, lost, times=1)
        centre.pass_time(beat_s)
        beat(centre, box)
    assert told(centre) == []


@pytest.mark.parametrize("lost", ["beat", "receipt"])
def test_two_lost_messages_in_a_row_are_a_delay(centre: PaperCentre, lost: str) -> None:
    """At beats of 15 s the limit is 37.5 s, and it is named; the next fresh echo ends it."""
    box = slow(centre, 15)
    missing(centre, box, 15, lost, times=2)
    centre.pass_time(15)
    beat(centre, box)
    assert told(centre) == ["link.delayed"]
    assert found(centre)[-1].facts == {"box": box.id, "echo_age_s": 45.0, "limit_s": 37.5}
    centre.pass_time(15)
    beat(centre, box)
    assert told(centre) == ["link.delayed", "link.delayed.restored"]


@pytest.mark.parametrize(("age_s", "late"), [(20, False), (21, True)])
def test_a_key_site_is_late_after_20_s(centre: PaperCentre, box: Box, age_s: int, late: bool) -> None:
    """WIRE 2.8 to the second: slower beats elsewhere weaken nothing here."""
    live(centre, box, 20)
    stale = box.echo
    for _ in range(3):
        centre.pass_time(5)
        centre.take(box.beat())
    centre.pass_time(age_s - 15)
    box.echo = stale
    centre.take(box.beat())
    assert told(centre) == (["link.delayed"] if late else [])


def test_a_broker_that_was_not_heard_blames_no_box(centre: PaperCentre, box: Box) -> None:
    """Of two brokers one was away while the other was heard: boxes of the first were not answered, and are not late."""
    other = centre.box("0755-032-a", "0755-032")
    meet(centre, other)
    live(centre, box, 10)
    for _ in range(5):
        centre.pass_time(5)
        other.echo = centre.answer(other.beat()).challenge
        waiting = box.beat()
    back_ms = unix_ms(centre.now)
    centre.take(msgspec.structs.replace(waiting, heard_since_ms=back_ms))
    assert "link.delayed" not in told(centre)
    for _ in range(5):
        centre.pass_time(5)
        centre.answer(msgspec.structs.replace(box.beat(), heard_since_ms=back_ms))
    assert "link.delayed" in told(centre), "it is heard again and still echoes what is old"


def slow(centre: PaperCentre, beat_s: int) -> Box:
    """A box that beats this often and has been heard twice."""
    box = centre.box(beat_s=float(beat_s), silent_after_s=3.5 * beat_s)
    meet(centre, box)
    centre.pass_time(beat_s)
    beat(centre, box)
    return box


def missing(centre: PaperCentre, box: Box, beat_s: int, lost: str, times: int) -> None:
    """So many beats in a row, or their answers, are lost."""
    for _ in range(times):
        centre.pass_time(beat_s)
        message = box.beat()
        if lost == "receipt":
            centre.take(message)


def test_receipts_that_never_arrive_are_told_too(centre: PaperCentre, box: Box) -> None:
    """Nothing to echo 20 s after the answer to the birth: somebody takes the receipts away."""
    for _ in range(6):
        centre.pass_time(5)
        box.echo = ""
        centre.answer(box.beat())
    assert told(centre) == ["link.delayed"]


def test_the_collector_s_own_absence_is_held_against_nobody(centre: PaperCentre, box: Box) -> None:
    """After a restart neither silence nor delay is counted from before it."""
    live(centre, box, 20)
    centre.close()
    centre.now += timedelta(minutes=5)
    box.now += timedelta(minutes=5)
    centre.start()
    centre.pass_time(5)
    beat(centre, box)
    live(centre, box, 20)
    assert told(centre) == []
    centre.close()
    centre.start()
    centre.pass_time(17)
    assert told(centre) == []
    centre.pass_time(1)
    assert told(centre) == ["box.silent"]


@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-1)], ids=["forward", "back"])
def test_a_clock_of_the_centre_that_is_set_blames_no_box(centre: PaperCentre, box: Box, by: timedelta) -> None:
    """Its own clock tells no silence and no delay; a box that then goes is still missed in time."""
    live(centre, box, 20)
    centre.set_clock(by)
    live(centre, box, 60)
    assert told(centre) == []
    centre.set_clock(by)
    centre.pass_time(17)
    assert told(centre) == []
    centre.pass_time(1)
    assert told(centre) == ["box.silent"]


def test_a_centre_that_stood_still_blames_no_box(centre: PaperCentre, box: Box) -> None:
    """A process that was stopped for half a minute heard nothing meanwhile: what waited for it is not late."""
    live(centre, box, 20)
    waiting = [box.beat(), box.beat()]
    centre.stand_still(timedelta(seconds=30))
    centre.take(*waiting)
    beat(centre, box)
    live(centre, box, 20)
    assert told(centre) == []


def test_an_open_condition_survives_a_restart(centre: PaperCentre, box: Box) -> None:
    """What was told before a restart is not told again after it, and its end finds it."""
    centre.pass_time(20)
    assert told(centre) == ["box.silent"]
    centre.restart()
    centre.pass_time(60)
    assert told(centre) == ["box.silent"]
    box.echo = ""
    centre.answer(box.birth())
    assert told(centre) == ["box.silent", "box.silent.restored"]
    assert found(centre)[-1].restores == found(centre)[1].id


def test_the_centre_s_own_lane_is_one_chain_over_restarts(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.3: signed and chained like a box's, each life opening its run."""
    centre.pass_time(20)
    centre.restart()
    box.echo = ""
    centre.answer(box.birth())
    own = found(centre)
    assert [event.kind for event in own] == ["ledger.opened", "box.silent", "ledger.opened", "box.silent.restored"]
    assert [event.seq for event in own] == [1, 2, 3, 4]
    assert own[2].facts["run"] == own[1].run


def test_missing_events_are_asked_for_once_and_then_told(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.8: a head above the committed one for 20 s after one request is ledger.gap; their arrival ends it."""
    lost = box.events(box.line("door.forced"), box.line("door.forced"))
    asks = []
    for _ in range(4):
        beat(centre, box)
        asks += centre.pass_time(5).asks
    assert [(ask.action, ask.args) for _, ask in asks] == [("resend", {"lane": "urgent", "from": 2})]
    assert told(centre) == []
    live(centre, box, 10)
    assert told(centre) == ["ledger.gap"]
    gap = found(centre)[-1]
    assert (gap.facts["lane"], gap.facts["from"], gap.facts["to"]) == ("urgent", 2, 3)
    live(centre, box, 60)
    assert told(centre) == ["ledger.gap"]
    centre.take(lost)
    beat(centre, box)
    assert told(centre) == ["ledger.gap", "ledger.gap.restored"]


def test_missing_events_are_given_time_to_come_by_themselves(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.7: a box sends again after 5 s, so nothing is asked for before, and nothing that has come by then."""
    late = box.events(box.line("door.forced"))
    beat(centre, box)
    assert list(centre.pass_time(4).asks) == []
    asked = centre.pass_time(1).asks
    assert [ask.action for _, ask in asked] == ["resend"]
    centre.take(late)
    beat(centre, box)
    late = box.events(box.line("door.forced"))
    beat(centre, box)
    centre.pass_time(4)
    centre.take(late)
    assert list(centre.pass_time(6).asks) == []


@pytest.mark.parametrize(("waited_ms", "asks"), [(0, 0), (4_999, 0), (5_000, 1)])
def test_looking_early_asks_for_nothing(centre: PaperCentre, box: Box, waited_ms: int, asks: int) -> None:
    """A box looked at for another reason is not asked before its 5 s are over; then once."""
    box.line("door.forced")
    beat(centre, box)
    with centre.store.write() as connection:
        state = writing.box_states(connection, [box.id])[box.id]
    claim = state.claims["urgent"]
    heads = {"urgent": Standing(run=box.run, seq=claim.at_seq, hash="", stored_to=claim.at_seq)}
    verdict = supervise(state, heads, claim.since_ms + waited_ms, 0)
    again = supervise(verdict.state, heads, claim.since_ms + waited_ms, 0)
    assert (len(verdict.asks), len(again.asks)) == (asks, 0)


def test_a_backlog_that_moves_is_no_gap(centre: PaperCentre, box: Box) -> None:
    """While the committed head moves, a box that is behind is only busy."""
    backlog = [box.events(box.line("door.forced")) for _ in range(30)]
    for message in backlog:
        centre.take(message)
        live(centre, box, 5)
    assert told(centre) == []


def test_a_silent_box_has_no_gap(centre: PaperCentre, box: Box) -> None:
    """What cannot arrive because the line is gone is told as silence, not as missing."""
    box.line("door.forced")
    beat(centre, box)
    centre.pass_time(120)
    assert told(centre) == ["box.silent"]


def test_a_restart_of_a_box_is_no_fork(centre: PaperCentre, box: Box) -> None:
    """A new run after the old one ended: nothing is told, and beats of the old run in flight are harmless."""
    live(centre, box, 20)
    late = box.beat()
    box.restart()
    meet(centre, box)
    centre.take(late)
    live(centre, box, 60)
    assert told(centre) == []


def test_a_cloned_disk_image_is_found_refused_and_alarmed(centre: PaperCentre, box: Box) -> None:
    """FIELD-FAULTS row 14: the image comes up a second time while the first lives on: fork, told once, box marked."""
    box.machine = "a" * 16
    box.echo = centre.answer(box.birth()).challenge
    live(centre, box, 20)
    clone = box.clone(machine="b" * 16)
    centre.boxes.append(clone)
    begun = centre.now
    meet(centre, clone)
    for _ in range(4):
        centre.pass_time(5)
        beat(centre, box)
        beat(centre, clone)
    forks = [event for event in found(centre) if event.kind == "ledger.fork"]
    assert [(event.level, event.site, event.facts["why"]) for event in forks] == [(1, box.site, "two runs alive")]
    facts = forks[0].facts
    both = {(facts[f"{of}run"], facts[f"{of}machine"], facts[f"{of}first_heard"]) for of in ("", "other_")}
    first, second = format_time(begun - timedelta(seconds=20)), format_time(begun)
    assert both == {(box.run, box.machine, first), (clone.run, clone.machine, second)}
    assert forks[0].because == (
        (first, f"box/{box.id}", "appeared", f"machine {box.machine}, run {box.run}"),
        (second, f"box/{box.id}", "appeared", f"machine {clone.machine}, run {clone.run}"),
    )
    with centre.store.read() as reading:
        (row,) = reading.boxes("", box=box.id)
    assert row.forked, "orders to it are refused from now on"
    assert centre.alarms(kind="ledger.fork")
    live(centre, clone, 20)
    assert len([event for event in found(centre) if event.kind == "ledger.fork"]) == 1


def test_clones_that_throw_each_other_off_are_found(centre: PaperCentre, box: Box) -> None:
    """FIELD-FAULTS row 14: a broker lets one client of a name live, so neither comes to a beat: their births tell."""
    clone = box.clone()
    centre.boxes.append(clone)
    for _ in range(2):
        for each in (clone, box):
            centre.pass_time(2)
            centre.take(each.birth())
    forks = [event for event in found(centre) if event.kind == "ledger.fork"]
    assert [(event.level, event.facts["why"]) for event in forks] == [(1, "two runs alive")]
    assert {forks[0].facts["run"], forks[0].facts["other_run"]} == {box.run, clone.run}


def test_a_birth_in_flight_while_the_box_restarts_is_no_fork(centre: PaperCentre, box: Box) -> None:
    """One birth of the run before may arrive late; nothing is told of it."""
    live(centre, box, 20)
    late = box.birth()
    box.restart()
    meet(centre, box)
    centre.take(late)
    live(centre, box, 60)
    assert told(centre) == []


def test_a_clone_that_only_writes_is_found_by_its_lines(centre: PaperCentre, box: Box) -> None:
    """FIELD-FAULTS row 14: both histories are kept, and the younger run is named as the one that branches off."""
    clone = box.clone()
    centre.take(clone.events(clone.opened(Lane.URGENT), clone.line("zone.fire")))
    centre.take(box.events(box.line("door.forced")))
    (told_of,) = [event for event in found(centre) if event.kind == "ledger.rollback"]
    assert told_of.facts["run"] == clone.run
    assert {event.kind for event in centre.events()} >= {"zone.fire", "door.forced"}


def test_two_contents_under_one_key_are_alarmed(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.2: a machine resumed from a snapshot writes the same number twice: fork, both contents kept."""
    image = dict(box.tips)
    centre.take(box.events(box.line("door.forced")))
    box.tips = image
    centre.take(box.events(box.line("zone.fire")))
    (fork,) = [event for event in found(centre) if event.kind == "ledger.fork"]
    assert fork.facts["why"] == "two contents under one key"
    assert {event.kind for event in centre.events()} >= {"zone.fire", "door.forced"}
    assert centre.alarms(kind="zone.fire")
    with centre.store.read() as reading:
        (row,) = reading.boxes("", box=box.id)
    assert row.forked, "orders to it are refused from now on"


def test_points_are_known_with_their_age(centre: PaperCentre, box: Box) -> None:
    """WIRE 2.8: a birth carries every point's state and age; a beat what changed; names stay."""
    centre.answer(box.birth([PointState(id="door/outer", state="closed", age_ms=60_000, name="通道外门")]))
    centre.pass_time(5)
    centre.answer(box.beat([PointState(id="door/outer", state="open", age_ms=200)]))
    with centre.store.read() as reading:
        ((point),) = reading.boxes("", box=box.id)[0].points
    assert (point.name, point.state) == ("通道外门", "open")
    assert point.since_ms == round(centre.now.timestamp() * 1000) - 200


def test_a_beat_s_answer_states_the_events_that_came_with_it(centre: PaperCentre, box: Box) -> None:
    """One answer serves both: the heads in it include what arrived in the same moment."""
    sending = centre.take(box.events(box.line("door.forced")), box.beat())
    assert not sending.heads
    ((_, receipt),) = sending.answers
    assert {head.lane: head.seq for head in receipt_of(receipt).heads} == {Lane.URGENT: 2, Lane.ROUTINE: 1}


def test_a_beat_of_an_unknown_box_asks_for_its_birth(centre: PaperCentre, box: Box) -> None:
    """Known key, unknown box: after a restore of an older database it has to introduce itself."""
    with centre.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM boxes")
    sending = centre.take(box.beat())
    assert [(name, ask.action) for name, ask in sending.asks] == [(box.id, "birth")]
