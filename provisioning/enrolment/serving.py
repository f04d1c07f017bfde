"""The enrolment as a process: TLS, connections and their limits, systemd, its end. Only this file knows uvicorn here.

The server's own key never touches a disk: OpenSSL reads it from memory. Every connection ends by itself, so that nobody
holds the door by being slow. Flow: `provision serve` -> here -> web.py.
"""

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from uvicorn.protocols.http.h11_impl import H11Protocol

from protocol.systemd import notify, watchdog_interval
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning.authority import new_key
from provisioning.enrolment.auditing import require_whole
from provisioning.enrolment.book import open_book
from provisioning.enrolment.channel import channel_certificate
from provisioning.enrolment.desk import Desk
from provisioning.enrolment.folder import Enrolment
from provisioning.enrolment.web import create_app
from provisioning.issuing import Credential
from provisioning.refusal import RefusedError

LOG: Final = logging.getLogger("branchwatch.enrolment")

CONNECTION_S: Final = 60.0
"""A bundle of 512 KiB over the slowest line takes half of that."""

IDLE_S: Final = 20
"""Between the requests of one connection."""

MAX_CONNECTIONS: Final = 256
"""At once; whoever comes then is told to come again."""

MAX_OF_ONE: Final = 64
"""Of them from one address, so that one machine cannot take all; many boxes may come from behind one router."""

END_S: Final = 5
PATIENCE_S: Final = 5.0
"""For the record, while a command holds it."""

CHANNEL_AGAIN_S: Final = 24 * 3600.0
TICK_S: Final = 1.0


class ListenError(RefusedError):
    """The enrolment cannot listen where it should; the message says why."""


class _Brief(H11Protocol):
    """A connection that ends by itself, and at once where its address has too many."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._end = self.loop.call_later(CONNECTION_S, transport.abort)
        if sum(_address(each) == _address(self) for each in self.connections) > MAX_OF_ONE:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()
        super().connection_lost(exc)


def _address(connection: object) -> str:
    """Who is at the other end: of an IPv6 address its network, for one machine has all of it."""
    client = getattr(connection, "client", None)
    return ip_address(client[0]).exploded[:19] if client else ""


class _Server(uvicorn.Server):
    """A web server that leaves signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def serve(enrolment: Enrolment, host: str, port: int) -> None:
    """Answer until SIGTERM or SIGINT.

    Raises:
        ListenError: the address is taken or not ours.
        RefusedError: the folder cannot be worked with.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    require_whole(enrolment.folder)
    with open_book(enrolment.folder, PATIENCE_S) as book:
        with book.turn():
            pass  # what a crash left behind is made good
        asyncio.run(_serve(Desk(enrolment, book), enrolment.issuer, _listen(host, port)))


async def _serve(desk: Desk, issuer: Credential, listener: socket.socket) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    show_certificate(context, issuer, datetime.now(UTC))
    server = _Server(
        uvicorn.Config(
            create_app(desk),
            http=_Brief,
            ssl_context_factory=lambda _config, _default: context,
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=END_S,
            lifespan="off",
            ws="none",
        )
    )
    host, port = listener.getsockname()[:2]
    LOG.info("enrolling boxes at %s", f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    if desk.is_list_old():
        LOG.warning("the revocation list has ended; bring a new crls.pem from the authority")
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="serving")
    until = asyncio.create_task(ending.wait(), name="until the end")
    telling = asyncio.create_task(_tell(server), name="systemd")
    fresh = asyncio.create_task(_stay_fresh(context, issuer), name="certificate")
    await asyncio.wait([serving, until], return_when=asyncio.FIRST_COMPLETED)
    for task in (until, telling, fresh):
        task.cancel()
    notify("STOPPING=1")
    server.should_exit = True
    await serving


def show_certificate(context: ssl.SSLContext, issuer: Credential, now: datetime) -> None:
    """From now on the context shows a new certificate, of a new key."""
    key = new_key()
    certificate = channel_certificate(
        key.public_key(), issuer=issuer, serial=x509.random_serial_number(), now=now
    ).public_bytes(Encoding.PEM)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.memfd_create("channel", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, pem + certificate)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


async def _stay_fresh(context: ssl.SSLContext, issuer: Credential) -> None:
    while True:
        await asyncio.sleep(CHANNEL_AGAIN_S)
        show_certificate(context, issuer, datetime.now(UTC))


async def _tell(server: uvicorn.Server) -> None:
    """Ready once connections are taken, alive as long as this loop turns."""
    watchdog = watchdog_interval()
    ready = False
    while True:
        if not ready and server.started:
            ready = notify("READY=1\nSTATUS=enrolling")
        elif ready and watchdog:
            notify("WATCHDOG=1")
        await asyncio.sleep(min(TICK_S, watchdog.total_seconds()) if watchdog else TICK_S)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ListenError(
            N_("the enrolment cannot listen on {address}: {reason}"),
            address=f"{host}:{port}",
            reason=system_said(error),
        ) from None
