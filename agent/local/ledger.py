"""The events of one walk test as the outbox holds them; reads the file beside the running writer, in a thread."""

import sqlite3
from pathlib import Path

from agent.local.lines import MAX_EVENTS
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
    try:
        connection = sqlite3.connect(f"file:{folder / FILE_NAME}?mode=ro", uri=True)
        try:
            rows = connection.execute(query, (Lane.ROUTINE.value, *sorted(KINDS), test.encode(), MAX_EVENTS)).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise OSError(str(error)) from None
    events = []
    for (line,) in rows:
        try:
            events.append(decode_event(line))
        except MessageError:
            continue
    return tuple(events)
