"""The rows of a ledger export, in the order that protocol/export.py wants: signers, envelopes by box, lane and run.

One snapshot, read bit by bit: memory does not grow with the ledger. Flow: `collector export` and the console -> here.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import and_, func, select

from collector.storage.reading import Reading
from collector.storage.schema import envelopes, events, identities, latest, runs
from protocol.export import Certificates, Events, ExportWriter, LatestBeat, LatestReceipt, RunHead
from protocol.kinds import Lane

READ_AT_ONCE = 500


def export_lines(
    reading: Reading, writer: ExportWriter, root_der_base64: str, own_chain: tuple[str, ...]
) -> Iterator[bytes]:
    """Every line of the export, the signed manifest last; `own_chain` (base64 DER) is that of its signer."""
    connection = reading.connection
    yield from writer.opening(root_der_base64)
    for row in connection.execute(select(identities.c.chain).order_by(identities.c.box, identities.c.kid)):
        chain = tuple(msgspec.json.decode(row.chain, type=list[str]))
        if chain != own_chain:
            yield writer.record(Certificates(chain=chain))
    yield writer.record(Certificates(chain=own_chain))
    heads: list[RunHead] = []
    for box, lane, run in _runs(reading):
        yield from _run(reading, writer, box, lane, run, heads)
    for what, record in (("beat", LatestBeat), ("receipt", LatestReceipt)):
        for row in connection.execute(select(latest.c.body).where(latest.c.what == what).order_by(latest.c.box)):
            yield writer.record(record(envelope=row.body.decode("ascii")))
    yield writer.closing(tuple(heads))


def _runs(reading: Reading) -> list[tuple[str, str, str]]:
    """Runs of each lane in the order in which they began: a run stands after the one it continues."""
    first = func.min(events.c.seq)
    began = func.coalesce(func.min(runs.c.opened_seq), first)
    statement = (
        select(events.c.box, events.c.lane, events.c.run)
        .outerjoin(runs, and_(runs.c.box == events.c.box, runs.c.lane == events.c.lane, runs.c.run == events.c.run))
        .group_by(events.c.box, events.c.lane, events.c.run)
        .order_by(events.c.box, events.c.lane, began, func.min(events.c.number))
    )
    return [(row.box, row.lane, row.run) for row in reading.connection.execute(statement)]


def _run(
    reading: Reading, writer: ExportWriter, box: str, lane: str, run: str, heads: list[RunHead]
) -> Iterator[bytes]:
    """The lines of one run in chain order: neighbours from one envelope in one record."""
    statement = (
        select(events.c.seq, events.c.hash, events.c.envelope, events.c.line_no)
        .where(events.c.box == box, events.c.lane == lane, events.c.run == run)
        .order_by(events.c.seq, events.c.branch)
        .execution_options(yield_per=READ_AT_ONCE)
    )
    count, last = 0, None
    group: list[Any] = []
    for row in reading.connection.execute(statement):
        if group and (row.envelope != group[0].envelope or row.line_no <= group[-1].line_no):
            yield _record(reading, writer, group)
            group = []
        group.append(row)
        count, last = count + 1, row
    if group and last is not None:
        yield _record(reading, writer, group)
        heads.append(
            RunHead(
                box=box,
                lane="urgent" if lane == Lane.URGENT else "routine",
                run=run,
                seq=last.seq,
                hash=last.hash,
                events=count,
            )
        )


def _record(reading: Reading, writer: ExportWriter, group: list[Any]) -> bytes:
    body = reading.connection.execute(select(envelopes.c.body).where(envelopes.c.id == group[0].envelope)).scalar_one()
    return writer.record(Events(envelope=body.decode("ascii"), lines=tuple(row.line_no for row in group)))
