"""What is sent when: urgent first, a bounded window, again after 5 s doubling to 60 s, explanations ahead."""

from __future__ import annotations

from dataclasses import replace

from agent.outbox.records import LaneStanding, Standing
from agent.outbox.sending import (
    FIRST_AGAIN_MS,
    LONGEST_AGAIN_MS,
    WINDOW,
    Send,
    Sending,
    Wait,
    again_from,
    decide,
    nothing_there,
    receipted,
    sent,
)
from protocol.kinds import Lane
from protocol.ledger import Position


def standing(
    urgent: tuple[int, int] = (0, 0), routine: tuple[int, int] = (0, 0), explanations: tuple[int, ...] = ()
) -> Standing:
    """Lanes as (receipted, head)."""
    lanes = {
        lane: LaneStanding(head=Position(run="r", seq=head, hash="h"), receipted=done, pending=head - done)
        for lane, (done, head) in {Lane.URGENT: urgent, Lane.ROUTINE: routine}.items()
    }
    return Standing(run="r", lanes=lanes, used_bytes=0, limit_bytes=1, explanations=explanations)


def drain(sending: Sending, view: Standing, now_ms: int, batch: int = 100) -> tuple[Sending, list[Send]]:
    """Send until there is nothing to send."""
    made: list[Send] = []
    while isinstance(step := decide(sending, view, now_ms), Send):
        last = step.last or min(step.first + batch - 1, view.lanes[step.lane].head.seq)
        sending = sent(sending, step, last, now_ms)
        made.append(step)
    return sending, made


def test_urgent_goes_first_and_a_fresh_event_goes_alone() -> None:
    """A hold-up never waits for company nor behind the routine lane."""
    _, made = drain(Sending(), standing(urgent=(4, 5), routine=(0, 250)), 0)
    assert [(step.lane, step.first) for step in made] == [
        (Lane.URGENT, 5),
        (Lane.ROUTINE, 1),
        (Lane.ROUTINE, 101),
        (Lane.ROUTINE, 201),
    ]


def test_no_more_than_a_window_is_in_flight() -> None:
    """FIELD-FAULTS row 4: however long the backlog, what waits for receipts is bounded."""
    sending, made = drain(Sending(), standing(urgent=(0, 5000)), 0)
    assert len(made) == WINDOW
    assert decide(sending, standing(urgent=(0, 5000)), 1) == Wait(until_ms=FIRST_AGAIN_MS)
    view = standing(urgent=(100, 5000))
    _, more = drain(receipted(sending, view), view, 2)
    assert [step.first for step in more] == [WINDOW * 100 + 1]


def test_the_window_of_one_lane_does_not_stop_the_other() -> None:
    """A routine lane that the centre does not sign for leaves the urgent one free."""
    view = standing(routine=(0, 5000))
    sending, _ = drain(Sending(), view, 0)
    _, made = drain(sending, standing(urgent=(0, 1), routine=(0, 5000)), 1)
    assert [(step.lane, step.first) for step in made] == [(Lane.URGENT, 1)]


def test_what_is_not_receipted_is_sent_again_with_doubling_waits() -> None:
    """WIRE 2.7: after 5 s, then 10, 20, 40, 60, 60: the oldest envelope, not all of them."""
    view = standing(urgent=(0, 150))
    sending, _ = drain(Sending(), view, 0)
    now, waits = 0, []
    for _ in range(7):
        step = decide(sending, view, now)
        assert isinstance(step, Wait)
        assert step.until_ms is not None
        waits.append(step.until_ms - now)
        now = step.until_ms
        again = decide(sending, view, now)
        assert again == Send(lane=Lane.URGENT, first=1, last=100)
        sending = sent(sending, again, 100, now)
    assert waits == [5000, 10_000, 20_000, 40_000, LONGEST_AGAIN_MS, LONGEST_AGAIN_MS, LONGEST_AGAIN_MS]


def test_explanations_of_holes_go_before_everything() -> None:
    """The centre can sign for nothing behind a hole, so the line that explains it does not wait in its lane."""
    view = standing(urgent=(0, 1), routine=(0, 900), explanations=(900,))
    sending, made = drain(Sending(), view, 0)
    assert made[0] == Send(lane=Lane.ROUTINE, first=900, last=900, limit=1)
    assert made[1].lane is Lane.URGENT
    assert decide(sending, view, FIRST_AGAIN_MS) == made[0]
    done = replace(view, explanations=())
    assert decide(receipted(sending, done), done, FIRST_AGAIN_MS) != made[0]


def test_a_vanished_backlog_is_stepped_over() -> None:
    """What was shed or quarantined between the decision and the reading stops nothing and spins nothing."""
    view = standing(routine=(0, 300))
    step = decide(Sending(), view, 0)
    assert isinstance(step, Send)
    assert decide(nothing_there(Sending(), step, view), view, 0) == Wait(until_ms=None)


def test_a_restored_centre_is_served_from_where_it_stands() -> None:
    """After a set-back everything from there on goes again, in order."""
    sending, _ = drain(Sending(), standing(urgent=(0, 300)), 0)
    _, made = drain(again_from(sending, Lane.URGENT, 51), standing(urgent=(50, 300)), 1)
    assert [step.first for step in made] == [51, 151, 251]
