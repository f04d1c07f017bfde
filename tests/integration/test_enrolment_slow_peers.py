"""Whoever stands before the enrolment and lets one byte through after the other holds up neither a box nor the centre.

Each byte comes well within the patience of one step; what ends is the whole connection.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agent.enrolment_link import UnreachableError, open_link
from collector.enrolment import EnrolmentAddress, EnrolmentUnreadError, fetch
from collector.keys import Keys
from protocol.certificates import Issuer, Role, kid_of
from protocol.envelope import Sealer
from protocol.pinned_channel import pin_of
from provisioning.authority import Authority
from provisioning.enrolment.serving import show_certificate
from tests.ledgers import der_chain, trust_of

ALL_S = 0.5
EACH_S = 0.02

AUTHORITY = Authority.create(now=datetime.now(UTC))
BOXES = AUTHORITY.issuers[Issuer.BOXES]
ISSUER = BOXES.certificate.public_bytes(Encoding.DER)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ISSUER) + ISSUER


@contextmanager
def trickling() -> Iterator[tuple[int, bytearray]]:
    """The enrolment itself, as it looks through a line that lets fifty bytes a second through.

    Yields its port and what has come through so far.
    """
    through = bytearray()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    show_certificate(context, BOXES, datetime.now(UTC))
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with suppress(OSError):
                raw, _ = listener.accept()
                with raw, context.wrap_socket(raw, server_side=True) as peer:
                    while not peer.recv(4096).endswith(b"\r\n\r\n"):
                        pass
                    for byte in ANSWER:
                        if over.wait(EACH_S):
                            return
                        peer.sendall(bytes([byte]))
                        through.append(byte)
                    over.wait()

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield int(listener.getsockname()[1]), through
        finally:
            over.set()
            thread.join()


def test_a_box_gives_a_slow_enrolment_up() -> None:
    """`agent renew` holds the box's identity while it asks: not for hours."""
    pin, now = pin_of(BOXES.certificate), datetime.now(UTC)
    with trickling() as (port, through):
        with pytest.raises(UnreachableError), open_link("127.0.0.1", port, pin, now, all_s=ALL_S):
            pass
        assert 0 < len(through) < len(ANSWER)


def test_the_centre_gives_a_slow_enrolment_up() -> None:
    """Health would go on saying that the record is read."""
    collector = AUTHORITY.issue(Role.COLLECTOR, "centre-1", now=datetime.now(UTC))
    keys = Keys(
        trust=trust_of(AUTHORITY),
        root=AUTHORITY.root.certificate,
        sealer=Sealer(collector.private_key, kid_of(collector.certificate)),
        chain=der_chain(AUTHORITY, collector.certificate),
    )
    with trickling() as (port, through):
        with pytest.raises(EnrolmentUnreadError, match="cannot be reached"):
            fetch(EnrolmentAddress(host="127.0.0.1", port=port), keys, 0, datetime.now(UTC), all_s=ALL_S)
        assert 0 < len(through) < len(ANSWER)
