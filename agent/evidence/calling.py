"""One connection to the centre's server for pictures: HTTPS, blocking, used by one thread; `abort` from any.

Everything that comes back has a limit. It decides nothing: an answer goes up as it came. Flow: uploading.py -> here.
"""

import http.client
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from protocol.uploads import MAX_RETRY_S, UPLOAD_PATH, UploadError, content_range, read_have, read_retry_after

CONNECT_S: Final = 5.0
CALL_S: Final = 20.0
"""Without a byte moving; a whole call is watched by uploading.py."""

MAX_ANSWER_BYTES: Final = 4096
"""Ours have 20."""

EVIDENCE_PORT: Final = 8884


class CallError(Exception):
    """There was no answer: the line is down, the peer is none of ours, or it does not speak HTTP."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the centre said."""

    status: int
    have: int | None = None
    retry_s: int | None = None


class Connection:
    """One connection; make another when it is over."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        self._http = http.client.HTTPSConnection(host, port, timeout=CONNECT_S, context=context)
        self._aborted = False

    def have(self, slot: str, authorization: str) -> Answer:
        """How much of this slot is there.

        Raises:
            CallError: no answer; the connection is over.
        """
        return self._call("GET", slot, {"Authorization": authorization}, None)

    def put(self, slot: str, authorization: str, first: int, total: int, data: bytes, media_type: str) -> Answer:
        """Give a piece.

        Raises:
            CallError: no answer; the connection is over.
        """
        headers = {
            "Authorization": authorization,
            "Content-Range": content_range(first, len(data), total),
            "Content-Type": media_type,
        }
        return self._call("PUT", slot, headers, data)

    def abort(self) -> None:
        """End it now, whatever it waits for; from any thread."""
        self._aborted = True
        sock = self._http.sock
        if sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """End it."""
        self._http.close()

    def _call(self, method: str, slot: str, headers: dict[str, str], body: bytes | None) -> Answer:
        try:
            return self._ask(method, UPLOAD_PATH + slot, headers, body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._http.close()
            raise CallError(str(error) or type(error).__name__) from None
        except CallError:
            self._http.close()
            raise
        finally:
            if self._aborted:  # nobody else closes it
                self._http.close()

    def _connect(self) -> None:
        self._http.connect()
        self._http.sock.settimeout(CALL_S)
        self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        if self._http.sock is None:
            self._connect()
        if self._aborted:
            raise CallError("given up")
        self._http.request(method, path, body, headers)
        response = self._http.getresponse()
        data = response.read(MAX_ANSWER_BYTES + 1)
        if len(data) > MAX_ANSWER_BYTES:
            raise CallError("an answer without end")
        if response.will_close:
            self._http.close()
        return _answer(response.status, data, response.getheader("Retry-After"))


def _answer(status: int, data: bytes, retry_after: str | None) -> Answer:
    have = None
    if status in (200, 201, 409):
        with suppress(UploadError):
            have = read_have(data)
    retry = read_retry_after(retry_after, -1)
    return Answer(status=status, have=have, retry_s=min(retry, MAX_RETRY_S) if retry >= 0 else None)
