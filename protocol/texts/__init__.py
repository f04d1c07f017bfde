"""The one text catalogue: English sentences are the message ids, the other languages stand in `<lang>/LC_MESSAGES`.

Read by everything that speaks to people: console, commands, explanations. It holds no sentence itself. The `.mo` files
are compiled from the `.po` files by `make setup` and travel inside a built package.
"""

import gettext
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

DOMAIN: Final = "branchwatch"
FOLDER: Final = Path(__file__).parent
LANGUAGES: Final[Mapping[str, str]] = MappingProxyType({"zh-CN": "zh_CN", "en": ""})
"""Language tag (RFC 5646) -> folder of its catalogue; English is what the message ids say. The first is the default."""

DEFAULT_LANGUAGE: Final = next(iter(LANGUAGES))

Texts = Callable[[str], str]


class TextsError(Exception):
    """A catalogue is missing; the message says which and how it is made."""


def texts_for(language: str) -> Texts:
    """The translation of English message ids into `language`: a tag of LANGUAGES or a wider or narrower one of it.

    Raises:
        TextsError: its catalogue was not compiled.
    """
    return _catalogue(LANGUAGES[match_language(language) or DEFAULT_LANGUAGE])


def texts_for_user() -> Texts:
    """The language of whoever typed a command, as the environment says (POSIX LC_ALL, LC_MESSAGES, LANG); else English.

    A command that cannot find its catalogue still says what it has to say.
    """
    said = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    try:
        return texts_for(match_language(said.partition(".")[0]) or "en")
    except TextsError:
        return texts_for("en")


def match_language(tag: str) -> str | None:
    """The tag of LANGUAGES that serves a reader of `tag` (`zh`, `zh-Hans-CN`, `en-GB`...); None when none does."""
    primary = tag.replace("_", "-").split("-", maxsplit=1)[0].lower()
    return next((each for each in LANGUAGES if each.split("-", maxsplit=1)[0] == primary), None)


def mark(message: str) -> str:
    """Name a message id where it stands as data; it is translated where it is shown. Imported as `N_`."""
    return message


@cache
def _catalogue(folder: str) -> Texts:
    if not folder:
        return gettext.NullTranslations().gettext
    try:
        return gettext.translation(DOMAIN, FOLDER, [folder]).gettext
    except FileNotFoundError:
        raise TextsError(f"the texts of {folder} are not compiled; run: make setup") from None
