"""Closing time at a whole guard: late, warned, armed by the box itself, and opened in the night."""

from __future__ import annotations

from datetime import timedelta

from agent.findings import Finding
from tests.branch import site_of, told
from tests.branch_hours import at
from tests.clock import Clock
from tests.guarded import CALM, SITE, Guarded

OPENING = """
[opening]
weekdays = "08:30-17:30"
open_by = "08:50"
arm_by = "18:30"
auto_arm = "20:30"
auto_arm_warning = "10m"
"""
HOURS = {
    "partition.late_to_close",
    "partition.arming_soon",
    "partition.early_to_open",
    "partition.failed_to_open",
    "partition.arm_failed",
    "partition.armed",
}


class Evening(Guarded):
    """A branch with opening hours, from Friday afternoon on; everybody has gone home and nobody armed it."""

    def __init__(self) -> None:
        super().__init__(site_of(SITE + OPENING), Clock(at("2026-11-20 17:00")))

    def until(self, text: str) -> list[str]:
        """What hours make of the time until then, by source."""
        self.findings.clear()
        self.after((at(text) - self.clock.now()) / timedelta(seconds=1))
        return sorted(f"{word} {each.source}" for each, word in self._words())

    def _words(self) -> list[tuple[Finding, str]]:
        found = [each for each in self.findings if each.kind in HOURS]
        return list(zip(found, told(found), strict=True))


def both(kind: str) -> list[str]:
    """Told of each partition."""
    return [f"{kind} partition/{name}" for name in ("cash", "lobby")]


def test_closing_time() -> None:
    """Late at half past six; a buzzer and a warning at twenty past eight; armed, and late no longer, at half past."""
    branch = Evening()
    assert branch.until("2026-11-20 18:29") == []
    assert branch.until("2026-11-20 18:30") == both("partition.late_to_close")
    assert branch.marks("partition/lobby") == ("late",)
    assert branch.until("2026-11-20 20:20") == both("partition.arming_soon")
    assert set(branch.marks("partition/cash")) == {"late", "warned"}
    assert branch.state("output/buzz") == "on"
    branch.restart(60, same_boot=False)  # a power cut within the warning
    branch.say(CALM)
    assert branch.until("2026-11-20 20:29") == []
    assert branch.until("2026-11-20 20:32") == sorted(
        [*both("partition.armed"), *both("partition.late_to_close.restored")]
    )
    assert branch.state("partition/cash") == "armed_away"
    assert branch.state("output/buzz") == "off"
    assert branch.of("partition.armed")[0].facts["way"] == "schedule"
    assert branch.until("2026-11-23 08:29") == []  # a quiet weekend


def test_a_window_left_open_keeps_the_box_trying() -> None:
    """The cash area is armed, the lobby's failure is told once with what prevents it; shut at midnight, it is armed."""
    branch = Evening()
    branch.until("2026-11-20 20:00")
    branch.say({"zone/window": "active"})
    heard = branch.until("2026-11-20 23:59")
    assert heard.count("partition.arm_failed partition/lobby") == 1
    assert "partition.armed partition/cash" in heard
    assert branch.of("partition.arm_failed")[0].facts["blocking"] == [["zone/window", "active"]]
    branch.say({"zone/window": "normal"})
    heard = branch.until("2026-11-21 00:08")
    assert "partition.armed partition/lobby" in heard
    assert branch.state("partition/lobby") == "armed_away"


def test_opened_in_the_night_and_not_opened_in_the_morning() -> None:
    """A disarming at three is early, with the way it came; a lobby still armed at ten to nine is told."""
    branch = Evening()
    branch.until("2026-11-21 03:00")
    branch.findings.clear()
    branch.give("disarm", partition="lobby")
    (early,) = branch.of("partition.early_to_open")
    assert (early.source, early.facts["way"], early.facts["closed"]) == ("partition/lobby", "order", True)
    branch.until("2026-11-22 12:00")
    assert branch.until("2026-11-23 09:00") == sorted(both("partition.failed_to_open"))
    branch.give("disarm", partition="site")
    assert told(branch.of("partition.failed_to_open"))[2:] == ["partition.failed_to_open.restored"] * 2
