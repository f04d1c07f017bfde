"""The journal: everything that changed at the centre, in one chain of hashes, with a person on every entry.

Inside the writer's transaction, after the counters' row was locked, so numbers have no holes and no two entries
continue the same one. The chain is protocol/ledger.py's. Flow: commits and people's actions -> here -> the live feed.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import insert, select

from collector.storage.postgres import CHANNEL
from collector.storage.records import Topic
from collector.storage.schema import journal
from collector.storage.store import Transaction
from protocol.ledger import GENESIS, Break, Link, Position, after, continues, line_hash, start
from protocol.messages import encode
from protocol.timestamps import format_time

RUN = "journal"
"""The journal has one run; a chain's line has a place for it."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written down."""

    topic: Topic
    subject: str
    action: str
    site: str
    person: str
    facts: dict[str, Any] = {}


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    v: int
    seq: int
    prev: str
    at: str
    topic: str
    subject: str
    action: str
    site: str
    person: str
    facts: dict[str, Any]


def write_journal(connection: Transaction, entries: Sequence[Entry], now_ms: int) -> int:
    """Append entries; returns the number of the last one. The caller holds the counters' lock."""
    if not entries:
        return 0
    tip = connection.execute(
        select(journal.c.number, journal.c.hash).order_by(journal.c.number.desc()).limit(1)
    ).first()
    number, digest = (tip.number, tip.hash) if tip is not None else (0, GENESIS)
    at = _at(now_ms)
    rows = []
    for entry in entries:
        number += 1
        line = encode(
            _Line(
                v=1,
                seq=number,
                prev=digest,
                at=at,
                topic=entry.topic.value,
                subject=entry.subject,
                action=entry.action,
                site=entry.site,
                person=entry.person,
                facts=entry.facts,
            )
        )
        digest = line_hash(line)
        rows.append(
            {
                "number": number,
                "topic": entry.topic.value,
                "subject": entry.subject,
                "action": entry.action,
                "site": entry.site,
                "person": entry.person,
                "at_ms": now_ms,
                "line": line,
                "hash": digest,
            }
        )
    connection.execute(insert(journal), rows)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"NOTIFY {CHANNEL}")  # told to all collectors when this commits (waking.py)
    return int(number)


def first_break(lines: Iterable[bytes]) -> tuple[int, Break] | None:
    """Where the journal's chain breaks: the number and what is wrong; None when it holds."""
    position: Position = start(RUN)
    for line in lines:
        fields = msgspec.json.decode(line, type=_Line)
        link = Link(run=RUN, seq=fields.seq, prev=fields.prev, hash=line_hash(line))
        if (broken := continues(position, link)) is not None:
            return position.seq + 1, broken
        position = after(link)
    return None


def first_untrue(rows: Iterable[Any]) -> int | None:
    """The first row that says otherwise than its line, which alone is chained; pages and questions read the row."""
    for row in rows:
        said = msgspec.json.decode(row.line, type=_Line)
        told = (row.number, row.topic, row.subject, row.action, row.site, row.person, _at(row.at_ms), row.hash)
        line = (said.seq, said.topic, said.subject, said.action, said.site, said.person, said.at, line_hash(row.line))
        if told != line:
            return int(row.number)
    return None


def _at(now_ms: int) -> str:
    return format_time(datetime.fromtimestamp(now_ms / 1000, UTC))
