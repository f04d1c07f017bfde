"""The site bundle: everything that a box is told, in one signed line, and whether a box may take it (docs/trust.md 4).

Pure, and shared: who makes a bundle judges it as the box will. Whether its devices answer, and committing it, are the
box's. Flow: `provision build` makes the payload and `protocol/documents.py` signs it; the box opens the document with
role `provisioning` and asks `judge`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from protocol.bundle_touches import MOST_STEPS, Guarded, touched
from protocol.certificates import Role, thumbprint
from protocol.documents import Document
from protocol.limits import MAX_BUNDLE_BYTES
from protocol.messages import Hash, Id, Seq, Text, Time, Version, once
from protocol.roster import Roster, roster_fault
from protocol.settings import Problem, SettingsError
from protocol.site.reading import site_from
from protocol.site.schema import Site
from protocol.texts import SaidError, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import parse_time

MAX_SECRETS: Final = 256
"""Secrets of one site: a login for each recorder and camera, a key for each panel."""

MAX_PINS: Final = 16
"""Provisioning keys that a box accepts at a time: those of today and their successors."""

NEEDED_SIGNATURES: Final = 2
"""Where a bundle touches what gives people or zones their power (WIRE 3.4)."""


class Bundle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The payload of a `bw-site` document. Unknown fields are ignored, as a message's are."""

    v: Version
    site: Id
    box: Id
    version: Seq
    at: Time
    settings: dict[str, Any]
    roster: Roster
    pins: Annotated[tuple[Hash, ...], Meta(min_length=1, max_length=MAX_PINS)]
    sealed: Annotated[dict[Id, Annotated[str, Meta(max_length=8192)]], Meta(max_length=MAX_SECRETS)]
    pending: Annotated[tuple[Id, ...], Meta(max_length=MAX_SECRETS)] = ()  # named by the settings, not sealed yet
    rollback: bool = False
    reason: Text = ""


class BundleError(Exception):
    """The payload is no site bundle; the text says where."""


