"""A table as spreadsheets save it: bytes in, rows of texts with their lines out. Pure; nothing is judged here yet.

UTF-8 with or without its mark, or GB18030, as a Chinese Excel writes; commas, semicolons or tabs.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from protocol.settings import Fault, SettingsError
from protocol.texts import Said, said

MAX_CSV_BYTES: Final = 4 * 1024 * 1024
"""One table; 5,000 sites with a dozen addresses each."""

MAX_ROWS: Final = 5_000
MAX_COLUMNS: Final = 64
MAX_CELL: Final = 1024
"""Characters of one cell."""

SEPARATORS: Final = (",", ";", "\t")
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; a cell without text says nothing."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CsvTable:
    """Column names, and what stands below them."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_csv(raw: bytes, file: str) -> CsvTable:
    """The table that `raw` holds.

    Raises:
        SettingsError: too large, another encoding, no header, or quotes that do not close.
    """
    if len(raw) > MAX_CSV_BYTES:
        raise _wrong(file, 0, said("the file is larger than {limit} KiB", limit=MAX_CSV_BYTES // 1024))
    text = _decoded(raw, file)
    lines = _lines(text, _separator(text), file)
    if not lines:
        raise _wrong(file, 1, said("the table is empty: its first line names the columns"))
    header, *rest = lines
    columns = tuple(cell.strip() for cell in header.cells)
    while columns and not columns[-1]:
        columns = columns[:-1]
    if len(columns) > MAX_COLUMNS:
        raise _wrong(file, 1, said("the table has more than {limit} columns", limit=MAX_COLUMNS))
    if "id" not in columns:
        raise _wrong(file, header.line, said('no column is named "id": the first line names the columns'))
    if len(rest) > MAX_ROWS:
        raise _wrong(file, rest[MAX_ROWS].line, said("the table has more than {limit} lines", limit=MAX_ROWS))
    return CsvTable(file=file, columns=columns, rows=tuple(rest))


def letter(index: int) -> str:
    """A column as spreadsheets call it: A to Z, AA, AB."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def in_column(columns: Sequence[str], index: int, fault: Said) -> Said:
    """The fault with its column before it."""
    name = columns[index] if index < len(columns) else ""
    return said("column {letter} ({name}): {fault}", letter=letter(index), name=_shown(name), fault=fault)


def _decoded(raw: bytes, file: str) -> str:
    if not raw.startswith(_UTF16):
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                continue
    raise _wrong(file, 0, said("the text is neither UTF-8 nor GB18030; save the table as CSV (UTF-8)"))


def _separator(text: str) -> str:
    """The one that makes most columns of the first line; in a tie the earlier."""
    first = text.partition("\n")[0]
    return max(SEPARATORS, key=first.count)


def _lines(text: str, separator: str, file: str) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[Row] = []
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(line=line, cells=tuple(cell.strip() for cell in cells)))
            line = reader.line_num + 1
            if len(rows) > MAX_ROWS + 1:
                break
    except csv.Error:
        raise _wrong(file, line, said("the line cannot be read: a quotation mark is missing or too many")) from None
    return rows


def _shown(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:64])


def _wrong(file: str, line: int, message: Said) -> SettingsError:
    return SettingsError([Fault(file=file, line=line, path="", message=message)])
