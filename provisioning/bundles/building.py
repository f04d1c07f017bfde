"""A batch of bundles: planned for every site, shown, signed, judged as the boxes will, and put out whole or not at all.

What was given out before is believed only with its signatures: it says what a box has, and its sealed secrets are
carried on. Flow: bundle_words.py -> here -> compiling.py, preview.py, shelf.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509

from protocol.bundle import (
    NEEDED_SIGNATURES,
    Bundle,
    BundleError,
    BundleRefusedError,
    encode_bundle,
    judge,
    read_bundle,
)
from protocol.certificates import Role, Trust
from protocol.documents import DocumentError, claimed_payload, open_document, sign_document
from protocol.envelope import EnvelopeType
from protocol.limits import MAX_BUNDLE_BYTES
from protocol.sealing import SealingError, read_sealing_key, seal_secret
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.bundles.compiling import CompileError, Past, Seal, Wanted, in_force, next_bundle, touches_any
from provisioning.bundles.faults import document_fault
from provisioning.bundles.preview import touched_said
from provisioning.bundles.secrets_file import Bound, Secrets
from provisioning.bundles.shelf import Shelf
from provisioning.inventory.shapes import Inventory, SiteEntry
from provisioning.refusal import RefusedError
from provisioning.signers import ProvisioningKey, SignerError

TYPE: Final = EnvelopeType.SITE


class BuildError(RefusedError):
    """No batch can be made; nothing was written."""


@dataclass(frozen=True, kw_only=True)
class How:
    """What a person asked for."""

    sites: tuple[str, ...] = ()
    above: int = 0
    again: bool = False
    new_roster: bool = False
    rollback_to: int | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What is to become of one site."""

    entry: SiteEntry
    bundle: Bundle | None
    """The next one; None: the newest says it all already, or the one that waits does."""
    newest: Bundle | None
    past: Past
    touches: tuple[str, ...] = ()
    waits: Bundle | None = None
    """The one that waits for a second signature and still says what is wanted."""
    obsolete: bool = False
    """What waits says no more what is wanted."""
    enrolled: bool = False
    """The inventory has the box's keys."""
    missing: tuple[str, ...] = ()
    """Secrets that the box could be given and nobody named."""

    @property
    def needs_two(self) -> bool:
        """Whether one signature is too little."""
        return bool(self.touches)


class Builder:
    """One inventory and one folder of bundles, at one moment."""

    def __init__(
        self, inventory: Inventory, shelf: Shelf, root: x509.Certificate | None, secrets: Secrets | None, now: datetime
    ) -> None:
        self._inventory, self._shelf, self._secrets, self._now = inventory, shelf, secrets, now
        self._root = root

    def plan(self, how: How, keys: int) -> list[Planned]:
        """What is to become of each site that was asked for, or of all; `keys` is how many there are to sign.

        Raises:
            BuildError, CompileError: one of them cannot be built, so none is.
        """
        unknown = [each for each in how.sites if each not in self._inventory.sites]
        if unknown:
            raise BuildError(N_('the inventory has no site "{site}"'), site=unknown[0])
        wanted = how.sites or tuple(self._inventory.sites)
        return [self._planned(self._inventory.sites[each], how, keys) for each in dict.fromkeys(wanted)]

    def make(self, planned: Sequence[Planned], keys: Sequence[ProvisioningKey]) -> dict[str, bytes]:
        """The signed documents by box, each judged as its box will judge it.

        Raises:
            BuildError, SignerError: one of them would be refused.
        """
        signers = [key.signer() for key in keys]
        made: dict[str, bytes] = {}
        for each in planned:
            if each.bundle is None:
                continue
            document = sign_document(TYPE, encode_bundle(each.bundle), signers)
            check_as_box(document, each.bundle, each.past, keys[0].root, self._now, waits=len(keys) == 1)
            made[each.entry.box] = document
        return made

    def put(self, planned: Sequence[Planned], made: dict[str, bytes], signatures: int) -> None:
        """All of it to where boxes are given it from, or to where it waits.

        Raises:
            ShelfError: nothing was changed.
        """
        given: dict[tuple[str, int], bytes] = {}
        waiting: dict[str, bytes] = {}
        for each in planned:
            if each.bundle is None:
                continue
            if each.needs_two and signatures < NEEDED_SIGNATURES:
                waiting[each.entry.box] = made[each.entry.box]
            else:
                given[each.entry.box, each.bundle.version] = made[each.entry.box]
        if self._secrets is not None and made:
            self._secrets.save()
        self._shelf.put(given, waiting, [each.entry.box for each in planned if each.obsolete])

    def _planned(self, entry: SiteEntry, how: How, keys: int) -> Planned:
        enrolled = entry.box in self._inventory.boxes
        past, waiting = past_of(self._shelf, entry.box, self._root, self._now, enrolled=enrolled, above=how.above)
        wanted = self._wanted(entry, how, past)
        missing: list[str] = []
        seal = self._seal(entry, missing)
        if waiting is not None and keys < NEEDED_SIGNATURES and not how.again and how.rollback_to is None:
            as_if_given = Past(newest=waiting, in_force=past.in_force, highest=past.highest)
            if next_bundle(wanted, as_if_given, seal, self._now, new_roster=how.new_roster) is None:
                return Planned(entry=entry, bundle=None, newest=past.newest, past=past, waits=waiting)
        missing.clear()
        bundle = next_bundle(wanted, past, seal, self._now, again=how.again, new_roster=how.new_roster)
        return Planned(
            entry=entry,
            bundle=bundle,
            newest=past.newest,
            past=past,
            touches=touches_any(past.in_force, bundle) if bundle is not None else (),
            obsolete=waiting is not None and bundle is None,
            enrolled=enrolled,
            missing=tuple(missing),
        )

    def _wanted(self, entry: SiteEntry, how: How, past: Past) -> Wanted:
        settings = entry.settings
        if how.rollback_to is not None:
            if past.newest is None or how.rollback_to >= past.newest.version:
                raise BuildError(
                    N_("{site} has no version after {version} to go back from"),
                    site=entry.id,
                    version=how.rollback_to,
                )
            document = self._shelf.version(entry.box, how.rollback_to)
            if document is None:
                raise BuildError(
                    N_("{folder} holds no version {version} of {box}; its history: {versions}"),
                    folder=self._shelf.folder,
                    version=how.rollback_to,
                    box=entry.box,
                    versions=", ".join(map(str, self._shelf.versions(entry.box))),
                )
            settings = believed(document, self._root, self._now, f"{entry.box}-{how.rollback_to}").settings
        return Wanted(
            site=entry.id,
            box=entry.box,
            settings=settings,
            people=entry.roster,
            pins=self._inventory.bank.provisioning,
            roster_days=self._inventory.bank.roster_days,
            rollback=how.rollback_to is not None,
            reason=how.reason,
        )

    def _seal(self, entry: SiteEntry, missing: list[str]) -> Seal:
        keys = self._inventory.boxes.get(entry.box)
        secrets = self._secrets

        def seal(name: str, newest: Bundle | None) -> str | None:
            if keys is None:
                return None
            old = newest.sealed.get(name) if newest is not None else None
            if secrets is None:
                if old is None:
                    missing.append(name)
                return old
            secret = secrets.secret(entry.id, name)
            if secret is None:
                raise CompileError(
                    N_("{file} holds no secret {name}, which site {site} needs"),
                    file=secrets.path,
                    name=name,
                    site=entry.id,
                )
            bound = Bound(box=entry.box, name=name, key=keys.sealing_key, secret=secret)
            if old is not None and secrets.is_sealed(old, bound):
                return old
            try:
                sealed = seal_secret(secret, box=entry.box, name=name, key=read_sealing_key(keys.sealing_key))
            except SealingError:
                raise CompileError(N_("the sealing key of {box} in the inventory is none"), box=entry.box) from None
            secrets.remember(sealed, bound)
            return sealed

        return seal


