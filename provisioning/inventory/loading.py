"""A bank's inventory from its folder: all of it judged, or every fault at once. Decides what is read into what.

Flow: `provision check`, `build`, `token`, `kit` -> here -> folder.py (reads), expanding.py and merging.py (put
together), `*_checks.py` (judge), shapes.py (what comes out).
"""

from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TypeVar

import msgspec

from protocol.roster import Duty, PersonKey, PersonKeyError, RosterPerson, read_person_key
from protocol.rules.files import FILES as RULES
from protocol.settings import Fault, Problem, judge_table
from protocol.site.checks import CHECKS
from protocol.site.schema import Site
from protocol.texts import said
from provisioning.inventory.attention import site_warnings, warnings_of
from provisioning.inventory.centre_checks import CHECKS as CENTRE_CHECKS
from provisioning.inventory.expanding import Bench, site_table, stacked, template_faults, template_layers
from provisioning.inventory.faults import Faults
from provisioning.inventory.files import INVENTORY_ONLY, BankFile, BoxFile, PeopleFile, PersonTable, SiteFile
from provisioning.inventory.folder import Folder, Read, read_folder
from provisioning.inventory.known import Known, known_in, upwards
from provisioning.inventory.merging import plain
from provisioning.inventory.people_checks import bank_problems, people_problems
from provisioning.inventory.shapes import BankEntry, BoxKeys, Inventory, PersonEntry, Reached, SiteEntry
from provisioning.inventory.site_checks import Judged, box_of, roster_problems, shared_faults, site_problems

T = TypeVar("T", bound=msgspec.Struct)


def load_inventory(folder: Path) -> Inventory:
    """Everything that stands in `folder`.

    Raises:
        SettingsError: every fault at once, each with file, line and table.
    """
    return judge_folder(read_folder(folder))


def judge_folder(read: Folder) -> Inventory:
    """The same of what was read, or made up, before.

    Raises:
        SettingsError: every fault at once, each with file, line and table.
    """
    inventory, faults = judged(read)
    if inventory is None:
        raise faults.error(str(read.path))
    return inventory


def judged(read: Folder) -> tuple[Inventory | None, Faults]:
    """The inventory, or what is wrong with it, also site by site."""
    known = known_in(read)
    faults = Faults()
    faults.add(read.faults)
    bank = _judged(read.bank, BankFile, faults, lambda whole: bank_problems(whole, known))
    people = _judged(read.people, PeopleFile, faults, lambda whole: people_problems(whole, known))
    persons = {person.id: _person(person) for person in people.person} if people else {}
    boxes = _boxes(read, faults)
    bench = Bench(bank=read.bank, templates=read.templates, known=known)
    sites, tables = _sites(read, bench, bank, persons, faults)
    _judge_templates(bench, faults)
    _judge_centre(read, known, faults)
    if faults or bank is None:
        return None, faults
    reached = Reached(brokers=bank.centre.brokers, enrolment=bank.centre.enrolment)
    inventory = Inventory(
        bank=BankEntry(
            name=bank.name,
            roster_days=bank.roster_days,
            centre=reached,
            provisioning=bank.provisioning,
            file=read.bank.file,
        ),
        people=persons,
        sites=sites,
        boxes=boxes,
        warnings=(*read.warnings, *warnings_of(read, persons, sites, boxes), *site_warnings(tables)),
    )
    return inventory, faults


def _judged(
    read: Read, struct: type[T], faults: Faults, check: Callable[[T], Iterable[Problem]] | None = None
) -> T | None:
    if not read.sound:
        return None
    whole, found = judge_table(read.data, read.source, struct, check)
    faults.add(found)
    return whole


def _sites(
    read: Folder, bench: Bench, bank: BankFile | None, persons: Mapping[str, PersonEntry], faults: Faults
) -> tuple[dict[str, SiteEntry], list[Judged]]:
    judged: list[Judged] = []
    entries: dict[str, SiteEntry] = {}
    holders, order = _holders_by_unit(persons), {each: index for index, each in enumerate(persons)}
    for name, file in read.sites.items():
        if not file.sound:
            continue
        site = _site(name, file, bench, bank, faults)
        if site is None:
            continue
        judged.append(site)
        entry = _entry(site, bank, persons, holders, order)
        too_many = [site.table.fault(path, text) for path, text in roster_problems(len(entry.roster))]
        faults.add(too_many, site=name, own=file.file)
        entries[name] = entry
    for name, fault in shared_faults(judged):
        faults.add([fault], site=name, own=read.sites[name].file)
    return entries, judged


