"""Notices that come back: opened, answered, receipted; proofs of channels; wrong codes. No decisions.

Whoever answers holds the counters' lock, so that a link acts once. Flow: collector/notify/answers.py -> here.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, insert, select, update

from collector.notify.records import Notice, NoticeState
from collector.storage.alarm_tables import answer_tries, notices, proofs
from collector.storage.notices import notice_of
from collector.storage.store import Transaction

REMEMBERED_MS = 24 * 3600_000


class Tries(msgspec.Struct, frozen=True, kw_only=True):
    """Wrong codes of an address."""

    wrong: int = 0
    last_ms: int = 0


def by_token(connection: Transaction, digest: str) -> Notice | None:
    """The notice whose link has this hash."""
    if not digest:
        return None
    row = connection.execute(select(notices).where(notices.c.token_hash == digest)).first()
    return None if row is None else notice_of(row)


def by_id(connection: Transaction, notice_id: str) -> Notice | None:
    """One notice."""
    row = connection.execute(select(notices).where(notices.c.id == notice_id)).first()
    return None if row is None else notice_of(row)


def by_code(connection: Transaction, people: Sequence[str], code: str, since_ms: int) -> Notice | None:
    """The newest notice to one of these people with this code."""
    statement = (
        select(notices)
        .where(notices.c.person.in_(people), notices.c.queued_ms > since_ms, notices.c.code == code)
        .order_by(notices.c.number.desc())
        .limit(1)
    )
    row = connection.execute(statement).first()
    return None if row is None else notice_of(row)


def mark_read(connection: Transaction, notice_id: str, now_ms: int) -> None:
    """Its link was opened."""
    connection.execute(
        update(notices)
        .where(notices.c.id == notice_id, notices.c.read_ms.is_(None))
        .values(read_ms=now_ms, state=NoticeState.READ.value)
    )


def mark_answered(connection: Transaction, notice_id: str, now_ms: int) -> bool:
    """It was answered; False where it was before."""
    found = connection.execute(
        update(notices).where(notices.c.id == notice_id, notices.c.answered_ms.is_(None)).values(answered_ms=now_ms)
    )
    return bool(found.rowcount)


def mark_delivered(connection: Transaction, notice_id: str, now_ms: int) -> None:
    """The gateway says that it arrived."""
    connection.execute(
        update(notices)
        .where(
            notices.c.id == notice_id,
            notices.c.delivered_ms.is_(None),
            notices.c.state.in_((NoticeState.SENDING.value, NoticeState.SENT.value, NoticeState.FAILED.value)),
        )
        .values(delivered_ms=now_ms, state=NoticeState.DELIVERED.value)
    )


def mark_failed(connection: Transaction, notice_id: str, reason: str) -> bool:
    """The gateway says that it never will; False where it had arrived, or had failed before.

    An opened link is no arrival: a scanner on the way may have opened it.
    """
    found = connection.execute(
        update(notices)
        .where(
            notices.c.id == notice_id,
            notices.c.state.in_((NoticeState.SENT.value, NoticeState.READ.value)),
            notices.c.delivered_ms.is_(None),
            notices.c.answered_ms.is_(None),
        )
        .values(state=NoticeState.FAILED.value, reason=reason)
    )
    return bool(found.rowcount)


def prove(connection: Transaction, person: str, channel: str, how: str, now_ms: int) -> None:
    """This person was certainly reached by this channel now. The caller holds the counters' lock."""
    there = (proofs.c.person == person, proofs.c.channel == channel)
    changed = connection.execute(update(proofs).where(*there).values(proven_ms=now_ms, how=how))
    if not changed.rowcount:
        connection.execute(insert(proofs).values(person=person, channel=channel, proven_ms=now_ms, how=how))


def tries_of(connection: Transaction, address: str) -> Tries:
    """Wrong codes that came from an address."""
    row = connection.execute(select(answer_tries).where(answer_tries.c.address == address)).first()
    return Tries() if row is None else Tries(wrong=row.wrong, last_ms=row.last_ms)


def note_tries(connection: Transaction, address: str, tries: Tries | None, now_ms: int) -> None:
    """Write an address's wrong codes down, or forget them; and what is a day old. Under the counters' lock."""
    connection.execute(
        delete(answer_tries).where(
            (answer_tries.c.address == address) | (answer_tries.c.last_ms < now_ms - REMEMBERED_MS)
        )
    )
    if tries is not None:
        connection.execute(insert(answer_tries).values(address=address, wrong=tries.wrong, last_ms=tries.last_ms))
