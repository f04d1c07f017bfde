"""What one recorder told so far: channels, calendar, disks, its being there; findings and its point follow. Pure.

Flow: mind.py hands on the asker's words -> here -> agent/detectors/recording.py.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from agent.detectors import recording
from agent.detectors.recording import ChannelState, Duty, Newest
from agent.drivers.asking.words import Days, DaysFrom, Disks, Kept, Recorded
from agent.findings import Finding
from agent.signals import Moment, Signal, State
from protocol.site.schema import Camera, Recorder, Site
from protocol.timestamps import parse_time

OFFLINE_AFTER: Final = timedelta(seconds=20)
"""So long it may be away until it is told: three or four tries."""

DAYS_AT_ONCE: Final = 8
"""Days of one channel that are looked at in one round."""


class RecorderMind:
    """One recorder and the cameras behind its channels."""

    def __init__(self, recorder: Recorder, duties: Iterable[Duty], saved: Mapping[str, ChannelState]) -> None:
        self.point = f"device/{recorder.id}"
        self._duties = {duty.camera: duty for duty in duties}
        self._states = {camera: state for camera, state in saved.items() if camera in self._duties}
        self._serial = ""
        self._overwrites: bool | None = None
        self._sick: dict[str, str] = {}
        self._state = State.UNKNOWN
        self._away_since: Moment | None = None
        self._others: frozenset[str] = frozenset()  # marks that others know: its login, its clock
        self._shown: tuple[State, tuple[str, ...]] | None = None

    def saved(self) -> Mapping[str, ChannelState]:
        """What must be remembered, camera by camera."""
        return self._states

    def reached(self, serial: str, now: Moment) -> tuple[Signal, ...]:
        """It answers."""
        self._serial, self._away_since, self._state = serial, None, State.ONLINE
        for camera in self._duties:
            self._states[camera] = recording.begun(self._states.get(camera), serial, now)
        return self._show(now, "")

    def away(self, cause: str, now: Moment) -> tuple[Signal, ...]:
        """It does not answer, or not our question; what talks with us is there."""
        if cause not in {"unreachable", "silent"}:
            self._state, self._away_since = State.ONLINE, None
            return self._show(now, "")
        self._away_since = self._away_since or now
        if now.since(self._away_since) < OFFLINE_AFTER:
            return ()
        self._state = State.OFFLINE
        return self._show(now, cause)

    def marked(self, marks: Iterable[str], now: Moment) -> tuple[Signal, ...]:
        """What others know of it changed."""
        self._others = frozenset(marks)
        return self._show(now, "")

    def newest(self, told: Recorded, now: Moment) -> tuple[tuple[Finding, ...], tuple[Signal, ...]]:
        """One channel's newest picture."""
        duty, state = self._of(told.camera, now)
        if duty is None or state is None:
            return (), ()
        newest = Newest(recording=told.recording, newest=_time(told.newest))
        self._states[told.camera], findings = recording.newest(state, duty, newest, now)
        return findings, self._show(now, "")

    def kept(self, told: Kept, now: Moment) -> tuple[tuple[Finding, ...], tuple[Signal, ...], tuple[DaysFrom, ...]]:
        """One channel's oldest picture; and the days to look at now."""
        duty, state = self._of(told.camera, now)
        if duty is None or state is None:
            return (), (), ()
        state, findings = recording.oldest(state, duty, _time(told.oldest), now, overwrites=self._overwrites)
        self._states[told.camera] = state
        days = recording.wanted_days(state, duty, now.wall, DAYS_AT_ONCE)
        asked = (DaysFrom(point=self.point, camera=told.camera, days=days),) if days else ()
        return findings, self._show(now, ""), asked

    def days(self, told: Days, now: Moment) -> tuple[tuple[Finding, ...], tuple[Signal, ...]]:
        """Finished days of one channel."""
        duty, state = self._of(told.camera, now)
        if duty is None or state is None:
            return (), ()
        spans = {
            day: [(begin, end) for first, last in of if (begin := _time(first)) and (end := _time(last))]
            for day, of in told.days.items()
        }
        self._states[told.camera], findings = recording.looked_at(state, duty, spans, now)
        return findings, self._show(now, "")

    def disks(self, told: Disks, now: Moment) -> tuple[tuple[Finding, ...], tuple[Signal, ...]]:
        """Its disks; a recorder that has none at all is as sick as its worst."""
        self._overwrites = told.overwrites
        self._sick = {disk.name: disk.state for disk in told.disks if not disk.well}
        if not told.disks:
            self._sick = {"none": ""}
        return (recording.disks(self.point, self._sick, now),), self._show(now, "")

    def judged_from(self) -> datetime | None:
        """From when on the retention of all its channels is judged; None: it is."""
        times = [
            recording.judged_from(self._states[camera], duty)
            for camera, duty in self._duties.items()
            if camera in self._states
        ]
        return max((at for at in times if at), default=None)

    def _of(self, camera: str, now: Moment) -> tuple[Duty | None, ChannelState | None]:
        duty = self._duties.get(camera)
        if duty is None:
            return None, None
        return duty, self._states.get(camera) or recording.begun(None, self._serial, now)

    def _show(self, now: Moment, cause: str) -> tuple[Signal, ...]:
        if self._state is State.UNKNOWN:
            return ()
        marks = tuple(sorted(self._others | self._own_marks(now)))
        if self._shown == (self._state, marks):
            return ()
        self._shown = (self._state, marks)
        return (Signal(point=self.point, state=self._state, at=now, cause=cause, marks=marks),)

    def _own_marks(self, now: Moment) -> frozenset[str]:
        marks = {"disk_fault"} if self._sick else set()
        for camera, state in self._states.items():
            marks |= {"not_recording"} if state.stopped else set()
            marks |= {"retention_short"} if state.short else set()
            marks |= {"hole"} if recording.shows_hole(state, now.wall, self._duties[camera].zone) else set()
        return frozenset(marks)


def duties_of(recorder: Recorder, site: Site) -> list[Duty]:
    """What the cameras behind a recorder's channels are owed."""
    zone = ZoneInfo(site.timezone)
    return [
        Duty(
            camera=camera.id,
            recorder=recorder.id,
            keep=recorder.keep,
            zone=zone,
            free=_hours(camera),
        )
        for camera in site.camera
        if (camera.recorder or "").partition("/")[0] == recorder.id
    ]


def read_states(saved: bytes | None) -> dict[str, ChannelState]:
    """What was kept of a run before; nothing where it cannot be read."""
    try:
        return msgspec.json.decode(saved or b"{}", type=dict[str, ChannelState])
    except msgspec.DecodeError:
        return {}


def _hours(camera: Camera) -> tuple[time, time] | None:
    if camera.records_on_alarm is None:
        return None
    begin, _, end = camera.records_on_alarm.partition("-")
    return time.fromisoformat(begin), time.fromisoformat(end)


def _time(text: str | None) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None
