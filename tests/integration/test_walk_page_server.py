"""The walk test page's web server: five addresses for one browser, and a refusal for everything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.acceptance.serving import (
    COOKIE,
    MAX_BODY_BYTES,
    MAX_CONNECTIONS,
    MAX_HEAD_BYTES,
    PageServer,
    Shown,
    listen_at,
)
from agent.acceptance.session import Act
from protocol.page_door import Door, cookie_of

SECRET = "a4dq-obyh-a4dq"
TAP = b'{"act":"yes","point":"output/hall","number":""}'
JSON = "Content-Type: application/json\r\n"


@dataclass
class Page:
    """A page that remembers what was tapped."""

    port: int
    tapped: list[tuple[str, str, str]] = field(default_factory=list)

    async def send(self, raw: bytes) -> str:
        """The first line of the answer to these bytes, then its headers and body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            writer.write_eof()
            return (await reader.read()).decode()
        finally:
            writer.close()
            await writer.wait_closed()

    async def get(self, path: str, more: str = "", host: str | None = None) -> str:
        """GET."""
        return await self.send(f"GET {path} HTTP/1.1\r\nHost: {host or self.host}\r\n{more}\r\n".encode())

    async def post(self, path: str, body: bytes, more: str = JSON) -> str:
        """POST with the cookie."""
        head = f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\n{self.cookie}{more}Content-Length: {len(body)}\r\n\r\n"
        return await self.send(head.encode() + body)

    @property
    def host(self) -> str:
        """As a browser names it."""
        return f"127.0.0.1:{self.port}"

    cookie: str = ""

    async def open(self) -> None:
        """As the first browser."""
        answer = await self.get(f"/{SECRET}/")
        assert answer.startswith("HTTP/1.1 200")
        assert "HttpOnly; SameSite=Strict" in answer
        self.cookie = f"Cookie: a=b; {answer.partition('Set-Cookie: ')[2].partition(';')[0]}\r\n"


@asynccontextmanager
async def page() -> AsyncIterator[Page]:
    """A page that is served."""
    given_bytes = iter((bytes([7]) * 16, bytes([9]) * 16))
    here = Page(port=0)

    async def act(act: Act, point: str, number: str) -> None:
        here.tapped.append((act.value, point, number))

    async def end() -> None:
        here.tapped.append(("end", "", ""))

    shown = Shown(view=lambda language: {"lang": language}, revision=lambda: 3, act=act, end=end)
    server = PageServer(shown, Door(lambda _: next(given_bytes)))
    await server.start("127.0.0.1", listen_at("127.0.0.1", 0))
    here.port = int(server.address.split(":")[2].split("/")[0])
    try:
        yield here
    finally:
        await server.close()


