"""What is kept quiet for a time, what never is, and that every shelter ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector.alarms.scoring import PROPERTY
from collector.alarms.words import Move
from collector.people import Person
from collector.storage.records import OPEN_STATES, AlarmRow, AlarmState
from collector.storms.records import LONGEST, Sort, Suspension
from collector.storms.service import NotSuspendedError, SuspensionService
from collector.storms.suspending import No, Wish, judge
from collector.times import unix_ms
from protocol.kinds import Lane
from protocol.messages import decode_event
from provisioning.authority import Authority
from tests.collecting import Box
from tests.escalating import LEADER, OPERATOR, REVIEWER, EscalatingCentre, ready

MINUTE_MS = 60_000


@pytest.fixture
def centre(tmp_path: Path, paper_authority: Authority) -> Iterator[EscalatingCentre]:
    """A centre whose timers fire, in virtual time."""
    made = EscalatingCentre(folder=tmp_path, authority=paper_authority, at_desk={OPERATOR.id})
    yield made
    made.close()


@pytest.fixture
def box(centre: EscalatingCentre) -> Box:
    """A box with both lanes open."""
    made = centre.box()
    centre.take(made.birth(), made.events(made.opened(Lane.URGENT)), made.events(made.opened(Lane.ROUTINE)))
    return made


def happens(centre: EscalatingCentre, box: Box, kind: str, source: str, restores: str | None = None) -> str:
    """An event arrives; its id."""
    line = box.line(kind, source=source, restores=restores)
    centre.take(box.events(line))
    return decode_event(line).id


def suspend(centre: EscalatingCentre, sort: Sort, minutes: float, who: Person = LEADER, **of: object) -> Suspension:
    """Somebody keeps something at the first site quiet from now on."""
    now_ms = unix_ms(centre.now)
    fields = {"site": "0755-031", "reason": "装修", "from_ms": now_ms, "until_ms": now_ms + round(minutes * MINUTE_MS)}
    return service(centre).begin(msgspec.convert({"sort": sort, **fields, **of}, Wish), who)


def service(centre: EscalatingCentre) -> SuspensionService:
    """What people do with suspensions."""
    return SuspensionService(centre.store, centre.around, lambda: centre.now, lambda: None)


def queue(centre: EscalatingCentre) -> list[tuple[str, str]]:
    """Kinds and sources that stand at the desk."""
    return [(alarm.kind, alarm.source) for alarm in centre.alarms(states=OPEN_STATES, sheltered=False)]


def only(centre: EscalatingCentre, **wanted: object) -> AlarmRow:
    """The one alarm of this sort."""
    (alarm,) = centre.alarms(**wanted)
    return alarm


def test_a_test_takes_its_points_only_and_its_window_only(centre: EscalatingCentre, box: Box) -> None:
    """DOMAIN 3: only those points, only in that window; marked TEST, logged, nobody told; anything else as always."""
    suspend(centre, Sort.TEST, 30, points=["zone/counter-1"])
    happens(centre, box, "zone.hold_up", "zone/counter-1")
    tested = only(centre)
    assert (tested.state, tested.resolution) == (AlarmState.CLOSED, "test")
    assert not centre.timers_of(tested.id)
    assert not centre.told(tested.id)
    happens(centre, box, "zone.hold_up", "zone/counter-2")
    assert queue(centre) == [("zone.hold_up", "zone/counter-2")]
    centre.pass_seconds(30 * 60, step=60)
    happens(centre, box, "zone.hold_up", "zone/counter-1")
    assert ("zone.hold_up", "zone/counter-1") in queue(centre)


def test_a_test_touches_no_alarm_that_was_there(centre: EscalatingCentre, box: Box) -> None:
    """A real alarm of the point stays as it is; what the test tells joins the test's own alarm."""
    happens(centre, box, "zone.intrusion", "zone/lobby")
    suspend(centre, Sort.TEST, 30, points=["zone/lobby"])
    for _ in range(3):
        happens(centre, box, "zone.intrusion", "zone/lobby")
    assert [(alarm.state, alarm.events) for alarm in centre.alarms()] == [("new", 1), ("closed", 3)]


def test_a_box_s_own_clock_puts_nothing_into_a_test(centre: EscalatingCentre, box: Box) -> None:
    """An event that arrives an hour after the test, said to be of its time, is a real one."""
    suspend(centre, Sort.TEST, 5, points=["zone/lobby"])
    line = box.line("zone.intrusion", source="zone/lobby")
    centre.pass_seconds(3600, step=600)
    centre.take(box.events(line))
    assert queue(centre) == [("zone.intrusion", "zone/lobby")]


