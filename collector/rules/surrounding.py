"""What the command line knows beside the rules: the configuration's people and channels, the database's sites.

Flow: rules_words.py and audit_words.py -> here.
"""

import os
from collections.abc import Mapping

from collector.config import Config, people_of
from collector.escalation.surroundings import Surroundings
from collector.notify.settings import channels_of
from collector.people import People
from collector.storage.site_units import cameras_of_sites, units_of_sites
from collector.storage.store import Store, StoreError
from protocol.ids import new_event_id


def surroundings_of(config: Config) -> Surroundings:
    """As the collector of this configuration has them."""
    settings = config.settings
    return Surroundings(
        collector=settings.id,
        people=People(people_of(settings)),
        new_id=lambda now_ms: new_event_id(now_ms, os.urandom(10)),
        channels=channels_of(settings.channel),
        receivers=tuple(receiver.id for receiver in settings.receiver),
    )


def sites_of(config: Config) -> tuple[Mapping[str, str], frozenset[str]]:
    """The unit of every site that this centre has met, and their cameras; nothing where its database cannot be read."""
    if config.database_file is not None and not config.database_file.is_file():
        return {}, frozenset()  # opening it would make an empty one
    try:
        store = Store(config.database_url)
        try:
            with store.read() as reading:
                connection = reading.connection
                return units_of_sites(connection, but=config.settings.id), cameras_of_sites(connection)
        finally:
            store.close()
    except StoreError:
        return {}, frozenset()
