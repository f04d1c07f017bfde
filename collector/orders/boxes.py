"""The box that an order or a request is for, and what it works with: its site and its roster as they were signed.

The centre reads them from the document that it carried; it was opened when it was brought. Flow: service.py and
requesting.py, inside their transaction -> here -> an `Addressee`, or why nothing can be asked of the site's box.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from collector.fleet.configs import BoxConfig
from collector.fleet.records import BoxState
from collector.orders.refusing import NotDoneError
from collector.people import Person
from collector.storage import bundles, writing
from collector.storage.config_reading import configs_by_box
from collector.storage.orders import boxes_at
from collector.storage.paging import is_below
from collector.storage.reading import Reading
from collector.storage.store import Transaction
from protocol.bundle import BundleError, read_bundle, site_of
from protocol.documents import DocumentError, claimed_payload
from protocol.roster import Roster
from protocol.settings import SettingsError
from protocol.site.schema import Site

KEPT: Final = 64
"""Read bundles that are remembered: a bank's closing time asks for the same ones again and again."""


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What a bundle's document says of its site and its people."""

    site: Site
    roster: Roster


@dataclass(frozen=True, kw_only=True)
class Addressee:
    """A box that can be asked now. `signed` is None where it works with nothing that this centre carried."""

    box: BoxState
    config: BoxConfig
    signed: Signed | None


def addressee(connection: Transaction, site: str, person: Person, now_ms: int) -> Addressee:
    """The box of a site in this person's unit.

    Raises:
        NotDoneError: `no_site`, `no_box`, `revoked`, `forked`, `silent`.
    """
    unit = bundles.site_unit(connection, site)
    if unit is None or not is_below(unit, person.unit):
        raise NotDoneError("no_site")
    names = boxes_at(connection, site)
    states = writing.box_states(connection, names)
    papers = configs_by_box(connection, names)
    # After a replacement the site has two: the one that was heard last is the one that guards it.
    ranked = sorted(states.values(), key=lambda box: (papers[box.id].revoked, box.silent, -box.heard_ms))
    if not ranked:
        raise NotDoneError("no_box")
    box = ranked[0]
    if box.forked:
        raise NotDoneError("forked", box=box.id)
    if papers[box.id].revoked:
        raise NotDoneError("revoked", box=box.id)
    if box.silent:
        raise NotDoneError("silent", silent_s=max(0, now_ms - box.heard_ms) // 1000)
    config = bundles.configs_of(connection, [box.id]).get(box.id) or BoxConfig(box=box.id)
    return Addressee(box=box, config=config, signed=signed_for(connection, box.id, config.hash))


def signed_for(connection: Transaction, box: str, digest: str) -> Signed | None:
    """What the bundle of this hash says; None where it was never delivered here, or is no longer readable."""
    stored = bundles.bundle_of(connection, (box, digest)) if digest else None
    return None if stored is None else _read(stored.document)


def is_obeyed(reading: Reading, person: str) -> bool:
    """Whether any box obeys this person, by a key or by a code."""
    for document in bundles.documents_in_force(reading):
        signed = _read(document)
        if signed is not None and person in {
            *(each.id for each in signed.roster.people),
            *(code.person for code in signed.site.code),
        }:
            return True
    return False


def needs_signed(to: Addressee) -> Signed:
    """What the box works with.

    Raises:
        NotDoneError: `no_roster`, `unknown_bundle`.
    """
    if not to.config.hash:
        raise NotDoneError("no_roster")
    if to.signed is None:
        raise NotDoneError("unknown_bundle", version=to.config.version)
    return to.signed


@lru_cache(maxsize=KEPT)
def _read(document: bytes) -> Signed | None:
    try:
        bundle = read_bundle(claimed_payload(document))
        return Signed(site=site_of(bundle), roster=bundle.roster)
    except (BundleError, DocumentError, SettingsError):  # of another version of this program
        return None
