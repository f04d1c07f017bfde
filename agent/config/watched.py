"""What this version watches of all that a site file describes, and what it only shows. Pure."""

from protocol.site.schema import Site


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
