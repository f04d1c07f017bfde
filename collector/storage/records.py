"""What the centre's storage hands out: frozen rows, times in Unix milliseconds, no library type among them.

Made by storage/reading*.py, read by the console, the alarm service and the fleet's supervision.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec

from protocol.messages import BecauseRow, EvidenceSlot

T = TypeVar("T")

MAX_LIMIT = 500
"""Rows of one page (WIRE 5)."""


class Flag(StrEnum):
    """What the centre noted on an authentic event; none of them is a reason to refuse it."""

    CERTIFICATE_EXPIRED = "certificate_expired"  # sealed by an ended, unrevoked certificate (WIRE 2.5)
    CLOCK_SUSPECT = "clock_suspect"  # the box itself doubts its clock
    CLOCK_OFF = "clock_off"  # its clock differs from ours by more than the limit
    FORKED = "forked"  # another content stands under the same key
    CUT_OFF = "cut_off"  # it names a line before it that is not the one stored there


class AlarmState(StrEnum):
    """Where an alarm stands; the table of moves is alarms/lifecycle.py."""

    NEW = "new"  # nobody has it
    ACKNOWLEDGED = "acknowledged"  # one operator holds it
    VERIFYING = "verifying"  # the holder finds out what it is
    DISPATCHED = "dispatched"  # police, guard or the branch's contact is on the way
    PARKED = "parked"  # set aside until a time
    RETURNED = "returned"  # a reviewer sent it back to be handled again
    RESOLVED = "resolved"  # handled, with a resolution code and a narrative; waits for its review
    REVIEWED = "reviewed"  # waits for its follow-up: corrected, risk gone
    CLOSED = "closed"


OPEN_STATES = (
    AlarmState.NEW,
    AlarmState.ACKNOWLEDGED,
    AlarmState.VERIFYING,
    AlarmState.DISPATCHED,
    AlarmState.PARKED,
    AlarmState.RETURNED,
)
"""Somebody must act now."""

HELD_STATES = (AlarmState.ACKNOWLEDGED, AlarmState.VERIFYING, AlarmState.DISPATCHED)
"""One person has it in hand."""


class Topic(StrEnum):
    """What a journal entry, and so a message of the live feed, is about."""

    ALARM = "alarm"
    EVENT = "event"
    BOX = "box"
    ORDER = "order"
    REQUEST = "request"  # never in the live feed
    EVIDENCE = "evidence"  # a picture came, or somebody looked at it; the subject is its slot
    QUIET = "quiet"  # suspensions; never in the live feed
    PERSON = "person"  # logins; never in the live feed
    UPKEEP = "upkeep"  # backups, restores, drills; never in the live feed


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks: a unit and what is below it, without the duress of `person`. Empty: the centre itself, sees all."""

    unit: str = ""
    person: str = ""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What a list is asked for (WIRE 5), and by whom."""

    sight: Sight = Sight()
    site: str | None = None
    box: str | None = None
    kind: str | None = None
    level: int | None = None
    number: int | None = None  # of one alarm, as notices say it
    since_ms: int | None = None
    until_ms: int | None = None
    states: tuple[AlarmState, ...] = ()
    sheltered: bool | None = None  # alarms that something keeps quiet: only those, or all but those
    limit: int = 100
    cursor: int | None = None


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page, newest first; `next` is the cursor of the page after it."""

    items: tuple[T, ...]
    next: int | None


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was sealed, and how it came."""

    number: int
    id: str
    site: str
    box: str
    run: str
    lane: str
    seq: int
    hash: str
    kind: str
    level: int
    event_class: str
    source: str
    clock: str
    at_ms: int
    received_ms: int
    facts: Mapping[str, Any]
    because: tuple[BecauseRow, ...]
    evidence: tuple[EvidenceSlot, ...]
    restores: str | None
    flags: tuple[Flag, ...]

    @property
    def delay_ms(self) -> int:
        """From the box's wall clock to our commit; negative where its clock runs ahead."""
        return self.received_ms - self.at_ms


