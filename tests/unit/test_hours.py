"""Opening hours: late, early, not opened, arming by itself, and what restarts and clock steps do not change."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from agent.arming.hours import Standing
from agent.findings import Phase
from tests.branch_hours import OPENING, BranchHours, at

MINUTE = timedelta(minutes=1)
NO_AUTO = replace(OPENING, auto_arm=None)


def test_a_partition_that_is_not_armed_in_time_is_late_until_it_is() -> None:
    """late_to_close comes at arm_by, shows as a mark, and ends when the partition is armed."""
    branch = BranchHours("2026-11-20 17:00", NO_AUTO)  # a Friday
    branch.until("2026-11-20 18:29")
    assert branch.findings == []
    branch.until("2026-11-20 18:30")
    assert branch.kinds == ["partition.late_to_close"]
    assert branch.findings[0].facts == {"arm_by": "2026-11-20T10:30:00.000Z", "day": "working"}
    assert branch.marks == ["late"]
    branch.until("2026-11-20 19:00")
    branch.arm()
    assert branch.kinds == ["partition.late_to_close", "partition.late_to_close.restored"]
    assert branch.marks == []


def test_one_that_is_armed_in_time_is_not_late() -> None:
    """Nothing is told of an ordinary evening."""
    branch = BranchHours("2026-11-20 17:00")
    branch.until("2026-11-20 18:29")
    branch.arm()
    branch.until("2026-11-21 08:00")
    assert branch.kinds == []


def test_one_that_arms_at_the_last_moment_is_judged_by_what_comes_of_it() -> None:
    """An exit delay across arm_by is not late if it succeeds, and late if it fails."""
    for succeeds, told in ((True, []), (False, ["partition.late_to_close"])):
        branch = BranchHours("2026-11-20 17:00", replace(OPENING, auto_arm="18:29:30", auto_arm_warning=timedelta(0)))
        branch.until("2026-11-20 18:30")
        assert branch.standing is Standing.ARMING
        branch.disarm() if not succeeds else branch.after(MINUTE)
        assert [kind for kind in branch.kinds if "late" in kind] == told


def test_who_is_late_again_the_next_day_is_told_anew() -> None:
    """A lateness that stands since yesterday does not hide today's."""
    branch = BranchHours("2026-11-19 17:00", NO_AUTO)
    branch.until("2026-11-20 18:30")
    assert branch.kinds == ["partition.late_to_close", "partition.late_to_close.restored", "partition.late_to_close"]


def test_the_box_arms_by_itself_after_a_warning() -> None:
    """arming_soon and the mark ten minutes before; then it is wanted once, and nothing more happens that night."""
    branch = BranchHours("2026-11-20 17:00", replace(OPENING, arm_by=None))
    branch.until("2026-11-20 20:19")
    assert (branch.kinds, branch.marks) == ([], [])
    branch.until("2026-11-20 20:20")
    assert branch.kinds == ["partition.arming_soon"]
    assert branch.findings[0].facts == {"at": "2026-11-20T12:30:00.000Z", "day": "working"}
    assert branch.marks == ["warned"]
    branch.until("2026-11-20 20:29")
    assert branch.asked == []
    branch.until("2026-11-21 08:00")
    assert branch.asked == [at("2026-11-20 20:30")]
    assert (branch.standing, branch.marks) == (Standing.ARMED, [])


def test_arming_that_fails_is_tried_again_every_five_minutes_until_people_come() -> None:
    """It does not give up in the night, and it gives up when the next opening is near."""
    branch = BranchHours("2026-11-19 20:00", replace(OPENING, arm_by=None))
    branch.can_arm = False
    branch.until("2026-11-19 20:46")
    assert branch.asked == [at("2026-11-19 20:30") + each * 5 * MINUTE for each in range(4)]
    assert branch.marks == []  # the buzzer is no torment for the whole night
    branch.until("2026-11-20 09:00")
    assert branch.asked[-1] == at("2026-11-20 07:55")
    assert branch.kinds == ["partition.arming_soon"]
    branch.can_arm = True
    branch.until("2026-11-20 20:40")
    assert branch.asked[-1] == at("2026-11-20 20:30")
    assert branch.standing is Standing.ARMED


