"""Whether this box takes a signed site bundle, and what the bundle in force says. Pure: bytes and time in, no file.

The rules that every maker of bundles shares are `protocol/bundle.py`; here are those that only the box can hold: whose
root, which box, which keys are pinned, and whether its sealing key opens what is sealed. Time counts when a bundle is
taken; at a later start its signatures alone are judged again, for a box must start after its signers' end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from protocol.bundle import (
    Accepted,
    Bundle,
    BundleError,
    BundleRefusedError,
    bundle_hash,
    judge,
    read_bundle,
    site_of,
    touches,
)
from protocol.certificates import Role, Trust
from protocol.documents import DocumentError, claimed_payload, open_document
from protocol.envelope import EnvelopeType
from protocol.limits import MAX_BUNDLE_BYTES
from protocol.messages import ConfigState
from protocol.settings import SettingsError
from protocol.site.schema import Centre, Site
from protocol.texts import Said, SaidError, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

LAST_MOMENT: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""Later than any certificate: with `expired_ok` each signer is judged at the end of his own time."""

Opens = Callable[[str, str], bool]
"""Whether the box's sealing key opens what is sealed under a name."""

SENTENCES: Final[Mapping[str, str]] = {
    "too_large": N_("it is larger than {limit_kib} KiB"),
    "malformed": N_("it is no signed site bundle, or not all of one: copy the file again"),
    "wrong_type": N_("it is signed as something else than a site bundle"),
    "bad_signature": N_("a signature does not fit: the bundle was changed after it was signed"),
    "signed_twice": N_("one identity signed it twice"),
    "foreign_certificate": N_("a signature names another certificate than the one beside it"),
    "certificate_malformed": N_("a signer's certificate cannot be read"),
    "certificate_untrusted": N_("a signer's certificate does not come from this bank's root"),
    "certificate_wrong_name": N_("a signer's certificate bears no valid name"),
    "certificate_wrong_role": N_("a signer's certificate is not for provisioning"),
    "certificate_expired": N_("a signer's certificate has ended"),
    "certificate_not_yet_valid": N_("a signer's certificate has not begun yet; look at the box's clock"),
    "certificate_revoked": N_("a signer's certificate is revoked"),
    "secret_not_ours": N_("the secret {name} is not sealed to this box's key"),
    "device_silent": N_("{devices} does not answer; see to its wiring and address"),
    "no_room": N_("the disk takes nothing more ({fault})"),
    "damaged": N_("the stored bundle is damaged"),
}
"""Reasons that are the box's own or the document's; those of the shared rules are in `protocol/bundle.py`."""


