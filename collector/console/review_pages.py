"""The page of reviews: what waits for a second pair of eyes, what is to be followed up, each with its deadline.

Judged through the API only; who may, the table of moves says. Flow: resolved and reviewed alarms -> page.
"""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from collector.alarms.lifecycle import possible
from collector.alarms.words import Move, Resolution, Stands
from collector.console import desk_alarm, desk_words, life_words
from collector.console.asking import Asker
from collector.console.pages import Pages
from collector.console.sheets import shared, visitor
from collector.console.telling import Telling, iso
from collector.services import Services
from collector.storage.alarm_moves import order_givers
from collector.storage.alarm_reading import list_alarms
from collector.storage.records import AlarmDetail, AlarmState, Filter
from collector.times import unix_ms
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MOST: Final = 100
"""Rows of each list; who has more has other worries than a page."""
JUDGING: Final = frozenset({Move.REVIEW, Move.RETURN, Move.CLOSE})


def routes(services: Services, pages: Pages, telling: Telling) -> APIRouter:
    """/reviews."""
    router = APIRouter(include_in_schema=False)

    @router.get("/reviews")
    def page(request: Request) -> Response:
        if isinstance(asked := visitor(request), Response):
            return asked
        now_ms, _ = unix_ms(services.now()), asked.texts
        lists: dict[AlarmState, list[dict[str, Any]]] = {}
        more = False
        with services.store.read() as reading:
            for state in (AlarmState.RESOLVED, AlarmState.REVIEWED):
                found = list_alarms(reading, Filter(sight=asked.person.sight, states=(state,), limit=MOST))
                more = more or found.next is not None
                rows = []
                for row in found.items:
                    until_ms = row.resolved_ms or now_ms
                    gave = order_givers(reading.connection, row.site, row.opened_ms, until_ms)
                    detail = AlarmDetail(alarm=row, parts=(), notes=(), history=(), order_givers=gave)
                    rows.append(_row(detail, asked, telling, now_ms))
                lists[state] = sorted(rows, key=lambda row: row["due_ms"])
        return pages.page(
            request,
            asked.language,
            "reviews.html",
            **shared(services, asked, "reviews"),
            resolved=lists[AlarmState.RESOLVED],
            reviewed=lists[AlarmState.REVIEWED],
            verified=[(code.value, _(words)) for code, words in life_words.VERIFIED.items()],
            more=more,
            most=MOST,
        )

    return router


def _row(detail: AlarmDetail, asked: Asker, telling: Telling, now_ms: int) -> dict[str, Any]:
    row, _ = detail.alarm, asked.texts
    told = telling.alarm(row, asked.language, now_ms)
    clocks = desk_alarm.clocks(row)
    clock = clocks["review"] if row.state is AlarmState.RESOLVED else clocks["follow"]
    can = _can(detail, asked, now_ms)
    handlers = [telling.person(person) or person for person in row.handlers] or [told.words.holder or ""]
    return {
        "id": row.id,
        "version": row.version,
        "level": row.level,
        "title": told.words.title,
        "place": told.words.place,
        "resolution": _(desk_words.RESOLUTIONS[Resolution(row.resolution)]) if row.resolution else "",
        "narrative": row.narrative or "",
        "handlers": _(N_(", ")).join(handlers),
        "resolved_at": iso(row.resolved_ms or row.opened_ms),
        "reviewer": telling.person(row.reviewer) or "",
        "reviewed_at": iso(row.reviewed_ms or row.opened_ms),
        "due": "" if clock is None else clock["at"],
        "due_ms": 0 if clock is None else clock["ms"],
        "from_ms": 0 if clock is None else clock["from_ms"],
        "over": clock is not None and clock["ms"] < now_ms,
        "can": can,
        "why_not": "" if can else desk_alarm.why_not(detail, (), asked.person, None, _),
    }


def _can(detail: AlarmDetail, asked: Asker, now_ms: int) -> list[str]:
    stands: Stands = desk_alarm.stands(detail, now_ms)
    return [move.value for move in possible(stands, asked.person.id, asked.person.roles) if move in JUDGING]
