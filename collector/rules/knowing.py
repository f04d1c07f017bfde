"""What rules are judged by: people, channels, receivers of collector.toml, and the sites that the centre has met. Pure.

Flow: rules_words.py fills a `Known` -> checking.py asks it.
"""

from collections.abc import Mapping
from datetime import date

import msgspec

from collector.config import CollectorSettings
from collector.notify.settings import channels_of
from collector.people import PersonRole


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """`sites`: unit of each site; empty where no site is known yet, and then nothing is said of units.

    `cameras`: ids of the cameras of all of them; the same holds for it. `mails`: those of the channels that are mail.
    """

    people: Mapping[str, frozenset[PersonRole]]
    channels: frozenset[str]
    receivers: frozenset[str]
    today: date
    sites: Mapping[str, str] = {}
    cameras: frozenset[str] = frozenset()
    mails: frozenset[str] = frozenset()

    def with_role(self, role: str) -> list[str]:
        """Whoever has it."""
        return [person for person, roles in self.people.items() if role in roles]


def known_of(
    settings: CollectorSettings, today: date, sites: Mapping[str, str], cameras: frozenset[str] = frozenset()
) -> Known:
    """What the configuration and the database know."""
    return Known(
        people={person.id: frozenset(person.roles) for person in settings.person},
        channels=frozenset(channels_of(settings.channel)),
        receivers=frozenset(receiver.id for receiver in settings.receiver),
        today=today,
        sites=sites,
        cameras=cameras,
        mails=frozenset(channel.name for channel in settings.channel if channel.kind == "mail"),
    )
