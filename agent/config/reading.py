"""A site file's text in, a valid `Site` out, or every fault with its line. Pure: opening the file is the caller's."""

from itertools import chain

from agent.config.checks import CHECKS
from agent.config.site import Site
from protocol.settings import read_settings


def read_site(text: str | bytes, filename: str) -> Site:
    """The site that `text` describes.

    Raises:
        SettingsError: every fault at once, each with file, line and table.
    """
    site, _ = read_settings(
        text, filename, Site, check=lambda whole: chain.from_iterable(each(whole) for each in CHECKS)
    )
    return site


def unwatched(site: Site) -> list[tuple[str, str]]:
    """(section, id) of what the file describes and this version does not watch: shown as unknown, never as sound."""
    sections, read = ("panel", "zone", "partition", "recorder", "camera", "area"), only_shown(site)
    found = [(section, item.id) for section in sections for item in getattr(site, section)]
    return [each for each in found if each not in read]


def only_shown(site: Site) -> list[tuple[str, str]]:
    """(section, id) of what is read and shown, but raises no alarm of its own yet: the zones on I/O modules."""
    watched = read_zones(site)
    return [("zone", zone.id) for zone in site.zone if zone.id in watched]


def read_zones(site: Site) -> frozenset[str]:
    """Ids of the zones whose input is on an I/O module: their state is known."""
    return frozenset(zone.id for zone in site.zone if "/zone/" not in zone.input)
