"""The inventory's folder, read: every file as a table that nobody has judged yet. The only file here that reads it.

A file that cannot be read is a fault among the others; the rest is read all the same. Flow: loading.py -> here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from protocol.ids import is_id
from protocol.rules.files import FILES as RULES
from protocol.rules.files import MAX_FILE_BYTES as MAX_RULES_BYTES
from protocol.settings import MAX_SETTINGS_BYTES, Fault, Places, SettingsError, Source, did_you_mean, read_table
from protocol.texts import Said, said, system_said
from provisioning.inventory.shapes import Warned

BANK, PEOPLE, SITES, TEMPLATES, BOXES = "bank.toml", "people.toml", "sites", "templates", "boxes"
CENTRE: Final = "centre"
"""Rules of the centre (docs/escalation.md); an inventory may have none."""
ENDING: Final = ".toml"

IMPORT: Final = ".import"
"""Below `sites`: files that were imported all together and are not each in its place yet. They count at once."""

MAX_PEOPLE_BYTES: Final = 8 * 1024 * 1024
"""people.toml: a person with two keys takes some 700 bytes."""

MAX_FILES: Final = 10_000
"""Files of one folder; no bank has as many outlets."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """One file: what it holds and where that stands. Empty if it could not be read, and `sound` says so."""

    data: dict[str, Any]
    source: Places
    file: str
    sound: bool = True


@dataclass(kw_only=True)
class Folder:
    """Everything that was read; `faults` names what could not be."""

    path: Path
    bank: Read
    people: Read
    templates: dict[str, Read] = field(default_factory=dict)
    sites: dict[str, Read] = field(default_factory=dict)
    boxes: dict[str, Read] = field(default_factory=dict)
    centre: dict[str, Read] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)


def read_folder(path: Path) -> Folder:
    """Read all of it.

    Raises:
        SettingsError: there is no such folder.
    """
    if not path.is_dir():
        text = said("there is no such folder; an example is made with: branchwatch provision inventory new")
        raise SettingsError([_fault(path, text)])
    faults: list[Fault] = []
    folder = Folder(
        path=path,
        bank=_read(path / BANK, faults),
        people=_read(path / PEOPLE, faults, MAX_PEOPLE_BYTES),
        faults=faults,
    )
    for name, files in (
        (TEMPLATES, folder.templates),
        (SITES, folder.sites),
        (f"{SITES}/{IMPORT}", folder.sites),
        (BOXES, folder.boxes),
    ):
        for file in _files(path / name, folder):
            stem = file.name.removesuffix(ENDING)
            if is_id(stem) or (name == TEMPLATES and stem.isprintable()):
                files[stem] = _read(file, faults)
            else:
                text = said("the name of this file is no id: a-z, 0-9 and -, at most 32 characters")
                faults.append(_fault(file, text))
    for file in _files(path / CENTRE, folder):
        if file.name in RULES:
            folder.centre[file.name] = _read(file, faults, MAX_RULES_BYTES)
        else:
            text = said("no rules are kept in a file of this name: {names}", names=", ".join(RULES))
            faults.append(_fault(file, did_you_mean(text, file.name, RULES)))
    return folder


def _files(path: Path, folder: Folder) -> Iterator[Path]:
    """The TOML files of one folder by name; what else lies there is worth a warning, for it guards nothing."""
    if not path.exists():
        return
    try:
        found = sorted(each for each in path.iterdir() if not each.name.startswith("."))
    except OSError as error:
        folder.faults.append(_fault(path, system_said(error)))
        return
    if len(found) > MAX_FILES:
        folder.faults.append(_fault(path, said("the folder has more than {limit} files", limit=MAX_FILES)))
        return
    for each in found:
        if each.name.endswith(ENDING):
            yield each
        else:
            folder.warnings.append(Warned(file=_shown(each), message=said("not read: its name does not end in .toml")))


def _read(path: Path, faults: list[Fault], limit: int = MAX_SETTINGS_BYTES) -> Read:
    try:
        data, source = read_table(_content(path, limit), _shown(path), limit)
    except SettingsError as error:
        faults.extend(error.faults)
    except OSError as error:
        faults.append(_fault(path, system_said(error)))
    else:
        return Read(data=data, source=source, file=str(path))
    return Read(data={}, source=Source("", _shown(path), {}), file=str(path), sound=False)


def _content(path: Path, limit: int) -> bytes:
    """At most one byte more than is allowed; anything but a plain file is not opened, for it may never answer."""
    if path.exists() and not path.is_file():
        raise SettingsError([_fault(path, said("this is no file"))])
    with path.open("rb") as stream:
        return stream.read(limit + 1)


def _fault(path: Path, message: Said) -> Fault:
    return Fault(file=_shown(path), line=0, path="", message=message)


def _shown(path: Path) -> str:
    """Fit for a terminal: names in a folder are anybody's."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(path))
