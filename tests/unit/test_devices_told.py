"""The shell around what devices tell: signals at once, findings and memory in one storing, marks to the eyes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from agent.drivers.asking import words
from agent.drivers.asking.devices import DEVICES_KEY, Carrying, Devices
from agent.findings import Finding, Phase
from agent.signals import Moment, Signal, State
from protocol.site.schema import Camera, Recorder, SecretName, Site
from tests.clock import Clock
from tests.logins import site_of

LOGIN = SecretName(secret="s")


class Around:
    """Everything a `Devices` hands on, kept."""

    def __init__(self, clock: Clock, *, suspect: bool = False) -> None:
        self.clock = clock
        self.signals: list[Signal] = []
        self.marks: list[tuple[str, frozenset[str]]] = []
        self.asked: list[words.ToAsker] = []
        self.stored: list[tuple[tuple[Finding, ...], Mapping[str, bytes]]] = []
        self.came = asyncio.Event()
        self.carrying = Carrying(
            now=lambda: Moment(wall=clock.now(), mono_ms=clock.mono_ms()),
            suspect=lambda: suspect,
            deliver=self.signals.extend,
            mark=lambda camera, marks: self.marks.append((camera, marks)),
            ask=self.asked.append,
        )

    async def keep(self, found: tuple[Finding, ...], remember: Mapping[str, bytes]) -> None:
        """Store."""
        self.stored.append((found, remember))
        self.came.set()


def site() -> Site:
    """A camera behind a recorder."""
    return site_of(
        cameras=(Camera(id="03", address="192.0.2.3", login=LOGIN, recorder="nvr1/1"),),
        recorders=(Recorder(id="nvr1", address="192.0.2.4", login=LOGIN),),
    )


async def stored(devices: Devices, around: Around) -> None:
    """Let it store what waits."""
    around.came.clear()
    running = asyncio.create_task(devices.run(around.keep))
    await asyncio.wait_for(around.came.wait(), 5)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_stopped_recorder_is_remembered_with_its_event(clock: Clock) -> None:
    """The event and what must be known after a restart are one storing; the next run ends what this one told."""
    around = Around(clock)
    devices = Devices(site(), {}, (), around.carrying)
    devices.hear(words.Reached(point="device/nvr1", serial="7"))
    stopped = words.Recorded(point="device/nvr1", camera="03", at_ms=0, recording=False)
    devices.hear(stopped)
    clock.advance(timedelta(minutes=1))
    devices.hear(stopped)
    await stored(devices, around)
    assert [(each.kind, each.phase) for each in around.stored[0][0]] == [("recorder.not_recording", Phase.RAISED)]
    assert [(each.point, each.state) for each in around.signals][:1] == [("device/nvr1", State.ONLINE)]
    again = Devices(site(), dict(around.stored[0][1]), [("recorder.not_recording", "camera/03")], around.carrying)
    devices.hear(stopped)
    fresh = words.Recorded(point="device/nvr1", camera="03", at_ms=0, newest="2026-11-21T02:14:40.000Z")
    again.hear(words.Reached(point="device/nvr1", serial="7"))
    assert "not_recording" in (around.signals[-1].marks or ()), "what stood still stands"
    again.hear(fresh)
    await stored(again, around)
    assert [(each.kind, each.phase) for each in around.stored[-1][0]] == [("recorder.not_recording", Phase.ENDED)]
    assert DEVICES_KEY in around.stored[-1][1]


async def test_what_the_site_no_longer_has_ends_at_the_beginning(clock: Clock) -> None:
    """A condition of a recorder that is gone does not stand for ever."""
    around = Around(clock)
    await stored(Devices(site(), {}, [("recorder.disk_fault", "device/old")], around.carrying), around)
    assert [(each.source, each.phase) for each in around.stored[0][0]] == [("device/old", Phase.ENDED)]


async def test_marks_and_days_go_where_they_belong(clock: Clock) -> None:
    """The clock's mark to the eye of the camera, the days to look at to the asker; a doubtful clock accuses nobody."""
    around = Around(clock)
    devices = Devices(site(), {}, (), around.carrying)
    devices.hear(words.ClockTold(point="camera/03", off_s=60, at_ms=0))
    assert around.marks == [("03", frozenset({"clock_drift"}))]
    devices.hear(words.Kept(point="device/nvr1", camera="03", oldest="2026-11-19T16:00:00.000Z"))
    assert around.asked == [words.DaysFrom(point="device/nvr1", camera="03", days=("2026-11-20",))]
    doubtful = Around(clock, suspect=True)
    Devices(site(), {}, (), doubtful.carrying).hear(words.ClockTold(point="camera/03", off_s=60, at_ms=0))
    assert doubtful.marks == []