def _site(name: str, file: Read, bench: Bench, bank: BankFile | None, faults: Faults) -> Judged | None:
    found: list[Fault] = []
    own = file.data.get("box")
    table = site_table(file, bench, own if isinstance(own, str) else f"{name}-a", found)

    def check(site: SiteFile) -> Iterator[Problem]:
        responsible = None if bank is None else _responsible(site.unit, bank)
        return chain(
            chain.from_iterable(each(site) for each in CHECKS), site_problems(name, site, bench.known, responsible)
        )

    whole, more = judge_table(plain(table), table, SiteFile, check)
    faults.add((*found, *more), site=name, own=file.file)
    return None if whole is None else Judged(name=name, table=table, file=whole)


def _entry(
    site: Judged,
    bank: BankFile | None,
    persons: Mapping[str, PersonEntry],
    holders: Mapping[str, list[str]],
    order: Mapping[str, int],
) -> SiteEntry:
    file = site.file
    settings = plain(site.table.without(*INVENTORY_ONLY))
    roster = file.roster
    if roster is None:
        roster = tuple(each for unit in upwards(file.unit) for each in holders.get(unit, ()))
    obeyed = sorted({each for each in roster if each in order}, key=order.__getitem__)
    responsible = file.responsible
    if responsible is None:
        responsible = _responsible(file.unit, bank) if bank else ()
    return SiteEntry(
        id=file.id,
        box=box_of(site.name, file),
        settings={key: settings[key] for key in Site.__struct_fields__ if key in settings},
        site=Site(**{key: getattr(file, key) for key in Site.__struct_fields__}),
        roster=tuple(persons[each].in_roster for each in obeyed),
        contacts=tuple(contact.person for contact in file.contact),
        responsible=responsible,
    )


def _responsible(unit: str, bank: BankFile) -> tuple[str, ...]:
    """Those of the unit and of every one above it, nearest first."""
    of_unit = {each.path: each.responsible for each in bank.unit}
    return tuple(dict.fromkeys(person for path in upwards(unit) for person in of_unit.get(path, ())))


def _holders_by_unit(persons: Mapping[str, PersonEntry]) -> dict[str, list[str]]:
    holders: dict[str, list[str]] = {}
    for person in persons.values():
        if person.in_roster.keys:
            holders.setdefault(person.unit, []).append(person.id)
    return holders


def _person(person: PersonTable) -> PersonEntry:
    keys = tuple(
        PersonKey(
            id=key.id,
            kind=key.kind,
            public_key=key.public_key,
            may=key.may,
            rp_id=key.rp_id or "",
            origin=key.origin or "",
            credential=key.credential or "",
            duress=key.duress,
        )
        for key in person.key
    )
    in_roster = RosterPerson(
        id=person.id,
        name=person.name,
        roles=tuple(role.value for role in person.roles),
        keys=keys,
        unit=person.unit,
        duty=tuple(Duty(partitions=each.partitions, hours=each.hours, days=each.days) for each in person.duty),
    )
    return PersonEntry(id=person.id, name=person.name, unit=person.unit, phone=person.phone, in_roster=in_roster)


def _judge_templates(bench: Bench, faults: Faults) -> None:
    """Also those that nobody uses; what sites found in them is told with the sites' names already."""
    for name, file in bench.templates.items():
        if file.sound:
            found = template_faults(file)
            table = stacked(template_layers(name, bench, found), bench, found)
            _, more = judge_table(plain(table), table, SiteFile, partial=True)
            faults.add((*found, *more))


def _judge_centre(read: Folder, known: Known, faults: Faults) -> None:
    """Rules as far as the inventory knows what they name; people and channels are the collector's to judge."""
    for name, file in read.centre.items():
        check = CENTRE_CHECKS[name]
        _judged(file, RULES[name], faults, lambda whole, check=check: check(whole, known))  # type: ignore[misc]


def _boxes(read: Folder, faults: Faults) -> dict[str, BoxKeys]:
    boxes: dict[str, BoxKeys] = {}
    owners: dict[str, str] = {}
    for name, file in read.boxes.items():

        def check(box: BoxFile) -> Iterator[Problem]:
            if box.signing in owners:
                yield ("signing",), said("this key is that of box {box} already", box=owners[box.signing])
            try:
                read_person_key(box.sealing_key)
            except PersonKeyError:
                text = said("sealing_key must be a P-256 key: base64 of its SubjectPublicKeyInfo in DER")
                yield ("sealing_key",), text

        box = _judged(file, BoxFile, faults, check)
        if box is not None:
            owners.setdefault(box.signing, name)
            boxes[name] = BoxKeys(signing=box.signing, sealing_key=_der(box.sealing_key))
    return boxes


def _der(text: str) -> bytes:
    try:
        return b64decode(text)
    except ValueError:
        return b""  # told as a fault already
