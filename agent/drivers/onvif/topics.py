"""What an ONVIF event says, in our own words, whatever its maker calls it. Pure.

Topics are read without their prefixes: makers bind the same names to namespaces of their own. What a value means stands
in a table; what the table does not name is nobody's event. Flow: PullMessages -> here -> the asker's `Noticed`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from agent.drivers.onvif.answers import field, items, text, truth

What = Literal["input", "motion", "tamper", "signal_loss", "storage"]

MAX_MESSAGES: Final = 64


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `active` None: the device no longer says (its property was deleted)."""

    what: What
    active: bool | None
    source: str = ""
    first: bool = False  # how it stands, told to a new listener: no change


TOPICS: Final[Mapping[str, What]] = {
    "device/trigger/digitalinput": "input",
    "device/trigger/alarmin": "input",  # makers' own name for the same
    "device/io/digitalinput": "input",
    "videosource/motionalarm": "motion",
    "ruleengine/cellmotiondetector/motion": "motion",
    "ruleengine/motionregiondetector/motion": "motion",
    "videoanalytics/motiondetection": "motion",
    "videosource/globalscenechange/imagingservice": "tamper",
    "videosource/globalscenechange/analyticsservice": "tamper",
    "ruleengine/tamperdetector/tamper": "tamper",
    "videosource/imagetooblurry/analyticsservice": "tamper",
    "videosource/imagetoodark/analyticsservice": "tamper",
    "videosource/signalloss": "signal_loss",
    "videosource/videoloss": "signal_loss",
    "mediacontrol/videoloss": "signal_loss",
    "device/hardwarefailure/storagefailure": "storage",
}
"""Topic without prefixes, in small letters -> what it is about."""

VALUES: Final = (
    "state",
    "logicalstate",
    "ismotion",
    "istamper",
    "failed",
    "value",
    "active",
    "signalloss",
    "videoloss",
)
SOURCES: Final = ("inputtoken", "source", "videosourcetoken", "videosourceconfigurationtoken", "token", "channel")


def topic_of(answer: object) -> str:
    """A topic as TOPICS names it."""
    steps = text(answer, 256).strip("/").split("/")
    return "/".join(step.rpartition(":")[2].strip().lower() for step in steps)


def told(answer: object) -> tuple[Told, ...]:
    """The events of one PullMessages answer that mean something here, in order."""
    found = (_told(each) for each in items(field(answer, "NotificationMessage"))[:MAX_MESSAGES])
    return tuple(each for each in found if each is not None)


def brought(answer: object) -> int:
    """How many events there were in it, with those that mean nothing here."""
    return len(items(field(answer, "NotificationMessage")))


def input_number(source: str, listed: Sequence[str]) -> int | None:
    """Which digital input a token names: its place among those that the device lists, else the number in it.

    A device that counts from 0 is told by its list; without one its token 0 is input 1, and nothing else shifts.
    """
    if source in listed:
        return listed.index(source) + 1
    match = re.search(r"([0-9]{1,3})\D*$", source)
    return max(1, int(match[1])) if match else (1 if not listed else None)


def _told(answer: object) -> Told | None:
    what = TOPICS.get(topic_of(field(answer, "Topic")))
    message = field(answer, "Message")
    for name in ("_value_1", "Message"):  # as the library gives what it knows, and what it leaves as it is
        inner = field(message, name)
        message = items(inner)[0] if items(inner) else message
    if what is None:
        return None
    operation = text(field(message, "PropertyOperation")).lower()
    values = _pairs(field(message, "Data"))
    active = next((truth(values[name]) for name in VALUES if name in values), None)
    if operation == "deleted":
        active = None
    elif active is None:
        return None
    sources = _pairs(field(message, "Source"))
    source = next((sources[name] for name in SOURCES if name in sources), next(iter(sources.values()), ""))
    return Told(what=what, active=active, source=source, first=operation == "initialized")


def _pairs(answer: object) -> dict[str, str]:
    """SimpleItems by their names in small letters."""
    found: dict[str, str] = {}
    for part in items(answer):
        for item in items(field(part, "SimpleItem")):
            found.setdefault(text(field(item, "Name")).lower(), text(field(item, "Value")))
    return found
