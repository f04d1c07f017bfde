"""The site file's part for arming: the full example is sound, and every way to get it wrong is named with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from protocol.orders import people_of
from protocol.settings import Fault, SettingsError
from protocol.site.notes import notes
from protocol.site.reading import read_site
from protocol.texts import texts_for

EXAMPLE = Path(__file__).parents[1] / "data" / "0755-031-guarded.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
SECOND_LINE = '[[io]]\nid = "rtu3"\naddress = "/dev/ttyS0"\nunit_id = 3\nbaud = 9600\nparity = "even"\n\n[[door]]'
TWIN_CODE = '[[code]]\nperson = "li-na"\nsecret = { secret = "code-zhang-wei" }\n\n[[announcement]]'
TWIN_PANEL = '[[panel]]\nid = "p2"\nprotocol = "dc09"\naccount = "0755031"\n\n[[zone]]\nid = "counter-1"'
BANDS = "bands = { normal = [1800, 2200], alarm = [3800, 4200], short = [0, 200], open = [8000, 65535] }"

WRONG = [
    # (what, old, new, where, sentence)
    ("a partition called site", 'id = "lobby"', 'id = "site"', "[[partition]] site", "means the whole site"),
    ("one person for cash", 'confirm_within = "10m"', "people = 1", "[[partition]] cash", 'of kind "cash" is never'),
    ("a panel nobody defined", '"p1/area/1"', '"p2/area/1"', "[[partition]] lobby", 'panel "p2" is not'),
    ("a panel without key", 'key = { secret = "panel-p1" }\n', "", "[[partition]] lobby", 'panel "p1" has no key'),
    ("no receiver", '[receiver]\nlisten = "192.0.2.9:12345"', "", "[[partition]] lobby", "[receiver] is missing"),
    ("a receiver without port", '"192.0.2.9:12345"', '"192.0.2.9"', "[receiver]", "listen needs a port"),
    ("an account twice", '[[zone]]\nid = "counter-1"', TWIN_PANEL, "[[panel]] p2", 'that of [[panel]] "p1" already'),
    (
        "a buzzer's partition",
        '["lobby", "cash"]\n\n[[output]]',
        '["loby"]\n\n[[output]]',
        "[[buzzer]] counter",
        '"lobby"?',
    ),
    ("a switch's partition", 'partitions = ["lobby"]', 'partitions = ["lobb"]', "[[keyswitch]] back-door", '"lobby"?'),
    (
        "a partition named twice",
        'partitions = ["lobby"]',
        'partitions = ["lobby", "lobby"]',
        "[[keyswitch]] back-door",
        '"lobby" is named twice',
    ),
    ("a switch's bounce", 'acts = "toggle"', 'debounce = "6s"', "[[keyswitch]] back-door", "from 0s to 5s"),
    ("a way of acting", 'acts = "toggle"', 'acts = "togle"', "[[keyswitch]] back-door", 'did you mean "toggle"?'),
    ("a switch's output", 'input = "io1/di/8"', 'input = "io1/do/8"', "[[keyswitch]] back-door", "in table di, not do"),
    (
        "a code's partition",
        '["lobby", "cash"]\nhours',
        '["lobby", "csh"]\nhours',
        "[[code]] #1",
        'did you mean "cash"?',
    ),
    ("a code's hours", '"07:30-19:30"', '"07:30-24:30"', "[[code]] #1", "hours must name two real times"),
    ("a code's secret twice", "[[announcement]]", TWIN_CODE, "[[code]] #2", "is that of a code of zhang-wei already"),
    ("a door's partition", 'partition = "vault"', 'partition = "valt"', "[[door]] vault", 'did you mean "vault"?'),
    (
        "a door without lock",
        'lock = "io1/do/1"\nlock_energised = "unlocked"\n',
        "",
        "[[door]] vault",
        "partition is said, but no lock",
    ),
    ("a neighbour", 'adjacent = ["glass-2"]', 'adjacent = ["glass-1"]', "[[zone]] cash-motion", '"glass-2"?'),
    ("itself", 'adjacent = ["glass-2"]', 'adjacent = ["cash-motion"]', "[[zone]] cash-motion", "confirm itself"),
    (
        "another partition's",
        'adjacent = ["glass-2"]',
        'adjacent = ["hall-motion"]',
        "[[zone]] cash-motion",
        'is not of partition "cash"',
    ),
    (
        "a hold-up that is shut down",
        'type = "hold-up"',
        'type = "hold-up"\nswinger_after = 2',
        "[[zone]] counter-1",
        "of type hold-up is never shut down",
    ),
    ("a loop without bands", BANDS, "", "[[zone]] cash-motion", "an input in table ir needs bands"),
    (
        "bands of a bit",
        'input = "io1/di/7"',
        f'input = "io1/di/7"\n{BANDS}',
        "[[zone]] glass-2",
        "bands are for inputs in table ir/hr, not di",
    ),
    (
        "a counter of a loop",
        BANDS,
        BANDS + '\ninput_counter = "rtu1/ir/9"',
        "[[zone]] cash-motion",
        "input_counter belongs to an input in table di",
    ),
    ("a band turned round", "[3800, 4200]", "[4200, 3800]", "[[zone]] cash-motion", "bands.alarm must go from"),
    ("bands that meet", "[3800, 4200]", "[2200, 4200]", "[[zone]] cash-motion", "bands.alarm overlaps with normal"),
    ("two bands of one value", "[8000, 65535]", "[0, 0]", "[[zone]] cash-motion", "bands.open overlaps with short"),
    ("a band that is missing", ", open = [8000, 65535]", "", "[[zone]] cash-motion", "bands.open is missing"),
    ("a siren for hold-ups", '"zone.fire"]', '"zone.hold_up"]', "[[siren]] hall", "zone.hold_up never sounds a siren"),
    ("a siren for duress", '"zone.fire"]', '"zone.duress"]', "[[siren]] hall", "zone.duress never sounds a siren"),
    ("one name for two outputs", 'id = "fog"', 'id = "hall"', "[[output]] hall", "taken already by a [[siren]] above"),
    ("one output twice", '"io1/do/4"', '"io1/do/3"', "[[output]] fog", "is the output of [[buzzer]] counter already"),
    ("a unit twice", "unit_id = 2", "unit_id = 1", "[[io]] rtu2", 'that of [[io]] "rtu1" on the same line'),
    ("a broadcast", "unit_id = 2", "unit_id = 0", "[[io]] rtu2", "unit_id must be from 1 to 247"),
    ("another speed", "[[door]]", SECOND_LINE, "[[io]] rtu3", 'baud must be that of [[io]] "rtu1", 19200'),
    (
        "a speed of a network",
        'address = "192.0.2.10:502"',
        'address = "192.0.2.10:502"\nbaud = 19200',
        "[[io]] io1",
        "baud is said, but address is no serial line",
    ),
    ("no device file", '"/dev/ttyS0"', '"/dev/../S0"', "[[io]] rtu1", "must be a serial line like"),
    ("a supervision", 'supervision = "3m"', 'supervision = "3s"', "[[panel]] p1", "supervision must be from 10s to 7d"),
    ("an early that is long", 'early = "30m"', 'early = "7h"', "[opening]", "early must be from 0s to 6h"),
    ("no warning", 'auto_arm_warning = "10m"', 'auto_arm_warning = "5s"', "[opening]", "must be from 10s to 1h"),
    ("arming while open", 'auto_arm = "19:00"', 'auto_arm = "15:00"', "[opening]", "auto_arm must not lie within"),
    (
        "late while open",
        'arm_by = "18:00"',
        'arm_by = "15:30"',
        "[opening]",
        "not be before 16:00, when the site closes",
    ),
    ("opened too soon", 'open_by = "09:30"', 'open_by = "07:30"', "[opening]", "open_by must lie within opening hours"),
    ("a time that is none", 'auto_arm = "19:00"', 'auto_arm = "24:30"', "[opening]", "auto_arm must be a time of day"),
    ("hours turned round", '"09:30-16:00"', '"16:00-09:30"', "[opening]", "weekends must name real times"),
    ("an exception's day", '"2026-12-31"', '"2026-11-31"', "[opening]", '"2026-11-31" is no day that there is'),
    ("an exception twice", '"2027-01-04"', '"2026-12-31"', "[opening]", '"2026-12-31" is an exception already'),
    ("an exception's hours", '"08:30-18:00"', '"08:30-25:00"', "[opening]", "hours must name real times"),
    (
        "an exception's end",
        'arm_by = "18:30"',
        'arm_by = "17:30"',
        "[opening]",
        "not be before 18:00, when the site closes",
    ),
    ("a holiday that is none", '"2027-02-06"', '"2027-02-30"', "[calendar]", '"2027-02-30" is no day'),
    ("a day in both lists", '["2027-02-20"]', '["2027-02-06"]', "[calendar]", "stands in holidays already"),
    (
        "a year without holidays",
        "[calendar]",
        "[calendar]\nyears = [2028]",
        "[calendar]",
        "2028 is said to be complete",
    ),
    ("a year twice", "[calendar]", "[calendar]\nyears = [2027, 2027]", "[calendar]", "2027 is there already"),
]


def faults(text: str) -> tuple[Fault, ...]:
    """What is wrong with this text; each fault stands in both languages."""
    with pytest.raises(SettingsError) as caught:
        read_site(text, EXAMPLE.name)
    for each in caught.value.faults:
        chinese = each.told(texts_for("zh-CN"))
        assert "{" not in chinese.replace("[[", "").replace("{ secret", ""), chinese
        assert re.search(r"[\u4e00-\u9fff]", chinese), chinese
    return caught.value.faults


def test_the_full_example_is_sound() -> None:
    """Every key that guarding knows stands in one file that holds."""
    site = read_site(TEXT, EXAMPLE.name)
    assert [people_of(each) for each in site.partition] == [1, 2, 3]
    assert site.opening is not None
    assert [each.hours for each in site.opening.exception] == ["08:30-18:00", None]
    assert {each.id for each in site.io if each.address == "/dev/ttyS0"} == {"rtu1", "rtu2"}


@pytest.mark.parametrize(("old", "new", "where", "sentence"), [each[1:] for each in WRONG], ids=[x[0] for x in WRONG])
def test_each_fault_is_one_sentence_at_its_place(old: str, new: str, where: str, sentence: str) -> None:
    """A wrong value says what is wrong, at its line and table, and what was meant where that can be guessed."""
    assert old in TEXT, old
    text = TEXT.replace(old, new, 1)
    told = [each for each in faults(text) if each.path == where and sentence in str(each.message)]
    assert told, faults(text)
    assert {table_at(text, each.line) for each in told} == {where.partition(" ")[0].strip("[]")}


def table_at(text: str, line: int) -> str:
    """The table that this line of the file stands in, without what is below it."""
    heads = [each for each in text.splitlines()[:line] if each.startswith("[")]
    return heads[-1].partition("]")[0].strip("[]").partition(".")[0]


@pytest.mark.parametrize(("auto_arm", "told"), [("17:59", True), ("18:00:00", True), ("18:00:01", False)])
def test_an_arming_that_leaves_nobody_late_is_worth_a_look(auto_arm: str, told: bool) -> None:
    """Where the box arms before people should have, `arm_by` says nothing: whoever writes the file is told."""
    text = TEXT.replace('auto_arm = "19:00"', f'auto_arm = "{auto_arm}"')
    said = [note.told(texts_for("en")) for _, note in notes(read_site(text, EXAMPLE.name))]
    assert any("auto_arm is not later" in each for each in said) is told
