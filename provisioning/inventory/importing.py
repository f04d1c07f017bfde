"""A table of sites against the inventory: what is new, changed, the same or wrong, line by line. Writes nothing.

The inventory with the table in it is judged as if it stood there, so that a wrong line is found before a byte is
written. Flow: inventory_words.py -> here (columns.py, loading.py) -> writing.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from protocol.ids import is_id
from protocol.settings import Fault, Path, Places, SettingsError
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.inventory.columns import TOP, CellError, change_of, column_fault, path_of
from provisioning.inventory.csv_table import CsvTable, Row, in_column
from provisioning.inventory.editing import Change, changed, with_changes
from provisioning.inventory.expanding import Bench, stacked, template_layers
from provisioning.inventory.folder import ENDING, SITES, Folder, Read
from provisioning.inventory.known import known_in
from provisioning.inventory.loading import judge_folder, judged
from provisioning.inventory.merging import laid


class What(Enum):
    """What becomes of one line."""

    NEW = N_("new site")
    CHANGED = N_("changed site")
    SAME = N_("no change")
    WRONG = N_("wrong line")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that a line changes."""

    column: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table."""

    line: int
    site: str
    name: str
    what: What
    differences: tuple[Difference, ...] = ()
    faults: tuple[Fault, ...] = ()
    text: str = ""
    """The site's file as it would be; empty for what is the same or wrong."""


@dataclass
class _Draft:
    """A line on its way: what it sets, from which column, and what is wrong with it."""

    row: Row
    site: str
    sets: list[tuple[int | None, Change]] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


ReadText = Callable[[str], str]
"""The text of a site file that is there already, by the name of that file."""


def plan_import(table: CsvTable, folder: Folder, template: str, read_text: ReadText) -> list[Line]:
    """What would become of each line; `template` is that of new sites whose line names none.

    Raises:
        SettingsError: the inventory has faults of its own, or a column is none.
        EditError: a file that is there cannot be changed.
    """
    judge_folder(folder)
    _check_columns(table)
    known = known_in(folder)
    if template and (fault := known.template_fault(template)):
        raise SettingsError([Fault(file="--template", line=0, path="", message=fault)])
    bench = Bench(bank=folder.bank, templates=folder.templates, known=known)
    drafts = list(_drafts(table, folder, bench, template))
    sound = {draft.site: draft for draft in drafts if not draft.faults}
    as_if = {name: read for name, read in folder.sites.items() if name not in sound}
    for name, draft in sound.items():  # behind the others, so that of two the imported one is told
        there = folder.sites.get(name)
        file = there.file if there else str(folder.path / SITES / f"{name}{ENDING}")
        as_if[name] = Read(data=draft.data, source=_RowPlaces(table, draft, there.source if there else None), file=file)
    _, faults = judged(replace(folder, sites=as_if, faults=[], warnings=[]))
    for name, draft in sound.items():
        draft.faults.extend(faults.at(name))
    return [_line(draft, folder.sites.get(draft.site), read_text) for draft in drafts]


def _check_columns(table: CsvTable) -> None:
    faults = []
    for index, name in enumerate(table.columns):
        fault = column_fault(name)
        if name in table.columns[:index]:
            fault = said("this column is there twice")
        if fault is not None:
            message = in_column(table.columns, index, fault)
            faults.append(Fault(file=table.file, line=1, path="", message=message))
    if faults:
        raise SettingsError(faults)


def _drafts(table: CsvTable, folder: Folder, bench: Bench, template: str) -> Iterator[_Draft]:
    lines: dict[str, int] = {}
    id_column = table.columns.index("id")
    for row in table.rows:
        draft = _Draft(row=row, site=row.cells[id_column] if id_column < len(row.cells) else "")
        if any(row.cells[len(table.columns) :]):
            fault = said("the line has more cells than the first line has columns")
            draft.faults.append(_at(table, row, None, fault))
        elif not is_id(draft.site):
            fault = said("id must be made of a-z, 0-9 and -, at most 32 characters")
            draft.faults.append(_at(table, row, id_column, fault))
        elif draft.site in lines:
            fault = said("line {line} has this id already", line=lines[draft.site])
            draft.faults.append(_at(table, row, id_column, fault))
        else:
            lines[draft.site] = row.line
            _fill(draft, table, folder.sites.get(draft.site), bench, template)
        yield draft


def _fill(draft: _Draft, table: CsvTable, there: Read | None, bench: Bench, template: str) -> None:
    cells = {name: text for name, text in zip(table.columns, draft.row.cells, strict=False) if text}
    if there is None and template:
        cells.setdefault("template", template)
    data = there.data if there else {}
    wanted = cells.get("template", data.get("template", ""))
    layers = template_layers(wanted, bench, [])
    below = stacked([*layers, laid(data, there.source)] if there else layers, bench, [])
    for name in sorted(cells, key=lambda name: TOP.index(name) if name in TOP else len(TOP)):
        index = table.columns.index(name) if name in table.columns else None
        try:
            draft.sets.append((index, change_of(name, cells[name], below)))
        except CellError as error:
            draft.faults.append(_at(table, draft.row, index, error.fault))
    draft.data = changed(data, (change for _, change in draft.sets))


def _line(draft: _Draft, there: Read | None, read_text: ReadText) -> Line:
    data = there.data if there else {}
    new = [change for _, change in draft.sets if _old(data, change) != change.value]
    what = What.WRONG if draft.faults else What.NEW if there is None else What.CHANGED if new else What.SAME
    text = ""
    if what is What.NEW:
        text = with_changes("", new, f"{draft.site}{ENDING}")
    elif what is What.CHANGED and there is not None:
        text = with_changes(read_text(there.file), new, there.file)
    name = draft.data.get("name")
    return Line(
        line=draft.row.line,
        site=draft.site,
        name=name if isinstance(name, str) else "",
        what=what,
        differences=tuple(_difference(data, change) for change in new) if what is What.CHANGED else (),
        faults=tuple(draft.faults),
        text=text,
    )


def _difference(data: dict[str, Any], change: Change) -> Difference:
    label = change.key if change.section is None else f"{change.section}.{change.entry}.{change.key}"
    old = _old(data, change)
    return Difference(column=label, old="-" if old is None else str(old), new=str(change.value))


def _old(data: dict[str, Any], change: Change) -> Any:
    if change.section is None:
        return data.get(change.key)
    rows = data.get(change.section, [])
    return next((row.get(change.key) for row in rows if row.get("id") == change.entry), None)


@dataclass(frozen=True)
class _RowPlaces:
    """Where a value of an imported site stands: in a cell, or in the file that was there."""

    table: CsvTable
    draft: _Draft
    there: Places | None

    def fault(self, path: Path, message: Said) -> Fault:
        """A fault of what `path` names."""
        for index, change in self.draft.sets:
            where = path_of(change, self.draft.data)
            if path[: len(where)] == where:
                return _at(self.table, self.draft.row, index, message)
        return self.there.fault(path, message) if self.there else _at(self.table, self.draft.row, None, message)


def _at(table: CsvTable, row: Row, index: int | None, fault: Said) -> Fault:
    message = fault if index is None else in_column(table.columns, index, fault)
    return Fault(file=table.file, line=row.line, path="", message=message)
