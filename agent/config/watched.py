"""What this version watches of all that a site file describes, and which zones nothing ever arms. Pure."""

from typing import Final

from protocol.site.schema import Buzzer, Output, Siren, Site, Zone, ZoneType

ALWAYS_ACTING: Final = frozenset({ZoneType.ALWAYS, ZoneType.HOLD_UP, ZoneType.FIRE, ZoneType.TAMPER})
"""Zones that act whatever is armed."""

_NOT_YET: Final = ("recorder", "camera", "area")


def unwatched(site: Site) -> list[tuple[str, str]]:
    """(section, id) of what the file describes and this version does not watch: shown as unknown, never as sound."""
    return [(section, item.id) for section in _NOT_YET for item in getattr(site, section)]


def never_armed(site: Site) -> list[tuple[str, str]]:
    """(section, id) of zones that would act while armed, and that no partition arms: shown, and told when meddled with.

    One that tells whether a place is occupied is meant to be so.
    """
    armed = {zone for partition in site.partition for zone in partition.zones}
    asked = {each.occupied_by for each in site.interlock}
    return [
        ("zone", zone.id)
        for zone in site.zone
        if zone.id not in armed and zone.type not in ALWAYS_ACTING and f"zone/{zone.id}" not in asked
    ]


def outputs_of(site: Site) -> tuple[Siren | Buzzer | Output, ...]:
    """Everything that is an `output/ID`: what sounds, and what people switch."""
    return *site.siren, *site.buzzer, *site.output


def on_panel(zone: Zone) -> bool:
    """Whether its input is a panel's zone, and not a module's register."""
    return "/zone/" in zone.input