@pytest.mark.parametrize("sort", [Sort.SHELVE, Sort.MAINTENANCE])
def test_shelving_and_maintenance_never_take_security(centre: EscalatingCentre, box: Box, sort: Sort) -> None:
    """A security event breaks through whatever its level; a fault of the same point is quiet."""
    suspend(centre, sort, 60, points=["camera/03"])
    happens(centre, box, "camera.video_loss", "camera/03")
    happens(centre, box, "camera.moved", "camera/03")
    assert queue(centre) == [("camera.moved", "camera/03")]


def test_shelving_ends_at_the_minute(centre: EscalatingCentre, box: Box) -> None:
    """What was shelved surfaces when its time is over, with its timers, whoever sleeps."""
    happens(centre, box, "camera.video_loss", "camera/03")
    shelved = only(centre)
    suspend(centre, Sort.SHELVE, 10, kind="camera.video_loss")
    assert not queue(centre)
    assert not centre.timers_of(shelved.id)
    centre.pass_seconds(599, step=60)
    assert not queue(centre)
    centre.pass_seconds(1)
    assert queue(centre) == [("camera.video_loss", "camera/03")]
    assert centre.timers_of(shelved.id)


def test_a_person_ends_a_suspension_before_its_time(centre: EscalatingCentre, box: Box) -> None:
    """Ended, what stood under it surfaces; a second end is refused."""
    happens(centre, box, "camera.video_loss", "camera/03")
    held = suspend(centre, Sort.SHELVE, 10, kind="camera.video_loss")
    service(centre).end(held.id, OPERATOR)
    assert queue(centre) == [("camera.video_loss", "camera/03")]
    with pytest.raises(NotSuspendedError, match="over"):
        service(centre).end(held.id, OPERATOR)


def test_after_maintenance_what_is_mended_is_closed(centre: EscalatingCentre, box: Box) -> None:
    """What was restored meanwhile goes with its window, in its author's name; what is not surfaces."""
    suspend(centre, Sort.MAINTENANCE, 60)
    mended = happens(centre, box, "device.offline", "device/io1")
    happens(centre, box, "device.offline", "device/io2")
    happens(centre, box, "device.offline.restored", "device/io1", restores=mended)
    centre.pass_seconds(3600, step=600)
    assert queue(centre) == [("device.offline", "device/io2")]
    closed = only(centre, states=(AlarmState.CLOSED,))
    assert (closed.source, closed.holder, closed.resolution) == ("device/io1", LEADER.id, "equipment_fault")


def test_a_silent_box_mutes_its_device_faults(centre: EscalatingCentre, box: Box) -> None:
    """Inhibition: its own faults stand under its silence, those told shortly before too; an intrusion never does."""
    happens(centre, box, "device.offline", "device/io1")
    centre.pass_time(30)
    assert queue(centre) == [("box.silent", f"box/{box.id}")]
    happens(centre, box, "camera.video_loss", "camera/03")
    happens(centre, box, "zone.intrusion", "zone/lobby")
    assert queue(centre) == [("box.silent", f"box/{box.id}"), ("zone.intrusion", "zone/lobby")]


def test_a_box_says_no_silence_of_another(centre: EscalatingCentre, box: Box) -> None:
    """A stolen box tells that its neighbour fell silent: the neighbour's faults stay loud, before it and after it."""
    stolen = ready(centre, name="0755-031-b")
    happens(centre, box, "device.offline", "device/io1")
    happens(centre, stolen, "box.silent", f"box/{box.id}")
    happens(centre, box, "recorder.not_recording", "recorder/r1")
    assert queue(centre) == [
        ("device.offline", "device/io1"),
        ("box.silent", f"box/{box.id}"),
        ("recorder.not_recording", "recorder/r1"),
    ]


def test_what_flaps_is_quiet_until_ten_quiet_minutes(centre: EscalatingCentre, box: Box) -> None:
    """What was handled and came a fifth time in ten minutes waits until it is quiet, then surfaces once."""
    for _ in range(4):
        happens(centre, box, "device.offline", "device/io1")
    first = only(centre)
    centre.act(first.id, OPERATOR, Move.ACKNOWLEDGE)
    centre.act(first.id, OPERATOR, Move.RESOLVE, resolution="equipment_fault", text="换过接头")
    happens(centre, box, "device.offline", "device/io1")
    assert not queue(centre)
    centre.pass_seconds(300, step=60)
    happens(centre, box, "device.offline", "device/io1")
    centre.pass_seconds(599, step=60)
    assert not queue(centre)
    centre.pass_seconds(2)
    assert queue(centre) == [("device.offline", "device/io1")]


