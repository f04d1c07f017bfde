"""What a sound inventory gives, how sites and templates become one, and what is told of a faulty one as a whole."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from protocol.roster import Right
from protocol.settings import SettingsError
from protocol.site.reading import site_from
from protocol.texts import texts_for
from provisioning.inventory.loading import load_inventory
from tests.inventories import (
    CHINESE,
    LI_KEY,
    OUTLET,
    PEOPLE,
    SITE,
    added,
    changed,
    faults,
    files,
    line_of,
    public_key,
    template,
    write,
)


def test_a_sound_inventory_gives_what_bundles_are_made_from(tmp_path: Path) -> None:
    """Ten lines and a template give a whole site: settings as its box will read them, roster, contacts, responsible."""
    inventory = load_inventory(write(tmp_path, files()))
    site = inventory.sites["0755-031"]
    assert (site.id, site.box) == ("0755-031", "0755-031-a")
    assert site.settings["centre"] == {
        "box": "0755-031-a",
        "brokers": ["192.0.2.5:8883", "192.0.2.6:8883"],
        "enrolment": "192.0.2.7:8443",
    }
    assert site.settings["opening"] == {"weekdays": "08:30-17:00", "arm_by": "18:00"}
    assert site.settings["io"] == [{"id": "io1", "unit_id": 1, "address": "10.0.0.10:502"}]
    assert not {"template", "schedule", "box", "roster", "responsible", "contact"} & site.settings.keys()
    assert site_from(json.loads(json.dumps(site.settings)), "bundle") == site.site
    assert [door.id for door in site.site.door] == ["outer", "inner", "vault"]
    (person,) = site.roster
    assert (person.id, person.roles, person.keys[0].may) == (
        "zhang-wei",
        ("security-officer",),
        (Right.ARM, Right.DISARM),
    )
    assert site.contacts == site.responsible == ("zhang-wei",)
    assert list(inventory.people) == ["zhang-wei", "li-na"]
    assert inventory.bank.provisioning == ("a" * 64, "b" * 64)
    assert inventory.warnings == ()


def test_an_outlet_takes_ten_lines() -> None:
    """The two hundredth outlet is written in ten lines, blank ones not counted."""
    assert len([line for line in files()[SITE].splitlines() if line]) <= 10


def test_a_site_changes_its_template(tmp_path: Path) -> None:
    """What the site writes wins key by key; new comes behind; absent takes away; a schedule is whole hours."""
    texts = added(
        SITE,
        """
[[door]]
id = "inner"
name = "二道门"

[[door]]
id = "back"
contact = "io1/di/9"
closed = 0

[[area]]
id = "none"
camera = "none"
polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
restricted = true

[[camera]]
id = "none"
address = "cam.branch"
login = { secret = "x" }
watch = ["people"]

[[zone]]
id = "glass-2"
absent = true

[[partition]]
id = "cash"
zones = ["cash-motion"]

[opening]
arm_by = "19:00"
""",
    )
    texts[OUTLET] += '\n[opening]\nweekdays = "09:00-16:00"\nweekends = "10:00-15:00"\n'
    site = load_inventory(write(tmp_path, texts)).sites["0755-031"].site
    assert [(door.id, door.name) for door in site.door] == [
        ("outer", "通道外门"),
        ("inner", "二道门"),
        ("vault", "金库门"),
        ("back", ""),
    ]
    assert site.door[1].contact == "io1/di/1"
    assert [zone.id for zone in site.zone] == ["counter-1", "cash-motion"]
    assert site.opening is not None
    assert (site.opening.weekdays, site.opening.weekends, site.opening.arm_by) == ("08:30-17:00", None, "19:00")


def test_a_template_may_build_on_another(tmp_path: Path) -> None:
    """A kind of outlet is another kind with a difference; a circle of templates is a fault and no endless loop."""
    texts = files()
    texts["templates/big.toml"] = 'template = "outlet"\n[[door]]\nid = "side"\ncontact = "io1/di/9"\nclosed = 1\n'
    texts = changed(SITE, '"outlet"', '"big"', texts)
    doors = load_inventory(write(tmp_path, texts)).sites["0755-031"].site.door
    assert [door.id for door in doors] == ["outer", "inner", "vault", "side"]
    texts[OUTLET] = 'template = "big"\n' + texts[OUTLET]
    assert [each for each in faults(tmp_path, texts) if "templates build on each other: big > outlet > big" in each]


def test_the_built_in_template_needs_no_file(tmp_path: Path) -> None:
    """A site file as an installer writes it alone is a site of an inventory too, without its template's file."""
    text = template().replace('id = "io1"', 'id = "io1"\naddress = "10.1.0.10"')
    texts = {**files(), "sites/0755-040.toml": f'id = "0755-040"\nname = "x"\ntemplate = "outlet-small"\n{text}'}
    site = load_inventory(write(tmp_path, texts)).sites["0755-040"]
    assert site.site.template == "outlet-small"
    assert site.site.door[0].debounce.total_seconds() == 0.3


