"""A simulated ONVIF device over HTTP: who may ask, what is answered, what is refused, what waits.

The shell around the tables of answers: checks logins by WS-UsernameToken and HTTP digest, holds long polls, plays the
faults of login, silence and absence. Flow: http.py -> here -> device_services.py, search_services.py, events.py.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from simulator.cameras.device import Device
from simulator.cameras.device_services import DEVICE_ANSWERS, FREE, PATHS, NoSuchThingError
from simulator.cameras.digest import challenge, is_right
from simulator.cameras.events import NoSuchSubscriptionError, Quirk, TooManyError
from simulator.cameras.faults import Fault
from simulator.cameras.http import HttpServer, Request, Response
from simulator.cameras.search_services import SEARCH_ANSWERS
from simulator.cameras.soap import (
    Call,
    NotSoapError,
    answer,
    duration_s,
    fault,
    find,
    parsed,
    proves,
    time_of,
    time_text,
)

LEASE_S: Final = 60.0
MAX_LEASE_S: Final = 3600.0
MAX_POLL_S: Final = 60.0
MAX_MESSAGES: Final = 100
CLOCK_TOLERANCE_S: Final = 60.0
"""A token made longer ago than this, by the device's own clock, is refused: so is everybody while its clock is off."""
HOST: Final = re.compile(r"[\w.\-\[\]:]{1,255}")
SUBSCRIPTION: Final = "/onvif/subscription/"
SNAPSHOT: Final = re.compile(r"/snapshot/(\d{1,3})\.jpg")


