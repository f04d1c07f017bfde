"""Somebody answers a notice, by its link or its code: takes the alarm in hand, or holds the chain for three minutes.

The caller holds the counters' lock. Whoever may handle the alarm takes it (levels 2-5); everybody else's answer, and
any answer for level 1, only pauses: a person at the desk must take that one. Flow: notify's links and codes -> here.
"""

from enum import StrEnum
from typing import Final

import msgspec

from collector.alarms.moving import RefusedError, move
from collector.alarms.words import Asked, Came, Move, Way
from collector.escalation.begin import UNTAKEN, moved
from collector.escalation.plan import CHAIN, PAUSE_MS, timer
from collector.escalation.records import Purpose, Watched
from collector.escalation.surroundings import Surroundings
from collector.escalation.targets import DESK_ROLES
from collector.people import Person
from collector.storage import timers
from collector.storage.journal import Entry, write_journal
from collector.storage.records import OPEN_STATES, Topic
from collector.storage.store import Transaction

GRAVEST: Final = 1
"""The level that is taken at the desk only."""


class Answer(StrEnum):
    """What an answer did."""

    TOOK = "took"  # the person holds the alarm now
    PAUSED = "paused"  # nobody else is told until `until_ms`
    OVER = "over"  # somebody has it already, or it is over


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer did; `holder` is who has the alarm."""

    outcome: Answer
    until_ms: int | None = None
    timezone: str = ""  # of the alarm's site: on whose clock `until_ms` is said
    holder: str = ""


def answered(
    connection: Transaction,
    alarm_id: str,
    person: Person,
    now_ms: int,
    way: Way,
    *,
    around: Surroundings,
    address: str = "",
) -> Answered:
    """Do what this person's answer does; the notice's row says already that it was answered."""
    alarm = timers.watched(connection, [alarm_id]).get(alarm_id)
    if alarm is None or alarm.state not in OPEN_STATES:
        return Answered(outcome=Answer.OVER)
    if alarm.state not in UNTAKEN:
        # It may have been the last of a group that had to answer.
        moved(connection, around, alarm_id, now_ms, idle=person.id != alarm.holder)
        return Answered(outcome=Answer.OVER, holder=alarm.holder or "")
    if alarm.level > GRAVEST and person.roles & DESK_ROLES:
        came = Came(way=way, address=address)
        asked = Asked(move=Move.ACKNOWLEDGE, person=person.id, roles=person.roles, came=came)
        try:
            move(connection, around, alarm_id, person.sight, asked, version=None, now_ms=now_ms)
        except RefusedError:  # not of its unit: the answer counts as anybody's
            pass
        else:
            return Answered(outcome=Answer.TOOK, holder=person.id)
    return _pause(connection, around, alarm, person, now_ms, Came(way=way, address=address))


def _pause(
    connection: Transaction, around: Surroundings, alarm: Watched, person: Person, now_ms: int, came: Came
) -> Answered:
    until_ms = now_ms + PAUSE_MS
    there = timers.timers_of(connection, [alarm.id]).get(alarm.id, [])
    chained = next((each for each in there if each.purpose in CHAIN), None)
    if chained is not None and chained.purpose is Purpose.RESUME:
        # A pause is never made longer: whoever has a telephone with many notices would silence a hold-up with them.
        until_ms = min(until_ms, chained.due_ms)
    elif chained is not None:
        timers.delete_timers(connection, [chained.id])
        held = timer(around.new_id(now_ms), alarm.id, Purpose.RESUME, until_ms, chained.facts)
        timers.put_timers(connection, [held], now_ms)
    facts = {"until_ms": until_ms, "way": came.way.value} | ({"address": came.address} if came.address else {})
    entry = Entry(topic=Topic.ALARM, subject=alarm.id, action="paused", site=alarm.site, person=person.id, facts=facts)
    write_journal(connection, [entry], now_ms)
    return Answered(outcome=Answer.PAUSED, until_ms=until_ms, timezone=alarm.timezone)
