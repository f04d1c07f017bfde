"""The table of pictures and clips, beside schema.py and in the same metadata."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, String, Table

from collector.storage.schema import METADATA

_ID = String(32)
_HASH = String(64)
_UUID = String(36)

evidence = Table(
    "evidence",
    METADATA,
    Column("box", _ID, primary_key=True),
    Column("slot", String(40), primary_key=True),
    Column("site", _ID, nullable=False),
    Column("owner", _UUID, nullable=False, index=True),  # the event, or the request, that it belongs to
    Column("request", Boolean, nullable=False),
    Column("camera", _ID, nullable=False),
    Column("kind", String(16), nullable=False),  # still, clip, reference
    Column("about", String(64), nullable=False),  # kind of the event; empty until it came
    Column("level", SmallInteger, nullable=False),
    Column("state", String(8), nullable=False),  # storage.evidence.State
    Column("reason", String(64), nullable=False),  # why it is missing
    Column("media_type", String(16), nullable=False),
    Column("sha256", _HASH, nullable=False),  # as the box's ledger sealed it; empty before
    Column("sealed_number", BigInteger),  # the event that says so
    Column("size_bytes", BigInteger, nullable=False),
    Column("from_ms", BigInteger),
    Column("to_ms", BigInteger),
    Column("masked", Boolean, nullable=False),
    Column("came_sha256", _HASH, nullable=False),  # of the bytes that are here
    Column("came_bytes", BigInteger, nullable=False),
    Column("promised_ms", BigInteger, nullable=False),
    Column("came_ms", BigInteger),
    Column("over", SmallInteger, nullable=False),  # 1: its alarm is over and its box is to be told; 2: it knows
    Column("over_request", String(36), nullable=False, index=True),
    Column("over_tries", Integer, nullable=False),
    Column("over_due_ms", BigInteger, nullable=False),
    Index("ix_evidence_over", "over", "over_due_ms"),
    Index("ix_evidence_state", "state", "promised_ms"),
    Index("ix_evidence_came", "came_sha256"),
    Index("ix_evidence_site", "site", "request", "promised_ms"),
    comment="Pictures and clips that boxes promised, sealed and brought; the files stand in a folder by their hash",
)
