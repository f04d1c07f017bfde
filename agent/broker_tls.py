"""TLS to the centre's servers: the box's own certificate, the pinned root, the server's name, and its role.

The broker is one; what takes pictures (agent/evidence/) is the other, and shows a certificate of the same role.

OpenSSL checks chain, purpose, name and dates; the handshake fails unless the certificate also says role `broker`. While
the clock is suspect the dates alone are not judged (WIRE 3.7): a box with a dead battery must be able to be told the
time.
"""

import ssl
from typing import Any, Final

from agent.identity import BoxIdentity
from agent.keystore import KeyStoreError
from agent.mqtt_frames import AT_ONCE_BYTES, Frames
from protocol.certificates import ROLE_URI, Role

X509_V_FLAG_NO_CHECK_TIME: Final = 0x200000
"""openssl/x509_vfy.h; Python names the flag only in its documentation of the constants it takes through."""


class _CentreSocket(ssl.SSLSocket):
    """A connection that is only up if the other side has the role of a broker."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands, then look at the role.

        Raises:
            ssl.SSLCertVerificationError: the peer is somebody else.
        """
        super().do_handshake(block)
        if not is_broker(self.getpeercert()):
            raise ssl.SSLCertVerificationError("the certificate at this address is not a broker's")


class _BrokerSocket(_CentreSocket):
    """And only while it sends what a broker would."""

    _frames: Frames | None = None

    def do_handshake(self, block: bool = False) -> None:
        """As above; then packets begin."""
        super().do_handshake(block)
        self._frames = Frames()

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Some of what came, of packets that are not too large.

        Raises:
            OSError: the peer announces one that no honest broker sends.
        """
        data = super().recv(min(buflen, AT_ONCE_BYTES), flags)
        if self._frames is not None:
            self._frames.feed(data)
        return data


def broker_context(identity: BoxIdentity, *, check_dates: bool) -> ssl.SSLContext:
    """A context for one connection to a broker.

    Raises:
        OSError: a file is gone or damaged since the start.
    """
    return _context(identity, _BrokerSocket, check_dates=check_dates)


def evidence_context(identity: BoxIdentity, *, check_dates: bool) -> ssl.SSLContext:
    """A context for one connection to the server that takes pictures.

    Raises:
        OSError: a file is gone or damaged since the start.
    """
    return _context(identity, _CentreSocket, check_dates=check_dates)


def _context(identity: BoxIdentity, socket_class: type[ssl.SSLSocket], *, check_dates: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(identity.ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        identity.keys.load_into(context, identity.certificate_file)
    except KeyStoreError as error:
        raise ssl.SSLError(str(error)) from None
    context.sslsocket_class = socket_class
    if not check_dates:
        context.verify_flags |= X509_V_FLAG_NO_CHECK_TIME
    return context


def is_broker(peer: Any) -> bool:
    """Whether a verified peer certificate, as `ssl` describes it, carries the role of a broker and no other."""
    names = (peer or {}).get("subjectAltName", ())
    roles = [value for kind, value in names if kind == "URI" and value.startswith(ROLE_URI)]
    return roles == [ROLE_URI + Role.BROKER.value]