def test_a_security_event_does_not_flap(centre: EscalatingCentre, box: Box) -> None:
    """Five intrusions in ten minutes, each handled: the sixth stands in the queue."""
    for _ in range(5):
        alarm = centre.alarm(box, source="zone/lobby")
        centre.act(alarm, OPERATOR, Move.ACKNOWLEDGE)
        centre.act(alarm, OPERATOR, Move.RESOLVE, resolution="false_alarm", text="猫")
    happens(centre, box, "zone.intrusion", "zone/lobby")
    assert queue(centre) == [("zone.intrusion", "zone/lobby")]


def test_two_sources_that_agree_raise_an_alarm(centre: EscalatingCentre, box: Box) -> None:
    """A forced door and a person after hours are one alarm of level 1, told anew, with its explanation and score."""
    happens(centre, box, "door.forced", "door/back")
    forced = only(centre)
    happens(centre, box, "presence.after_hours", "area/lobby")
    raised = only(centre)
    assert (raised.id, raised.level, raised.events) == (forced.id, 1, 2)
    assert raised.score == PROPERTY
    (entry,) = centre.entries("raised")
    assert (entry.subject, entry.facts["level"]) == (forced.id, 1)


def test_the_same_sense_twice_raises_nothing(centre: EscalatingCentre, box: Box) -> None:
    """Two zones of one kind are two alarms; nobody vouches for itself."""
    happens(centre, box, "zone.intrusion", "zone/lobby")
    happens(centre, box, "zone.intrusion", "zone/vault")
    assert [(alarm.level, alarm.events) for alarm in centre.alarms()] == [(2, 1), (2, 1)]


def test_security_wakes_a_parked_alarm(centre: EscalatingCentre, box: Box) -> None:
    """An event that joins a parked alarm brings it back as new."""
    alarm = centre.alarm(box, "camera.moved", source="camera/03")
    centre.act(alarm, OPERATOR, Move.ACKNOWLEDGE)
    until_ms = unix_ms(centre.now) + 60 * MINUTE_MS
    centre.act(alarm, OPERATOR, Move.PARK, until_ms=until_ms, text="等施工队")
    assert only(centre).state is AlarmState.PARKED
    happens(centre, box, "camera.moved", "camera/03")
    assert (only(centre).state, only(centre).holder) == (AlarmState.NEW, None)
    assert centre.timers_of(alarm)


WISH = Wish(sort=Sort.SHELVE, site="s", kind="camera.snow", reason="x", from_ms=0, until_ms=MINUTE_MS)


@pytest.mark.parametrize(
    ("changes", "who", "no"),
    [
        ({}, OPERATOR, None),
        ({}, REVIEWER, No.NOT_ALLOWED),
        ({"sort": Sort.MAINTENANCE}, OPERATOR, No.NOT_ALLOWED),
        ({"sort": Sort.FLAPPING}, LEADER, No.NOT_ALLOWED),
        ({"reason": "  "}, OPERATOR, No.NO_REASON),
        ({"kind": ""}, OPERATOR, No.TOO_WIDE),
        ({"sort": Sort.TEST}, OPERATOR, No.NO_POINTS),
        ({"until_ms": 0}, OPERATOR, No.IN_PAST),
        ({"from_ms": 31 * 86_400_000, "until_ms": 31 * 86_400_000 + 1}, OPERATOR, No.TOO_FAR),
        *(
            (
                {"sort": sort, "points": ("zone/a",), "until_ms": round(span.total_seconds() * 1000) + 1},
                LEADER,
                No.TOO_LONG,
            )
            for sort, span in LONGEST.items()
            if sort is not Sort.FLAPPING
        ),
    ],
)
def test_who_may_keep_what_quiet_and_how_long(changes: dict[str, object], who: Person, no: No | None) -> None:
    """At most 24 h, maintenance 7 d; a test names its points; nobody shelves a whole site."""
    assert judge(msgspec.structs.replace(WISH, **changes), who, 0) is no


def test_nobody_keeps_another_unit_quiet(centre: EscalatingCentre, box: Box) -> None:
    """DOMAIN 1: unit sight holds here too."""
    stranger = msgspec.structs.replace(OPERATOR, unit="市分行/东区支行")
    with pytest.raises(NotSuspendedError, match="not_found"):
        suspend(centre, Sort.SHELVE, 10, stranger, kind="camera.snow")
    mine = suspend(centre, Sort.SHELVE, 10, kind="camera.snow")
    with pytest.raises(NotSuspendedError, match="not_found"):
        service(centre).end(mine.id, stranger)
