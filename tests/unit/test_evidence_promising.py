"""Which events promise which pictures, and that what is owed ends with its `evidence.sealed` only."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from agent.evidence.promising import ANSWERED, MAX_OPEN, SEALED, Ask, Promise, carried, ended, plan_of, promised
from agent.reporting import Draft
from agent.signals import Moment
from protocol.kinds import kind_of
from protocol.messages import EvidenceSlot
from tests.branch import VESTIBULE, moment, site_of

EVENT = "019af6a5-0000-7000-8000-00000000000{}"
CAMERAS = """
[[camera]]
id = "01"
address = "192.0.2.21"
login = { secret = "cams" }
watch = ["picture", "people"]
shows = ["door/outer", "zone/cash-motion", "device/io1"]

[[camera]]
id = "02"
address = "192.0.2.22"
login = { secret = "cams" }
shows = ["door/inner", "door/outer"]

[[camera]]
id = "03"
address = "192.0.2.23"
login = { secret = "cams" }
watch = ["people"]
shows = ["door/inner", "door/outer"]

[[area]]
id = "hall"
camera = "02"
polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
restricted = true
"""
SITE = site_of(VESTIBULE + CAMERAS.replace('id = "02"\n', 'id = "02"\nwatch = ["people"]\n'))
PLAN = plan_of(SITE)


def draft(kind: str, source: str, number: int = 1, **facts: object) -> Draft:
    """An event that is to be stored."""
    entry = kind_of(kind)
    restores = EVENT.format(9) if kind.endswith(".restored") else None
    return Draft(
        id=EVENT.format(number),
        kind=kind,
        level=entry.level,
        lane=entry.lane,
        source=source,
        at=moment(60_000),
        facts=facts,
        restores=restores,
    )


def slots(kind: str, source: str) -> list[tuple[str, str]]:
    """Camera and kind of each slot that an event gets."""
    _, (told,) = promised({}, [draft(kind, source)], PLAN, {})
    return [(each.camera, each.kind) for each in told.evidence]


@pytest.mark.parametrize(
    ("kind", "source", "expected"),
    [
        ("door.forced", "door/outer", [("01", "still"), ("02", "still"), ("01", "clip"), ("02", "clip")]),
        ("door.held_open", "door/inner", [("02", "still"), ("03", "still"), ("02", "clip"), ("03", "clip")]),
        ("door.dual_open", "interlock/vestibule", [("01", "still"), ("02", "still"), ("01", "clip"), ("02", "clip")]),
        ("presence.restricted_area", "area/hall", [("02", "still"), ("02", "clip")]),
        ("camera.covered", "camera/03", [("03", "reference"), ("03", "still"), ("03", "clip")]),
        ("camera.video_loss", "camera/03", [("03", "still"), ("03", "clip")]),
        ("device.offline", "device/io1", [("01", "still"), ("01", "clip")]),
        ("recorder.not_recording", "camera/03", []),
        ("device.clock_drift", "camera/03", []),
        ("door.forced", "door/vault", []),
        ("door.unlocked", "door/outer", []),
        ("door.forced.restored", "door/outer", []),
        ("zone.duress", "zone/cash-motion", []),
        ("zone.intrusion", "zone/cash-motion", [("01", "still"), ("01", "clip")]),
    ],
)
def test_an_event_is_pictured_by_the_cameras_that_see_it(
    kind: str, source: str, expected: list[tuple[str, str]]
) -> None:
    """Its own camera or those that show its source, two at most; not level 5, restores, duress, or what nobody sees."""
    assert slots(kind, source) == expected


def test_slots_are_numbered_in_the_event_and_owed_with_their_times() -> None:
    """A slot is the event's id and a number; a clip reaches from `before` to `after`."""
    owed, (told,) = promised({}, [draft("zone.intrusion", "zone/cash-motion")], PLAN, {})
    assert told.evidence == (
        EvidenceSlot(slot=f"{EVENT.format(1)}-1", camera="01", kind="still"),
        EvidenceSlot(slot=f"{EVENT.format(1)}-2", camera="01", kind="clip"),
    )
    still, clip = owed.values()
    assert (still.since, still.until, still.urgent, still.level) == (None, None, True, 2)
    assert (clip.since, clip.until) == (moment(50_000), moment(80_000))


