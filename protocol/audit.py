"""The offline audit of an exported ledger: every signature, every link, every hole, with nothing but public keys.

Pure: lines in, a report out; it reads no clock and no file. The collector that wrote the export is believed in
nothing but its own signatures, and the root in the file only if the reader brings the same one.
"""

from base64 import b64decode
from binascii import Error as BinasciiError
from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec
from cryptography import x509

from protocol.audit_lanes import Fault, LaneAudit, LaneName, Problem, named
from protocol.certificates import (
    CertificateError,
    CertificateFault,
    Role,
    Trust,
    VerifiedIdentity,
    fingerprint,
    kid_of_der,
    read_certificate,
    thumbprint,
)
from protocol.envelope import EnvelopeError, EnvelopeFault, EnvelopeType, Opened, open_envelope, read_envelope
from protocol.export import (
    MANIFEST_DECODER,
    RECORD_DECODER,
    Certificates,
    Events,
    Header,
    LatestBeat,
    LatestReceipt,
    Manifest,
    Record,
    Root,
    SignedManifest,
)
from protocol.kinds import Lane
from protocol.limits import MAX_EXPORT_LINE_BYTES
from protocol.messages import Event, LaneHead, MessageError, decode_beat, decode_event, decode_receipt, encode
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

MAX_PROBLEMS = 50
"""Problems kept for the report, the first of the file; the rest shows how far the damage goes."""

_WHY: Final[Mapping[CertificateFault | EnvelopeFault, str]] = {
    CertificateFault.MALFORMED: N_("certificate malformed"),
    CertificateFault.UNTRUSTED: N_("certificate not trusted"),
    CertificateFault.WRONG_NAME: N_("certificate of another name"),
    CertificateFault.WRONG_ROLE: N_("certificate of another role"),
    CertificateFault.EXPIRED: N_("certificate expired"),
    CertificateFault.NOT_YET_VALID: N_("certificate not yet valid"),
    CertificateFault.REVOKED: N_("certificate revoked"),
    EnvelopeFault.TOO_LARGE: N_("too large"),
    EnvelopeFault.MALFORMED: N_("malformed"),
    EnvelopeFault.WRONG_TYPE: N_("sealed as something else"),
    EnvelopeFault.BAD_SIGNATURE: N_("wrong signature"),
}


class RootCheck(StrEnum):
    """What is known of the root certificate in the file."""

    UNCHECKED = "unchecked"  # nobody brought another copy
    MATCHES = "matches"
    DIFFERS = "differs"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was checked and what was found; `sound` only if there is no problem at all."""

    records: int
    envelopes: int
    events: int
    runs: int
    boxes: tuple[str, ...]
    signers: int
    shed: int
    urgent_holes: tuple[tuple[str, int], ...]
    """(box, events): of `shed`, what is gone from a lane that gives up nothing for want of room."""
    rollbacks: tuple[tuple[str, str, str], ...]
    """(box, lane, run): stores that were set back, as the centre recorded it."""
    unsent: tuple[tuple[str, str, int], ...]
    root_fingerprint: str
    root: RootCheck
    manifest: Manifest | None
    problems: tuple[Problem, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is missing, altered, reordered, duplicated or forked."""
        return not self.problems


