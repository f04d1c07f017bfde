"""What people do with alarms over HTTP: one address a move (docs/alarms.md 2, WIRE 5).

Thin: a body becomes what the table of moves asks for, a refusal becomes a problem. Who may do what, the alarm service
decides. Flow: request -> here -> alarms/service.py.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, NoReturn

from fastapi import APIRouter, Body, Header, Request, Response

from collector.alarms.service import RefusedError
from collector.alarms.words import Came, Move, Refusal, Way
from collector.console import move_shapes, problems, shapes
from collector.console.asking import Asked, Asker
from collector.console.entity_tags import version_in
from collector.console.life_words import REFUSED, UNHELD, UNRESOLVED
from collector.console.problems import Problem
from collector.console.reference import problem_answers
from collector.console.telling import Telling, iso
from collector.services import Services
from collector.storage.records import AlarmDetail
from collector.times import unix_ms
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=80, description='the version looked at, such as "3", or its whole ETag'),
]
Find = Callable[[str, Asker], AlarmDetail]
Whole = Callable[[AlarmDetail, Asker], shapes.AlarmWhole]

_VERSION: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_PLAIN: Final = (
    (Move.ACKNOWLEDGE, "Take an alarm in hand"),
    (Move.TAKE_OVER, "Take it over from whoever holds it"),
    (Move.VERIFY, "Begin to find out what it is"),
    (Move.REVIEW, "Review how it was handled"),
)
_WITH_TEXT: Final = (
    (Move.RELEASE, "Give it back to the queue, and say why"),
    (Move.RETURN, "Send it back to be handled again, and say why"),
    (Move.REOPEN, "Take it in hand again, and say why"),
)


def routes(services: Services, telling: Telling, find: Find, whole: Whole) -> APIRouter:
    """POST /{id}/{move}, below the alarms' own address."""
    router = APIRouter()
    changes = problem_answers(401, 403, 404, 409, 412, 413, 422, 428)

    def act(
        request: Request,
        alarm_id: str,
        asked: Asker,
        answer: Response,
        move: Move,
        if_match: str | None,
        **said: Any,
    ) -> shapes.AlarmWhole:
        version = version_of(if_match)
        # A note overwrites nothing, so the service takes it at any version; the writer still has to have looked.
        if move is Move.NOTE and (detail := find(alarm_id, asked)).alarm.version != version:
            raise standing(Refusal.CONFLICT, detail, telling)
        try:
            detail = services.alarms.move(
                alarm_id,
                asked.person,
                move,
                version=None if move is Move.NOTE else version,
                came=came(request, asked),
                **said,
            )
        except RefusedError as error:
            refuse(error, move, alarm_id, version, asked)
        answer.headers["ETag"] = f'"{detail.alarm.version}"'
        return whole(detail, asked)

    def refuse(error: RefusedError, move: Move, alarm_id: str, version: int, asked: Asker) -> NoReturn:
        if error.refusal in (Refusal.NOT_ALLOWED, Refusal.INCOMPLETE):
            sort, sentence = REFUSED[error.refusal]
            resolving = move is Move.RESOLVE and error.refusal is Refusal.INCOMPLETE
            raise Problem(sort=sort, detail=UNRESOLVED if resolving else sentence)
        detail = find(alarm_id, asked)
        # A failed precondition is told before what would have followed from it (RFC 9110 section 13.2.2).
        refusal = error.refusal if detail.alarm.version == version else Refusal.CONFLICT
        raise standing(refusal, detail, telling, error.more if refusal is error.refusal else {})

    def plain(move: Move, summary: str) -> None:
        @router.post(f"/{{alarm_id}}/{move.value}", responses=changes, summary=summary, name=move.value)
        def moved(
            request: Request,
            alarm_id: str,
            asked: Asked,
            answer: Response,
            said: Annotated[move_shapes.Plain | None, Body()] = None,
            if_match: IfMatch = None,
        ) -> shapes.AlarmWhole:
            return act(request, alarm_id, asked, answer, move, if_match, text=said.text if said else "")

    def with_text(move: Move, summary: str) -> None:
        @router.post(f"/{{alarm_id}}/{move.value}", responses=changes, summary=summary, name=move.value)
        def moved(
            request: Request,
            alarm_id: str,
            asked: Asked,
            answer: Response,
            said: move_shapes.NoteText,
            if_match: IfMatch = None,
        ) -> shapes.AlarmWhole:
            return act(request, alarm_id, asked, answer, move, if_match, text=said.text)

    for move, summary in _PLAIN:
        plain(move, summary)
    for move, summary in _WITH_TEXT:
        with_text(move, summary)
    with_text(Move.NOTE, "Write something on it")

    @router.post("/{alarm_id}/hand_over", responses=changes, summary="Give it to another handler")
    def hand_over(
        request: Request,
        alarm_id: str,
        asked: Asked,
        answer: Response,
        said: move_shapes.HandOver,
        if_match: IfMatch = None,
    ) -> shapes.AlarmWhole:
        return act(request, alarm_id, asked, answer, Move.HAND_OVER, if_match, to=said.to, text=said.text)

    @router.post("/{alarm_id}/dispatch", responses=changes, summary="Say who was sent")
    def dispatch(
        request: Request,
        alarm_id: str,
        asked: Asked,
        answer: Response,
        said: move_shapes.Dispatch,
        if_match: IfMatch = None,
    ) -> shapes.AlarmWhole:
        return act(request, alarm_id, asked, answer, Move.DISPATCH, if_match, whom=said.whom, text=said.text)

    @router.post("/{alarm_id}/park", responses=changes, summary="Set it aside until a time")
    def park(
        request: Request,
        alarm_id: str,
        asked: Asked,
        answer: Response,
        said: move_shapes.Park,
        if_match: IfMatch = None,
    ) -> shapes.AlarmWhole:
        until_ms = unix_ms(said.until)
        return act(request, alarm_id, asked, answer, Move.PARK, if_match, until_ms=until_ms, text=said.text)

    @router.post("/{alarm_id}/resolve", responses=changes, summary="Say what it was and what was done")
    def resolve(
        request: Request,
        alarm_id: str,
        asked: Asked,
        answer: Response,
        said: move_shapes.Resolve,
        if_match: IfMatch = None,
    ) -> shapes.AlarmWhole:
        return act(
            request,
            alarm_id,
            asked,
            answer,
            Move.RESOLVE,
            if_match,
            resolution=said.resolution,
            text=said.narrative,
        )

    @router.post("/{alarm_id}/close", responses=changes, summary="Say that the risk is gone, and how you know")
    def close(
        request: Request,
        alarm_id: str,
        asked: Asked,
        answer: Response,
        said: move_shapes.Close,
        if_match: IfMatch = None,
    ) -> shapes.AlarmWhole:
        return act(
            request,
            alarm_id,
            asked,
            answer,
            Move.CLOSE,
            if_match,
            corrected=said.corrected,
            verified_by=said.verified_by,
            text=said.text,
        )

    @router.post("/{alarm_id}/score", responses=changes, summary="Say how urgent a call would be, and why")
    def score(
        request: Request,
        alarm_id: str,
        asked: Asked,
        answer: Response,
        said: move_shapes.ScoreText,
        if_match: IfMatch = None,
    ) -> shapes.AlarmWhole:
        return act(request, alarm_id, asked, answer, Move.SCORE, if_match, score=said.score, text=said.text)

    @router.post("/{alarm_id}/step", responses=changes, summary="Do a step of its procedure, or skip it")
    def step(
        request: Request,
        alarm_id: str,
        asked: Asked,
        answer: Response,
        said: move_shapes.StepDone,
        if_match: IfMatch = None,
    ) -> shapes.AlarmWhole:
        result = {
            "number": said.number.strip(),
            "person": said.person.strip(),
            "at": "" if said.at is None else iso(unix_ms(said.at)),
            "result": said.result.strip(),
        }
        return act(
            request,
            alarm_id,
            asked,
            answer,
            Move.STEP,
            if_match,
            position=said.position,
            outcome=said.outcome,
            text=said.text,
            result=result,
        )

    return router


