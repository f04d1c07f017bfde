"""How devices in the field go wrong with ONVIF, by name: what is seen, and what we do. Data; each is held by a test.

Where one way serves all devices (leases end by themselves, seconds and no minutes, our own host in every address) it is
done with all. Flow: the other files name the entry that they act on; docs/cameras.md shows the list.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Quirk(StrEnum):
    """Names."""

    SINGLE_LISTENER = "single-listener"
    UNSUBSCRIBE_KILLS_ALL = "unsubscribe-kills-all"
    RENEWAL_IN_WRONG_UNIT = "renewal-in-wrong-unit"
    MINUTES_AS_SECONDS = "minutes-as-seconds"
    OWN_TOPIC_NAMESPACE = "own-topic-namespace"
    EVENTS_DEAD = "events-dead"
    CLOCK_OFF = "clock-off"
    TIME_NEEDS_LOGIN = "time-needs-login"
    DIGEST_OFFERED_TOKEN_TAKEN = "digest-offered-token-taken"  # noqa: S105 - a name
    INNER_ADDRESS = "inner-address"
    RECORDING_A_STRETCH = "recording-a-stretch"


QUIRKS: Final[Mapping[Quirk, tuple[str, str]]] = MappingProxyType(
    {
        Quirk.SINGLE_LISTENER: (
            "One listener for events; one that was killed keeps the place until its lease ends.",
            "Leases of a minute; a new asker takes up the old place; a taken one is asked for slower and slower.",
        ),
        Quirk.UNSUBSCRIBE_KILLS_ALL: (
            "One listener that says goodbye ends those of everybody.",
            "Nobody says goodbye: leases end by themselves.",
        ),
        Quirk.RENEWAL_IN_WRONG_UNIT: (
            "A renewal for a minute is granted for a second.",
            "The time granted is read, not assumed; then renewals name a time of day, no length; else a new listener.",
        ),
        Quirk.MINUTES_AS_SECONDS: ("PT1M is read as a second.", "Lengths are asked for in seconds only."),
        Quirk.OWN_TOPIC_NAMESPACE: (
            "The same topics under a maker's own prefix.",
            "Topics are read without prefixes.",
        ),
        Quirk.EVENTS_DEAD: (
            "It takes and renews listeners and says nothing any more.",
            "Compared with our own picture: when that moves and the device keeps silent, its inputs are unknown.",
        ),
        Quirk.CLOCK_OFF: (
            "Signed logins fail while its clock is off, by an hour or by months.",
            "Its time is asked first, without a login, and logins are signed with it.",
        ),
        Quirk.TIME_NEEDS_LOGIN: (
            "It tells its time only to those who are logged in.",
            "Logins are signed with our own time, and its clock is read behind the login.",
        ),
        Quirk.DIGEST_OFFERED_TOKEN_TAKEN: (
            "It offers HTTP digest and takes the signed token only.",
            "One way a try; after a refusal the next try goes the other way.",
        ),
        Quirk.INNER_ADDRESS: (
            "Behind a router it names its inner address for streams and services.",
            "The host of the site file wins in every address.",
        ),
        Quirk.RECORDING_A_STRETCH: (
            "A recorder lists every stretch as a recording of its own.",
            "Recordings of one source are one channel.",
        ),
    }
)
"""What is seen, and what we do."""
