"""What the API says and takes, as pydantic models: the source of its OpenAPI description (WIRE 5).

Shapes only; made by telling.py from storage rows. `words` are in the reader's language, everything else is not.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", examples=["2026-11-21T02:13:49.204Z"])]
Level = Annotated[int, Field(ge=1, le=5)]
PRINTABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
"""What people write: no control characters but tab and line ends; a database's text may hold no NUL."""


class Shape(BaseModel):
    """Common to all: frozen, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Listing(Shape, Generic[T]):
    """One page, newest first; `next` is the cursor of the page after it."""

    items: list[T]
    next: str | None


class AlarmWords(Shape):
    """An alarm for the reader: title, one sentence, where, and who holds it."""

    title: str
    headline: str
    place: str
    holder: str | None


class Alarm(Shape):
    """Something a person must handle."""

    id: str
    number: Annotated[int, Field(description="what notices call it")]
    site: str
    box: str
    kind: str
    event_class: Annotated[str, Field(alias="class")]
    level: Level
    source: str
    state: Literal[
        "new",
        "acknowledged",
        "verifying",
        "dispatched",
        "parked",
        "returned",
        "resolved",
        "reviewed",
        "closed",
    ]
    opened_at: Time
    at: Annotated[Time, Field(description="the box's wall clock")]
    delay_ms: Annotated[int, Field(description="from `at` to our commit; negative where the box's clock runs ahead")]
    due_at: Annotated[Time | None, Field(description="to be acknowledged by then; null when no clock runs")]
    due_from: Annotated[Time | None, Field(description="when that time began to run")] = None
    restored_at: Annotated[Time | None, Field(description="when the condition ended by itself")]
    facts: dict[str, Any]
    because: Annotated[list[tuple[Time, str, str, str]], Field(description="time, point, state, reason")]
    events: int
    holder: Annotated[str | None, Field(description="id of the person who holds it")]
    resolution: str | None
    narrative: str | None
    flags: list[str]
    version: int
    handlers: Annotated[list[str], Field(description="everybody who ever held it or did a step")] = []
    raised_at: Annotated[Time | None, Field(description="when its level rose last")] = None
    follow_by: Annotated[Time | None, Field(description="what remains is to be looked into by then")] = None
    parked_until: Time | None = None
    reviewer: str | None = None
    score: Annotated[int | None, Field(ge=0, le=4, description="AVS-01: 0 no call ... 4 threat to life")] = None
    shelter: Annotated[str | None, Field(description="the alarm or suspension that keeps it quiet")] = None
    shelter_why: str | None = None
    members_count: Annotated[int, Field(description="open alarms that this one keeps quiet")] = 0
    still: Annotated[str | None, Field(description="address of its first picture, for those who may look")] = None
    words: AlarmWords


class Step(Shape):
    """One line of an explanation in words."""

    at: Time
    text: str


class Entry(Shape):
    """One entry of an alarm's record; `about` is whom, until when, which step; `note` is what a person wrote."""

    at: Time
    person: str
    action: str
    text: str
    about: str | None = None
    note: str | None
    way: Annotated[str | None, Field(description="console, link, reply or program; null for the centre's own")] = None


class PieceWords(Shape):
    """A picture or clip for the reader."""

    kind: str
    camera: str
    state: str


class Piece(Shape):
    """A picture or clip that a box promised, sealed in its ledger, and brought."""

    box: str
    slot: str
    camera: str
    kind: Literal["still", "clip", "reference"]
    state: Annotated[
        Literal["promised", "sealed", "here", "missing", "removed", "changed"],
        Field(description="`changed`: its bytes are no longer what was sealed, and nobody is shown them"),
    ]
    reason: Annotated[str | None, Field(description="the box's word for why there is none, or why it went")]
    media_type: str | None
    sha256: Annotated[str | None, Field(description="as the box's ledger has it")]
    size_bytes: int
    from_at: Time | None
    to_at: Time | None
    masked: Annotated[bool, Field(description="areas of privacy were blackened at the site")]
    href: Annotated[str | None, Field(description="where its bytes are, for those who may look at them now")]
    words: PieceWords


class LivePiece(Piece):
    """A piece whose state changed, and what it belongs to."""

    site: str
    alarms: list[str]
    request: str | None


class ProcedureStep(Shape):
    """A step of an alarm's procedure, as it stood in the rules when the alarm was taken, and what was done."""

    position: int
    kind: Literal["look", "call", "speak", "dispatch", "police", "note", "wait"]
    text: str
    required: bool
    camera: str
    number: str
    not_before: Annotated[Time | None, Field(description="of a wait: when its time is over")]
    needs: Annotated[list[str], Field(description="fields that doing it needs")]
    state: Literal["open", "done", "skipped"]
    person: str | None
    at: Time | None
    facts: Annotated[dict[str, Any], Field(description="number, person, at, result, text: as the kind has it")]


class Ahead(Shape):
    """Something that will happen by itself."""

    at: Time
    said: str


class Member(Shape):
    """An alarm that another keeps quiet."""

    id: str
    site_name: str
    kind: str
    level: Level
    source: str
    state: str
    opened_at: Time
    restored_at: Time | None


class AlarmWhole(Alarm):
    """One alarm with its explanation and its record."""

    timeline: list[Step]
    next_step: Annotated[str, Field(description="what a person does about it; empty where the desk says it all")]
    record: list[Entry]
    event_ids: list[str]
    evidence: Annotated[list[Piece], Field(description="pictures and clips that its events promised")]
    moves: Annotated[list[str], Field(description="what the asker may do with it now")] = []
    procedure: str = ""
    steps: list[ProcedureStep] = []
    score_words: str = ""
    score_reasons: list[str] = []
    score_by: Annotated[str | None, Field(description="who said so; null where it was reckoned")] = None
    next: Annotated[list[Ahead], Field(description="what happens when nobody acts, the soonest first")] = []
    members: Annotated[list[Member], Field(description="the first alarms that this one keeps quiet")] = []


