"""Who may give which order here and now: roles, units, duty over midnight and by the calendar's days."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from agent.orders.rights import ROLES, When, at_or_above, is_within, refusal
from protocol.orders import ACTIONS
from protocol.roster import Duty
from protocol.site.reading import site_from
from protocol.site.schema import Site
from tests.approvers import Approver
from tests.bundles import settings

ZONE = ZoneInfo("Asia/Shanghai")
SITE: Site = site_from(settings(), "test", lambda _: iter(()))
FRIDAY = date(2026, 11, 20)


def when(text: str, *, trusted: bool = True) -> When:
    """A moment of the week of Friday, 20 November 2026, whose Saturday is a worked one."""
    local = datetime.fromisoformat(text).replace(tzinfo=ZONE)
    return When(local=local, trusted=trusted, is_working_day=lambda day: day.weekday() < 5 or day.day == 21)


def asked(action: str, *, at: str = "2026-11-20T10:00", where: tuple[str, ...] = ("cash",), **who: Any) -> str:
    """What is said to a person of these roles, unit and duty."""
    trusted = who.pop("trusted", True)
    return refusal(Approver("x", 1, **who).person, SITE, action, where, when(at, trusted=trusted))


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("security-officer", set(ACTIONS)),
        ("director", set(ACTIONS)),
        ("shift-leader", {"arm", "disarm", "silence", "lock", "reset_latch", "bypass", "run_test"}),
        ("operator", {"arm", "disarm", "silence"}),
        ("engineer", {"run_test", "output", "silence"}),
        ("installer", {"run_test", "output", "silence"}),
        ("auditor", set()),
        ("", set()),
    ],
)
def test_a_role_may_what_the_table_says(role: str, may: set[str]) -> None:
    """Every action of every role, on duty everywhere and always."""
    assert {action for action in ACTIONS if asked(action, roles=(role,), duty=(Duty(),)) == ""} == may
    assert {action for action in ACTIONS if asked(action, roles=(role,), duty=(Duty(),)) == "role"} == {*ACTIONS} - may


def test_of_several_roles_any_suffices() -> None:
    """An engineer who is also an operator disarms by the one and switches by the other."""
    both: dict[str, Any] = {"roles": ("engineer", "operator"), "duty": (Duty(),)}
    assert {action for action in ACTIONS if asked(action, **both) == ""} == ROLES["engineer"] | ROLES["operator"]
    assert asked("disarm", roles=("engineer", "operator")) == "duty"
    assert asked("disarm", roles=("shift-leader", "operator")) == ""
    assert asked("disarm", roles=()) == "role"


@pytest.mark.parametrize(
    ("unit", "of", "holds"),
    [
        ("", "市分行/西区支行", True),
        ("市分行", "市分行/西区支行", True),
        ("市分行/西区支行", "市分行/西区支行", True),
        ("市分行/西区", "市分行/西区支行", False),
        ("市分行/东区支行", "市分行/西区支行", False),
        ("市分行/西区支行/河西", "市分行/西区支行", False),
        ("市分行/", "市分行/西区支行", False),
    ],
)
def test_a_unit_is_the_sites_or_above_it(unit: str, of: str, *, holds: bool) -> None:
    """By whole names of the tree, never by their first letters."""
    assert at_or_above(unit, of) is holds
    assert asked("arm", unit=unit) == ("" if holds else "unit")


@pytest.mark.parametrize(
    ("hours", "days", "at", "inside"),
    [
        (None, "all", "2026-11-22T03:00", True),
        ("08:30-17:00", "all", "2026-11-20T08:29", False),
        ("08:30-17:00", "all", "2026-11-20T08:30", True),
        ("08:30-17:00", "all", "2026-11-20T16:59", True),
        ("08:30-17:00", "all", "2026-11-20T17:00", False),
        ("22:00-06:00", "all", "2026-11-20T21:59", False),
        ("22:00-06:00", "all", "2026-11-20T22:00", True),
        ("22:00-06:00", "all", "2026-11-21T05:59", True),
        ("22:00-06:00", "all", "2026-11-21T06:00", False),
        ("18:00-24:00", "all", "2026-11-20T23:59", True),
        ("18:00-24:00", "all", "2026-11-21T00:00", False),
        ("18:00-00:00", "all", "2026-11-20T23:59", True),
        ("18:00-00:00", "all", "2026-11-21T00:00", False),
        ("08:00-08:00", "all", "2026-11-20T07:59", True),
        ("25:00-26:00", "all", "2026-11-20T10:00", False),
        ("08:61-17:00", "all", "2026-11-20T10:00", False),
        ("08:00-24:01", "all", "2026-11-20T10:00", False),
        (None, "working", "2026-11-20T10:00", True),
        (None, "working", "2026-11-21T10:00", True),  # a Saturday that is worked
        (None, "working", "2026-11-22T10:00", False),
        (None, "free", "2026-11-21T10:00", False),
        (None, "free", "2026-11-22T10:00", True),
        ("22:00-06:00", "working", "2026-11-22T02:00", True),  # the night of the worked Saturday
        ("22:00-06:00", "working", "2026-11-22T23:00", False),
        ("22:00-06:00", "working", "2026-11-23T02:00", False),  # Monday's first hours are Sunday's night
        ("22:00-06:00", "free", "2026-11-23T02:00", True),
        ("08:30-17:00", "free", "2026-11-22T09:00", True),
        ("08:30-17:00", "free", "2026-11-22T18:00", False),
    ],
)
def test_duty_has_hours_and_days(hours: str | None, days: str, at: str, *, inside: bool) -> None:
    """From the first minute to before the last; a night belongs to the day on which it began."""
    duty = replace(Duty(hours=hours), days=days)
    assert is_within(duty, when(at)) is inside
    assert asked("disarm", at=at, roles=("operator",), duty=(duty,)) == ("" if inside else "duty")


def test_an_operator_without_duty_gives_no_orders() -> None:
    """The other roles give them everywhere where the roster says nothing; and within their duty where it does."""
    assert asked("arm", roles=("operator",)) == "duty"
    assert asked("arm", roles=("shift-leader",)) == ""
    assert asked("arm", roles=("shift-leader",), duty=(Duty(partitions=("hall",)),)) == "duty"
    assert asked("arm", roles=("director",), duty=(Duty(hours="18:00-20:00"),)) == "duty"


def test_every_partition_needs_a_duty_that_is_on_now() -> None:
    """The whole site is disarmed only by somebody on duty for all of it, be it by two duties."""
    halves = (Duty(partitions=("cash",)), Duty(partitions=("hall",), hours="08:00-12:00"))
    who: dict[str, Any] = {"roles": ("operator",), "duty": halves, "where": ("cash", "hall")}
    assert asked("disarm", **who) == ""
    assert asked("disarm", **who | {"at": "2026-11-20T12:00"}) == "duty"
    assert asked("disarm", **who | {"duty": halves[:1]}) == "duty"
    assert asked("disarm", **who | {"duty": (Duty(),)}) == ""


def test_what_stands_outside_of_partitions_needs_a_duty_for_everything() -> None:
    """A light belongs to no partition; to silence the sirens any duty will do."""
    cash = (Duty(partitions=("cash",)),)
    assert asked("output", roles=("engineer",), duty=cash, where=()) == "duty"
    assert asked("output", roles=("engineer",), duty=(Duty(),), where=()) == ""
    assert asked("silence", roles=("operator",), duty=cash, where=()) == ""
    assert asked("silence", roles=("operator",), duty=(Duty(hours="18:00-20:00"),), where=()) == "duty"
    assert asked("silence", roles=("operator",), where=()) == "duty"


@pytest.mark.parametrize("limit", [Duty(hours="08:00-18:00"), Duty(days="working")])
def test_a_clock_that_is_not_believed_gives_no_rights_to_disarm(limit: Duty) -> None:
    """FIELD-FAULTS row 13: what hours give waits for the time; arming goes on, and so do rights without hours."""
    for action in ("disarm", "unlock", "bypass", "reset_latch", "run_test"):
        assert asked(action, duty=(limit,), trusted=False) == "clock_suspect"
        assert asked(action, duty=(limit, Duty(partitions=("cash",))), trusted=False) == ""
        assert asked(action, trusted=False) == ""
    for at in ("2026-11-20T10:00", "2026-11-22T23:00"):
        assert asked("arm", at=at, duty=(limit,), trusted=False) == ""
    assert asked("disarm", duty=(replace(limit, partitions=("hall",)),), trusted=False) == "duty"
