"""Addresses like `rtsp://192.0.2.10:554/stream`. Pure."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from protocol.site.addresses import AddressError, parse_address

PORTS: Final = {"rtsp": 554, "rtsps": 322}
MAX_URL: Final = 1000
"""Bytes; the library's own buffer holds 2048 with everything that it adds."""


class RtspAddressError(ValueError):
    """This is no address of a stream, or one that cannot be opened. Its text names neither address nor login."""


class StreamAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stream is. It holds no login."""

    host: str
    port: int
    secure: bool
    rest: str  # path and query, with the slash

    @property
    def url(self) -> str:
        """As it is asked for."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "rtsps" if self.secure else "rtsp"
        return f"{scheme}://{host}:{self.port}{self.rest}"


def parse_stream(url: str) -> StreamAddress:
    """An address without name and password.

    Raises:
        RtspAddressError: it is none.
    """
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise RtspAddressError("not an address of a stream")
    try:
        parts = urlsplit(url)
        if parts.scheme not in PORTS or "@" in parts.netloc or parts.fragment:
            raise RtspAddressError("not an address of a stream")
        host, port = parse_address(parts.netloc, PORTS[parts.scheme])
    except (AddressError, ValueError):
        raise RtspAddressError("not an address of a stream") from None
    rest = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return StreamAddress(host=host, port=port, secure=parts.scheme == "rtsps", rest=rest)
