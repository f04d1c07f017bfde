"""A partition and its opening hours under a virtual clock: arms when asked, or cannot; restarts; has its clock set.

Only `agent/arming/hours.py` and the calendar are under test; what the guard's own table does with a partition is the
guard's matter. Each look goes as the guard's does: at a change, and when `wake_at` comes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from agent.arming import hours
from agent.arming.calendar import Timetable
from agent.arming.hours import HoursState, PartitionSight, Sight, Standing
from agent.findings import Finding, Phase
from agent.signals import Moment
from protocol.site.schema import Calendar, Opening
from tests.clock import Clock

SHANGHAI = "Asia/Shanghai"
OPENING = Opening(
    weekdays="08:30-17:30", open_by="08:50", arm_by="18:30", auto_arm="20:30", auto_arm_warning=timedelta(minutes=10)
)


def at(text: str, zone: str = SHANGHAI) -> datetime:
    """A local time like `2026-11-20 18:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


class BranchHours:
    """One partition at one site."""

    def __init__(
        self,
        begin: str,
        opening: Opening | None = OPENING,
        *,
        calendar: Calendar | None = None,
        zone: str = SHANGHAI,
        kind: str = "general",
        standing: Standing = Standing.DISARMED,
    ) -> None:
        self.zone = zone
        self.clock = Clock(at(begin, zone))
        self.kind = kind
        self.scheduled = True
        self.can_arm = True
        self.exit_delay = timedelta(seconds=60)
        self.findings: list[Finding] = []
        self.asked: list[datetime] = []
        """When the box tried to arm by itself, by the wall clock of that moment."""
        self._state = HoursState()
        self.site(opening, calendar)
        self._standing, self._since, self._way = standing, self._now(), ""
        self._exit_ends: int | None = None
        self._look()

    @property
    def kinds(self) -> list[str]:
        """What was told, restores with their ending."""
        return [each.kind + (".restored" if each.phase is Phase.ENDED else "") for each in self.findings]

    @property
    def marks(self) -> list[str]:
        """What is shown beside the partition's state."""
        return list(hours.marks(self._state, "general"))

    @property
    def standing(self) -> Standing:
        """What the partition is."""
        return self._standing

    def site(self, opening: Opening | None, calendar: Calendar | None = None) -> None:
        """Another site file."""
        self._timetable = Timetable(opening, calendar, self.zone)

    def wall(self) -> str:
        """The local time, to the minute."""
        return f"{self.clock.now().astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M}"

    def arm(self) -> None:
        """Somebody arms it, without an exit delay."""
        self._become(Standing.ARMED, "code")
        self._look()

    def disarm(self, way: str = "code") -> None:
        """Somebody disarms it."""
        self._exit_ends = None
        self._become(Standing.DISARMED, way)
        self._look()

    def until(self, text: str) -> None:
        """Let time pass until the wall clock shows this."""
        while (left := at(text, self.zone) - self.clock.now()) > timedelta(0):
            self._pass(left)

    def after(self, time: timedelta) -> None:
        """Let so much time pass."""
        end = self.clock.mono_ms() + time // timedelta(milliseconds=1)
        while (left := end - self.clock.mono_ms()) > 0:
            self._pass(timedelta(milliseconds=left))

    def step_clock(self, by: timedelta) -> None:
        """Somebody sets the clock; nothing is looked at because of it."""
        self.clock.set_wall(self.clock.now() + by)

    def restart(self, down: timedelta, *, same_boot: bool = False) -> None:
        """The program, or the machine, is down for a while; what was stored is read back."""
        stored = msgspec.json.encode(self._state)
        before = self._now()
        self.clock.advance(down)
        if not same_boot:
            wall = self.clock.now()
            self.clock = Clock(wall, 5_000)
        self._since = self._since.carried(self._now(), same_boot)
        if self._exit_ends is not None:
            left = self._exit_ends - before.mono_ms - down // timedelta(milliseconds=1)
            self._exit_ends = self.clock.mono_ms() + max(0, left)
        self._state = hours.carried(msgspec.json.decode(stored, type=HoursState), self._now(), same_boot)
        self._look()

    def _pass(self, most: timedelta) -> None:
        now = self._now()
        wake = hours.wake_at(self._state, self._sight(), now)
        waits = [most // timedelta(milliseconds=1), *([wake - now.mono_ms] if wake is not None else [])]
        if self._exit_ends is not None:
            waits.append(self._exit_ends - now.mono_ms)
        self.clock.advance(timedelta(milliseconds=max(1, min(waits))))
        if self._exit_ends is not None and self.clock.mono_ms() >= self._exit_ends:
            self._exit_ends = None
            self._become(Standing.ARMED, "schedule")
        self._look()

    def _look(self) -> None:
        now = self._now()
        self._state, findings, wanted = hours.observe(self._state, self._sight(), now)
        self.findings += findings
        if not wanted:
            return
        self.asked.append(self.clock.now())
        if self.can_arm:
            self._become(Standing.ARMING, "schedule")
            self._exit_ends = self.clock.mono_ms() + self.exit_delay // timedelta(milliseconds=1)

    def _become(self, standing: Standing, way: str) -> None:
        self._standing, self._since, self._way = standing, self._now(), way

    def _sight(self) -> Sight:
        partition = PartitionSight(
            id="general",
            kind=self.kind,
            standing=self._standing,
            since=self._since,
            way=self._way,
            scheduled=self.scheduled,
        )
        return Sight(partitions=(partition,), days=self._timetable.days(self.clock.now()))

    def _now(self) -> Moment:
        return Moment(wall=self.clock.now(), mono_ms=self.clock.mono_ms())
