"""Messages between the agent and a child as bytes of a stream: 4 bytes of length, big-endian, then the message. Pure.

An empty message is a beat: the child's working loop goes round. Both sides refuse what is longer than `MAX_MESSAGE`.
"""

from typing import Final

MAX_MESSAGE: Final = 1024 * 1024
"""A look at 100 boxes is 6 kB and no message holds a picture; what is longer was not written by our own code."""

BEAT: Final = b""

_HEAD: Final = 4


class FramingError(Exception):
    """The other side says that a message is longer than any is."""


def framed(message: bytes) -> bytes:
    """One message as it goes out.

    Raises:
        ValueError: it is longer than messages may be.
    """
    if len(message) > MAX_MESSAGE:
        raise ValueError(f"a message of {len(message)} bytes; at most {MAX_MESSAGE}")
    return len(message).to_bytes(_HEAD, "big") + message


class Framer:
    """Takes bytes as they come and gives whole messages; holds no more than one message and one read."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def take(self, data: bytes) -> list[bytes]:
        """The messages that these bytes complete.

        Raises:
            FramingError: the stream cannot be followed any more.
        """
        self._kept += data
        messages = []
        start = 0
        while len(self._kept) - start >= _HEAD:
            length = int.from_bytes(self._kept[start : start + _HEAD], "big")
            if length > MAX_MESSAGE:
                raise FramingError(f"a message of {length} bytes; at most {MAX_MESSAGE}")
            end = start + _HEAD + length
            if len(self._kept) < end:
                break
            messages.append(bytes(self._kept[start + _HEAD : end]))
            start = end
        del self._kept[:start]
        return messages
