"""Enters something into TOML that people wrote, and leaves every comment and blank as it was. Alone knows tomlkit.

What comes out was read again and compared: what stood there and what was entered, nothing else (decision 20). Pure.
"""

import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Comment, Whitespace

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.refusal import RefusedError

_FAULTS = (TOMLKitError, TypeError, AttributeError, LookupError, ValueError)


class EditError(RefusedError):
    """The text cannot be changed without changing more than was asked for."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value: at the top, or of the entry `entry` of the list `section`."""

    key: str
    value: str | int | bool
    section: str | None = None
    entry: str | None = None


def changed(data: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """The same data with these values; an entry that is not there yet comes last."""
    whole = deepcopy(dict(data))
    for change in changes:
        if change.section is None:
            whole[change.key] = change.value
            continue
        rows = whole.setdefault(change.section, [])
        row = next((row for row in rows if isinstance(row, dict) and row.get("id") == change.entry), None)
        if row is None:
            row = {"id": change.entry}
            rows.append(row)
        row[change.key] = change.value
    return whole


def with_changes(text: str, changes: Iterable[Change], place: str) -> str:
    """`text` with these values; `place` names it where that cannot be done.

    Raises:
        EditError: it cannot.
    """
    changes = list(changes)
    try:
        document = tomlkit.parse(text)
        for (section, entry), values in _by_place(changes).items():
            if section is None:
                document.update(values)
            else:
                _enter(document, section, {"id": entry, **values})
        new = tomlkit.dumps(document)
    except _FAULTS as error:
        raise _not_editable(place) from error
    return _compared(new, changed(tomllib.loads(text), changes), place)


def with_keys(text: str, keys: Iterable[tuple[str, Mapping[str, Any]]], place: str) -> str:
    """people.toml with more keys: for each the id of its person, and the key.

    Raises:
        EditError: they cannot be entered.
    """
    keys = list(keys)
    wanted = tomllib.loads(text)
    people = {row["id"]: row for row in wanted["person"]}
    for person, key in keys:
        people[person].setdefault("key", []).append(dict(key))
    try:
        document = tomlkit.parse(text)
        rows: Any = document["person"]
        written = {row["id"]: row for row in rows}
        for person, key in keys:
            _enter_key(written[person], key, tables=isinstance(rows, AoT))
        new = tomlkit.dumps(document)
    except _FAULTS as error:
        raise _not_editable(place) from error
    return _compared(new, wanted, place)


def with_secret(text: str, table: tuple[str, ...], name: str, value: str, place: str) -> str:
    """A file of secrets with one more, or another value of one, in `[secrets]` or `[site.ID]`.

    Raises:
        EditError: it cannot be entered.
    """
    wanted: Any = tomllib.loads(text)
    below = wanted
    for key in table:
        below = below.setdefault(key, {})
    below[name] = value
    try:
        document: Any = tomlkit.parse(text)
        written = document
        for number, key in enumerate(table, start=1):
            if key not in written:
                written[key] = tomlkit.table(is_super_table=number < len(table))
            written = written[key]
        written[name] = value
        new = tomlkit.dumps(document)
    except _FAULTS:
        raise _not_editable(place) from None  # what stands there is in the error
    return _compared(new, wanted, place)


def _enter_key(row: Any, key: Mapping[str, Any], *, tables: bool) -> None:
    first = "key" not in row
    below = _belongs_below(row) if first and tables else []
    if first:
        row["key"] = tomlkit.aot() if tables else tomlkit.array()
    _append(row["key"], key, below)


def _by_place(changes: Iterable[Change]) -> dict[tuple[str | None, str | None], dict[str, Any]]:
    places: dict[tuple[str | None, str | None], dict[str, Any]] = {}
    for change in changes:
        places.setdefault((change.section, change.entry), {})[change.key] = change.value
    return places


def _enter(document: Any, section: str, values: Mapping[str, Any]) -> None:
    """Set values of the entry with their id, or add it."""
    if section not in document:
        document[section] = tomlkit.aot()
    rows = document[section]
    for row in rows:
        if row.get("id") == values["id"]:
            for key, value in values.items():
                if row.get(key) != value:  # what is the same keeps its spelling
                    row[key] = value
            return
    _append(rows, values, [])


def _append(rows: Any, values: Mapping[str, Any], below: list[Any]) -> None:
    """One more entry in the style of its list; `below` comes behind it."""
    if not isinstance(rows, AoT):
        inline = tomlkit.inline_table()
        inline.update(values)
        rows.append(inline)
        return
    table = tomlkit.table()
    table.update(values)
    table.trivia.indent = "\n"
    table.value.body.extend([*(_belongs_below(rows[len(rows) - 1]) if len(rows) else []), *below])
    rows.append(table)


def _belongs_below(table: Any) -> list[Any]:
    """The comment right above the next table, and the blank lines before it: they stay with that table."""
    body = table.value.body
    end = len(body)
    for kind in (Comment, Whitespace):
        while end and body[end - 1][0] is None and isinstance(body[end - 1][1], kind):
            end -= 1
    taken = list(body[end:])
    del body[end:]
    return taken


def _compared(text: str, wanted: Mapping[str, Any], place: str) -> str:
    try:
        if tomllib.loads(text) == wanted:
            return text
    except tomllib.TOMLDecodeError:
        pass
    raise _not_editable(place)


def _not_editable(place: str) -> EditError:
    return EditError(N_("{file}: nothing can be entered without changing more; write it by hand"), file=place)