class OnvifServer:
    """One device on one port; use `start` and `stop`."""

    def __init__(self, device: Device, host: str, port: int) -> None:
        self.device = device
        self._http = HttpServer(self._answer, host, port)

    @property
    def address(self) -> str:
        """host:port."""
        return f"{self._http.host}:{self._http.port}"

    async def start(self) -> None:
        """Listen; port 0 becomes a free one and stays it.

        Raises:
            OSError: the address is taken.
        """
        await self._http.start()

    async def stop(self) -> None:
        """Hang up on everybody and listen no more."""
        await self._http.stop()

    async def _answer(self, request: Request) -> Response:
        await self.device.state.talks.wait()
        if (found := SNAPSHOT.fullmatch(request.path)) is not None:
            return await self._snapshot(request, int(found[1]))
        try:
            call = parsed(request.body)
        except NotSoapError as error:
            return Response(status=400, body=fault("ter:WellFormed", str(error)))
        if call.name not in FREE and not self._is_let_in(request, call):
            return self._refused(call)
        host = request.headers.get("host", "")
        at = f"http://{host if HOST.fullmatch(host) and ':' in host else self.address}"
        try:
            return Response(body=answer(call, await self._said(call, request.path, at)))
        except KeyError:
            return Response(status=400, body=fault("ter:ActionNotSupported", call.name, sender=False))
        except NoSuchThingError as error:
            return Response(status=400, body=fault("ter:InvalidArgVal", f"there is no {error}"))
        except NoSuchSubscriptionError as error:
            return Response(status=400, body=fault("ter:InvalidArgVal", f"ResourceUnknown: subscription {error}"))
        except TooManyError:
            return Response(status=400, body=fault("ter:Action", "SubscribeCreationFailed: no more listeners"))

    async def _said(self, call: Call, path: str, at: str) -> str:
        if (waits := _EVENT_ANSWERS.get(call.name)) is not None:
            return await waits(self, call, path, at)
        if call.name in DEVICE_ANSWERS:
            return DEVICE_ANSWERS[call.name](self.device, call, at)
        if not self.device.recordings:
            raise KeyError(call.name)
        return SEARCH_ANSWERS[call.name](self.device, call, at)

    # Who may ask.

    def _is_let_in(self, request: Request, call: Call) -> bool:
        state = self.device.state
        header = request.headers.get("authorization", "")
        if not state.user and Fault.LOGIN_REFUSED not in state.faults:
            return True
        right = Fault.LOGIN_REFUSED not in state.faults and (
            self._has_token(call) or (bool(header) and self._has_digest(header, request.method))
        )
        if not right and (call.token is not None or header):
            state.wrong_logins += 1
        return right

    def _has_token(self, call: Call) -> bool:
        state = self.device.state
        return call.token is not None and proves(
            call.token,
            user=state.user,
            password=state.password,
            now_s=state.wall_s(),
            tolerance_s=CLOCK_TOLERANCE_S,
        )

    def _has_digest(self, header: str, method: str) -> bool:
        state = self.device.state
        return is_right(header, method, user=state.user, password=state.password, nonce=state.nonce)

    def _refused(self, call: Call | None) -> Response:
        """401 asks for HTTP digest; a token that proves nothing is told so in SOAP too."""
        asks = {"WWW-Authenticate": challenge(self.device.state.nonce, qop=True)}
        body = b"" if call is None else fault("ter:NotAuthorized", "the sender is not authorized")
        return Response(status=401, headers=asks, body=body)

    async def _snapshot(self, request: Request, number: int) -> Response:
        state = self.device.state
        header = request.headers.get("authorization", "")
        refused = Fault.LOGIN_REFUSED in state.faults
        if refused or (state.user and not self._has_digest(header, request.method)):
            state.wrong_logins += bool(header)
            return self._refused(None)
        if all(each.number != number for each in self.device.sources):
            return Response(status=404)
        picture = await asyncio.to_thread(self.device.snapshot, number)
        return Response(media_type="image/jpeg", body=picture)

    # What waits.

    async def _subscribe(self, call: Call, _path: str, at: str) -> str:
        state, events = self.device.state, self.device.events
        lease_s = self._lease(find(call.body, "InitialTerminationTime"), renewal=False)
        identity = events.subscribe(state.monotonic_s(), lease_s, state.wall_s())
        return (
            f"<tev:SubscriptionReference><wsa:Address>{at}{SUBSCRIPTION}{identity}</wsa:Address>"
            f"</tev:SubscriptionReference>{self._terms(lease_s)}"
        )

    async def _pull(self, call: Call, path: str, _at: str) -> str:
        state, events = self.device.state, self.device.events
        identity = path.removeprefix(SUBSCRIPTION)
        listener = events.of(identity, state.monotonic_s())
        listener.until_s = max(listener.until_s, state.monotonic_s() + min(LEASE_S, MAX_LEASE_S))
        wait_s = min(duration_s(find(call.body, "Timeout"), LEASE_S), MAX_POLL_S)
        asked = find(call.body, "MessageLimit")
        count = min(MAX_MESSAGES, int(asked)) if asked.isdigit() else MAX_MESSAGES
        if not listener.waiting:
            listener.woken.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await listener.woken.wait()
            except TimeoutError:
                pass  # an empty answer is an answer
        listener = events.of(identity, state.monotonic_s())
        told = [listener.waiting.popleft() for _ in range(min(count, len(listener.waiting)))]
        now_s = state.wall_s()
        ends_s = now_s + listener.until_s - state.monotonic_s()
        return (
            f"<tev:CurrentTime>{time_text(now_s)}</tev:CurrentTime>"
            f"<tev:TerminationTime>{time_text(ends_s)}</tev:TerminationTime>{''.join(told)}"
        )

    async def _renew(self, call: Call, path: str, _at: str) -> str:
        state = self.device.state
        listener = self.device.events.of(path.removeprefix(SUBSCRIPTION), state.monotonic_s())
        lease_s = self._lease(find(call.body, "TerminationTime"), renewal=True)
        listener.until_s = state.monotonic_s() + lease_s
        now_s = state.wall_s()
        return (
            f"<wsnt:TerminationTime>{time_text(now_s + lease_s)}</wsnt:TerminationTime>"
            f"<wsnt:CurrentTime>{time_text(now_s)}</wsnt:CurrentTime>"
        )

    async def _unsubscribe(self, _call: Call, path: str, _at: str) -> str:
        self.device.events.end(path.removeprefix(SUBSCRIPTION), self.device.state.monotonic_s())
        return ""

    async def _synchronize(self, _call: Call, path: str, _at: str) -> str:
        state = self.device.state
        self.device.events.synchronize(path.removeprefix(SUBSCRIPTION), state.monotonic_s(), state.wall_s())
        return ""

    async def _event_properties(self, _call: Call, _path: str, _at: str) -> str:
        return (
            "<tev:TopicNamespaceLocation>http://www.onvif.org/onvif/ver10/topics/topicns.xml"
            "</tev:TopicNamespaceLocation><wsnt:FixedTopicSet>true</wsnt:FixedTopicSet>"
            '<wstop:TopicSet xmlns:wstop="http://docs.oasis-open.org/wsn/t-1">'
            '<tns1:Device><Trigger><DigitalInput wstop:topic="true"/></Trigger></tns1:Device>'
            '<tns1:VideoSource><MotionAlarm wstop:topic="true"/><SignalLoss wstop:topic="true"/>'
            '<GlobalSceneChange><ImagingService wstop:topic="true"/></GlobalSceneChange></tns1:VideoSource>'
            "</wstop:TopicSet><wsnt:TopicExpressionDialect>"
            "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet</wsnt:TopicExpressionDialect>"
            "<tev:MessageContentFilterDialect>http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"
            "</tev:MessageContentFilterDialect><tev:MessageContentSchemaLocation>"
            "http://www.onvif.org/onvif/ver10/schema/onvif.xsd</tev:MessageContentSchemaLocation>"
        )

    async def _event_capabilities(self, _call: Call, _path: str, _at: str) -> str:
        return '<tev:Capabilities WSPullPointSupport="true" MaxPullPoints="16"/>'

    def _lease(self, text: str, *, renewal: bool) -> float:
        """The lease that is asked for, as a duration or a time of the device's own clock."""
        wrong = renewal and Quirk.RENEWS_IN_WRONG_UNIT in self.device.events.quirks
        if (until_s := time_of(text)) is not None:
            lease_s = until_s - self.device.state.wall_s()
        else:
            lease_s = duration_s(text, LEASE_S, minutes_are_seconds=wrong)
        return min(max(lease_s, 1.0), MAX_LEASE_S)

    def _terms(self, lease_s: float) -> str:
        now_s = self.device.state.wall_s()
        return (
            f"<wsnt:CurrentTime>{time_text(now_s)}</wsnt:CurrentTime>"
            f"<wsnt:TerminationTime>{time_text(now_s + lease_s)}</wsnt:TerminationTime>"
        )


_EVENT_ANSWERS: Final[Mapping[str, Callable[[OnvifServer, Call, str, str], Awaitable[str]]]] = {
    "tev:CreatePullPointSubscription": OnvifServer._subscribe,
    "tev:PullMessages": OnvifServer._pull,
    "tev:SetSynchronizationPoint": OnvifServer._synchronize,
    "tev:GetEventProperties": OnvifServer._event_properties,
    "tev:GetServiceCapabilities": OnvifServer._event_capabilities,
    "wsnt:Renew": OnvifServer._renew,
    "wsnt:Unsubscribe": OnvifServer._unsubscribe,
}


def service_address(address: str) -> str:
    """Where a device's first service answers."""
    return f"http://{address}{PATHS['tds']}"
