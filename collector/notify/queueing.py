"""Notices are rows: written where an alarm is, in the same transaction. Nothing is sent here.

Who acted under duress is never told of it (storage/seeing.py); who was told much waits for a digest (limits.py). The
caller holds the counters' lock. Flow: escalation -> here -> `notices`; sender.py takes them after the commit.
"""

from collections.abc import Sequence

from collector.escalation.surroundings import Surroundings
from collector.ingest.work import DURESS
from collector.notify.limits import DIGEST_MS, GRAVEST, WITHIN_MS, hold_back
from collector.notify.records import CONTACT, DESK, RECEIVER, Notice, NoticeState, Stored, Wanted
from collector.storage import notices
from collector.storage.store import Transaction


def queue(connection: Transaction, wanted: Sequence[Wanted], now_ms: int, around: Surroundings) -> tuple[str, ...]:
    """Write what is wanted; the ids of the rows written.

    No row for whoever must not know, none for a second wish for the same person and alarm in one call.
    """
    people = _told(connection, wanted)
    if not people:
        return ()
    since_ms = now_ms - WITHIN_MS
    so_far = notices.told_since(connection, {asked.person for asked in people if asked.person}, since_ms, GRAVEST)
    waiting = notices.awaiting_digest(connection)
    held = hold_back(people, so_far, frozenset(waiting))
    rows = [_row(asked, back, now_ms, around) for asked, back in zip(people, held, strict=True)]
    notices.add_notices(connection, rows)
    late = sorted({asked.person for asked, back in zip(people, held, strict=True) if back} - waiting)
    notices.plan_digests(connection, {person: around.new_id(now_ms) for person in late}, now_ms + DIGEST_MS, now_ms)
    return tuple(row.id for row in rows)


def cancel(connection: Transaction, alarm_ids: Sequence[str]) -> None:
    """Nothing that these alarms still have waiting leaves any more."""
    if alarm_ids:
        notices.call_off(connection, alarm_ids)


def _told(connection: Transaction, wanted: Sequence[Wanted]) -> list[Wanted]:
    """Without those that may not be told, and each person once an alarm; a site's contact gets its name."""
    asked_of = {asked.alarm for asked in wanted if asked.alarm is not None}
    secret = notices.withheld_from(connection, asked_of, (asked.person for asked in wanted if asked.person))
    contacts = {asked.alarm for asked in wanted if asked.alarm is not None and _is_contact(asked)}
    sites = notices.sites_of(connection, contacts) if contacts else {}
    told: list[Wanted] = []
    seen: set[tuple[str | None, str, str]] = set()
    for asked in wanted:
        if (asked.alarm, asked.person) in secret or not asked.channels:
            continue
        person = asked.person
        if _is_contact(asked):
            site, kind = sites.get(asked.alarm or "", ("", ""))
            if kind in DURESS:  # nothing at the site may show it (DOMAIN 2)
                continue
            person = CONTACT + site
        key = (asked.alarm, person or asked.target, asked.sort)
        if key in seen:
            continue
        seen.add(key)
        told.append(
            Wanted(
                alarm=asked.alarm,
                sort=asked.sort,
                target=asked.target,
                person=person,
                channels=asked.channels,
                level=asked.level,
                facts=asked.facts,
            )
        )
    return told


def _is_contact(asked: Wanted) -> bool:
    return not asked.person and asked.target != DESK and not asked.target.startswith(RECEIVER)


def _row(asked: Wanted, held: bool, now_ms: int, around: Surroundings) -> Notice:
    desk = asked.channels[0] == DESK
    state = NoticeState.SENT if desk else NoticeState.HELD if held else NoticeState.QUEUED
    return Notice(
        id=around.new_id(now_ms),
        alarm=asked.alarm,
        sort=asked.sort,
        target=asked.target,
        person=asked.person,
        channel=asked.channels[0],
        level=asked.level,
        state=state,
        facts=Stored(then=asked.channels[1:], told=asked.facts),
        due_ms=now_ms,
        queued_ms=now_ms,
        sent_ms=now_ms if desk else None,
    )
