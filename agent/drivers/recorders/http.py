"""Plain HTTP to one recorder: the agent's only file that knows httpx.

One host, no redirection, no proxy, no cookies; a digest login and no other, one try a call; bodies and times bounded
before anything is read. Flow: hikvision.py, dahua.py -> here.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Final

import httpx

from agent.drivers.trouble import DeviceError, Trouble

MAX_BODY: Final = 512 * 1024
CONNECT_S: Final = 5.0
ANSWER_S: Final = 15.0

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # they log addresses

_STATUSES: Final[Mapping[int, Trouble]] = {
    401: Trouble.LOGIN_REFUSED,
    403: Trouble.NOT_ALLOWED,
    404: Trouble.NOT_FOUND,
    405: Trouble.REFUSED,
    429: Trouble.BUSY,
    453: Trouble.BUSY,
    501: Trouble.REFUSED,
    503: Trouble.BUSY,
}


class Http:
    """Calls of one recorder; `close` it."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        shown = f"[{host}]" if ":" in host else host
        self._base = f"http://{shown}:{port}"
        self._login = (user, password)
        self._auth: httpx.Auth | None = None
        self._proven = ""  # a path for which the login was taken
        self._shut_out = False  # it was refused: nothing is asked with it any more, whoever asks
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=2, keepalive_expiry=5.0),
            follow_redirects=False,
            trust_env=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "Branchwatch"},
        )

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    async def get(self, path: str) -> bytes:
        """What stands at a path and question. Raises: DeviceError."""
        return await self._call("GET", path, None)

    async def post(self, path: str, body: bytes) -> bytes:
        """What answers an XML body. Raises: DeviceError."""
        return await self._call("POST", path, body)

    async def _call(self, method: str, path: str, body: bytes | None) -> bytes:
        status, content = await self._answered(method, path, body)
        if status == 401 and self._proven:
            # It was let in before: the challenge is old, a right is missing, or the password was changed since.
            self._auth = None
            if (await self._answered("GET", self._proven, None))[0] != 401:
                status, content = await self._answered(method, path, body)
                if status == 401:
                    raise DeviceError(Trouble.NOT_ALLOWED, "HTTP 401")
        if status == 401:
            self._shut_out = True
        if trouble := _STATUSES.get(status):
            raise DeviceError(trouble, f"HTTP {status}")
        if status != 200:
            raise DeviceError(Trouble.BROKEN if status < 400 else Trouble.REFUSED, f"HTTP {status}")
        if method == "GET":
            self._proven = self._proven or path
        return content

    async def _answered(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        if self._shut_out:
            raise DeviceError(Trouble.LOGIN_REFUSED)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._logged_in(method, path, body)
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout):
            raise DeviceError(Trouble.SILENT) from None
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise DeviceError(Trouble.UNREACHABLE) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, LookupError, RuntimeError) as error:
            raise DeviceError(Trouble.BROKEN, type(error).__name__) from None

    async def _logged_in(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """The login's dance by hand: the library would read a refusal's body to its end, however long."""
        request = self._client.build_request(method, self._base + path, content=body)
        if body is not None:
            request.headers["Content-Type"] = "application/xml"
        if self._auth is None:
            status, content, response = await self._send(request)
            if status != 401:
                return status, content
            self._auth = _auth_for(response.headers.get_list("WWW-Authenticate"), *self._login)
            if self._auth is None:
                return status, content
            flow = self._auth.auth_flow(request)
            next(flow)
            if isinstance(self._auth, httpx.DigestAuth):
                request = flow.send(response)
        else:
            flow = self._auth.auth_flow(request)
            request = next(flow)
        status, content, response = await self._send(request)
        if status == 401 and isinstance(self._auth, httpx.DigestAuth) and _stale(response):
            again = self._auth.auth_flow(request)  # the nonce grew old: no bad login
            next(again)
            request = again.send(response)
            status, content, _ = await self._send(request)
        return status, content

    async def _send(self, request: httpx.Request) -> tuple[int, bytes, httpx.Response]:
        response = await self._client.send(request, stream=True)
        try:
            content = bytearray()
            async for piece in response.aiter_raw():
                content += piece
                if len(content) > MAX_BODY:
                    raise DeviceError(Trouble.TOO_LARGE)
            return response.status_code, bytes(content), response
        finally:
            await response.aclose()


def _auth_for(challenges: Iterable[str], user: str, password: str) -> httpx.Auth | None:
    offered = [each.lower() for each in challenges]
    if any(each.startswith("digest ") for each in offered):
        return httpx.DigestAuth(user, password)
    if any(each.startswith("basic") for each in offered):
        raise DeviceError(Trouble.NOT_ALLOWED, "basic login")  # in clear, to whoever stands in the line
    return None


def _stale(response: httpx.Response) -> bool:
    return "stale=true" in response.headers.get("WWW-Authenticate", "").lower().replace('"', "").replace(" ", "")