def test_a_fault_of_a_template_names_its_line_and_the_sites(tmp_path: Path) -> None:
    """Wrong once, told once: the template's file and line, and whom it hits; a site's own slip names its own file."""
    sentence = 'door "iner" is not defined; did you mean "inner"?'
    texts = changed(OUTLET, '["outer", "inner"]', '["outer", "iner"]')
    line = line_of(texts, OUTLET, '"iner"')
    assert faults(tmp_path, texts) == [
        f"{OUTLET}:{line}: [[interlock]] vestibule: {sentence} (site 0755-031, 0755-032)"
    ]
    texts = added(SITE, '\n[[interlock]]\nid = "vestibule"\ndoors = [\n  "outer",\n  "iner",\n]\n')
    line = line_of(texts, SITE, '"iner"')
    assert faults(tmp_path, texts) == [f"{SITE}:{line}: [[interlock]] vestibule: {sentence}"]


def test_of_many_sites_some_are_named(tmp_path: Path) -> None:
    """Two hundred sites with one template's fault are one line, not two hundred."""
    texts = files(tuple(f"0755-{number:03d}" for number in range(200)))
    (only,) = faults(tmp_path, changed(OUTLET, 'contact = "io1/di/1"', 'contact = "io2/di/1"', texts))
    assert only.endswith('did you mean "io1"? (site 0755-000, 0755-001, 0755-002, 0755-003, 0755-004 and 195 more)')


def test_a_template_that_nobody_uses_is_judged(tmp_path: Path) -> None:
    """Before the first outlet takes it; what every site gives itself stands in no template."""
    wrong = 'id = "x"\nbox = "y"\n[[door]]\nid = "a"\nclosd = 1\nlock_energised = "unlockd"\n'
    assert faults(tmp_path, {**files(), "templates/new.toml": wrong}) == [
        "templates/new.toml:1: a template has no id: every site has its own",
        "templates/new.toml:2: a template has no box: every site has its own",
        'templates/new.toml:5: [[door]] a: unknown key "closd"; did you mean "closed"?',
        'templates/new.toml:6: [[door]] a: lock_energised must be one of locked, unlocked; did you mean "unlocked"?',
    ]


def test_one_address_serves_one_site(tmp_path: Path) -> None:
    """A bank's network is one: a device of two sites is a fault, however it is spelled; its own cable is not."""
    second = "sites/0755-032.toml"
    line = line_of(files(), second, "address")
    for spelling in ("10.0.0.10:502", "10.0.0.10"):
        assert faults(tmp_path, changed(second, "10.0.1.10:502", spelling)) == [
            f"{second}:{line}: [[io]] io1: address and unit is that of [[io]] io1 of site 0755-031 already"
        ]
    shared = files()
    shared = {
        name: text.replace("10.0.0.10:502", "IO.bank").replace("10.0.1.10:502", "io.bank.")
        for name, text in shared.items()
    }
    assert len(faults(tmp_path, shared)) == 1
    for local in ("127.0.0.1:502", "[::1]:502", "169.254.1.1", "io1.local", "localhost:5020"):
        texts = {name: re.sub(r"10\.0\.\d\.10:502", local, text) for name, text in files().items()}
        assert len(load_inventory(write(tmp_path, texts)).sites) == 2
    gateway = changed(second, '10.0.1.10:502"', '10.0.0.10:502"\nunit_id = 2')
    assert len(load_inventory(write(tmp_path, gateway)).sites) == 2


