"""Recorders judged by what they say: stopped, kept too short, holes, sick disks; and what is no fault at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from agent.detectors import recording
from agent.detectors.recording import ChannelState, Duty, Newest
from agent.findings import Finding, Phase
from agent.signals import Moment
from tests.clock import Clock

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAYS = timedelta(days=1)


def moment(clock: Clock) -> Moment:
    """Now, on both clocks."""
    return Moment(wall=clock.now(), mono_ms=clock.mono_ms())


def duty(**more: object) -> Duty:
    """Camera 03 behind recorder nvr1, kept 90 days."""
    return Duty(**{"camera": "03", "recorder": "nvr1", "keep": 90 * DAYS, "zone": SHANGHAI, **more})  # type: ignore[arg-type]


def begun(clock: Clock) -> ChannelState:
    """A channel whose recorder answers for the first time."""
    return recording.begun(None, "s1", moment(clock))


def told(found: Sequence[Finding]) -> list[tuple[str, Phase]]:
    """Kinds and phases."""
    return [(each.kind, each.phase) for each in found]


def newest(
    state: ChannelState, what: Duty, clock: Clock, age: timedelta | None, says: bool | None = None
) -> tuple[ChannelState, list[tuple[str, Phase]]]:
    """One answer about the newest picture."""
    at = clock.now() - age if age is not None else None
    state, found = recording.newest(state, what, Newest(recording=says, newest=at), moment(clock))
    return state, told(found)


class TestNotRecording:
    """recorder.not_recording."""

    @pytest.mark.parametrize(
        ("age", "says"), [(timedelta(minutes=6), None), (None, None), (timedelta(seconds=5), False), (21 * DAYS, True)]
    )
    def test_a_recorder_that_stopped_is_told_in_the_second_answer(
        self, age: timedelta | None, says: bool | None, clock: Clock
    ) -> None:
        """A newest picture over five minutes old, none at all, or its own word; one answer alone is no proof."""
        state, found = newest(begun(clock), duty(), clock, age, says)
        assert found == []
        clock.advance(timedelta(minutes=1))
        state, found = newest(state, duty(), clock, age, says)
        assert found == [("recorder.not_recording", Phase.RAISED)]
        clock.advance(timedelta(minutes=10))
        assert newest(state, duty(), clock, age, says)[1] == [], "told once"

    def test_it_ends_with_a_fresh_picture(self, clock: Clock) -> None:
        """The same condition ends, also when another run told it."""
        state, found = newest(begun(clock), duty(), clock, timedelta(seconds=20))
        assert found == [("recorder.not_recording", Phase.ENDED)]
        assert state.stale is None

    def test_one_late_answer_is_forgotten(self, clock: Clock) -> None:
        """Recorders list a file some time after its end: two answers must agree, one after the other."""
        state, _ = newest(begun(clock), duty(), clock, timedelta(minutes=7))
        clock.advance(timedelta(minutes=1))
        state, _ = newest(state, duty(), clock, timedelta(seconds=1))
        clock.advance(timedelta(minutes=10))
        assert newest(state, duty(), clock, timedelta(minutes=7))[1] == []

    def test_nights_on_alarm_owe_nothing(self, clock: Clock) -> None:
        """A channel that records on alarm from 20 to 8 is not faulty at 3 in the morning, and is at 10."""
        what = duty(free=(time(20), time(8)))
        clock.set_wall(datetime(2026, 11, 21, 19, 0, tzinfo=UTC))  # 03:00 in Shanghai
        state = begun(clock)
        for _ in range(3):
            state, found = newest(state, what, clock, timedelta(hours=6), False)
            assert found == []
            clock.advance(timedelta(minutes=10))
        clock.set_wall(datetime(2026, 11, 22, 0, 4, tzinfo=UTC))  # 08:04: its day began just now
        for _ in range(2):
            state, found = newest(state, what, clock, timedelta(hours=12), False)
            assert found in ([], [("recorder.not_recording", Phase.ENDED)])
            clock.advance(timedelta(seconds=30))
        clock.set_wall(datetime(2026, 11, 22, 2, 0, tzinfo=UTC))  # 10:00
        for _ in range(2):
            state, found = newest(state, what, clock, timedelta(hours=12), False)
            clock.advance(timedelta(minutes=1))
        assert found == [("recorder.not_recording", Phase.RAISED)]


class TestRetention:
    """recorder.retention_short."""

    @staticmethod
    def ask(
        state: ChannelState, clock: Clock, days: float, overwrites: bool | None = None
    ) -> tuple[ChannelState, list[tuple[str, Phase]]]:
        """One answer about the oldest picture."""
        first = clock.now() - days * DAYS
        state, found = recording.oldest(state, duty(), first, moment(clock), overwrites=overwrites)
        return state, told(found)

    def test_a_recorder_of_last_week_is_not_accused(self, clock: Clock) -> None:
        """Seven days of recordings on a recorder that is seven days old are all there can be; it says until when."""
        state = begun(clock)
        for day in range(7, 60, 7):
            state, found = self.ask(state, clock, day)
            assert found == []
            clock.advance(7 * DAYS)
        assert recording.judged_from(state, duty()) == state.since + 90 * DAYS

    def test_after_the_time_it_must_keep_it_is(self, clock: Clock) -> None:
        """Asked for ninety days and only forty kept: short."""
        state = begun(clock)
        clock.advance(90 * DAYS)
        state, found = self.ask(state, clock, 40)
        assert found == [("recorder.retention_short", Phase.RAISED)]
        assert self.ask(state, clock, 40)[1] == [], "told once"

    def test_one_that_overwrites_is_judged_at_once(self, clock: Clock) -> None:
        """Full disks that let old pictures go at 30 days will never keep 90."""
        assert self.ask(begun(clock), clock, 30, overwrites=True)[1] == [("recorder.retention_short", Phase.RAISED)]

    def test_one_whose_oldest_picture_moved_on_is_judged_at_once(self, clock: Clock) -> None:
        """Whatever it says of overwriting: pictures that were there are gone."""
        state, found = self.ask(begun(clock), clock, 30)
        assert found == []
        clock.advance(timedelta(hours=6))
        assert self.ask(state, clock, 30)[1] == [("recorder.retention_short", Phase.RAISED)]

    def test_it_ends_when_enough_is_kept(self, clock: Clock) -> None:
        """Within a day of what is asked for: recorders let go of whole days."""
        assert self.ask(begun(clock), clock, 89.5)[1] == [("recorder.retention_short", Phase.ENDED)]

    def test_another_recorder_begins_anew(self, clock: Clock) -> None:
        """A recorder that was exchanged is not accused of what the old one kept."""
        state = begun(clock)
        state, _ = self.ask(state, clock, 95)
        clock.advance(100 * DAYS)
        state = recording.begun(state, "s2", moment(clock))
        assert self.ask(state, clock, 1)[1] == []
        assert recording.begun(state, "", moment(clock)) == state, "one that says no serial number is the same"


class TestHoles:
    """recorder.hole, day by day."""

    DAY = "2026-11-20"

    @staticmethod
    def at(text: str, day: int = 20) -> datetime:
        """A time of day in Shanghai."""
        return datetime.fromisoformat(f"2026-11-{day:02}T{text}:00+08:00").astimezone(UTC)

    def whole(self) -> tuple[datetime, datetime]:
        """The whole day."""
        return recording.day_span(self.DAY, SHANGHAI)

    def test_a_whole_day_has_no_hole(self) -> None:
        """Stretches that meet, overlap or are five minutes apart are one."""
        begin, end = self.whole()
        middle = self.at("12:00")
        assert recording.gaps_of(self.DAY, [(begin, end)], duty(), None) == ()
        assert recording.gaps_of(self.DAY, [(begin, middle), (middle - timedelta(hours=1), end)], duty(), None) == ()
        assert recording.gaps_of(self.DAY, [(begin, middle), (middle + timedelta(minutes=5), end)], duty(), None) == ()

    def test_a_gap_is_found_where_it_is(self) -> None:
        """In the middle, at the day's beginning and at its end; a day without anything is one hole."""
        begin, end = self.whole()
        one, two = self.at("09:00"), self.at("09:06")
        assert recording.gaps_of(self.DAY, [(begin, one), (two, end)], duty(), None) == ((one, two),)
        assert recording.gaps_of(self.DAY, [(two, end)], duty(), begin - DAYS) == ((begin, two),)
        assert recording.gaps_of(self.DAY, [(begin, one)], duty(), None) == ((one, end),)
        assert recording.gaps_of(self.DAY, [], duty(), None) == ((begin, end),)

    def test_what_was_before_the_first_picture_is_no_hole(self) -> None:
        """The day on which a recorder was installed, or up to which it keeps."""
        _, end = self.whole()
        nine = self.at("09:00")
        assert recording.gaps_of(self.DAY, [(nine, end)], duty(), nine) == ()

    def test_nights_on_alarm_have_no_holes(self) -> None:
        """Gaps between 20 and 8 are none; one that begins before 20 is as long as it is before."""
        what = duty(free=(time(20), time(8)))
        eight, night = self.at("08:00"), self.at("20:00")
        assert recording.gaps_of(self.DAY, [(eight, night)], what, None) == ()
        early = self.at("19:30")
        assert recording.gaps_of(self.DAY, [(eight, early)], what, None) == ((early, night),)

    @pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-20", 24)])
    def test_days_are_as_long_as_they_are(self, day: str, hours: int) -> None:
        """Where clocks are changed a day has 23 or 25 hours, and none of them is a hole."""
        begin, end = recording.day_span(day, ZoneInfo("Europe/Berlin"))
        assert end - begin == timedelta(hours=hours)
        assert recording.gaps_of(day, [(begin, end)], duty(zone=ZoneInfo("Europe/Berlin")), None) == ()

    def test_each_finished_day_is_looked_at_once(self, clock: Clock) -> None:
        """The latest first, a few at a time, none before the oldest picture, never today; and told once."""
        state, _ = recording.oldest(begun(clock), duty(), clock.now() - 4 * DAYS, moment(clock), overwrites=None)
        days = recording.wanted_days(state, duty(), clock.now(), 3)
        assert days == ("2026-11-20", "2026-11-19", "2026-11-18")
        begin, end = self.whole()
        gap = (self.at("09:00"), self.at("11:00"))
        told_days = {day: [recording.day_span(day, SHANGHAI)] for day in days}
        told_days["2026-11-20"] = [(begin, gap[0]), (gap[1], end)]
        state, found = recording.looked_at(state, duty(), told_days, moment(clock))
        assert [dict(each.facts) for each in found] == [
            {
                "recorder": "nvr1",
                "day": "2026-11-20",
                "from": "2026-11-20T01:00:00.000Z",
                "to": "2026-11-20T03:00:00.000Z",
                "holes": 1,
                "days": 1,
            }
        ]
        assert found[0].phase is Phase.TOLD
        assert recording.wanted_days(state, duty(), clock.now(), 9) == ("2026-11-17",)
        assert recording.looked_at(state, duty(), told_days, moment(clock))[1] == ()
        assert recording.shows_hole(state, clock.now(), SHANGHAI)
        assert not recording.shows_hole(state, clock.now() + 10 * DAYS, SHANGHAI)

    def test_a_recorder_full_of_holes_is_one_event_a_look(self, clock: Clock) -> None:
        """Eight days of a hundred holes each are told as one, with the longest by name and how many there are."""
        days = {}
        for number in range(10, 18):
            begin, _ = recording.day_span(f"2026-11-{number}", SHANGHAI)
            days[f"2026-11-{number}"] = [
                (begin + timedelta(minutes=14 * turn), begin + timedelta(minutes=14 * turn + 7)) for turn in range(100)
            ]
        _, found = recording.looked_at(begun(clock), duty(), days, moment(clock))
        assert len(found) == 1
        assert found[0].facts["days"] == 8
        assert found[0].facts["holes"] > 700

    def test_the_calendar_does_not_grow(self, clock: Clock) -> None:
        """Days that are no longer owed are forgotten."""
        state = begun(clock)
        for _ in range(200):
            day = (clock.now() - DAYS).astimezone(SHANGHAI).date().isoformat()
            state, _ = recording.looked_at(state, duty(), {day: []}, moment(clock))
            clock.advance(DAYS)
        assert len(state.days) <= 93
        assert len(state.holes) <= 93

    def test_it_is_remembered(self, clock: Clock) -> None:
        """A calendar goes into the store and comes back."""
        state, _ = recording.looked_at(begun(clock), duty(), {self.DAY: []}, moment(clock))
        assert msgspec.json.decode(msgspec.json.encode(state), type=ChannelState) == state


def test_a_sick_disk_is_named(clock: Clock) -> None:
    """The event says which disk and the recorder's own word for it; a healthy answer ends it."""
    found = recording.disks("device/nvr1", {"hdd1": "error"}, moment(clock))
    assert (found.kind, found.source, found.phase) == ("recorder.disk_fault", "device/nvr1", Phase.RAISED)
    assert found.facts == {"disks": ["hdd1: error"]}
    assert recording.disks("device/nvr1", {}, moment(clock)).phase is Phase.ENDED
