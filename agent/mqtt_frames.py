"""How large a packet of the broker may be, read off MQTT's fixed headers before the client library makes room for it.

Pure. The library takes whatever a broker announces, up to 256 MB, and keeps messages of QoS 2 until they are released:
an intruder on a broker's machine would have the agents of all branches killed for their memory, and the guarding with
them. We subscribe with QoS 1, so QoS 2 is never honest. Flow: TLS socket (`broker_tls.py`) -> here -> client library.
"""

import errno
import os
from typing import Final

from agent.receipts import MAX_DOWN_BYTES

MAX_PACKET_BYTES: Final = MAX_DOWN_BYTES + 1024
"""The largest message that comes down, with its topic."""

AT_ONCE_BYTES: Final = 64 * 1024
"""Asked of the socket at a time: the library asks for all that is announced, and gets room for it each time."""

_PUBLISH: Final = 3
_QOS_2: Final = 0b0100


class Frames:
    """Follows one connection's packets (MQTT 3.1.1 section 2.2)."""

    def __init__(self, limit_bytes: int = MAX_PACKET_BYTES) -> None:
        self._limit = limit_bytes
        self._left = 0
        self._in_header = False
        self._length = self._shift = 0

    def feed(self, data: bytes) -> None:
        """Read on.

        Raises:
            OSError: no honest broker sends this; the connection is to be given up.
        """
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            self._header(data[at])
            at += 1

    def _header(self, byte: int) -> None:
        if not self._in_header:
            if byte >> 4 == _PUBLISH and byte & _QOS_2:
                raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
            self._in_header, self._length, self._shift = True, 0, 0
            return
        self._length |= (byte & 0x7F) << self._shift
        self._shift += 7
        if self._length > self._limit:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        if not byte & 0x80:
            self._left, self._in_header = self._length, False
        elif self._shift > 21:  # four bytes at most
            raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
