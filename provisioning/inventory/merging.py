"""Tables put on top of each other: a site over its template over the bank. Pure; every value remembers where it stands.

What lies above wins. Tables merge key by key; lists of tables match by id: what both have is merged, what only the
upper one has comes behind, `absent = true` takes away. Every other value is replaced whole. The order of the lower
one stays, so that adding a line to a site moves nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from protocol.settings import Fault, Path, Places, did_you_mean
from protocol.texts import Said, said

ABSENT: Final = "absent"
NAMED_BY: Final[Mapping[str, str]] = {"contact": "person", "exception": "date"}
"""The key that entries of a list are matched by, where it is not `id`."""


@dataclass(frozen=True)
class Origin:
    """Where a value stands."""

    source: Places
    path: Path

    def fault(self, below: Path, message: Said) -> Fault:
        """A fault of what lies `below` it."""
        return self.source.fault((*self.path, *below), message)


@dataclass(frozen=True)
class Value:
    """What is replaced whole."""

    value: Any
    origin: Origin


@dataclass(frozen=True)
class Table:
    """What is merged key by key."""

    keys: Mapping[str, "Part"]
    origin: Origin

    def fault(self, path: Path, message: Said) -> Fault:
        """A fault of what `path` names, in the file that it came from."""
        part: Part = self
        for depth, step in enumerate(path):
            match part, step:
                case Table(keys=keys), str() if step in keys:
                    part = keys[step]
                case Rows(rows=rows), int() if step < len(rows):
                    part = rows[step]
                case _:
                    return part.origin.fault(path[depth:], message)
        return part.origin.fault((), message)

    def holding(self, **parts: "Part") -> "Table":
        """The same with these keys as they are given."""
        return replace(self, keys={**self.keys, **parts})

    def without(self, *names: str) -> "Table":
        """The same without these keys."""
        return replace(self, keys={key: part for key, part in self.keys.items() if key not in names})


@dataclass(frozen=True)
class Rows:
    """A list of tables that are matched by id."""

    rows: tuple[Table, ...]
    origin: Origin
    named_by: str = "id"


Part = Value | Table | Rows


def laid(data: dict[str, Any], source: Places) -> Table:
    """What was read from one file."""
    keys = {key: _laid(value, Origin(source, (key,)), NAMED_BY.get(key, "id")) for key, value in data.items()}
    return Table(keys, Origin(source, ()))


def laid_below(data: dict[str, Any], origin: Origin) -> Table:
    """A table that stands at `origin`, lists of entries in it matched as those of a file are."""
    keys = {
        key: _laid(value, _below(origin, key), NAMED_BY[key]) if key in NAMED_BY else Value(value, _below(origin, key))
        for key, value in data.items()
    }
    return Table(keys, origin)


def plain(part: Part) -> Any:
    """What TOML would give for it."""
    match part:
        case Value(value=value):
            return value
        case Table(keys=keys):
            return {key: plain(each) for key, each in keys.items()}
        case Rows(rows=rows):
            return [plain(row) for row in rows]


def over(below: Table, above: Table, faults: list[Fault]) -> Table:
    """`above` upon `below`; what is wrong with an `absent` is added to `faults`."""
    keys = {**below.keys, **above.keys}
    for key, part in above.keys.items():
        under = below.keys.get(key)
        if isinstance(part, Table) and isinstance(under, Table):
            keys[key] = over(under, part, faults)
        elif isinstance(part, Rows):
            keys[key] = _matched(key, under if isinstance(under, Rows) else replace(part, rows=()), part, faults)
    return Table(keys, above.origin)


def _laid(value: Any, origin: Origin, named_by: str) -> Part:
    if isinstance(value, dict):
        return laid_below(value, origin)
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        rows = [
            Table({key: Value(inner, _below(origin, index, key)) for key, inner in each.items()}, _below(origin, index))
            for index, each in enumerate(value)
        ]
        return Rows(tuple(rows), origin, named_by)
    return Value(value, origin)


def _below(origin: Origin, *steps: str | int) -> Origin:
    return Origin(origin.source, (*origin.path, *steps))


def _matched(section: str, below: Rows, above: Rows, faults: list[Fault]) -> Rows:
    rows: list[Table | None] = list(below.rows)
    places = {name: index for index, row in enumerate(below.rows) if (name := _name(row, above.named_by)) is not None}
    given: set[str] = set()
    for row in above.rows:
        name = _name(row, above.named_by)
        if ABSENT in row.keys:
            faults.extend(_absence_faults(section, row, name, above.named_by, places))
            if name in places:
                rows[places.pop(name)] = None
        elif name in places and name not in given:
            rows[places[name]] = over(rows[places[name]] or row, row, faults)
            given.add(name)
        else:  # new, or named twice in one file: both stay, and the site's own check says so
            rows.append(row)
            if name is not None:
                places.setdefault(name, len(rows) - 1)
                given.add(name)
    return Rows(tuple(row for row in rows if row is not None), above.origin, above.named_by)


def _absence_faults(
    section: str, row: Table, name: str | None, named_by: str, places: Mapping[str, int]
) -> Iterator[Fault]:
    if plain(row.keys[ABSENT]) is not True:
        yield row.fault((ABSENT,), said("absent is true or is not there at all"))
    elif name is not None and name not in places:
        fault = said('absent takes nothing away: below there is no [[{section}]] "{name}"', section=section, name=name)
        yield row.fault((ABSENT,), did_you_mean(fault, name, places))
    elif more := [key for key in row.keys if key not in {ABSENT, named_by}]:
        yield row.fault((more[0],), said("what is absent has no more keys than {key}", key=named_by))
    elif name is None:
        yield row.fault((ABSENT,), said("what is absent is named by its {key}", key=named_by))


def _name(row: Table, named_by: str) -> str | None:
    part = row.keys.get(named_by)
    return part.value if isinstance(part, Value) and isinstance(part.value, str) else None
