"""Rotas: at every instant somebody has it, turns follow each other without a gap, and the handover keeps its hour."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from collector.escalation.rotas import Override, on_duty, turn_at
from collector.rules.shapes import Rota, Turn
from collector.times import local

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
HOUR_MS = 3_600_000
FROM_MS = 1_767_600_000_000  # in January 2026
UNTIL_MS = FROM_MS + 3 * 366 * 24 * HOUR_MS

rotas = st.builds(
    Rota,
    name=st.just("leaders"),
    begins=st.just("2026-01-01"),
    handover=st.sampled_from(("00:00", "02:30", "08:00", "20:15")),
    length=st.sampled_from(
        (timedelta(hours=1), timedelta(hours=8), timedelta(hours=12), timedelta(days=1), timedelta(days=7))
    ),
    timezone=st.sampled_from(ZONES),
    turn=st.integers(1, 5).map(lambda count: tuple(Turn(people=(f"p{number}",)) for number in range(count))),
)
instants = st.integers(FROM_MS, UNTIL_MS)


@given(rota=rotas, at_ms=instants)
def test_somebody_has_it_and_the_turns_touch(rota: Rota, at_ms: int) -> None:
    """The turn holds at its instant, and the one after it begins where it ends, with the next in the row."""
    now = turn_at(rota, at_ms)
    assert now.people
    assert now.from_ms <= at_ms < now.until_ms
    after = turn_at(rota, now.until_ms)
    assert after.from_ms == now.until_ms
    order = [turn.people for turn in rota.turn]
    assert order[(order.index(now.people) + 1) % len(order)] == after.people


@given(rota=rotas, at_ms=instants)
def test_a_daily_handover_keeps_its_hour_over_daylight_saving(rota: Rota, at_ms: int) -> None:
    """Turns of whole days change at the same time of day on the wall, but where that hour does not exist."""
    if rota.length < timedelta(days=1):
        return
    wall = local(turn_at(rota, at_ms).from_ms, rota.timezone).strftime("%H:%M")
    assert wall == rota.handover or rota.handover == "02:30"


@given(rota=rotas, at_ms=instants, begins=instants, length=st.integers(1, 40 * 24 * HOUR_MS))
def test_whoever_stands_in_has_it_then_and_only_then(rota: Rota, at_ms: int, begins: int, length: int) -> None:
    """An override holds from its first to before its last instant; of two the later word counts."""
    first = Override(id="a", rota=rota.name, person="wu", from_ms=begins, until_ms=begins + length, at_ms=1)
    later = Override(id="b", rota=rota.name, person="li", from_ms=begins, until_ms=begins + length // 2, at_ms=2)
    other = Override(id="c", rota="another", person="xu", from_ms=0, until_ms=UNTIL_MS * 2, at_ms=3)
    held = on_duty(rota, (first, later, other), at_ms)
    if begins <= at_ms < begins + length // 2:
        assert held.people == ("li",)
    elif begins <= at_ms < begins + length:
        assert held.people == ("wu",)
    else:
        assert held == turn_at(rota, at_ms)


def test_nobody_has_it_before_it_begins() -> None:
    """The first turn begins on its day at its hour."""
    rota = Rota(name="leaders", begins="2026-03-01", handover="08:00", turn=(Turn(people=("li",)),))
    first = turn_at(rota, FROM_MS)
    assert first.people == ()
    assert local(first.until_ms, "Asia/Shanghai").isoformat() == "2026-03-01T08:00:00+08:00"
