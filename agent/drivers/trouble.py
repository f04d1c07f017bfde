"""Why a camera or recorder could not be asked, as one word: the same words for ONVIF, ISAPI, CGI and RTSP. Pure.

Only `login_refused` counts against an account. A session limit (453, "too many users") is `busy` and a missing right
(403) `not_allowed`, whatever the device calls them. Flow: clients raise `DeviceError`, the asker tells its word.
"""

from enum import StrEnum
from typing import Final

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for


class Trouble(StrEnum):
    """What went wrong."""

    UNREACHABLE = "unreachable"
    SILENT = "silent"  # it takes the connection and says nothing
    LOGIN_REFUSED = "login_refused"
    NOT_ALLOWED = "not_allowed"
    BUSY = "busy"  # its limit of sessions, or of listeners
    NOT_FOUND = "not_found"
    BROKEN = "broken"  # what it says cannot be read
    TOO_LARGE = "too_large"
    REFUSED = "refused"  # it understood, and does not do it


SENTENCES: Final = {
    Trouble.UNREACHABLE: N_("cannot be reached"),
    Trouble.SILENT: N_("takes the connection and does not answer"),
    Trouble.LOGIN_REFUSED: N_("refuses the login"),
    Trouble.NOT_ALLOWED: N_("takes the login, but this user may not do that"),
    Trouble.BUSY: N_("has as many sessions as it allows"),
    Trouble.NOT_FOUND: N_("has nothing at this address"),
    Trouble.BROKEN: N_("answers with something that cannot be read"),
    Trouble.TOO_LARGE: N_("answers with more than we take"),
    Trouble.REFUSED: N_("does not do what was asked"),
}


class DeviceError(SaidError):
    """It did not work; `detail` is a word of the device or the library, short, without addresses and names."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        self.trouble = trouble
        self.detail = "".join(letter for letter in detail if letter.isprintable())[:120]
        super().__init__(SENTENCES[trouble])
