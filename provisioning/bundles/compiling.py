"""What a site's next bundle holds, and whether there is one: inventory and history in, a `Bundle` out. Pure.

A roster whose people did not change keeps its version and end until a third of its life is left, so that a change of a
camera does not touch it. Flow: building.py -> here -> protocol/bundle.py.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from protocol.bundle import Bundle, secret_names, site_of, touches
from protocol.bundle_touches import WORDS
from protocol.roster import Roster, RosterPerson
from protocol.settings import SettingsError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import format_time, parse_time
from provisioning.refusal import RefusedError

NEW_ROSTER_AT: Final = 1 / 3
"""Of its life: with 30 days a roster is made anew in its last ten."""

UNDER_WAY: Final = timedelta(days=30)
"""A bundle that was followed by another one less than this ago may still be in force on a box that was cut off."""

Seal = Callable[[str, Bundle | None], str | None]
"""A secret's sealed text by its name; None where it has to wait for the box's key."""


class CompileError(RefusedError):
    """No bundle can be made of this site; the message says why and what would do."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the inventory, or an older bundle, says that a box should have."""

    site: str
    box: str
    settings: dict[str, Any]
    people: tuple[RosterPerson, ...]
    pins: tuple[str, ...]
    roster_days: int
    rollback: bool = False
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Past:
    """What was made for a box before."""

    newest: Bundle | None
    """The one that is given out."""
    in_force: tuple[Bundle | None, ...]
    """Every one that the box may still have; None: none at all."""
    highest: int
    """No version up to here is used again, whether given out or only signed once."""


def next_bundle(
    wanted: Wanted, past: Past, seal: Seal, now: datetime, *, again: bool = False, new_roster: bool = False
) -> Bundle | None:
    """The bundle that should follow; None where it would say what the newest one says.

    Raises:
        CompileError: settings that do not hold, a secret that nobody knows.
    """
    newest = past.newest
    bundle = Bundle(
        v=1,
        site=wanted.site,
        box=wanted.box,
        version=past.highest + 1,
        at=format_time(now),
        settings=wanted.settings,
        roster=_roster(wanted, newest.roster if newest else None, now, anew=new_roster),
        pins=tuple(sorted(wanted.pins)),
        sealed={},
        rollback=wanted.rollback,
        reason=wanted.reason,
    )
    try:
        names = sorted(secret_names(site_of(bundle)))
    except SettingsError as error:
        raise CompileError(
            N_("the settings of {site} do not hold: {fault}"), site=wanted.site, fault=error.faults[0].message
        ) from None
    texts = {name: seal(name, newest) for name in names}
    bundle = msgspec.structs.replace(
        bundle,
        sealed={name: text for name, text in texts.items() if text is not None},
        pending=tuple(name for name, text in texts.items() if text is None),
    )
    if newest is None or again or wanted.rollback or _content(bundle) != _content(newest):
        return bundle
    return None


def in_force(bundles: Sequence[Bundle], now: datetime, *, enrolled: bool) -> tuple[Bundle | None, ...]:
    """Of all that were given out, oldest first: those that the box may still have. A new box has none."""
    found: list[Bundle | None] = list(bundles[-1:])
    for bundle, follower in zip(reversed(bundles[:-1]), reversed(bundles[1:]), strict=True):
        if now - parse_time(follower.at) > UNDER_WAY:
            break
        found.append(bundle)
    return tuple(found) if enrolled and found else (*found, None)


def touches_any(past: Iterable[Bundle | None], new: Bundle) -> tuple[str, ...]:
    """What the new bundle touches on whichever of these the box has."""
    found = dict.fromkeys(word for each in past for word in touches(each, new))
    return tuple(word for word in WORDS if word in found)


def _roster(wanted: Wanted, before: Roster | None, now: datetime, *, anew: bool) -> Roster:
    life = timedelta(days=wanted.roster_days)
    same = before is not None and before.people == wanted.people
    if before is not None and same and not anew:
        left = parse_time(before.not_after) - now
        if NEW_ROSTER_AT * life < left <= life:
            return before
    version = before.version + 1 if before is not None else 1
    return Roster(version=version, not_after=format_time(now + life), people=wanted.people)


def _content(bundle: Bundle) -> Any:
    """All but number and time, as it comes out of JSON: lists are lists, whatever made them."""
    plain = msgspec.structs.replace(bundle, version=1, at="", rollback=False, reason="")
    return msgspec.json.decode(msgspec.json.encode(plain))
