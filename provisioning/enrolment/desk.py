"""The enrolment at work: each act is recorded first, and only then does what it made leave this process.

So a crash at any moment leaves at most a recorded certificate that nobody has, and a box whose answer was lost asks
again. What is decided stands in `deciding.py`. Called from many threads; the book lets one at a time do anything.
Flow: web.py -> here -> deciding.py, book.py, folder.py.
"""

import logging
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.certificates import CertificateError, Issuer, Role, Trust, thumbprint
from protocol.documents import DocumentError, claimed_payload, open_document
from protocol.enrolled import Enrolled, encode_enrolled, spoken_fingerprint
from protocol.enrolment import (
    MAX_RECORD_BYTES,
    NO_BUNDLE,
    EnrolAnswer,
    EnrolmentError,
    ProvenEnrolment,
    ProvenRenewal,
    RecordRequest,
    Refusal,
    RenewAnswer,
    decode,
    open_enrol,
    open_renew,
    texts_of,
)
from protocol.envelope import EnvelopeType
from protocol.timestamps import format_time, parse_time
from provisioning import deeds
from provisioning.enrolment.book import Book, Turn
from provisioning.enrolment.codes import Asked, Code, Seen, SeenRenewal
from provisioning.enrolment.deciding import Bucket, Refused, decide_enrolment, decide_renewal, full_bucket, take
from provisioning.enrolment.folder import ENROLLED, Enrolment, bundle_of, lay, readmission_of
from provisioning.enrolment.leaves import Leave, leave_in, name_of
from provisioning.enrolment.lines import lines_after
from provisioning.enrolment.revoked import Revoked
from provisioning.issuing import issue_leaf
from provisioning.record import Act, Deed
from provisioning.record_file import RECORD
from provisioning.refusal import RefusedError

LOG: Final = logging.getLogger("branchwatch.enrolment")

STRANGERS_AN_HOUR: Final = 30
"""Refusals that count against no open code, all together (docs/trust.md 5.4)."""

RENEWALS_AN_HOUR: Final = 6
"""Of one box: its key may be in other hands, and must not fill the record."""

