"""Strict settings: TOML text in, a frozen struct out, or every fault of the text at once with its line.

Pure: reading the file is the caller's. Agent and collector share it. An unknown key is a fault, a duration needs its
unit, every length has a limit, and no fault repeats the value of a secret. What only the whole of a file can tell
(references, duplicates) its owner's `check` says, of a file with faults too: a harmless value then stands where a wrong
one stood, and nothing is said twice of one place.
"""

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, Final, Protocol, TypeVar, cast

import msgspec
from msgspec import inspect

from protocol.durations import DurationError, parse_duration
from protocol.texts import Said, Texts, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.toml_syntax import syntax_fault

T = TypeVar("T", bound=msgspec.Struct)
Path = tuple[str | int, ...]
Problem = tuple[Path, Said]

MAX_SETTINGS_BYTES: Final = 512 * 1024
"""One settings file; a site of 300 points takes some 50 KiB."""

MAX_TEXT: Final = 1024
"""Characters of one text value, where its field names no smaller limit."""

MAX_ITEMS: Final = 2000
"""Elements of one list or table, where its field names no smaller limit."""

MAX_DEPTH: Final = 32
"""Tables and lists inside each other; the deepest setting lies four levels down."""

MAX_FAULTS: Final = 100
"""Faults told at once; checking ends there."""

_SYNTAX_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_WORDS: Final = {
    bool: N_("true or false"),
    int: N_("a number"),
    float: N_("a number"),
    str: N_("a text"),
    list: N_("a list"),
    dict: N_("a table"),
    type(None): N_("nothing"),
}
_OTHER_WORD: Final = N_("a date or time")
_ELEMENTS, _KEYS, _CHARACTERS = N_("elements"), N_("keys"), N_("characters")
_BAD: Final = object()


class Secret(str):
    """A text that is never shown: neither in a fault nor in a log."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(***)"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong: where, and what in one sentence."""

    file: str
    line: int
    path: str
    """The table, as a person calls it: `[[interlock]] vestibule`; empty for the top of the file."""
    message: Said

    def told(self, texts: Texts) -> str:
        """In the reader's language; place and table are the same in each."""
        place = f"{self.file}:{self.line}" if self.line else self.file  # what came as an object has no lines
        if not self.path:
            return f"{place}: {self.message.told(texts)}"
        sentence = said("{table}: {fault}", table=self.path, fault=self.message)
        return f"{place}: {sentence.told(texts)}"

    def __str__(self) -> str:
        return self.told(str)


