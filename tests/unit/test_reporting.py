"""From findings to events: levels, lanes, restores, and the limits on what chatters."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import msgspec
import pytest

from agent import reporting
from agent.findings import Finding, Phase
from agent.reporting import ASKED_FOR, HELD_BACK_MAX, Draft, ReportingState
from agent.signals import Moment
from tests.branch import moment


class Desk:
    """Reporting in virtual time, with ids that count."""

    def __init__(self) -> None:
        self.state = ReportingState()
        self.drafts: list[Draft] = []
        self.ms = 0
        self._ids = count(1)

    def find(self, kind: str, phase: Phase = Phase.RAISED, source: str = "door/outer") -> list[str]:
        finding = Finding(kind=kind, source=source, phase=phase, at=self.now(), facts={"n": 1})
        return self._report([finding])

    def end(self, kind: str, source: str = "door/outer") -> list[str]:
        return self.find(kind, Phase.ENDED, source)

    def after(self, seconds: float) -> list[str]:
        end = self.ms + round(seconds * 1000)
        told: list[str] = []
        while (due := reporting.wake_at(self.state)) is not None and due <= end:
            assert due >= self.ms, "a deadline in the past would never end"
            self.ms = due
            told += self._report([])
            assert reporting.wake_at(self.state) != due, "the same deadline again would never end"
        self.ms = end
        return told

    def now(self) -> Moment:
        return moment(self.ms)

    def _report(self, findings: list[Finding]) -> list[str]:
        self.state, drafts = reporting.report(self.state, findings, self.now(), lambda: f"e{next(self._ids)}")
        self.drafts += drafts
        return [draft.kind for draft in drafts]


def test_an_event_has_its_kinds_level_and_lane_and_a_restore_names_what_it_ends() -> None:
    """Level and lane come from the catalogue; the restore travels in the lane of what it ends."""
    desk = Desk()
    desk.find("door.forced")
    assert desk.state.active() == {("door.forced", "door/outer"): "e1"}
    desk.end("door.forced")
    raised, ended = desk.drafts
    assert (raised.kind, raised.level, str(raised.lane), raised.facts) == ("door.forced", 2, "urgent", {"n": 1})
    assert (ended.kind, str(ended.lane), ended.restores) == ("door.forced.restored", "urgent", raised.id)
    assert desk.state.active() == {}


def test_a_condition_is_told_once_and_an_end_without_a_beginning_not_at_all() -> None:
    """A detector that lost its state makes no second event of one condition."""
    desk = Desk()
    assert desk.find("door.forced") == ["door.forced"]
    assert desk.find("door.forced") == []
    assert desk.end("door.forced") == ["door.forced.restored"]
    assert desk.end("door.forced") == []


def test_what_is_active_survives_a_restart() -> None:
    """The restore after a restart names the event from before it."""
    desk = Desk()
    desk.find("door.held_open")
    stored = msgspec.json.decode(msgspec.json.encode(desk.state), type=ReportingState)
    desk.ms = 5
    desk.state = reporting.carried(stored, desk.now(), same_boot=False)
    desk.end("door.held_open")
    assert desk.drafts[-1].restores == "e1"


def test_a_door_that_flutters_a_thousand_times_an_hour_makes_few_events() -> None:
    """FIELD-FAULTS row 19: a bounded number, one of them says so and its restore says how many were held back."""
    desk = Desk()
    for _ in range(1000):
        desk.find("door.forced")
        desk.after(1.6)
        desk.end("door.forced")
        desk.after(2)
    desk.after(180)
    kinds = [draft.kind for draft in desk.drafts]
    assert kinds == [*["door.forced", "door.forced.restored"] * 10, "device.flutter", "device.flutter.restored"]
    flutter, quiet = desk.drafts[-2:]
    assert (flutter.source, flutter.facts["kind"], flutter.facts["count"]) == ("door/outer", "door.forced", 10)
    assert (quiet.restores, quiet.facts["held_back"]) == (flutter.id, 990)


def test_two_contacts_that_bounce_within_five_seconds_make_few_events() -> None:
    """FIELD-FAULTS row 19: both doors' contacts chatter for five seconds: three are told, then that they chatter."""
    desk = Desk()
    for _ in range(25):
        for source in ("door/outer", "door/inner"):
            desk.find("door.forced", source=source)
        desk.find("door.dual_open", source="interlock/vestibule")
        desk.after(0.1)
        desk.end("door.dual_open", source="interlock/vestibule")
        for source in ("door/outer", "door/inner"):
            desk.end("door.forced", source=source)
        desk.after(0.1)
    kinds = [draft.kind for draft in desk.drafts]
    assert len(kinds) == 3 * (3 + 3 + 1)
    assert kinds.count("device.flutter") == 3


