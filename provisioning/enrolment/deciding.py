"""Who gets a certificate: tables of refusals, in the order in which they are asked. Pure.

Whoever gives no right secret learns nothing but that; a right one is told what is wrong with everything else.
Flow: desk.py asks -> here -> desk.py records, then answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from protocol.enrolment import Refusal
from provisioning.enrolment.codes import MAX_ISSUED, MAX_TRIES, Asked, Code, CodeState, Seen, SeenRenewal


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A certificate is issued; `code` says for what."""

    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing is issued. `counts` says against which code a wrong secret counts; `kills` that it was the last one."""

    reason: Refusal
    counts: Code | None = None
    kills: bool = False


_RightSecret = Callable[[Asked, Seen, Code, datetime], bool]

_OF_A_CODE: Final[Sequence[tuple[_RightSecret, Refusal]]] = (
    (lambda asked, seen, code, now: code.box != asked.box or code.site != asked.site, Refusal.SITE_WRONG),
    (lambda asked, seen, code, now: code.state is not CodeState.OPEN, Refusal.CODE_DEAD),
    (lambda asked, seen, code, now: code.key not in (None, asked.key), Refusal.CODE_USED),
    (lambda asked, seen, code, now: code.issued >= MAX_ISSUED, Refusal.CODE_USED),
    (lambda asked, seen, code, now: now >= code.ends, Refusal.CODE_EXPIRED),
    (lambda asked, seen, code, now: seen.revoked, Refusal.REVOKED),
    (lambda asked, seen, code, now: seen.key_of_box not in (None, asked.key), Refusal.BOX_KNOWN),
    (lambda asked, seen, code, now: seen.box_of_key not in (None, asked.box), Refusal.BOX_KNOWN),
)
"""The first that holds refuses somebody who knows a secret."""

_OF_A_RENEWAL: Final[Sequence[tuple[Callable[[SeenRenewal, bool], bool], Refusal]]] = (
    (lambda seen, ended: seen.revoked, Refusal.REVOKED),
    (lambda seen, ended: not seen.known, Refusal.BOX_UNKNOWN),
    (lambda seen, ended: ended and not seen.readmitted, Refusal.NOT_READMITTED),
)


def decide_enrolment(asked: Asked, seen: Seen, now: datetime) -> Granted | Refused:
    """Whether a box that proved its key gets a certificate for it."""
    if seen.meant is None:
        return _wrong_secret(seen.newest, now)
    for holds, reason in _OF_A_CODE:
        if holds(asked, seen, seen.meant, now):
            return Refused(reason=reason)
    return Granted(code=seen.meant)


def decide_renewal(seen: SeenRenewal, not_after: datetime, now: datetime) -> Refusal | None:
    """Why a box that proved its certificate gets no new one; None when it gets one."""
    return next((reason for holds, reason in _OF_A_RENEWAL if holds(seen, now > not_after)), None)


def _wrong_secret(newest: Code | None, now: datetime) -> Refused:
    if newest is None or not newest.can_be_guessed(now):
        dead = newest is not None and newest.state is CodeState.DEAD
        return Refused(reason=Refusal.CODE_DEAD if dead else Refusal.CODE_WRONG)
    kills = newest.tries + 1 >= MAX_TRIES
    return Refused(reason=Refusal.CODE_DEAD if kills else Refusal.CODE_WRONG, counts=newest, kills=kills)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """So many at once, and so many an hour after that; what is refused beyond is counted, to be told later."""

    size: int
    left: float
    at_s: float  # monotonic
    untold: int = 0
    told_at_s: float | None = None


SECONDS_AN_HOUR: Final = 3600.0


def full_bucket(size: int, now_s: float) -> Bucket:
    """A bucket that nobody took from."""
    return Bucket(size=size, left=float(size), at_s=now_s)


def take(bucket: Bucket, now_s: float) -> tuple[Bucket, bool, int]:
    """Take one: the bucket then, whether there was one, and of how many that were refused to tell now."""
    filled = min(float(bucket.size), bucket.left + (now_s - bucket.at_s) * bucket.size / SECONDS_AN_HOUR)
    if filled >= 1.0:
        return replace(bucket, left=filled - 1.0, at_s=now_s), True, 0
    untold = bucket.untold + 1
    if bucket.told_at_s is None or now_s - bucket.told_at_s >= SECONDS_AN_HOUR:
        return replace(bucket, left=filled, at_s=now_s, untold=0, told_at_s=now_s), False, untold
    return replace(bucket, left=filled, at_s=now_s, untold=untold), False, 0
