"""A table of sites: how it is read, what each line would do, and that it is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.settings import SettingsError
from protocol.texts import texts_for
from provisioning.inventory.csv_table import MAX_ROWS, letter, read_csv
from provisioning.inventory.folder import IMPORT, read_folder
from provisioning.inventory.importing import Line, What, plan_import
from provisioning.inventory.loading import load_inventory
from provisioning.inventory.writing import write_sites
from tests.inventories import SITE, files, write

TABLE = """\
id,name,io1.address,key_site
0755-031,河西分理处,10.0.0.10:502,
0755-032,城东分理处,10.0.1.10:502,
0755-040,新区分理处,10.0.4.10:502,是
"""


def planned(folder: Path, text: str | bytes, template: str = "outlet") -> list[Line]:
    """What this table would do to the inventory in `folder`."""
    table = read_csv(text if isinstance(text, bytes) else text.encode(), "new.csv")
    return plan_import(table, read_folder(folder), template, lambda file: Path(file).read_text(encoding="utf-8"))


def written(folder: Path, text: str) -> list[Line]:
    """The same, done."""
    lines = planned(folder, text)
    write_sites(folder, {line.site: line.text for line in lines if line.text})
    return lines


def wrong(folder: Path, text: str | bytes) -> str:
    """Why a table is refused as a whole."""
    with pytest.raises(SettingsError) as caught:
        planned(folder, text)
    assert all(fault.told(texts_for("zh-CN")) != str(fault) for fault in caught.value.faults)
    return str(caught.value)


def reasons(line: Line) -> list[str]:
    """Why a line is wrong."""
    return [str(fault) for fault in line.faults]


def test_each_line_is_new_changed_or_the_same(tmp_path: Path) -> None:
    """A preview tells the three apart, and what a changed line changes."""
    write(tmp_path, files())
    same, changed, new = planned(tmp_path, TABLE)
    assert [line.what for line in (same, changed, new)] == [What.SAME, What.CHANGED, What.NEW]
    (difference,) = changed.differences
    assert (difference.column, difference.old, difference.new) == ("name", "河西分理处", "城东分理处")
    assert (new.line, new.site, new.name) == (4, "0755-040", "新区分理处")
    assert read_folder(tmp_path).sites.keys() == {"0755-031", "0755-032"}


def test_what_was_imported_is_a_sound_inventory(tmp_path: Path) -> None:
    """New sites take the template; changed ones keep their comments; the same table again changes nothing."""
    texts = files()
    texts["sites/0755-032.toml"] += "# the cable is grey\n"
    write(tmp_path, texts)
    written(tmp_path, TABLE)
    inventory = load_inventory(tmp_path)
    assert inventory.sites["0755-040"].site.io[0].address == "10.0.4.10:502"
    assert inventory.sites["0755-040"].site.name == "新区分理处"
    assert inventory.sites["0755-040"].site.key_site
    assert inventory.sites["0755-032"].site.name == "城东分理处"
    text = (tmp_path / "sites" / "0755-032.toml").read_text()
    assert text == texts["sites/0755-032.toml"].replace("河西", "城东")
    assert {line.what for line in planned(tmp_path, TABLE)} == {What.SAME}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_as_spreadsheets_save_them(encoding: str, separator: str, tmp_path: Path) -> None:
    """UTF-8 with or without its mark, GB18030 of a Chinese Excel; commas, semicolons, tabs; both line ends; quotes."""
    write(tmp_path, files())
    text = TABLE.replace(",", separator).replace("\n", "\r\n").replace("新区分理处", '"新区""一""分理处"')
    lines = planned(tmp_path, text.encode(encoding) + separator.encode() * 3 + b"\r\n")
    assert [line.what for line in lines] == [What.SAME, What.CHANGED, What.NEW]
    assert lines[2].name == '新区"一"分理处'


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("0755-04!,a,10.0.4.10,", "new.csv:2: column A (id): id must be made of a-z, 0-9 and -"),
        (",a,10.0.4.10,", "new.csv:2: column A (id): id must be made of a-z, 0-9 and -"),
        ("0755-040,,10.0.4.10,", "new.csv:2: name is missing"),
        (
            "0755-040,a,10.0.0.10:502,",
            "new.csv:2: column C (io1.address): address and unit is that of [[io]] io1 of site",
        ),
        ("0755-040,a,10.0.4.999,", "new.csv:2: column C (io1.address): address must be an address like"),
        ("0755-040,a,,", "templates/outlet.toml:"),
        ("0755-040,a,10.0.4.10,maybe", "new.csv:2: column D (key_site): must be true or false"),
        ("0755-040,a,10.0.4.10,,x", "new.csv:2: the line has more cells than the first line has columns"),
        (f"0755-040,{'a' * 65},10.0.4.10,", "new.csv:2: column B (name): name must have 0 to 64 characters, not 65"),
        (f"0755-040,{'a' * 1025},10.0.4.10,", "new.csv:2: column B (name): more than 1024 characters"),
        ('0755-040,"a\nb",10.0.4.10,', "new.csv:2: column B (name): more than 1024 characters, or characters that"),
        ("0755-031,河西分理处,10.0.1.10:502,", "new.csv:2: column C (io1.address): address and unit is that of [[io]]"),
    ],
)
def test_a_wrong_line_is_named_by_line_and_column(cells: str, reason: str, tmp_path: Path) -> None:
    """Wrong ids, addresses that others have, values that do not fit: line, column, reason; the line writes nothing."""
    write(tmp_path, files())
    (line,) = planned(tmp_path, f"id,name,io1.address,key_site\n{cells}\n")
    assert line.what is What.WRONG
    assert [each for each in reasons(line) if reason in each], reasons(line)
    assert line.text == ""


def test_two_lines_of_one_table_are_judged_together(tmp_path: Path) -> None:
    """One id twice, one address twice: the later line is the wrong one."""
    write(tmp_path, files())
    head = "id,name,io1.address\n"
    first, second = planned(tmp_path, f"{head}0755-040,a,10.0.4.10\n0755-040,b,10.0.5.10\n")
    assert (first.what, reasons(second)) == (What.NEW, ["new.csv:3: column A (id): line 2 has this id already"])
    first, second = planned(tmp_path, f"{head}0755-041,a,10.0.4.10\n0755-042,b,10.0.4.10\n")
    assert (first.what, second.what) == (What.NEW, What.WRONG)
    assert "of site 0755-041 already" in reasons(second)[0]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (b"", "the table is empty"),
        (b"name,unit\nx,y\n", 'no column is named "id"'),
        (b"id,nmae\nx,y\n", "column B (nmae): no site has this; columns are id, name, unit"),
        (b"id,name,name\nx,y,z\n", "column C (name): this column is there twice"),
        (b"id,,name\nx,y,z\n", "column B (): no site has this"),
        (b'id,name\nx,"y\n', "new.csv:2: the line cannot be read: a quotation mark"),
        (b"\xff\xfei\x00d\x00", "neither UTF-8 nor GB18030"),
        (b"id,name\n\xff\xff\xff\n", "neither UTF-8 nor GB18030"),
        (b"id\n" + b"x\n" * (MAX_ROWS + 1), f"the table has more than {MAX_ROWS} lines"),
        (b"id" + b",x" * 70 + b"\n", "the table has more than 64 columns"),
        (b"id\n" + b"x" * 5_000_000, "larger than 4096 KiB"),
    ],
)
def test_what_is_no_table_is_refused_whole(table: bytes, reason: str, tmp_path: Path) -> None:
    """No header, a misspelt column, an encoding nobody knows, too much: one sentence, before any line is judged."""
    write(tmp_path, files())
    assert reason in wrong(tmp_path, table)


def test_columns_find_their_entries(tmp_path: Path) -> None:
    """By id alone where only one list has it, else with the list's name; a number becomes one; lists take no cell."""
    texts = files()
    texts["templates/outlet.toml"] += '[[siren]]\nid = "outer"\noutput = "io1/do/7"\non = ["door.forced"]\n'
    write(tmp_path, texts)
    head = "id,name,io1.address"
    (line,) = planned(tmp_path, f"{head},io1.unit_id,door.outer.name\n0755-040,a,10.0.4.10,7,外门\n")
    assert "unit_id = 7\n" in line.text
    assert '[[door]]\nid = "outer"\nname = "外门"\n' in line.text
    for column, reason in (
        ("outer.name", "column D (outer.name): door, siren both have outer: name the column door.outer.name"),
        ("io2.address", 'column D (io2.address): neither template nor site has an entry "io2"; did you mean "io1"?'),
        ("vestibule.doors", "column D (vestibule.doors): [[interlock]] has no doors"),
        ("dor.outer.name", 'column D (dor.outer.name): a site has no [[dor]]; did you mean "door"?'),
        ("io1.unit_id", "column D (io1.unit_id): must be a whole number"),
    ):
        (line,) = planned(tmp_path, f"{head},{column}\n0755-040,a,10.0.4.10,x\n")
        assert [each for each in reasons(line) if reason in each], reasons(line)


