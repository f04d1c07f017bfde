"""The approve page's server over real sockets: who may come in, what is refused, when it ends."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import os
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ordering.asking import MAX_ANSWER_BYTES, Console
from ordering.page_serving import MAX_BODY_BYTES, listen, serve
from ordering.page_steps import AnswerBodyError, Step
from ordering.refusal import InputError, RefusedError, UnreachedError
from ordering.settings import Access
from protocol.texts import Texts, said


@dataclass
class Paper:
    """A purpose on paper: remembers what it was answered, ends when it is told so."""

    answers: list[bytes] = field(default_factory=list)

    def view(self, texts: Texts) -> dict[str, Any]:
        return {"title": texts("Approve an order")}

    def answered(self, body: bytes) -> Step:
        if b"nonsense" in body:
            raise AnswerBodyError
        self.answers.append(body)
        return Step(text=said("Not approved. Nothing was signed."), ended=b"end" in body)

    def declined(self) -> Step:
        return Step(text=said("Not approved. Nothing was signed."), ended=True)


@dataclass
class Open:
    """A page that is served."""

    address: str
    paper: Paper
    client: httpx.AsyncClient
    ended: asyncio.Task[bool]

    async def enter(self) -> None:
        assert (await self.client.get(self.address)).status_code == 200

    async def post(self, what: str, body: bytes, **headers: str) -> httpx.Response:
        sent = {"Content-Type": "application/json", **headers}
        return await self.client.post(self.address + what, content=body, headers=sent)


@asynccontextmanager
async def _page(port: int, life_s: float = 30.0) -> AsyncIterator[Open]:
    paper = Paper()
    told: asyncio.Queue[str] = asyncio.Queue()
    listeners = listen(port)
    serving = asyncio.create_task(serve(paper, listeners, os.urandom, told.put_nowait, life_s))
    async with httpx.AsyncClient(trust_env=False) as client:
        page = Open(await told.get(), paper, client, serving)
        try:
            yield page
            if not serving.done():
                await page.enter() if not client.cookies else None
                await page.post("decline", b'{"lang":"en"}')
        finally:
            await serving
            for each in listeners:
                each.close()


async def test_the_first_who_opens_the_address_sees_it_and_nobody_else(free_port: Callable[[], int]) -> None:
    """A cookie for this path alone, unseen by scripts; whoever comes later with the address is refused in words."""
    async with _page(free_port()) as page:
        async with httpx.AsyncClient() as other:
            guessed = page.address.rstrip("/")[:-4] + "zzzz/"
            assert (await other.get(guessed)).status_code == 403
            assert (await other.get(page.address + "view")).status_code == 403
            await page.enter()
            refused = await other.get(page.address)
            assert refused.status_code == 403
            assert "opened it already" in refused.text
            assert "已被另一个浏览器打开" in refused.text
            assert (await other.post(page.address + "decline", json={})).status_code == 403
        again = await page.client.get(page.address + "view?lang=zh-CN")
        assert again.json() == {"language": "zh-CN", "title": "批准指令"}
        assert (await page.client.get(page.address + "view?lang=fr")).json()["language"] == "en"
        (cookie,) = page.client.cookies.jar
        assert page.address.endswith(cookie.path)
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert (await page.client.get(page.address + "nothing")).status_code == 404


async def test_every_answer_is_shut_in(free_port: Callable[[], int]) -> None:
    """Nothing foreign is loaded, nothing frames it, nothing is kept."""
    async with _page(free_port()) as page:
        for path in ("", "page.css", "page.js", "view"):
            answer = await page.client.get(page.address + path)
            assert answer.status_code == 200
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none';")
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["Cache-Control"] == "no-store"
            assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:{port}"}, 421),
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
async def test_another_page_cannot_answer(headers: dict[str, str], status: int, free_port: Callable[[], int]) -> None:
    """A rebound name, another origin, a form: refused, though the browser sends its cookie along."""
    port = free_port()
    async with _page(port) as page:
        await page.enter()
        sent = {name: value.format(port=port) for name, value in headers.items()}
        assert (await page.post("answer", b'{"lang":"en"}', **sent)).status_code == status
        assert page.paper.answers == []


async def test_a_body_that_no_page_sends(free_port: Callable[[], int]) -> None:
    """Too large, no JSON, not of the form: refused, and the page goes on."""
    async with _page(free_port()) as page:
        await page.enter()
        assert (await page.post("answer", b" " * (MAX_BODY_BYTES + 1))).status_code == 413
        assert (await page.post("answer", b"{")).status_code == 400
        assert (await page.post("answer", b'{"nonsense":1}')).status_code == 400
        assert (await page.post("answer", b'{"lang":"zh-CN"}')).json() == {
            "text": "未批准。没有签署任何内容。",
            "done": False,
            "ended": False,
        }


async def test_it_ends_with_its_purpose_or_its_time(free_port: Callable[[], int]) -> None:
    """The last answer still arrives; then nobody listens. Without an answer the time ends it."""
    port = free_port()
    async with _page(port) as page:
        await page.enter()
        assert (await page.post("answer", b'{"lang":"en","end":1}')).json()["ended"] is True
        assert await page.ended is True
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    async with _page(free_port(), life_s=0.01) as page:
        assert await page.ended is False


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_a_port_that_another_has_is_told(host: str, family: int, free_port: Callable[[], int]) -> None:
    """On either loopback address: whoever had one could show another page under our name."""
    port = free_port()
    with socket.socket(family) as other:
        other.bind((host, port))
        other.listen()
        with pytest.raises(InputError, match="--port N"):
            listen(port)
    for each in listen(port):
        each.close()


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.endswith("/orders"):
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/stolen")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        if self.path.endswith("/packed"):
            packed = gzip.compress(bytes(64 * 1024 * 1024))
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)
            return
        self.end_headers()
        try:
            for _ in range(MAX_ANSWER_BYTES // 65_536 + 64):
                self.wfile.write(b" " * 65_536)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def https(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server under a certificate of its own, and that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    ca, both = tmp_path / "ca.pem", tmp_path / "both.pem"
    ca.write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both.write_bytes(pem + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", ca
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_centre_whose_certificate_nobody_vouches_for_gets_no_token(https: tuple[str, Path]) -> None:
    """The system does not know its authority: not reached, and the sentence names --ca."""
    address, _ = https
    with Console(Access(address=address, token="t"), "en") as console, pytest.raises(UnreachedError, match="--ca"):
        console.orders()


def test_the_banks_own_authority_counts_and_what_it_answers_has_limits(https: tuple[str, Path]) -> None:
    """With --ca it is asked; a redirect carries no token on, an endless answer is cut off."""
    address, ca = https
    with Console(Access(address=address, token="t", ca=ca), "en") as console:
        with pytest.raises(RefusedError, match="HTTP 302"):
            console.orders()
        with pytest.raises(RefusedError, match="bytes"):
            console.order("x")
        with pytest.raises(RefusedError, match="Content-Encoding"):  # a small one becomes gigabytes in one step
            console.order("packed")
    seconds = itertools.count(step=25.0)
    with (
        Console(Access(address=address, token="t", ca=ca), "en", lambda: next(seconds)) as console,
        pytest.raises(UnreachedError, match="no answer"),  # however slowly it drips
    ):
        console.order("x")


def test_what_is_no_authority_is_told(tmp_path: Path) -> None:
    """A --ca that is missing or no certificate is an input that is wrong."""
    for name, content in (("empty.pem", b""), ("junk.pem", b"junk"), ("gone.pem", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            Console(Access(address="https://127.0.0.1", token="t", ca=tmp_path / name), "en")