class SettingsError(Exception):
    """The settings are wrong; `faults` holds everything that is, in the order of the file."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.file, fault.line)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Places(Protocol):
    """Whoever knows where a path of the settings stands."""

    def fault(self, path: Path, message: Said) -> Fault:
        """A fault of what `path` names."""


class Source:
    """Where things stand in a settings text that was read."""

    def __init__(self, text: str | None, filename: str, data: dict[str, Any]) -> None:
        self.filename = filename
        self._text = text or ""
        self._data = data
        self._lines: dict[Path, int] | None = {(): 0} if text is None else None

    def line(self, path: Path) -> int:
        """The line, from 1, of what `path` names, or of the nearest thing around it that stands in the text."""
        if self._lines is None:
            from protocol.positions import lines_of  # late: a sound file needs no positions

            self._lines = lines_of(self._text)
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def fault(self, path: Path, message: Said) -> Fault:
        """A fault of what `path` names."""
        return Fault(file=self.filename, line=self.line(path), path=self._label(path), message=message)

    def _label(self, path: Path) -> str:
        if not path:
            return ""
        value = self._data.get(str(path[0]))
        if isinstance(value, dict):
            return f"[{_clean(str(path[0]))}]"
        if len(path) < 2 or not isinstance(path[1], int) or not isinstance(value, list):
            return ""
        item = value[path[1]] if path[1] < len(value) else None
        if not isinstance(item, dict):
            return ""
        name = item.get("id") or item.get("name")
        return f"[[{_clean(str(path[0]))}]] {_clean(name) if isinstance(name, str) else f'#{path[1] + 1}'}"


def read_settings(
    text: str | bytes, filename: str, struct: type[T], check: Callable[[T], Iterable[Problem]] | None = None
) -> tuple[T, Source]:
    """The settings that `text` holds, and where they stand in it. `check` judges the whole: `(path, sentence)` each.

    Raises:
        SettingsError: every fault at once.
    """
    data, source = read_table(text, filename)
    settings, faults = judge_table(data, source, struct, check)
    if settings is None or faults:
        raise SettingsError(faults)
    return settings, source


def settings_from(
    data: dict[str, Any], filename: str, struct: type[T], check: Callable[[T], Iterable[Problem]] | None = None
) -> T:
    """The settings that an object with a settings file's keys and texts holds, judged alike; it has no lines.

    Raises:
        SettingsError: every fault at once.
    """
    settings, faults = judge_table(data, Source(None, filename, data), struct, check)
    if settings is None or faults:
        raise SettingsError(faults)
    return settings


def read_table(text: str | bytes, filename: str, max_bytes: int = MAX_SETTINGS_BYTES) -> tuple[dict[str, Any], Source]:
    """What `text` holds, judged by nobody yet, and where it stands.

    Raises:
        SettingsError: too large, or no TOML.
    """
    text = _decoded(text, filename, max_bytes)
    data = _parsed(text, filename)
    return data, Source(text, filename, data)


def judge_table(
    data: dict[str, Any],
    places: Places,
    struct: type[T],
    check: Callable[[T], Iterable[Problem]] | None = None,
    *,
    partial: bool = False,
) -> tuple[T | None, tuple[Fault, ...]]:
    """The settings that `data` holds, and what is wrong with them; of a `partial` table nothing is missing.

    With faults the settings are good for one thing only: to look for further faults. None: there were too many.
    """
    reader = _Reader(places, partial=partial)
    try:
        settings = reader.value(data, _type_of(struct), ())
        if settings is not _BAD and check is not None:
            for path, message in check(cast(T, settings)):
                reader.judge(path, message)
    except SettingsError as error:
        return None, error.faults
    return None if settings is _BAD else cast(T, settings), tuple(reader.faults)


@cache
def _type_of(struct: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(struct)


def did_you_mean(fault: Said, word: str, known: Iterable[str]) -> Said:
    """The fault with `; did you mean "inner"?` behind it, or alone when no known word is near."""
    from difflib import get_close_matches  # late: only a fault needs it

    near = get_close_matches(word[:MAX_TEXT], sorted(known), n=1, cutoff=0.6)
    return said('{fault}; did you mean "{near}"?', fault=fault, near=near[0]) if near else fault


class _Reader:
    """Walks data and type together and collects what does not fit."""

    def __init__(self, places: Places, *, partial: bool) -> None:
        self.faults: list[Fault] = []
        self._paths: set[Path] = set()
        self._places = places
        self._partial = partial

    def judge(self, path: Path, message: Said) -> None:
        """A fault of the whole, unless this place has one of its own already."""
        if not any(path[:length] in self._paths for length in range(1, len(path) + 1)):
            self._add(path, message)

    def value(self, value: Any, kind: inspect.Type, path: Path) -> Any:
        hint = ""
        if isinstance(kind, inspect.Metadata):
            hint = str((kind.extra_json_schema or {}).get("description", ""))
            kind = kind.type
        match kind:
            case inspect.UnionType():
                return self.value(value, _only(kind), path)
            case inspect.StructType():
                return self._struct(value, kind, path)
            case inspect.ListType() | inspect.VarTupleType():
                return self._list(value, kind, path)
            case inspect.TupleType():
                return self._tuple(value, kind, path)
            case inspect.DictType():
                return self._dict(value, kind, path)
            case inspect.StrType():
                return self._text(value, kind, path, hint)
            case inspect.IntType() | inspect.FloatType():
                return self._number(value, kind, path)
            case inspect.BoolType():
                return value if isinstance(value, bool) else self._wrong(value, bool, path)
            case inspect.TimeDeltaType():
                return self._duration(value, path)
            case inspect.EnumType():
                return self._choice(value, {each.value: each for each in kind.cls}, path)
            case inspect.LiteralType():
                return self._choice(value, {each: each for each in kind.values}, path)
            case inspect.CustomType() if issubclass(kind.cls, str):
                text = self._text(value, inspect.StrType(), path, hint)
                return text if text is _BAD else kind.cls(text)
        raise TypeError(f"settings have no way to read {kind}")  # a fault of the struct, not of the file

    def _struct(self, value: Any, kind: inspect.StructType, path: Path) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, dict, path, like=_like(kind))
        known = {field.encode_name: field for field in kind.fields}
        for key in value:
            if key not in known:
                self._add((*path, key), did_you_mean(said('unknown key "{key}"', key=_clean(key)), key, known))
        found = {}
        for key, field in known.items():
            each = self.value(value[key], field.type, (*path, key)) if key in value else _BAD
            if key not in value and field.required and not self._partial:
                self._add((*path, key), said("{key} is missing", key=_name((*path, key))))
            if each is not _BAD:
                found[field.name] = each
            elif field.required:
                found[field.name] = _harmless(field.type)
        return kind.cls(**found)

    def _list(self, value: Any, kind: inspect.ListType | inspect.VarTupleType, path: Path) -> Any:
        if not isinstance(value, list):
            return self._wrong(value, list, path)
        if not self._length(len(value), kind.min_length, kind.max_length or MAX_ITEMS, _ELEMENTS, path):
            return _BAD
        items = [self._element(each, kind.item_type, (*path, index)) for index, each in enumerate(value)]
        return items if isinstance(kind, inspect.ListType) else tuple(items)

    def _tuple(self, value: Any, kind: inspect.TupleType, path: Path) -> Any:
        if not isinstance(value, list):
            return self._wrong(value, list, path)
        count = len(kind.item_types)
        if not self._length(len(value), count, count, _ELEMENTS, path):
            return _BAD
        pairs = zip(value, kind.item_types, strict=True)
        return tuple(self._element(each, item, (*path, index)) for index, (each, item) in enumerate(pairs))

    def _dict(self, value: Any, kind: inspect.DictType, path: Path) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, dict, path)
        if not self._length(len(value), kind.min_length, kind.max_length or MAX_ITEMS, _KEYS, path):
            return _BAD
        return {key: self._element(each, kind.value_type, (*path, key)) for key, each in value.items()}

    def _element(self, value: Any, kind: inspect.Type, path: Path) -> Any:
        element = self.value(value, kind, path)
        return _harmless(kind) if element is _BAD else element

    def _text(self, value: Any, kind: inspect.StrType, path: Path, hint: str) -> Any:
        if not isinstance(value, str):
            return self._wrong(value, str, path)
        if not self._length(len(value), kind.min_length, kind.max_length or MAX_TEXT, _CHARACTERS, path):
            return _BAD
        if kind.pattern and not re.search(kind.pattern, value):
            form = said(hint) if hint else said("of the form {pattern}", pattern=kind.pattern)
            return self._add(path, said("{key} must be {form}", key=_name(path), form=form))
        if not value.isprintable():
            return self._add(path, said("{key} must not hold control characters", key=_name(path)))
        return value

    def _number(self, value: Any, kind: inspect.IntType | inspect.FloatType, path: Path) -> Any:
        whole = isinstance(kind, inspect.IntType)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            if whole and isinstance(value, float):
                return self._add(path, said("{key} must be a whole number", key=_name(path)))
            return self._wrong(value, int, path)
        if not math.isfinite(value):
            return self._add(path, said("{key} must be a finite number", key=_name(path)))
        low = kind.ge if kind.ge is not None else -(2**63)
        high = kind.le if kind.le is not None else 2**63 - 1
        above = kind.gt is None or value > kind.gt
        below = kind.lt is None or value < kind.lt
        if not (low <= value <= high and above and below):
            lowest = said("from {low}", low=low) if kind.gt is None else said("above {low}", low=kind.gt)
            highest = said("to {high}", high=high) if kind.lt is None else said("below {high}", high=kind.lt)
            text = N_("{key} must be a number {lowest} {highest}")
            return self._add(path, said(text, key=_name(path), lowest=lowest, highest=highest))
        return value if whole else float(value)

    def _duration(self, value: Any, path: Path) -> Any:
        try:
            return parse_duration(value if isinstance(value, str) else "")
        except DurationError as error:
            return self._add(path, said("{key} {fault}", key=_name(path), fault=error.said))

    def _choice(self, value: Any, choices: dict[Any, Any], path: Path) -> Any:
        # The value's type must match too: 1 is not true, and an unhashable list is no choice.
        for choice, chosen in choices.items():
            if type(choice) is type(value) and choice == value:
                return chosen
        texts = [str(choice) for choice in choices]
        fault = said("{key} must be one of {choices}", key=_name(path), choices=", ".join(texts))
        return self._add(path, did_you_mean(fault, value, texts) if isinstance(value, str) else fault)

    def _length(self, length: int, low: int | None, high: int, unit: str, path: Path) -> bool:
        if (low or 0) <= length <= high:
            return True
        wanted = {"key": _name(path), "low": low or 0, "high": high, "unit": said(unit), "length": length}
        if low == high:
            self._add(path, said("{key} must have exactly {high} {unit}, not {length}", **wanted))
        else:
            self._add(path, said("{key} must have {low} to {high} {unit}, not {length}", **wanted))
        return False

    def _wrong(self, value: Any, wanted: type, path: Path, like: str = "") -> object:
        text = (
            N_("{key} must be {wanted} like {like}, not {seen}") if like else N_("{key} must be {wanted}, not {seen}")
        )
        seen = said(_WORDS.get(type(value), _OTHER_WORD))
        return self._add(path, said(text, key=_name(path), wanted=said(_WORDS[wanted]), like=like, seen=seen))

    def _add(self, path: Path, message: Said) -> object:
        self._paths.add(path)
        self.faults.append(self._places.fault(path, message))
        if len(self.faults) >= MAX_FAULTS:
            raise SettingsError(self.faults)
        return _BAD


def _decoded(text: str | bytes, filename: str, max_bytes: int) -> str:
    if len(text) > max_bytes:
        raise _one(filename, 1, said("the file is larger than {limit} KiB", limit=max_bytes // 1024))
    try:
        raw = text.encode() if isinstance(text, str) else text
        return raw.decode().removeprefix("\ufeff")  # some editors write a byte order mark
    except UnicodeDecodeError as error:
        raise _one(filename, error.object[: error.start].count(b"\n") + 1, said("the text is not UTF-8")) from None
    except UnicodeEncodeError:
        raise _one(filename, 1, said("the text is not UTF-8")) from None


def _parsed(text: str, filename: str) -> dict[str, Any]:
    deep = _one(filename, 1, said("lists or tables are nested too deeply"))
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise deep from None
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        message = str(error)
        place = _SYNTAX_PLACE.search(message)
        line = int(place[1]) if place and place[1] else text.count("\n") + 1 if place else 1
        why = syntax_fault(_clean(message[: place.start()])) if place else said("a value cannot be read")
        raise _one(filename, line, said("this is not TOML: {why}", why=why)) from None
    if _nests_deeply(table):
        raise deep
    return table


def _nests_deeply(table: dict[str, Any]) -> bool:
    """Whether anything lies below MAX_DEPTH; dotted keys nest without brackets, so the parser lets them through."""
    level: list[Any] = [table]
    for _ in range(MAX_DEPTH):
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
    return bool(level)


def _one(filename: str, line: int, message: Said) -> SettingsError:
    return SettingsError([Fault(file=filename, line=line, path="", message=message)])


def _harmless(kind: inspect.Type) -> Any:
    """What stands for a wrong value while the rest of the file is checked; such settings are never returned."""
    match kind:
        case inspect.Metadata():
            return _harmless(kind.type)
        case inspect.StructType():
            return kind.cls(**{field.name: _harmless(field.type) for field in kind.fields if field.required})
        case inspect.ListType() | inspect.VarTupleType():
            return ()
        case inspect.TupleType():
            return tuple(_harmless(item) for item in kind.item_types)
        case inspect.DictType():
            return {}
        case inspect.IntType() | inspect.FloatType() | inspect.BoolType():
            return 0
        case inspect.TimeDeltaType():
            return timedelta(0)
        case inspect.EnumType():
            return next(iter(kind.cls))
        case inspect.LiteralType() if not all(isinstance(value, str) for value in kind.values):
            return kind.values[0]
        case inspect.UnionType():
            return None
    return ""  # of a choice among words too: what hangs on the word is asked of no word


def _only(kind: inspect.UnionType) -> inspect.Type:
    types: Sequence[inspect.Type] = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
    if len(types) != 1:
        raise TypeError("settings know no union but with None")
    return types[0]


def _name(path: Path) -> str | Said:
    """The key as a person finds it below its table: `doors[1]`, `step[0].after`."""
    inner = path
    if len(path) > 1:
        listed = isinstance(path[1], int)
        inner = path[1:] if not listed else path[2:] if len(path) > 2 else path
    text = ""
    for part in inner:
        text += f"[{part}]" if isinstance(part, int) else f".{_clean(part)}" if text else _clean(part)
    return text or said("the file")


def _like(kind: inspect.StructType) -> str:
    required = [field.encode_name for field in kind.fields if field.required]
    return f"{{ {required[0]} = ... }}" if required else ""


def _clean(text: str) -> str:
    """Foreign text fit for one line of a fault."""
    short = text if len(text) <= 64 else text[:64] + "..."
    return "".join(letter if letter.isprintable() else "?" for letter in short)