def test_a_faulty_inventory_takes_no_table(tmp_path: Path) -> None:
    """What is wrong already is told first, as itself, and an unknown template of the command likewise."""
    write(tmp_path, files() | {SITE: "id = 1\n"})
    assert wrong(tmp_path, TABLE).startswith(f"{tmp_path}/{SITE}:1: ")
    write(tmp_path, files())
    with pytest.raises(SettingsError, match='--template: template "outlt" is not defined; did you mean "outlet"'):
        planned(tmp_path, TABLE, "outlt")


def test_an_import_cut_short_counts_whole_or_not_at_all(tmp_path: Path) -> None:
    """Before its one rename it is not there; after it every reader sees all of it, and the next import tidies up."""
    write(tmp_path, files())
    lines = planned(tmp_path, TABLE)
    sites = tmp_path / "sites"
    for name in (f"{IMPORT}-cut", IMPORT):
        (sites / name).mkdir()
        for line in lines:
            if line.text:
                (sites / name / f"{line.site}.toml").write_text(line.text)
        counts = name == IMPORT
        assert ("0755-040" in load_inventory(tmp_path).sites) is counts
        assert (load_inventory(tmp_path).sites["0755-032"].site.name == "城东分理处") is counts
    assert {line.what for line in planned(tmp_path, TABLE)} == {What.SAME}
    write_sites(tmp_path, {})
    assert sorted(path.name for path in sites.iterdir()) == ["0755-031.toml", "0755-032.toml", "0755-040.toml"]


def test_columns_are_called_as_spreadsheets_do() -> None:
    """A to Z, then AA."""
    assert [letter(index) for index in (0, 25, 26, 51, 52, 63)] == ["A", "Z", "AA", "AZ", "BA", "BL"]
