"""One connection to the bank's enrolment, checked before anything is said over it: the only file that speaks HTTP.

TLS alone proves nothing here: whoever answers is asked for the issuer's certificate, and the pin decides
(`protocol/pinned_channel.py`). A connection that ends is not opened again behind the caller's back: the new one would
be an unchecked one. Flow: enrolling.py, renewing.py -> here -> `provision serve`.
"""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from protocol.enrolment import ISSUER_PATH, MAX_ANSWER_BYTES
from protocol.limits import MAX_CERTIFICATE_BYTES
from protocol.pinned_channel import ChannelError, ChannelFault, PinnedChannel, check_channel
from protocol.pinned_tls import unproven_context
from protocol.texts import SaidError, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

TIMEOUT_S: Final = 20.0
"""For each step: a bundle over the slowest line comes in pieces that are quicker than that."""

ALL_S: Final = 90.0
"""For a whole connection: the enrolment ends its own after a minute. Whoever sends a byte each ten seconds is in the
way on purpose, and would keep other commands out of the box's identity meanwhile."""


class UnreachableError(SaidError):
    """The enrolment cannot be reached now; trying again later may help."""


class StrangerError(SaidError):
    """Somebody answers who is not the bank's enrolment; nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, of the right size."""

    status: int
    body: bytes


class Link:
    """A checked connection. Made by `open_link` only."""

    def __init__(self, connection: http.client.HTTPSConnection, channel: PinnedChannel, address: str) -> None:
        self._connection, self.channel, self._address = connection, channel, address

    def post(self, path: str, body: bytes) -> Reply:
        """Send a body and hear the answer.

        Raises:
            UnreachableError: the connection ended, or the answer is larger than any honest one.
        """
        with _told(self._address):
            self._connection.request("POST", path, body, {"Content-Type": "application/jose"})
            return _reply(self._connection, MAX_ANSWER_BYTES, self._address)


@contextmanager
def open_link(host: str, port: int, pin: bytes, now: datetime, *, all_s: float = ALL_S) -> Iterator[Link]:
    """Connect, ask who it is, and check it; closed at the end.

    Raises:
        UnreachableError: nobody answers there, or not like an enrolment.
        StrangerError: it is not the one that the pin names.
    """
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    context = unproven_context(step_s=TIMEOUT_S, all_s=all_s)
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
    try:
        with _told(address):
            connection.connect()
            connection.auto_open = 0
            shown = connection.sock.getpeercert(binary_form=True)
            connection.request("GET", ISSUER_PATH)
            issuer = _reply(connection, MAX_CERTIFICATE_BYTES, address)
        if issuer.status != http.client.OK:
            raise UnreachableError(N_("{address} answers, but it is no enrolment"), address=address)
        try:
            channel = check_channel(shown or b"", issuer.body, pin, now, slow_clock_ok=True)
        except ChannelError as error:
            raise _stranger(error.fault, address, now) from None
        yield Link(connection, channel, address)
    finally:
        connection.close()


def _reply(connection: http.client.HTTPSConnection, limit: int, address: str) -> Reply:
    response = connection.getresponse()
    body = response.read(limit + 1)
    if len(body) > limit:
        raise UnreachableError(N_("{address} answers with more than any enrolment would say"), address=address)
    return Reply(status=response.status, body=body)


@contextmanager
def _told(address: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError as error:
        raise UnreachableError(
            N_("{address} answers, but not with TLS 1.3 ({reason}); is it the enrolment's address?"),
            address=address,
            reason=error.reason or type(error).__name__,
        ) from None
    except OSError as error:
        raise UnreachableError(
            N_(
                "{address} cannot be reached: {reason}. Next step: check cable and router, and ask the bank whether "
                "its enrolment runs at this address"
            ),
            address=address,
            reason=system_said(error),
        ) from None
    except http.client.HTTPException as error:
        raise UnreachableError(
            N_("{address} ended the connection ({reason})"), address=address, reason=type(error).__name__
        ) from None


def _stranger(fault: ChannelFault, address: str, now: datetime) -> SaidError:
    if fault is ChannelFault.ENDED:
        return StrangerError(
            N_(
                "the certificate that {address} shows has ended by this box's clock, which reads {now}. Nothing was "
                "sent. Next step: set the clock; if it is right, ask the bank"
            ),
            address=address,
            now=f"{now:%Y-%m-%d %H:%M} UTC",
        )
    return StrangerError(
        N_(
            "{address} is not the bank's enrolment: its key is not the one that was promised ({fault}). Nothing was "
            "sent. Next step: check the address; if it is right, tell the bank that somebody stands in between"
        ),
        address=address,
        fault=fault.value,
    )