class BundleRefusedError(SaidError):
    """A box does not take this bundle: `reason` is a word for logs and events, `facts` what it was about."""

    def __init__(self, reason: str, facts: Mapping[str, Any] | None = None) -> None:
        self.reason = reason
        self.facts: dict[str, Any] = dict(facts or {})
        super().__init__(_SENTENCES[reason], **{name: _listed(value) for name, value in self.facts.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A bundle that a box may take if its devices answer. Made by `judge` only."""

    bundle: Bundle
    payload: bytes
    hash: str
    site: Site
    touches: tuple[str, ...]
    signers: tuple[str, ...]
    unchanged: bool
    """It is the one in force: nothing to do."""


_SENTENCES: Final[Mapping[str, str]] = {
    "malformed": N_("this is no site bundle: {fault}"),
    "certificate_wrong_role": N_("{signer} signed it, whose role is {role} and not provisioning"),
    "key_not_pinned": N_("the key of {signer} is not among the provisioning keys that this box obeys"),
    "other_box": N_("it is for box {named}, not for {box}"),
    "other_site": N_("it is for site {named}, not for {site}"),
    "older_version": N_("its version {version} is older than version {held}, which is in force"),
    "same_version_other_content": N_("its version {version} is in force already with other content"),
    "settings_wrong": N_("its settings are wrong: {fault}"),
    "secret_missing": N_("its settings name the secret {name}, which is not sealed inside"),
    "needs_two_signatures": N_("it touches {touches}: that needs two signatures, and {signers} alone signed"),
    "held_damaged": N_("the bundle in force cannot be read, so nothing can be compared with it"),
}
"""Every reason of `judge`, and its sentence."""

_DECODER: Final = msgspec.json.Decoder(Bundle)
_ENCODER: Final = msgspec.json.Encoder()


def encode_bundle(bundle: Bundle) -> bytes:
    """The payload: one line of JSON."""
    return _ENCODER.encode(bundle)


def read_bundle(payload: bytes) -> Bundle:
    """The bundle that a payload holds; its settings are judged by `site_of`.

    Raises:
        BundleError: too large, not one line, or not of the form.
    """
    if len(payload) > MAX_BUNDLE_BYTES:
        raise BundleError(f"longer than {MAX_BUNDLE_BYTES} bytes")
    if b"\n" in payload or b"\r" in payload:
        raise BundleError("not one line")
    try:
        bundle = _DECODER.decode(payload)
        json.loads(payload, object_pairs_hook=once, parse_int=str, parse_float=str)
        parse_time(bundle.at)
        parse_time(bundle.roster.not_after)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BundleError(str(error)) from None
    if fault := roster_fault(bundle.roster) or _own_fault(bundle):
        raise BundleError(fault)
    return bundle


def bundle_hash(payload: bytes) -> str:
    """A bundle's hash: SHA-256 of its payload's bytes in hex."""
    return sha256(payload).hexdigest()


def site_of(bundle: Bundle) -> Site:
    """The site that the settings describe.

    Raises:
        SettingsError: every fault at once.
    """

    def belongs(site: Site) -> Iterator[Problem]:
        if site.id != bundle.site:
            yield ("id",), said("{key} must be {wanted}, as the bundle says", key="id", wanted=bundle.site)
        if site.centre is None:
            yield ("centre",), said("{key} is missing", key="centre")
            return
        if site.centre.box != bundle.box:
            yield ("centre", "box"), said("{key} must be {wanted}, as the bundle says", key="box", wanted=bundle.box)
        for key in ("ca", "certificate", "key", "trust"):
            if getattr(site.centre, key) is not None:
                yield ("centre", key), said("{key} has no place in a bundle: a box has its own", key=key)

    return site_from(bundle.settings, f"{bundle.box}/{bundle.version}", belongs)


def secret_names(site: Site) -> frozenset[str]:
    """Every secret that a site's devices need."""
    recorders, cameras = ({each.login.secret for each in devices} for devices in (site.recorder, site.camera))
    panels = {panel.key.secret for panel in site.panel if panel.key is not None}
    return frozenset(recorders | cameras | panels | {code.secret.secret for code in site.code})


def touches(current: Bundle | None, new: Bundle) -> tuple[str, ...]:
    """What of roster, pins, partitions, zones and outputs differs from the bundle in force; against none, all there is.

    And `version`, where it passes over so many that one signer could use up all numbers.

    Raises:
        SettingsError: the new one's settings do not hold. One in force that no longer holds counts as none.
    """
    return _touches(current, new, site_of(new))


def judge(document: Document, *, held: bytes | None, pins: frozenset[str], box: str, site: str) -> Accepted:
    """Whether a box takes this bundle; `held` is the payload in force, `pins` what the box holds (kit or bundle).

    Raises:
        BundleRefusedError: every rule has its own reason.
    """
    try:
        bundle = read_bundle(document.payload)
    except BundleError as error:
        raise BundleRefusedError("malformed", {"fault": str(error)[:256]}) from None
    in_force = _in_force(held)
    unchanged = held == document.payload  # it may be signed by a key that it put out of use itself
    for signer in document.signers:
        if signer.role is not Role.PROVISIONING:
            raise BundleRefusedError("certificate_wrong_role", {"signer": signer.id, "role": signer.role.value})
        if not unchanged and (key := thumbprint(signer.public_key)) not in pins:
            raise BundleRefusedError("key_not_pinned", {"signer": signer.id, "thumbprint": key})
    if bundle.box != box:
        raise BundleRefusedError("other_box", {"named": bundle.box, "box": box})
    if bundle.site != site:
        raise BundleRefusedError("other_site", {"named": bundle.site, "site": site})
    if in_force is not None and bundle.version < in_force.version:
        raise BundleRefusedError("older_version", {"version": bundle.version, "held": in_force.version})
    if in_force is not None and bundle.version == in_force.version and not unchanged:
        raise BundleRefusedError("same_version_other_content", {"version": bundle.version})
    try:
        whole = site_of(bundle)
    except SettingsError as error:
        raise BundleRefusedError("settings_wrong", {"fault": str(error.faults[0])[:256]}) from None
    known = {*bundle.sealed, *bundle.pending}
    for name in sorted(secret_names(whole) - known):
        raise BundleRefusedError("secret_missing", {"name": name})
    touching = _touches(in_force, bundle, whole) if not unchanged else ()
    signers = tuple(signer.id for signer in document.signers)
    if touching and len(signers) < NEEDED_SIGNATURES:
        raise BundleRefusedError("needs_two_signatures", {"touches": list(touching), "signers": list(signers)})
    return Accepted(
        bundle=bundle,
        payload=document.payload,
        hash=bundle_hash(document.payload),
        site=whole,
        touches=touching,
        signers=signers,
        unchanged=unchanged,
    )


def _touches(current: Bundle | None, new: Bundle, site: Site) -> tuple[str, ...]:
    before: Guarded | None = None
    if current is not None and not new.rollback:  # going back puts everything into question
        try:
            before = Guarded(site=site_of(current), sealed=current.sealed)
        except SettingsError:
            current = None
    else:
        current = None
    jump = ("version",) if current is not None and new.version - current.version > MOST_STEPS else ()
    # Whose orders count here, and when, hangs on the site's part of the bank and on its clock as much.
    moved = before is None or _where(before.site) != _where(site)
    people = ("roster",) if moved or current is None or current.roster != new.roster else ()
    keys = ("pins",) if current is None or set(current.pins) != set(new.pins) else ()
    return (*jump, *people, *keys, *touched(before, Guarded(site=site, sealed=new.sealed)))


def _where(site: Site) -> tuple[str, str]:
    return site.unit, site.timezone


def _in_force(held: bytes | None) -> Bundle | None:
    try:
        return read_bundle(held) if held is not None else None
    except BundleError:
        raise BundleRefusedError("held_damaged") from None


def _own_fault(bundle: Bundle) -> str:
    if bundle.rollback and not bundle.reason:
        return "a rollback needs its reason"
    if not bundle.reason.isprintable():
        return "control characters in the reason"
    if both := set(bundle.sealed).intersection(bundle.pending):
        return f"{min(both)} is both sealed and pending"
    return ""


def _listed(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value
