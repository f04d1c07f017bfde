"""A folder of rules as people write it: five files of TOML, read whole, every fault at once with file and line.

Only the shapes are judged here; what makes sense together is checking.py. Flow: `collector rules check` and `load` ->
here -> `Rules`, and where each part of them stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from collector.rules.shapes import Rules
from protocol.rules.files import FILES, MAX_FILE_BYTES
from protocol.settings import Fault, SettingsError, Source, judge_table, read_table
from protocol.texts import Said, said, system_said

TABLE_FILE: Final[Mapping[str, str]] = {
    table: name for name, shape in FILES.items() for table in shape.__struct_fields__
}
"""The file that each table stands in."""


@dataclass
class Read:
    """What a folder says. With faults the rules are good for one thing only: to look for further faults."""

    rules: Rules = field(default_factory=Rules)
    faults: list[Fault] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)

    def fault(self, path: tuple[str | int, ...], message: Said) -> Fault:
        """A fault of what `path` names: a table of `Rules`, then what is below it."""
        name = TABLE_FILE[str(path[0])]
        source = self.sources.get(name)
        if source is None:
            return Fault(file=name, line=0, path="", message=message)
        return source.fault(path, message)


def read_folder(folder: Path) -> Read:
    """Read all of it; a file that is not there says nothing."""
    read = Read()
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and entry.suffix == ".toml")
    except OSError as error:
        text = said("the folder cannot be read: {reason}", reason=system_said(error))
        read.faults.append(_of_file(str(folder), text))
        return read
    if not set(names) & set(FILES):
        text = said("no rules are there: write {names}", names=", ".join(FILES))
        read.faults.append(_of_file(str(folder), text))
    parts: dict[str, Any] = {}
    for name in names:
        if name not in FILES:
            text = said("no rules are kept in a file of this name: {names}", names=", ".join(FILES))
            read.faults.append(_of_file(name, text))
            continue
        parts |= _part(folder / name, read)
    read.rules = Rules(**parts)
    return read


def _part(file: Path, read: Read) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_FILE_BYTES + 1)
        data, source = read_table(text, file.name, MAX_FILE_BYTES)
    except OSError as error:
        message = said("{path} cannot be read: {reason}", path=file.name, reason=system_said(error))
        read.faults.append(_of_file(file.name, message))
        return {}
    except SettingsError as error:
        read.faults.extend(error.faults)
        return {}
    read.sources[file.name] = source
    settings, faults = judge_table(data, source, FILES[file.name])
    read.faults.extend(faults)
    if settings is None:
        return {}
    return {name: getattr(settings, name) for name in msgspec.structs.asdict(settings)}


def _of_file(name: str, message: Said) -> Fault:
    return Fault(file=name, line=0, path="", message=message)
