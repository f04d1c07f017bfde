"""Where the bank's gateways speak: receipts of what they delivered, and what people replied.

Signed as our own messages are; nobody logs in here. A forged or old message changes nothing and learns nothing. Flow:
SMS or voice gateway -> here -> notify/answers.py.
"""

import logging
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from collector.console import problems
from collector.console.answer_words import replied
from collector.console.notice_shapes import GatewayAnswer, GatewayMessage
from collector.console.problems import Problem, Sort
from collector.console.reference import problem_answers
from collector.notify.answers import Told
from collector.notify.signing import ID, SIGNATURE, TIMESTAMP, Judgement, judge
from collector.services import Services
from collector.times import unix_ms
from protocol.ids import ID_PATTERN
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import texts_for

MAX_BODY: Final = 16 * 1024

UNSIGNED: Final = Sort(name="not-signed", status=401, title=N_("The message is not signed as agreed"))

ChannelName = Annotated[str, Path(pattern=ID_PATTERN, description="name of a [[channel]] of kind webhook")]

logger = logging.getLogger(__name__)


def routes(services: Services) -> APIRouter:
    """POST /api/v1/gateways/{channel}."""
    router = APIRouter(prefix="/api/v1", tags=["notices"])
    schema = {"content": {"application/json": {"schema": GatewayMessage.model_json_schema(by_alias=True)}}}

    @router.post(
        "/gateways/{channel}",
        responses=problem_answers(401, 404, 413, 422),
        summary="A gateway's receipt, or a person's reply; signed (Standard Webhooks)",
        openapi_extra={"requestBody": {"required": True, **schema}},
    )
    async def speak(channel: ChannelName, request: Request) -> GatewayAnswer:
        body = await request.body()
        if len(body) > MAX_BODY:
            raise Problem(sort=problems.TOO_LARGE)
        _signed(services, channel, request, body)
        try:
            message = GatewayMessage.model_validate_json(body)
        except ValidationError as error:
            raise Problem(sort=problems.INVALID, more={"faults": _faults(error)}) from None
        told = await run_in_threadpool(_taken, services, channel, message)
        if told is None:
            raise Problem(sort=problems.NOT_FOUND)
        language = told.person.language if told.person is not None else "zh"
        return GatewayAnswer(outcome=told.came.value, text=replied(told, texts_for(language)))

    return router


def _signed(services: Services, channel: str, request: Request, body: bytes) -> None:
    key = services.gateways.get(channel)
    headers = {name: request.headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE)}
    # A channel that is not there answers as a wrong signature does: names of channels are nobody's business.
    judged = judge(key, headers, body, unix_ms(services.now()) // 1000) if key is not None else Judgement.FORGED
    if judged is not Judgement.GOOD:
        address = request.client.host if request.client else ""
        logger.warning("a gateway's message for %r from %s was refused: %s", channel, address, judged.value)
        raise Problem(sort=UNSIGNED)


def _taken(services: Services, channel: str, message: GatewayMessage) -> Told | None:
    if message.type == "reply":
        return services.answers.reply(channel, message.sender, message.text)
    return services.answers.receipt(channel, message.id, delivered=message.state == "delivered")


def _faults(error: ValidationError) -> list[dict[str, Any]]:
    """Where and what; never the value itself."""
    return [
        {"place": "/".join(map(str, each["loc"])), "detail": each["type"]} for each in error.errors(include_input=False)
    ][: problems.MOST_FAULTS]
