"""The alarm desk: the page and the parts of it that are fetched again when something changes.

Reads through the same storage questions as the API, with the same rights; changes go through the API only.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from collector.alarms.words import Resolution
from collector.console import desk_alarm, desk_words, life_words, move_words, pictures, problems, shapes
from collector.console.asking import Asked, Asker, asker
from collector.console.filters import Cursor, KindFilter, LevelFilter, NumberFilter, SiteFilter
from collector.console.newest import newest_points
from collector.console.pages import Pages
from collector.console.problems import Problem
from collector.console.quiet_pages import hush
from collector.console.telling import Telling, iso
from collector.console.tiles import MOST_SITES, point_tiles, site_tiles
from collector.console.wording import Wording
from collector.escalation.nexts import next_of
from collector.people import Person
from collector.services import Services
from collector.storage.alarm_reading import alarm_detail, list_alarms
from collector.storage.flood import shown_since
from collector.storage.life_reading import links_of, members_of, quiet_counts, shelter_of
from collector.storage.notice_reading import list_notices
from collector.storage.reading import Reading
from collector.storage.records import OPEN_STATES, AlarmDetail, AlarmRow, AlarmState, BoxRow, Filter, Flag, SiteRow
from collector.storms import flood
from collector.storms.records import Why
from collector.times import unix_ms
from protocol.ids import CENTRE_PREFIX
from protocol.kinds import KINDS
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

Day = Annotated[date | None, Query(ge=date(2000, 1, 1), le=date(2999, 12, 31))]

NOTICES = 100
"""Notices of one alarm that its page shows, newest first."""
HISTORY_PAGE = 50
"""Rows of one page of the history."""


def routes(services: Services, pages: Pages, telling: Telling) -> APIRouter:
    """/ and /desk/..."""
    router = APIRouter(include_in_schema=False)

    def now_ms() -> int:
        return unix_ms(services.now())

    def watch(asked: Asker) -> tuple[dict[str, Any], Sequence[SiteRow], Sequence[BoxRow]]:
        sight = asked.person.sight
        with services.store.read() as reading:
            sites, boxes = reading.sites(sight), reading.boxes(sight.unit)
            gaps = list_alarms(reading, Filter(sight=sight, kind="ledger.gap", states=OPEN_STATES, limit=100)).items
        guarded = {box.site for box in boxes}
        unknown = {box.site for box in boxes if box.silent}
        heard = max((box.heard_ms for box in boxes), default=None)
        counts = {"guarded": len(guarded), "unknown": len(unknown), "gaps": len(gaps), "heard_ms": heard}
        return counts, sites, boxes

    def pulse(asked: Asker) -> dict[str, Any]:
        with services.store.read() as reading:
            counts = quiet_counts(reading.connection, asked.person.sight)
            load = shown_since(reading, asked.person.sight, flood.since_ms(now_ms()))
        _ = asked.texts
        return {
            "hush": hush(counts, _),
            "load": {
                "count": load,
                "most": flood.MOST,
                "over": load > flood.MOST,
                "text": _(N_("{n} in 10 minutes")).format(n=load),
            },
        }

    @router.get("/")
    def page(request: Request) -> Response:
        try:
            asked = asker(request)
        except Problem as problem:
            if problem.sort is not problems.LOGIN_NEEDED:
                raise
            return RedirectResponse("/login", 303)
        with services.store.read() as reading:
            journal = reading.journal_head()
        _ = asked.texts
        return pages.page(
            request,
            asked.language,
            "desk.html",
            now_ms=now_ms(),
            journal=journal,
            person=asked.person,
            role_words=_(", ").join(_(desk_words.ROLES[role]) for role in sorted(asked.person.roles)),
            open_states=[state.value for state in OPEN_STATES],
            script_words={key: _(words) for key, words in desk_words.SCRIPT.items()},
            tabs=[(tab, _(words)) for tab, words in desk_words.TABS],
            codes=[(code.value, _(words)) for code, words in desk_words.RESOLUTIONS.items()],
            key_words=[(keys, _(words)) for keys, words in desk_words.KEYS],
            move_keys="".join(key for _word, key in move_words.MOVES.values()).lower() + "ds",
            whom=[(code.value, _(words)) for code, words in life_words.WHOM.items()],
            verified=[(code.value, _(words)) for code, words in life_words.VERIFIED.items()],
            scores=[(value, f"{value} · {_(words)}") for value, words in enumerate(life_words.SCORES)],
            spans=[(minutes, _(words)) for minutes, words in move_words.PARK_SPANS],
            watch=watch(asked)[0],
            **pulse(asked),
        )

    @router.get("/desk/pulse")
    def quick(request: Request, asked: Asked) -> Response:
        return pages.page(request, asked.language, "pulse.html", **pulse(asked))

    @router.get("/desk/alarms/{alarm_id}")
    def alarm(request: Request, alarm_id: str, asked: Asked) -> Response:
        with services.store.read() as reading:
            detail = alarm_detail(reading, alarm_id, asked.person.sight)
            if detail is None:
                return rest(request, asked)
            boxes = reading.boxes(asked.person.unit, box=shown_box(detail.alarm))
            wording = telling.wording(shown_box(detail.alarm), asked.language, now_ms())
            shown = pictures.of_alarm(reading, detail.alarm, asked.person, services.evidence, wording)
            life = _life(reading, detail, asked, telling, wording)
        whole = telling.whole(detail, asked.language, now_ms(), pictures.in_order(shown))
        return pages.page(
            request,
            asked.language,
            "alarm.html",
            **_alarm_values(detail, whole, asked, telling),
            **life,
            **_acts(detail, whole, asked, telling, services.people.everybody, now_ms()),
            takes_pictures=services.evidence.takes,
            figure=wording.decided(detail.alarm.facts) if whole.evidence else "",
            tiles=point_tiles(boxes[0], newest_points(boxes[0], detail), detail.alarm, wording, now_ms())
            if boxes
            else [],
            more_tiles="",
        )

    @router.get("/desk/watch")
    def rest(request: Request, asked: Asked) -> Response:
        counts, sites, boxes = watch(asked)
        _ = asked.texts
        tiles = site_tiles(sites, boxes, _)
        more = len(tiles) - MOST_SITES
        return pages.page(
            request,
            asked.language,
            "watch.html",
            watch=counts,
            guarded=_("Sites guarded: {count}.").format(count=counts["guarded"]),
            open_alarms=sum(site.alarms for site in sites),
            tiles=tiles[:MOST_SITES],
            more_tiles=_("and {n} more").format(n=more) if more > 0 else "",
        )

    @router.get("/desk/facts")
    def facts(request: Request, asked: Asked) -> Response:
        return pages.page(request, asked.language, "facts.html", watch=watch(asked)[0])

    @router.get("/desk/history")
    def history(
        request: Request,
        asked: Asked,
        site: SiteFilter = None,
        kind: KindFilter = None,
        level: LevelFilter = None,
        number: NumberFilter = None,
        state: AlarmState | None = None,
        since: Day = None,
        until: Day = None,
        zone: Annotated[str, Query(max_length=64)] = "UTC",
        cursor: Cursor = None,
    ) -> Response:
        wanted = Filter(
            sight=asked.person.sight,
            site=site,
            kind=kind,
            level=level,
            number=number,
            states=() if state is None else (state,),
            since_ms=None if since is None else _midnight_ms(since, zone),
            until_ms=None if until is None else _midnight_ms(until + timedelta(days=1), zone),
            limit=HISTORY_PAGE,
            cursor=None if cursor is None else int(cursor),
        )
        with services.store.read() as reading:
            found = list_alarms(reading, wanted)
            sites = reading.sites(asked.person.sight)
        _ = asked.texts
        chosen = {
            "site": site,
            "kind": kind,
            "level": level,
            "number": number,
            "state": state,
            "since": since,
            "until": until,
            "zone": zone,
        }
        set_filters = {name: str(value) for name, value in chosen.items() if value is not None}
        return pages.page(
            request,
            asked.language,
            "history.html",
            rows=[_history_row(row, telling.alarm(row, asked.language, now_ms()), _) for row in found.items],
            sites=sites,
            kinds=sorted(
                ((name, _(each.title)) for name, each in KINDS.items() if each.level < 5), key=lambda each: each[0]
            ),
            states=[(each.value, _(words)) for each, words in desk_words.STATES.items()],
            chosen=chosen,
            older=urlencode({**set_filters, "cursor": found.next}) if found.next else "",
        )

    return router


def _headline(detail: AlarmDetail, whole: shapes.AlarmWhole, wording: Wording, texts: Texts) -> str:
    """How it stands: what happened, or, once it is over, how it ended."""
    if detail.alarm.restored_ms is None:
        return whole.words.headline
    ends = [part.event for part in detail.parts if part.part == "restored"]
    own = [each for each in ends if each.source == detail.alarm.source]  # what supported it may end alone
    if own:
        return wording.headline(own[-1].kind, own[-1].source, own[-1].facts)
    return whole.words.headline if ends else texts(N_("over now"))


def shown_box(alarm: AlarmRow) -> str:
    """The box whose state stands beside an alarm: of what the centre itself found, the box that it is about."""
    family, _, rest = alarm.source.partition("/")
    return rest if alarm.box.startswith(CENTRE_PREFIX) and family == "box" and rest else alarm.box


def _alarm_values(detail: AlarmDetail, whole: shapes.AlarmWhole, asked: Asker, telling: Telling) -> dict[str, Any]:
    """What it is and how it stands."""
    row = detail.alarm
    _ = asked.texts
    wording = telling.wording(row.box, asked.language, row.opened_ms)
    return {
        "alarm": whole,
        "words": {
            "title": whole.words.title,
            "headline": _headline(detail, whole, wording, _),
            "explanation": wording.explanation(row.kind),
            "timeline": whole.timeline,
            "source": wording.source(row.source, row.facts),
        },
        "site": {"name": row.site_name, "unit": row.unit},
        "shown_box": shown_box(row),
        "delay": _("centre {seconds} s").format(seconds=f"{row.delay_ms / 1000:+.2f}"),
        "proof": _proof(row, _),
        "state_word": _(desk_words.STATES[row.state]),
        "holder": telling.person(row.holder),
        "resolution": _(desk_words.RESOLUTIONS[Resolution(row.resolution)]) if row.resolution else "",
        "parked_until": "" if row.parked_until_ms is None else iso(row.parked_until_ms),
        "on_test": row.resolution == Resolution.TEST and row.shelter_why == Why.TEST,
        "score": desk_alarm.score(row, asked, telling),
        "record": whole.record,
        **desk_alarm.clocks(row),
    }


def _life(reading: Reading, detail: AlarmDetail, asked: Asker, telling: Telling, wording: Wording) -> dict[str, Any]:
    """What stands around it: who was told, what keeps it quiet, what it keeps quiet, what happens next."""
    connection, row, _ = reading.connection, detail.alarm, asked.texts
    told = list_notices(reading, asked.person.sight, alarm=row.id, limit=NOTICES)
    return {
        "notices": desk_alarm.told_to(told.items, telling, _),
        "quiet": desk_alarm.quiet(row, shelter_of(connection, row.id, asked.person.sight), wording, _),
        "members": desk_alarm.members(members_of(connection, row.id, asked.person.sight), _, wording),
        "grouped": desk_alarm.grouped(links_of(connection, row.id), wording, _),
        "happens": desk_alarm.happens(next_of(connection, row.id, lambda person: telling.person(person) or person), _),
    }


def _acts(
    detail: AlarmDetail,
    whole: shapes.AlarmWhole,
    asked: Asker,
    telling: Telling,
    people: Sequence[Person],
    at_ms: int,
) -> dict[str, Any]:
    """What this person can do about it."""
    _ = asked.texts
    can = desk_alarm.moves(detail, asked.person, at_ms)
    buttons, rest = desk_alarm.offered(can, detail, asked.person, _)
    shots = {each.camera.removeprefix("camera/"): each.slot for each in whole.evidence if each.kind == "still"}
    return {
        "can": [move.value for move in can],
        "buttons": buttons,
        "more_moves": rest,
        "blocked": desk_alarm.blocked(detail, can, _),
        "told_why_not": desk_alarm.why_not(detail, can, asked.person, telling.person(detail.alarm.holder), _),
        "checklist": desk_alarm.checklist(detail, can, shots, telling, _),
        "heirs": desk_alarm.heirs(people, detail.alarm),
        "shelve": desk_alarm.shelve(detail.alarm, asked.person),
    }


def _proof(row: AlarmRow, texts: Texts) -> dict[str, Any]:
    """What is known of the signature: every stored event was verified; flags say what is odd about it."""
    said = {
        Flag.CERTIFICATE_EXPIRED: N_("signature valid, certificate expired"),
        Flag.CLOCK_SUSPECT: N_("signature valid, clock of the box suspect"),
        Flag.CLOCK_OFF: N_("signature valid, clock of the box off"),
        Flag.FORKED: N_("signature valid, but a second history exists"),
        Flag.CUT_OFF: N_("signature valid, but not the line that should follow"),
    }
    for flag in row.flags:
        return {"good": False, "text": texts(said[flag])}
    return {"good": True, "text": texts(N_("signature valid"))}


def _history_row(row: AlarmRow, alarm: shapes.Alarm, texts: Texts) -> dict[str, Any]:
    return {
        "id": row.id,
        "level": row.level,
        "opened_at": alarm.opened_at,
        "words": alarm.words,
        "state_word": texts(desk_words.STATES[row.state]),
        "holder_name": alarm.words.holder or "",
        "resolution_word": texts(desk_words.RESOLUTIONS[Resolution(row.resolution)]) if row.resolution else "",
    }


def _midnight_ms(day: date, zone: str) -> int:
    """Midnight of a day where the reader is; a zone that this machine does not know counts as UTC."""
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        where = ZoneInfo("UTC")
    return int(datetime.combine(day, time(), where).timestamp() * 1000)
