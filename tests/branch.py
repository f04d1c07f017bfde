"""A branch in virtual time: say what points become, let time pass, see findings and writes. No device, no I/O."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from agent.findings import Finding, Phase
from agent.guard import Decision, Guard
from agent.memory import SavedGuard
from agent.signals import Moment, OutputWrite, Signal, State
from protocol.site.reading import read_site
from protocol.site.schema import Site
from tests.clock import Clock

VESTIBULE = """
id = "0755-031"
name = "河西分理处"
unit = "市分行/西区支行"
timezone = "Asia/Shanghai"

[[io]]
id = "io1"
address = "192.0.2.10:502"

[[door]]
id = "outer"
contact = "io1/di/0"
closed = 1
lock = "io1/do/0"
lock_energised = "unlocked"
exit_button = "io1/di/4"
held_open_after = "30s"

[[door]]
id = "inner"
contact = "io1/di/1"
closed = 1
lock = "io1/do/1"
lock_energised = "unlocked"
exit_button = "io1/di/3"
mechanical_key = "io1/di/5"

[[door]]
id = "vault"
contact = "io1/di/2"
closed = 1

[[interlock]]
id = "vestibule"
doors = ["outer", "inner"]
tolerance = "0.5s"
emergency_release = "io1/di/6"
occupied_by = "zone/cash-motion"

[[siren]]
id = "hall"
output = "io1/do/2"
on = ["door.dual_open"]
sound_for = "2m"

[[zone]]
id = "cash-motion"
type = "interior"
input = "io1/di/7"
"""

AT_REST = {
    "device/io1": "online",
    "door/outer": "closed",
    "door/inner": "closed",
    "door/vault": "closed",
    "exit/outer": "normal",
    "exit/inner": "normal",
    "key/inner": "normal",
    "release/vestibule": "normal",
    "zone/cash-motion": "normal",
    "lock/outer": "locked",
    "lock/inner": "locked",
    "output/hall": "off",
}


def site_of(text: str = VESTIBULE, **replaced: str) -> Site:
    """A site, with texts replaced: `site_of(**{'"0.5s"': '"0s"'})`."""
    for old, new in replaced.items():
        assert old in text, old
        text = text.replace(old, new)
    return read_site(text, "site.toml")


class Branch:
    """A guard and its clock. Outputs read back what is written, unless `echo` is off."""

    def __init__(self, site: Site | None = None, clock: Clock | None = None, *, at_rest: bool = True) -> None:
        self.site = site or site_of()
        self.clock = clock or Clock()
        self.echo = True
        self.findings: list[Finding] = []
        self.writes: list[OutputWrite] = []
        self.decision = Decision()
        self.guard = Guard(self.site, None, self.now(), same_boot=True)
        if at_rest:
            self.say(AT_REST)
            self.findings.clear()

    def now(self) -> Moment:
        return Moment(wall=self.clock.now(), mono_ms=self.clock.mono_ms())

    def say(self, states: dict[str, str], cause: str = "", settling: bool = False) -> list[Finding]:
        """All of these in one poll; returns what was found."""
        now = self.now()
        signals = [
            Signal(point=point, state=State(state), at=now, cause=cause, settling=settling)
            for point, state in states.items()
        ]
        return self._observe(signals)

    def after(self, seconds: float) -> list[Finding]:
        """Let time pass, looking again whenever the guard asked for it; returns what was found."""
        end_ms = self.clock.mono_ms() + round(seconds * 1000)
        found: list[Finding] = []
        while self.decision.wake_at is not None and self.decision.wake_at <= end_ms:
            self.clock.advance(timedelta(milliseconds=max(0, self.decision.wake_at - self.clock.mono_ms())))
            found += self._observe([])
        self.clock.advance(timedelta(milliseconds=end_ms - self.clock.mono_ms()))
        return found

    def restart(self, down_s: float = 0, *, same_boot: bool = True, site: Site | None = None) -> None:
        """The agent ends, some time passes, it starts again with what it had stored."""
        stored = msgspec.json.encode(self.guard.saved())
        self.clock.advance(timedelta(seconds=down_s))
        if not same_boot:
            self.clock = Clock(self.clock.now(), mono_ms=5_000)
        self.site = site or self.site
        saved = msgspec.json.decode(stored, type=SavedGuard)
        self.guard = Guard(self.site, saved, self.now(), same_boot=same_boot)
        self.decision = Decision()
        self.writes.clear()

    def state(self, point: str) -> str:
        """What the point is shown as."""
        return next(str(view.state) for view in self.guard.points() if view.id == point)

    def _observe(self, signals: list[Signal]) -> list[Finding]:
        found: list[Finding] = []
        while True:
            self.decision = self.guard.observe(signals, self.now())
            found += self.decision.findings
            self.writes += self.decision.writes
            if not (self.echo and self.decision.writes):
                break
            signals = [Signal(point=each.point, state=each.state, at=self.now()) for each in self.decision.writes]
        self.findings += found
        return found


def told(findings: list[Finding]) -> list[str]:
    """Findings as short words: `door.forced`, `door.forced.restored`."""
    return [finding.kind + (".restored" if finding.phase is Phase.ENDED else "") for finding in findings]


def moment(mono_ms: int) -> Moment:
    """A moment so many milliseconds after an arbitrary start."""
    start = datetime(2026, 11, 21, 2, 13, 49, tzinfo=UTC)
    return Moment(wall=start + timedelta(milliseconds=mono_ms), mono_ms=mono_ms)