def test_a_template_with_an_address_hits_its_second_site(tmp_path: Path) -> None:
    """The slip that comes most easily: the address left in the template, for all."""
    texts = {name: re.sub(r"\[\[io\]\]\nid = .*\naddress = .*\n", "", text) for name, text in files().items()}
    texts = changed(OUTLET, 'id = "io1"', 'id = "io1"\naddress = "10.0.0.10"', texts)
    (only,) = faults(tmp_path, texts)
    assert only.startswith(f"{OUTLET}:{line_of(texts, OUTLET, '10.0.0.10')}: [[io]] io1: address and unit is that of")
    assert only.endswith("of site 0755-031 already (site 0755-032)")


def test_a_box_guards_one_site(tmp_path: Path) -> None:
    """One box named by two sites is told at the second; a name of its own is free."""
    texts = changed(SITE, "template", 'box = "west-1"\ntemplate')
    assert load_inventory(write(tmp_path, texts)).sites["0755-031"].box == "west-1"
    texts = changed("sites/0755-032.toml", "template", 'box = "west-1"\ntemplate', texts)
    assert faults(tmp_path, texts) == ['sites/0755-032.toml:3: box "west-1" is that of site 0755-031 already']


def test_whom_a_box_obeys(tmp_path: Path) -> None:
    """Every key holder at or above the site's unit, or whom the site names; in the order of people.toml."""
    texts = files() | {"people.toml": PEOPLE + LI_KEY.format(kind="key_file")}
    other = PEOPLE[: PEOPLE.index("# li-na")].replace("西区", "东区").replace("zhang-wei", "chen-jun")
    texts["people.toml"] += "\n" + other.replace(public_key(1001), public_key(1003))
    inventory = load_inventory(write(tmp_path, texts))
    assert [person.id for person in inventory.sites["0755-031"].roster] == ["zhang-wei", "li-na"]
    texts = changed(SITE, "template", 'roster = ["chen-jun", "li-na"]\ntemplate', texts)
    inventory = load_inventory(write(tmp_path, texts))
    assert [person.id for person in inventory.sites["0755-031"].roster] == ["li-na", "chen-jun"]


def test_every_fault_of_every_file_at_once(tmp_path: Path) -> None:
    """One reading finds all there is, in the order of files and lines; a file that cannot be read hides no other."""
    texts = changed("bank.toml", "6:8883", "6", changed("people.toml", '"operator"]', '"operater"]'))
    texts = changed("sites/0755-032.toml", '"outlet"', '"outlt"', changed(SITE, "id =", "id ", texts))
    found = [each.split(":")[0] for each in faults(tmp_path, texts)]
    assert found[:3] == ["bank.toml", "people.toml", SITE]
    assert set(found[3:]) == {"sites/0755-032.toml"}


def test_one_slip_is_told_once(tmp_path: Path) -> None:
    """A broken people.toml does not make two hundred sites complain of unknown people."""
    assert len(faults(tmp_path, {**files(), "people.toml": "[[person]\n"})) == 1
    assert len(faults(tmp_path, changed("people.toml", public_key(1001), "AAAA"))) == 1
    (tmp_path / "people.toml").unlink()
    with pytest.raises(SettingsError, match=r"people\.toml: No such file"):
        load_inventory(tmp_path)


