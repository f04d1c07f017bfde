"""What the API says of notices, and what gateways send. Shapes only."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from collector.console.shapes import PRINTABLE, Level, Shape, Time


class Notice(Shape):
    """One message to one person by one channel. Never its link, its code or an address."""

    id: str
    number: int
    alarm: Annotated[str | None, Field(description="null for a digest and a proof")]
    sort: Literal["alarm", "reminder", "digest", "proof"]
    target: Annotated[str, Field(description="as the policy names it: role/shift_leader")]
    person: Annotated[str, Field(description="empty for the desk and a receiver; site/ID for a site's contact")]
    channel: str
    level: Level
    state: Literal["queued", "sending", "sent", "delivered", "read", "failed", "held", "cancelled"]
    reason: Annotated[str, Field(description="why it failed: one word")]
    tries: int
    queued_at: Time
    sent_at: Time | None
    delivered_at: Time | None
    read_at: Time | None
    answered_at: Time | None
    perhaps: Annotated[bool, Field(description="perhaps twice: whoever sent it died meanwhile, or no answer came")]
    follows: Annotated[str | None, Field(description="the notice whose failure this one makes good")]
    bundle: Annotated[str | None, Field(description="the digest that it was put into")]


class GatewayMessage(Shape):
    """`reply`: what a person answered, `from` its address. `receipt`: what became of the notice `id`."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    type: Literal["reply", "receipt"]
    sender: Annotated[str, Field(alias="from", max_length=128, pattern=PRINTABLE)] = ""
    text: Annotated[str, Field(max_length=2_000)] = ""
    id: Annotated[str, Field(max_length=64, pattern=PRINTABLE)] = ""
    state: Literal["delivered", "failed"] = "delivered"


class GatewayAnswer(Shape):
    """What it did; `text` may be sent back to the person."""

    outcome: Literal["took", "paused", "over", "again", "proven", "noted", "wrong", "closed"]
    text: str
