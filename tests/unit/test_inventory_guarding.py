"""Duties, credentials, duress keys, hours and calendars that sites share: judged, and on their way to boxes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from protocol.roster import Duty
from protocol.site.years import LATEST_PUBLISHED
from protocol.texts import texts_for
from protocol.workdays import published
from provisioning.inventory.attention import calendar_warnings
from provisioning.inventory.loading import load_inventory
from provisioning.inventory.shapes import Inventory
from tests.inventories import (
    CHINESE,
    LI_KEY,
    OUTLET,
    SITE,
    added,
    changed,
    faults,
    files,
    line_of,
    public_key,
    write,
)

WEB_KEY = LI_KEY.format(kind="webauthn") + 'rp_id = "localhost"\norigin = "http://localhost"\nmay = ["arm"]\n'
DUTY = '\n[[person.duty]]\npartitions = ["cash"]\nhours = "22:00-06:00"\ndays = "working"\n'
CALENDAR = '\n[calendar]\nholidays = ["2027-01-01"]\nworking = ["2027-02-20"]\nyears = [2027]\n'


def loaded(folder: Path, texts: dict[str, str]) -> Inventory:
    """The inventory of these files, which must hold."""
    return load_inventory(write(folder, texts))


def worth(inventory: Inventory) -> list[str]:
    """What a person should look at, each from its file's name on, in both languages."""
    assert all(CHINESE.search(each.message.told(texts_for("zh-CN"))) for each in inventory.warnings)
    return [f"{Path(each.place).name}: {each.message}" for each in inventory.warnings]


def test_a_roster_knows_unit_duty_credential_and_duress(tmp_path: Path) -> None:
    """What a box judges an approval by travels whole: unit, each duty, credential, which key is for duress."""
    more = WEB_KEY + 'credential = "Y3JlZA"\n\n[[person.key]]\nid = "li-na-2"\nkind = "key_file"\nduress = true\n'
    more += f'public_key = "{public_key(1003)}"\nmay = ["arm"]\n{DUTY}'
    roster = loaded(tmp_path, added("people.toml", more)).sites["0755-031"].roster
    zhang, li = roster
    assert (zhang.unit, li.unit, zhang.duty) == ("市分行/西区支行", "市分行", ())
    assert li.duty == (Duty(partitions=("cash",), hours="22:00-06:00", days="working"),)
    assert [(key.id, key.credential, key.duress) for key in li.keys] == [
        ("li-na-1", "Y3JlZA", False),
        ("li-na-2", "", True),
    ]


@pytest.mark.parametrize(
    ("texts", "file", "part", "sentence"),
    [
        (
            added("people.toml", DUTY.replace("22:00-06:00", "22:00-22:00")),
            "people.toml",
            "22:00",
            "hours must name two real times",
        ),
        (added("people.toml", DUTY.replace('"working"', '"workng"')), "people.toml", "workng", 'mean "working"?'),
        (
            added("people.toml", DUTY.replace('["cash"]', '["cash", "cash"]')),
            "people.toml",
            '"cash", "cash"',
            '"cash" is named twice',
        ),
        (
            added("people.toml", WEB_KEY + 'credential = "a+b="\n'),
            "people.toml",
            "a+b",
            "credential must be base64url without padding",
        ),
        (
            changed("people.toml", "may =", 'credential = "AAAA"\nmay ='),
            "people.toml",
            "credential",
            "credential belongs to keys of kind webauthn",
        ),
        (
            added(
                "people.toml",
                WEB_KEY
                + 'credential = "AAAA"\n'
                + WEB_KEY.replace("li-na-1", "li-na-2").replace(public_key(1002), public_key(1004))
                + 'credential = "AAAA" # again\n',
            ),
            "people.toml",
            "# again",
            "this credential is one of li-na already",
        ),
        (
            added(SITE, '\n[[code]]\nperson = "li-ma"\nsecret = { secret = "code" }\n'),
            SITE,
            "li-ma",
            'person "li-ma" is not defined in people.toml; did you mean "li-na"?',
        ),
        (
            changed("bank.toml", 'arm_by = "18:00"', 'arm_by = "18:00"\nauto_arm = "12:00"'),
            "bank.toml",
            "12:00",
            "auto_arm must not lie within opening hours",
        ),
        (
            added("bank.toml", '\n[[schedule.exception]]\ndate = "2026-02-30"\n'),
            "bank.toml",
            "2026-02-30",
            '"2026-02-30" is no day that there is',
        ),
        (
            added("bank.toml", CALENDAR.replace("2027-02-20", "2027-01-01")),
            "bank.toml",
            "working =",
            '"2027-01-01" stands in holidays already',
        ),
        (
            added(SITE, '\n[calendar]\nworking = ["2027-02-31"]\n'),
            SITE,
            "2027-02-31",
            '"2027-02-31" is no day that there is',
        ),
    ],
)
def test_each_fault_is_named_with_file_and_line(
    texts: dict[str, str], file: str, part: str, sentence: str, tmp_path: Path
) -> None:
    """Duties, credentials, codes, shared hours and calendars: the slip is told where it stands, once."""
    found = [each for each in faults(tmp_path, texts) if sentence in each]
    assert [each.partition(": ")[0] for each in found] == [f"{file}:{line_of(texts, file, part)}"], found


