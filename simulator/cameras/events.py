"""What an ONVIF device tells by itself, and to whom: properties, subscriptions with leases, and how real devices err.

Pure but for one event a subscription that wakes whoever waits. Time is an argument. Flow: camera.py changes a property
-> here -> every subscription's queue -> `event_service.py` hands them out.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from xml.sax.saxutils import quoteattr

from simulator.cameras.soap import time_text

MAX_SUBSCRIPTIONS: Final = 16
MAX_WAITING: Final = 256
"""Messages kept for a subscription that is not pulled; the oldest go."""


class Quirk(StrEnum):
    """How devices in the field go wrong with events (FIELD-FAULTS, row 12)."""

    SINGLE_LISTENER = "single-listener"  # one subscription at a time; a killed client's stands until its lease is over
    UNSUBSCRIBE_KILLS_ALL = "unsubscribe-kills-all"
    RENEWS_IN_WRONG_UNIT = "renews-in-wrong-unit"  # PT10M is ten seconds
    EVENTS_DEAD = "events-dead"  # subscribes, renews, and never says a thing


class Topic(StrEnum):
    """The kinds of messages."""

    INPUT = "tns1:Device/Trigger/DigitalInput"
    MOTION = "tns1:VideoSource/MotionAlarm"
    TAMPER = "tns1:VideoSource/GlobalSceneChange/ImagingService"
    SIGNAL_LOSS = "tns1:VideoSource/SignalLoss"


_ITEMS: Final[Mapping[Topic, tuple[str, str]]] = {
    Topic.INPUT: ("InputToken", "LogicalState"),
    Topic.MOTION: ("Source", "State"),
    Topic.TAMPER: ("Source", "State"),
    Topic.SIGNAL_LOSS: ("Source", "State"),
}
"""Names of what a message is about and of what it says."""


class NoSuchSubscriptionError(LookupError):
    """It is over, or never was."""


class TooManyError(Exception):
    """The device takes no more listeners."""


@dataclass(frozen=True, kw_only=True)
class Property:
    """What stands: one topic of one source."""

    topic: Topic
    source: str


@dataclass(kw_only=True)
class Subscription:
    """One listener."""

    until_s: float
    waiting: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_WAITING))
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Events:
    """All properties and all listeners of one device."""

    def __init__(self, properties: Mapping[Property, bool], quirks: frozenset[Quirk] = frozenset()) -> None:
        self.quirks = quirks
        self._properties = dict(properties)
        self._listeners: dict[str, Subscription] = {}
        self._created = 0

    def listeners(self, now_s: float) -> int:
        """How many subscriptions stand."""
        self._sweep(now_s)
        return len(self._listeners)

    def become(self, what: Property, state: bool, wall_s: float) -> None:
        """A property changes; every listener is told, once."""
        if self._properties.get(what) == state:
            return
        self._properties[what] = state
        if Quirk.EVENTS_DEAD in self.quirks:
            return
        for each in self._listeners.values():
            each.waiting.append(_message(what, state, "Changed", wall_s))
            each.woken.set()

    def subscribe(self, now_s: float, lease_s: float, wall_s: float) -> str:
        """A new listener, told first how everything stands; its id.

        Raises:
            TooManyError: no more are taken.
        """
        self._sweep(now_s)
        most = 1 if Quirk.SINGLE_LISTENER in self.quirks else MAX_SUBSCRIPTIONS
        if len(self._listeners) >= most:
            raise TooManyError
        self._created += 1
        identity = str(self._created)
        self._listeners[identity] = Subscription(until_s=now_s + lease_s)
        self.synchronize(identity, now_s, wall_s)
        return identity

    def synchronize(self, identity: str, now_s: float, wall_s: float) -> None:
        """Tell this listener again how everything stands.

        Raises:
            NoSuchSubscriptionError: there is none.
        """
        listener = self.of(identity, now_s)
        if Quirk.EVENTS_DEAD not in self.quirks:
            listener.waiting.extend(_message(what, on, "Initialized", wall_s) for what, on in self._properties.items())
            listener.woken.set()

    def of(self, identity: str, now_s: float) -> Subscription:
        """The listener.

        Raises:
            NoSuchSubscriptionError: there is none.
        """
        self._sweep(now_s)
        if identity not in self._listeners:
            raise NoSuchSubscriptionError(identity)
        return self._listeners[identity]

    def end(self, identity: str, now_s: float) -> None:
        """Unsubscribe.

        Raises:
            NoSuchSubscriptionError: there is none.
        """
        self.of(identity, now_s)
        ended = list(self._listeners) if Quirk.UNSUBSCRIBE_KILLS_ALL in self.quirks else [identity]
        for each in ended:
            self._listeners.pop(each).woken.set()

    def forget_all(self) -> None:
        """As after a restart of the device: nobody is subscribed."""
        for each in self._listeners.values():
            each.woken.set()
        self._listeners.clear()

    def _sweep(self, now_s: float) -> None:
        for identity in [each for each, listener in self._listeners.items() if listener.until_s <= now_s]:
            self._listeners.pop(identity).woken.set()


def _message(what: Property, state: bool, operation: str, wall_s: float) -> str:
    source, data = _ITEMS[what.topic]
    return (
        '<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
        f"{what.topic}</wsnt:Topic><wsnt:Message>"
        f'<tt:Message UtcTime="{time_text(wall_s)}" PropertyOperation="{operation}">'
        f'<tt:Source><tt:SimpleItem Name="{source}" Value={quoteattr(what.source)}/></tt:Source>'
        f'<tt:Data><tt:SimpleItem Name="{data}" Value="{"true" if state else "false"}"/></tt:Data>'
        "</tt:Message></wsnt:Message></wsnt:NotificationMessage>"
    )