def came(request: Request, asked: Asker) -> Came:
    """From where a move was asked: a browser's login, or a program with a token."""
    way = Way.CONSOLE if asked.session else Way.PROGRAM
    return Came(way=way, address=request.client.host[:64] if request.client else "")


def standing(refusal: Refusal, detail: AlarmDetail, telling: Telling, more: dict[str, Any] | None = None) -> Problem:
    """A problem that says how the alarm stands now."""
    alarm = detail.alarm
    holder = telling.person(alarm.holder)
    sort, said = REFUSED[refusal]
    if holder is None:
        said = UNHELD.get(refusal, said)
    known = {"holder": alarm.holder, "version": alarm.version, "state": alarm.state.value, **(more or {})}
    steps = ", ".join(map(str, known.get("steps", ())))
    return Problem(sort=sort, detail=said, values={"holder": holder, "steps": steps}, more=known)


def version_of(if_match: str | None) -> int:
    """The version that If-Match names (RFC 9110 section 13.1.1; RFC 6585 section 3).

    Raises:
        Problem: missing, or not of the form of our versions.
    """
    if if_match is None:
        raise Problem(sort=problems.VERSION_NEEDED, detail=N_("Send If-Match with the version you looked at."))
    found = _VERSION.fullmatch(version_in(if_match))
    if found is None:
        raise Problem(sort=problems.STALE, detail=N_('If-Match must be the version of the alarm, such as "3".'))
    return int(found[0])