def test_hours_and_calendar_of_the_bank_are_every_sites(tmp_path: Path) -> None:
    """One schedule and one calendar for all; a site changes them key by key, and exceptions day by day."""
    texts = added("bank.toml", '\n[[schedule.exception]]\ndate = "2026-12-31"\nhours = "08:30-19:00"\n' + CALENDAR)
    texts = changed("bank.toml", 'arm_by = "18:00"', 'arm_by = "18:00"\nopen_by = "09:00"\nauto_arm = "20:00"', texts)
    texts[SITE] += '\n[opening]\nholidays = "10:00-12:00"\n[[opening.exception]]\ndate = "2027-01-04"\n'
    texts[SITE] += '\n[[opening.exception]]\ndate = "2026-12-31"\nabsent = true\n[calendar]\nyears = []\n'
    sites = loaded(tmp_path, texts).sites
    opening, calendar = sites["0755-031"].site.opening, sites["0755-031"].site.calendar
    assert opening is not None
    assert calendar is not None
    assert (opening.weekdays, opening.holidays, opening.open_by, opening.auto_arm) == (
        "08:30-17:00",
        "10:00-12:00",
        "09:00",
        "20:00",
    )
    assert [each.date for each in opening.exception] == ["2027-01-04"]
    assert (calendar.holidays, calendar.years) == (("2027-01-01",), ())
    other = sites["0755-032"].settings
    assert other["opening"]["exception"] == [{"date": "2026-12-31", "hours": "08:30-19:00"}]
    assert other["calendar"] == {"holidays": ["2027-01-01"], "working": ["2027-02-20"], "years": [2027]}


def test_what_never_acts_is_told_once_for_a_template(tmp_path: Path) -> None:
    """A zone that nothing arms, a switch that cannot disarm, a panel that nobody hears: one line each, placed."""
    texts = added(OUTLET, '\n[[zone]]\nid = "yard"\ntype = "instant"\ninput = "io1/di/11"\n')
    texts[OUTLET] += '\n[[keyswitch]]\nid = "back"\ninput = "io1/di/12"\npartitions = ["cash"]\n'
    texts = changed(OUTLET, '[receiver]\nlisten = "192.0.2.9:12345"\n', "", texts)
    texts = changed(SITE, 'schedule = "weekdays"\n', "", texts)
    panel, yard = (line_of(texts, OUTLET, part) - 1 for part in ('id = "p1"', 'id = "yard"'))
    switch = line_of(texts, OUTLET, 'partitions = ["cash"]')
    assert worth(loaded(tmp_path, texts)) == [
        "0755-031.toml:1: no opening hours: opening at a wrong hour is not told",
        "0755-031.toml:1: neither arm_by nor auto_arm: a site that nobody arms is not told",
        f'outlet.toml:{switch}: key switch "back" arms partition "cash" and never disarms it: that takes 2 people',
        f'outlet.toml:{panel}: nobody hears panel "p1": [receiver] is missing',
        f'outlet.toml:{yard}: zone "yard" is in no partition, so it never acts',
    ]


