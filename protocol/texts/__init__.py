"""The one text catalogue: English sentences are the message ids, the other languages stand in `<lang>/LC_MESSAGES`.

Read by everything that speaks to people: console, commands, explanations. It holds no sentence itself. The `.mo` files
are compiled from the `.po` files by `make setup` and travel inside a built package.
"""

import gettext
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Said:
    """A sentence for a person: an English message id with `{named}` places, and what fills them, sentences too."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    def told(self, texts: Texts) -> str:
        """In the reader's language."""
        told = {name: value.told(texts) if isinstance(value, Said) else value for name, value in self.values.items()}
        return texts(self.text).format(**told)

    def __str__(self) -> str:
        """In English, for logs and tests."""
        return self.told(str)


class SaidError(Exception):
    """An error that ends at a person; it is told in that person's language where it is caught."""

    def __init__(self, text: str, /, **values: object) -> None:
        self.said = Said(text, values)
        super().__init__(str(self.said))


def told(error: Exception, texts: Texts) -> str:
    """What an error says to a person."""
    return error.said.told(texts) if isinstance(error, SaidError) else str(error)


def said(text: str, /, **values: object) -> Said:
    """A sentence with what fills it."""
    return Said(text, values)


def system_said(error: OSError) -> Said:
    """What the operating system says of a file or an address; its usual sentences stand in the catalogue."""
    told = error.strerror or type(error).__name__
    told = told.partition(" (while attempting to ")[0]  # what Python adds where an address cannot be listened on
    return Said(told.replace("{", "{{").replace("}", "}}"))


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
    try:
        return texts_for(user_language() or "en")
    except TextsError:
        return texts_for("en")


def user_language() -> str | None:
    """The tag of LANGUAGES that the environment names; None when it names none of ours, such as C."""
    named = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return match_language(named.partition(".")[0])


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
