"""Which zones nothing ever arms, and where points of a site file come from. Pure."""

from protocol.site import notes
from protocol.site.schema import Buzzer, Output, Siren, Site, Zone


def never_armed(site: Site) -> list[tuple[str, str]]:
    """(section, id) of zones that would act while armed and that nothing arms: shown, and told when meddled with."""
    return [("zone", zone) for _, zone in notes.never_armed(site)]


def outputs_of(site: Site) -> tuple[Siren | Buzzer | Output, ...]:
    """Everything that is an `output/ID`: what sounds, and what people switch."""
    return *site.siren, *site.buzzer, *site.output


def on_camera(zone: Zone) -> bool:
    """Whether its input is a camera's digital input."""
    return "/input/" in zone.input


def on_panel(zone: Zone) -> bool:
    """Whether its input is a panel's zone, and not a module's register."""
    return "/zone/" in zone.input