def test_people_whom_no_box_would_obey_are_told(tmp_path: Path) -> None:
    """An operator without a duty, a key no browser finds, a duress key that gives itself away, a stranger's roster."""
    texts = changed("people.toml", '["shift-leader", "operator"]', '["operator"]')
    texts["people.toml"] += WEB_KEY
    texts["people.toml"] += '\n[[person]]\nid = "wang"\nname = "王"\nunit = "市分行/东区支行"\nroles = ["director"]\n'
    texts["people.toml"] += (
        LI_KEY.format(kind="key_file").replace("li-na", "wang").replace(public_key(1002), public_key(5))
    )
    texts["people.toml"] += 'may = ["arm", "disarm"]\n' + DUTY.replace("cash", "cahs")
    texts["people.toml"] += (
        LI_KEY.format(kind="key_file").replace("li-na-1", "wang-2").replace(public_key(1002), public_key(6))
    )
    texts["people.toml"] += 'may = ["arm"]\nduress = true\n'
    texts[SITE] = 'roster = ["li-na", "wang"]\n' + texts[SITE]
    assert worth(loaded(tmp_path, texts)) == [
        'people.toml: "li-na" is an operator without [[person.duty]]: no box obeys',
        'people.toml: key "li-na-1" has no credential: browsers cannot be asked for it; register it anew',
        'people.toml: key "wang-2" is for duress and may do less: its refusal would give it away',
        'people.toml: no site of "wang" has the partition "cahs" of a duty; did you mean "cash"?',
        '0755-031.toml: the box refuses "wang": the unit is neither the site\'s nor above it',
    ]


def test_a_key_of_the_consoles_pages_should_only_arm(tmp_path: Path) -> None:
    """A console that was taken over shows one order and has another signed: what weakens is worth a look."""
    key = WEB_KEY.replace("http://localhost", "https://desk.bank.example").replace('"localhost"', '"desk.bank.example"')
    key += 'credential = "AAAA"\n'
    assert worth(loaded(tmp_path / "a", added("people.toml", key))) == []
    graver = key.replace('may = ["arm"]', 'may = ["arm", "unlock", "disarm"]')
    (told,) = worth(loaded(tmp_path / "b", added("people.toml", graver)))
    assert told.startswith('people.toml: key "li-na-1" counts on pages of https://desk.bank.example: who takes')
    assert told.endswith("could have disarm, unlock approved")


def test_a_year_that_nobody_knows_is_told_from_december_on(tmp_path: Path) -> None:
    """As the box does: the next year from 1 December, until it is published or [calendar] names it."""
    unknown = LATEST_PUBLISHED + 1
    plain = loaded(tmp_path / "a", files())
    assert not list(calendar_warnings(plain, date(LATEST_PUBLISHED, 11, 30)))
    for day in (date(LATEST_PUBLISHED, 12, 1), date(unknown, 6, 1)):
        (told,) = calendar_warnings(plain, day)
        assert str(told.message).startswith(f"{unknown}: nobody has said which days are worked")
        assert str(told.message).endswith("(sites: 2)")
        assert told.file.endswith("bank.toml")
    named = added("bank.toml", CALENDAR.replace("2027", str(unknown)))
    assert not list(calendar_warnings(loaded(tmp_path / "b", named), date(unknown, 6, 1)))
    nowhere = added("bank.toml", '\n[calendar]\ncountry = "none"\n')
    assert not list(calendar_warnings(loaded(tmp_path / "c", nowhere), date(unknown, 6, 1)))


def test_provisioning_and_boxes_know_the_same_years() -> None:
    """The offline machine has no calendar library: the last year that it tells is the one that boxes have."""
    assert LATEST_PUBLISHED == published.LATEST
