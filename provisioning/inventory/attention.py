"""What in a sound inventory a person should still look at. Pure; `provision check` shows it apart."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final

from protocol.bundle import NEEDED_SIGNATURES
from protocol.orders import WEAKENS
from protocol.roster import Right, RosterPerson
from protocol.settings import did_you_mean
from protocol.site.notes import never_armed, notes
from protocol.site.schema import Calendar, Site
from protocol.site.years import LATEST_PUBLISHED
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.inventory.files import Role
from provisioning.inventory.folder import BANK, BOXES, ENDING, PEOPLE, SITES, TEMPLATES, Folder
from provisioning.inventory.known import upwards
from provisioning.inventory.shapes import BoxKeys, Inventory, PersonEntry, SiteEntry, Warned
from provisioning.inventory.site_checks import Judged

DECEMBER: Final = 12
OWN_MACHINE: Final = "localhost"
"""The RP ID of pages that a person's own machine serves (`branchwatch order approve`)."""

BLINDLY: Final = frozenset({*WEAKENS, Right.SITE_FILE, Right.READMIT})
"""Rights that are approved only on a person's own machine by default: what you see is what you sign (WIRE 4.4)."""

_ORDERING: Final = frozenset({Role.SHIFT_LEADER, Role.DIRECTOR, Role.SECURITY_OFFICER, Role.ENGINEER, Role.INSTALLER})
"""Whom boxes obey without a duty too (docs/guarding.md 4.2)."""


def warnings_of(
    folder: Folder, people: Mapping[str, PersonEntry], sites: Mapping[str, SiteEntry], boxes: Mapping[str, BoxKeys]
) -> Iterator[Warned]:
    """Each is one sentence about one file."""
    yield from _unused(folder)
    if len(folder.bank.data.get("provisioning", ())) < NEEDED_SIGNATURES:
        text = said("bundles need {count} keys: provisioning = [their thumbprints]", count=NEEDED_SIGNATURES)
        yield Warned(file=str(folder.path / BANK), message=text)
    named = {site.box for site in sites.values()}
    for box in boxes:
        if box not in named:
            file = str(folder.path / BOXES / f"{box}{ENDING}")
            yield Warned(file=file, message=said('no site has the box "{box}"', box=box))
    for person in people.values():
        if person.in_roster.keys and not any(key.may for key in person.in_roster.keys):
            text = said('no key of "{person}" carries a right: may is empty', person=person.id)
            yield Warned(file=str(folder.path / PEOPLE), message=text)
        for text in _keys_and_duties(person.in_roster, sites.values()):
            yield Warned(file=str(folder.path / PEOPLE), message=text)
    told = dict.fromkeys(person for site in sites.values() for person in site.contacts)
    for contact in told:
        if not people[contact].phone:
            text = said('"{person}" is told by escalation and has no phone', person=contact)
            yield Warned(file=str(folder.path / PEOPLE), message=text)
    for site in sites.values():
        if not site.roster:
            file = str(folder.path / SITES / f"{site.id}{ENDING}")
            text = said("the box obeys nobody from afar: no key holder's unit is at or above the site's")
            yield Warned(file=file, message=text)
        for obeyed in site.roster:
            if obeyed.unit not in upwards(site.site.unit):
                file = str(folder.path / SITES / f"{site.id}{ENDING}")
                refused = N_('the box refuses "{person}": the unit is neither the site\'s nor above it')
                text = said(refused, person=obeyed.id)
                yield Warned(file=file, message=text)


def site_warnings(sites: Iterable[Judged]) -> Iterator[Warned]:
    """What in the sites themselves does less than it seems to; of a template once, whoever uses it."""
    told: set[tuple[str, int, str]] = set()
    for site in sites:
        unarmed = (
            (("zone", index), said('zone "{zone}" is in no partition, so it never acts', zone=zone))
            for index, zone in never_armed(site.file)
        )
        for path, sentence in (*notes(site.file), *unarmed):
            fault = site.table.fault(path, sentence)
            if (key := (fault.file, fault.line, str(sentence))) not in told:
                told.add(key)
                yield Warned(file=fault.file, line=fault.line, message=sentence)


def calendar_warnings(inventory: Inventory, today: date) -> Iterator[Warned]:
    """Years that sites need by now and of which nobody has said which days are worked (docs/guarding.md 3.1)."""
    needed = (today.year, today.year + 1) if today.month == DECEMBER else (today.year,)
    for year in needed:
        sites = [each.id for each in inventory.sites.values() if _is_unknown(each.site, year)]
        if sites:
            text = said(
                "{year}: nobody has said which days are worked; name them in [calendar] of bank.toml (sites: {count})",
                year=year,
                count=len(sites),
            )
            yield Warned(file=inventory.bank.file, message=text)


def _is_unknown(site: Site, year: int) -> bool:
    calendar = site.calendar or Calendar()
    known = year <= LATEST_PUBLISHED or calendar.country == "none" or year in calendar.years
    return site.opening is not None and not known


def _keys_and_duties(person: RosterPerson, sites: Iterable[SiteEntry]) -> Iterator[Said]:
    if (
        "operator" in person.roles
        and not _ORDERING & set(person.roles)
        and not person.duty
        and any(key.may for key in person.keys)
    ):
        yield said('"{person}" is an operator without [[person.duty]]: no box obeys', person=person.id)
    plain = {right for key in person.keys if not key.duress for right in key.may}
    for key in person.keys:
        if key.kind == "webauthn" and not key.credential:
            yield said('key "{key}" has no credential: browsers cannot be asked for it; register it anew', key=key.id)
        if key.kind == "webauthn" and key.rp_id != OWN_MACHINE and (grave := sorted(BLINDLY & set(key.may))):
            text = N_(
                'key "{key}" counts on pages of {origin}: who takes that console over could have {rights} approved'
            )
            yield said(text, key=key.id, origin=key.origin, rights=", ".join(grave))
        if key.duress and not plain:
            yield said('key "{key}" is for duress, and "{person}" has no other one', key=key.id, person=person.id)
        elif key.duress and not plain <= set(key.may):
            yield said('key "{key}" is for duress and may do less: its refusal would give it away', key=key.id)
    named = dict.fromkeys(name for duty in person.duty for name in duty.partitions)
    known = {each.id for site in sites if named and person in site.roster for each in site.site.partition}
    for name in named:
        if known and name not in known:
            fault = said('no site of "{person}" has the partition "{name}" of a duty', person=person.id, name=name)
            yield did_you_mean(fault, name, known)


def _unused(folder: Folder) -> Iterator[Warned]:
    layers = [read.data for read in (*folder.sites.values(), *folder.templates.values())]
    templates = {data.get("template") for data in layers}
    for name in folder.templates:
        if name not in templates:
            file = str(folder.path / TEMPLATES / f"{name}{ENDING}")
            yield Warned(file=file, message=said("nobody uses this template"))
    schedules = {data.get("schedule") for data in layers}
    for row in folder.bank.data.get("schedule", ()):
        if row["name"] not in schedules:
            text = said('nobody uses the schedule "{name}"', name=row["name"])
            yield Warned(file=str(folder.path / BANK), message=text)
