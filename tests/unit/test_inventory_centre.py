"""The folder `centre` of an inventory: rules of the desk, judged with everything else as far as the inventory knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.rules.files import FILES
from protocol.texts import texts_for
from provisioning.inventory.example import example, new_inventory
from provisioning.inventory.loading import load_inventory
from tests.inventories import faults, files, line_of, public_key, write

CENTRE = {
    name: text for name, text in example(public_key(1001), texts_for("zh-CN")).items() if name.startswith("centre/")
}
UNIT = "市分行/西区支行"

WRONG = [
    ("a key that is none", "centre/policies.toml", "until =", "untill =", 'did you mean "until"?'),
    ("a time without unit", "centre/policies.toml", '"30s"', '"30"', "must be a duration with its unit"),
    ("a target that is none", "centre/policies.toml", '["desk"]', '["dest"]', '"desk", "holder"'),
    ("a level that is none", "centre/policies.toml", "[1, 2]", "[1, 6]", "from 1 to 5"),
    (
        "a stranger's unit",
        "centre/policies.toml",
        "levels = [1, 2]",
        'unit = "市分行/西区"',
        'unit "市分行/西区" is not defined',
    ),
    ("a site that is none", "centre/procedures.toml", "{ kinds", '{ sites = ["0755-039"], kinds', "0755-039"),
    ("a site and a unit", "centre/contacts.toml", f'unit = "{UNIT}"', f'unit = "{UNIT}"\nsite = "0755-031"', "one of"),
    ("neither of them", "centre/contacts.toml", f'unit = "{UNIT}"\n', "", "one of the two"),
    ("a handover that is none", "centre/rotas.toml", '"08:00"', '"8"', "a time of day like"),
    ("a day that is none", "centre/calendar.toml", "holidays = []", 'holidays = ["2026-02-30"]', "2026-02-30"),
    ("no TOML", "centre/policies.toml", "after = ", "after ", "not TOML"),
]


def with_centre() -> dict[str, str]:
    """The sound inventory with the example's rules."""
    return {**files(), **CENTRE}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_example_has_sound_rules_in_both_languages(language: str, tmp_path: Path) -> None:
    """`inventory new` writes all five files, and `check` finds nothing wrong with them."""
    made = new_inventory(tmp_path / "inventory", public_key(1001), texts_for(language))
    assert {file.name for file in made if file.parent.name == "centre"} == set(FILES)
    load_inventory(tmp_path / "inventory")


def test_an_inventory_needs_no_rules_and_takes_them(tmp_path: Path) -> None:
    """The folder may be missing, hold one file of the five, or all."""
    load_inventory(write(tmp_path / "none", files()))
    load_inventory(write(tmp_path / "one", {**files(), "centre/policies.toml": CENTRE["centre/policies.toml"]}))
    load_inventory(write(tmp_path / "all", with_centre()))


@pytest.mark.parametrize(("what", "file", "old", "new", "sentence"), WRONG, ids=[each[0] for each in WRONG])
def test_faults_are_told_with_file_and_line(
    what: str, file: str, old: str, new: str, sentence: str, tmp_path: Path
) -> None:
    """Each slip in a rules file is told in its place, in both languages, with the inventory's other faults."""
    texts = with_centre()
    assert old in texts[file], what
    texts[file] = texts[file].replace(old, new, 1)
    changed = new.splitlines()[0] if new else "[[site]]"
    told = faults(tmp_path, texts)
    assert len(told) == 1, told
    assert told[0].startswith(f"{file}:{line_of(texts, file, changed)}"), told
    assert sentence in told[0]


def test_a_file_of_another_name_is_a_fault(tmp_path: Path) -> None:
    """`policy.toml` would be obeyed by nobody: that is told, with the name that was meant."""
    told = faults(tmp_path, {**with_centre(), "centre/policy.toml": ""})
    assert len(told) == 1
    assert 'did you mean "policies.toml"?' in told[0]
