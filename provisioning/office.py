"""The authority at work: each act is recorded first, and only then does what it made leave this process.

So a crash at any moment leaves at most a recorded certificate that nobody has, never one out there that no record
knows. What is revoked is what the record says; lists that a crash left behind are made good by the next act.
One office is open at a time in a folder.
Flow: command.py, enrolment -> here -> authority.py, record_file.py, keeping.py.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.x509.oid import NameOID

from protocol.certificates import Issuer, Role
from protocol.ids import is_id
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning import deeds
from provisioning.authority import Authority
from provisioning.issuing import Credential, IssueRefusedError
from provisioning.keeping import (
    ROOT,
    load_authority,
    load_certificate,
    require_authority,
    save_chain,
    save_credential,
    save_crls,
)
from provisioning.passphrase import Ask, no_passphrase
from provisioning.record import Act, Deed, Entry
from provisioning.record_file import PATIENCE_S, RECORD, RecordFile, hold_record
from provisioning.refusal import RefusedError

ROOM_BYTES: Final = 256 * 1024
"""Free space asked for before anything is begun: lists, a batch of certificates, their record."""


class OfficeError(RefusedError):
    """An act that would leave something half done, or that the record speaks against."""


_SERIAL: Final = re.compile("[1-7][0-9a-f]{0,39}|[89a-f][0-9a-f]{0,38}")
"""RFC 5280 section 4.1.2.2: positive, and 20 bytes with its sign."""
_KEY: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Order:
    """A certificate to be issued."""

    role: Role
    id: str
    site: str | None = None
    hosts: tuple[str, ...] = ()


@contextmanager
def open_office(folder: Path, ask: Ask = no_passphrase, patience_s: float = PATIENCE_S) -> Iterator["Office"]:
    """The authority of `folder`, ready to act; everybody else is kept out until the end.

    Raises:
        KeepingError: no authority there, or a damaged one.
        RecordError: in use, or its record is missing or broken.
    """
    require_authority(folder)
    with hold_record(folder / RECORD, patience_s) as record:
        yield Office(folder, load_authority(folder, ask), record)


class Office:
    """One authority and its record; made by `open_office`."""

    def __init__(self, folder: Path, authority: Authority, record: RecordFile) -> None:
        self.authority = authority
        self._folder, self._record = folder, record

    @property
    def entries(self) -> Sequence[Entry]:
        """Everything that was ever done here."""
        return self._record.entries

    def issue(self, orders: Sequence[Order], out: Path, now: datetime) -> list[Credential]:
        """Make keys and certificates and write them to `out`: all or none.

        Raises:
            IssueRefusedError: an id that is none, or a box's that was used before.
            OfficeError: a key of that name is there already, the folder is another authority's, or no room.
        """
        for order in orders:
            if (out / f"{order.id}.key").exists():
                raise OfficeError(
                    N_("{folder} already holds a key of {id}; choose another folder"), folder=out, id=order.id
                )
            if (out / f"{order.id}.pem").exists():
                raise OfficeError(
                    N_("{folder} already holds a certificate of {id}; choose another folder"), folder=out, id=order.id
                )
        self._check_out(out)
        self._check_unused(orders)
        self._check_room(out)
        made = [
            self.authority.issue(order.role, order.id, site=order.site, hosts=order.hosts, now=now) for order in orders
        ]
        entries = [
            deeds.issued(order.role, order.id, order.site, each.certificate)
            for order, each in zip(orders, made, strict=True)
        ]
        self._record.append(entries, now)

        def write() -> None:
            for order, credential in zip(orders, made, strict=True):
                chain = self.authority.chain(credential.certificate)
                root = self.authority.root.certificate
                save_credential(credential, name=order.id, chain=chain, root=root, folder=out)

        names = [out / f"{order.id}{suffix}" for order in orders for suffix in (".key", ".pem")]
        self._hand_out(write, out, names, entries, now)
        return made

    def certify(self, order: Order, public_key: EllipticCurvePublicKey, now: datetime) -> tuple[x509.Certificate, ...]:
        """A certificate, with its issuer's, for a key made elsewhere; recorded when this returns.

        Raises:
            IssueRefusedError: an id that is none, or a box's that was used before with another key.
        """
        self._check_unused([order], public_key)
        certificate = self.authority.certify(
            order.role, order.id, public_key, site=order.site, hosts=order.hosts, now=now
        )
        self._record.append([deeds.issued(order.role, order.id, order.site, certificate)], now)
        return self.authority.chain(certificate)

    def renew(self, certificates: Sequence[x509.Certificate], out: Path, now: datetime) -> dict[str, x509.Certificate]:
        """New certificates, by id, for the same names and keys, written to `out`: all or none; the keys stay away.

        Raises:
            IssueRefusedError: one is revoked, not of this authority, or unknown to its record.
            OfficeError: the folder is another authority's, or no room.
        """
        self._check_out(out)
        self._check_room(out)
        made = {_name_of(each): self._renewed(each, now) for each in certificates}
        entries = [deed for deed, _ in made.values()]
        self._record.append(entries, now)
        root = self.authority.root.certificate

        def write() -> None:
            for name, (_, chain) in made.items():
                save_chain(name=name, chain=chain, root=root, folder=out)

        # What is there already is the old certificate, which a failed write leaves; so nothing is to be removed.
        self._hand_out(write, out, [], entries, now)
        return {name: chain[0] for name, (_, chain) in made.items()}

    def renewal(self, certificate: x509.Certificate, now: datetime) -> tuple[x509.Certificate, ...]:
        """One of them with its issuer's, to be sent and not written; recorded when this returns.

        Raises:
            IssueRefusedError: revoked, not of this authority, or unknown to its record.
        """
        deed, chain = self._renewed(certificate, now)
        self._record.append([deed], now)
        return chain

    def _renewed(self, certificate: x509.Certificate, now: datetime) -> tuple[Deed, tuple[x509.Certificate, ...]]:
        self.authority.issuer_of(certificate)
        known = deeds.digest_of(certificate)
        entry = next((each for each in self._certificates() if each.facts["certificate"] == known), None)
        if entry is None:
            raise IssueRefusedError(N_("this certificate is not in the record; it was not issued by this authority"))
        if entry.facts["key"] in self._revoked_keys():
            raise IssueRefusedError(N_("this certificate is revoked; what is revoked is not renewed"))
        renewed = self.authority.renew(certificate, now=now)
        return deeds.renewed(entry.facts, renewed), self.authority.chain(renewed)

    def revoke(
        self,
        certificates: Sequence[x509.Certificate],
        ids: Sequence[str],
        now: datetime,
        elsewhere: Sequence[Entry] = (),
    ) -> int:
        """Take back these certificates, all others of their keys, and all of `ids`: all or none; returns how many.

        Ended ones too: they would still prove events (WIRE 2.5). `elsewhere` is the record of the enrolment, which
        issued in this authority's name: of it only boxes count, and nothing that it says of another's certificate, for
        whoever broke into that machine may have written it.

        Raises:
            IssueRefusedError: one was not issued here, or the record knows no such id.
            OfficeError: no room.
        """
        own = self._certificates()
        of_serial = {each.facts["serial"]: each.facts["id"] for each in own}
        issued = [each for each in elsewhere if _is_enrolled_box(each)]
        issued = [each for each in issued if of_serial.get(each.facts["serial"], each.facts["id"]) == each.facts["id"]]
        known = [*own, *issued]
        named = [(self.authority.issuer_of(each), deeds.serial_of(each), _name_of(each)) for each in certificates]
        keys = {_key_of(each) for each in certificates}
        for identity in ids:
            if not any(each.facts["id"] == identity for each in known):
                unknown = N_(
                    'the record knows no certificate of "{id}"; of a box that enrolled by a code the enrolment\'s '
                    "record knows: --enrolment DIR"
                )
                if elsewhere:
                    unknown = N_(
                        'neither the record nor the enrolment\'s, which ends at {at}, knows a certificate of "{id}"; '
                        "is it the newest one of the machine that enrols boxes?"
                    )
                raise IssueRefusedError(unknown, id=identity, at=elsewhere[-1].at if elsewhere else "")
        found = [each for each in known if each.facts["key"] in keys or each.facts["id"] in ids]
        return self._revoke([*named, *(_named(each) for each in found)], now)

    def renew_crls(self, now: datetime) -> None:
        """New lists for another seven days."""
        self._check_room()
        authority = self._caught_up(now, tuple(Issuer)).renew_crls(now=now)
        self._publish(authority, [], now)

    def _revoke(self, named: Sequence[tuple[Issuer, str, str]], now: datetime) -> int:
        self._check_room()
        authority = self._caught_up(now, {issuer for issuer, _, _ in named})
        done: list[Deed] = []
        for issuer, serial, identity in dict.fromkeys(named):
            if serial not in self._revoked_serials(issuer):
                authority = authority.revoke_serial(issuer, int(serial, 16), now=now)
                done.append(deeds.revoked(issuer, serial, identity))
        self._publish(authority, done, now)
        return len(done)

    def _publish(self, authority: Authority, done: Sequence[Deed], now: datetime) -> None:
        changed = [issuer for issuer in Issuer if authority.crls[issuer] is not self.authority.crls[issuer]]
        if changed:
            self._record.append([*done, *(deeds.listed(issuer, authority.crls[issuer]) for issuer in changed)], now)
            save_crls(authority, self._folder)
        self.authority = authority

    def _caught_up(self, now: datetime, issuers: Iterable[Issuer]) -> Authority:
        """With everything on the lists that the record calls revoked: a crash may have come between the two."""
        authority = self.authority
        for issuer in issuers:
            for serial in self._revoked_serials(issuer):
                authority = authority.revoke_serial(issuer, int(serial, 16), now=now)
        return authority

    def _revoked_serials(self, issuer: Issuer) -> set[str]:
        return {
            each.facts["serial"]
            for each in self._record.entries
            if each.act is Act.REVOKED and each.facts["issuer"] == issuer.value
        }

    def _revoked_keys(self) -> set[str]:
        serials = {each.facts["serial"] for each in self._record.entries if each.act is Act.REVOKED}
        return {each.facts["key"] for each in self._certificates() if each.facts["serial"] in serials}

    def _certificates(self) -> list[Entry]:
        """Every certificate that left the house, the newest first."""
        withdrawn = {each.facts["certificate"] for each in self._record.entries if each.act is Act.WITHDRAWN}
        return [
            each
            for each in reversed(self._record.entries)
            if each.act in (Act.ISSUED, Act.RENEWED) and each.facts["certificate"] not in withdrawn
        ]

    def _check_unused(self, orders: Sequence[Order], public_key: EllipticCurvePublicKey | None = None) -> None:
        """Ids of boxes are never used again, so that no other machine ever continues a history (WIRE 1.4, 3.1)."""
        key = deeds.digest_of_key(public_key) if public_key is not None else None
        taken = {each.facts["id"] for each in self._certificates() if each.facts["key"] != key}
        for number, order in enumerate(orders):
            if order.id in {other.id for other in orders[:number]}:
                raise IssueRefusedError(N_('"{id}" is named twice'), id=order.id)
        for order in orders:
            if order.role is Role.BOX and order.id in taken:
                raise IssueRefusedError(
                    N_(
                        'box "{id}" has a certificate for another key; renew that one, or give the new box an id of '
                        "its own (-b after -a)"
                    ),
                    id=order.id,
                )

    def _check_out(self, out: Path) -> None:
        """Beside what is issued stands the root; another authority's must not be lost to it."""
        there = out / f"{ROOT}.pem"
        if there.is_file() and load_certificate(there) != self.authority.root.certificate:
            raise OfficeError(N_("{folder} holds the root of another authority; choose another folder"), folder=out)

    def _check_room(self, *folders: Path) -> None:
        for folder in (self._folder, *folders):
            room = os.statvfs(next(each for each in (folder, *folder.absolute().parents) if each.exists()))
            if room.f_bavail * room.f_frsize < ROOM_BYTES:
                raise OfficeError(N_("there is no room on the disk of {folder}; nothing was done"), folder=folder)

    def _hand_out(
        self, write: Callable[[], None], out: Path, names: Sequence[Path], done: Sequence[Deed], now: datetime
    ) -> None:
        """Write what was recorded; what cannot be written is taken back whole, and that is recorded too."""
        try:
            write()
        except OSError as error:
            for name in names:
                name.unlink(missing_ok=True)
            with suppress(RefusedError):
                self._record.append([deeds.withdrawn(each) for each in done], now)
            raise OfficeError(
                N_("{folder} cannot be written: {reason}; what was issued is withdrawn"),
                folder=out,
                reason=system_said(error),
            ) from None


def _named(entry: Entry) -> tuple[Issuer, str, str]:
    return Issuer(entry.facts["issuer"]), entry.facts["serial"], entry.facts["id"]


def _is_enrolled_box(entry: Entry) -> bool:
    facts = entry.facts
    return (
        entry.act in (Act.ENROLLED, Act.RENEWED)
        and (facts.get("role"), facts.get("issuer")) == (Role.BOX.value, Issuer.BOXES.value)
        and is_id(facts.get("id", ""))
        and _SERIAL.fullmatch(facts.get("serial", "")) is not None
        and _KEY.fullmatch(facts.get("key", "")) is not None
    )


def _key_of(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    return deeds.digest_of_key(key) if isinstance(key, EllipticCurvePublicKey) else ""


def _name_of(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
