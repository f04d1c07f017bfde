"""What is sent to a receiver next, and what its answers are worth: a table of cases, and properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.notify.dc09.records import Reason
from collector.notify.dc09.session import (
    CORRECTIONS,
    MAX_OFF,
    TRIES,
    WAIT_MS,
    Ended,
    Question,
    Result,
    Side,
    Try,
    apply,
    begin,
    judge_answer,
    next_step,
    order_of,
    seen,
)
from protocol.dc09.replies import Reply
from protocol.dc09.sending import Answer

NOW = datetime(2026, 11, 22, 2, 10, tzinfo=UTC)
CLEAR = Question(sequence=42, account="0755", enciphered=False, now=NOW)
PROVEN = msgspec.structs.replace(CLEAR, enciphered=True)
ACK = Answer(reply=Reply.ACK, sequence=42, account="0755")
SEALED = Answer(reply=Reply.ACK, sequence=42, account="0755", sent=NOW, proven=True)


def played(results: list[Result], sides: int = 2) -> tuple[list[tuple[int, int]], Ended]:
    """When which address was told, in seconds, if each sending ends so; a silence takes 20 s, the rest nothing."""
    now_ms = 0
    told: list[tuple[int, int]] = []
    progress = begin(range(sides), now_ms)
    for result in results:
        step = next_step(progress, now_ms)
        if isinstance(step, Ended):
            return told, step
        told.append((step.side, step.at_ms // 1000))
        now_ms = step.at_ms + (WAIT_MS if result in {Result.SILENT, Result.UNPROVEN} else 0)
        progress = apply(progress, step, result, now_ms)
    last = next_step(progress, now_ms)
    assert isinstance(last, Ended)
    return told, last


@pytest.mark.parametrize(
    ("results", "told", "ended"),
    [
        ([Result.TAKEN], [(0, 0)], (0, None)),
        ([Result.SILENT] * 3 + [Result.TAKEN], [(0, 0), (0, 20), (0, 40), (1, 60)], (1, None)),
        (
            [Result.SILENT] * 6,
            [(0, 0), (0, 20), (0, 40), (1, 60), (1, 80), (1, 100)],
            (None, Reason.SILENT),
        ),
        ([Result.UNREACHABLE, Result.TAKEN], [(0, 0), (1, 0)], (1, None)),
        (
            [Result.UNREACHABLE] * 6,
            [(0, 0), (1, 0), (0, 20), (1, 20), (0, 40), (1, 40)],
            (None, Reason.UNREACHABLE),
        ),
        ([Result.CLOCK, Result.TAKEN], [(0, 0), (0, 0)], (0, None)),
        ([Result.CLOCK] * 6, [(0, 0)] * 3 + [(1, 0)] * 3, (None, Reason.CLOCK)),
        ([Result.REFUSED, Result.REFUSED], [(0, 0), (1, 0)], (None, Reason.UNSUPPORTED)),
        ([Result.SILENT, Result.REFUSED, Result.TAKEN], [(0, 0), (0, 20), (1, 20)], (1, None)),
    ],
)
def test_who_is_told_when(
    results: list[Result], told: list[tuple[int, int]], ended: tuple[int | None, Reason | None]
) -> None:
    """20 s three times, then the other address; at once where nobody was reached, or refused; again after a NAK."""
    assert played(results) == (told, Ended(side=ended[0], reason=ended[1]))


@given(st.lists(st.sampled_from([each for each in Result if each is not Result.TAKEN]), min_size=12, max_size=12))
def test_every_message_ends_and_nobody_is_pressed(results: list[Result]) -> None:
    """Each address is tried; none more than its tries and corrections, nor after it refused, nor twice within 20 s."""
    now_ms = 0
    progress = begin((0, 1), now_ms)
    when: dict[int, list[tuple[int, Result]]] = {0: [], 1: []}
    for result in results:
        step = next_step(progress, now_ms)
        if isinstance(step, Ended):
            break
        when[step.side].append((step.at_ms, result))
        now_ms = step.at_ms
        progress = apply(progress, step, result, now_ms)
    ended = next_step(progress, now_ms)
    assert isinstance(ended, Ended)
    assert ended.side is None
    assert ended.reason is not None
    for told in when.values():
        assert 1 <= len(told) <= TRIES + CORRECTIONS
        assert all(result is not Result.REFUSED for _, result in told[:-1])
        for (first_ms, result), (second_ms, _) in pairwise(told):
            assert result is Result.CLOCK or second_ms >= first_ms + WAIT_MS
    assert progress.sent == sum(result is not Result.UNREACHABLE for told in when.values() for _, result in told)


@pytest.mark.parametrize(
    ("answer", "question", "result"),
    [
        (ACK, CLEAR, Result.TAKEN),
        (msgspec.structs.replace(ACK, account="755"), CLEAR, Result.TAKEN),
        (msgspec.structs.replace(ACK, account=""), CLEAR, Result.TAKEN),
        (msgspec.structs.replace(ACK, account="0756"), CLEAR, None),
        (msgspec.structs.replace(ACK, sequence=41), CLEAR, None),
        (SEALED, CLEAR, None),
        (SEALED, PROVEN, Result.TAKEN),
        (ACK, PROVEN, None),
        (msgspec.structs.replace(SEALED, sent=None), PROVEN, None),
        (msgspec.structs.replace(SEALED, sent=NOW - timedelta(hours=1)), PROVEN, None),
        (msgspec.structs.replace(ACK, reply=Reply.DUH), PROVEN, Result.REFUSED),
        (msgspec.structs.replace(ACK, reply=Reply.DUH, sequence=41), CLEAR, None),
        (Answer(reply=Reply.NAK, sequence=0, account="", sent=NOW), PROVEN, Result.CLOCK),
        (Answer(reply=Reply.NAK, sequence=41, account="", sent=NOW), PROVEN, None),
        (None, CLEAR, None),
    ],
)
def test_what_an_answer_is_worth(answer: Answer | None, question: Question, result: Result | None) -> None:
    """Late answers, another account's, unproven and old ones are worth nothing; leading zeros may be lost."""
    assert judge_answer(answer, question, Side()).result is result


