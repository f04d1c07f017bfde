"""`host:port` as people write it: names, IPv4, and IPv6 in brackets. Pure; nothing is looked up."""

import ipaddress
import re
from typing import Final

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # RFC 1123 section 2.1
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ADDRESS: Final = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::([0-9]{1,5}))?")


class AddressError(SaidError, ValueError):
    """This text is no address, or has no port where none can be assumed."""


def parse_address(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Host and port.

    Raises:
        AddressError: not an address, or no port where none can be assumed.
    """
    match = _ADDRESS.fullmatch(text)
    if not match or not (_is_ipv6(match[1]) if match[1] else _is_name(match[2] or "")):
        raise AddressError(N_('must be an address like "192.0.2.10:502" or "[2001:db8::1]:502"'))
    port = int(match[3]) if match[3] else default_port
    if port is None:
        raise AddressError(N_('needs a port, like "192.0.2.10:8883"'))
    if not 1 <= port <= 65535:
        raise AddressError(N_("has a port outside 1 to 65535"))
    return match[1] or match[2], port


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def _is_name(text: str) -> bool:
    if not _NAME.fullmatch(text) or len(text) > 253:
        return False
    if not text.rpartition(".")[2].isdigit():
        return True
    try:  # what ends in digits is an IPv4 address or nothing (RFC 3986 section 3.2.2)
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
