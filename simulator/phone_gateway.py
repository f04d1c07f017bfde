"""The demo's telephone company: an SMS and voice gateway on loopback, and a page that shows everybody's telephone.

What the centre posts to a channel lands on a telephone; what somebody answers there goes back to the centre as a
gateway's reply. Signatures both ways as docs/alarms.md 7 has them. Shell only. Flow: centre -> here -> phones.py.
"""

import http.client
import json
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Thread, Timer
from typing import Any, Final, Self
from urllib.parse import urlsplit

from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.demo_rules import VOICE
from simulator.phones import Arrived, Phones
from simulator.standard_webhooks import holds, signed

HOST: Final = "localhost"
MAX_BYTES: Final = 64 * 1024
"""One message; a text and a link take some 2 KiB."""
TIMEOUT_S: Final = 5.0
POLL_S: Final = 0.05
"""How soon it notices that it is to end."""
RECEIPT_S: Final = 0.5
SHOWN: Final = 2_000
"""Characters of one text on a telephone."""
_WORDS: Final = {
    "title": N_("Telephones of the demo"),
    "what": N_("What the centre sends to people's telephones. A link opens a page with a button; a code is replied."),
    "none": N_("nothing yet"),
    "call": N_("call"),
    "sms": N_("text message"),
    "reply": N_("reply"),
    "replied": N_("replied"),
    "refused": N_("refused"),
}


class PhoneGateway:
    """Listens from `__enter__` to `__exit__`. `secret` is that of every channel; `console` is where replies go."""

    def __init__(self, phones: Phones, *, port: int, secret: str, console: str, say: Texts, language: str) -> None:
        self.phones, self.secret, self.say, self.language = phones, secret, say, language
        self.console = urlsplit(console)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.address = f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = Thread(target=lambda: self._server.serve_forever(POLL_S), name="telephones", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply(self, message: Arrived) -> bool:
        """Send a reply with the message's code to the centre, as the gateway of its channel; whether it was taken."""
        took = self._post(message.channel, {"type": "reply", "from": message.to, "text": message.code})
        if took:
            self.phones.answered(message.id, "reply")
        return took

    def receipt(self, message: Arrived) -> None:
        """Tell the centre that it arrived, a moment later, as gateways do."""
        told = {"type": "receipt", "id": message.id, "state": "delivered"}
        later = Timer(RECEIPT_S, lambda: self._post(message.channel, told))
        later.daemon = True
        later.start()

    def _post(self, channel: str, told: Mapping[str, str]) -> bool:
        body = json.dumps(told).encode()
        headers = signed(self.secret, secrets.token_hex(16), int(time.time()), body)
        connection = http.client.HTTPConnection(self.console.netloc, timeout=TIMEOUT_S)
        try:
            connection.request(
                "POST", f"/api/v1/gateways/{channel}", body, {**headers, "Content-Type": "application/json"}
            )
            return connection.getresponse().status < HTTPStatus.BAD_REQUEST
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def page(self) -> bytes:
        """The page, in the demo's language."""
        nonce = secrets.token_urlsafe(12)
        text = files("simulator").joinpath("phones_page.html").read_text(encoding="utf-8")
        words = {name: escape(self.say(each)) for name, each in _WORDS.items()}
        return text.format(nonce=nonce, lang=self.language, **words).encode()


def arrived(channel: str, body: Mapping[str, Any], console: str, now: datetime) -> Arrived:
    """What a gateway makes of a message of the centre; a link that leads elsewhere is none."""
    link = str(body.get("link") or "")
    return Arrived(
        id=str(body["id"])[:64],
        to=str(body["to"])[:64],
        channel=channel,
        at=f"{now:%H:%M:%S}",
        text=str(body["voice" if channel == VOICE else "text"])[:SHOWN],
        level=int(body.get("level") or 0),
        number=int(body.get("number") or 0),
        link=link if link.startswith(console) else "",
        code=str(body.get("code") or "")[:12],
    )


def _handler(gateway: PhoneGateway) -> type[BaseHTTPRequestHandler]:
    routes: Mapping[str, tuple[str, Callable[[], bytes]]] = {
        "/phones": ("text/html; charset=utf-8", gateway.page),
        "/phones.json": ("application/json", lambda: json.dumps(gateway.phones.shown(), ensure_ascii=False).encode()),
    }

    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT_S
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = routes.get(self.path.partition("?")[0])
            if found is None or not self._is_ours():
                return self._answer(HTTPStatus.NOT_FOUND)
            return self._answer(HTTPStatus.OK, found[1](), found[0])

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdigit() or int(length[:9]) > MAX_BYTES:
                self.close_connection = True
                return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            body = self.rfile.read(int(length))
            try:
                return self._answer(self._take(self.path, body))
            except (ValueError, KeyError, TypeError):
                return self._answer(HTTPStatus.BAD_REQUEST)

        def _take(self, path: str, body: bytes) -> HTTPStatus:
            if path == "/reply" and self._is_ours() and self.headers.get("Content-Type") == "application/json":
                message = gateway.phones.find(str(json.loads(body)["id"]))
                if message is None or not message.code:
                    return HTTPStatus.NOT_FOUND
                return HTTPStatus.NO_CONTENT if gateway.reply(message) else HTTPStatus.BAD_GATEWAY
            kind, _, channel = path.lstrip("/").partition("/")
            if kind != "send" or not channel.isalnum():
                return HTTPStatus.NOT_FOUND
            headers = {name.lower(): value for name, value in self.headers.items()}
            if not holds(gateway.secret, headers, int(time.time()), body):
                return HTTPStatus.UNAUTHORIZED
            now = datetime.now().astimezone()
            message = arrived(channel, json.loads(body), gateway.console.geturl(), now)
            if gateway.phones.take(message):
                gateway.receipt(message)
            return HTTPStatus.NO_CONTENT

        def _is_ours(self) -> bool:
            """Asked for by the name of this machine: other pages cannot reach it by a name of theirs."""
            host = (self.headers.get("Host") or "").rpartition(":")[0]
            return host in {HOST, "127.0.0.1"} and self.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}

        def _answer(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> None:
            self.send_response_only(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the terminal is the demo's."""

    return Handler
