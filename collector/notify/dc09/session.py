"""What is sent next, where to and when; what an answer is worth; whether a receiver is there. Pure.

A message is said to an address three times, 20 s apart (SIA DC-09, section 5.3), then to the other. An address that
cannot be connected to heard nothing: the other's turn is at once. NAK sets our time for that address and asks again;
DUH ends it there, for the message would never be understood. Flow: receivers.py -> here -> link.py.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from collector.notify.dc09.records import Reason
from protocol.dc09.body import WINDOW_BEHIND, in_window
from protocol.dc09.replies import Reply
from protocol.dc09.sending import Answer

TRIES: Final = 3
WAIT_MS: Final = 20_000
CORRECTIONS: Final = 2
"""How often one message follows a NAK at one address; a receiver that refuses its own time refuses for ever."""

MAX_OFF: Final = timedelta(days=36_525)
"""How far a NAK may set our time: receivers that lost theirs say 2000; what is farther away is no time."""


class Result(StrEnum):
    """How one sending ended."""

    TAKEN = "taken"
    CLOCK = "clock"  # NAK
    REFUSED = "refused"  # DUH
    SILENT = "silent"  # no answer that is worth anything
    UNPROVEN = "unproven"  # answers, none of them proven
    UNREACHABLE = "unreachable"  # no connection: nothing was said


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One address, since the start. `off`: what is added to our time there; `newest`: the last time it proved."""

    off: timedelta = timedelta(0)
    newest: datetime | None = None
    there: bool | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent, as far as answers are compared with it. `now`: our own time as that receiver would write it."""

    sequence: int
    account: str
    enciphered: bool
    now: datetime


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one answer is worth; no result: it is ignored, and the real one may still come."""

    result: Result | None
    side: Side
    unproven: bool = False


def judge_answer(answer: Answer | None, question: Question, side: Side) -> Verdict:
    """An answer beside the question; late ones of other questions, strangers' and noise are worth nothing."""
    ignored = Verdict(result=None, side=side)
    if answer is None:
        return ignored
    match answer.reply:
        case Reply.NAK:
            if answer.sequence not in {0, question.sequence}:  # to nobody in particular (section 5.5.2.2)
                return ignored
            off = answer.sent - question.now if answer.sent else side.off
            if abs(off) > MAX_OFF:
                return Verdict(result=Result.CLOCK, side=side)
            return Verdict(result=Result.CLOCK, side=msgspec.structs.replace(side, off=off))
        case Reply.DUH:
            return Verdict(result=Result.REFUSED, side=side) if _same(answer, question) else ignored
        case Reply.ACK:
            if not _same(answer, question):
                return ignored
            if not question.enciphered:
                return ignored if answer.proven else Verdict(result=Result.TAKEN, side=side)
            if not answer.proven or answer.sent is None or not _fresh(answer.sent, question, side):
                return Verdict(result=None, side=side, unproven=True)
            newest = answer.sent if side.newest is None else max(side.newest, answer.sent)
            return Verdict(result=Result.TAKEN, side=msgspec.structs.replace(side, newest=newest))


def _same(answer: Answer, question: Question) -> bool:
    # Some receivers keep accounts as numbers: leading zeros are lost on their way back.
    account = answer.account.lstrip("0")
    return answer.sequence == question.sequence and account in {"", question.account.lstrip("0")}


def _fresh(sent: datetime, question: Question, side: Side) -> bool:
    """Not an answer of another day with the same number: near our time, or newer than all before.

    Never far older than what that address proved already: anybody on the line can say NAK, and so set our time back to
    the day of an acknowledgement that was recorded.
    """
    if side.newest is None:
        return in_window(sent, question.now + side.off)
    return sent > side.newest or (in_window(sent, question.now + side.off) and side.newest - sent <= WINDOW_BEHIND)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What one message came to at one address."""

    side: int
    tries: int = 0
    corrections: int = 0
    not_before_ms: int = 0
    over: Reason | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One message, addresses in the order to try. `perhaps`: somebody may have heard it."""

    tallies: tuple[Tally, ...]
    taken: int | None = None
    sent: int = 0
    perhaps: bool = False


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """Say it there, then."""

    side: int
    at_ms: int


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """It was taken there, or nowhere and why."""

    side: int | None
    reason: Reason | None


_GRAVITY: Final = (Reason.UNSUPPORTED, Reason.CLOCK, Reason.UNPROVEN, Reason.SILENT, Reason.UNREACHABLE)
"""Which of two reasons is told: the one that says more."""

_REASON: Final[Mapping[Result, Reason]] = MappingProxyType(
    {
        Result.CLOCK: Reason.CLOCK,
        Result.REFUSED: Reason.UNSUPPORTED,
        Result.SILENT: Reason.SILENT,
        Result.UNPROVEN: Reason.UNPROVEN,
        Result.UNREACHABLE: Reason.UNREACHABLE,
    }
)


def begin(order: Sequence[int], now_ms: int) -> Progress:
    """A message that nobody was told yet."""
    return Progress(tallies=tuple(Tally(side=side, not_before_ms=now_ms) for side in order))


def order_of(sides: Sequence[Side]) -> tuple[int, ...]:
    """Which address first: as configured, but those that are known not to answer last."""
    return tuple(sorted(range(len(sides)), key=lambda index: sides[index].there is False))


def next_step(progress: Progress, now_ms: int) -> Try | Ended:
    """What to do next. An address whose turn is now goes before one that has to wait, else the order holds."""
    if progress.taken is not None:
        return Ended(side=progress.taken, reason=None)
    left = [tally for tally in progress.tallies if tally.over is None]
    if not left:
        reasons = {tally.over for tally in progress.tallies}
        return Ended(side=None, reason=next(reason for reason in _GRAVITY if reason in reasons))
    tally = min(left, key=lambda each: max(each.not_before_ms, now_ms))  # the first of equals
    return Try(side=tally.side, at_ms=max(tally.not_before_ms, now_ms))


def apply(progress: Progress, tried: Try, result: Result, now_ms: int, wait_ms: int = WAIT_MS) -> Progress:
    """The message after one sending that began at `tried.at_ms` and ended `now_ms`."""
    (tally,) = (each for each in progress.tallies if each.side == tried.side)
    sent = progress.sent + (result is not Result.UNREACHABLE)
    if result is Result.TAKEN:
        return msgspec.structs.replace(progress, taken=tally.side, sent=sent)
    reason = _REASON[result]
    if result is Result.CLOCK:
        corrections = tally.corrections + 1
        over = reason if corrections > CORRECTIONS else None
        tally = msgspec.structs.replace(tally, corrections=corrections, not_before_ms=now_ms, over=over)
    elif result is Result.REFUSED:
        tally = msgspec.structs.replace(tally, over=reason)
    else:
        tries = tally.tries + 1
        over = reason if tries >= TRIES else None
        not_before_ms = max(now_ms, tried.at_ms + wait_ms)
        tally = msgspec.structs.replace(tally, tries=tries, not_before_ms=not_before_ms, over=over)
    return msgspec.structs.replace(
        progress,
        tallies=tuple(tally if each.side == tally.side else each for each in progress.tallies),
        sent=sent,
        perhaps=progress.perhaps or result in {Result.SILENT, Result.UNPROVEN},
    )


def seen(side: Side, *, answers: bool) -> tuple[Side, bool | None]:
    """The address once it acknowledged, or once it was given up; and what to tell: lost, back (False), or nothing.

    The first answer is told too: it may end what an earlier run of this process had told.
    """
    told = None if side.there is answers else not answers
    return msgspec.structs.replace(side, there=answers), told
