"""As much of HTTP/1.1 as a camera speaks: one request after another on a connection, bodies with a length.

Bounded in everything a peer sends. It knows no SOAP. Flow: any client -> here -> `onvif.py` answers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from simulator.cameras.listener import Listener, TooMuchError

MAX_LINE: Final = 8 * 1024
MAX_LINES: Final = 64
MAX_BODY: Final = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Response:
    """What is answered."""

    status: int = 200
    media_type: str = "application/soap+xml; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class HttpServer(Listener):
    """Answers with whatever `answer` says; use `start` and `stop`."""

    def __init__(self, answer: Callable[[Request], Awaitable[Response]], host: str, port: int) -> None:
        super().__init__(self._talk, host, port, max_line=MAX_LINE)
        self._answer = answer

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await _read(reader)) is not None:
            response = await self._answer(request)
            writer.write(_head(response) + response.body)
            await writer.drain()
            if request.headers.get("connection", "").lower() == "close":
                break
        writer.close()
        await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    first = await _line(reader)
    if not first:
        return None
    method, path, _ = first.split()
    headers: dict[str, str] = {}
    for _ in range(MAX_LINES):
        if not (line := await _line(reader)):
            break
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    else:
        raise TooMuchError
    body = await _chunks(reader) if "chunked" in headers.get("transfer-encoding", "") else await _body(reader, headers)
    return Request(method=method.upper(), path=path, headers=headers, body=body)


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= MAX_BODY:
        raise TooMuchError
    return await reader.readexactly(length)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await _line(reader)).split(";")[0], 16):
        if size < 0 or len(body) + size > MAX_BODY:
            raise TooMuchError
        body += await reader.readexactly(size)
        await _line(reader)
    await _line(reader)
    return body


async def _line(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\n")).decode("utf-8", "replace").strip()
    except asyncio.LimitOverrunError:
        raise TooMuchError from None
    except asyncio.IncompleteReadError:
        return ""


def _head(response: Response) -> bytes:
    status = HTTPStatus(response.status)
    headers = {
        **response.headers,
        "Content-Type": response.media_type,
        "Content-Length": str(len(response.body)),
        "Connection": "keep-alive",
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, "", "")).encode()
