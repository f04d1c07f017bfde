"""The box's clock, its counter, its links, its reports and its word to systemd: pure parts, in virtual time."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from agent import challenges, links, presence
from agent.challenges import Challenges
from agent.clocks import ClockState, clock_findings, confirmed, ticked
from agent.counting import BLOCK, next_number, reserve, started
from agent.findings import Finding, Phase
from agent.incidents import Incidents, noted
from agent.links import KEY_SITE, ORDINARY
from agent.links import Path as Way
from agent.outbox.records import LaneStanding, Standing
from agent.presence import NO_CHANGES
from agent.signals import Moment
from agent.store_watch import sounds, store_findings
from protocol.kinds import Lane
from protocol.ledger import Position
from protocol.messages import Clock as Word
from protocol.systemd import notify, watchdog_interval
from tests.clock import Clock

SECOND = timedelta(seconds=1)


def moment(clock: Clock) -> Moment:
    """Now."""
    return Moment(wall=clock.now(), mono_ms=clock.mono_ms())


def phases(findings: tuple[Finding, ...]) -> list[Phase]:
    """What began or ended."""
    return [finding.phase for finding in findings]


def test_a_clock_is_synced_by_a_receipt_and_holds_over_without() -> None:
    """Synced while a signed receipt agreed within the hour, holdover before and after."""
    clock = Clock()
    state = ticked(ClockState(floor=clock.now()), moment(clock))
    assert state.word(moment(clock)) is Word.HOLDOVER
    state = confirmed(state, clock.now() + SECOND, timedelta(milliseconds=50), moment(clock))
    assert state.word(moment(clock)) is Word.SYNCED
    clock.advance(timedelta(hours=2))
    assert ticked(state, moment(clock)).word(moment(clock)) is Word.HOLDOVER


def test_a_floor_that_lies_ahead_is_not_told_by_turns() -> None:
    """A centre's clock was an hour fast and is right again: the box's fault ends once, though the floor stays ahead."""
    clock = Clock()
    state = confirmed(ClockState(floor=clock.now()), clock.now() + timedelta(hours=1), SECOND, moment(clock))
    assert state.word(moment(clock)) is Word.SUSPECT
    told: list[Phase] = []
    for _ in range(5):
        clock.advance(SECOND)
        after = ticked(confirmed(state, clock.now(), SECOND, moment(clock)), moment(clock))
        told += phases(clock_findings(state, after, moment(clock)))
        state = after
    assert told == [Phase.ENDED]
    assert state.word(moment(clock)) is Word.SYNCED
    clock.set_wall(clock.now() - timedelta(days=1))
    assert ticked(state, moment(clock)).word(moment(clock)) is Word.SUSPECT


def test_a_clock_that_jumps_is_suspect_until_a_receipt_agrees() -> None:
    """FIELD-FAULTS row 13 (box): wall time that leaves monotonic time is told once, and once when it is right again."""
    clock = Clock()
    before = confirmed(ClockState(floor=clock.now()), clock.now(), SECOND, moment(clock))
    clock.advance(SECOND)
    clock.set_wall(clock.now() + timedelta(hours=1))
    after = ticked(before, moment(clock))
    assert after.word(moment(clock)) is Word.SUSPECT
    (finding,) = clock_findings(before, after, moment(clock))
    assert (finding.kind, finding.phase, finding.facts["offset_s"]) == ("box.clock_fault", Phase.RAISED, -3599.5)
    clock.advance(SECOND)
    assert clock_findings(after, ticked(after, moment(clock)), moment(clock)) == ()
    clock.set_wall(clock.now() - timedelta(hours=1))
    fixed = confirmed(ticked(after, moment(clock)), clock.now(), SECOND, moment(clock))
    assert phases(clock_findings(after, fixed, moment(clock))) == [Phase.ENDED]


def test_a_clock_behind_the_floor_is_suspect_and_a_late_receipt_proves_nothing() -> None:
    """WIRE 3.7: it is certainly not earlier than a signed receipt ever said; a delayed one measures the link."""
    clock = Clock()
    floor = clock.now()
    clock.set_wall(floor - timedelta(days=400))
    state = ticked(ClockState(floor=floor), moment(clock))
    assert state.cause == "behind"
    late = confirmed(state, clock.now(), timedelta(seconds=20), moment(clock))
    assert late.cause == "behind"
    assert late.floor == floor
    hour_off = confirmed(ClockState(floor=floor), clock.now() + timedelta(hours=1), SECOND, moment(clock))
    assert hour_off.cause == "offset"


def test_the_counter_rises_across_restarts_and_a_lost_store() -> None:
    """A beat whose counter does not rise is dropped, so nothing may ever set it back."""
    counter = reserve(started(None, 1_000))
    used = []
    for _ in range(5):
        counter = next_number(counter)
        used.append(counter.last)
    again = started(str(counter.reserved).encode(), 1_003)
    assert next_number(again).last > max(used)
    assert next_number(started(None, 1_000 + BLOCK)).last > max(used)
    assert started(b"nonsense", 5).last == 5


def test_a_path_is_lost_in_time_and_told_once() -> None:
    """Loss of a path is told within 20 s at key sites and 30 s elsewhere, with its return."""
    assert KEY_SITE.lost_after + SECOND <= timedelta(seconds=20)
    assert ORDINARY.lost_after + SECOND <= timedelta(seconds=30)
    clock = Clock()
    way = Way(alive_at=moment(clock))
    told: list[Finding] = []
    for _ in range(40):
        clock.advance(SECOND)
        way, found = links.looked_at(way, 1, KEY_SITE, moment(clock))
        told += found
    assert [(finding.kind, finding.phase) for finding in told] == [("link.backup_lost", Phase.RAISED)]
    way, found = links.proven(way, 1, moment(clock))
    assert phases(found) == [Phase.ENDED]
    assert links.proven(way, 1, moment(clock))[1] == ()


def test_refusals_of_one_cause_are_reported_with_a_count() -> None:
    """WIRE 2.9: a flood of bad messages makes one report in ten minutes, which says how many there were."""
    clock = Clock()
    incidents = Incidents()
    reports = []
    for _ in range(1300):
        incidents, count = noted(incidents, "bad_signature", moment(clock))
        reports.append(count)
        clock.advance(SECOND)
    assert [count for count in reports if count] == [1, 600, 600]


def test_order_challenges_live_ten_minutes_in_memory() -> None:
    """WIRE 4.2: a new one every 60 s, honoured for 10 minutes of monotonic time."""
    clock = Clock()
    state = Challenges()
    assert challenges.is_due(state, moment(clock))
    state = challenges.renewed(state, b"a" * 16, moment(clock))
    first = state.current
    assert not challenges.is_due(state, moment(clock))
    clock.advance(timedelta(minutes=10))
    state = challenges.renewed(state, b"b" * 16, moment(clock))
    assert state.honours(first, moment(clock))
    clock.advance(SECOND)
    assert not state.honours(first, moment(clock))
    assert state.honours(state.current, moment(clock))


def test_a_change_is_told_until_a_beat_that_carried_it_is_receipted() -> None:
    """WIRE 2.8: the present reaches the centre even if a beat is lost, and is not repeated for ever."""
    changes = presence.changed(NO_CHANGES, ["door/outer"])
    changes = presence.carried(changes, ["door/outer"], 5)
    assert presence.answered(changes, 4).due() == ("door/outer",)
    assert presence.answered(presence.changed(changes, ["door/outer"]), 5).due() == ("door/outer",)
    assert presence.answered(changes, 5).due() == ()


def test_systemd_hears_when_it_listens(tmp_path: Path) -> None:
    """sd_notify(3): a datagram to NOTIFY_SOCKET; without it, or with a deaf one, nothing happens."""
    place = str(tmp_path / "notify")
    assert notify("READY=1", {}) is False
    assert notify("READY=1", {"NOTIFY_SOCKET": place}) is False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(place)
        assert notify("READY=1", {"NOTIFY_SOCKET": place}) is True
        assert listener.recv(100) == b"READY=1"
    assert watchdog_interval({"WATCHDOG_USEC": "20000000"}) == timedelta(seconds=10)
    assert watchdog_interval({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid() + 1)}) is None
    assert watchdog_interval({}) is None


def test_room_that_runs_short_is_told_once_and_once_when_it_is_back() -> None:
    """WIRE 2.4: a disk fault says so; when only urgent repeats are counted the local sounder does too."""
    now = moment(Clock())
    lanes = {lane: LaneStanding(head=Position(run="r", seq=0, hash="h"), receipted=0) for lane in Lane}
    fine = Standing(run="r", lanes=lanes, used_bytes=1, limit_bytes=2)
    tight, worse = replace(fine, tight="routine", shed=3), replace(fine, tight="urgent", coalesced=2)
    assert phases(store_findings(fine, tight, now)) == [Phase.RAISED]
    assert store_findings(tight, worse, now) == ()
    assert phases(store_findings(worse, fine, now)) == [Phase.ENDED]
    assert [sounds(each) for each in (fine, tight, worse)] == [False, False, True]
    # The first damaged record of a run is told by the outbox itself, in the transaction that found it.
    assert store_findings(fine, replace(fine, poisoned=1), now) == ()
    (damaged,) = store_findings(fine, replace(fine, poisoned=3), now)
    assert (damaged.kind, damaged.facts["count"]) == ("envelope.rejected", 2)