@dataclass
class Audit:
    """Feed it the file line by line, line feed included, then ask for the report."""

    now: datetime
    trusted_root: x509.Certificate | None = None
    closed_by_manifest: bool = True
    """False for lines that come straight from a database: nobody signed their end."""
    earlier: Manifest | None = None
    """Of an older export, checked by its own audit: whatever stood in it must stand in this one too."""
    heard: Callable[[Event, int], None] = lambda event, record: None
    """Told of each event that stands in its place, and in which record of the file."""
    _records: int = 0
    _envelopes: int = 0
    _digest_hex: str = ""
    _root: x509.Certificate | None = None
    _trust: Trust | None = None
    _signers: dict[str, VerifiedIdentity] = field(default_factory=dict)
    _box_keys: dict[str, str] = field(default_factory=dict)
    _lanes: LaneAudit = field(default_factory=LaneAudit)
    _claims: dict[tuple[str, str], tuple[LaneHead, int]] = field(default_factory=dict)  # and the record it stands in
    _manifest: Manifest | None = None
    _closed: bool = False
    _problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._digest = sha256()

    def feed(self, line: bytes) -> None:
        """Check one line of the file."""
        self._records += 1
        self._lanes.record = self._records
        if self._closed:
            self._problem(Fault.ALTERED, said("something stands after the manifest"))
            return
        record = self._read(line)
        if isinstance(record, SignedManifest):
            self._digest_hex = self._digest.hexdigest()
            self._take_manifest(record)
            return
        self._digest.update(line)
        if record is None:
            return
        if (self._records == 1) != isinstance(record, Header) or (self._records == 2) != isinstance(record, Root):
            self._problem(Fault.ALTERED, said("the file must begin with its header and root"))
        match record:
            case Root():
                self._take_root(record)
            case Certificates():
                self._take_certificates(record)
            case Events():
                self._take_events(record)
            case LatestBeat():
                self._take_beat(record)
            case LatestReceipt():
                self._take_receipt(record)

    def report(self) -> Report:
        """Close the books: unexplained holes, heads against the manifest, a missing end."""
        for found in self._lanes.finish():
            self._keep(found)
        self._check_claims()
        self._check_manifest()
        self._check_earlier()
        return Report(
            records=self._records,
            envelopes=self._envelopes,
            events=self._lanes.events,
            runs=self._lanes.run_count,
            boxes=self._lanes.boxes,
            signers=len(self._signers),
            shed=self._lanes.shed,
            urgent_holes=self._lanes.holes_in(Lane.URGENT),
            rollbacks=self._lanes.rollbacks,
            unsent=self._unsent(),
            root_fingerprint=fingerprint(self._root) if self._root else "",
            root=self._root_check(),
            manifest=self._manifest,
            problems=tuple(self._problems),
        )

    def _read(self, line: bytes) -> Record | None:
        if len(line) > MAX_EXPORT_LINE_BYTES:
            self._problem(Fault.ALTERED, said("a record longer than {limit} bytes", limit=MAX_EXPORT_LINE_BYTES))
            return None
        try:
            record = RECORD_DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._problem(Fault.ALTERED, said("the line is no record of a ledger export"))
            return None
        if encode(record) + b"\n" != line:
            self._problem(Fault.ALTERED, said("the record is spelt differently than the export writes it"))
        return record

    def _take_root(self, record: Root) -> None:
        try:
            self._root = read_certificate(b64decode(record.certificate, validate=True))
        except (ValueError, CertificateError):
            self._problem(Fault.ALTERED, said("the root certificate cannot be read"))
            return
        if self._root_check() is RootCheck.DIFFERS:
            self._problem(Fault.UNTRUSTED, said("the root in the file is not the root you trust"))
        self._trust = Trust(self.trusted_root or self._root)

    def _take_certificates(self, record: Certificates) -> None:
        try:
            chain = [b64decode(der, validate=True) for der in record.chain]
        except (ValueError, BinasciiError):
            self._problem(Fault.ALTERED, said("a certificate cannot be read"))
            return
        if self._trust is None:
            self._problem(Fault.UNTRUSTED, said("certificates stand before the root"))
            return
        try:
            signer = self._trust.identify(chain, self.now, Role.BOX, Role.COLLECTOR, expired_ok=True)
        except CertificateError as error:
            self._problem(
                Fault.UNTRUSTED, said("a chain of certificates does not hold: {why}", why=said(_WHY[error.fault]))
            )
        else:
            self._signers[kid_of_der(chain[0])] = signer
            key = thumbprint(signer.public_key)
            if signer.role is Role.BOX and self._box_keys.setdefault(signer.id, key) != key:
                self._problem(Fault.UNTRUSTED, said("{box} has two keys here: a box keeps its key", box=signer.id))

    def _take_events(self, record: Events) -> None:
        self._envelopes += 1
        opened, signer = self._open(record.envelope, EnvelopeType.EVENTS)
        if opened is None or signer is None:
            return
        lines = opened.payload.split(b"\n")
        if list(record.lines) != sorted(set(record.lines)) or record.lines[-1] >= len(lines):
            self._problem(Fault.ALTERED, said("the record names lines that its envelope does not have"))
            return
        for number in record.lines:
            try:
                event = decode_event(lines[number])
            except MessageError as error:
                self._problem(Fault.ALTERED, _no_event(number + 1, error))
                continue
            own_site = event.site == signer.site or signer.role is Role.COLLECTOR
            if event.box != signer.id or not own_site:
                self._problem(
                    Fault.UNTRUSTED,
                    said(
                        "{signer} signed an event of {box} at {site}", signer=signer.id, box=event.box, site=event.site
                    ),
                )
                continue
            found = self._lanes.take(event, lines[number], at_centre=signer.role is Role.COLLECTOR)
            if found is not None:
                self._keep(found)
            else:
                self.heard(event, self._records)

    def _take_beat(self, record: LatestBeat) -> None:
        opened, signer = self._open(record.envelope, EnvelopeType.BEAT)
        if opened is None or signer is None:
            return
        try:
            beat = decode_beat(opened.payload)
        except MessageError:
            self._problem(Fault.ALTERED, said("the beat cannot be read"))
            return
        if beat.box != signer.id:
            self._problem(Fault.UNTRUSTED, said("{signer} signed a beat of {box}", signer=signer.id, box=beat.box))
            return
        for head in beat.heads:
            self._claims[beat.box, head.lane] = head, self._records

    def _take_receipt(self, record: LatestReceipt) -> None:
        opened, signer = self._open(record.envelope, EnvelopeType.RECEIPT)
        if opened is None or signer is None:
            return
        try:
            receipt = decode_receipt(opened.payload)
        except MessageError:
            self._problem(Fault.ALTERED, said("the receipt cannot be read"))
            return
        if signer.role is not Role.COLLECTOR or receipt.collector != signer.id:
            self._problem(
                Fault.UNTRUSTED,
                said("{signer} may not sign receipts of {collector}", signer=signer.id, collector=receipt.collector),
            )
            return
        for head in receipt.heads:
            if head.seq and not self._lanes.holds(LaneName(receipt.box, head.lane), head.run, head.seq, head.hash):
                self._problem(
                    Fault.MISSING,
                    said("{line} was receipted and is not here", line=named(receipt.box, head.lane, head.seq)),
                )

    def _take_manifest(self, record: SignedManifest) -> None:
        self._closed = True
        opened, signer = self._open(record.envelope, EnvelopeType.MANIFEST)
        if opened is None or signer is None:
            return
        try:
            manifest = MANIFEST_DECODER.decode(opened.payload)
        except msgspec.DecodeError:
            self._problem(Fault.ALTERED, said("the manifest cannot be read"))
            return
        if signer.role is not Role.COLLECTOR or manifest.collector != signer.id:
            self._problem(
                Fault.UNTRUSTED,
                said(
                    "{signer} may not sign the manifest of {collector}", signer=signer.id, collector=manifest.collector
                ),
            )
            return
        self._manifest = manifest

    def _open(self, envelope: str, expected: EnvelopeType) -> tuple[Opened | None, VerifiedIdentity | None]:
        try:
            unverified = read_envelope(envelope.encode("utf-8"), MAX_EXPORT_LINE_BYTES)
            signer = self._signers.get(unverified.kid)
            if signer is None:
                self._problem(
                    Fault.UNTRUSTED, said("no certificate in the file belongs to key {kid}", kid=unverified.kid)
                )
                return None, None
            return open_envelope(unverified, signer.public_key, expected), signer
        except EnvelopeError as error:
            self._problem(
                Fault.ALTERED,
                said("the {type} envelope is wrong: {why}", type=expected.value, why=said(_WHY[error.fault])),
            )
            return None, None

    def _check_claims(self) -> None:
        """What the boxes themselves say in their latest beats, against the lines that stand here (WIRE 2.10)."""
        for (box, word), (head, record) in self._claims.items():
            lane, line = LaneName(box, word), named(box, word, head.seq)
            if not head.seq:
                continue
            if self._lanes.denies(lane, head.run, head.seq, head.hash):
                text = said("{line} is another line in the box's own beat", line=line)
                self._keep(Problem(fault=Fault.FORKED, text=text, record=record))
            # Ahead of the file, a run of which nothing has arrived yet is only unsent. Behind the file's end it is a
            # second history, signed by the box, of which the file holds nothing: no such file is whole.
            elif not self._lanes.knows(lane, head.run) and head.seq <= self._lanes.end(lane):
                text = said("{line} is told in the box's own beat by a run that is not here", line=line)
                self._keep(Problem(fault=Fault.FORKED, text=text, record=record))

    def _check_manifest(self) -> None:
        if not self._closed and self.closed_by_manifest:
            self._records += 1
            self._problem(Fault.MISSING, said("the file has no manifest at its end: its tail was cut off"))
        if self._manifest is None:
            return
        for head in self._manifest.heads:
            if not self._lanes.ends_at(LaneName(head.box, head.lane), head.run, head.seq, head.hash, head.events):
                self._problem(
                    Fault.MISSING,
                    said(
                        "the manifest ends {run} at {seq}, this file does not",
                        run=_run(head.box, head.lane, head.run),
                        seq=head.seq,
                    ),
                )
        for lane, run in self._lanes.runs() - {(LaneName(h.box, h.lane), h.run) for h in self._manifest.heads}:
            self._problem(
                Fault.ALTERED, said("the manifest knows nothing of {run}", run=_run(lane.box, lane.lane, run))
            )
        if (self._manifest.records, self._manifest.sha256) != (self._records - 1, self._digest_hex):
            self._problem(Fault.ALTERED, said("the bytes above the manifest are not those that were signed"))

    def _check_earlier(self) -> None:
        """Lines that were there once; a chain holds its past, so the heads say it all."""
        for head in self.earlier.heads if self.earlier else ():
            lane = LaneName(head.box, head.lane)
            if self._lanes.holds(lane, head.run, head.seq, head.hash):
                continue
            line = named(head.box, head.lane, head.seq)
            if self._lanes.is_set_back(lane):
                text = N_(
                    "{line} stood in the earlier export and is not here; the centre recorded that it was set back"
                )
            else:
                text = N_("{line} stood in the earlier export and is not here")
            self._problem(Fault.MISSING, said(text, line=line))

    def _root_check(self) -> RootCheck:
        if self.trusted_root is None or self._root is None:
            return RootCheck.UNCHECKED
        return RootCheck.MATCHES if fingerprint(self.trusted_root) == fingerprint(self._root) else RootCheck.DIFFERS

    def _unsent(self) -> tuple[tuple[str, str, int], ...]:
        ahead = (
            (box, lane, head.seq - self._lanes.end(LaneName(box, lane)))
            for (box, lane), (head, _) in self._claims.items()
        )
        return tuple(sorted((box, lane, count) for box, lane, count in ahead if count > 0))

    def _problem(self, fault: Fault, text: Said) -> None:
        self._keep(Problem(fault=fault, text=text, record=self._records))

    def _keep(self, problem: Problem) -> None:
        """The first ones of the file; a flood of rubbish must not fill the reader's memory."""
        insort(self._problems, problem, key=lambda each: each.record)
        del self._problems[MAX_PROBLEMS:]


def _no_event(number: int, error: MessageError) -> Said:
    """The place is all of the decoder's own words that a reader in another language can use."""
    _, _, place = str(error).partition(" - at ")
    if not place:
        return said("line {number} of the envelope is no event", number=number)
    return said("line {number} of the envelope is no event: see {place}", number=number, place=place.strip("`"))


def _run(box: str, lane: str, run: str) -> Said:
    return said("{box} {lane} run {run}", box=box, lane=said(lane), run=run[:8])
