"""A device that tells of events without end: each is heard, at a pace that leaves the box its processor."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from agent.drivers.asking import words
from agent.drivers.asking.asker import Desk
from agent.drivers.asking.listening import EACH_S, Listening
from agent.drivers.onvif.device import OnvifDevice
from tests.http_device import http_device, reply
from tests.integration.test_onvif_hostile import INFORMATION, SOAP, envelope

EVENTS = "http://www.onvif.org/ver10/events/wsdl"
AT_ONCE = 64
TOGGLE = (
    '<n:NotificationMessage><n:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
    "tns1:Device/Trigger/DigitalInput</n:Topic><n:Message><o:Message UtcTime='2026-01-01T00:00:00Z' "
    "PropertyOperation='Changed'><o:Source><o:SimpleItem Name='InputToken' Value='1'/></o:Source><o:Data>"
    "<o:SimpleItem Name='LogicalState' Value='{}'/></o:Data></o:Message></n:Message></n:NotificationMessage>"
)
SPACES = f'xmlns:n="http://docs.oasis-open.org/wsn/b-2" xmlns:o="http://www.onvif.org/ver10/schema" xmlns:e="{EVENTS}"'


async def test_a_flood_of_events_is_heard_at_our_pace() -> None:
    """10,000 toggles a second are no more than 100: every one of an answer counts, and the next answer waits."""
    toggles = "".join(TOGGLE.format(word) for _ in range(AT_ONCE // 2) for word in ("true", "false"))
    times = "<{0}:CurrentTime>2026-01-01T00:00:00Z</{0}:CurrentTime><{0}:TerminationTime>2036-01-01T00:00:00Z"
    pulled = 0

    def answer(path: str, body: bytes) -> bytes:
        nonlocal pulled
        if b"PullMessages" in body:
            pulled += 1
            inside = f"<e:PullMessagesResponse {SPACES}>{times.format('e')}</e:TerminationTime>{toggles}"
            return reply(envelope(inside + "</e:PullMessagesResponse>"), "200 OK", SOAP)
        if b"CreatePullPoint" in body:
            inside = (
                f'<e:CreatePullPointSubscriptionResponse {SPACES} xmlns:a="http://www.w3.org/2005/08/addressing">'
                "<e:SubscriptionReference><a:Address>http://10.0.0.9/pull</a:Address></e:SubscriptionReference>"
                f"{times.format('n')}</n:TerminationTime></e:CreatePullPointSubscriptionResponse>"
            )
            return reply(envelope(inside), "200 OK", SOAP)
        if b"GetServices" in body:
            inside = (
                f'<d:GetServicesResponse xmlns:d="http://www.onvif.org/ver10/device/wsdl" {SPACES}><d:Service>'
                f"<d:Namespace>{EVENTS}</d:Namespace><d:XAddr>http://10.0.0.9/e</d:XAddr><d:Version><o:Major>2"
                "</o:Major><o:Minor>0</o:Minor></d:Version></d:Service></d:GetServicesResponse>"
            )
            return reply(envelope(inside), "200 OK", SOAP)
        return reply(envelope(INFORMATION.format("x")), "200 OK", SOAP)

    heard: list[words.Noticed] = []

    def say(message: words.FromAsker) -> None:
        if isinstance(message, words.Noticed):
            heard.append(message)

    lasts_s = 2.0
    with http_device(answer) as served:
        device = OnvifDevice("127.0.0.1", served.port)
        try:
            await device.open()
            with suppress(TimeoutError):
                async with asyncio.timeout(lasts_s):
                    await Listening(device, Desk("camera/03", say), words.Listener()).run()
        finally:
            await device.close()
    assert 2 <= pulled <= 2 + lasts_s / (EACH_S * AT_ONCE)
    assert len(heard) % AT_ONCE == 0
    assert len(heard) >= AT_ONCE
    assert [each.active for each in heard[:4]] == [True, False, True, False]
