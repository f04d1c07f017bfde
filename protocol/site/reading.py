"""A site file's text in, a valid `Site` out, or every fault with its line. Pure: opening the file is the caller's."""

from itertools import chain

from protocol.settings import read_settings
from protocol.site.checks import CHECKS
from protocol.site.schema import Site


def read_site(text: str | bytes, filename: str) -> Site:
    """The site that `text` describes.

    Raises:
        SettingsError: every fault at once, each with file, line and table.
    """
    site, _ = read_settings(
        text, filename, Site, check=lambda whole: chain.from_iterable(each(whole) for each in CHECKS)
    )
    return site
