"""The demo's view of the centre: what it tells is in the language of whoever reads the terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from simulator.console import Console


class _Remembering(BaseHTTPRequestHandler):
    asked: tuple[str | None, str | None] = (None, None)

    def do_GET(self) -> None:
        """Remember who asks, and in which language."""
        type(self).asked = (self.headers["Authorization"], self.headers["Accept-Language"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"items": []}')

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """An HTTP server on loopback; gives its address."""
    with HTTPServer(("127.0.0.1", 0), _Remembering) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


async def test_the_demo_asks_in_the_readers_language(server: str) -> None:
    """Titles come in the terminal's language, whatever the desk's operator reads."""
    assert await Console(server, "secret", "en").get("/api/v1/alarms") == {"items": []}
    assert _Remembering.asked == ("Bearer secret", "en")
