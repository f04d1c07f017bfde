"""What this version watches of all that a site file describes, and which zones nothing ever arms. Pure."""

from typing import Final

from protocol.site import notes
from protocol.site.schema import Buzzer, Output, Siren, Site, Zone

_NOT_YET: Final = ("recorder", "camera", "area")


def unwatched(site: Site) -> list[tuple[str, str]]:
    """(section, id) of what the file describes and this version does not watch: shown as unknown, never as sound."""
    return [(section, item.id) for section in _NOT_YET for item in getattr(site, section)]


def never_armed(site: Site) -> list[tuple[str, str]]:
    """(section, id) of zones that would act while armed and that nothing arms: shown, and told when meddled with."""
    return [("zone", zone) for _, zone in notes.never_armed(site)]


def outputs_of(site: Site) -> tuple[Siren | Buzzer | Output, ...]:
    """Everything that is an `output/ID`: what sounds, and what people switch."""
    return *site.siren, *site.buzzer, *site.output


def on_panel(zone: Zone) -> bool:
    """Whether its input is a panel's zone, and not a module's register."""
    return "/zone/" in zone.input
