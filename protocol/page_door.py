"""Who may use a page that a command serves: a secret in its address opens it once, in one browser. Pure.

The address is typed, scanned or clicked from the terminal. Its first opening gives that browser a cookie; from then on
the address opens nothing, so that whoever reads it over a shoulder comes too late. Random bytes are an argument.
Flow: agent/acceptance/serving.py, ordering/page_serving.py -> here.
"""

from base64 import b32encode
from collections.abc import Callable
from hmac import compare_digest
from typing import Final

SECRET_BYTES: Final = 16
TOKEN_BYTES: Final = 8
"""Of the address, which is typed on a telephone: 60 bits of them, guessed over a network within one visit."""
GROUPS: Final = 3


class Door:
    """One page's door."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        letters = b32encode(random(TOKEN_BYTES)).decode().lower()
        self.token = "-".join(letters[4 * each : 4 * each + 4] for each in range(GROUPS))
        self._cookie = random(SECRET_BYTES).hex()
        self._opened = False

    def admit(self, token: str) -> str | None:
        """The cookie for whoever comes first with the token; None for everybody else."""
        if self._opened or not compare_digest(token.encode(), self.token.encode()):
            return None
        self._opened = True
        return self._cookie

    def knows(self, cookie: str) -> bool:
        """Whether this is the browser that came first."""
        return self._opened and compare_digest(cookie.encode(), self._cookie.encode())


def cookie_of(header: str, cookie: str) -> str:
    """The cookie of that name in a Cookie header (RFC 6265 section 4.2.1); empty if it is not there."""
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return next((value for name, _, value in pairs if name == cookie), "")
