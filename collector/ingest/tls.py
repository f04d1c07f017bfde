"""A TLS socket that reads ahead and can hold back what it sends, so that a burst of small packets costs few records.

An MQTT client asks for one byte, then another, then the rest; and acknowledges each message by four bytes. Knows
nothing of MQTT. Flow: `client_context` -> the MQTT client makes its socket from it -> subscriber.py.
"""

import ssl
from pathlib import Path
from typing import Any, Final

READ_AHEAD_BYTES: Final = 256 * 1024
HELD_BYTES: Final = 64 * 1024
"""What is held back at most before it is sent anyway."""


class BurstSocket(ssl.SSLSocket):
    """Used through `SSLContext.sslsocket_class`. Non-blocking after the handshake, as the MQTT client sets it."""

    _ahead: bytes = b""
    _at: int = 0
    _held: bytearray | None = None
    dry: bool = False
    """Whether the last read found nothing more."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Up to `buflen` bytes, from what was read ahead where there is some."""
        at, ahead = self._at, self._ahead
        if at >= len(ahead):
            try:
                ahead = super().recv(READ_AHEAD_BYTES, flags)
            except ssl.SSLWantReadError:
                self.dry = True
                raise
            self.dry = False
            self._ahead, at = ahead, 0
        self._at = at + buflen
        return ahead[at : at + buflen]

    def hold(self) -> None:
        """Keep back what is sent from now on, until `release`."""
        if self._held is None:
            self._held = bytearray()

    def release(self) -> None:
        """Send what was held back, as far as the network takes it; the rest stays held."""
        held = self._held
        while held:
            try:
                sent = super().send(held[:HELD_BYTES])
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            del held[:sent]
        self._held = None

    @property
    def holds(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._held)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send, or keep back; what is kept back counts as sent."""
        held = self._held
        if held is None:
            return super().send(data, flags)
        held += data
        if len(held) > HELD_BYTES:
            self.release()
            self.hold()
        return len(data)


def client_context(*, trust: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """The client's side of mutual TLS.

    Raises:
        OSError: a file is missing or damaged.
    """
    context = ssl.create_default_context(cafile=trust)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.sslsocket_class = BurstSocket
    return context
