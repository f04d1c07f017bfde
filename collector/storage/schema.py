"""The centre's tables in SQLAlchemy Core: the one place where columns are named.

Times are Unix milliseconds (`*_ms`), exact bytes are kept once (`envelopes.body`), and an event's line is read back
from its envelope by `line_no`. Nothing here may be spelt so that only SQLite or only PostgreSQL can do it.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
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

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

_ID = String(32)
_HASH = String(64)
_RUN = String(32)
_UUID = String(36)
_LANE = String(8)

counters = Table(
    "counters",
    METADATA,
    Column("name", String(16), primary_key=True),
    Column("value", BigInteger, nullable=False),
    comment="Row numbers given out so far; locking its row makes writers of several collectors take turns",
)

identities = Table(
    "identities",
    METADATA,
    Column("kid", String(43), primary_key=True),
    Column("box", _ID, nullable=False, index=True),
    Column("role", String(16), nullable=False),
    Column("site", _ID),
    Column("chain", LargeBinary, nullable=False),  # JSON list of base64 DER, leaf first
    Column("not_after_ms", BigInteger, nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
    comment="Every signer that was ever verified; a cache of chains, never a grant of trust",
)

envelopes = Table(
    "envelopes",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("box", _ID, nullable=False),
    Column("kid", String(43), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    comment="The exact signed bytes",
)

events = Table(
    "events",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("box", _ID, nullable=False),
    Column("lane", _LANE, nullable=False),
    Column("run", _RUN, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("branch", SmallInteger, nullable=False),  # 0; the second content of a forked key is 1, and so on
    Column("hash", _HASH, nullable=False),
    Column("prev", _HASH, nullable=False),
    Column("id", _UUID, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("event_class", String(16), nullable=False),
    Column("site", _ID, nullable=False),
    Column("source", String(131), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("envelope", BigInteger, nullable=False),
    Column("line_no", SmallInteger, nullable=False),
    Column("flags", String(64), nullable=False),  # words of storage.records.Flag, blank between
    # No two contents of one key, whoever writes; the order serves the search of a lane by number.
    Index("uq_events_place", "box", "lane", "seq", "run", "branch", unique=True),
    Index("ix_events_site_number", "site", "number"),
    comment="One row a ledger line; numbers rise in the order of commits",
)

restores = Table(
    "restores",
    METADATA,
    Column("event_id", _UUID, primary_key=True),
    Column("box", _ID, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    comment="Which events have ended: a restore may arrive before what it ends (WIRE 2.3)",
)

lanes = Table(
    "lanes",
    METADATA,
    Column("box", _ID, primary_key=True),
    Column("lane", _LANE, primary_key=True),
    Column("run", _RUN, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", _HASH, nullable=False),
    Column("stored_to", BigInteger, nullable=False),
    comment="The committed contiguous head of each lane; `stored_to` is the highest number stored, holes or not",
)

runs = Table(
    "runs",
    METADATA,
    Column("box", _ID, primary_key=True),
    Column("lane", _LANE, primary_key=True),
    Column("run", _RUN, primary_key=True),
    Column("opened_seq", BigInteger, nullable=False),
    Column("opened_prev", _HASH, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("rolled_back", Boolean, nullable=False),
    comment="Where each run began, from its ledger.opened",
)

holes = Table(
    "holes",
    METADATA,
    Column("box", _ID, primary_key=True),
    Column("lane", _LANE, primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("first_prev", _HASH, primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("last_hash", _HASH, nullable=False),
    comment="Lines that a box gave up and signed for (ledger.shed)",
)

sites = Table(
    "sites",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("timezone", String(64), nullable=False),
    comment="What the latest birth told of each site",
)

boxes = Table(
    "boxes",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("site", _ID, nullable=False, index=True),
    Column("run", _RUN, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("birth_counter", BigInteger, nullable=False),
    Column("software", String(64), nullable=False),
    Column("beat_s", Float, nullable=False),
    Column("silent_after_s", Float, nullable=False),
    Column("born_ms", BigInteger, nullable=False),
    Column("heard_ms", BigInteger, nullable=False),
    Column("died_ms", BigInteger),
    Column("due_ms", BigInteger, nullable=False, index=True),
    Column("clock", String(8), nullable=False),
    Column("offset_ms", BigInteger, nullable=False),
    Column("silent", Boolean, nullable=False),
    Column("delayed", Boolean, nullable=False),
    Column("forked", Boolean, nullable=False),
    Column("order_challenge", String(43), nullable=False),
    Column("challenge_ms", BigInteger, nullable=False),  # when it was heard for the first time; 0 before any
    Column("challenges", Text, nullable=False),  # JSON [[challenge, issued_ms], ...], newest last
    Column("claims", Text, nullable=False),  # JSON {lane: fleet.records.Claim}
    Column("health", Text, nullable=False),  # JSON of messages.Health, {} before the first beat
    comment="The last that was heard of each box, and what follows from it",
)

points = Table(
    "points",
    METADATA,
    Column("box", _ID, primary_key=True),
    Column("states", Text, nullable=False),  # JSON {point: [state, since_ms, name, cause, marks]}
    Column("told_ms", BigInteger, nullable=False),
    comment="Every point's last told state, from births and beats",
)

beat_runs = Table(
    "beat_runs",
    METADATA,
    Column("run", _RUN, primary_key=True),
    Column("box", _ID, primary_key=True),
    Column("counter", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("machine", String(16), nullable=False),  # as its birth said; empty where none did
    comment="The highest counter of each run that ever beat: an old birth or beat is never taken twice",
)

latest = Table(
    "latest",
    METADATA,
    Column("box", _ID, primary_key=True),
    Column("what", String(8), primary_key=True),  # birth, beat, receipt
    Column("body", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    comment="The latest birth, beat and receipt of each box, exact bytes, for exports",
)

conditions = Table(
    "conditions",
    METADATA,
    Column("kind", String(64), primary_key=True),
    Column("box", _ID, primary_key=True),
    Column("detail", String(80), primary_key=True),
    Column("event_id", _UUID, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),  # JSON; what the restore or the next count needs
    Column("site", _ID, nullable=False, server_default=""),  # where it was told: its end is told there too
    comment="What the centre itself has found and not yet seen end",
)

quarantine = Table(
    "quarantine",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("claimed_box", _ID, nullable=False, index=True),
    Column("topic", String(128), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # cut to ingest's MAX_KEPT_BYTES
    comment="What failed a check, bounded in number and size; the oldest goes first",
)

alarms = Table(
    "alarms",
    METADATA,
    Column("id", _UUID, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),  # the opening event's
    Column("site", _ID, nullable=False),
    Column("box", _ID, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("event_class", String(16), nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("source", String(131), nullable=False),
    Column("state", String(16), nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("events", Integer, nullable=False),
    Column("restored_ms", BigInteger),
    Column("holder", String(64)),
    Column("acknowledged_ms", BigInteger),
    Column("resolved_ms", BigInteger),
    Column("resolution", String(32)),
    Column("narrative", Text),
    Column("version", Integer, nullable=False),
    Column("raised_ms", BigInteger),  # when its level rose last
    Column("respond_by_ms", BigInteger),  # the response clock; none for level 5 and once it was taken
    Column("follow_by_ms", BigInteger),
    Column("parked_until_ms", BigInteger),
    Column("reviewed_ms", BigInteger),
    Column("reviewer", String(64)),
    Column("closed_ms", BigInteger),
    Column("score", SmallInteger),  # AVS-01, 0-4
    Column("score_why", Text, nullable=False, server_default="[]"),  # JSON list of reasons
    Column("score_by", String(64), nullable=False, server_default=""),  # empty: computed
    Column("handlers", Text, nullable=False, server_default="[]"),  # JSON list of ids: who ever held it or did a step
    Column("procedure", String(64), nullable=False, server_default=""),
    Column("shelter", _UUID),  # the alarm or suspension that keeps it quiet
    Column("shelter_why", String(16), nullable=False, server_default=""),  # storms.records.Why
    Index("ix_alarms_state_site", "state", "site", "kind", "source"),
    Index("ix_alarms_state_shelter", "state", "shelter", "id"),  # the auditor reads nothing else
    Index("ix_alarms_shelter", "shelter", "state", "number"),  # members of a shelter; the queue, which has none
    comment="What a person must handle",
)

alarm_events = Table(
    "alarm_events",
    METADATA,
    Column("alarm", _UUID, ForeignKey("alarms.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("box", _ID, nullable=False),
    Column("event_id", _UUID, nullable=False),
    Column("part", String(8), nullable=False),  # opened, joined, supports, restored
    Column("why", Text, nullable=False, server_default="{}"),  # JSON: the rule and its figures
    Index("ix_alarm_events_event", "event_id"),
    comment="Which events opened, joined and ended an alarm",
)

notes = Table(
    "notes",
    METADATA,
    Column("alarm", _UUID, ForeignKey("alarms.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True),  # its journal number
    Column("person", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    comment="What people wrote on an alarm",
)

journal = Table(
    "journal",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("topic", String(8), nullable=False),  # storage.records.Topic
    Column("subject", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("site", _ID, nullable=False),
    Column("person", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("hash", _HASH, nullable=False),
    Index("ix_journal_subject", "topic", "subject"),
    comment="Everything that changed, in one chain of hashes; a person or the collector stands on every entry",
)

bundles = Table(
    "bundles",
    METADATA,
    Column("box", _ID, primary_key=True),
    Column("hash", _HASH, primary_key=True),
    Column("site", _ID, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
    Column("person", String(64), nullable=False),
    comment="Signed site bundles as they were delivered, byte for byte",
)

configs = Table(
    "configs",
    METADATA,
    Column("box", _ID, primary_key=True),
    Column("wanted_hash", _HASH, nullable=False),  # empty: no bundle was delivered for this box
    Column("wanted_version", BigInteger, nullable=False),
    Column("wanted_ms", BigInteger, nullable=False),
    Column("told", Boolean, nullable=False),  # whether a birth said what it works with
    Column("hash", _HASH, nullable=False),  # empty: it works with a plain site file
    Column("version", BigInteger, nullable=False),
    Column("roster_version", BigInteger, nullable=False),
    Column("roster_not_after", String(24), nullable=False),  # as on the wire: any year that can be written
    Column("machine", String(16), nullable=False),
    Column("differs_ms", BigInteger),
    Column("delivered_ms", BigInteger),
    Column("tries", Integer, nullable=False),
    Column("refused_reason", String(200), nullable=False),
    Column("refused_ms", BigInteger),
    Column("drift", String(16), nullable=False),  # a word of fleet.configs.Drift, empty for none
    comment="The bundle that each box should work with, and the one that it says it works with",
)

record_positions = Table(
    "record_positions",
    METADATA,
    Column("name", String(16), primary_key=True),
    Column("run", _RUN, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", _HASH, nullable=False),
    comment="How far the record of another machine was read: the last line that was taken",
)

sessions = Table(
    "sessions",
    METADATA,
    Column("token_hash", _HASH, primary_key=True),
    Column("person", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    comment="Console logins; the token itself is only in the browser",
)

registrations = Table(
    "registrations",
    METADATA,
    Column("id", _UUID, primary_key=True),
    Column("person", _ID, nullable=False, index=True),
    Column("label", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("public_key", LargeBinary, nullable=False, unique=True),  # SubjectPublicKeyInfo, DER
    Column("rp_id", String(253), nullable=False),
    Column("origin", String(512), nullable=False),
    Column("credential", String(1400), nullable=False),  # base64url; empty for a key file
    Column("registered_ms", BigInteger, nullable=False),
    comment="Keys people registered; power comes from the signed roster alone",
)

orders = Table(
    "orders",
    METADATA,
    Column("id", _UUID, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),  # rises in the order of drafting
    Column("site", _ID, nullable=False),
    Column("box", _ID, nullable=False),
    Column("run", _RUN, nullable=False),  # the box's when it was drafted: a restart voids its challenges
    Column("action", String(16), nullable=False),
    Column("person", String(64), nullable=False),
    Column("line", LargeBinary, nullable=False),  # the exact bytes that people sign; never written anew
    Column("needed", SmallInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("drafted_ms", BigInteger, nullable=False),
    Column("stale_ms", BigInteger, nullable=False),
    Column("sent_ms", BigInteger),
    Column("sends", Integer, nullable=False),
    Column("again_ms", BigInteger),  # when it is sent again unless an answer came
    Column("settled_ms", BigInteger),
    Column("reason", String(64), nullable=False),
    Column("facts", Text, nullable=False),  # JSON of the event that tells how it ended
    Column("event_id", _UUID),
    Index("ix_orders_state", "state", "stale_ms"),
    Index("ix_orders_person_drafted_ms", "person", "drafted_ms"),
    Index("ix_orders_site_number", "site", "number"),
    comment="What people ask of boxes; worth nothing without their approvals",
)

approvals = Table(
    "approvals",
    METADATA,
    Column("order_id", _UUID, ForeignKey("orders.id"), primary_key=True),
    Column("person", String(64), primary_key=True),
    Column("method", String(16), nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("brought_by", String(64), nullable=False),
    comment="People's signatures over orders; the box alone judges them",
)

requests = Table(
    "requests",
    METADATA,
    Column("id", _UUID, primary_key=True),
    Column("number", BigInteger, nullable=False, unique=True),
    Column("site", _ID, nullable=False),
    Column("box", _ID, nullable=False),
    Column("action", String(16), nullable=False),
    Column("args", Text, nullable=False),
    Column("person", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("answered_ms", BigInteger),
    Column("facts", Text, nullable=False),  # JSON of the event that answers it
    Column("event_id", _UUID),
    Index("ix_requests_person_at_ms", "person", "at_ms"),
    Index("ix_requests_state", "state", "at_ms"),
    Index("ix_requests_site_number", "site", "number"),
    comment="What people asked of boxes that changes nothing there",
)

withheld = Table(
    "withheld",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("person", String(64), primary_key=True),
    Column("box", _ID, nullable=False),
    Column("event_id", _UUID, nullable=False),
    Index("ix_withheld_person", "person"),
    Index("ix_withheld_event", "event_id"),
    comment="Events that one person's session must not show: who acted under duress sees the ordinary outcome",
)
