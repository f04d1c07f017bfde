"""The defaults that a site file takes from its template. One template exists so far; what the file says wins. Data."""

from datetime import timedelta
from types import MappingProxyType
from typing import Final

import msgspec


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """Limits and waits of one kind of site."""

    debounce: timedelta  # how long a contact must rest before its return is believed
    tolerance: timedelta  # both interlock doors open: shorter is a step through, not a breach
    release_for: timedelta  # how long an exit button holds a lock open
    request_grace: timedelta  # a door opened so long after an exit request, key or release is not forced
    sound_for: timedelta  # how long a siren sounds
    keep: timedelta  # recordings (rulebooks: three months)


OUTLET_SMALL: Final = Template(
    debounce=timedelta(seconds=0.3),
    tolerance=timedelta(seconds=0.5),
    release_for=timedelta(seconds=5),
    request_grace=timedelta(seconds=5),
    sound_for=timedelta(minutes=5),
    keep=timedelta(days=90),
)

TEMPLATES: Final = MappingProxyType({"outlet-small": OUTLET_SMALL})
