"""Whether a database is whole in itself: every head stands on its line, the journal's chain holds. Reads only.

What an integrity check of the file cannot see: rows that somebody took out or put in. Flow: collector/backup -> here.
"""

from typing import NamedTuple

from sqlalchemy import and_, func, inspect, select

from collector.storage.evidence_table import evidence
from collector.storage.journal import first_break, first_untrue
from collector.storage.reading import Reading
from collector.storage.schema import events, journal, lanes
from protocol.ledger import GENESIS, line_hash


class Extent(NamedTuple):
    """How much a database holds, and where its journal ends."""

    events: int
    journal: int
    journal_hash: str
    evidence: int = 0
    """Pictures and clips whose files stand in the evidence folder."""


def extent(reading: Reading) -> Extent:
    """How much is there."""
    tip = reading.connection.execute(
        select(journal.c.number, journal.c.hash).order_by(journal.c.number.desc()).limit(1)
    ).first()
    count = int(reading.connection.execute(select(func.count()).select_from(events)).scalar_one())
    pictures = 0
    if inspect(reading.connection).has_table(evidence.name):  # one of an older version has none
        came = select(func.count()).select_from(evidence).where(evidence.c.came_sha256 != "")
        pictures = int(reading.connection.execute(came).scalar_one())
    return Extent(
        events=count,
        journal=tip.number if tip else 0,
        journal_hash=tip.hash if tip else GENESIS,
        evidence=pictures,
    )


def headless_lane(reading: Reading) -> tuple[str, str] | None:
    """A box and lane whose stated head is no line that stands there; None when all heads stand."""
    place = and_(
        events.c.box == lanes.c.box,
        events.c.lane == lanes.c.lane,
        events.c.run == lanes.c.run,
        events.c.seq == lanes.c.seq,
        events.c.hash == lanes.c.hash,
    )
    statement = select(lanes.c.box, lanes.c.lane).outerjoin(events, place).where(events.c.number.is_(None))
    row = reading.connection.execute(statement.where(lanes.c.seq > 0).limit(1)).first()
    return None if row is None else (row.box, row.lane)


def journal_tip_holds(reading: Reading) -> bool:
    """Whether the journal's last line has the hash that is written beside it."""
    row = reading.connection.execute(
        select(journal.c.line, journal.c.hash).order_by(journal.c.number.desc()).limit(1)
    ).first()
    return row is None or line_hash(row.line) == row.hash


def journal_break(reading: Reading) -> int | None:
    """The first journal entry that does not follow the one before it, or whose columns say otherwise than its line."""
    broken = first_break(reading.journal_lines())
    return first_untrue(reading.journal_rows()) if broken is None else broken[0]
