"""Pictures and clips over HTTP: which belong to what, and their bytes for those who may look (docs/eyes.md 7).

The bytes go out under the type that the box sealed and no other, in ranges where a player wants them, and only after
they were hashed again. Flow: rows of evidence -> here -> the alarm's page, the API, the queue's little picture.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import FileResponse, Response

from collector.console import problems, shapes
from collector.console.asking import Asked, Asker
from collector.console.problems import Problem
from collector.console.reference import problem_answers
from collector.console.telling import Telling, iso
from collector.console.wording import Wording
from collector.evidence.files import FilesError
from collector.evidence.looking import Belonging, may_look
from collector.evidence.showing import Showing
from collector.people import Person
from collector.services import Services
from collector.storage import evidence
from collector.storage.alarm_reading import alarm_row
from collector.storage.evidence import EvidenceRow, State
from collector.storage.reading import Reading
from collector.storage.records import AlarmRow, Sight
from collector.storage.requests import requests_of
from collector.times import moment, unix_ms
from protocol.ids import ID_PATTERN
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.uploads import ENDINGS, SLOT_PATTERN

BoxId = Annotated[str, Path(pattern=ID_PATTERN, description="id of a box")]
SlotId = Annotated[str, Path(pattern=SLOT_PATTERN, description="a slot of that box's ledger")]

LOOK: Final = "look"
"""The journal's word for a person's first look; never in the live feed."""

_RANGES: Final = {400: "No range", 416: "Nothing of the file is in that range"}

KINDS: Final = {"still": N_("Picture"), "clip": N_("Clip"), "reference": N_("As it should look")}
STATES: Final = {
    "promised": N_("being made at the site since {time}"),
    "sealed": N_("on its way here"),
    "here": N_("its hash stands in the box's ledger"),
    "missing": N_("there is none: {reason}"),
    "removed": N_("its days are over"),
    "changed": N_("not shown: its file is gone or is not what the box sealed"),
}


def routes(services: Services, telling: Telling) -> APIRouter:
    """/api/v1/evidence/{box}/{slot} and below."""
    router = APIRouter(prefix="/api/v1/evidence", tags=["evidence"])

    def found(box: str, slot: str, asked: Asked) -> tuple[EvidenceRow, bool]:
        with services.store.read() as reading:
            row = evidence.piece(reading, box, slot, asked.person.sight)
            if row is None:
                raise Problem(sort=problems.NOT_FOUND, detail=N_("There is no such picture in your unit."))
            return row, may_look(asked.person, row, belonging(reading, row, asked.person.sight))

    @router.get("/{box}/{slot}", responses=problem_answers(401, 404, 422), summary="What is known of a picture or clip")
    def one(box: BoxId, slot: SlotId, asked: Asked) -> shapes.Piece:
        row, may = found(box, slot, asked)
        return piece(row, may, services.evidence, telling.wording(box, asked.language, unix_ms(services.now())))

    @router.get(
        "/{box}/{slot}/file",
        response_class=Response,
        responses={
            200: {"description": "The bytes that the box sealed", "content": {"image/jpeg": {}, "video/mp4": {}}},
            206: {"description": "Some of them (RFC 9110 section 14)", "content": {"image/jpeg": {}, "video/mp4": {}}},
            **{status: {"description": said, "content": {"text/plain": {}}} for status, said in _RANGES.items()},
            **problem_answers(401, 403, 404, 409, 422),
        },
        summary="The picture or clip itself, for those who may look; each first look is written down",
    )
    def bytes_of(request: Request, box: BoxId, slot: SlotId, asked: Asked) -> Response:
        row, may = found(box, slot, asked)
        if not may:
            raise Problem(
                sort=problems.NOT_ALLOWED, detail=N_("Only whoever holds its alarm, or a leader, may look at it.")
            )
        try:
            path = services.evidence.path_of(row)
        except FilesError as error:
            raise Problem(sort=problems.UNHEALTHY, detail=error.said.text, values=error.said.values) from None
        if path is None:
            detail = N_("Its file is gone or is not what the box sealed, so nobody is shown it.")
            raise Problem(sort=problems.NOT_NOW, detail=detail if row.state == State.HERE else N_("It is not here."))
        services.evidence.look(row, asked.person)
        # Several ranges at once would go out as another type than the one that was sealed.
        request.scope["headers"] = [
            each for each in request.scope["headers"] if each[0] != b"range" or b"," not in each[1]
        ]
        at = moment(row.from_ms or row.promised_ms)
        name = f"{row.site}-{row.camera}-{at:%Y%m%dT%H%M%SZ}.{ENDINGS[row.media_type]}"
        return FileResponse(
            path,
            media_type=row.media_type,
            filename=name,
            content_disposition_type="inline",
            headers={"ETag": f'"{row.sha256}"'},
        )

    return router


def belonging(reading: Reading, row: EvidenceRow, sight: Sight) -> Belonging:
    """What a piece belongs to, as far as the reader sees it."""
    if row.request:
        asked = requests_of(reading.connection, [row.owner]).get(row.owner)
        return Belonging(asked_by=asked.person if asked is not None and asked.box == row.box else "")
    ids = evidence.alarms_of(reading.connection, row.box, row.owner)
    alarms = [found for each in ids if (found := alarm_row(reading, each, sight)) is not None]
    return Belonging(alarms=tuple((each.state, each.holder) for each in alarms))


def stills(reading: Reading, rows: Iterable[AlarmRow], person: Person) -> dict[str, str]:
    """The little pictures of these alarms for those who may look, by the alarm's id."""
    alarms = {row.id: row for row in rows}
    first = evidence.first_stills(reading, list(alarms), person.sight)
    return {
        alarm: href(row)
        for alarm, row in first.items()
        if may_look(person, row, Belonging(alarms=((alarms[alarm].state, alarms[alarm].holder),)))
    }


