"""A channel that posts JSON: the bank's SMS and voice gateways, and whatever else takes a webhook.

The collector's only file that knows httpx. Signed as Standard Webhooks; no redirection, no proxy, no cookies; of an
answer only the status counts and little is read. The body's fields stand in docs/notices.md. Flow: sender.py -> here.
"""

import asyncio
import logging
import ssl
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

import httpx
import msgspec

from collector.notify.port import Message, Outcome, Sent, failed
from collector.notify.signing import sign
from collector.times import moment
from protocol.timestamps import format_time

MAX_ANSWER: Final = 16 * 1024
CONNECTIONS: Final = 64

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # they log addresses

if find_spec("sniffio") is None:
    # httpcore looks for it a dozen times a request, through every folder of the path: 8 ms where it is not installed.
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # how Python notes that there is none


class Webhook:
    """One address; `close` it."""

    def __init__(
        self,
        *,
        url: str,
        secret: bytes | None,
        tls: ssl.SSLContext,
        connect_s: float,
        answer_s: float,
        now_s: Callable[[], int],
    ) -> None:
        self._url, self._secret, self._answer_s, self._now_s = url, secret, answer_s, now_s
        self._tls, self._connect_s = tls, connect_s
        self._free: list[httpx.AsyncClient] = []

    async def send(self, message: Message) -> Sent:
        """Post it; 2xx is accepted."""
        body = body_of(message)
        headers = sign(self._secret, message.id, self._now_s(), body) if self._secret is not None else {}
        try:
            async with asyncio.timeout(self._answer_s):
                status = await self._post(body, headers)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return failed("unreachable")
        except (TimeoutError, httpx.TimeoutException):
            return failed("too_slow")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, LookupError, RuntimeError):
            return failed("garbage")
        return judge(status)

    async def close(self) -> None:
        """Hang up."""
        free, self._free = self._free, []
        for client in free:
            await client.aclose()

    async def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """On the line used last: the library looks at every line it has, so each of ours has a client of its own."""
        client = self._free.pop() if self._free else self._line()
        try:
            request = client.build_request("POST", self._url, content=body, headers=headers)
            response = await client.send(request, stream=True)
            try:
                read = 0
                async for piece in response.aiter_raw():
                    read += len(piece)
                    if read > MAX_ANSWER:
                        break
            finally:
                await response.aclose()
        except BaseException:
            await client.aclose()
            raise
        if len(self._free) < CONNECTIONS:
            self._free.append(client)
        else:
            await client.aclose()
        return response.status_code

    def _line(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._tls,
            timeout=httpx.Timeout(self._answer_s, connect=self._connect_s),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0),
            follow_redirects=False,
            trust_env=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "Branchwatch", "Content-Type": "application/json"},
        )


def judge(status: int) -> Sent:
    """What a status means: whether it was taken, and whether to try again."""
    if 200 <= status < 300:
        return Sent(outcome=Outcome.SENT)
    if 300 <= status < 400:
        return failed("redirected", again=False)
    if status in (408, 425, 429) or status >= 500:
        return failed(f"status {status}")
    return failed(f"refused {status}", again=False)


def body_of(message: Message) -> bytes:
    """The JSON of a message."""
    alarm = message.alarm
    about: dict[str, Any] | None = None
    if alarm is not None:
        about = {
            "id": alarm.id,
            "number": alarm.number,
            "site": alarm.site,
            "site_name": alarm.site_name,
            "unit": alarm.unit,
            "kind": alarm.kind,
            "class": alarm.event_class,
            "level": alarm.level,
            "source": alarm.source,
            "at": format_time(moment(alarm.at_ms)),
            "opened_at": format_time(moment(alarm.opened_ms)),
        }
    return msgspec.json.encode(
        {
            "v": 1,
            "id": message.id,
            "sort": message.sort,
            "to": message.to,
            "language": message.language,
            "level": message.level,
            "text": message.short,
            "subject": message.subject,
            "voice": message.voice,
            "code": message.code,
            "link": message.link,
            "number": message.number,
            "perhaps": message.perhaps,
            "alarm": about,
        }
    )
