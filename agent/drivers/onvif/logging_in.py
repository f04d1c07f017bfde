"""By which way a device is logged in to, so that one refused try never becomes two. Pure.

ONVIF knows two: a signed token inside the message, which needs the device's clock, and HTTP digest, which does not.
Some devices offer HTTP digest and take only the token: after a refusal the next try goes the other way.
"""

from enum import StrEnum


class Way(StrEnum):
    """How the login goes."""

    NONE = "none"  # nobody is logged in
    TOKEN = "token"  # noqa: S105 - WS-Security UsernameToken with a digest
    HTTP = "http"  # HTTP digest


def way_of(user: str, offered: str, refused: int) -> Way:
    """The way of the next try: `offered` is the device's challenge to one who is not logged in."""
    if not user:
        return Way.NONE
    if not offered.strip().lower().startswith("digest"):
        return Way.TOKEN
    return Way.HTTP if refused % 2 == 0 else Way.TOKEN