class AlarmRow(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm with the facts of the event that opened it; `cursor` orders lists and is the number that people say."""

    id: str
    cursor: int
    site: str
    site_name: str
    unit: str
    timezone: str
    box: str
    kind: str
    event_class: str
    level: int
    source: str
    state: AlarmState
    opened_ms: int
    at_ms: int
    last_ms: int
    delay_ms: int
    events: int
    restored_ms: int | None
    holder: str | None
    acknowledged_ms: int | None
    resolved_ms: int | None
    resolution: str | None
    narrative: str | None
    version: int
    facts: Mapping[str, Any]
    because: tuple[BecauseRow, ...]
    flags: tuple[Flag, ...]
    handlers: tuple[str, ...] = ()
    raised_ms: int | None = None
    respond_by_ms: int | None = None
    follow_by_ms: int | None = None
    parked_until_ms: int | None = None
    reviewed_ms: int | None = None
    reviewer: str | None = None
    closed_ms: int | None = None
    score: int | None = None
    score_why: str = "[]"  # JSON, alarms.scoring.read_reasons
    score_by: str = ""
    procedure: str = ""
    shelter: str | None = None
    shelter_why: str = ""


class AlarmPart(msgspec.Struct, frozen=True, kw_only=True):
    """One event of an alarm and what it did there: `opened`, `joined` or `restored`."""

    part: str
    event: EventRow


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wrote on an alarm."""

    person: str
    at_ms: int
    text: str


class AlarmDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm with everything that belongs to it; `parts` holds its first MAX_LIMIT events.

    `order_givers` are those who drew up or approved an order for its site while it was open, once it is resolved.
    """

    alarm: AlarmRow
    parts: tuple[AlarmPart, ...]
    notes: tuple[Note, ...]
    history: tuple["JournalRow", ...]
    steps: tuple["AlarmStep", ...] = ()
    order_givers: frozenset[str] = frozenset()


class AlarmStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of an alarm's procedure; `line` is it as it stood in the rules when the alarm was taken."""

    alarm: str
    position: int
    kind: str
    required: bool
    line: Mapping[str, Any]
    state: str = "open"
    person: str = ""
    at_ms: int | None = None
    facts: Mapping[str, Any] = {}


class SiteRow(msgspec.Struct, frozen=True, kw_only=True):
    """A site, how its boxes are, and how many of its alarms are not resolved."""

    id: str
    name: str
    unit: str
    timezone: str
    boxes: int
    silent: int
    alarms: int


class PointRow(msgspec.Struct, frozen=True, kw_only=True):
    """A point's last told state; it has been so since `since_ms` (our clock)."""

    id: str
    name: str
    state: str
    since_ms: int
    cause: str
    marks: tuple[str, ...] = ()


class ConfigRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a box works with, what it should work with, and until when it is believed.

    Empty texts and zeros: never said, or a plain site file (`told`, and no hash). `drift` is a word of
    `fleet.configs.Drift`.
    """

    told: bool = False
    version: int = 0
    hash: str = ""
    roster_version: int = 0
    roster_not_after: str = ""
    machine: str = ""
    wanted_version: int = 0
    wanted_hash: str = ""
    wanted_ms: int = 0
    delivered_ms: int | None = None
    drift: str = ""
    refused_reason: str = ""
    certificate_ends_ms: int | None = None
    revoked: bool = False


class BoxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A box, when it was last heard, and what it said."""

    id: str
    site: str
    site_name: str
    unit: str
    software: str
    run: str
    born_ms: int
    heard_ms: int
    beat_s: float
    silent_after_s: float
    silent: bool
    delayed: bool
    forked: bool
    clock: str
    offset_ms: int
    health: Mapping[str, Any]
    points: tuple[PointRow, ...]
    heads: tuple["HeadRow", ...]
    config: ConfigRow
    timezone: str = "UTC"


class HeadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A lane's committed head and what the box last claimed."""

    lane: str
    run: str
    seq: int
    hash: str
    claimed_seq: int


class JournalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the journal.

    Topic `alarm`: the subject is its id; `box`: the box; `event`: `first-last`, the numbers of all events of one commit
    (`Reading.events_between` gives those a person may see), and the site is empty.
    """

    number: int
    topic: Topic
    subject: str
    action: str
    site: str
    person: str
    at_ms: int
    facts: Mapping[str, Any]


class QuarantineRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that failed a check; the box is only what its topic claims."""

    number: int
    claimed_box: str
    reason: str
    received_ms: int
    size_bytes: int


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A login at the console."""

    person: str
    created_ms: int
    expires_ms: int
