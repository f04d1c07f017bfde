"""The tables of an alarm's life: rules, timers, steps, notices, shelters. Beside schema.py, in the same metadata.

Times are Unix milliseconds (`*_ms`); a column that holds JSON says so. What each row means stands in docs/alarms.md.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

from collector.storage import evidence_table as evidence_table  # its table belongs to the metadata too
from collector.storage import schema

METADATA: Final[MetaData] = schema.METADATA
"""Whoever wants every table of the centre asks here: with this file all of them are known."""

_ID = String(32)
_HASH = String(64)
_UUID = String(36)

rules = Table(
    "rules",
    METADATA,
    Column("version", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("hash", _HASH, nullable=False),
    Column("document", LargeBinary, nullable=False),  # JSON of rules.shapes.Rules
    Column("person", String(64), nullable=False),
    Column("loaded_ms", BigInteger, nullable=False),
    comment="Policies, rotas, contacts and procedures as they were loaded; the highest version holds",
)

timers = Table(
    "timers",
    METADATA,
    Column("id", _UUID, primary_key=True),
    Column("alarm", _UUID),  # none: a duty of the centre itself
    Column("purpose", String(16), nullable=False),  # escalation.records.Purpose
    Column("due_ms", BigInteger, nullable=False, index=True),
    Column("facts", Text, nullable=False),  # JSON: what the purpose needs
    Column("made_ms", BigInteger, nullable=False),
    Index("ix_timers_alarm", "alarm", "purpose"),
    comment="Everything that will happen by itself; a row is deleted when it has",
)

alarm_steps = Table(
    "alarm_steps",
    METADATA,
    Column("alarm", _UUID, ForeignKey("alarms.id"), primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("kind", String(16), nullable=False),  # procedures.shapes.StepKind
    Column("required", Boolean, nullable=False),
    Column("line", Text, nullable=False),  # JSON of the step as it stood in the rules when the alarm was taken
    Column("state", String(8), nullable=False),  # open, done, skipped
    Column("person", String(64), nullable=False),
    Column("at_ms", BigInteger),
    Column("facts", Text, nullable=False),  # JSON: number, person reached, result, reason
    comment="The procedure of an alarm, step by step",
)

notices = Table(
    "notices",
    METADATA,
    Column("id", _UUID, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("alarm", _UUID, index=True),  # none: a digest or a proof
    Column("sort", String(12), nullable=False),  # notify.records.Sort
    Column("target", String(80), nullable=False),  # as the policy names it: role/shift_leader
    Column("person", String(64), nullable=False),  # empty: a receiver, or a site's contact
    Column("channel", _ID, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("state", String(12), nullable=False),  # notify.records.NoticeState
    Column("reason", String(80), nullable=False),  # why it failed
    Column("facts", Text, nullable=False),  # JSON: step, policy, what the text needs
    Column("tries", SmallInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),  # not to be sent before
    Column("queued_ms", BigInteger, nullable=False),
    Column("claimed_by", String(64), nullable=False),
    Column("claimed_ms", BigInteger),
    Column("sent_ms", BigInteger),
    Column("delivered_ms", BigInteger),
    Column("read_ms", BigInteger),
    Column("answered_ms", BigInteger),
    Column("perhaps", Boolean, nullable=False),  # perhaps twice: its worker died while it was under way
    Column("follows", _UUID),  # the notice whose failure this one makes good
    Column("bundle", _UUID),  # the digest that it was put into
    Column("token_hash", _HASH, nullable=False, index=True),  # of its link; empty for none
    Column("code", String(6), nullable=False),
    Column("answer_until_ms", BigInteger, nullable=False),
    Index("ix_notices_state", "state", "due_ms", "level"),
    Index("ix_notices_person", "person", "queued_ms"),
    comment="Who is told what by which way, and what became of it",
)

proofs = Table(
    "proofs",
    METADATA,
    Column("person", String(64), primary_key=True),
    Column("channel", _ID, primary_key=True),
    Column("proven_ms", BigInteger, nullable=False),
    Column("how", String(16), nullable=False),
    comment="When a person was last certainly reached by a channel",
)

answer_tries = Table(
    "answer_tries",
    METADATA,
    Column("address", String(128), primary_key=True),
    Column("wrong", SmallInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    comment="Wrong codes that came from an address",
)

presence = Table(
    "presence",
    METADATA,
    Column("person", String(64), primary_key=True),
    Column("collector", _ID, primary_key=True),
    Column("at_ms", BigInteger, nullable=False, index=True),
    comment="Who sits at a desk: renewed every five seconds by a live page",
)

collectors = Table(
    "collectors",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("steady_ms", BigInteger, nullable=False),  # since when it was there without a gap
    Column("seen_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),  # ended on purpose, and not started since
    comment="Who runs on this database: renewed every five seconds, by the clock of the database",
)

suspensions = Table(
    "suspensions",
    METADATA,
    Column("id", _UUID, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("sort", String(12), nullable=False),  # storms.records.Sort: shelve, test, maintenance
    Column("site", _ID, nullable=False, index=True),
    Column("kind", String(64), nullable=False),  # empty: every kind
    Column("points", Text, nullable=False),  # JSON list of sources; empty: the whole site (maintenance only)
    Column("person", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("ended_by", String(64), nullable=False),
    comment="What is quiet for a time: shelved, on test, under maintenance",
)

incidents = Table(
    "incidents",
    METADATA,
    Column("alarm", _UUID, ForeignKey("alarms.id"), primary_key=True),
    Column("cause", String(16), nullable=False),  # storms.records.Cause
    Column("unit", Text, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("sites", Integer, nullable=False),
    comment="Storms: one alarm for a unit that lost its link or power",
)

rota_overrides = Table(
    "rota_overrides",
    METADATA,
    Column("id", _UUID, primary_key=True),
    Column("rota", _ID, nullable=False, index=True),
    Column("person", String(64), nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("by", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("removed_ms", BigInteger),
    comment="Who stands in for whom",
)