class Event(Shape):
    """One line of a box's ledger and how it came."""

    number: int
    id: str
    site: str
    box: str
    run: str
    lane: Literal["urgent", "routine"]
    seq: Annotated[
        int, Field(description="place in its lane; of the urgent lane 0, but for auditors whom no box obeys")
    ]
    hash: str
    kind: str
    event_class: Annotated[str, Field(alias="class")]
    level: Level
    source: str
    clock: str
    at: Time
    received_at: Time
    delay_ms: int
    facts: dict[str, Any]
    because: list[tuple[Time, str, str, str]]
    restores: str | None
    flags: list[str]
    words: Annotated[str, Field(description="title in the reader's language")]


class Site(Shape):
    """A guarded place."""

    id: str
    name: str
    unit: str
    timezone: str
    boxes: int
    silent: Annotated[int, Field(description="boxes that are not heard: what they guard is unknown")]
    alarms: Annotated[int, Field(description="alarms that are not resolved")]


class Point(Shape):
    """A point's last told state."""

    id: str
    name: str
    state: str
    since: Time
    cause: str
    marks: Annotated[list[str], Field(description="what else is true of it: alarm, bypassed, not_ready...")]


class LaneHead(Shape):
    """A lane's committed head and what the box last claimed; the urgent lane's for auditors whom no box obeys."""

    lane: str
    run: str
    seq: int
    hash: str
    claimed_seq: int


class BoxConfig(Shape):
    """The signed site bundle that a box works with; null where it works with a plain file or never said."""

    version: int
    hash: str
    roster_version: int
    roster_not_after: Time


class WantedConfig(Shape):
    """The bundle that was delivered to the centre for a box, and when it was sent on last."""

    version: int
    hash: str
    stored_at: Time
    sent_at: Time | None


class Box(Shape):
    """A box, when it was last heard, and what it said."""

    id: str
    site: str
    state: Literal["heard", "silent"]
    software: str
    run: str
    heard_at: Time
    clock: str
    offset_ms: int
    delayed: bool
    forked: bool
    health: dict[str, Any]
    points: list[Point]
    heads: list[LaneHead]
    config: BoxConfig | None
    wanted: WantedConfig | None
    drift: Annotated[
        Literal["late", "refused", "unknown", "plain"] | None, Field(description="why it is not as it should be")
    ]
    refused_reason: Annotated[str | None, Field(description="the box's word, once it refused the wanted bundle")]
    machine: Annotated[str | None, Field(description="tells this hardware from a copy's")]
    certificate_ends_at: Time | None
    revoked: bool


class Delivery(Shape):
    """What became of a site bundle that was brought."""

    box: str
    site: str
    version: int
    hash: str
    signers: list[str]
    touches: Annotated[list[str], Field(description="what needs two signatures, beside the one stored before")]
    unchanged: Annotated[bool, Field(description="it was stored before")]
    remarks: Annotated[list[str], Field(description="what a person must know, in the reader's language")]


class HealthCheck(Shape):
    """One part of the centre; `age_s`: for how long it has been so, or how old its last commit is."""

    name: str
    ok: bool
    detail: str
    age_s: float | None


class Healthy(Shape):
    """Every part that is needed works; `degraded`: one of several brokers does not."""

    status: Literal["ok", "degraded"]
    collector: str
    checks: list[HealthCheck]


class Fault(Shape):
    """One thing that is wrong with a request."""

    place: str
    detail: str


class ProblemDetails(BaseModel):
    """RFC 9457, in the reader's language."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(examples=["urn:branchwatch:problem:stale"])]
    title: str
    status: int
    instance: str
    detail: str | None = None
    faults: list[Fault] | None = None


class WalkTest(Shape):
    """One walk test as its end tells it."""

    id: str
    site: str
    box: str
    at: Time
    installer: str | None
    passed: int
    failed: int
    untested: int
    abandoned: bool


class TestedPoint(Shape):
    """How one point was found."""

    id: str
    name: str
    result: Literal["passed", "failed", "untested"]
    noticed: Annotated[
        Literal["box", "installer", "operator"] | None, Field(description="who noticed; null when untested")
    ]
    at: Time | None


class Acceptance(Shape):
    """A walk test's record, rebuilt from the ledger; `fault` says why it does not hold."""

    id: str
    site: str
    box: str
    config_version: Annotated[int, Field(description="0 where the box worked with a plain site file")]
    started_at: Time
    finished_at: Time
    installer: str | None
    passed: int
    failed: int
    untested: int
    holds: bool
    fault: str | None
    sha256: str
    points: list[TestedPoint]


class Credential(Shape):
    """A registered key; the fingerprint is read out to be compared."""

    id: str
    name: str
    kind: Literal["key_file", "webauthn"]
    fingerprint: Annotated[str, Field(examples=["3F2A 9C01 77DE 0B45 A1B2 C3D4 E5F6 0718"])]
    registered_at: Time
    rp_id: str | None


KeyName = Annotated[str, Field(min_length=1, max_length=64, pattern=PRINTABLE)]


class KeyFile(Shape):
    """The public half of a key file, PEM."""

    name: KeyName
    public_key: Annotated[str, Field(max_length=2048)]


class SecurityKey(Shape):
    """What `navigator.credentials.create` gave, as its `toJSON` writes it."""

    name: KeyName
    answer: dict[str, Any]
