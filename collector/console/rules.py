"""The rules that hold and who has each rota, over HTTP (docs/alarms.md 8). Thin: rules and escalation decide."""

import os
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response

from collector.console import problems, rule_shapes
from collector.console.asking import Asked
from collector.console.filters import Limit, Place, near, part
from collector.console.problems import Problem
from collector.console.reference import VERSIONED, problem_answers
from collector.console.shapes import Listing
from collector.escalation.rotas import Override, on_duty
from collector.escalation.standing_in import No, NotStoodInError, stand_in, take_back
from collector.rules.holding import rules_now
from collector.rules.shapes import Policy, Rota
from collector.services import Services
from collector.storage.rotas import overrides_now
from collector.times import moment, unix_ms
from protocol.ids import ID_PATTERN, new_event_id
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import format_time

RotaName = Annotated[str, Path(pattern=ID_PATTERN, description="name of a rota")]
OverrideId = Annotated[str, Path(max_length=36, description="id of an override")]

_SAID: Final = {
    No.NOT_ALLOWED: (problems.NOT_ALLOWED, N_("Your role does not allow this; ask a person who has it.")),
    No.NO_ROTA: (problems.NOT_FOUND, N_("There is no such rota.")),
    No.NOT_FOUND: (problems.NOT_FOUND, N_("Nobody stands in under this id.")),
    No.NO_PERSON: (problems.INVALID, N_("There is no such person at this centre.")),
    No.NO_CONTACT: (problems.INVALID, N_("No channel reaches this person: contacts.toml has no [[contact]].")),
    No.NO_REASON: (problems.INVALID, N_("Say why, in at most 500 characters.")),
    No.WRONG_TIME: (
        problems.INVALID,
        N_("Its end must lie ahead, behind its beginning, and at most 31 days after it."),
    ),
}


def routes(services: Services) -> APIRouter:
    """/api/v1/rules, /api/v1/rotas."""
    router = APIRouter(prefix="/api/v1", tags=["rules"])

    @router.get("/rules", responses=VERSIONED | problem_answers(401, 422), summary="The rules that hold")
    def rules(asked: Asked, response: Response) -> rule_shapes.RulesInForce:
        with services.store.read() as reading:
            held = rules_now(reading.connection)
        response.headers["ETag"] = f'"{held.version}"'
        return rule_shapes.RulesInForce(
            version=held.version,
            policies=[_policy(each) for each in held.rules.policy if near(each.when.unit, asked.person.unit)],
            groups=[
                rule_shapes.RuleGroup(name=each.name, members=list(each.members), need=each.need)
                for each in held.rules.group
            ],
            procedures=[each.name for each in held.rules.procedure],
        )

    @router.get("/rotas", responses=problem_answers(401, 422), summary="Who has each rota now")
    def rotas(asked: Asked, limit: Limit = 100, cursor: Place = None) -> Listing[rule_shapes.RotaInForce]:
        now_ms = unix_ms(services.now())
        with services.store.read() as reading:
            held = rules_now(reading.connection)
            overrides = overrides_now(reading.connection, now_ms)
        page, after = part(held.rules.rota, limit, cursor)
        return Listing(items=[_rota(each, overrides, now_ms) for each in page], next=after)

    @router.post(
        "/rotas/{name}/overrides",
        status_code=201,
        responses=problem_answers(401, 403, 404, 422),
        summary="Somebody stands in for a time",
    )
    def add(name: RotaName, wish: rule_shapes.OverrideWish, asked: Asked) -> rule_shapes.RotaOverride:
        now_ms = unix_ms(services.now())
        override = Override(
            id=new_event_id(now_ms, os.urandom(10)),
            rota=name,
            person=wish.person,
            from_ms=now_ms if wish.begins is None else unix_ms(wish.begins),
            until_ms=unix_ms(wish.until),
            by=asked.person.id,
            reason=wish.reason.strip(),
            at_ms=now_ms,
        )
        try:
            stand_in(services.store, services.people, override, asked.person, now_ms)
        except NotStoodInError as error:
            raise _refused(error.no) from None
        services.feed.changed()
        return _override(override)

    @router.delete(
        "/rotas/{name}/overrides/{override_id}",
        status_code=204,
        responses=problem_answers(401, 403, 404, 422),
        summary="Nobody stands in any more",
    )
    def remove(name: RotaName, override_id: OverrideId, asked: Asked) -> Response:
        try:
            take_back(services.store, services.people, name, override_id, asked.person, unix_ms(services.now()))
        except NotStoodInError as error:
            raise _refused(error.no) from None
        services.feed.changed()
        return Response(status_code=204)

    return router


def _refused(no: No) -> Problem:
    sort, detail = _SAID[no]
    return Problem(sort=sort, detail=detail, more={"reason": no.value})


def _policy(policy: Policy) -> rule_shapes.RulePolicy:
    when = policy.when
    return rule_shapes.RulePolicy(
        name=policy.name,
        unit=when.unit,
        levels=list(when.levels),
        hours=when.hours,
        kinds=list(when.kinds),
        sites=list(when.sites),
        steps=[
            rule_shapes.RuleStep(
                after_s=round(step.after.total_seconds()),
                tell=list(step.tell),
                by=list(step.by),
                only_kinds=list(step.only_kinds),
            )
            for step in policy.step
        ],
        repeat_s=None if policy.repeat is None else round(policy.repeat.total_seconds()),
        times=policy.times,
        until=policy.until.value,
    )


def _rota(rota: Rota, overrides: list[Override], now_ms: int) -> rule_shapes.RotaInForce:
    now = on_duty(rota, overrides, now_ms)
    return rule_shapes.RotaInForce(
        name=rota.name,
        now=list(now.people),
        until=format_time(moment(now.until_ms)),
        override=now.override or None,
        then=list(on_duty(rota, overrides, now.until_ms).people),
        overrides=[_override(each) for each in overrides if each.rota == rota.name],
    )


def _override(override: Override) -> rule_shapes.RotaOverride:
    return rule_shapes.RotaOverride(
        id=override.id,
        person=override.person,
        begins=format_time(moment(override.from_ms)),
        until=format_time(moment(override.until_ms)),
        by=override.by,
        reason=override.reason,
    )