def test_a_security_condition_that_lasts_is_told_within_ten_seconds_though_it_chattered() -> None:
    """Nothing stays hidden: chatter first, then a real opening."""
    desk = Desk()
    for _ in range(5):
        desk.find("door.forced")
        desk.end("door.forced")
        desk.after(0.2)
    before = len(desk.drafts)
    desk.find("door.forced")
    assert desk.after(HELD_BACK_MAX.total_seconds() - 0.001) == []
    assert desk.after(0.001) == ["door.forced"]
    assert desk.drafts[before].facts["held_back_s"] == 10.0
    assert desk.end("door.forced") == ["door.forced.restored"]
    assert desk.drafts[-1].restores == desk.drafts[before].id


def test_a_fault_that_still_lasts_when_the_chatter_ends_is_told_then() -> None:
    """Equipment may wait for quiet; it is not forgotten."""
    desk = Desk()
    for _ in range(5):
        desk.find("device.offline", source="device/io1")
        desk.end("device.offline", source="device/io1")
        desk.after(0.2)
    desk.find("device.offline", source="device/io1")
    assert desk.after(119) == []
    assert desk.after(1) == ["device.offline", "device.flutter.restored"]


def test_one_point_that_chatters_hides_no_other() -> None:
    """Limits are kept per kind and source."""
    desk = Desk()
    for _ in range(5):
        desk.find("door.forced")
        desk.end("door.forced")
    assert desk.find("door.held_open") == ["door.held_open"]
    assert desk.find("door.forced", source="door/inner") == ["door.forced"]


def test_facts_of_a_moment_are_limited_too() -> None:
    """An exit button that is pressed without end does not fill the ledger."""
    desk = Desk()
    for _ in range(500):
        desk.find("door.unlocked", Phase.TOLD)
        desk.after(1)
    assert len(desk.drafts) < 15
    assert desk.state.active() == {}


@pytest.mark.parametrize("kind", sorted(ASKED_FOR))
def test_what_people_asked_for_is_no_chatter(kind: str) -> None:
    """Each of thirty within a second has its own event: nobody waits for an answer that was only counted."""
    desk = Desk()
    assert [desk.find(kind, Phase.TOLD) for _ in range(30)] == [[kind]] * 30


def test_memory_ends_with_the_window() -> None:
    """What is over and quiet is not remembered for ever."""
    desk = Desk()
    for number in range(50):
        desk.find("door.forced", source=f"door/d{number}")
        desk.end("door.forced", source=f"door/d{number}")
    desk.ms += timedelta(hours=1) // timedelta(milliseconds=1)
    desk.find("door.forced")
    assert len(desk.state.conditions) == 1


def test_what_happens_again_is_told_again_and_ends_once() -> None:
    """Each time an event of its own, in the same condition: one restore, of the first, ends all."""
    desk = Desk()
    assert desk.find("zone.hold_up", Phase.RAISED) == ["zone.hold_up"]
    assert desk.find("zone.hold_up", Phase.AGAIN) == ["zone.hold_up"]
    assert desk.find("zone.hold_up", Phase.AGAIN) == ["zone.hold_up"]
    assert desk.end("zone.hold_up") == ["zone.hold_up.restored"]
    assert desk.end("zone.hold_up") == []
    assert desk.drafts[-1].restores == desk.drafts[0].id


def test_a_held_back_alarm_that_goes_on_acting_is_told_within_ten_seconds() -> None:
    """FIELD-FAULTS row 19: what happens again meanwhile does not push the telling away."""
    desk = Desk()
    for _ in range(3):
        desk.find("zone.intrusion")
        desk.end("zone.intrusion")
    began = desk.now()
    assert desk.find("zone.intrusion") == ["device.flutter"]
    told: list[str] = []
    for _ in range(10):
        told += desk.after(1)
        told += desk.find("zone.intrusion", Phase.AGAIN)
    assert told == ["zone.intrusion"]
    assert desk.drafts[-1].at == began  # when it began, not when it acted last
    desk.end("zone.intrusion")
    assert desk.drafts[-1].restores == desk.drafts[-2].id


def test_what_was_told_is_not_told_anew_by_chatter() -> None:
    """FIELD-FAULTS row 19: a told condition that acts again and again: counted, and its one restore at the end."""
    desk = Desk()
    desk.find("zone.hold_up")
    found = [kind for _ in range(100) for kind in (*desk.after(0.2), *desk.find("zone.hold_up", Phase.AGAIN))]
    assert found == ["zone.hold_up"] * 2 + ["device.flutter"]
    assert desk.end("zone.hold_up") == ["zone.hold_up.restored"]
    assert desk.after(200) == ["device.flutter.restored"]