def test_who_disarms_after_it_armed_by_itself_is_left_alone_that_night() -> None:
    """It arms by itself once an evening; and that disarming is early."""
    branch = BranchHours("2026-11-20 20:00", replace(OPENING, arm_by=None))
    branch.until("2026-11-20 22:00")
    branch.disarm()
    branch.until("2026-11-21 08:00")
    assert len(branch.asked) == 1
    assert branch.kinds == ["partition.arming_soon", "partition.early_to_open"]
    branch.until("2026-11-21 20:40")
    assert [f"{each:%d}" for each in branch.asked] == ["20", "21"]


def test_who_disarms_during_the_warning_is_warned_anew() -> None:
    """The whole warning goes before every arming by itself."""
    branch = BranchHours("2026-11-20 20:00", replace(OPENING, arm_by=None))
    branch.until("2026-11-20 20:22")
    branch.arm()
    branch.until("2026-11-20 20:25")
    branch.disarm()
    branch.until("2026-11-20 20:40")
    assert branch.asked == [at("2026-11-20 20:35")]


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("2026-11-20 07:59", True),  # opening less half an hour is 08:00
        ("2026-11-20 08:00", False),
        ("2026-11-20 17:45", False),  # after closing, before arm_by: somebody forgot something
        ("2026-11-20 18:31", True),
        ("2026-11-21 10:00", True),  # Saturday is closed
        ("2026-10-01 10:00", True),  # National Day
        ("2026-02-14 10:00", False),  # a Saturday that is worked before the Spring Festival
    ],
)
def test_disarming_is_early_outside_the_hours(when: str, told: bool) -> None:
    """early_to_open: before opening less `early`, in the night, on a closed day; with the way it was done."""
    branch = BranchHours("2026-01-15 20:00", replace(OPENING, auto_arm=None, open_by=None), standing=Standing.ARMED)
    branch.restart(at(when) - branch.clock.now())
    branch.disarm("keyswitch")
    early = [each for each in branch.findings if each.kind == "partition.early_to_open"]
    assert bool(early) is told
    assert all(each.phase is Phase.TOLD and each.facts["way"] == "keyswitch" for each in early)


def test_a_branch_that_does_not_open_is_told() -> None:
    """failed_to_open at open_by on a working day, ended by the disarming; not on a closed day, not for a vault."""
    branch = BranchHours("2026-11-20 06:00", NO_AUTO, standing=Standing.ARMED)
    branch.until("2026-11-20 08:49")
    assert branch.kinds == []
    branch.until("2026-11-20 08:50")
    assert branch.kinds == ["partition.failed_to_open"]
    branch.until("2026-11-20 09:30")
    branch.disarm()
    assert branch.kinds == ["partition.failed_to_open", "partition.failed_to_open.restored"]
    for kind, day in (("vault", "2026-11-20"), ("atm_service", "2026-11-20"), ("general", "2026-11-21")):
        other = BranchHours(f"{day} 06:00", NO_AUTO, standing=Standing.ARMED, kind=kind)
        other.until(f"{day} 12:00")
        assert other.kinds == []


def test_a_box_that_was_off_at_the_hour_catches_up() -> None:
    """Powered on in the night: it tells that the branch was late, warns, and arms."""
    branch = BranchHours("2026-11-20 17:00")
    branch.restart(timedelta(hours=9))
    assert branch.wall() == "2026-11-21 02:00"
    assert branch.kinds == ["partition.late_to_close", "partition.arming_soon"]
    branch.after(9 * MINUTE)
    assert branch.asked == []
    branch.after(2 * MINUTE)
    assert branch.asked == [at("2026-11-21 02:10")]
    assert branch.standing is Standing.ARMED


def test_a_box_that_is_being_installed_does_not_arm_at_once() -> None:
    """A first start on a Saturday, or late at night, makes up for no evening before it."""
    for begin in ("2026-11-21 12:00", "2026-11-20 21:00"):
        branch = BranchHours(begin)
        branch.after(timedelta(hours=2))
        assert (branch.kinds, branch.asked) == ([], [])


def test_a_box_that_was_off_until_people_came_does_not_arm_over_them() -> None:
    """A missed evening is not made up for while the branch is open."""
    branch = BranchHours("2026-11-19 17:00", replace(OPENING, arm_by=None))
    branch.restart(timedelta(hours=16))
    branch.until("2026-11-20 20:19")
    assert branch.asked == []


