"""`host:port` as people write it: names, IPv4, and IPv6 in brackets. Pure; nothing is looked up."""

import re
from typing import Final

_ADDRESS: Final = re.compile(
    r"(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?))(?::([0-9]{1,5}))?"
)


def parse_address(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Host and port.

    Raises:
        ValueError: not an address, or no port where none can be assumed.
    """
    match = _ADDRESS.fullmatch(text)
    if not match:
        raise ValueError('must be an address like "192.0.2.10:502" or "[2001:db8::1]:502"')
    port = int(match[4]) if match[4] else default_port
    if port is None:
        raise ValueError('needs a port, like "192.0.2.10:8883"')
    if not 1 <= port <= 65535:
        raise ValueError("has a port outside 1 to 65535")
    return match[1] or match[2], port
