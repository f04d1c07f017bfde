"""Everything that cameras and recorders told, as findings, signals and marks. Pure: whoever calls says what time it is.

Flow: parent.py hands on the asker's words -> here -> recorded.py, zones.py, agent/detectors/clock_drift.py.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

import msgspec

from agent.detectors import clock_drift, login, recording
from agent.detectors.clock_drift import DriftState
from agent.detectors.recording import ChannelState
from agent.drivers.asking import words
from agent.drivers.asking.recorded import RecorderMind, duties_of
from agent.drivers.asking.words import Anew, DaysFrom, FromAsker
from agent.drivers.asking.zones import inputs_of
from agent.findings import Finding, Phase
from agent.signals import Moment, Signal
from protocol.site.schema import Site

REFUSED: Final = "login_refused"
DRIFT: Final = "clock_drift"
SAID: Final = frozenset({"tamper", "signal_loss"})
"""What a camera says of itself and no kind of event has: marks of its point, beside what its own picture shows."""

KINDS: Final = frozenset(
    {
        recording.NOT_RECORDING,
        recording.RETENTION_SHORT,
        recording.DISK_FAULT,
        clock_drift.CLOCK_DRIFT,
        login.LOGIN_REFUSED,
    }
)


class Thought(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from what was said."""

    findings: tuple[Finding, ...] = ()
    signals: tuple[Signal, ...] = ()
    ask: tuple[DaysFrom | Anew, ...] = ()
    marked: tuple[str, ...] = ()  # points whose marks changed


class AskedMind:
    """Every camera and recorder that is asked."""

    def __init__(self, site: Site, saved: Mapping[str, ChannelState]) -> None:
        self._inputs = inputs_of(site)
        self._recorders = {
            f"device/{each.id}": RecorderMind(each, duties_of(each, site), saved) for each in site.recorder
        }
        self._drift: dict[str, DriftState] = {}
        self._marks: dict[str, frozenset[str]] = {}

    def saved(self) -> dict[str, ChannelState]:
        """What must be remembered."""
        return {camera: state for mind in self._recorders.values() for camera, state in mind.saved().items()}

    def marks(self, point: str) -> frozenset[str]:
        """`login_refused`, `clock_drift`, and what a camera says of itself, where they stand."""
        return self._marks.get(point, frozenset())

    def recorder(self, point: str) -> RecorderMind | None:
        """What is known of a recorder."""
        return self._recorders.get(point)

    def hear(self, message: FromAsker, now: Moment, *, suspect: bool) -> Thought:
        """One word of the asker; `suspect`: our own clock is not believed."""
        match message:
            case words.Noticed():
                return self._noticed(message, now)
            case words.Listening():
                return self._listening(message, now)
            case words.Away():
                return self._away(message, now)
            case words.Outcome():
                return self._outcome(message, now)
            case words.ClockTold():
                return self._clock(message, now, suspect)
            case _:
                return self._recorder(message, now)

    def moved(self, camera: str, now: Moment) -> Thought:
        """Our own picture of a camera moves."""
        inputs = self._inputs.get(f"camera/{camera}")
        if inputs is None:
            return Thought()
        signals, anew = inputs.moved(now)
        return Thought(signals=signals, ask=(Anew(point=f"camera/{camera}"),) if anew else ())

    def _noticed(self, told: words.Noticed, now: Moment) -> Thought:
        at = now.after(timedelta(milliseconds=min(0, told.at_ms - now.mono_ms)))
        if (inputs := self._inputs.get(told.point)) is not None:
            marked = Thought()
            if told.what in SAID:
                marked = self._mark(told.point, told.what, told.active is True, now)
            return msgspec.structs.replace(marked, signals=inputs.noticed(told, at))
        if told.what == "storage" and (mind := self._recorders.get(told.point)) is not None:
            disk = words.Disk(name="storage", well=not told.active, state="storage failure" if told.active else "")
            findings, signals = mind.disks(words.Disks(point=told.point, disks=(disk,)), now)
            return Thought(findings=findings, signals=signals)
        return Thought()

    def _listening(self, told: words.Listening, now: Moment) -> Thought:
        inputs = self._inputs.get(told.point)
        return Thought(signals=inputs.listening(told, now)) if inputs else Thought()

    def _away(self, told: words.Away, now: Moment) -> Thought:
        if (mind := self._recorders.get(told.point)) is not None:
            return Thought(signals=mind.away(told.cause, now))
        inputs = self._inputs.get(told.point)
        if inputs is None:
            return Thought()
        self._marks[told.point] = self.marks(told.point) - SAID  # nobody knows any more
        return Thought(signals=inputs.away(told.cause, now), marked=(told.point,))

    def _outcome(self, told: words.Outcome, now: Moment) -> Thought:
        if told.result == "given_up":
            return Thought()
        return self._mark(told.point, REFUSED, told.result == "refused", now)

    def _clock(self, told: words.ClockTold, now: Moment, suspect: bool) -> Thought:
        state = self._drift.get(told.point, DriftState())
        off = timedelta(seconds=max(-1e9, min(1e9, told.off_s)))
        state, findings = clock_drift.observe(state, told.point, off, now, suspect=suspect)
        self._drift[told.point] = state
        thought = self._mark(told.point, DRIFT, state.stage is clock_drift.Stage.OFF, now)
        return msgspec.structs.replace(thought, findings=findings)

    def _recorder(self, message: FromAsker, now: Moment) -> Thought:
        mind = self._recorders.get(getattr(message, "point", ""))
        if mind is None:
            return Thought()
        match message:
            case words.Reached():
                return Thought(signals=mind.reached(message.serial, now))
            case words.Recorded():
                findings, signals = mind.newest(message, now)
            case words.Kept():
                findings, signals, ask = mind.kept(message, now)
                return Thought(findings=findings, signals=signals, ask=ask)
            case words.Days():
                findings, signals = mind.days(message, now)
            case words.Disks():
                findings, signals = mind.disks(message, now)
            case _:
                return Thought()
        return Thought(findings=findings, signals=signals)

    def _mark(self, point: str, mark: str, stands: bool, now: Moment) -> Thought:
        before = self.marks(point)
        after = before | {mark} if stands else before - {mark}
        if after == before:
            return Thought()
        self._marks[point] = after
        mind = self._recorders.get(point)
        return Thought(signals=mind.marked(after, now) if mind else (), marked=(point,))


def orphans(active: Iterable[tuple[str, str]], site: Site, now: Moment) -> tuple[Finding, ...]:
    """Conditions told of devices that a new site file no longer has asked: they end, or they would stand for ever."""
    cameras = {f"camera/{each.id}" for each in site.camera}
    behind = {f"camera/{each.id}" for each in site.camera if each.recorder}
    recorders = {f"device/{each.id}" for each in site.recorder}
    known = {recording.NOT_RECORDING: behind, recording.RETENTION_SHORT: behind, recording.DISK_FAULT: recorders}
    facts = {"reason": "no longer in the site file"}
    return tuple(
        Finding(kind=kind, source=source, phase=Phase.ENDED, at=now, facts=facts)
        for kind, source in active
        if kind in KINDS
        and source.partition("/")[0] in {"camera", "device"}
        and source not in known.get(kind, cameras | recorders)
        and not (kind == login.LOGIN_REFUSED and source.startswith("device/") and source not in recorders)
    )
