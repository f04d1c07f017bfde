"""What an outbox holds, for a person in front of the box or for a program; reads the file beside a running agent.

What nothing at the site may show (`hidden.py`) is left out, with the urgent lane's numbers that would tell of it.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from agent.hidden import KINDS, SHOWN, shown_facts
from agent.outbox.schema import FILE_NAME
from protocol.kinds import Lane
from protocol.texts import SaidError, Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

DEFAULT_LINES: Final = 50
_COLUMNS: Final = ("at", "lane", "seq", "level", "kind", "source", "state", "receipted_at")

_WORDS: Final = {
    "pending": N_("pending"),
    "receipted": N_("receipted"),
    "shed": N_("shed"),
    "quarantined": N_("quarantined"),
    "not kept": N_("not kept"),
}
"""States of events and causes of holes, as they stand in the outbox."""


class HistoryError(SaidError):
    """There is no readable outbox; the message says where and what to do."""


def history(folder: Path, limit: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A summary of the outbox in `folder`, and its latest `limit` events, oldest first.

    Raises:
        HistoryError: no outbox there, or it cannot be read.
    """
    file = folder / FILE_NAME
    if not file.exists():
        raise HistoryError(
            N_("{folder} holds no outbox: no agent ran with it yet, or --state must be another folder"), folder=folder
        )
    try:
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            return _summary(connection), _latest(connection, limit)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise HistoryError(N_("{file} cannot be read: {reason}"), file=file, reason=error) from None


def as_text(summary: dict[str, Any], events: list[dict[str, Any]], say: Texts) -> Iterator[str]:
    """Lines for a person; events as they are written, what is counted in the reader's words."""
    for event in events:
        facts = json.dumps(event["facts"], ensure_ascii=False)
        yield (
            f"{event['at']}  {event['lane']:<7} {event.get('seq', ''):>7}  {event['level']}  {event['kind']:<28}"
            f" {event['source']:<24} {event['state']:<11} {facts}"
        )
    for lane, states in summary["lanes"].items():
        counts = say(", ").join(f"{count} {say(_WORDS.get(state, state))}" for state, count in states.items())
        yield say("{lane}: {counts}").format(lane=say(lane), counts=counts)
    for hole in summary["holes"]:
        lane, cause = hole["lane"], hole["cause"]
        text = say("hole in {lane}: {first} to {last} ({cause}), explained by routine {told}")
        if "first" not in hole:
            text = say("hole in {lane}: {count} events ({cause}), explained by routine {told}")
        yield text.format(**{**hole, "lane": say(lane), "cause": say(_WORDS.get(cause, cause))})


def _summary(connection: sqlite3.Connection) -> dict[str, Any]:
    lanes: dict[str, dict[str, int]] = {}
    for lane, state, count in connection.execute(
        f"SELECT lane, state, count(*) FROM events WHERE {SHOWN} GROUP BY lane, state ORDER BY lane DESC, state",  # noqa: S608 - our own words
        KINDS,
    ):
        lanes.setdefault(lane, {})[state] = count
    names = ("lane", "first", "last", "cause", "told")
    holes = connection.execute("SELECT lane, first, last, cause, told FROM holes ORDER BY lane, first")
    return {"lanes": lanes, "holes": [_hole(dict(zip(names, row, strict=True))) for row in holes]}


def _latest(connection: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        f"SELECT {', '.join(_COLUMNS)}, line FROM events WHERE {SHOWN} ORDER BY rowid DESC LIMIT ?",  # noqa: S608 - our own names
        (*KINDS, limit),
    ).fetchall()
    return [_event(dict(zip(_COLUMNS, row, strict=False)), row[-1]) for row in reversed(rows)]


def _event(columns: dict[str, Any], line: bytes) -> dict[str, Any]:
    """The urgent lane's numbers count what is hidden, and are left out with it."""
    urgent = columns["lane"] == Lane.URGENT
    shown = {name: value for name, value in columns.items() if name != "seq" or not urgent}
    return {**shown, "facts": shown_facts(columns["kind"], columns["lane"], _facts(line))}


def _hole(hole: dict[str, Any]) -> dict[str, Any]:
    if hole["lane"] != Lane.URGENT:
        return hole
    return {**{name: hole[name] for name in ("lane", "cause", "told")}, "count": hole["last"] - hole["first"] + 1}


def _facts(line: bytes) -> Any:
    try:
        return json.loads(line).get("facts", {})
    except (ValueError, AttributeError):
        return {"unreadable": True}
