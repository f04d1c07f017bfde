"""What the TOML parser of the standard library complains of, as sentences that have a twin in other languages.

Pure. Flow: settings.py catches the parser's error -> here -> a fault of the file. A test reads the parser's sentences
out of its source, so that a newer Python's new ones are noticed.
"""

import re
from typing import Final

from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

_WHOLE: Final = frozenset(
    (
        N_("Cannot overwrite a value"),
        N_("Escaped character is not a Unicode scalar value"),
        N_("Expected '=' after a key in a key/value pair"),
        N_("Expected ']' at the end of a table declaration"),
        N_("Expected ']]' at the end of an array declaration"),
        N_("Expected newline or end of document after a statement"),
        N_("Invalid date or datetime"),
        N_("Invalid hex value"),
        N_("Invalid initial character for a key part"),
        N_("Invalid statement"),
        N_("Invalid value"),
        N_("Unclosed array"),
        N_("Unclosed inline table"),
        N_("Unescaped '\\' in a string"),
        N_("Unterminated string"),
    )
)
_NAMING: Final = (
    N_("Cannot declare {found} twice"),
    N_("Cannot mutate immutable namespace {found}"),
    N_("Cannot redefine namespace {found}"),
    N_("Duplicate inline table key {found}"),
    N_("Expected {found}"),
    N_("Found invalid character {found}"),
    N_("Illegal character {found}"),
)
"""These name what was found."""


def syntax_fault(message: str) -> Said:
    """The parser's sentence, without its place; one that is not known stands as it came."""
    if message in _WHOLE:
        return said(message)
    for text in _NAMING:
        before, _, behind = text.partition("{found}")
        if match := re.fullmatch(f"{re.escape(before)}(.+){re.escape(behind)}", message):
            return said(text, found=match[1])
    return said("{sentence}", sentence=message)
