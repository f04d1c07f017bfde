"""The page of what is quiet: incidents under way, what people shelved, put on test or under maintenance, and making it.

Reads only; what is begun and ended goes through the API. Flow: suspensions, shelters, points -> templates/quiet.html.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from collector.console import quiet_words
from collector.console.asking import Asker
from collector.console.filters import KindFilter, in_scope
from collector.console.pages import Pages
from collector.console.sheets import shared, visitor
from collector.console.telling import Telling, iso
from collector.console.wording import Wording
from collector.services import Services
from collector.storage.alarm_reading import list_alarms
from collector.storage.incidents import ShownIncident, list_incidents
from collector.storage.life_reading import quiet_counts
from collector.storage.reading import Reading
from collector.storage.records import OPEN_STATES, AlarmRow, BoxRow, Filter
from collector.storage.suspensions import Shown, list_suspensions
from collector.storms.breaking import breaks_through
from collector.storms.records import Cause, Sort, Why
from collector.storms.suspending import MAY
from collector.times import unix_ms
from protocol.kinds import KINDS
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

SHOWN: Final = 200
"""Suspensions of one page; there are never many at once."""
MOST_INCIDENTS: Final = 50
MOST_POINTS: Final = 300
MADE_BY_PEOPLE: Final = (Sort.SHELVE, Sort.TEST, Sort.MAINTENANCE)

_HOURS: Final = (
    (30, N_("30 min")),
    (60, N_("1 hour")),
    (120, N_("2 hours")),
    (240, N_("4 hours")),
    (480, N_("8 hours")),
    (1440, N_("24 hours")),
)
_DAYS: Final = (
    (240, N_("4 hours")),
    (480, N_("8 hours")),
    (1440, N_("1 day")),
    (4320, N_("3 days")),
    (10080, N_("7 days")),
)
SPANS: Final = {Sort.SHELVE: (_HOURS[1:]), Sort.TEST: _HOURS, Sort.MAINTENANCE: _DAYS}
"""Minutes that are offered, the first by default: as short as is sane, and never more than the limit."""

Point = Annotated[str | None, Query(max_length=131, description="id of a point to begin with")]


def routes(services: Services, pages: Pages, telling: Telling) -> APIRouter:
    """/quiet."""
    router = APIRouter(include_in_schema=False)

    @router.get("/quiet")
    def page(request: Request, site: str = "", kind: KindFilter = None, point: Point = None) -> Response:
        if isinstance(asked := visitor(request), Response):
            return asked
        in_scope(services, asked, site[:64] or None)
        now_ms, _, sight = unix_ms(services.now()), asked.texts, asked.person.sight
        sorts = [each for each in MADE_BY_PEOPLE if MAY[each] & asked.person.roles]
        with services.store.read() as reading:
            counts = quiet_counts(reading.connection, sight)
            held = list_suspensions(reading, sight, now_ms=now_ms, limit=SHOWN).items
            storms = _storms(reading, asked)
            grouped = {each.incident.alarm: each for each in list_incidents(reading, sight)}
            sites = reading.sites(sight) if sorts else ()
            shown = {each.suspension.site for each in held if each.suspension.points} | ({site} if site else set())
            boxes = {each: reading.boxes(asked.person.unit, site=each) for each in sorted(shown)}
        named = {each: _wording(found, _) for each, found in boxes.items()}
        return pages.page(
            request,
            asked.language,
            "quiet.html",
            **shared(services, asked, "quiet"),
            hush=hush(counts, _),
            incidents=[_incident(each, grouped.get(each.id), telling, asked, now_ms) for each in storms],
            rows=[
                _row(each, telling, named.get(each.suspension.site, Wording(texts=_)), asked, now_ms) for each in held
            ],
            sorts=[(each.value, _(quiet_words.SUSPENSIONS[each])) for each in sorts],
            sites=sites,
            site=site,
            kinds=_kinds(_),
            chosen_kind=kind or "",
            points=_points(boxes[site], named[site]) if site else [],
            chosen_points=[point] if point else [],
            spans={each.value: [(minutes, _(words)) for minutes, words in SPANS[each]] for each in MADE_BY_PEOPLE},
        )

    return router


def hush(counts: Any, texts: Texts) -> list[dict[str, Any]]:
    """What is quiet now, with its counts, for the bar of the desk and the head of the page."""
    return [
        {"count": counts[why], "word": texts(words), "look": "grave" if why is Why.STORM else ""}
        for why, words in quiet_words.QUIET.items()
        if counts.get(why)
    ]


def _storms(reading: Reading, asked: Asker) -> list[AlarmRow]:
    found: list[AlarmRow] = []
    for cause in Cause:
        wish = Filter(
            sight=asked.person.sight, kind=f"incident.{cause.value}", states=OPEN_STATES, limit=MOST_INCIDENTS
        )
        found += list_alarms(reading, wish).items
    return sorted(found, key=lambda each: -each.opened_ms)


def _incident(
    row: AlarmRow, grouped: ShownIncident | None, telling: Telling, asked: Asker, now_ms: int
) -> dict[str, Any]:
    told = telling.alarm(row, asked.language, now_ms)
    return {
        "id": row.id,
        "level": row.level,
        "title": told.words.title,
        "headline": told.words.headline,
        "unit": "" if grouped is None else grouped.incident.unit.replace("/", " / "),
        "members": 0 if grouped is None else grouped.members,
        "at": told.opened_at,
        "holder": told.words.holder,
    }


def _row(shown: Shown, telling: Telling, wording: Wording, asked: Asker, now_ms: int) -> dict[str, Any]:
    held, _ = shown.suspension, asked.texts
    return {
        "id": held.id,
        "sort": held.sort.value,
        "sort_word": _(quiet_words.SUSPENSIONS[held.sort]),
        "site_name": shown.site_name,
        "unit": shown.unit,
        "what": _what(held.kind, held.points, wording, _),
        "reason": held.reason,
        "by": telling.person(held.person) if held.sort is not Sort.FLAPPING else _(N_("Centre")),
        "begins": iso(held.from_ms) if held.from_ms > now_ms else "",
        "from_ms": held.from_ms,
        "until": iso(held.until_ms),
        "until_ms": held.until_ms,
        "may": bool(MAY[held.sort] & asked.person.roles),
    }


def _what(kind: str, points: Sequence[str], wording: Wording, texts: Texts) -> str:
    said = [wording.title(kind)] if kind else []
    if points:
        said.append(texts(N_(", ")).join(wording.source(point, {}) for point in points))
    return " · ".join(said) or texts(N_("the whole site"))


def _kinds(texts: Texts) -> list[tuple[str, str]]:
    """Kinds that can be kept quiet at all."""
    named = [(name, texts(each.title)) for name, each in KINDS.items() if each.level < 5]
    return sorted(
        (row for row in named if not breaks_through(row[0], KINDS[row[0]].event_class)), key=lambda row: row[1]
    )


def _points(boxes: Sequence[BoxRow], wording: Wording) -> list[dict[str, str]]:
    """The points of a site by family; where two are called the same, the id tells which is which."""
    found = {point.id: wording.point(point.id) for box in boxes for point in box.points}
    often = Counter(found.values())
    return [
        {"id": point, "name": f"{name} ({point})" if often[name] > 1 else name} for point, name in sorted(found.items())
    ][:MOST_POINTS]


def _wording(boxes: Sequence[BoxRow], texts: Texts) -> Wording:
    """Sentences with the names that a site's boxes told."""
    return Wording(texts=texts, names={point.id: point.name for box in boxes for point in box.points if point.name})
