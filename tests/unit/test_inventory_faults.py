"""Everything that can be wrong with an inventory: each in its file, on its line, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inventories import LI_KEY, PEOPLE, SITE, added, changed, faults, files, line_of, public_key

WEBAUTHN = PEOPLE + LI_KEY.format(kind="webauthn")
WRONG = [
    # (what, files, file of the fault, text on its line, sentence)
    ("unknown key of the bank", changed("bank.toml", "name =", "nmae ="), "bank.toml", "nmae", 'did you mean "name"?'),
    ("no centre", changed("bank.toml", "[centre]", "[center]"), "bank.toml", "[center]", 'did you mean "centre"?'),
    ("broker without port", changed("bank.toml", "6:8883", "6"), "bank.toml", "brokers", "brokers[1] needs a port"),
    ("the same broker", changed("bank.toml", "6:8883", "5:8883"), "bank.toml", "brokers", "same broker as brokers[0]"),
    ("enrolment without port", changed("bank.toml", "7:8443", "7"), "bank.toml", "enrol", "enrolment needs a port"),
    (
        "a long roster",
        changed("bank.toml", "[centre]", "roster_days = 60\n[centre]"),
        "bank.toml",
        "60",
        "from 1 to 30",
    ),
    (
        "a pin twice",
        changed("bank.toml", "b" * 64, "a" * 64),
        "bank.toml",
        "provisioning",
        "thumbprint is there already",
    ),
    ("a pin that is none", changed("bank.toml", "b" * 64, "b" * 63), "bank.toml", "provisioning", "64 hex digits"),
    ("a unit twice", added("bank.toml", '[[unit]]\npath = "市分行/西区支行"\n'), "bank.toml", None, "is there already"),
    ("a unit's form", changed("bank.toml", "市分行/东", "市分行//东"), "bank.toml", "//", "units from the top down"),
    (
        "a responsible stranger",
        changed("bank.toml", '["zhang-wei"]', '["zhang-wie"]'),
        "bank.toml",
        "wie",
        "not defined",
    ),
    ("a keyless responsible", changed("bank.toml", '["zhang-wei"]', '["li-na"]'), "bank.toml", "li-na", "has no key"),
    (
        "a schedule twice",
        added("bank.toml", '[[schedule]]\nname = "weekdays"\n'),
        "bank.toml",
        None,
        "is there already",
    ),
    (
        "hours turned round",
        changed("bank.toml", "08:30-17", "18:30-17"),
        "bank.toml",
        "18:30",
        "first before the second",
    ),
    (
        "a person twice",
        added("people.toml", PEOPLE.split("# li")[1].partition("\n")[2]),
        "people.toml",
        None,
        "already",
    ),
    (
        "a key of two",
        added("people.toml", LI_KEY.format(kind="key_file").replace(public_key(1002), public_key(1001))),
        "people.toml",
        None,
        "this key is one of zhang-wei already",
    ),
    (
        "a key id of two",
        added("people.toml", LI_KEY.format(kind="key_file").replace("li-na-1", "zhang-wei-1")),
        "people.toml",
        None,
        'key id "zhang-wei-1" is that of a key of zhang-wei already',
    ),
    ("a key that is none", changed("people.toml", public_key(1001), "AAAA"), "people.toml", "AAAA", "a P-256 key"),
    ("a right that is none", changed("people.toml", '"disarm"', '"disrm"'), "people.toml", "disrm", 'mean "disarm"?'),
    ("webauthn without origin", files() | {"people.toml": WEBAUTHN}, "people.toml", None, "webauthn needs rp_id"),
    (
        "an origin of anybody",
        files() | {"people.toml": WEBAUTHN + 'rp_id = "a"\norigin = "http://a"\n'},
        "people.toml",
        'origin = "http://a"',
        "origin must be like",
    ),
    (
        "an rp_id of others",
        files() | {"people.toml": WEBAUTHN + 'rp_id = "b.example"\norigin = "https://a.example"\n'},
        "people.toml",
        "b.example",
        "rp_id must be the host of origin",
    ),
    (
        "an origin of a key file",
        changed("people.toml", "may =", 'origin = "http://localhost"\nmay ='),
        "people.toml",
        "origin",
        "origin belongs to keys of kind webauthn",
    ),
    (
        "roles that exclude",
        changed("people.toml", '"operator"]', '"operator", "reviewer"]'),
        "people.toml",
        "reviewer",
        "nobody is operator and reviewer at once",
    ),
    (
        "an administrator with more",
        changed("people.toml", '"operator"]', '"administrator"]'),
        "people.toml",
        "administrator",
        "nobody is shift-leader and administrator at once",
    ),
    (
        "a role that is none",
        changed("people.toml", '"operator"]', '"operater"]'),
        "people.toml",
        "operater",
        '"operator"?',
    ),
    (
        "a person's unit",
        changed("people.toml", "市分行/西区支行", "市分行/南区支行"),
        "people.toml",
        "南区",
        "not defined",
    ),
    ("unknown key of a site", added(SITE, '[[door]]\nid = "outer"\nlok = 1\n'), SITE, "lok", 'did you mean "lock"?'),
    (
        "id and file differ",
        changed(SITE, '"0755-031"', '"0755-33"'),
        SITE,
        "0755-33",
        "id must be the name of its file",
    ),
    ("a template that is none", changed(SITE, '"outlet"', '"outlt"'), SITE, "outlt", 'did you mean "outlet"?'),
    ("a schedule that is none", changed(SITE, '"weekdays"', '"weekday"'), SITE, '"weekday"', 'mean "weekdays"?'),
    (
        "a unit that is none",
        changed(SITE, "template", 'unit = "市分行/北区支行"\ntemplate'),
        SITE,
        "北区",
        "not defined",
    ),
    (
        "nobody responsible",
        changed(SITE, "template", 'unit = "市分行/东区支行"\ntemplate'),
        SITE,
        "东区",
        "nobody is responsible for this site",
    ),
    (
        "an empty list of responsible",
        changed(SITE, "template", "responsible = []\ntemplate"),
        SITE,
        "responsible",
        "nobody is responsible",
    ),
    (
        "a keyless responsible of a site",
        changed(SITE, "template", 'responsible = ["li-na"]\ntemplate'),
        SITE,
        "li-na",
        "has no key",
    ),
    ("a roster with a stranger", changed(SITE, "template", 'roster = ["li"]\ntemplate'), SITE, "roster", "not defined"),
    ("a roster without keys", changed(SITE, "template", 'roster = ["li-na"]\ntemplate'), SITE, "roster", "has no key"),
    (
        "a roster naming twice",
        changed(SITE, "template", 'roster = ["zhang-wei", "zhang-wei"]\ntemplate'),
        SITE,
        "roster",
        "is named twice",
    ),
    (
        "a contact that is none",
        changed(SITE, 'person = "zhang-wei"', 'person = "zhang"'),
        SITE,
        '"zhang"',
        "not defined",
    ),
    (
        "a contact twice",
        added(SITE, '\n[[contact]]\nperson = "zhang-wei" # again\n'),
        SITE,
        "# again",
        "twice",
    ),
    (
        "a box of another site",
        changed(SITE, "template", 'box = "0755-032-b"\ntemplate'),
        SITE,
        "box",
        "is named after site 0755-032",
    ),
    (
        "a box of the centre",
        changed(SITE, "template", 'box = "centre-1"\ntemplate'),
        SITE,
        "box",
        "names of collectors",
    ),
    (
        "a centre with paths",
        added(SITE, '\n[centre]\nca = "x.pem"\n'),
        SITE,
        "ca =",
        "[centre] has brokers, enrolment, evidence only",
    ),
    (
        "an absent thing that was never there",
        added(SITE, '\n[[door]]\nid = "iner"\nabsent = true\n'),
        SITE,
        "absent",
        'there is no [[door]] "iner"; did you mean "inner"?',
    ),
    ("absent = false", added(SITE, '\n[[door]]\nid = "inner"\nabsent = false\n'), SITE, "absent", "absent is true or"),
    (
        "absent and more",
        added(SITE, '\n[[zone]]\nid = "glass-2"\nabsent = true\nname = "x"\n'),
        SITE,
        'name = "x"',
        "has no more keys than id",
    ),
    ("no TOML", files() | {SITE: "id = \n"}, SITE, "id", "this is not TOML"),
    (
        "a box file's key",
        added("boxes/0755-031-a.toml", f'signing = "{"c" * 64}"\nsealing_key = "AAAA"\n'),
        "boxes/0755-031-a.toml",
        "sealing_key",
        "a P-256 key",
    ),
]


@pytest.mark.parametrize(
    ("texts", "file", "part", "sentence"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG]
)
def test_each_fault_is_named_with_file_and_line(
    texts: dict[str, str], file: str, part: str | None, sentence: str, tmp_path: Path
) -> None:
    """Unknown names, duplicates, people without keys, orphaned sites: file, line, table, sentence, in two languages."""
    found = faults(tmp_path, texts)
    place = f"{file}:{line_of(texts, file, part)}: " if part else f"{file}:"
    assert [each for each in found if each.startswith(place) and sentence in each], found
