"""The page behind a notice's link: what, where, when, and one button; made for a telephone.

Nobody logs in here: the link is the proof, for one person and one answer. Opening the page acts on nothing, because
scanners of mail and messages open links; only its button does. Flow: link -> here -> notify/answers.py.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response

from collector.console.answer_words import GONE, LOG_IN, OUTSIDE, OVER, PAUSES, SEEN, TAKE, TAKES, replied
from collector.console.attempts import Attempts
from collector.console.languages import negotiate
from collector.console.names import PointNames
from collector.console.pages import DEVICE, Pages
from collector.console.problems import TOO_MANY, Problem, language_of
from collector.console.wording import Wording
from collector.escalation.answering import GRAVEST
from collector.escalation.begin import UNTAKEN
from collector.escalation.targets import DESK_ROLES
from collector.notify.answers import Came, Shown, Told
from collector.services import Services
from collector.storage.records import OPEN_STATES
from collector.times import local, unix_ms, zone_of
from protocol.texts import Texts, texts_for
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

TokenPart = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def routes(services: Services, pages: Pages) -> APIRouter:
    """GET and POST /n/{token}."""
    router = APIRouter(include_in_schema=False)
    names = PointNames(services.store)
    wrong = Attempts()

    @router.get("/n/{token}")
    def show(token: TokenPart, request: Request) -> Response:
        shown = services.answers.look(token)
        if shown is None:
            return _gone(request)
        return _page(request, shown)

    @router.post("/n/{token}")
    def press(token: TokenPart, request: Request, act: Annotated[str, Form(max_length=16)] = "") -> Response:
        del act  # the button has a name so that a form is sent; what it does stands in the link
        shown = services.answers.look(token)
        if shown is None:
            return _gone(request)
        told = services.answers.press(token, _address(request))
        if told is None:
            return _gone(request)
        return _done(request, shown, told)

    def _gone(request: Request) -> Response:
        if (wait := wrong.begin(None, _address(request), services.now())) is not None:
            raise Problem(sort=TOO_MANY, headers={"Retry-After": str(max(1, round(wait.total_seconds())))})
        language = language_of(request)
        return pages.page(
            request,
            language,
            "answer.html",
            status=410,
            theme=DEVICE,
            alarm=None,
            said=texts_for(language)(GONE),
            button="",
            note="",
        )

    def _page(request: Request, shown: Shown) -> Response:
        language = _language(request, shown)
        _ = texts_for(language)
        said, button, note = _offered(shown, _)
        return pages.page(
            request,
            language,
            "answer.html",
            theme=DEVICE,
            alarm=_facts(shown, language),
            said=said,
            button=button,
            note=note,
        )

    def _offered(shown: Shown, texts: Texts) -> tuple[str, str, str]:
        """How the alarm stands, the button, what pressing it does; whoever comes late is offered nothing to take."""
        alarm = shown.alarm
        if alarm is None:
            return texts(LOG_IN), texts(SEEN), texts(OUTSIDE)
        if alarm.state not in OPEN_STATES:
            return texts(OVER), "", ""
        if alarm.state not in UNTAKEN:
            known = services.people.by_id(alarm.holder or "")
            holder = known.name if known else alarm.holder or ""
            return texts(N_("{holder} is handling this alarm.")).format(holder=holder), texts(SEEN), texts(OUTSIDE)
        if alarm.level > GRAVEST and shown.person.roles & DESK_ROLES:
            return "", texts(TAKE), texts(TAKES)
        return "", texts(SEEN), texts(PAUSES)

    def _done(request: Request, shown: Shown, told: Told) -> Response:
        language = _language(request, shown)
        _ = texts_for(language)
        outside = shown.alarm is None and told.came is not Came.OVER
        return pages.page(
            request,
            language,
            "answer.html",
            theme=DEVICE,
            alarm=_facts(shown, language),
            said=_(LOG_IN) if outside else replied(told, _),
            button="",
            note="",
        )

    def _facts(shown: Shown, language: str) -> dict[str, object]:
        """What the page says of the alarm: its number alone for a channel outside the bank."""
        alarm = shown.alarm
        if alarm is None:
            return {"number": shown.number, "title": ""}
        known = names.of(alarm.box, unix_ms(services.now()))
        wording = Wording(texts=texts_for(language), names=known.names, zone=zone_of(alarm.timezone))
        at = local(alarm.at_ms, alarm.timezone)
        return {
            "number": shown.number,
            "level": alarm.level,
            "title": wording.title(alarm.kind),
            "headline": wording.headline(alarm.kind, alarm.source, alarm.facts),
            "source": wording.source(alarm.source, alarm.facts),
            "site": alarm.site_name,
            "unit": alarm.unit,
            "at": f"{at:%Y-%m-%d %H:%M:%S} UTC{at.isoformat()[-6:]}",
        }

    return router


def _language(request: Request, shown: Shown) -> str:
    """The language that was asked for, else the person's."""
    return negotiate(request.query_params.get("lang"), request.cookies.get("bw_lang"), shown.person.language)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