def test_a_restart_in_the_middle_of_the_warning_goes_on_with_it() -> None:
    """Neither shorter nor a second time, whether the program or the machine restarted."""
    for same_boot in (True, False):
        branch = BranchHours("2026-11-20 20:00", replace(OPENING, arm_by=None))
        branch.until("2026-11-20 20:25")
        branch.restart(MINUTE, same_boot=same_boot)
        branch.until("2026-11-20 21:00")
        assert branch.kinds == ["partition.arming_soon"]
        assert branch.asked == [at("2026-11-20 20:30")]


def test_a_clock_that_jumps_forward_still_leaves_the_whole_warning() -> None:
    """At four in the afternoon it suddenly says nine: warned within a minute, armed ten minutes later, not at once."""
    branch = BranchHours("2026-11-20 08:40", replace(OPENING, arm_by=None))
    branch.until("2026-11-20 16:00")
    branch.step_clock(timedelta(hours=5))
    branch.after(2 * MINUTE)
    assert branch.kinds == ["partition.arming_soon"]
    branch.after(8 * MINUTE)
    assert branch.asked == []
    branch.step_clock(timedelta(hours=-5))  # corrected in time: nothing was armed, and the evening comes all the same
    branch.after(5 * MINUTE)
    assert (branch.asked, branch.marks) == ([], [])
    branch.until("2026-11-20 20:31")
    assert branch.asked == [at("2026-11-20 20:30")]


def test_a_clock_that_ran_ahead_for_long_costs_no_evening() -> None:
    """Armed and told late by a wrong clock: by the right one the evening is judged and armed as ever."""
    branch = BranchHours("2026-11-20 08:40")
    branch.until("2026-11-20 16:00")
    branch.step_clock(timedelta(hours=5))
    branch.after(30 * MINUTE)
    assert branch.standing is Standing.ARMED
    branch.step_clock(timedelta(hours=-5))
    branch.disarm()
    branch.findings.clear()
    branch.asked.clear()
    branch.until("2026-11-20 20:40")
    assert branch.kinds == [
        "partition.late_to_close",
        "partition.arming_soon",
        "partition.late_to_close.restored",
    ]
    assert branch.asked == [at("2026-11-20 20:30")]


def test_a_clock_set_back_a_little_arms_no_evening_twice() -> None:
    """Corrected by half an hour after it had armed by itself and somebody came back in."""
    branch = BranchHours("2026-11-20 20:00", replace(OPENING, arm_by=None))
    branch.until("2026-11-20 20:35")
    branch.disarm()
    branch.step_clock(timedelta(minutes=-30))
    branch.until("2026-11-21 07:00")
    assert len(branch.asked) == 1


def test_closed_days_are_armed_and_judged_too() -> None:
    """Who disarms on a Sunday and forgets is late at arm_by and armed at auto_arm."""
    branch = BranchHours("2026-11-22 09:00", standing=Standing.ARMED)
    branch.disarm()
    branch.until("2026-11-22 21:00")
    assert branch.kinds == [
        "partition.early_to_open",
        "partition.late_to_close",
        "partition.arming_soon",
        "partition.late_to_close.restored",
    ]
    assert branch.findings[0].facts == {"way": "code", "closed": True, "day": "weekend"}


def test_a_partition_that_hours_do_not_concern_is_left_alone() -> None:
    """`scheduled = false`, and a site without hours; what stood is ended when a new site file says so."""
    branch = BranchHours("2026-11-20 17:00", NO_AUTO)
    branch.until("2026-11-20 19:00")
    branch.scheduled = False
    branch.after(2 * MINUTE)
    assert branch.kinds == ["partition.late_to_close", "partition.late_to_close.restored"]
    assert branch.findings[-1].facts == {"reason": "no longer scheduled"}
    branch.until("2026-11-23 23:00")
    assert len(branch.kinds) == 2
    none = BranchHours("2026-12-20 17:00", None)
    none.until("2026-12-23 23:00")
    assert none.kinds == []


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Shanghai", "Australia/Lord_Howe"])
def test_arming_goes_by_the_sites_own_clock_through_the_year(zone: str) -> None:
    """Once every day at half past two in the night, also where that time is skipped or comes twice."""
    opening = replace(OPENING, weekends="08:30-17:30", holidays="08:30-17:30", auto_arm="02:30", arm_by=None)
    for begin in ("2026-03-27 12:00", "2026-10-23 12:00", "2026-04-03 12:00"):
        branch = BranchHours(begin, opening, zone=zone)
        for _ in range(4):
            branch.after(timedelta(hours=24))
            branch.disarm()
        assert len(branch.asked) == 4
        assert len({f"{each:%d}" for each in branch.asked}) == 4
