"""MQTT topics and the rights that brokers enforce on them (WIRE 1.5). The site never stands in a topic."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from protocol.ids import is_id


class Up(StrEnum):
    """What a box publishes."""

    EVENT = "event"  # sealed lines of one lane
    BEAT = "beat"  # alive, heads, health
    BIRTH = "birth"  # who I am and every point's state
    DEATH = "death"  # the will: this run's connection is gone


class Down(StrEnum):
    """What a box listens to."""

    RECEIPT = "receipt"  # committed up to here
    ORDER = "order"  # changes protection; people's keys approve it
    REQUEST = "request"  # only asks


PREFIX: Final = "bw/1"
COLLECTOR_SUBSCRIPTION: Final = f"{PREFIX}/+/up/#"


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Topic filters a role may use; `{id}` stands for the id in the certificate."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


BOX_RIGHTS: Final = Rights(
    publish=tuple(f"{PREFIX}/{{id}}/up/{kind}" for kind in Up),
    subscribe=tuple(f"{PREFIX}/{{id}}/down/{kind}" for kind in Down),
)
COLLECTOR_RIGHTS: Final = Rights(
    publish=tuple(f"{PREFIX}/+/down/{kind}" for kind in Down),
    subscribe=(COLLECTOR_SUBSCRIPTION,),
)


def shared_subscription(group: str) -> str:
    """What several collectors subscribe to that take turns (MQTT 5, section 4.8.2)."""
    return f"$share/{group}/{COLLECTOR_SUBSCRIPTION}"


def up_topic(box: str, kind: Up) -> str:
    """Where box `box` publishes `kind`."""
    return f"{PREFIX}/{box}/up/{kind}"


def down_topic(box: str, kind: Down) -> str:
    """Where box `box` hears `kind`."""
    return f"{PREFIX}/{box}/down/{kind}"


def parse_up(topic: str) -> tuple[str, Up] | None:
    """The box that `topic` claims and what it carries; None when it is no topic of a box."""
    parts = topic.split("/")
    if len(parts) != 5 or parts[0] != "bw" or parts[1] != "1" or parts[3] != "up" or not is_id(parts[2]):
        return None
    try:
        return parts[2], Up(parts[4])
    except ValueError:
        return None
