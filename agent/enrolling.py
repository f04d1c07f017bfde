"""Becoming a box: the kit says which bank, the code which enrolment; the answer is believed only if all agrees.

Keys are made here and stay here. Nothing secret is sent before the channel is proven, and nothing is written but the
keys before the whole answer has been checked; the certificate is written last, so a box without one is not enrolled.
Flow: enrol_words.py -> here -> enrolment_link.py, keystore.py, site_judging.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Meta

from agent.enrolment_link import Reply, open_link
from agent.enrolment_refused import refused
from agent.identity_files import PRIVATE, PUBLIC, IdentityFiles, identity_files
from agent.identity_reading import CERTIFICATE, FOLDER, PINS, ROOT
from agent.keystore import KeyStore
from agent.keystore_files import enrolled_keys
from agent.site_judging import Knows, SiteRefusedError, judged
from agent.site_store import SiteStore
from protocol.certificates import CertificateError, Trust, VerifiedIdentity, read_certificate, thumbprint
from protocol.enrolled import spoken_fingerprint
from protocol.enrolment import (
    ENROL_PATH,
    EnrolAnswer,
    EnrolmentError,
    chain_of,
    decode,
    issued_in,
    key_kid,
    seal_enrol,
)
from protocol.enrolment_code import EnrolmentCode, decode_code, is_invitation, read_invitation
from protocol.messages import Hash, Id, Version
from protocol.pinned_channel import pin_of
from protocol.sealing import SealingError
from protocol.site.addresses import AddressError, parse_address
from protocol.texts import Said, SaidError, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import parse_time

KIT: Final = Path("/etc/branchwatch/kit")
"""Where install.sh puts what the kit says of the bank."""

KIT_ROOT, KIT_PINS, KIT_ENROL = "root.pem", "pins.json", "enrol.json"
MAX_KIT_FILE_BYTES: Final = 64 * 1024
ENROLMENT_PORT: Final = 8443

Step = Callable[[Said], None]


class EnrolInputError(SaidError):
    """What was given cannot be used: a kit that is none, a code for another box, a box that is enrolled."""


class FaultyAnswerError(SaidError):
    """The enrolment answered what this box must not take; it has a key and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """What a box knows of its bank before it is enrolled, and where it belongs."""

    root: x509.Certificate
    pins: tuple[str, ...]
    site: str
    box: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What came of it. `fingerprint` is read to the bank by voice; without a `version` no site file came.

    `held`: one is in force that was there before; a newer one comes over the line.
    """

    box: str
    site: str
    until: datetime
    fingerprint: str
    version: int | None
    held: bool


class _KitEnrol(msgspec.Struct, frozen=True, kw_only=True):
    v: Version
    site: Id
    box: Id
    at: Annotated[str, Meta(min_length=1, max_length=300)]


def read_bank(kit: Path) -> Bank:
    """What a kit says of the bank.

    Raises:
        EnrolInputError: a file is missing or damaged; the message names it.
    """
    root = _certificate(kit / KIT_ROOT)
    try:
        pins = msgspec.json.decode(_read(kit / KIT_PINS), type=Annotated[tuple[Hash, ...], Meta(min_length=1)])
        said_there = msgspec.json.decode(_read(kit / KIT_ENROL), type=_KitEnrol)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise EnrolInputError(
            N_("{folder}: {pins} or {enrol} is damaged; copy the kit again"),
            folder=kit,
            pins=KIT_PINS,
            enrol=KIT_ENROL,
        ) from None
    return Bank(root=root, pins=pins, site=said_there.site, box=said_there.box, at=said_there.at)


def read_code(typed: str, bank: Bank) -> tuple[EnrolmentCode, str]:
    """The code in what somebody typed, scanned or copied, and the address to ask.

    Raises:
        CodeError: it is none, or has a slip.
        EnrolInputError: it is for another site or box than the kit.
    """
    if not is_invitation(typed):
        return decode_code(typed), bank.at
    invitation = read_invitation(typed)
    if (invitation.site, invitation.box) != (bank.site, bank.box):
        raise EnrolInputError(
            N_("the code is for site {site}, box {box}; this kit is for site {kit_site}, box {kit_box}"),
            site=invitation.site,
            box=invitation.box,
            kit_site=bank.site,
            kit_box=bank.box,
        )
    return invitation.code, invitation.at


def enrol(
    bank: Bank,
    code: EnrolmentCode,
    at: str,
    state: Path,
    *,
    again: bool,
    machine: str,
    now: datetime,
    step: Step,
) -> Enrolled:
    """Make keys, ask, check the answer, and write it.

    Raises:
        EnrolInputError: enrolled already, or an address that is none.
        UnreachableError, StrangerError: see `open_link`.
        RefusedError: the enrolment says no.
        FaultyAnswerError: what it says cannot be taken.
        KeyStoreError, IdentityFilesError: the disk.
    """
    if (state / FOLDER / CERTIFICATE).exists() and not again:
        raise EnrolInputError(
            N_("this box is enrolled already. With a fresh code for the same box and key: agent enrol --again")
        )
    try:
        host, port = parse_address(at, ENROLMENT_PORT)
    except AddressError as error:
        raise EnrolInputError(N_("the enrolment's address {fault}: {at}"), fault=error.said, at=at) from None
    with identity_files(state) as files:
        keys = enrolled_keys(state, lambda name, content: files.write(name, content, PRIVATE))
        step(said(N_("Keys made.")) if keys.make() else said(N_("The keys that were made before are used.")))
        with open_link(host, port, code.pin, now) as link:
            step(said(N_("{at} is the bank's enrolment."), at=at))
            body = seal_enrol(
                sealer=keys.sealer(key_kid(keys.signing_key())),
                site=bank.site,
                box=bank.box,
                secret=code.secret,
                csr=keys.request(bank.box),
                sealing_key=keys.sealing_key(),
                machine=machine,
            )
            answer = _answer(link.post(ENROL_PATH, body))
        certain = max(now, link.channel.begins, parse_time(answer.at))
        identity = _identity(answer, bank, keys, code.pin, certain)
        step(said(N_("Certificate for {box} of site {site}, checked."), box=identity.id, site=identity.site))
        held = SiteStore(state).current() is not None
        version = _write(files, answer, bank, identity, keys, state, certain)
    sealing = keys.sealing_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Enrolled(
        box=bank.box,
        site=bank.site,
        until=identity.not_after,
        fingerprint=spoken_fingerprint(thumbprint(identity.public_key), sealing),
        version=version,
        held=held,
    )


def chain_pem(chain: tuple[bytes, ...]) -> bytes:
    """Certificates as the identity's file holds them."""
    return b"".join(read_certificate(der).public_bytes(Encoding.PEM) for der in chain)