def test_limits_hold(tmp_path: Path) -> None:
    """A file too large, a hundred faults in each, a pipe for a file, a folder that is none: faults, no hanging."""
    texts = files() | {SITE: "#" * (512 * 1024 + 1)}
    assert faults(tmp_path, texts) == [f"{SITE}:1: the file is larger than 512 KiB"]
    noisy = {f"sites/s{number}.toml": "\n".join(f"k{each} = 1" for each in range(120)) for number in range(12)}
    found = faults(tmp_path / "noisy", files() | noisy)
    assert len(found) == 1001
    assert [each for each in found if "more faults are not shown" in each]
    with pytest.raises(SettingsError, match="there is no such folder"):
        load_inventory(tmp_path / "nowhere")
    write(tmp_path / "pipe", files())
    (tmp_path / "pipe" / SITE).unlink()
    (tmp_path / "pipe" / SITE).mkdir()
    with pytest.raises(SettingsError, match="this is no file"):
        load_inventory(tmp_path / "pipe")


def test_names_of_files_are_names_of_sites(tmp_path: Path) -> None:
    """A file whose name is no id is a fault, not a site left out; no name spoils the terminal or stops the reading."""
    write(tmp_path, files())
    for name in (b"sites/Haupt.toml", b"sites/\xff\n\x1b[31m.toml", b"boxes/x y.toml", b"templates/\x1b.toml"):
        path = os.fsencode(tmp_path) + b"/" + name
        Path(os.fsdecode(path)).parent.mkdir(exist_ok=True)
        Path(os.fsdecode(path)).write_text("")
    with pytest.raises(SettingsError) as caught:
        load_inventory(tmp_path)
    told = [fault.told(texts_for("en")) for fault in caught.value.faults]
    assert len(told) == 4
    assert all("the name of this file is no id" in each and each.isprintable() for each in told)
    write(tmp_path / "named", changed(SITE, '"outlet"', '"标准网点"') | {"templates/标准网点.toml": template()})
    assert load_inventory(tmp_path / "named").sites["0755-031"].site.door[0].id == "outer"


def test_what_deserves_a_look_is_no_fault(tmp_path: Path) -> None:
    """Unused templates and schedules, boxes of no site, keys without rights, contacts without a phone, stray files."""
    texts = changed("people.toml", 'may = ["arm", "disarm"]', "may = []")
    texts = changed("people.toml", 'phone = "0755 5550 0101"\n', "", texts)
    texts["bank.toml"] = texts["bank.toml"].replace(f', "{"b" * 64}"', "") + '[[schedule]]\nname = "night"\n'
    texts["templates/none.toml"] = ""
    texts["sites/0755-033.tml"] = "id = 1"
    texts["boxes/0755-099-a.toml"] = f'signing = "{"c" * 64}"\nsealing_key = "{public_key(7)}"\n'
    inventory = load_inventory(write(tmp_path, texts))
    told = [f"{each.file.removeprefix(str(tmp_path))}: {each.message}" for each in inventory.warnings]
    assert told == [
        "/sites/0755-033.tml: not read: its name does not end in .toml",
        "/templates/none.toml: nobody uses this template",
        '/bank.toml: nobody uses the schedule "night"',
        "/bank.toml: bundles need 2 keys: provisioning = [their thumbprints]",
        '/boxes/0755-099-a.toml: no site has the box "0755-099-a"',
        '/people.toml: no key of "zhang-wei" carries a right: may is empty',
        '/people.toml: "zhang-wei" is told by escalation and has no phone',
    ]
    assert all(CHINESE.search(each.message.told(texts_for("zh-CN"))) for each in inventory.warnings)


def test_an_enrolled_box_brings_its_keys(tmp_path: Path) -> None:
    """What `boxes accept` writes is read; one key for two boxes is a clone and a fault."""
    text = f'signing = "{"c" * 64}"\nsealing_key = "{public_key(7)}"\n'
    inventory = load_inventory(write(tmp_path, added("boxes/0755-031-a.toml", text)))
    assert inventory.boxes["0755-031-a"].signing == "c" * 64
    assert inventory.boxes["0755-031-a"].sealing_key[:2] == b"0Y"
    texts = added("boxes/0755-031-a.toml", text) | {"boxes/0755-032-a.toml": text}
    assert faults(tmp_path, texts) == ["boxes/0755-032-a.toml:1: this key is that of box 0755-031-a already"]