def of_alarm(
    reading: Reading, alarm: AlarmRow, person: Person, showing: Showing, wording: Wording
) -> list[shapes.Piece]:
    """Everything that an alarm's events promised."""
    belongs = Belonging(alarms=((alarm.state, alarm.holder),))
    rows = evidence.pieces_of_alarm(reading, alarm.id, person.sight)
    return [piece(row, may_look(person, row, belongs), showing, wording) for row in rows]


def live(
    reading: Reading, box: str, slot: str, asked: Asker, showing: Showing, telling: Telling, now_ms: int
) -> shapes.LivePiece | None:
    """A piece as the live feed tells it, with the alarms and the request that it belongs to."""
    row = evidence.piece(reading, box, slot, asked.person.sight)
    if row is None:
        return None
    ids = () if row.request else evidence.alarms_of(reading.connection, box, row.owner)
    seen = [each for each in ids if alarm_row(reading, each, asked.person.sight) is not None]
    may = may_look(asked.person, row, belonging(reading, row, asked.person.sight))
    told = piece(row, may, showing, telling.wording(box, asked.language, now_ms))
    return shapes.LivePiece(**told.model_dump(), site=row.site, alarms=seen, request=row.owner if row.request else None)


def of_requests(
    reading: Reading, asked_by: Mapping[str, str], person: Person, showing: Showing, wording: Wording
) -> dict[str, shapes.Piece]:
    """What came of these requests, by their id; `asked_by` names who asked."""
    rows = evidence.pieces_of_requests(reading, list(asked_by), person.sight)
    return {
        request: piece(row, may_look(person, row, Belonging(asked_by=asked_by[request])), showing, wording)
        for request, row in rows.items()
    }


def piece(row: EvidenceRow, may: bool, showing: Showing, wording: Wording) -> shapes.Piece:
    """One piece as it stands; of a file that was changed nothing is shown."""
    state = row.state
    try:
        if state == State.HERE and showing.path_of(row) is None:
            state = "changed"
    except FilesError:
        state = State.SEALED.value
    reason = wording.reason(row.reason, "evidence/") if row.reason else ""
    return shapes.Piece(
        box=row.box,
        slot=row.slot,
        camera=row.camera,
        kind=row.kind if row.kind in KINDS else "still",  # type: ignore[arg-type]  # of three words
        state=state,  # type: ignore[arg-type]  # a word of ours from our own table
        reason=row.reason or None,
        media_type=row.media_type or None,
        sha256=row.sha256 or None,
        size_bytes=row.size_bytes,
        from_at=_iso(row.from_ms),
        to_at=_iso(row.to_ms),
        masked=row.masked,
        href=href(row) if may and state == State.HERE else None,
        words=shapes.PieceWords(
            kind=wording.texts(KINDS.get(row.kind, KINDS["still"])),
            camera=wording.point(f"camera/{row.camera}"),
            state=wording.texts(STATES[state]).format(
                reason=reason or wording.texts(N_("no reason told")),
                time=f"{moment(row.promised_ms).astimezone(wording.zone):%m-%d %H:%M:%S}",
            ),
        ),
    )


def href(row: EvidenceRow) -> str:
    """Where its bytes are."""
    return f"/api/v1/evidence/{row.box}/{row.slot}/file"


def in_order(pieces: Sequence[shapes.Piece]) -> list[shapes.Piece]:
    """Pictures before clips, what should be beside what is."""
    ranks: Mapping[str, Any] = {"still": 0, "reference": 1, "clip": 2}
    return sorted(
        pieces, key=lambda each: (ranks[each.kind] == 2, each.slot.rpartition("-")[0], each.camera, ranks[each.kind])
    )


def _iso(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)
