"""TLS to the broker: the box's own certificate, the pinned root, the broker's name, and its role.

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


class _BrokerSocket(ssl.SSLSocket):
    """A connection that is only up if the other side is a broker, and only while it sends what a broker would."""

    _frames: Frames | None = None

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands, then look at the role.

        Raises:
            ssl.SSLCertVerificationError: the peer is somebody else.
        """
        super().do_handshake(block)
        if not is_broker(self.getpeercert()):
            raise ssl.SSLCertVerificationError("the certificate at this address is not a broker's")
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
    """A context for one connection.

    Raises:
        OSError: a file is gone or damaged since the start.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(identity.ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        identity.keys.load_into(context, identity.certificate_file)
    except KeyStoreError as error:
        raise ssl.SSLError(str(error)) from None
    context.sslsocket_class = _BrokerSocket
    if not check_dates:
        context.verify_flags |= X509_V_FLAG_NO_CHECK_TIME
    return context


def is_broker(peer: Any) -> bool:
    """Whether a verified peer certificate, as `ssl` describes it, carries the role of a broker and no other."""
    names = (peer or {}).get("subjectAltName", ())
    roles = [value for kind, value in names if kind == "URI" and value.startswith(ROLE_URI)]
    return roles == [ROLE_URI + Role.BROKER.value]
