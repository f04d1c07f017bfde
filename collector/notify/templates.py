"""The texts of notices as templates: read, judged field by field, filled. A fault is told when they are loaded.

texts/zh-CN.toml and texts/en.toml are ours; a bank may lay files of the same names into a folder of its own and say
single texts otherwise. A field is a plain `{name}` of a fixed list: nothing of an object can be reached through it.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any, Final

from protocol.texts import Said, said

OURS: Final = Path(__file__).parent / "texts"
LANGUAGES: Final = ("zh-CN", "en")
MAX_BYTES: Final = 64 * 1024
MAX_TEXT: Final = 4_000

PARTS: Final = ("short", "subject", "body", "voice")

_ALWAYS: Final = frozenset({"again"})
_ANSWER: Final = frozenset({"answer", "spoken", "link", "code"})
_ALARM: Final = frozenset(
    {"level", "what", "headline", "site", "unit", "when", "date", "number", "next", "holder", "risen"}
)
FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "alarm": _ALWAYS | _ANSWER | _ALARM,
    "reminder": _ALWAYS | _ANSWER | _ALARM,
    "digest": _ALWAYS | _ANSWER | {"count", "level"},
    "proof": frozenset({"code", "spoken"}),
    "test": frozenset(),
    "outside": _ALWAYS | _ANSWER | {"number"},
    "outside_digest": _ALWAYS,
}
"""Text -> the fields that it may name."""

WORDS: Final[Mapping[str, frozenset[str]]] = {
    "again": frozenset(),
    "respond": frozenset({"until"}),
    "held": frozenset({"holder"}),
    "unanswered": frozenset(),
    "stalled": frozenset(),
    "review": frozenset(),
    "follow": frozenset(),
    "risen": frozenset({"was", "level"}),
    "reply_or_link": frozenset({"code", "link"}),
    "reply": frozenset({"code"}),
    "link": frozenset({"link"}),
    "spoken": frozenset({"code"}),
}
"""Parts of sentences -> the fields that they may name; `levels` beside them is a list."""


class TemplatesError(Exception):
    """Texts that will not do; each line of `faults` names file, place and what is wrong."""

    def __init__(self, faults: list[Said]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class Texts:
    """The texts of one language."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table

    def fill(self, text: str, part: str, fields: Mapping[str, str]) -> str:
        """One text with its fields."""
        return str(self._table[text][part]).format_map(fields).strip()

    def word(self, name: str, **fields: str) -> str:
        """A part of a sentence."""
        return str(self._table["words"][name]).format_map(fields)

    def level(self, level: int) -> str:
        """A level as people say it."""
        return str(self._table["words"]["levels"][level])


def load(own: Path | None = None) -> dict[str, Texts]:
    """Language -> texts; those of the folder `own` over ours.

    Raises:
        TemplatesError: every fault at once.
    """
    faults: list[Said] = []
    found: dict[str, Texts] = {}
    if own is not None and not own.is_dir():
        faults.append(said("{path} is no folder with texts of notices", path=own))
    for language in LANGUAGES:
        table = _read(OURS / f"{language}.toml", faults)
        file = None if own is None else own / f"{language}.toml"
        if file is not None and file.exists():
            for text, entry in _read(file, faults).items():
                if isinstance(entry, dict) and isinstance(table.get(text), dict):
                    table[text] = {**table[text], **entry}
                else:
                    faults.append(said('{path}: there is no text "{text}"', path=file, text=str(text)[:64]))
        faults.extend(_judge(file or OURS / f"{language}.toml", table))
        found[language] = Texts(table)
    if faults:
        raise TemplatesError(faults)
    return found


def _read(path: Path, faults: list[Said]) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            faults.append(said("{path} is too large for texts of notices", path=path))
            return {}
        return tomllib.loads(raw.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        faults.append(said("{path} cannot be read as texts of notices; look at its TOML and its rights", path=path))
        return {}


def _judge(path: Path, table: Mapping[str, Any]) -> list[Said]:
    faults: list[Said] = []
    for text, allowed in FIELDS.items():
        for part, template in table.get(text, {}).items():
            if part not in PARTS:
                faults.append(said('{path}: {text} has no part "{part}"', path=path, text=text, part=part[:64]))
            else:
                faults.extend(_fields(path, f"{text}.{part}", template, allowed))
    words = table.get("words", {})
    for word, template in words.items():
        if word == "levels":
            if not (isinstance(template, list) and len(template) == 6 and all(isinstance(it, str) for it in template)):
                faults.append(said("{path}: words.levels must be six texts, the first of them empty", path=path))
        elif word not in WORDS:
            faults.append(said('{path}: {text} has no part "{part}"', path=path, text="words", part=word[:64]))
        else:
            faults.extend(_fields(path, f"words.{word}", template, WORDS[word]))
    return faults


def _fields(path: Path, place: str, template: object, allowed: frozenset[str]) -> list[Said]:
    if not isinstance(template, str) or len(template) > MAX_TEXT:
        return [
            said("{path}: {place} must be a text of at most {most} characters", path=path, place=place, most=MAX_TEXT)
        ]
    try:
        named = [(field, form, how) for _, field, form, how in Formatter().parse(template) if field is not None]
    except ValueError:
        return [said("{path}: {place} has a brace that belongs to no field", path=path, place=place)]
    return [
        said('{path}: {place} names an unknown field "{field}"', path=path, place=place, field=field[:64])
        for field, form, how in named
        if field not in allowed or form or how
    ]