_LIMIT: Final[Mapping[str, Any]] = {"limit_kib": MAX_BUNDLE_BYTES // 1024}


class SiteRefusedError(SaidError):
    """The box keeps the bundle that it has: `reason` is a word for logs and events, `facts` what it was about."""

    def __init__(self, reason: str, facts: Mapping[str, Any] | None = None) -> None:
        self.reason = reason
        self.facts: dict[str, Any] = dict(facts or {})
        sentence = _sentence(reason, self.facts)
        super().__init__(sentence.text, **sentence.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knows:
    """What a box knows when it judges."""

    trust: Trust
    box: str
    site: str
    pins: frozenset[str]  # those of its kit
    opens: Opens


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedSite:
    """A site bundle in force. Made by `in_force` and `taken` only."""

    document: bytes
    payload: bytes
    bundle: Bundle
    hash: str
    site: Site
    centre: Centre
    signers: tuple[str, ...]
    touches: tuple[str, ...]

    @property
    def state(self) -> ConfigState:
        """As births and beats tell of it."""
        return ConfigState(
            version=self.bundle.version,
            hash=self.hash,
            roster_version=self.bundle.roster.version,
            roster_not_after=self.bundle.roster.not_after,
        )


def judged(document: bytes, knows: Knows, held: SignedSite | None, now: datetime) -> Accepted:
    """Whether the box takes `document`, as far as paper tells; its devices are asked by whoever goes on.

    Raises:
        SiteRefusedError: it keeps what it has.
    """
    if len(document) > MAX_BUNDLE_BYTES:
        raise SiteRefusedError("too_large", _LIMIT)
    try:
        opened = open_document(document, EnvelopeType.SITE, knows.trust, now, Role.PROVISIONING)
        accepted = judge(
            opened,
            held=held.payload if held else None,
            pins=frozenset(held.bundle.pins) if held else knows.pins,
            box=knows.box,
            site=knows.site,
        )
    except DocumentError as error:
        raise SiteRefusedError(error.fault, _LIMIT if error.fault == "too_large" else {}) from None
    except BundleRefusedError as error:
        raise SiteRefusedError(error.reason, error.facts) from None
    for name, sealed in () if accepted.unchanged else sorted(accepted.bundle.sealed.items()):
        if not knows.opens(name, sealed):
            raise SiteRefusedError("secret_not_ours", {"name": name})
    return accepted


def taken(document: bytes, accepted: Accepted) -> SignedSite:
    """What the box goes over to."""
    return SignedSite(
        document=document,
        payload=accepted.payload,
        bundle=accepted.bundle,
        hash=accepted.hash,
        site=accepted.site,
        centre=_centre_of(accepted.site),
        signers=accepted.signers,
        touches=accepted.touches,
    )


def in_force(document: bytes, knows: Knows, before: bytes | None = None) -> SignedSite:
    """What a stored document says, judged again: whoever changed a byte of it is found. `before`: the one before it.

    Raises:
        SiteRefusedError: it is damaged, or none of this box.
    """
    try:
        opened = open_document(
            document, EnvelopeType.SITE, knows.trust, LAST_MOMENT, Role.PROVISIONING, expired_ok=True
        )
        bundle = read_bundle(opened.payload)
        site = site_of(bundle)
        if (bundle.box, bundle.site) != (knows.box, knows.site):
            raise SiteRefusedError("other_box", {"named": bundle.box, "box": knows.box})
        return SignedSite(
            document=document,
            payload=opened.payload,
            bundle=bundle,
            hash=bundle_hash(opened.payload),
            site=site,
            centre=_centre_of(site),
            signers=tuple(signer.id for signer in opened.signers),
            touches=touches(_bundle_of(before), bundle),
        )
    except (DocumentError, BundleError, SettingsError):
        raise SiteRefusedError("damaged") from None


def claimed(document: bytes) -> dict[str, Any]:
    """Version and hash that a document claims, to name what was refused; empty where it claims none."""
    try:
        payload = claimed_payload(document[: MAX_BUNDLE_BYTES + 1])
        return {"version": read_bundle(payload).version, "hash": bundle_hash(payload)}
    except Exception:  # noqa: BLE001 - nobody checked a byte of it; what cannot be named is refused without a name
        return {}


def _centre_of(site: Site) -> Centre:
    if site.centre is None:
        raise SiteRefusedError("damaged")  # `site_of` takes no bundle without it
    return site.centre


def _bundle_of(document: bytes | None) -> Bundle | None:
    try:
        return read_bundle(claimed_payload(document)) if document is not None else None
    except (DocumentError, BundleError):
        return None


def _sentence(reason: str, facts: Mapping[str, Any]) -> Said:
    text = SENTENCES.get(reason)
    if text is None or (reason in _SHARED and facts):
        return BundleRefusedError(reason, facts).said
    return said(text, **{name: _shown(name, value) for name, value in facts.items()})


def _shown(name: str, value: Any) -> Any:
    if name == "fault":  # what the system says, in the reader's language
        return Said(str(value).replace("{", "{{").replace("}", "}}"))
    return ", ".join(value) if isinstance(value, (list, tuple)) else value


_SHARED: Final = frozenset({"malformed", "certificate_wrong_role"})
"""Reasons of both tables: with facts the shared rules gave them."""
