"""Site bundles brought to the centre: opened, compared with what is stored, kept to be carried to their box.

The centre refuses what no box could take; it never judges pins, which only the box knows (docs/trust.md 4.4). Pure but
for `BundleService`. Flow: `collector deliver` and the console -> here -> rows, which the ingest sends from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from collector.fleet import configs
from collector.fleet.configs import BoxConfig
from collector.storage import bundles, writing
from collector.storage.bundles import StoredBundle
from collector.storage.journal import Entry, write_journal
from collector.storage.paging import is_below
from collector.storage.records import Topic
from collector.storage.store import Store, Transaction
from collector.times import unix_ms
from protocol.bundle import NEEDED_SIGNATURES, Bundle, BundleError, bundle_hash, read_bundle, site_of, touches
from protocol.certificates import Role, Trust
from protocol.documents import DocumentError, claimed_payload, open_document
from protocol.envelope import EnvelopeType
from protocol.limits import MAX_BUNDLE_BYTES
from protocol.settings import SettingsError
from protocol.site.schema import Site
from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

ACTION: Final = "bundle"
"""The journal's word for a delivery; its subject is the box."""

SENTENCES: Final[Mapping[str, str]] = {
    "too_large": N_("it is larger than {limit} KiB, which no site bundle is"),
    "malformed": N_("it is no signed site bundle, or it is damaged"),
    "wrong_type": N_("it is signed, but not as a site bundle"),
    "bad_signature": N_("a signature does not hold: it was changed after it was signed, or damaged"),
    "signed_twice": N_("one person signed it twice; the second signature must be another person's"),
    "foreign_certificate": N_("a signature does not belong to the certificate beside it"),
    "certificate_untrusted": N_("a signer's certificate does not lead to this centre's root"),
    "certificate_wrong_role": N_("a signer's certificate is not one for provisioning"),
    "certificate_expired": N_("a signer's certificate has ended; sign the bundle with the new one"),
    "certificate_revoked": N_("a signer's certificate was revoked; build the bundle anew and sign it with another one"),
    "not_a_bundle": N_("what is signed is no site bundle: {fault}"),
    "settings_wrong": N_("its settings are wrong: {fault}"),
    "older_version": N_("its version {version} is older than version {stored}, which is stored for {box}"),
    "same_version": N_("version {version} for {box} is stored already with other content; build a new version"),
    "other_site": N_("{box} belongs to site {site}, and the bundle is for site {named}"),
    "other_address": N_("the bundle is for site {named}, not for {site}"),
    "not_yours": N_("site {named} is not in your unit"),
}
"""Why a bundle is not taken, by a word for programs."""

_OTHERWISE: Final = N_("it cannot be taken ({fault})")