async def test_the_first_browser_gets_the_page_and_taps() -> None:
    """Page, its parts, the view in a language, nothing new, a tap, the end: with the cookie only."""
    async with page() as here:
        await here.open()
        for part, kind in (("", "text/html"), ("page.css", "text/css"), ("page.js", "text/javascript")):
            answer = await here.get(f"/{SECRET}/{part}", here.cookie)
            assert answer.startswith("HTTP/1.1 200")
            assert f"Content-Type: {kind}" in answer
            assert "Content-Security-Policy: default-src 'none'" in answer
        assert '{"lang":"en"}' in await here.get(f"/{SECRET}/view?lang=en&revision=2", here.cookie)
        assert (await here.get(f"/{SECRET}/view?lang=en&revision=3", here.cookie)).startswith("HTTP/1.1 204")
        assert (await here.post(f"/{SECRET}/act", TAP)).startswith("HTTP/1.1 204")
        assert (await here.post(f"/{SECRET}/act", b'{"act":"end","point":"","number":""}')).startswith("HTTP/1.1 204")
        assert here.tapped == [("yes", "output/hall", ""), ("end", "", "")]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n", 404),
        (b"GET /{secret}/ HTTP/1.1\r\nHost: {host}\r\n\r\n", 403),
        (b"GET /{secret}/ HTTP/1.1\r\nHost: {host}\r\nCookie: bw_walk=00\r\n\r\n", 403),
        (b"GET /{secret}/ HTTP/1.1\r\nHost: evil.example\r\n{cookie}\r\n", 421),
        (b"GET /{secret}/ HTTP/1.1\r\n{cookie}\r\n", 421),
        (b"GET /{secret}/../../etc/passwd HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n", 404),
        (b"GET /{secret}/index.html HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n", 404),
        (b"DELETE /{secret}/ HTTP/1.1\r\nHost: {host}\r\n{cookie}\r\n", 404),
        (b"POST /{secret}/act HTTP/1.1\r\nHost: {host}\r\n{cookie}Content-Length: 2\r\n\r\n{}", 415),
        (b"POST /{secret}/act HTTP/1.1\r\nHost: {host}\r\n{cookie}{json}Content-Length: 2\r\n\r\n{}", 400),
        (b"POST /{secret}/act HTTP/1.1\r\nHost: {host}\r\n{cookie}{json}Content-Length: -2\r\n\r\n{}", 400),
        (b"POST /{secret}/act HTTP/1.1\r\nHost: {host}\r\n{cookie}{json}Content-Length: 99999\r\n\r\n{}", 413),
        (b"POST /{secret}/act HTTP/1.1\r\nHost: {host}\r\n{cookie}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /{secret}/act HTTP/1.1\r\nHost: {host}\r\n{cookie}{json}{tap}Origin: http://evil.example\r\n\r\n", 403),
        (b"POST /{secret}/act HTTP/1.1\r\nHost: {host}\r\n{cookie}{json}{tap}Origin: http://127.0.0.1:9\r\n\r\n", 403),
        (b"POST /{secret}/act HTTP/1.1\r\nHost: {host}\r\n{cookie}{json}{tap}Origin: null\r\n\r\n", 403),
        (b"POST /{secret}/act HTTP/1.1\r\nHost: {host}\r\n{cookie}{json}{tap}Origin: http://[\r\n\r\n", 403),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9\r\nHost: {host}\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
        (b"\xff\xfe / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * (2 * MAX_HEAD_BYTES) + b"\r\n\r\n", 431),
    ],
)
async def test_everything_else_is_refused(raw: bytes, status: int) -> None:
    """Strangers, other names for this address, other paths, other methods, broken and endless requests."""
    async with page() as here:
        await here.open()
        values = {"host": here.host, "secret": SECRET, "cookie": here.cookie, "json": JSON}
        for name, value in (values | {"tap": f"Content-Length: {len(TAP)}\r\n"}).items():
            raw = raw.replace(b"{%s}" % name.encode(), value.encode())
        assert (await here.send(raw + (TAP if b"Origin" in raw else b""))).startswith(f"HTTP/1.1 {status} ")
        assert here.tapped == []


async def test_a_tap_must_be_one() -> None:
    """Unknown acts, more fields, other types, deep nesting: refused, and nothing is done."""
    async with page() as here:
        await here.open()
        for body in (b'{"act":"arm","point":"","number":""}', TAP[:-1] + b',"x":1}', b"[" * 500, b"", TAP[:-3] + b"4}"):
            assert (await here.post(f"/{SECRET}/act", body)).startswith("HTTP/1.1 400")
        assert (await here.post(f"/{SECRET}/act", b"a" * (MAX_BODY_BYTES + 1))).startswith("HTTP/1.1 413")
        assert here.tapped == []


async def test_idle_connections_do_not_keep_the_page_out() -> None:
    """Beyond the limit a connection is closed at once; those that are there are served, and all end with the page."""
    async with page() as here:
        await here.open()
        held = [await asyncio.open_connection("127.0.0.1", here.port) for _ in range(MAX_CONNECTIONS)]
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        assert await reader.read() == b""
        held[0][1].write(f"GET /{SECRET}/view HTTP/1.1\r\nHost: {here.host}\r\n{here.cookie}\r\n".encode())
        assert (await held[0][0].read()).startswith(b"HTTP/1.1 200")
        for _, each in (*held, (reader, writer)):
            each.close()


@given(st.text(max_size=80))
def test_no_cookie_header_is_more_than_text(header: str) -> None:
    """Whatever stands in it, a cookie is read or none, and only the right one is known."""
    door = Door(lambda count: bytes(range(count)))
    right = door.admit(door.token)
    assert right is not None
    assert door.admit(door.token) is None
    assert not door.knows(cookie_of(header, COOKIE)) or right in header
    assert door.knows(cookie_of(f"{header.replace(';', '').replace('=', '')}; bw_walk={right}", COOKIE))