REQUEST_AGE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """A request that gets nothing; `who` is for the log, a claimed name."""

    reason: Refusal
    who: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A request that gets an answer, JSON or lines of it."""

    body: bytes
    who: str


def system_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class Desk:
    """One enrolment, open for requests; the book is the caller's to close."""

    def __init__(
        self,
        enrolment: Enrolment,
        book: Book,
        *,
        now: Callable[[], datetime] = system_now,
        mono_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._enrolment, self._book, self._now, self._mono_s = enrolment, book, now, mono_s
        self._root_der = enrolment.root.public_bytes(Encoding.DER)
        self.issuer_der = enrolment.issuer.certificate.public_bytes(Encoding.DER)
        self._revoked = Revoked(enrolment.folder, enrolment.issuer.certificate)
        self._strangers = full_bucket(STRANGERS_AN_HOUR, mono_s())
        self._renewing: dict[str, Bucket] = {}

    def is_list_old(self) -> bool:
        """Whether somebody must bring a new revocation list."""
        return self._revoked.is_old(self._now())

    def enrol(self, body: bytes) -> Answered | Declined:
        """Answer a box that shows a code.

        Raises:
            RefusedError, OSError, sqlite3.Error: it cannot be recorded now; trying again may help.
        """
        try:
            proven = open_enrol(body)
        except EnrolmentError as error:
            LOG.info("a malformed enrolment: %s", error)
            return Declined(reason=Refusal.MALFORMED)
        now, request = self._now(), proven.request
        asked = Asked(box=request.box, site=request.site, key=thumbprint(proven.key))
        with self._book.turn() as turn:
            seen = self._see(turn, proven, asked)
            verdict = decide_enrolment(asked, seen, now)
            if isinstance(verdict, Refused):
                return self._refuse(turn, asked, verdict, seen.meant, now)
            certificate = self._issue(turn, proven, verdict.code, now)
            self._tell(proven, asked, now)
            bundle = self._bundle(request.box)
        answer = EnrolAnswer(
            v=1,
            box=request.box,
            chain=texts_of([certificate.public_bytes(Encoding.DER), self.issuer_der]),
            root=texts_of([self._root_der])[0],
            bundle=msgspec.Raw(bundle if bundle is not None else NO_BUNDLE),
            at=format_time(now),
        )
        return Answered(body=msgspec.json.encode(answer), who=request.box)

    def renew(self, body: bytes) -> Answered | Declined:
        """Answer a box whose certificate ends, or has ended.

        Raises:
            RefusedError, OSError, sqlite3.Error: it cannot be recorded now; trying again may help.
        """
        now = self._now()
        try:
            proven = open_renew(body, Trust(self._enrolment.root), now)
        except (EnrolmentError, CertificateError) as error:
            LOG.info("a malformed renewal: %s", error)
            return Declined(reason=Refusal.MALFORMED)
        identity = proven.identity
        key = thumbprint(identity.public_key)
        with self._book.turn() as turn:
            leave = self._leave(turn, proven, now)
            seen = SeenRenewal(
                known=turn.knows(sha256(identity.chain[0]).hexdigest()),
                revoked=self._revoked.any_of([*turn.serials_of(key), identity.serial]),
                readmitted=leave is not None,
            )
            crowd = self._spend(identity.id)
            reason = Refusal.TOO_MANY if crowd is not None else decide_renewal(seen, identity.not_after, now)
            if reason is not None:
                if crowd is None or crowd:
                    facts = {"id": identity.id, "site": identity.site or "", "key": key}
                    facts |= {"reason": reason.value, "count": str(crowd or 1)}
                    turn.record([Deed(act=Act.REFUSED, facts=facts)], now)
                return Declined(reason=reason, who=identity.id)
            used = leave if now > identity.not_after else None
            certificate = self._reissue(turn, proven, used, now)
        chain = texts_of([certificate.public_bytes(Encoding.DER), self.issuer_der])
        answer = RenewAnswer(v=1, box=identity.id, chain=chain, at=format_time(now))
        return Answered(body=msgspec.json.encode(answer), who=identity.id)

    def lines(self, body: bytes) -> Answered | Declined:
        """Answer a collector that reads the record on. Raises: OSError."""
        now = self._now()
        try:
            trust = Trust(self._enrolment.root, self._revoked.lists())
            document = open_document(body, EnvelopeType.RECORD, trust, now, Role.COLLECTOR)
            asked = decode(document.payload, RecordRequest)
        except (DocumentError, EnrolmentError) as error:
            LOG.info("a request for the record that does not hold: %s", error)
            return Declined(reason=Refusal.MALFORMED)
        if abs(parse_time(asked.at) - now) > REQUEST_AGE:
            return Declined(reason=Refusal.MALFORMED, who=document.signers[0].id)
        found = lines_after(self._enrolment.folder / RECORD, asked.after, MAX_RECORD_BYTES)
        return Answered(body=found, who=document.signers[0].id)

    def _see(self, turn: Turn, proven: ProvenEnrolment, asked: Asked) -> Seen:
        return Seen(
            newest=turn.newest_code(asked.box),
            meant=turn.code_of_secret(proven.secret_hash),
            key_of_box=turn.key_of_box(asked.box),
            box_of_key=turn.box_of_key(asked.key),
            revoked=self._revoked.any_of(turn.serials_of(asked.key)),
        )

    def _refuse(self, turn: Turn, asked: Asked, verdict: Refused, meant: Code | None, now: datetime) -> Declined:
        facts = {"id": asked.box, "site": asked.site, "reason": verdict.reason.value, "key": asked.key, "count": "1"}
        if verdict.counts is not None:
            name = verdict.counts.name
            wrong = {"reason": Refusal.CODE_WRONG.value, "code": name, "tries": str(verdict.counts.tries + 1)}
            dead = Deed(act=Act.CODE_DEAD, facts={"code": name, "id": asked.box, "site": verdict.counts.site})
            turn.record([Deed(act=Act.REFUSED, facts=facts | wrong), *([dead] if verdict.kills else [])], now)
            return Declined(reason=verdict.reason, who=asked.box)
        self._strangers, admitted, untold = take(self._strangers, self._mono_s())
        if not admitted:
            if untold:
                crowd = {"reason": Refusal.TOO_MANY.value, "count": str(untold)}
                turn.record([Deed(act=Act.REFUSED, facts=facts | crowd)], now)
            return Declined(reason=Refusal.TOO_MANY, who=asked.box)
        code = {"code": meant.name} if meant is not None else {}
        turn.record([Deed(act=Act.REFUSED, facts=facts | code)], now)
        return Declined(reason=verdict.reason, who=asked.box)

    def _issue(self, turn: Turn, proven: ProvenEnrolment, code: Code, now: datetime) -> x509.Certificate:
        certificate = issue_leaf(
            Role.BOX,
            code.box,
            site=code.site,
            issuer=self._enrolment.issuer,
            public_key=proven.key,
            serial=x509.random_serial_number(),
            now=now,
        )
        issued = deeds.issued(Role.BOX, code.box, code.site, certificate)
        spoken = spoken_fingerprint(thumbprint(proven.key), _spki(proven.sealing_key))
        more = {
            "code": code.name,
            "sealing": thumbprint(proven.sealing_key),
            "machine": proven.request.machine,
            "spoken": spoken,
        }
        LOG.info("%s of site %s is enrolled; its installer reads %s", code.box, code.site, spoken)
        turn.record([Deed(act=Act.ENROLLED, facts={**issued.facts, **more})], now)
        return certificate

    def _tell(self, proven: ProvenEnrolment, asked: Asked, now: datetime) -> None:
        told = Enrolled(
            v=1,
            box=asked.box,
            site=asked.site,
            signing=asked.key,
            sealing_key=b64encode(_spki(proven.sealing_key)).decode("ascii"),
            at=format_time(now),
            machine=proven.request.machine,
        )
        lay(self._enrolment.folder, ENROLLED, asked.box, encode_enrolled(told))

    def _bundle(self, box: str) -> bytes | None:
        bundle = bundle_of(self._enrolment.folder, box)
        try:
            if bundle is not None:
                claimed_payload(bundle)
        except DocumentError as error:
            LOG.warning("the bundle of %s is no signed document (%s); the box is enrolled without it", box, error)
            return None
        return bundle

    def _leave(self, turn: Turn, proven: ProvenRenewal, now: datetime) -> Leave | None:
        """The readmission that lies ready and holds; only an ended certificate needs one."""
        identity, folder = proven.identity, self._enrolment.folder
        if now <= identity.not_after:
            return None
        document = readmission_of(folder, identity.id)
        if document is None:
            return None
        trust = Trust(self._enrolment.root, self._revoked.lists())
        try:
            if turn.leave_used(name_of(document)):
                return None
            return leave_in(document, identity, trust=trust, bundle=bundle_of(folder, identity.id), now=now)
        except RefusedError as error:
            LOG.warning("the readmission of %s does not hold: %s", identity.id, error)
            return None

    def _reissue(self, turn: Turn, proven: ProvenRenewal, leave: Leave | None, now: datetime) -> x509.Certificate:
        identity = proven.identity
        certificate = issue_leaf(
            Role.BOX,
            identity.id,
            site=identity.site,
            issuer=self._enrolment.issuer,
            public_key=identity.public_key,
            serial=x509.random_serial_number(),
            now=now,
        )
        old = {"role": Role.BOX.value, "id": identity.id, "issuer": Issuer.BOXES.value, "site": identity.site or ""}
        renewed = deeds.renewed({**old, "certificate": sha256(identity.chain[0]).hexdigest()}, certificate)
        done = [renewed] if leave is None else [leave.deed, renewed]
        turn.record(done, now)
        return certificate

    def _spend(self, box: str) -> int | None:
        """Take a renewal from the box's bucket: None when there was one, else of how many without one to tell now."""
        now_s = self._mono_s()
        bucket = self._renewing.get(box) or full_bucket(RENEWALS_AN_HOUR, now_s)
        self._renewing[box], admitted, untold = take(bucket, now_s)
        return None if admitted else untold


def _spki(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
