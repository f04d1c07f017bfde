"""What the enrolment's refusals mean to whoever stands at the box: one sentence and the next step. Pure.

Flow: enrolling.py, renewing.py -> here -> the screen.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from agent.enrolment_link import Reply, UnreachableError
from protocol.enrolment import Problem, Refusal
from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

SERVER_ERROR: Final = 500


class RefusedError(SaidError):
    """The enrolment says no; `reason` is its word, empty where this version does not know it."""

    def __init__(self, text: str, /, reason: str = "", **values: object) -> None:
        self.reason = reason
        super().__init__(text, reason=reason, **values)


SENTENCES: Final[Mapping[Refusal, str]] = {
    Refusal.CODE_WRONG: N_("the enrolment does not know this code. Next step: read it again, or ask for a new one"),
    Refusal.CODE_USED: N_(
        "this code was used already, and not by this box. Next step: tell the bank's security officer at once"
    ),
    Refusal.CODE_EXPIRED: N_("this code has ended. Next step: ask the bank for a new one"),
    Refusal.CODE_DEAD: N_(
        "this code is dead: there were too many wrong tries, or a newer one took its place. Next step: ask the bank "
        "for a new one"
    ),
    Refusal.SITE_WRONG: N_("this code is for another site or box. Next step: take the code that belongs to this kit"),
    Refusal.BOX_KNOWN: N_(
        "this box is known to the bank with another key. Next step: the bank gives the site a new box "
        "(branchwatch provision replace)"
    ),
    Refusal.BOX_UNKNOWN: N_("the enrolment knows nothing of this box's certificate. Next step: ask for a code"),
    Refusal.REVOKED: N_(
        "this box's certificates are revoked. Next step: the bank gives the site a new box (branchwatch provision "
        "replace)"
    ),
    Refusal.NOT_READMITTED: N_(
        "the certificate has ended, and nobody has given leave to renew it. Next step: the bank runs branchwatch "
        "provision readmit, or gives a code (branchwatch provision token --again)"
    ),
    Refusal.TOO_MANY: N_("the enrolment was asked too often. Next step: wait ten minutes, then try again"),
    Refusal.MALFORMED: N_(
        "the enrolment does not understand this box. Next step: compare the versions of this box and the bank's machine"
    ),
}


def refused(reply: Reply) -> SaidError:
    """What to raise for an answer that is none."""
    if reply.status >= SERVER_ERROR:
        return UnreachableError(
            N_("the enrolment cannot do it now (status {status}); try again in a minute"), status=reply.status
        )
    try:
        code = msgspec.json.decode(reply.body, type=Problem).code
        return RefusedError(SENTENCES[Refusal(code)], reason=code)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return RefusedError(N_("the enrolment says no (status {status})"), status=reply.status)
