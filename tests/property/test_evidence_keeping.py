"""What goes from the box's disk: nothing protected, only what must, and the budget holds where it can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from agent.evidence.keeping import GRAVE, Kept, Limits, decide

NOW = datetime(2026, 11, 21, 2, 13, tzinfo=UTC)
LIMITS = Limits(budget_bytes=1_000, keep=timedelta(days=90), keep_routine=timedelta(days=30), margin_bytes=100)
ROOMY = 10_000

kept = partial(
    st.builds,
    lambda number, level, hours, size, is_open, sent, request: Kept(
        slot=f"s{number}",
        level=level,
        at=NOW - timedelta(hours=hours),
        size=size,
        open=is_open,
        sent=sent,
        request=request,
    ),
    st.integers(0, 10**9),
)
whichever = kept(
    st.integers(1, 5), st.integers(0, 200 * 24), st.integers(1, 400), st.booleans(), st.booleans(), st.booleans()
)
alike = kept(
    st.sampled_from((2, 4)),
    st.integers(0, 48),
    st.integers(100, 400),
    *[st.just(each) for each in (False, True, False)],
)
stocks = st.lists(whichever, max_size=14, unique_by=lambda each: each.slot)
full_stocks = st.lists(whichever | alike, min_size=4, max_size=14, unique_by=lambda each: each.slot)


@given(stocks, st.booleans(), st.booleans(), st.integers(0, 3_000), st.integers(0, 500))
def test_nothing_protected_goes_and_the_budget_holds_where_it_can(
    stock: list[Kept], way: bool, dated: bool, free: int, wanted: int
) -> None:
    """Open alarms stay, and what the centre has not got while there is a way; the rest makes room, or it is said."""
    room = decide(stock, LIMITS, NOW, way=way, dated=dated, disk_free=free, wanted=wanted)
    by_slot = {each.slot: each for each in stock}
    gone = [by_slot[slot] for slot in room.go]
    assert len(set(room.go)) == len(room.go)
    assert not any(_open(each, dated=dated) or (way and not each.sent) for each in gone)
    used = sum(each.size for each in stock)
    allowed = min(LIMITS.budget_bytes, used + free - LIMITS.margin_bytes)
    left = used + wanted - sum(each.size for each in gone)
    assert room.short_bytes == max(0, left - allowed)
    if room.short_bytes:
        assert all(_open(each, dated=dated) or (way and not each.sent) for each in stock if each not in gone)


def _open(kept: Kept, *, dated: bool) -> bool:
    forgotten = dated and NOW - kept.at > 2 * LIMITS.days_of(kept)
    return kept.open and not forgotten


@given(stocks, st.booleans(), st.integers(0, 500))
def test_no_more_goes_than_must(stock: list[Kept], way: bool, wanted: int) -> None:
    """What is not too old stays while there is room without it; the last that went was needed."""
    room = decide(stock, LIMITS, NOW, way=way, dated=True, disk_free=ROOMY, wanted=wanted)
    by_slot = {each.slot: each for each in stock}
    young = [slot for slot in room.go if NOW - by_slot[slot].at <= LIMITS.days_of(by_slot[slot])]
    if young:
        left = sum(each.size for each in stock) + wanted - sum(by_slot[slot].size for slot in room.go)
        assert left + by_slot[young[-1]].size > LIMITS.budget_bytes


@given(stocks | full_stocks, st.booleans())
def test_for_room_the_routine_goes_before_the_grave_and_the_old_before_the_new(stock: list[Kept], way: bool) -> None:
    """Of two that may go and differ in one thing, the one of less worth goes first."""
    room = decide(stock, LIMITS, NOW, way=way, dated=False, disk_free=ROOMY)
    by_slot = {each.slot: each for each in stock}
    gone = [by_slot[slot] for slot in room.go]
    stayed = [each for each in stock if each not in gone and not each.open and (each.sent or not way)]
    for went in gone:
        for other in stayed:
            if other.request == went.request:
                assert (other.level <= GRAVE, -other.level) >= (went.level <= GRAVE, -went.level)
                if other.level == went.level:
                    assert other.at >= went.at


@given(stocks)
def test_by_a_clock_that_may_not_be_believed_nothing_is_too_old(stock: list[Kept]) -> None:
    """A clock that jumped ten years must not empty the disk."""
    room = decide(stock, LIMITS, NOW + timedelta(days=3650), way=False, dated=False, disk_free=ROOMY)
    if sum(each.size for each in stock) <= LIMITS.budget_bytes:
        assert room.go == ()


def test_each_level_has_its_days() -> None:
    """Levels 1 to 3 are kept for `keep`; the others, and what was asked for, for `keep_routine`."""
    at = NOW - timedelta(days=31)
    stock = [
        Kept(slot="grave", level=3, at=at, size=1, sent=True),
        Kept(slot="routine", level=4, at=at, size=1, sent=True),
        Kept(slot="asked", level=3, at=at, size=1, sent=True, request=True),
        Kept(slot="open", level=4, at=at, size=1, sent=True, open=True),
        Kept(slot="unsent", level=4, at=at, size=1),
    ]
    assert set(decide(stock, LIMITS, NOW, way=True, dated=True, disk_free=ROOMY).go) == {"routine", "asked"}
    assert set(decide(stock, LIMITS, NOW, way=False, dated=True, disk_free=ROOMY).go) == {"routine", "asked", "unsent"}
    later = NOW + timedelta(days=60)
    gone = decide(stock, LIMITS, later, way=True, dated=True, disk_free=ROOMY).go
    assert set(gone) == {"grave", "routine", "asked", "open"}  # of an alarm that nobody ended in 60 days
    assert "open" not in decide(stock, LIMITS, later, way=True, dated=False, disk_free=ROOMY).go
