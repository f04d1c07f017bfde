"""Making a one-time code: recorded first, its secret kept as a hash only, and given out once.

Flow: `provision token` -> here -> paper, QR image, kit file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from protocol.enrolment import hash_of_secret
from protocol.enrolment_code import PIN_BYTES, SECRET_BYTES, EnrolmentCode
from protocol.ids import CENTRE_PREFIX, is_id
from protocol.pinned_channel import pin_of
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import format_time
from provisioning.answer import SAYS_NO
from provisioning.enrolment.book import Book, Turn
from provisioning.enrolment.codes import MAX_LIFE
from provisioning.enrolment.folder import Enrolment
from provisioning.enrolment.revoked import Revoked
from provisioning.record import Act, Deed
from provisioning.refusal import RefusedError

_NAME_BYTES: Final = 6
"""What the record calls a code; it opens nothing."""


class TokenError(RefusedError):
    """No code is made; the message says why and what would do."""

    code = SAYS_NO


@dataclass(frozen=True, kw_only=True)
class Token:
    """A code that nobody else knows yet, and what the record calls it."""

    code: EnrolmentCode
    name: str
    ends: datetime
    replaces: str | None


def make_token(
    enrolment: Enrolment,
    book: Book,
    *,
    box: str,
    site: str,
    valid: timedelta,
    again: bool,
    random: Callable[[int], bytes],
    now: datetime,
) -> Token:
    """A new code for a box of a site; one that was open for that box is closed.

    Raises:
        TokenError: names that are none, a life too long, a box that needs another way.
        RecordError: the record is in use or broken.
    """
    _check_names(box, site, valid)
    revoked = Revoked(enrolment.folder, enrolment.issuer.certificate)
    with book.turn() as turn:
        _check_box(turn, revoked, box, site, again)
        older = turn.newest_code(box)
        replaces = older.name if older is not None and older.can_be_guessed(now) else None
        secret, name, ends = random(SECRET_BYTES), random(_NAME_BYTES).hex(), now + valid
        facts = {"code": name, "id": box, "site": site, "ends": format_time(ends)}
        facts |= {"again": "yes"} if again else {}
        facts |= {"replaces": replaces} if replaces else {}
        turn.record([Deed(act=Act.TOKEN, facts=facts)], now, {name: hash_of_secret(secret)})
    pin = pin_of(enrolment.issuer.certificate)[:PIN_BYTES]
    return Token(code=EnrolmentCode(secret=secret, pin=pin), name=name, ends=ends, replaces=replaces)


def _check_names(box: str, site: str, valid: timedelta) -> None:
    for word in (box, site):
        if not is_id(word):
            raise TokenError(
                N_('"{id}" is no id: at most 32 lower-case letters, digits and dashes, the first one no dash'), id=word
            )
    if box.startswith(CENTRE_PREFIX):
        raise TokenError(N_('"{id}" is a name for a collector; no box may carry it'), id=box)
    if not timedelta(0) < valid <= MAX_LIFE:
        raise TokenError(N_("a code lives at most {days} days, and more than no time"), days=MAX_LIFE.days)


def _check_box(turn: Turn, revoked: Revoked, box: str, site: str, again: bool) -> None:
    key = turn.key_of_box(box)
    if key is not None and revoked.any_of(turn.serials_of(key)):
        raise TokenError(
            N_(
                "{box} is revoked and stays so; next step: branchwatch provision replace, which gives the site a new id"
            ),
            box=box,
        )
    if key is not None and not again:
        raise TokenError(
            N_(
                "{box} is enrolled already. For the same box and key: --again. For a new box: branchwatch provision "
                "replace"
            ),
            box=box,
        )
    if (known := turn.site_of_box(box)) not in (None, site):
        raise TokenError(N_("{box} belongs to site {site}"), box=box, site=known)
    if key is None and again:
        raise TokenError(N_("{box} was never enrolled here; leave --again out"), box=box)
