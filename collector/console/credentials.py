"""A person's keys over HTTP: register a security key or a key file, see the fingerprint, take one off the list.

Changes need a login's cookie or token of that very person; nobody registers for another. Flow: the page /credentials
and its module -> here -> collector/registering.py.
"""

from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response

from collector.console import order_shapes, problems, shapes
from collector.console.asking import Asked, Asker, needs
from collector.console.filters import Limit, Place, part
from collector.console.pages import Pages
from collector.console.problems import Problem
from collector.console.reference import problem_answers
from collector.console.sheets import visitor
from collector.console.telling import iso
from collector.people import PersonRole
from collector.registering import Fresh, RegistrationRefusedError, key_of_base64, key_of_pem, registrations_of
from collector.security_keys import SecurityKeyError, creation_options, made_key
from collector.services import Services
from collector.storage.registrations import RegisteredKey
from collector.times import unix_ms
from protocol.ids import EVENT_ID_PATTERN
from protocol.registration import encode_registrations, spoken_key
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

KeyId = Annotated[str, Path(pattern=EVENT_ID_PATTERN, description="id of a registered key")]
Keeper = Annotated[Asker, Depends(needs(PersonRole.ADMINISTRATOR))]


def routes(services: Services, pages: Pages) -> APIRouter:
    """/api/v1/credentials, /api/v1/registrations and the page /credentials."""
    router = APIRouter()
    registry = services.registry

    def register(asked: Asker, fresh: Fresh) -> shapes.Credential:
        try:
            return _told(registry.register(asked.person, fresh))
        except RegistrationRefusedError as error:
            raise _refused(error) from None

    @router.get(
        "/api/v1/credentials",
        responses=problem_answers(401, 422),
        tags=["credentials"],
        summary="The asking person's keys",
    )
    def mine(asked: Asked, limit: Limit = 100, cursor: Place = None) -> shapes.Listing[shapes.Credential]:
        page, after = part(registry.keys(asked.person), limit, cursor)
        return shapes.Listing(items=[_told(row) for row in page], next=after)

    @router.post(
        "/api/v1/credentials/key-file",
        status_code=201,
        responses=problem_answers(401, 409, 422),
        tags=["credentials"],
        summary="Register the public half of a key file",
    )
    def key_file(asked: Asked, body: shapes.KeyFile) -> shapes.Credential:
        try:
            key = key_of_pem(body.public_key)
        except RegistrationRefusedError as error:
            raise Problem(sort=problems.INVALID, detail=error.said.text, values=error.said.values) from None
        return register(asked, Fresh(public_key=key, kind="key_file", label=body.name))

    @router.post(
        "/api/v1/credentials/options",
        responses=problem_answers(401),
        tags=["credentials"],
        summary="What a browser needs to make a key on a security key (WebAuthn)",
    )
    def options(request: Request, asked: Asked) -> dict[str, Any]:
        challenge = registry.challenges.give(asked.person.id, services.now())
        text = creation_options(
            rp_id=place_of(request)[0], person=asked.person.id, name=asked.person.name, challenge=challenge
        )
        made: dict[str, Any] = msgspec.json.decode(text)
        return made

    @router.post(
        "/api/v1/credentials/security-key",
        status_code=201,
        responses=problem_answers(401, 409, 422),
        tags=["credentials"],
        summary="Register what the browser made",
    )
    def security_key(request: Request, asked: Asked, body: shapes.SecurityKey) -> shapes.Credential:
        challenge = registry.challenges.take(asked.person.id, services.now())
        if challenge is None:
            raise Problem(sort=problems.INVALID, detail=N_("It took too long; begin again."))
        rp_id, origin = place_of(request)
        try:
            made = made_key(msgspec.json.encode(body.answer).decode(), challenge=challenge, rp_id=rp_id, origin=origin)
        except SecurityKeyError:
            raise Problem(
                sort=problems.INVALID,
                detail=N_("The security key's answer does not hold; try again with a key that asks for PIN or finger."),
            ) from None
        fresh = Fresh(
            public_key=made.public_key,
            kind="webauthn",
            label=body.name,
            rp_id=rp_id,
            origin=origin,
            credential=made.credential,
        )
        return register(asked, fresh)

    @router.post(
        "/api/v1/credentials/localhost-key",
        status_code=201,
        responses=problem_answers(401, 409, 422),
        tags=["credentials"],
        summary="Register a credential that a page of the person's own machine made",
    )
    def localhost_key(asked: Asked, body: order_shapes.LocalhostKey) -> shapes.Credential:
        try:
            key = key_of_base64(body.public_key)
        except RegistrationRefusedError as error:
            raise Problem(sort=problems.INVALID, detail=error.said.text, values=error.said.values) from None
        fresh = Fresh(
            public_key=key,
            kind="webauthn",
            label=body.name,
            rp_id=body.rp_id,
            origin=body.origin,
            credential=body.credential,
        )
        return register(asked, fresh)

    @router.delete(
        "/api/v1/credentials/{key}",
        status_code=204,
        responses=problem_answers(401, 404, 422),
        tags=["credentials"],
        summary="Take one of one's keys off the list",
    )
    def remove(asked: Asked, key: KeyId) -> Response:
        if not registry.remove(asked.person, key):
            raise Problem(sort=problems.NOT_FOUND, detail=N_("You have no registered key of this name."))
        return Response(status_code=204)

    @router.get(
        "/api/v1/registrations",
        response_class=Response,
        responses={
            200: {"description": "For `provision people accept`", "content": {"application/json": {}}},
            **problem_answers(401, 403),
        },
        tags=["credentials"],
        summary="Everybody's registered keys, for the offline machine",
    )
    def registrations(asked: Keeper) -> Response:
        with services.store.read() as reading:
            body = encode_registrations(registrations_of(reading))
        name = 'attachment; filename="registrations.json"'
        return Response(body, media_type="application/json", headers={"Content-Disposition": name})

    @router.get("/credentials", include_in_schema=False)
    def page(request: Request) -> Response:
        if isinstance(asked := visitor(request), Response):
            return asked
        rows = [_told(row) for row in registry.keys(asked.person)]
        return pages.page(
            request,
            asked.language,
            "credentials.html",
            now_iso=iso(unix_ms(services.now())),
            rows=rows,
            person=asked.person,
            keeper=PersonRole.ADMINISTRATOR in asked.person.roles,
        )

    return router


def place_of(request: Request) -> tuple[str, str]:
    """Relying party and origin: those of the page that the browser shows, which the guard checked against Host."""
    origin = request.headers.get("origin") or f"{request.url.scheme}://{request.headers.get('host', '')}"
    return urlsplit(origin).hostname or "", origin


def _told(row: RegisteredKey) -> shapes.Credential:
    return shapes.Credential(
        id=row.id,
        name=row.label,
        kind="webauthn" if row.kind == "webauthn" else "key_file",
        fingerprint=spoken_key(row.public_key),
        registered_at=iso(row.registered_ms),
        rp_id=row.rp_id or None,
    )


def _refused(error: RegistrationRefusedError) -> Problem:
    return Problem(sort=problems.KEY_REFUSED, detail=error.said.text, values=error.said.values)
