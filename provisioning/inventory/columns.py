"""What a column of an imported table sets: a key of a site, or of one entry by its id (`io1.address`). Pure.

Texts become what the site file's types ask for; lists and tables are not set by a cell.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from msgspec import inspect

from protocol.settings import Path, did_you_mean
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.inventory.csv_table import MAX_CELL
from provisioning.inventory.editing import Change
from provisioning.inventory.files import SiteFile
from provisioning.inventory.merging import Rows, Table, plain

TOP: Final = ("id", "name", "unit", "box", "template", "schedule", "timezone", "key_site")
"""Columns without a dot, in the order of a new file."""

_TRUTH: Final = {"true": True, "yes": True, "1": True, "是": True, "false": False, "no": False, "0": False, "否": False}
_WHOLE: Final = re.compile(r"[0-9]{1,9}")


class CellError(Exception):
    """A cell or a column's name is wrong; `fault` says how."""

    def __init__(self, fault: Said) -> None:
        self.fault = fault
        super().__init__(str(fault))


def column_fault(name: str) -> Said | None:
    """What is wrong with a column's name, whatever stands below it."""
    if name in TOP or (1 <= name.count(".") <= 2 and all(name.split("."))):
        return None
    fault = said("no site has this; columns are {columns} and such as io1.address", columns=", ".join(TOP))
    return did_you_mean(fault, name, TOP)


def change_of(column: str, text: str, below: Table) -> Change:
    """What a cell sets in a site whose template and own file give `below`.

    Raises:
        CellError: there is nothing of that name, or the text does not fit.
    """
    if len(text) > MAX_CELL or not text.isprintable():
        raise CellError(said("more than {limit} characters, or characters that cannot be printed", limit=MAX_CELL))
    section, entry, key = _place(column, below)
    if section is None:
        return Change(key=key, value=_typed(text, _fields(None)[key]))
    fields = _fields(section)
    if key not in fields:
        raise CellError(did_you_mean(said("[[{section}]] has no {key}", section=section, key=key), key, fields))
    return Change(key=key, value=_typed(text, fields[key]), section=section, entry=entry)


def path_of(change: Change, data: dict[str, Any]) -> Path:
    """Where a change stands in the site's data."""
    if change.section is None:
        return (change.key,)
    rows = data[change.section]
    index = next(index for index, row in enumerate(rows) if isinstance(row, dict) and row.get("id") == change.entry)
    return (change.section, index, change.key)


def _place(column: str, below: Table) -> tuple[str | None, str | None, str]:
    parts = column.split(".")
    if len(parts) == 1:
        return None, None, column
    if len(parts) == 3:
        section, entry, key = parts
        if section not in sections():
            raise CellError(did_you_mean(said("a site has no [[{section}]]", section=section), section, sections()))
        return section, entry, key
    entry, key = parts
    entries = {name: part for name, part in below.keys.items() if isinstance(part, Rows) and name in sections()}
    found = [name for name, part in entries.items() if entry in _ids(part)]
    if len(found) > 1:
        text = N_("{sections} both have {entry}: name the column {first}.{entry}.{key}")
        raise CellError(said(text, sections=", ".join(found), entry=entry, first=found[0], key=key))
    if not found:
        fault = said('neither template nor site has an entry "{entry}"', entry=entry)
        raise CellError(did_you_mean(fault, entry, {each for part in entries.values() for each in _ids(part)}))
    return found[0], entry, key


def _ids(rows: Rows) -> Iterable[str]:
    return [name for row in plain(rows) if isinstance(name := row.get("id"), str)]


def _typed(text: str, kind: type) -> str | int | bool:
    if kind is bool:
        if text.lower() not in _TRUTH:
            raise CellError(said("must be true or false"))
        return _TRUTH[text.lower()]
    if kind is int:
        if not _WHOLE.fullmatch(text):
            raise CellError(said("must be a whole number"))
        return int(text)
    return text


@cache
def sections() -> frozenset[str]:
    """The lists of a site whose entries have an id."""
    return frozenset(name for name, kind in _types(SiteFile).items() if "id" in _inner(kind))


@cache
def _fields(section: str | None) -> dict[str, type]:
    """What a cell can set, and which kind of value it becomes."""
    kinds = _types(SiteFile) if section is None else _inner(_types(SiteFile)[section])
    return {name: simple for name, kind in kinds.items() if (simple := _simple(kind)) is not None}


def _types(struct: type) -> dict[str, inspect.Type]:
    info = inspect.type_info(struct)
    return {field.encode_name: field.type for field in info.fields} if isinstance(info, inspect.StructType) else {}


def _inner(kind: inspect.Type) -> dict[str, inspect.Type]:
    kind = _bare(kind)
    if isinstance(kind, inspect.VarTupleType):
        kind = _bare(kind.item_type)
        if isinstance(kind, inspect.StructType):
            return {field.encode_name: field.type for field in kind.fields}
    return {}


def _simple(kind: inspect.Type) -> type | None:
    match _bare(kind):
        case inspect.BoolType():
            return bool
        case inspect.IntType():
            return int
        case inspect.LiteralType(values=values):
            return int if all(isinstance(value, int) for value in values) else str
        case inspect.StrType() | inspect.EnumType() | inspect.TimeDeltaType() | inspect.CustomType():
            return str
    return None


def _bare(kind: inspect.Type) -> inspect.Type:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        return next(_bare(each) for each in kind.types if not isinstance(each, inspect.NoneType))
    return kind
