"""What comes back: an opened link, a pressed button, a reply with its code, a gateway's receipt.

A link or a code acts once, for 24 hours, for the person it was sent to. Looking at a link's page acts on nothing:
scanners open links. Flow: console/answer_pages.py, console/gateways.py -> here -> escalation/answering.py.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

from collector.alarms.words import Way
from collector.escalation.answering import Answer, answered
from collector.escalation.surroundings import Surroundings
from collector.notify.addresses import Book, plain
from collector.notify.claiming import ANSWER_MS
from collector.notify.codes import code_of, is_closed, wrong_after
from collector.notify.records import Notice, Sort
from collector.notify.writing import follow
from collector.people import Person, token_hash
from collector.rules.holding import rules_now
from collector.storage import notice_answers, notice_sending, notices, writing
from collector.storage.notice_answers import Tries
from collector.storage.notice_sending import AlarmFacts
from collector.storage.store import Store, Transaction
from collector.times import unix_ms

MAX_TOKEN: Final = 64
LONGEST_ADDRESS: Final = 128
NOT_DELIVERED: Final = "not_delivered"
"""The reason of a notice that its gateway gave up."""


class Came(StrEnum):
    """What a gateway's message did."""

    TOOK = "took"
    PAUSED = "paused"
    OVER = "over"
    AGAIN = "again"  # this notice was answered before
    PROVEN = "proven"  # the code of a proof
    NOTED = "noted"  # a receipt
    WRONG = "wrong"  # no such code for this address
    CLOSED = "closed"  # too many wrong ones


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an answer; `person` is who gave it, where that is known."""

    came: Came
    person: Person | None = None
    holder: str = ""
    until_ms: int | None = None
    timezone: str = ""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the page of a link may show: `alarm` is None for a channel outside the bank."""

    notice: Notice
    person: Person
    number: int
    alarm: AlarmFacts | None


class AnswerService:
    """Answers to notices; safe to use from several threads."""

    def __init__(
        self, store: Store, now: Callable[[], datetime], changed: Callable[[], None], around: Surroundings
    ) -> None:
        self._store, self._now, self._changed, self._around = store, now, changed, around

    def look(self, token: str) -> Shown | None:
        """What a link shows; the notice is read now. None for a link that answers nothing any more."""
        now_ms = self._now_ms()
        with self._store.read() as reading:
            shown = self._shown(reading.connection, token, now_ms)
        if shown is not None and shown.notice.read_ms is None:
            with self._store.write() as connection:
                notice_answers.mark_read(connection, shown.notice.id, now_ms)
        return shown

    def press(self, token: str, address: str = "") -> Told | None:
        """The button of a link's page; None for a link that answers nothing any more."""
        now_ms = self._now_ms()
        with self._store.write() as connection:
            writing.lock_counters(connection)
            shown = self._shown(connection, token, now_ms)
            if shown is None:
                return None
            told = self._answered(connection, shown.notice, shown.person, now_ms, Way.LINK, address)
        self._changed()
        return told

    def reply(self, channel: str, address: str, text: str) -> Told:
        """A message that somebody sent to a gateway."""
        now_ms = self._now_ms()
        with self._store.write() as connection:
            writing.lock_counters(connection)
            told = self._replied(connection, channel, address, text, now_ms)
        self._changed()
        return told

    def receipt(self, channel: str, notice_id: str, *, delivered: bool) -> Told | None:
        """A gateway says what became of a notice of its channel; None for one that is not."""
        now_ms = self._now_ms()
        with self._store.write() as connection:
            writing.lock_counters(connection)
            notice = notice_answers.by_id(connection, notice_id)
            if notice is None or notice.channel != channel:
                return None
            if delivered:
                notice_answers.mark_delivered(connection, notice.id, now_ms)
                self._prove(connection, notice, "receipt", now_ms)
            elif notice_answers.mark_failed(connection, notice.id, NOT_DELIVERED):
                follow(connection, [(notice, notice.facts.then)], now_ms, self._around.new_id)
        self._changed()
        return Told(came=Came.NOTED)

    def _shown(self, connection: Transaction, token: str, now_ms: int) -> Shown | None:
        if not 0 < len(token) <= MAX_TOKEN:
            return None
        notice = notice_answers.by_token(connection, token_hash(token))
        if notice is None or notice.answered_ms is not None or now_ms >= notice.answer_until_ms:
            return None
        person = self._around.people.by_id(notice.person)
        if person is None or not self._may_know(connection, notice):
            return None
        found = notice_sending.alarms_told(connection, [notice.alarm] if notice.alarm else [])
        alarm = found.get(notice.alarm or "")
        if alarm is None:
            return None
        channel = self._around.channels.get(notice.channel)
        outside = channel is None or channel.outside
        return Shown(notice=notice, person=person, number=alarm.number, alarm=None if outside else alarm)

    def _replied(self, connection: Transaction, channel: str, address: str, text: str, now_ms: int) -> Told:
        key = _key(channel, address)
        tries = notice_answers.tries_of(connection, key)
        if is_closed(tries.wrong, tries.last_ms, now_ms):
            return Told(came=Came.CLOSED)
        people = Book.of(rules_now(connection)).senders(channel, address)
        code = code_of(text)
        notice = None
        if code is not None and people:
            notice = notice_answers.by_code(connection, people, code, now_ms - 2 * ANSWER_MS)
        person = None if notice is None else self._around.people.by_id(notice.person)
        if (
            notice is None
            or person is None
            or now_ms >= notice.answer_until_ms
            or not self._may_know(connection, notice)
        ):
            wrong = wrong_after(tries.wrong, tries.last_ms, now_ms)
            notice_answers.note_tries(connection, key, Tries(wrong=wrong, last_ms=now_ms), now_ms)
            return Told(came=Came.WRONG)
        if tries.wrong:
            notice_answers.note_tries(connection, key, None, now_ms)
        return self._answered(connection, notice, person, now_ms, Way.REPLY, address)

    def _answered(
        self, connection: Transaction, notice: Notice, person: Person, now_ms: int, way: Way, address: str
    ) -> Told:
        if not notice_answers.mark_answered(connection, notice.id, now_ms):
            return Told(came=Came.AGAIN, person=person)
        notice_answers.mark_read(connection, notice.id, now_ms)
        self._prove(connection, notice, way.value, now_ms)
        if notice.sort is Sort.PROOF or notice.alarm is None:
            return Told(came=Came.PROVEN, person=person)
        done = answered(connection, notice.alarm, person, now_ms, way, around=self._around, address=address)
        came = _CAME[done.outcome]
        return Told(came=came, person=person, holder=done.holder, until_ms=done.until_ms, timezone=done.timezone)

    def _prove(self, connection: Transaction, notice: Notice, how: str, now_ms: int) -> None:
        if notice.person and self._around.people.by_id(notice.person) is not None:
            notice_answers.prove(connection, notice.person, notice.channel, how, now_ms)

    def _may_know(self, connection: Transaction, notice: Notice) -> bool:
        asked_of = [notice.alarm] if notice.alarm else []
        return not notices.withheld_from(connection, asked_of, [notice.person])

    def _now_ms(self) -> int:
        return unix_ms(self._now())


_CAME: Final = {Answer.TOOK: Came.TOOK, Answer.PAUSED: Came.PAUSED, Answer.OVER: Came.OVER}


def _key(channel: str, address: str) -> str:
    """What wrong codes are counted by; never the address itself where it is long."""
    text = f"{channel}:{plain(address)}"
    return text if len(text) <= LONGEST_ADDRESS else sha256(text.encode("utf-8", "replace")).hexdigest()
