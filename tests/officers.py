"""The person's own machine before a real console: served on a socket, with key files, and a centre that may lie.

The world's box is of paper: what a test has it say, it says. `answers` stands between the console and the socket: it
may change what the console answers, as somebody who has taken the centre over could.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import branchwatch
from collector.orders.posting import OrderPost
from protocol.envelope import decode_base64url, encode_base64url
from protocol.messages import Approval, Order
from protocol.orders import split_order
from tests.browser.served import Served
from tests.bundles import key
from tests.orders import KEYS, OrderWorld

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
Lie = Callable[[dict[str, Any]], None]


class Tampered:
    """The console as its taker has it answer: each JSON object of an order goes through `lie` first."""

    def __init__(self, honest: App) -> None:
        self.honest = honest
        self.lie: Lie | None = None

    async def __call__(self, scope: Message, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        if scope["type"] != "http" or self.lie is None or "/orders" not in scope["path"]:
            await self.honest(scope, receive, send)
            return
        begun: Message = {}
        body = b""

        async def change(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                begun.update(message)
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            told = msgspec.json.decode(body)
            assert self.lie is not None
            self.lie(told)
            changed = msgspec.json.encode(told)
            headers = [pair for pair in begun["headers"] if pair[0].lower() != b"content-length"]
            await send({**begun, "headers": [*headers, (b"content-length", str(len(changed)).encode())]})
            await send({"type": "http.response.body", "body": changed})

        await self.honest(scope, receive, change)


@dataclass
class Officer:
    """A person at his own machine."""

    world: OrderWorld
    served: Served
    tampered: Tampered
    folder: Path

    def key_file(self, person: str) -> Path:
        """His key file, unlocked."""
        path = self.folder / f"{person}.pem"
        if not path.exists():
            pem = key(KEYS[person]).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            path.touch(0o600)
            path.write_bytes(pem)
        return path

    def types(self, *words: str, who: str = "zhao") -> int:
        """Type `branchwatch order ...` as somebody; the exit code."""
        token = self.folder / f"{who}.token"
        token.write_text(f"token-{who}\n")
        access = ["--console", self.served.address, "--token-file", str(token)]
        return branchwatch.main(["order", *words, *access])

    def sent(self) -> list[tuple[bytes, tuple[Approval, ...]]]:
        """What went down to the box: each order's exact line, and its approvals."""
        posts = self.world.outgoing.take()
        return [split_order(post.payload) for post in posts if isinstance(post, OrderPost)]


def rewritten(told: dict[str, Any], **fields: Any) -> None:
    """The answer's line with other fields in it: what a taken centre would have people sign."""
    line = msgspec.json.decode(decode_base64url(told["line"].encode()))
    line.update(fields)
    told["line"] = encode_base64url(msgspec.json.encode(line)).decode()


def line_of(order: Order) -> str:
    """An order as an answer carries it."""
    return encode_base64url(msgspec.json.encode(order)).decode()


def orders_in(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What was printed, and what was said beside it."""
    seen = capsys.readouterr()
    return seen.out, seen.err
