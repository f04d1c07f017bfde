"""A site file's text in, a valid `Site` out, or every fault with its line. Pure: opening the file is the caller's."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from protocol.settings import Problem, read_settings, settings_from
from protocol.site.checks import CHECKS
from protocol.site.schema import Site


def read_site(text: str | bytes, filename: str) -> Site:
    """The site that `text` describes.

    Raises:
        SettingsError: every fault at once, each with file, line and table.
    """
    site, _ = read_settings(text, filename, Site, check=_faults)
    return site


def site_from(settings: dict[str, Any], filename: str, also: Callable[[Site], Iterable[Problem]] | None = None) -> Site:
    """The site that an object with a site file's keys and texts describes, judged alike and by what `also` asks of it.

    Raises:
        SettingsError: every fault at once, each with its table.
    """
    return settings_from(
        settings, filename, Site, check=lambda site: chain(_faults(site), also(site) if also is not None else ())
    )


def _faults(site: Site) -> Iterator[Problem]:
    return chain.from_iterable(each(site) for each in CHECKS)
