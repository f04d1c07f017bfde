"""Questions to the centre's storage: events, alarms, sites, boxes, journal. Reads only; each takes its own snapshot.

Who looks is part of every question: a person sees its unit and everything below it, never above it and never a sibling
(storage/seeing.py). Flow: asked by the console, the live feed and the export.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, and_, func, or_, select

from collector.storage.config_reading import configs_by_box
from collector.storage.lines import event_row, event_statement
from collector.storage.paging import below, filtered, page
from collector.storage.records import (
    MAX_LIMIT,
    OPEN_STATES,
    BoxRow,
    ConfigRow,
    EventRow,
    Filter,
    HeadRow,
    JournalRow,
    Page,
    PointRow,
    QuarantineRow,
    SessionRow,
    Sight,
    SiteRow,
    Topic,
)
from collector.storage.schema import (
    alarms,
    boxes,
    events,
    identities,
    journal,
    lanes,
    points,
    quarantine,
    sessions,
    sites,
)
from collector.storage.seeing import seen_events, shown_alarms
from collector.storms.incidents import SITE_PREFIX, UNIT_SITE

_OPEN: Final = tuple(state.value for state in OPEN_STATES)
LIVE_TOPICS: Final = (Topic.ALARM, Topic.EVENT, Topic.BOX, Topic.ORDER, Topic.EVIDENCE)


class Reading:
    """Questions over one connection; made by `Store.read()`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """For the other files of this folder."""
        return self._connection

    def events(self, wanted: Filter) -> Page[EventRow]:
        """Events, newest first."""
        statement = event_statement().join(sites, sites.c.id == events.c.site)
        statement = filtered(statement, wanted, events.c, events.c.number, seen_events(wanted.sight))
        return page(wanted, [event_row(row) for row in self._connection.execute(statement)], lambda row: row.number)

    def events_between(self, first: int, last: int, *, sight: Sight, limit: int = MAX_LIMIT) -> tuple[EventRow, ...]:
        """Events by their numbers, oldest first, those that are seen: what a journal entry of topic `event` means."""
        statement = (
            event_statement()
            .join(sites, sites.c.id == events.c.site)
            .where(events.c.number.between(first, last), seen_events(sight))
            .order_by(events.c.number)
            .limit(min(limit, MAX_LIMIT))
        )
        return tuple(event_row(row) for row in self._connection.execute(statement))

    def event(self, number: int) -> EventRow | None:
        """One event by its number."""
        row = self._connection.execute(event_statement().where(events.c.number == number)).first()
        return None if row is None else event_row(row)

    def sites(self, sight: Sight) -> tuple[SiteRow, ...]:
        """Every site of a unit and below, by unit and id; its alarms are those that are seen."""
        statement = (
            select(
                sites,
                select(func.count()).where(boxes.c.site == sites.c.id).scalar_subquery().label("boxes"),
                select(func.count())
                .where(boxes.c.site == sites.c.id, boxes.c.silent.is_(True))
                .scalar_subquery()
                .label("silent"),
                select(func.count())
                .where(alarms.c.site == sites.c.id, alarms.c.state.in_(_OPEN), shown_alarms(sight))
                .scalar_subquery()
                .label("alarms"),
            )
            # The places of incidents (storms/incidents.py) are units, no guarded places.
            .where(below(sight.unit), ~and_(sites.c.id.startswith(SITE_PREFIX), func.length(sites.c.id) == UNIT_SITE))
            .order_by(sites.c.unit, sites.c.id)
        )
        return tuple(SiteRow(**row._mapping) for row in self._connection.execute(statement))

    def boxes(self, unit: str, *, site: str | None = None, box: str | None = None) -> tuple[BoxRow, ...]:
        """Every box of a unit and below, with points and heads, by site and id."""
        statement = (
            select(boxes, sites.c.name.label("site_name"), sites.c.unit, sites.c.timezone, points.c.states)
            .join(sites, sites.c.id == boxes.c.site)
            .outerjoin(points, points.c.box == boxes.c.id)
            .where(below(unit))
            .order_by(boxes.c.site, boxes.c.id)
        )
        if site is not None:
            statement = statement.where(boxes.c.site == site)
        if box is not None:
            statement = statement.where(boxes.c.id == box)
        rows = self._connection.execute(statement).all()
        ids = [row.id for row in rows]
        heads, configs = self._heads(ids), configs_by_box(self._connection, ids)
        return tuple(_box_row(row, heads.get(row.id, {}), configs[row.id]) for row in rows)

    def journal_after(self, number: int, *, unit: str, limit: int = MAX_LIMIT) -> tuple[JournalRow, ...]:
        """What the live feed tells after entry `number`, oldest first (WIRE 5, Last-Event-ID)."""
        statement = (
            select(journal)
            .outerjoin(sites, sites.c.id == journal.c.site)
            .where(
                journal.c.number > number,
                journal.c.topic.in_(LIVE_TOPICS),
                # One entry tells of all events of a commit, whatever their sites; `events_between` looks again.
                or_(journal.c.topic == Topic.EVENT, below(unit)),
            )
            .order_by(journal.c.number)
            .limit(min(limit, MAX_LIMIT))
        )
        return tuple(journal_row(row) for row in self._connection.execute(statement))

    def journal_lines(self) -> Iterator[bytes]:
        """Every line of the journal in its order, for `journal.first_break`."""
        for row in self._connection.execute(select(journal.c.line).order_by(journal.c.number)):
            yield row.line

    def journal_rows(self) -> Iterator[Any]:
        """Every row of the journal in its order, for `journal.first_untrue`."""
        yield from self._connection.execute(select(journal).order_by(journal.c.number))

    def journal_head(self) -> int:
        """The number of the last journal entry; 0 for none."""
        return self._connection.execute(select(func.max(journal.c.number))).scalar() or 0

    def silent_boxes(self) -> int:
        """How many boxes are silent, whoever asks: for the figures."""
        return int(self._connection.execute(select(func.count()).where(boxes.c.silent.is_(True))).scalar_one())

    def quarantine(self, limit: int = 100) -> tuple[QuarantineRow, ...]:
        """What was set aside, newest first."""
        wanted = (
            quarantine.c.number,
            quarantine.c.claimed_box,
            quarantine.c.reason,
            quarantine.c.received_ms,
            quarantine.c.size_bytes,
        )
        statement = select(*wanted).order_by(quarantine.c.number.desc()).limit(min(limit, MAX_LIMIT))
        return tuple(QuarantineRow(**row._mapping) for row in self._connection.execute(statement))

    def chains(self, kids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The stored certificate chains (base64 DER, leaf first) of these keys."""
        found: dict[str, tuple[str, ...]] = {}
        for part in _parts(list(kids)):
            statement = select(identities.c.kid, identities.c.chain).where(identities.c.kid.in_(part))
            for row in self._connection.execute(statement):
                found[row.kid] = tuple(msgspec.json.decode(row.chain, type=list[str]))
        return found

    def chains_of_box(self, box: str) -> tuple[tuple[str, ...], ...]:
        """The same of every certificate that a box ever brought."""
        statement = select(identities.c.chain).where(identities.c.box == box)
        return tuple(
            tuple(msgspec.json.decode(row.chain, type=list[str])) for row in self._connection.execute(statement)
        )

    def session(self, token_hash: str, now_ms: int) -> SessionRow | None:
        """The login that a cookie's hash names, unless it is over."""
        wanted = (sessions.c.person, sessions.c.created_ms, sessions.c.expires_ms)
        statement = select(*wanted).where(sessions.c.token_hash == token_hash, sessions.c.expires_ms > now_ms)
        row = self._connection.execute(statement).first()
        return None if row is None else SessionRow(**row._mapping)

    def _heads(self, ids: Sequence[str]) -> dict[str, dict[str, Row[Any]]]:
        found: dict[str, dict[str, Row[Any]]] = {}
        for part in _parts(ids):
            for row in self._connection.execute(select(lanes).where(lanes.c.box.in_(part))):
                found.setdefault(row.box, {})[row.lane] = row
        return found


def journal_row(row: Row[Any]) -> JournalRow:
    """A journal entry from its row."""
    line = msgspec.json.decode(row.line)
    return JournalRow(
        number=row.number,
        topic=Topic(row.topic),
        subject=row.subject,
        action=row.action,
        site=row.site,
        person=row.person,
        at_ms=row.at_ms,
        facts=line.get("facts", {}),
    )


def _box_row(row: Row[Any], heads: dict[str, Row[Any]], config: ConfigRow) -> BoxRow:
    claims = msgspec.json.decode(row.claims)
    states = msgspec.json.decode(row.states) if row.states else {}
    return BoxRow(
        id=row.id,
        site=row.site,
        site_name=row.site_name,
        unit=row.unit,
        software=row.software,
        run=row.run,
        born_ms=row.born_ms,
        heard_ms=row.heard_ms,
        beat_s=row.beat_s,
        silent_after_s=row.silent_after_s,
        silent=row.silent,
        delayed=row.delayed,
        forked=row.forked,
        clock=row.clock,
        offset_ms=row.offset_ms,
        health=msgspec.json.decode(row.health),
        points=tuple(
            # A row from before marks were kept has none.
            PointRow(id=point, state=state, since_ms=since_ms, name=name, cause=cause, marks=tuple(*marks))
            for point, (state, since_ms, name, cause, *marks) in states.items()
        ),
        heads=tuple(
            HeadRow(
                lane=lane,
                run=head.run,
                seq=head.seq,
                hash=head.hash,
                claimed_seq=claims.get(lane, {}).get("seq", head.seq),
            )
            for lane, head in sorted(heads.items())
        ),
        config=config,
        timezone=row.timezone,
    )


def _parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """Lists of at most 500, so that no database meets too many parameters."""
    return (ids[start : start + MAX_LIMIT] for start in range(0, len(ids), MAX_LIMIT))
