"""Statements of the ingest's transaction: what stands, what is new. Plain rows in and out, no decisions.

Everything happens after `lock_counters`, which makes writers take turns; so looking first and inserting then is safe
in every database, and no dialect's upsert is needed. Flow: collector/ingest/commit.py -> here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import Dialect, Table, and_, bindparam, delete, insert, select, update

from collector.fleet.records import BeatRun, BoxState
from collector.ingest.sequence import Opening, Standing, Stored
from collector.storage.postgres import copy_rows
from collector.storage.schema import (
    beat_runs,
    boxes,
    counters,
    events,
    holes,
    identities,
    lanes,
    latest,
    points,
    quarantine,
    runs,
    sites,
)
from collector.storage.store import Transaction
from protocol.kinds import OPENED
from protocol.ledger import Hole

COUNTER: Final = "rows"
"""One counter numbers events, envelopes and quarantine: gaps between numbers mean nothing."""

MANY: Final = 400
"""Values of one IN list."""

Key = tuple[str, str]
"""Box and lane."""


def lock_counters(connection: Transaction) -> int:
    """The last number given out; holds the row until the transaction ends."""
    statement = select(counters.c.value).where(counters.c.name == COUNTER).with_for_update()
    return int(connection.execute(statement).scalar_one())


def save_counter(connection: Transaction, value: int) -> None:
    """Note the last number given out."""
    connection.execute(update(counters).where(counters.c.name == COUNTER).values(value=value))


def insert_rows(connection: Transaction, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert plain rows."""
    if rows:
        connection.execute(insert(table), rows)


