"""The page of escalation: the rules that hold, whose turn it is, who is reached how, and what the auditor says.

Reads the rules as the escalation itself reads them; nothing is changed here but through the API. Flow: rules, rotas,
proofs, presence -> sentences -> templates/escalation.html.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from collector.console import desk_words, policy_words
from collector.console.filters import near
from collector.console.pages import Pages
from collector.console.sheets import shared, visitor
from collector.console.telling import Telling, iso
from collector.escalation.rotas import Held, Override, on_duty
from collector.escalation.standing_in import MAY
from collector.escalation.targets import DESK_ROLES, PROVEN_MS
from collector.people import Person, PersonRole
from collector.rules.holding import rules_now
from collector.rules.shapes import Contact, Policy, Rota
from collector.services import Services
from collector.storage.alarm_reading import list_alarms
from collector.storage.life_reading import Loaded, loaded_rules, proven
from collector.storage.presence import present
from collector.storage.records import OPEN_STATES, Filter
from collector.storage.rotas import overrides_now
from collector.storms.incidents import is_within
from collector.times import unix_ms
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

COMING: Final = 3
"""Turns of a rota that are shown after the one that goes on."""
MOST_PEOPLE: Final = 200
TOLD_ROLES: Final = frozenset(
    {
        PersonRole.OPERATOR,
        PersonRole.SHIFT_LEADER,
        PersonRole.CENTRE_DIRECTOR,
        PersonRole.SECURITY_OFFICER,
        PersonRole.REVIEWER,
    }
)
"""Who may be told of an alarm."""
SPANS: Final = (
    (240, N_("4 hours")),
    (720, N_("12 hours")),
    (1440, N_("1 day")),
    (4320, N_("3 days")),
    (10080, N_("7 days")),
)
"""Minutes for which somebody stands in."""
BROKEN: Final = "escalation.broken"


def routes(services: Services, pages: Pages, telling: Telling) -> APIRouter:
    """/escalation."""
    router = APIRouter(include_in_schema=False)

    @router.get("/escalation")
    def page(request: Request, level: Annotated[int, Query(ge=1, le=5)] = 1) -> Response:
        if isinstance(asked := visitor(request), Response):
            return asked
        now_ms, _ = unix_ms(services.now()), asked.texts
        with services.store.read() as reading:
            held = rules_now(reading.connection)
            loaded = loaded_rules(reading.connection)
            overrides = overrides_now(reading.connection, now_ms)
            ways = proven(reading.connection)
            there = present(reading.connection, now_ms)
            broken = list_alarms(
                reading, Filter(sight=asked.person.sight, kind=BROKEN, states=OPEN_STATES, limit=20)
            ).items
        policies = [each for each in held.rules.policy if near(each.when.unit, asked.person.unit)]
        everybody = [each for each in services.people.everybody if near(each.unit, asked.person.unit)]
        contacts = {contact.person: contact for contact in held.rules.contact}
        return pages.page(
            request,
            asked.language,
            "escalation.html",
            **shared(services, asked, "escalation"),
            loaded=_loaded(loaded, telling),
            faults=[telling.alarm(each, asked.language, now_ms).words.headline for each in broken],
            chosen=level,
            levels=_levels(policies),
            policies=[
                _named(policy_words.told(each, _, telling.person), loaded, _)
                for each in policy_words.of_level(policies, level)
            ],
            rotas=[_rota(each, overrides, now_ms, telling, _) for each in held.rules.rota],
            may_override=bool(asked.person.roles & MAY),
            people=_heirs(
                [each for each in everybody if each.id in contacts and is_within(each.unit, asked.person.unit)]
            ),
            spans=[(minutes, _(words)) for minutes, words in SPANS],
            reach=_reach(everybody, contacts, {key: ms for key, ms in ways.items() if now_ms - ms < PROVEN_MS}, _),
            present=_(N_(", ")).join(
                sorted(each.name for each in everybody if each.id in there and each.roles & DESK_ROLES)
            ),
        )

    return router


def _loaded(row: Loaded | None, telling: Telling) -> dict[str, Any] | None:
    if row is None:
        return None
    by = telling.person(row.person)
    return {"version": row.version, "hash": row.hash, "by": by, "at": iso(row.loaded_ms)}


def _named(told: policy_words.Told, loaded: Loaded | None, texts: Texts) -> policy_words.Told:
    """A policy by its name; the built-in ones have none that anybody gave."""
    return told if loaded is not None else replace(told, name=texts(N_("Built in")))


def _levels(policies: Sequence[Policy]) -> list[dict[str, int]]:
    return [{"level": level, "count": len(policy_words.of_level(policies, level))} for level in policy_words.LEVELS]


def _rota(rota: Rota, overrides: Sequence[Override], now_ms: int, telling: Telling, texts: Texts) -> dict[str, Any]:
    own = [each for each in overrides if each.rota == rota.name]
    turns: list[Held] = [on_duty(rota, own, now_ms)]
    while len(turns) <= COMING:
        turns.append(on_duty(rota, own, turns[-1].until_ms))
    return {
        "name": rota.name,
        "turns": [
            {
                "people": _names(turn.people, telling, texts) or texts(N_("nobody yet")),
                "since": iso(max(turn.from_ms, before.until_ms)),
                "until": iso(turn.until_ms),
                "stands_in": bool(turn.override),
            }
            for before, turn in zip((turns[0], *turns), turns, strict=False)
        ],
        "overrides": [
            {
                "id": each.id,
                "name": telling.person(each.person),
                "since": iso(each.from_ms),
                "until": iso(each.until_ms),
                "reason": each.reason,
            }
            for each in own
        ],
    }


def _names(people: Iterable[str], telling: Telling, texts: Texts) -> str:
    return texts(N_(", ")).join(telling.person(person) or person for person in people)


def _heirs(here: Sequence[Person]) -> list[dict[str, str]]:
    """Who can have a turn: whoever may be told of an alarm, and is reached at all."""
    told = [each for each in here if each.roles & TOLD_ROLES]
    return [{"id": each.id, "name": each.name} for each in sorted(told, key=lambda each: each.name)][:MOST_PEOPLE]


def _reach(
    people: Sequence[Person], contacts: dict[str, Contact], ways: dict[tuple[str, str], int], texts: Texts
) -> list[dict[str, Any]]:
    rows = []
    for person in sorted((each for each in people if each.roles & TOLD_ROLES), key=lambda each: each.name):
        contact = contacts.get(person.id)
        order = () if contact is None else dict.fromkeys((*contact.order, *contact.reach))
        rows.append(
            {
                "name": person.name,
                "roles": texts(N_(", ")).join(texts(desk_words.ROLES[role]) for role in sorted(person.roles)),
                "at_desk": bool(person.roles & DESK_ROLES),
                "ways": [
                    {
                        "channel": channel,
                        "proven": iso(ways[person.id, channel]) if (person.id, channel) in ways else "",
                    }
                    for channel in order
                ],
            }
        )
    return rows[:MOST_PEOPLE]
