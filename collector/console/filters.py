"""What lists can be asked for, the same at every address: the filters of WIRE 5 as parameters, and the wish they make.

Flow: query parameters -> `wanted` -> storage's `Filter`, with the sight of whoever asks; `more` is the way to the rest.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Query
from pydantic import AwareDatetime

from collector.console import problems
from collector.console.asking import Asker
from collector.console.problems import Problem
from collector.services import Services
from collector.storage.records import MAX_LIMIT, AlarmState, Filter
from collector.storms.incidents import is_within
from protocol.ids import ID_PATTERN
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

SiteFilter = Annotated[str | None, Query(pattern=ID_PATTERN, description="id of a site")]
KindFilter = Annotated[str | None, Query(pattern=r"^[a-z_]+\.[a-z_.]+$", max_length=64, description="kind of event")]
LevelFilter = Annotated[int | None, Query(ge=1, le=5, description="1 is the gravest")]
NumberFilter = Annotated[int | None, Query(ge=1, lt=10**18, description="of one alarm, as notices say it")]
SinceFilter = Annotated[AwareDatetime | None, Query(description="not before this time at the box")]
UntilFilter = Annotated[AwareDatetime | None, Query(description="before this time at the box")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description=f"how many a page has at most, up to {MAX_LIMIT}")]
Cursor = Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next` of the page before")]
Place = Annotated[str | None, Query(pattern=r"^[0-9]{1,7}$", description="`next` of the page before")]
"""The same where a list is read whole."""

Row = TypeVar("Row")


def near(unit: str, mine: str) -> bool:
    """Whether a unit lies at, above or below somebody's own: nothing is told of siblings."""
    return is_within(unit, mine) or is_within(mine, unit)


def wanted(
    asked: Asker,
    *,
    limit: int,
    cursor: str | None,
    site: str | None = None,
    kind: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    level: int | None = None,
    number: int | None = None,
    states: Sequence[AlarmState] = (),
    sheltered: bool | None = None,
) -> Filter:
    """What is asked for, by whom."""
    return Filter(
        sight=asked.person.sight,
        site=site,
        kind=kind,
        level=level,
        number=number,
        states=tuple(states),
        sheltered=sheltered,
        since_ms=None if since is None else int(since.timestamp() * 1000),
        until_ms=None if until is None else int(until.timestamp() * 1000),
        limit=limit,
        cursor=None if cursor is None else int(cursor),
    )


def more(cursor: int | None) -> str | None:
    """The `next` of a page."""
    return None if cursor is None else str(cursor)


def part(rows: Sequence[Row], limit: int, place: str | None) -> tuple[Sequence[Row], str | None]:
    """A page of a list that was read whole, and its `next`."""
    start = int(place or 0)
    return rows[start : start + limit], str(start + limit) if start + limit < len(rows) else None


def in_scope(services: Services, asked: Asker, site: str | None) -> None:
    """Nothing for a site of the asker's unit, or for none.

    Raises:
        Problem: not a site of the asker's unit; whether it exists elsewhere is not told.
    """
    if site is None:
        return
    with services.store.read() as reading:
        known = any(row.id == site for row in reading.sites(asked.person.sight))
    if not known:
        raise Problem(sort=problems.NOT_FOUND, detail=N_("There is no site with this id in your unit."))