def test_the_clip_of_a_camera_that_went_dark_shows_who_was_there_before() -> None:
    """Video loss is told LOSS after the last picture: a clip of the time since would be empty, whatever `before` is."""
    owed, _ = promised({}, [draft("camera.video_loss", "camera/03")], PLAN, {})
    _, clip = owed.values()
    assert clip.since == moment(50_000 - 5_000)


def test_a_promise_ends_with_its_seal_alone() -> None:
    """`evidence.sealed` of the slot ends it, and nothing else does."""
    owed, _ = promised({}, [draft("zone.intrusion", "zone/cash-motion")], PLAN, {})
    owed, _ = promised(
        owed, [draft("door.unlocked", "door/outer"), draft("zone.intrusion.restored", "zone/x")], PLAN, {}
    )
    assert len(owed) == 2
    owed, _ = promised(owed, [draft(SEALED, "camera/01", 2, slot=f"{EVENT.format(1)}-1")], PLAN, {})
    assert list(owed) == [f"{EVENT.format(1)}-2"]


def test_a_request_is_promised_with_its_answer() -> None:
    """The slot is the request's, stands in `request.answered`, and is owed only where that says `served`."""
    asks = {EVENT.format(7): Ask(camera="02", action="still", kind="still")}
    served = draft(ANSWERED, "box/requests", request=EVENT.format(7), reason="served")
    owed, (told,) = promised({}, [served], PLAN, asks)
    assert [each.slot for each in told.evidence] == [f"{EVENT.format(7)}-1"] == list(owed)
    assert owed[f"{EVENT.format(7)}-1"].request
    for refused in (
        draft(ANSWERED, "box/requests", request=EVENT.format(7), reason="too_soon"),
        draft(ANSWERED, "box/requests", request=EVENT.format(8), reason="served"),
    ):
        assert promised({}, [refused], PLAN, asks) == ({}, (refused,))


def test_a_storm_promises_no_more_than_can_be_kept() -> None:
    """Beyond the limit events leave without slots, and none is left out."""
    one = promised({}, [draft("zone.intrusion", "zone/cash-motion")], PLAN, {})[0][f"{EVENT.format(1)}-1"]
    owed = {f"{number}": one for number in range(MAX_OPEN - 1)}
    after, (told,) = promised(owed, [draft("zone.intrusion", "zone/cash-motion")], PLAN, {})
    assert (after, told.evidence) == (owed, ())


def test_what_is_owed_comes_back_from_the_disk_on_another_boots_clock() -> None:
    """Stored and read again, moments stand where the wall clock says."""
    owed, _ = promised({}, [draft("zone.intrusion", "zone/cash-motion")], PLAN, {})
    stored = msgspec.json.decode(msgspec.json.encode(list(owed.values())), type=list[Promise])
    assert carried(stored, moment(70_000), same_boot=True) == owed
    now = Moment(wall=moment(70_000).wall, mono_ms=3_000)
    clip = carried(stored, now, same_boot=False)[f"{EVENT.format(1)}-2"]
    assert (clip.at.mono_ms, clip.at.wall) == (-7_000, moment(60_000).wall)
    assert now.wall - clip.at.wall == timedelta(seconds=10)


def test_an_alarm_that_is_over_marks_what_is_still_owed_to_it() -> None:
    """A clip that is made after the end of its alarm is not kept for an open one."""
    owed, _ = promised({}, [draft("zone.intrusion", "zone/cash-motion")], PLAN, {})
    assert ended(owed, [EVENT.format(3)]) is owed
    assert all(each.over for each in ended(owed, [EVENT.format(1)]).values())
