"""What the outbox holds of one walk test, and of what is not shown; reads the file beside the writer, in a thread."""

import sqlite3
from pathlib import Path
from typing import Any

from agent import hidden
from agent.local.lines import MAX_EVENTS
from agent.outbox.records import RecordState
from agent.outbox.schema import FILE_NAME
from protocol.acceptance import KINDS
from protocol.kinds import Lane
from protocol.messages import Event, MessageError, decode_event


def test_events(folder: Path, test: str) -> tuple[Event, ...]:
    """Every event of `test`, oldest first; one that is damaged on the disk is left out.

    Raises:
        OSError: the outbox cannot be read.
    """
    marks = ", ".join("?" for _ in KINDS)
    query = (
        f"SELECT line FROM events WHERE lane = ? AND kind IN ({marks})"  # noqa: S608 - question marks only
        " AND instr(line, ?) ORDER BY seq LIMIT ?"
    )
    rows = _read(folder, query, (Lane.ROUTINE.value, *sorted(KINDS), test.encode(), MAX_EVENTS))
    events = []
    for (line,) in rows:
        try:
            events.append(decode_event(line))
        except MessageError:
            continue
    return tuple(events)


def hidden_waiting(folder: Path) -> int:
    """How many events wait for the centre that nothing here may show.

    Raises:
        OSError: the outbox cannot be read.
    """
    query = f"SELECT count(*) FROM events WHERE NOT {hidden.SHOWN} AND state = ?"  # noqa: S608 - our own words
    ((count,),) = _read(folder, query, (*hidden.KINDS, RecordState.PENDING))
    return int(count)


def _read(folder: Path, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    try:
        connection = sqlite3.connect(f"file:{folder / FILE_NAME}?mode=ro", uri=True)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise OSError(str(error)) from None