def past_of(
    shelf: Shelf, box: str, root: x509.Certificate | None, now: datetime, *, enrolled: bool, above: int = 0
) -> tuple[Past, Bundle | None]:
    """What was given out for a box, and what waits for it.

    Raises:
        BuildError: a document of it was changed or cannot be read.
    """
    bundles: list[Bundle] = []
    for version in reversed(shelf.versions(box)):
        bundles.insert(0, believed(shelf.version(box, version) or b"", root, now, f"{box}-{version}"))
        if len(bundles) > 1 and len(in_force(bundles, now, enrolled=True)) < len(bundles):
            break  # this one is surely over
    document = shelf.waiting(box)
    waiting = believed(document, root, now, f"waiting/{box}") if document is not None else None
    numbers = [above, *(each.version for each in (*bundles[-1:], *((waiting,) if waiting else ())))]
    past = Past(
        newest=bundles[-1] if bundles else None,
        in_force=in_force(bundles, now, enrolled=enrolled),
        highest=max(numbers),
    )
    return past, waiting


def believed(document: bytes, root: x509.Certificate | None, now: datetime, name: str) -> Bundle:
    """A bundle that was signed here once; without a root to look it up by it only is read.

    Raises:
        BuildError: changed, or none.
    """
    try:
        if root is None:
            return read_bundle(claimed_payload(document))
        opened = open_document(document, TYPE, Trust(root), now, Role.PROVISIONING, expired_ok=True)
        return read_bundle(opened.payload)
    except DocumentError as error:
        fault = document_fault(error)
    except BundleError as error:
        fault = said("no site bundle ({fault})", fault=error)
    raise BuildError(
        N_("the bundle {name}: {fault}; put back the file as it was given out"), name=name, fault=fault
    ) from None


def refusal_said(refused: BundleRefusedError) -> Said:
    """Why a box refuses a bundle, with what a person here can do about it."""
    if refused.reason == "key_not_pinned":
        told = N_("{reason}; bank.toml: provisioning = [..., {thumbprint}], signed once by the keys that count now")
        return said(told, reason=refused.said, thumbprint=refused.facts["thumbprint"])
    if refused.reason == "needs_two_signatures":
        told = N_("it touches {touches}: that needs two signatures")
        return said(told, touches=touched_said(tuple(refused.facts["touches"])))
    return refused.said


def check_as_box(
    document: bytes, new: Bundle, past: Past, root: x509.Certificate, now: datetime, *, waits: bool = False
) -> None:
    """Judge a new document as its box will. One that `waits` may lack its second signature.

    Raises:
        BuildError: the box would refuse it.
    """
    if len(document) > MAX_BUNDLE_BYTES:
        raise BuildError(
            N_("the bundle of {site} is larger than {limit} KiB; let fewer people into its roster"),
            site=new.site,
            limit=MAX_BUNDLE_BYTES // 1024,
        )
    try:
        opened = open_document(document, TYPE, Trust(root), now, Role.PROVISIONING)
        held = past.newest
        judge(
            opened,
            held=encode_bundle(held) if held is not None else None,
            pins=frozenset(held.pins if held is not None else new.pins),
            box=new.box,
            site=new.site,
        )
    except BundleRefusedError as refused:
        if not (waits and refused.reason == "needs_two_signatures"):
            raise BuildError(
                N_("box {box} would refuse its bundle: {reason}"), box=new.box, reason=refusal_said(refused)
            ) from None
    except DocumentError as error:
        raise SignerError(N_("what was signed does not hold: {fault}"), fault=document_fault(error)) from None
