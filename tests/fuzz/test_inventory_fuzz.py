"""Invariant: whatever the files hold, an inventory, a table or a desk's file is read, or refused with places."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.registration import Registration
from protocol.settings import SettingsError
from protocol.texts import texts_for
from provisioning.inventory.csv_table import CsvTable, read_csv
from provisioning.inventory.folder import read_folder
from provisioning.inventory.importing import What, plan_import
from provisioning.inventory.loading import load_inventory
from provisioning.inventory.registrations import RegistrationsError, read_registrations, weigh
from tests.inventories import files, write

FILES = {name: text.encode() for name, text in files().items()}
NAMES = st.sampled_from([*FILES, "boxes/0755-031-a.toml"])
LINES = [line for text in files().values() for line in text.splitlines()]
TOKENS = st.sampled_from(
    ["1", "true", "[]", "{}", '""', '"x"', "[[]]", '[{ id = "io1" }]', "1979-05-27", "nan", '"zhang-wei"']
)
COLUMNS = st.sampled_from(
    ["id", "name", "unit", "template", "io1.address", "io.x.unit_id", "key_site", "door.lock", "", "z.z"]
)


def told(error: SettingsError, folder: str = "") -> None:
    """There is a fault, each in a file of the folder, and a line for a person in each language."""
    assert error.faults
    for fault in error.faults:
        assert fault.file.startswith(folder)
        assert fault.told(texts_for("zh-CN")).isprintable()
        assert fault.told(texts_for("en")).isprintable()


def loads(changes: Mapping[str, bytes]) -> None:
    """Keep the invariant for an inventory with these files."""
    with TemporaryDirectory() as folder:
        for name, content in {**FILES, **changes}.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        try:
            inventory = load_inventory(Path(folder))
        except SettingsError as error:
            told(error, folder)
            return
        for site in inventory.sites.values():
            json.dumps(site.settings, allow_nan=False)


@given(NAMES, st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode(errors="replace"))))
@settings(max_examples=150, deadline=None)
def test_any_bytes_in_any_file(name: str, content: bytes) -> None:
    """Noise is a fault of its file."""
    loads({name: content})


@given(st.dictionaries(NAMES, st.lists(st.sampled_from(LINES), min_size=1, max_size=25), max_size=3))
@settings(max_examples=200, deadline=None)
def test_lines_of_one_file_in_another(changes: dict[str, list[str]]) -> None:
    """What stands in the wrong file, doubled or moved, is told."""
    loads({name: "\n".join(lines).encode() for name, lines in changes.items()})


@given(NAMES, st.lists(st.tuples(st.integers(0, 200), TOKENS), min_size=1, max_size=5))
@settings(max_examples=250, deadline=None)
def test_any_value_in_any_place(name: str, changes: list[tuple[int, str]]) -> None:
    """A list for a text, a date for a table: told, or harmless."""
    lines = FILES.get(name, b"").decode().splitlines() or ['signing = ""', "sealing_key = 1"]
    for number, value in changes:
        key, equals, _ = lines[number % len(lines)].partition("=")
        if equals:
            lines[number % len(lines)] = f"{key}= {value}"
    loads({name: "\n".join(lines).encode()})


def imports(table: CsvTable, folder: Path) -> None:
    """Keep the invariant for a table that could be read."""
    try:
        lines = plan_import(table, read_folder(folder), "outlet", lambda file: Path(file).read_text(encoding="utf-8"))
    except SettingsError as error:
        told(error)
        return
    assert [line.line for line in lines] == [row.line for row in table.rows]
    for line in lines:
        assert (line.what is What.WRONG) == bool(line.faults)
        assert bool(line.text) == (line.what in {What.NEW, What.CHANGED})


CELLS = st.text('id,;\t"\n\r名01-x.', max_size=200).map(str.encode)


@given(st.one_of(st.binary(max_size=300), CELLS, CELLS.map(b"id;name\n0755-099;x\n".__add__)))
@settings(max_examples=200, deadline=None)
def test_any_bytes_as_a_table(content: bytes) -> None:
    """What is no table says on which line; what is one says of each line what it would do."""
    with TemporaryDirectory() as folder:
        write(Path(folder), files())
        try:
            table = read_csv(content, "x.csv")
        except SettingsError as error:
            told(error)
            return
        imports(table, Path(folder))


@given(
    st.lists(COLUMNS, max_size=5, unique=True),
    st.lists(st.lists(st.sampled_from(["0755-031", "0755-099", "x", "", "10.9.9.9", "1", "outlet", '"'])), max_size=4),
)
@settings(max_examples=150, deadline=None)
def test_any_cells_below_any_columns(columns: list[str], rows: list[list[str]]) -> None:
    """Cells too many, too few, in the wrong column: each line is judged for itself."""
    text = "\n".join(";".join(cells) for cells in [["id", *columns], *rows])
    with TemporaryDirectory() as folder:
        write(Path(folder), files())
        try:
            table = read_csv(text.encode("gb18030"), "x.csv")
        except SettingsError:
            return
        imports(table, Path(folder))


REGISTRATION = st.fixed_dictionaries(
    {
        "person": st.sampled_from(["zhang-wei", "nobody"]),
        "name": st.text(max_size=20),
        "kind": st.sampled_from(["key_file", "webauthn"]),
        "public_key": st.text("AZaz09+/=", min_size=1, max_size=40),
        "at": st.just("2026-11-21T02:13:49.000Z"),
    }
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["zhang-wei", "key_file", "AAAA"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["v", "registrations", "person", "kind", "public_key", "name", "at"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


LISTS = st.lists(REGISTRATION, max_size=3).map(lambda each: {"v": 1, "registrations": each})


@given(st.one_of(st.binary(max_size=200), (JSON | LISTS).map(lambda data: json.dumps(data).encode())))
@settings(max_examples=200, deadline=None)
def test_any_bytes_from_the_desk(content: bytes) -> None:
    """What is no list of registrations is refused in one line; what is one is weighed."""
    refused = ""
    registrations: tuple[Registration, ...] = ()
    try:
        registrations = read_registrations(content, "x.json")
    except RegistrationsError as error:
        refused = str(error)
    assert refused.isprintable()
    assert all(weigh(each, number, {}).fault is not None for number, each in enumerate(registrations))
