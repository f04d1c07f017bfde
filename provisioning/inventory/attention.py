"""What in a sound inventory a person should still look at. Pure; `provision check` shows it apart."""

from collections.abc import Iterator, Mapping

from protocol.bundle import NEEDED_SIGNATURES
from protocol.texts import said
from provisioning.inventory.folder import BANK, BOXES, ENDING, PEOPLE, SITES, TEMPLATES, Folder
from provisioning.inventory.shapes import BoxKeys, PersonEntry, SiteEntry, Warned


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
