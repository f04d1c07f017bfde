"""What the checks of a site file share: the ids that there are, and what is said of one that nobody defined. Pure."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from protocol.settings import did_you_mean
from protocol.site.schema import Site
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

_UNDEFINED: Final = {
    "template": N_('template "{name}" is not defined'),
    "door": N_('door "{name}" is not defined'),
    "zone": N_('zone "{name}" is not defined'),
    "partition": N_('partition "{name}" is not defined'),
    "kind": N_('kind "{name}" is not defined'),
    "recorder": N_('recorder "{name}" is not defined'),
    "camera": N_('camera "{name}" is not defined'),
    "panel": N_('panel "{name}" is not defined'),
    "io": N_('io "{name}" is not defined'),
    "interlock": N_('interlock "{name}" is not defined'),
    "keyswitch": N_('keyswitch "{name}" is not defined'),
    "announcement": N_('announcement "{name}" is not defined'),
    "output": N_('output "{name}" is not defined'),
    "device": N_('device "{name}" is not defined'),
}


def ids_of(site: Site, section: str) -> frozenset[str]:
    """The ids of one list of the file."""
    items: Iterable[Any] = getattr(site, section)
    return frozenset(item.id for item in items)


def undefined(section: str, name: str, known: Iterable[str]) -> Said:
    """What is named and nobody defined, with the likely one."""
    return did_you_mean(said(_UNDEFINED[section], name=name), name, known)


def shown(duration: timedelta) -> str:
    """A wait as people write it in the file."""
    seconds = duration.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and not seconds % length:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"