def insert_many(connection: Transaction, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows that hold every column in the table's order: compiled once, then handed to the driver as they are.

    SQLAlchemy's own way costs some 5 us a row; this is for the two tables that grow with every envelope.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        copy_rows(connection, table, rows)
        return
    text, named = _compiled_insert(connection.dialect, table)
    names = table.columns.keys()
    connection.exec_driver_sql(text, [dict(zip(names, row, strict=True)) for row in rows] if named else list(rows))


@cache
def _compiled_insert(dialect: Dialect, table: Table) -> tuple[str, bool]:
    compiled = insert(table).compile(dialect=dialect)
    # Every column stands in it, in the table's order.
    return str(compiled), getattr(compiled, "positiontup", None) is None


def standings(connection: Transaction, wanted: Iterable[str]) -> dict[Key, Standing]:
    """The lanes of these boxes."""
    found: dict[Key, Standing] = {}
    for part in _parts(wanted):
        for row in connection.execute(select(lanes).where(lanes.c.box.in_(part))):
            found[row.box, row.lane] = Standing(run=row.run, seq=row.seq, hash=row.hash, stored_to=row.stored_to)
    return found


def save_standings(connection: Transaction, fresh: Mapping[Key, Standing], known: Mapping[Key, Standing]) -> None:
    """Write lanes that are new or have changed."""
    new = [_lane_row(key, standing) for key, standing in fresh.items() if key not in known]
    insert_rows(connection, lanes, new)
    changed = [
        {"b_box": key[0], "b_lane": key[1], **_lane_values(standing)}
        for key, standing in fresh.items()
        if key in known and known[key] != standing
    ]
    if changed:
        connection.execute(_UPDATE_LANE, changed)


def stored_lines(connection: Transaction, key: Key, numbers: Iterable[int]) -> dict[int, list[Stored]]:
    """The rows of a lane at these numbers."""
    found: dict[int, list[Stored]] = {}
    for part in _parts(sorted(set(numbers))):
        statement = select(*_STORED).where(events.c.box == key[0], events.c.lane == key[1], events.c.seq.in_(part))
        for row in connection.execute(statement.order_by(events.c.number)):
            found.setdefault(row.seq, []).append(_stored(row))
    return found


def stored_after(connection: Transaction, key: Key, seq: int, limit: int) -> list[Stored]:
    """The next rows of a lane beyond number `seq`."""
    statement = (
        select(*_STORED)
        .where(events.c.box == key[0], events.c.lane == key[1], events.c.seq > seq)
        .order_by(events.c.seq, events.c.number)
        .limit(limit)
    )
    return [_stored(row) for row in connection.execute(statement)]


def openings(connection: Transaction, key: Key) -> list[Opening]:
    """Where the runs of a lane began."""
    statement = select(runs).where(runs.c.box == key[0], runs.c.lane == key[1]).order_by(runs.c.number)
    return [
        Opening(run=row.run, seq=row.opened_seq, rolled_back=row.rolled_back) for row in connection.execute(statement)
    ]


def mark_rolled_back(connection: Transaction, key: Key, run: str) -> None:
    """Remember that a run's beginning behind another was told."""
    statement = update(runs).where(runs.c.box == key[0], runs.c.lane == key[1], runs.c.run == run)
    connection.execute(statement.values(rolled_back=True))


def known_runs(connection: Transaction, key: Key, wanted: Iterable[str]) -> set[str]:
    """Those of `wanted` whose beginning is written down already."""
    statement = select(runs.c.run).where(runs.c.box == key[0], runs.c.lane == key[1], runs.c.run.in_(list(wanted)))
    return set(connection.execute(statement).scalars())


def holes_of(connection: Transaction, key: Key) -> list[Hole]:
    """What a box gave up of a lane and signed for."""
    statement = select(holes).where(holes.c.box == key[0], holes.c.lane == key[1])
    return [
        Hole(lane=row.lane, first=row.first, last=row.last, first_prev=row.first_prev, last_hash=row.last_hash)
        for row in connection.execute(statement)
    ]


def add_holes(connection: Transaction, key: Key, fresh: Iterable[Hole]) -> None:
    """Write down holes; of two with the same beginning the longer one stays, whichever line came first."""
    for hole in fresh:
        same = and_(
            holes.c.box == key[0],
            holes.c.lane == hole.lane,
            holes.c.first == hole.first,
            holes.c.first_prev == hole.first_prev,
        )
        known = connection.execute(select(holes.c.last).where(same)).scalar()
        if known is not None and known > hole.last:
            continue
        connection.execute(delete(holes).where(same))
        connection.execute(
            insert(holes).values(
                box=key[0],
                lane=hole.lane,
                first=hole.first,
                first_prev=hole.first_prev,
                last=hole.last,
                last_hash=hole.last_hash,
            )
        )


def box_states(connection: Transaction, wanted: Iterable[str]) -> dict[str, BoxState]:
    """The rows of these boxes."""
    found: dict[str, BoxState] = {}
    for part in _parts(wanted):
        for row in connection.execute(select(boxes).where(boxes.c.id.in_(part))):
            found[row.id] = _state(row)
    return found


def clock_offsets(connection: Transaction, wanted: Iterable[str]) -> dict[str, int]:
    """How far the clocks of these boxes were off when last heard, whichever collector heard them."""
    found: dict[str, int] = {}
    for part in _parts(wanted):
        for row in connection.execute(select(boxes.c.id, boxes.c.offset_ms).where(boxes.c.id.in_(part))):
            found[row.id] = row.offset_ms
    return found


def due_boxes(connection: Transaction, now_ms: int, limit: int) -> list[BoxState]:
    """Boxes that have to be looked at."""
    statement = select(boxes).where(boxes.c.due_ms <= now_ms).order_by(boxes.c.due_ms).limit(limit)
    return [_state(row) for row in connection.execute(statement)]


def nothing_heard_after(connection: Transaction, now_ms: int) -> None:
    """Bring back what lies in the future: on a clock that was set back nobody would be due for so long."""
    connection.execute(update(boxes).where(boxes.c.heard_ms > now_ms).values(heard_ms=now_ms, due_ms=now_ms))


def save_boxes(connection: Transaction, fresh: Mapping[str, tuple[BoxState, int]], known: Iterable[str]) -> None:
    """Write rows of boxes, each with the moment at which it is due."""
    there = set(known)
    rows = {box: _box_values(state, due) for box, (state, due) in fresh.items()}
    insert_rows(connection, boxes, [{"id": box, **row} for box, row in rows.items() if box not in there])
    changed = [{"b_id": box, **row} for box, row in rows.items() if box in there]
    if changed:
        connection.execute(_UPDATE_BOX, changed)


def beat_runs_of(connection: Transaction, wanted: Iterable[Key]) -> dict[Key, BeatRun]:
    """The counters of these (box, run)."""
    keys = set(wanted)
    found: dict[Key, BeatRun] = {}
    for part in _parts(sorted({run for _, run in keys})):
        for row in connection.execute(select(beat_runs).where(beat_runs.c.run.in_(part))):
            if (row.box, row.run) in keys:
                found[row.box, row.run] = BeatRun(
                    run=row.run,
                    counter=row.counter,
                    first_ms=row.first_ms,
                    last_ms=row.last_ms,
                    machine=row.machine,
                )
    return found


def save_beat_runs(connection: Transaction, fresh: Mapping[Key, BeatRun], known: Mapping[Key, BeatRun]) -> None:
    """Write counters."""
    new = [{"box": box, **msgspec.structs.asdict(row)} for (box, run), row in fresh.items() if (box, run) not in known]
    insert_rows(connection, beat_runs, new)
    changed = [
        {"b_box": box, "b_run": run, "counter": row.counter, "last_ms": row.last_ms, "machine": row.machine}
        for (box, run), row in fresh.items()
        if (box, run) in known
    ]
    if changed:
        connection.execute(_UPDATE_BEAT_RUN, changed)


def save_latest(connection: Transaction, fresh: Mapping[Key, bytes], now_ms: int) -> None:
    """Keep the latest of each (box, what): exact bytes."""
    rows = [{"box": box, "what": what, "body": body, "at_ms": now_ms} for (box, what), body in fresh.items()]
    _replace(connection, latest, ("box", "what"), rows)


def save_points(connection: Transaction, fresh: Mapping[str, str], now_ms: int) -> None:
    """Write the points' states of boxes."""
    rows = [{"box": box, "states": states, "told_ms": now_ms} for box, states in fresh.items()]
    _replace(connection, points, ("box",), rows)


def points_of(connection: Transaction, wanted: Iterable[str]) -> dict[str, dict[str, list[Any]]]:
    """The points' states of boxes."""
    found: dict[str, dict[str, list[Any]]] = {}
    for part in _parts(wanted):
        for row in connection.execute(select(points.c.box, points.c.states).where(points.c.box.in_(part))):
            found[row.box] = msgspec.json.decode(row.states)
    return found


def save_site(connection: Transaction, site: str, name: str, unit: str, timezone: str) -> None:
    """What a birth tells of its site."""
    _replace(connection, sites, ("id",), [{"id": site, "name": name, "unit": unit, "timezone": timezone}])


def save_identity(connection: Transaction, row: Mapping[str, Any]) -> None:
    """Keep a signer's chain."""
    _replace(connection, identities, ("kid",), [row])


class BoxChain(msgspec.Struct, frozen=True, kw_only=True):
    """A box's certificates as a birth brought them (base64 DER, leaf first)."""

    box: str
    site: str
    chain: tuple[str, ...]


def box_chains(connection: Transaction) -> Iterator[BoxChain]:
    """The certificates of every box that was ever heard; of two the one that ends later comes later."""
    statement = select(identities.c.box, identities.c.site, identities.c.chain).where(identities.c.site.is_not(None))
    for row in connection.execute(statement.order_by(identities.c.not_after_ms)):
        yield BoxChain(box=row.box, site=row.site, chain=msgspec.json.decode(row.chain, type=tuple[str, ...]))


def trim_quarantine(connection: Transaction, keep: int) -> None:
    """Leave the newest `keep` rows."""
    oldest = connection.execute(
        select(quarantine.c.number).order_by(quarantine.c.number.desc()).offset(keep).limit(1)
    ).scalar()
    if oldest is not None:
        connection.execute(delete(quarantine).where(quarantine.c.number <= oldest))


_STORED: Final = (events.c.run, events.c.seq, events.c.hash, events.c.prev, events.c.kind)
_UPDATE_LANE: Final = (
    update(lanes)
    .where(lanes.c.box == bindparam("b_box"), lanes.c.lane == bindparam("b_lane"))
    .values({name: bindparam(name) for name in ("run", "seq", "hash", "stored_to")})
)
_BOX_COLUMNS: Final = tuple(column.name for column in boxes.columns if column.name != "id")
_UPDATE_BOX: Final = (
    update(boxes).where(boxes.c.id == bindparam("b_id")).values({name: bindparam(name) for name in _BOX_COLUMNS})
)
_UPDATE_BEAT_RUN: Final = (
    update(beat_runs)
    .where(beat_runs.c.box == bindparam("b_box"), beat_runs.c.run == bindparam("b_run"))
    .values({name: bindparam(name) for name in ("counter", "last_ms", "machine")})
)


def _stored(row: Any) -> Stored:
    return Stored(row.run, row.seq, row.hash, row.prev, row.kind == OPENED)


def _lane_values(standing: Standing) -> dict[str, Any]:
    return {"run": standing.run, "seq": standing.seq, "hash": standing.hash, "stored_to": standing.stored_to}


def _lane_row(key: Key, standing: Standing) -> dict[str, Any]:
    return {"box": key[0], "lane": key[1], **_lane_values(standing)}


_JSON: Final = ("challenges", "claims", "health")


def _state(row: Any) -> BoxState:
    fields = {str(name): value for name, value in row._mapping.items() if name != "due_ms"}
    for name in _JSON:
        fields[name] = msgspec.json.decode(fields[name])
    return msgspec.convert(fields, BoxState)


def _box_values(state: BoxState, due_ms: int) -> dict[str, Any]:
    values = msgspec.structs.asdict(state)
    del values["id"]
    for name in _JSON:
        values[name] = msgspec.json.encode(values[name]).decode("utf-8")
    return {**values, "due_ms": due_ms}


def _replace(connection: Transaction, table: Table, keys: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    """Update each row by its key, and insert those that are not there."""
    if not rows:
        return
    values: dict[str, Any] = {
        column.name: bindparam(column.name) for column in table.columns if column.name not in keys
    }
    wanted = update(table).where(*(table.c[key] == bindparam(f"b_{key}") for key in keys)).values(values)
    for row in rows:
        renamed = {f"b_{name}" if name in keys else name: value for name, value in row.items()}
        if connection.execute(wanted, renamed).rowcount == 0:
            connection.execute(insert(table), [row])


def _parts(values: Iterable[Any]) -> Iterable[list[Any]]:
    whole = list(values)
    return (whole[start : start + MANY] for start in range(0, len(whole), MANY))


def mark_forked(connection: Transaction, wanted: Iterable[str]) -> None:
    """Two histories exist under the identity of these boxes."""
    for some in _parts(wanted):
        connection.execute(update(boxes).where(boxes.c.id.in_(some)).values(forked=True))
