"""Enrolments for tests: a desk on virtual time, boxes on paper that ask it, and whatever went into its record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from protocol.certificates import kid_of_der
from protocol.enrolment import EnrolAnswer, RenewAnswer, chain_of, key_kid, seal_enrol, seal_renew
from protocol.envelope import Sealer
from protocol.timestamps import format_time
from provisioning.authority import Authority, new_key
from provisioning.enrolment.book import Book
from provisioning.enrolment.desk import Answered, Declined, Desk
from provisioning.enrolment.folder import Enrolment, new_enrolment
from provisioning.enrolment.tokens import Token, make_token
from provisioning.keeping import save_authority
from provisioning.record import Entry
from provisioning.record_file import RECORD, read_record
from tests.clock import Clock

SITE, BOX = "0755-031", "0755-031-a"


@dataclass
class AskingBox:
    """A box that makes keys and asks; each is another machine."""

    box: str = BOX
    site: str = SITE
    key: EllipticCurvePrivateKey = field(default_factory=new_key)
    sealing: EllipticCurvePrivateKey = field(default_factory=new_key)
    chain: tuple[bytes, ...] = ()

    def enrolment(self, secret: bytes) -> bytes:
        """The body that shows a code's secret."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.box)])
        csr = x509.CertificateSigningRequestBuilder(name).sign(self.key, hashes.SHA256())
        return seal_enrol(
            sealer=Sealer(self.key, key_kid(self.key.public_key())),
            site=self.site,
            box=self.box,
            secret=secret,
            csr=csr.public_bytes(Encoding.DER),
            sealing_key=self.sealing.public_key(),
            machine="0123456789abcdef",
        )

    def renewal(self, at: datetime) -> bytes:
        """The body that asks for a new certificate."""
        sealer = Sealer(self.key, kid_of_der(self.chain[0]))
        return seal_renew(sealer=sealer, box=self.box, chain=self.chain, at=format_time(at))

    def take(self, answer: Answered | Declined) -> EnrolAnswer | RenewAnswer:
        """Read a granted answer and keep its chain."""
        assert isinstance(answer, Answered), answer
        read: EnrolAnswer | RenewAnswer
        try:
            read = msgspec.json.decode(answer.body, type=EnrolAnswer)
        except msgspec.ValidationError:
            read = msgspec.json.decode(answer.body, type=RenewAnswer)
        self.chain = chain_of(read.chain)
        return read

    def certificate(self) -> x509.Certificate:
        """The one in force."""
        return x509.load_der_x509_certificate(self.chain[0])


@dataclass
class PaperDesk:
    """One enrolment on virtual time."""

    authority: Authority
    folder: Path
    ca: Path
    clock: Clock
    enrolment: Enrolment
    book: Book
    desk: Desk

    def token(
        self, box: str = BOX, site: str = SITE, *, valid: timedelta = timedelta(hours=24), again: bool = False
    ) -> Token:
        """A code for a box."""
        return make_token(
            self.enrolment,
            self.book,
            box=box,
            site=site,
            valid=valid,
            again=again,
            random=os.urandom,
            now=self.clock.now(),
        )

    def enrolled(self, box: AskingBox | None = None) -> AskingBox:
        """A box with a certificate."""
        asking = box or AskingBox()
        code = self.token(asking.box, asking.site).code
        asking.take(self.desk.enrol(asking.enrolment(code.secret)))
        return asking

    def entries(self) -> list[Entry]:
        """The record."""
        return [entry for entry, _ in read_record(self.folder / RECORD)]

    def said(self, act: str) -> list[dict[str, str]]:
        """Facts of every line of an act."""
        return [entry.facts for entry in self.entries() if entry.act.value == act]

    def again(self) -> Desk:
        """The desk of another process on the same folder, while the first is gone: a start after a crash."""
        self.book.close()
        self.book = Book(self.folder)
        self.desk = Desk(self.enrolment, self.book, now=self.clock.now, mono_s=lambda: self.clock.mono_ms() / 1000)
        return self.desk


@contextmanager
def paper_desk(folder: Path, clock: Clock) -> Iterator[PaperDesk]:
    """A new authority and its enrolment, on the disk; the clock is the test's."""
    authority = Authority.create(now=clock.now())
    ca, enrol = folder / "ca", folder / "enrol"
    save_authority(authority, ca)
    enrolment = new_enrolment(ca, enrol, clock.now())
    book = Book(enrol)
    desk = Desk(enrolment, book, now=clock.now, mono_s=lambda: clock.mono_ms() / 1000)
    made = PaperDesk(authority, enrol, ca, clock, enrolment, book, desk)
    try:
        yield made
    finally:
        made.book.close()
