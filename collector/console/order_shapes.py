"""What the API says and takes of orders, requests and a site's points, as pydantic models; shapes only."""

from typing import Annotated, Any, Literal

from pydantic import Field

from collector.console.shapes import PRINTABLE, KeyName, Shape, Time
from protocol.ids import EVENT_ID_PATTERN, ID_PATTERN

SiteId = Annotated[str, Field(pattern=ID_PATTERN)]
ActionWord = Annotated[str, Field(pattern=r"^[a-z_]{1,16}$", examples=["disarm"])]
Args = Annotated[dict[str, Any], Field(max_length=16, default_factory=dict)]
PersonId = Annotated[str, Field(min_length=1, max_length=64, pattern=PRINTABLE)]
Encoded = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=2048)]

OrderState = Literal["draft", "sent", "executed", "refused", "withdrawn", "stale"]
RequestState = Literal["sent", "answered", "refused", "unanswered"]


class OrderDraft(Shape):
    """What shall be done; args as docs/protocol.md has them."""

    site: SiteId
    action: ActionWord
    args: Args


class ApprovalBody(Shape):
    """A person's signature over an order's line: a key file's JWS, or the three parts of WebAuthn."""

    v: Literal[1]
    order: Annotated[str, Field(pattern=EVENT_ID_PATTERN)]
    person: PersonId
    credential: Annotated[str, Field(pattern=ID_PATTERN, description="the key's id in the roster")]
    method: Literal["key_file", "webauthn"]
    jws: Annotated[str, Field(max_length=1024, pattern=r"^[A-Za-z0-9_.-]*$")] = ""
    client_data: Encoded = ""
    authenticator_data: Encoded = ""
    signature: Annotated[str, Field(max_length=512, pattern=r"^[A-Za-z0-9_-]*$")] = ""


class Approval(Shape):
    """Who has approved."""

    person: str
    name: str
    method: Literal["key_file", "webauthn"]
    at: Time


class Outcome(Shape):
    """What the box reported; `said` is in the reader's language."""

    kind: str
    at: Time
    said: str
    facts: dict[str, Any]


class RosterKey(Shape):
    """A key that may approve, as the delivered roster has it: a hint for the person's machine."""

    person: str
    name: str
    id: str
    kind: Literal["key_file", "webauthn"]
    public_key: str
    rp_id: str
    origin: str
    credential: str


class OrderWords(Shape):
    """An order for the reader."""

    does: str
    state: str
    by: str
    site: str


class Order(Shape):
    """Something that people ask of a box; worth nothing to it without their approvals."""

    id: str
    site: str
    box: str
    action: str
    args: dict[str, Any]
    by: Annotated[str, Field(description="who drew it up")]
    at: Time
    line: Annotated[str, Field(description="base64url of exactly the bytes that people sign")]
    needed: Annotated[int, Field(ge=1, description="how many different people must approve")]
    approvals: list[Approval]
    state: OrderState
    stale_at: Time
    sent_at: Time | None
    settled_at: Time | None
    outcome: Outcome | None
    you: Annotated[str, Field(description="id of the person who asks")]
    keys: Annotated[list[RosterKey], Field(description="of a draft, asked for by itself; empty elsewhere")]
    words: OrderWords


class RequestDraft(Shape):
    """What the box is asked: `announce` with `{"announcement": ID}`, `health`, `still` with `{"camera"}`, `clip` and
    `playback` with `{"camera", "from", "to", "purpose"}`, `preset` with `{"camera", "preset"}`.
    """

    site: SiteId
    action: ActionWord
    args: Args


class RequestWords(Shape):
    """A request for the reader."""

    does: str
    state: str
    by: str


class Request(Shape):
    """Something that only asks, and how the box answered."""

    id: str
    site: str
    box: str
    action: str
    args: dict[str, Any]
    by: str
    at: Time
    state: RequestState
    outcome: Outcome | None
    words: RequestWords


class SitePoint(Shape):
    """A point of a site as it was last told; of a silent box everything is unknown, and `told` is the past."""

    id: str
    box: str
    family: str
    name: str
    state: str
    marks: list[str]
    cause: str
    since: Time
    age_s: Annotated[int, Field(ge=0)]
    told: Annotated[str, Field(description="the state as the box told it last")]
    partition_kind: Annotated[str | None, Field(description="of a partition whose signed site file is here")]
    people: Annotated[int | None, Field(description="how many must approve what weakens it")]
    zones: list[str]
    never_bypassed: Annotated[bool, Field(description="of a panic button or fire zone whose signed site file is here")]
    words: Annotated[str, Field(description="the state in the reader's language")]


class LocalhostKey(Shape):
    """A credential that a page of the person's own machine made (`branchwatch order register`)."""

    name: KeyName
    public_key: Annotated[str, Field(max_length=512, description="SubjectPublicKeyInfo, DER, in base64")]
    credential: Annotated[str, Field(min_length=1, max_length=1400, pattern=r"^[A-Za-z0-9_-]+$")]
    rp_id: Literal["localhost"] = "localhost"
    origin: Literal["http://localhost"] = "http://localhost"
