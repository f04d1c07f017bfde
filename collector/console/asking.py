"""Who is asking, and in which language: a bearer token or a login's cookie, checked on every request.

Flow: request -> `Asker` -> routes. Rights over single alarms are the alarm service's; whole addresses ask `needs`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import Depends, Request

from collector.console.guard import SAFE_METHODS, is_same_origin
from collector.console.languages import negotiate
from collector.console.problems import FOREIGN_ORIGIN, LOGIN_NEEDED, NOT_ALLOWED, Problem
from collector.people import Person, PersonRole, token_hash
from collector.services import Services
from collector.storage.sessions import touch_session
from collector.times import unix_ms
from protocol.texts import Texts, texts_for
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

COOKIE: Final = "bw_session"
SESSION: Final = timedelta(hours=12)
"""A login ends after a shift without a request."""
TOUCH: Final = timedelta(minutes=5)
"""How stale the noted end of a login may become: a write every few minutes, not every request."""
MAX_TOKEN: Final = 512
"""Characters of a token that are looked at; ours have 43."""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks and what it reads; `session` is the hash of its cookie, None for a bearer token."""

    person: Person
    language: str
    session: str | None

    @property
    def texts(self) -> Texts:
        """The catalogue in its language."""
        return texts_for(self.language)


def asker(request: Request) -> Asker:
    """Who asks.

    Raises:
        Problem: nobody known, or a cookie that another page sent along.
    """
    services: Services = request.app.state.services
    session: str | None = None
    if (token := bearer_of(request)) is not None:
        person = services.people.by_token(token)
    else:
        session, person = _by_cookie(request, services)
    if person is None:
        raise Problem(
            sort=LOGIN_NEEDED,
            detail=N_("Send a bearer token, or log in at /login."),
            headers={"WWW-Authenticate": 'Bearer realm="branchwatch"'},
        )
    sent = request.headers.get("Accept-Language")
    # A browser sends its own language with everything: a person's is worth more there, less from a program.
    last = (person.language, sent) if session else (sent, person.language)
    language = negotiate(request.query_params.get("lang"), request.cookies.get("bw_lang"), *last)
    request.state.language = language
    return Asker(person=person, language=language, session=session)


Asked = Annotated[Asker, Depends(asker)]


def needs(*roles: PersonRole) -> Callable[[Asker], Asker]:
    """A dependency for addresses that only some roles may use."""

    def check(asked: Asked) -> Asker:
        if asked.person.roles.isdisjoint(roles):
            raise Problem(sort=NOT_ALLOWED, detail=N_("Your role does not allow this; ask a person who has it."))
        return asked

    return check


def bearer_of(request: Request) -> str | None:
    """The bearer token of a request (RFC 6750 section 2.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip()[:MAX_TOKEN] if scheme.lower() == "bearer" else None


def _by_cookie(request: Request, services: Services) -> tuple[str | None, Person | None]:
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None, None
    # A cookie comes along by itself, so a change needs the browser's word that our own page asked for it.
    if request.method not in SAFE_METHODS and not is_same_origin(request.headers):
        raise Problem(sort=FOREIGN_ORIGIN, detail=N_("Open the desk itself and try again from there."))
    digest = token_hash(cookie[:MAX_TOKEN])
    now_ms = unix_ms(services.now())
    with services.store.read() as reading:
        session = reading.session(digest, now_ms)
    if session is None:
        return None, None
    end_ms = now_ms + SESSION // timedelta(milliseconds=1)
    if end_ms - session.expires_ms > TOUCH // timedelta(milliseconds=1):
        touch_session(services.store, token_hash=digest, now_ms=now_ms, expires_ms=end_ms)
    return digest, services.people.by_id(session.person)