class NotTakenError(SaidError):
    """A bundle that is not stored; `reason` is the word for it."""

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(SENTENCES.get(reason, _OTHERWISE), fault=values.pop("fault", reason), **values)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A document whose signatures hold and whose content is a bundle. Made by `look_at` only."""

    document: bytes
    bundle: Bundle
    hash: str
    site: Site
    signers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """What became of a bundle: `unchanged`, it was stored before; `forked`, two boxes bear the name: nobody gets it."""

    box: str
    site: str
    version: int
    hash: str
    signers: tuple[str, ...]
    touches: tuple[str, ...] = ()
    unchanged: bool = False
    forked: bool = False

    @property
    def lacks_signature(self) -> bool:
        """Whether the box will want a second signature, as far as the centre can see."""
        return bool(self.touches) and len(self.signers) < NEEDED_SIGNATURES


def look_at(document: bytes, trust: Trust, now: datetime) -> Offered:
    """Open a document against the root and read what is signed.

    Raises:
        NotTakenError: damaged, unsigned, signed by somebody else, revoked, or no bundle.
    """
    if len(document) > MAX_BUNDLE_BYTES:
        raise NotTakenError("too_large", limit=MAX_BUNDLE_BYTES // 1024)
    try:
        opened = open_document(document, EnvelopeType.SITE, trust, now, Role.PROVISIONING)
        bundle = read_bundle(opened.payload)
        site = site_of(bundle)
    except DocumentError as error:
        raise NotTakenError(error.fault) from None
    except BundleError as error:
        raise NotTakenError("not_a_bundle", fault=str(error)[:256]) from None
    except SettingsError as error:
        raise NotTakenError("settings_wrong", fault=str(error.faults[0])[:256]) from None
    return Offered(
        document=document,
        bundle=bundle,
        hash=bundle_hash(opened.payload),
        site=site,
        signers=tuple(signer.id for signer in opened.signers),
    )


def compare(
    offered: Offered, stored: StoredBundle | None, known_site: str | None, *, kept: int | None = None
) -> Delivered:
    """Whether it follows what is wanted now; `known_site` is what the box's certificate says, None before its birth.

    `kept` is the version that the box has where it refused the stored one: the centre judges no pins, and a bundle that
    no box takes must not stand in the way of every honest one by a high number.

    Raises:
        NotTakenError: older, or another site's.
    """
    bundle = offered.bundle
    if known_site is not None and known_site != bundle.site:
        raise NotTakenError("other_site", box=bundle.box, site=known_site, named=bundle.site)
    given_up = kept is not None and bundle.version > kept
    if stored is not None and bundle.version < stored.version and not given_up:
        raise NotTakenError("older_version", box=bundle.box, version=bundle.version, stored=stored.version)
    if stored is not None and bundle.version == stored.version and offered.hash != stored.hash:
        raise NotTakenError("same_version", box=bundle.box, version=bundle.version)
    return Delivered(
        box=bundle.box,
        site=bundle.site,
        version=bundle.version,
        hash=offered.hash,
        signers=offered.signers,
        touches=_touched(stored, bundle),
        unchanged=stored is not None and stored.document == offered.document,
    )


class BundleService:
    """Stores what was looked at; every bundle of one call or none."""

    def __init__(
        self, store: Store, trust: Callable[[], Trust], now: Callable[[], datetime], changed: Callable[[], None]
    ) -> None:
        self._store, self._trust, self._now, self._changed = store, trust, now, changed

    def deliver(self, document: bytes, person: str, *, site: str, unit: str) -> Delivered:
        """One bundle through the console, for this site, by a person of this unit.

        Raises:
            NotTakenError: why it is not stored.
            StoreError: the database cannot be reached.
        """
        offered = look_at(document, self._trust(), self._now())
        if offered.bundle.site != site:
            raise NotTakenError("other_address", named=offered.bundle.site, site=site)
        (delivered,) = store_bundles(self._store, [offered], person, unix_ms(self._now()), unit=unit)
        self._changed()
        return delivered


def store_bundles(
    store: Store, offers: Sequence[Offered], person: str, now_ms: int, *, unit: str = ""
) -> list[Delivered]:
    """Keep bundles that were looked at, in one transaction; a site outside of `unit` is refused.

    Raises:
        NotTakenError: one does not follow what is stored; then none is kept.
        StoreError: the database cannot be reached.
    """
    with store.write() as connection:
        writing.lock_counters(connection)
        delivered = [_keep(connection, offered, person, now_ms, unit) for offered in offers]
        entries = [_entry(each, person) for each in delivered if not each.unchanged]
        write_journal(connection, entries, now_ms)
    return delivered


def _keep(connection: Transaction, offered: Offered, person: str, now_ms: int, unit: str) -> Delivered:
    bundle, box = offered.bundle, offered.bundle.box
    known_unit = bundles.site_unit(connection, bundle.site)
    if not is_below(offered.site.unit if known_unit is None else known_unit, unit):
        raise NotTakenError("not_yours", named=bundle.site)
    row = bundles.configs_of(connection, [box]).get(box)
    known = {} if row is None else {box: row}
    row = row or BoxConfig(box=box)
    stored = bundles.bundle_of(connection, (box, row.wanted_hash)) if row.wanted_hash else None
    state = writing.box_states(connection, [box]).get(box)
    known_site = None if state is None else state.site
    delivered = compare(offered, stored, known_site, kept=row.version if row.refused else None)
    if state is not None and state.forked:
        delivered = replace(delivered, forked=True)
    if delivered.unchanged:
        return delivered
    if known_unit is None:  # a box that was never born has a place already
        site = offered.site
        writing.save_site(connection, site.id, site.name, site.unit, site.timezone)
    bundles.keep_bundle(
        connection,
        StoredBundle(
            box=box,
            hash=offered.hash,
            site=bundle.site,
            version=bundle.version,
            document=offered.document,
            stored_ms=now_ms,
            person=person,
        ),
    )
    wanted = configs.wants(row, digest=offered.hash, version=bundle.version, now_ms=now_ms)
    bundles.save_configs(connection, {box: wanted}, known)
    return delivered


def _touched(stored: StoredBundle | None, bundle: Bundle) -> tuple[str, ...]:
    """What needs two signatures beside the last one that was delivered; nothing is obvious without one."""
    if stored is None:
        return ()
    try:
        return touches(read_bundle(claimed_payload(stored.document)), bundle)
    except (BundleError, DocumentError, SettingsError):
        return ()


def _entry(delivered: Delivered, person: str) -> Entry:
    facts = {"version": delivered.version, "hash": delivered.hash, "signers": list(delivered.signers)}
    return Entry(topic=Topic.BOX, subject=delivered.box, action=ACTION, site=delivered.site, person=person, facts=facts)