def _answer(reply: Reply) -> EnrolAnswer:
    if reply.status != 200:
        raise refused(reply)
    try:
        return decode(reply.body, EnrolAnswer)
    except EnrolmentError:
        raise FaultyAnswerError(
            N_("the enrolment's answer cannot be read; this box and the bank have versions too different")
        ) from None


def _identity(answer: EnrolAnswer, bank: Bank, keys: KeyStore, pin: bytes, now: datetime) -> VerifiedIdentity:
    """Whose certificate came: it must be this box's, from the kit's root, by the issuer of the code, for this key."""
    try:
        if chain_of([answer.root])[0] != bank.root.public_bytes(Encoding.DER):
            raise FaultyAnswerError(
                N_("the enrolment has another root than the kit. Next step: a kit of the same bank, or ask the bank")
            )
        identity = issued_in(answer.chain, Trust(bank.root), now)
        pinned = pin_of(read_certificate(identity.chain[1]))[: len(pin)] == pin
    except (EnrolmentError, CertificateError) as error:
        raise FaultyAnswerError(N_("the certificate that came does not hold: {fault}"), fault=str(error)) from None
    if (identity.id, identity.site) != (bank.box, bank.site) or not pinned:
        raise FaultyAnswerError(
            N_("the certificate that came is for {box} of site {site}, or of another issuer"),
            box=identity.id,
            site=identity.site,
        )
    if identity.public_key != keys.signing_key():
        raise FaultyAnswerError(N_("the certificate that came is for another key than this box's"))
    return identity


def _write(
    files: IdentityFiles,
    answer: EnrolAnswer,
    bank: Bank,
    identity: VerifiedIdentity,
    keys: KeyStore,
    state: Path,
    now: datetime,
) -> int | None:
    """Site file, root, pins, and last the certificate: it says that all the rest is there."""
    store = SiteStore(state)
    version = None
    try:
        document = answer.document
        if document is not None and store.current() is None:
            knows = Knows(
                trust=Trust(bank.root),
                box=bank.box,
                site=bank.site,
                pins=frozenset(bank.pins),
                opens=lambda name, sealed: _opens(keys, bank.box, name, sealed),
            )
            version = judged(document, knows, None, now).bundle.version
            store.commit(document, keep=None)
    except SiteRefusedError as error:
        raise FaultyAnswerError(N_("the site file that came is not taken: {reason}"), reason=error.said) from None
    except OSError as error:
        raise EnrolInputError(
            N_("{folder} cannot be written: {reason}"), folder=store.folder, reason=system_said(error)
        ) from None
    files.write(ROOT, bank.root.public_bytes(Encoding.PEM), PUBLIC)
    files.write(PINS, msgspec.json.encode(bank.pins), PUBLIC)
    files.write(CERTIFICATE, chain_pem(identity.chain), PUBLIC)
    return version


def _opens(keys: KeyStore, box: str, name: str, sealed: str) -> bool:
    try:
        keys.open_secret(sealed, box=box, name=name)
    except (SaidError, SealingError):
        return False
    return True


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError:
        raise EnrolInputError(N_("{path} is no certificate in PEM; copy the kit again"), path=path) from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KIT_FILE_BYTES)
    except OSError as error:
        raise EnrolInputError(
            N_("{path} cannot be read: {reason}; name the kit's folder with --kit"),
            path=path,
            reason=system_said(error),
        ) from None
