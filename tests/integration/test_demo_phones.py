"""The demo's telephones: a gateway that checks whoever posts, a page that shows, replies that are signed."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest

from protocol.texts import texts_for
from simulator.phone_gateway import PhoneGateway
from simulator.phones import Phones
from simulator.standard_webhooks import holds, new_secret, signed

SECRET = new_secret(b"k" * 32)
MESSAGE = {
    "id": "n-1",
    "to": "leader-1",
    "text": "Alarm 7, level I",
    "level": 1,
    "link": "http://localhost:1/n/abc",
    "code": "123456",
}


@pytest.fixture
def centre() -> Iterator[tuple[str, list[tuple[str, bool]]]]:
    """A centre that notes each reply, and whether its signature holds."""
    heard: list[tuple[str, bool]] = []

    class Centre(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard.append((f"{self.path} {body.decode()}", holds(SECRET, headers, int(time.time()), body)))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Centre)
    thread = Thread(target=lambda: server.serve_forever(0.05))
    thread.start()
    yield f"http://localhost:{server.server_port}", heard
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def gateway(free_port: Callable[[], int], centre: tuple[str, list[tuple[str, bool]]]) -> Iterator[PhoneGateway]:
    """Two telephones."""
    phones = Phones({"leader-1": "Shift leader", "director-1": "Director"})
    with PhoneGateway(
        phones, port=free_port(), secret=SECRET, console=centre[0], say=texts_for("en"), language="en"
    ) as each:
        yield each


def ask(
    gateway: PhoneGateway, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """Status and text of an answer."""
    connection = http.client.HTTPConnection(urlsplit(gateway.address).netloc, timeout=5)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def send(gateway: PhoneGateway, told: dict[str, object], secret: str = SECRET, at: int | None = None) -> int:
    """Post a message as the centre does."""
    body = json.dumps(told).encode()
    headers = dict(signed(secret, str(told["id"]), at or int(time.time()), body))
    return ask(gateway, "POST", "/send/sms", body, headers)[0]


def test_a_message_lands_on_its_telephone_once(gateway: PhoneGateway) -> None:
    """Sent twice under one id it is there once; the page has it, and names every owner."""
    assert send(gateway, MESSAGE) == 204
    assert send(gateway, MESSAGE) == 204
    status, text = ask(gateway, "GET", "/phones.json")
    shown = {phone["id"]: phone["messages"] for phone in json.loads(text)["phones"]}
    assert status == 200
    assert [message["text"] for message in shown["leader-1"]] == ["Alarm 7, level I"]
    assert shown["director-1"] == []
    assert "Telephones of the demo" in ask(gateway, "GET", "/phones")[1]


@pytest.mark.parametrize("wrong", ["secret", "time", "body", "none"])
def test_a_stranger_puts_nothing_on_a_telephone(wrong: str, gateway: PhoneGateway) -> None:
    """Another secret, an old time, a changed body or no signature: refused, and nothing arrives."""
    body = json.dumps(MESSAGE).encode()
    secret, at = (new_secret(b"x" * 32) if wrong == "secret" else SECRET), int(time.time())
    headers = dict(signed(secret, "n-1", at - 3600 if wrong == "time" else at, body))
    sent = body.replace(b"Alarm 7", b"Alarm 8") if wrong == "body" else body
    assert ask(gateway, "POST", "/send/sms", sent, {} if wrong == "none" else headers)[0] == 401
    assert gateway.phones.of("leader-1") == ()


def test_a_link_elsewhere_is_no_link(gateway: PhoneGateway, centre: tuple[str, list[tuple[str, bool]]]) -> None:
    """Only addresses of the centre can be clicked on the page."""
    send(gateway, MESSAGE)
    send(gateway, {**MESSAGE, "id": "n-2", "link": f"{centre[0]}/n/abc"})
    assert [message.link for message in gateway.phones.of("leader-1")] == [f"{centre[0]}/n/abc", ""]


def test_a_reply_goes_back_signed(gateway: PhoneGateway, centre: tuple[str, list[tuple[str, bool]]]) -> None:
    """The page's button sends the code as a reply from that telephone, under the channel's secret."""
    send(gateway, MESSAGE)
    reply = json.dumps({"id": "n-1"}).encode()
    assert ask(gateway, "POST", "/reply", reply, {"Content-Type": "application/json"})[0] == 204
    ((told, held),) = centre[1]
    assert held
    assert told.startswith("/api/v1/gateways/sms ")
    assert "123456" in told
    assert "leader-1" in told
    assert gateway.phones.of("leader-1")[0].answered == "reply"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/reply", b'{"id": "n-9"}', {"Content-Type": "application/json"}, 404),
        ("/reply", b'{"id": "n-1"}', {"Content-Type": "application/json", "Host": "evil.example:80"}, 404),
        ("/reply", b'{"id": "n-1"}', {"Content-Type": "text/plain"}, 404),
        ("/reply", b"not json", {"Content-Type": "application/json"}, 400),
        ("/elsewhere", b"", {}, 404),
        ("/send/sms", b"", {"Content-Length": "9999999"}, 413),
    ],
)
def test_what_a_foreign_page_asks_is_refused(
    path: str, body: bytes, headers: dict[str, str], status: int, gateway: PhoneGateway
) -> None:
    """An unknown message, another host's name, a form's content type, no JSON, too much: a status and nothing else."""
    send(gateway, MESSAGE)
    assert ask(gateway, "POST", path, body, headers)[0] == status
    assert gateway.phones.of("leader-1")[0].answered == ""
