"""The export of a ledger: one JSON record a line, ending with a manifest that a collector signed (WIRE 2.10).

Records stand in this order: `header`, `root`, `certificates` (a chain each), `events` (envelopes by box, lane and
run, in chain order), `beat` and `receipt` (the latest of each box), `manifest`. Written by the collector's storage
through `ExportWriter`, read by protocol/audit.py. Every record has one spelling, so that no byte can hide.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from protocol.envelope import EnvelopeType, Sealer
from protocol.limits import MAX_CERTIFICATE_BYTES, MAX_CHAIN_CERTIFICATES, MAX_EVENTS_PER_ENVELOPE
from protocol.messages import Count, Hash, Id, Run, Time, Version, encode

FORMAT = "branchwatch-ledger"

Der = Annotated[str, Meta(max_length=MAX_CERTIFICATE_BYTES * 4 // 3 + 4)]
LineNumber = Annotated[int, Meta(ge=0, lt=MAX_EVENTS_PER_ENVELOPE)]


class Header(msgspec.Struct, frozen=True, kw_only=True, tag="header", tag_field="record", forbid_unknown_fields=True):
    """The first line: what this file is."""

    format: Literal["branchwatch-ledger"]
    v: Version
    collector: Id
    at: Time


class Root(msgspec.Struct, frozen=True, kw_only=True, tag="root", tag_field="record", forbid_unknown_fields=True):
    """The root certificate, base64 DER: only as good as the reader's own copy of it."""

    certificate: Der


class Certificates(
    msgspec.Struct, frozen=True, kw_only=True, tag="certificates", tag_field="record", forbid_unknown_fields=True
):
    """One signer's chain, base64 DER, leaf first, without the root."""

    chain: Annotated[tuple[Der, ...], Meta(min_length=1, max_length=MAX_CHAIN_CERTIFICATES)]


class Events(msgspec.Struct, frozen=True, kw_only=True, tag="events", tag_field="record", forbid_unknown_fields=True):
    """One envelope and which of its lines count here.

    A repeated envelope may overlap an earlier one; each event counts once, so `lines` names those taken from here.
    """

    envelope: str
    lines: Annotated[tuple[LineNumber, ...], Meta(min_length=1, max_length=MAX_EVENTS_PER_ENVELOPE)]


class LatestBeat(msgspec.Struct, frozen=True, kw_only=True, tag="beat", tag_field="record", forbid_unknown_fields=True):
    """The last beat of a box: what the box itself says of its heads."""

    envelope: str


class LatestReceipt(
    msgspec.Struct, frozen=True, kw_only=True, tag="receipt", tag_field="record", forbid_unknown_fields=True
):
    """The last receipt sent to a box."""

    envelope: str


class SignedManifest(
    msgspec.Struct, frozen=True, kw_only=True, tag="manifest", tag_field="record", forbid_unknown_fields=True
):
    """The last line: the collector's word on everything above it."""

    envelope: str


Record = Header | Root | Certificates | Events | LatestBeat | LatestReceipt | SignedManifest


class RunHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where one run of one lane ends in this export, and how many of its events stand in it."""

    box: Id
    lane: Literal["urgent", "routine"]
    run: Run
    seq: Count
    hash: Hash
    events: Count


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the collector signs: the bytes above by count and hash, and the heads they must lead to."""

    v: Version
    collector: Id
    at: Time
    records: Count
    sha256: Hash
    heads: tuple[RunHead, ...]


class ExportWriter:
    """Turns records into lines and closes with the manifest; holds one hash and a counter, never the file."""

    def __init__(self, collector: str, at: str, sealer: Sealer) -> None:
        self._collector, self._at, self._sealer = collector, at, sealer
        self._digest = sha256()
        self._records = 0

    def opening(self, root_der_base64: str) -> Iterator[bytes]:
        """The first two lines."""
        yield self.record(Header(format="branchwatch-ledger", v=1, collector=self._collector, at=self._at))
        yield self.record(Root(certificate=root_der_base64))

    def record(self, record: Record) -> bytes:
        """One line, line feed included."""
        line = encode(record) + b"\n"
        self._digest.update(line)
        self._records += 1
        return line

    def closing(self, heads: tuple[RunHead, ...]) -> bytes:
        """The manifest over every line so far."""
        manifest = Manifest(
            v=1,
            collector=self._collector,
            at=self._at,
            records=self._records,
            sha256=self._digest.hexdigest(),
            heads=heads,
        )
        envelope = self._sealer.seal(EnvelopeType.MANIFEST, encode(manifest))
        return encode(SignedManifest(envelope=envelope.decode("ascii"))) + b"\n"


RECORD_DECODER: "msgspec.json.Decoder[Record]" = msgspec.json.Decoder(Record)
MANIFEST_DECODER = msgspec.json.Decoder(Manifest)