def test_a_nak_sets_the_time_of_its_address_only_within_reason() -> None:
    """An hour is heeded; a time that is none, or another century, asks again and changes nothing."""
    nak = Answer(reply=Reply.NAK, sequence=0, account="", sent=NOW + timedelta(hours=1))
    heard = judge_answer(nak, PROVEN, Side(off=timedelta(minutes=5)))
    assert heard.side.off == timedelta(hours=1)
    for sent in (None, NOW + MAX_OFF + timedelta(days=1)):
        odd = judge_answer(msgspec.structs.replace(nak, sent=sent), PROVEN, heard.side)
        assert (odd.result, odd.side) == (Result.CLOCK, heard.side)


def test_an_acknowledgement_played_again_is_no_acknowledgement() -> None:
    """A receiver an hour late is believed once it set our time; its answer of before is not."""
    side = judge_answer(
        Answer(reply=Reply.NAK, sequence=0, account="", sent=NOW - timedelta(hours=1)), PROVEN, Side()
    ).side
    heard = judge_answer(msgspec.structs.replace(SEALED, sent=NOW - timedelta(hours=1)), PROVEN, side)
    assert heard.result is Result.TAKEN
    later = msgspec.structs.replace(PROVEN, now=NOW + timedelta(minutes=3))
    again = judge_answer(msgspec.structs.replace(SEALED, sent=NOW - timedelta(hours=1)), later, heard.side)
    assert (again.result, again.unproven) == (None, True)
    ahead = msgspec.structs.replace(SEALED, sent=NOW - timedelta(minutes=50))  # its clock was set meanwhile
    assert judge_answer(ahead, later, heard.side).result is Result.TAKEN


def test_a_forged_nak_makes_no_recorded_acknowledgement_fresh() -> None:
    """Who cuts off a hold-up, says NAK with the time of last week and plays last week's answer proves nothing."""
    side = judge_answer(SEALED, PROVEN, Side()).side
    week = timedelta(days=7)
    nak = Answer(reply=Reply.NAK, sequence=0, account="", sent=NOW - week)
    side = judge_answer(nak, PROVEN, side).side
    played_again = judge_answer(msgspec.structs.replace(SEALED, sent=NOW - week), PROVEN, side)
    assert (played_again.result, played_again.unproven) == (None, True)
    assert judge_answer(msgspec.structs.replace(SEALED, sent=NOW + timedelta(seconds=5)), PROVEN, side).result


def test_loss_is_told_once_and_so_is_the_end_of_it() -> None:
    """Each change is told once, the first answer as well: it ends what an earlier run told. The lost one goes last."""
    side, told = seen(Side(), answers=True)
    assert told is False
    assert seen(side, answers=True)[1] is None
    side, told = seen(side, answers=False)
    assert told is True
    side, told = seen(side, answers=False)
    assert told is None
    assert order_of([side, Side()]) == (1, 0)
    side, told = seen(side, answers=True)
    assert told is False
    assert order_of([side, Side()]) == (0, 1)
    assert seen(Side(), answers=False)[1] is True


def test_a_step_says_where_and_when() -> None:
    """The first step of a message is the first address, now."""
    assert next_step(begin((1, 0), 7), 9) == Try(side=1, at_ms=9)
