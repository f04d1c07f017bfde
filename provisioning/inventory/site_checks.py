"""What a site file must keep to within its bank: names, people, its box; and what no two sites may share. Pure.

`site_problems` yields `(path, sentence)` of one site; `shared_faults` looks across all of them.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from protocol.ids import CENTRE_PREFIX
from protocol.roster import MAX_PEOPLE
from protocol.settings import Fault, Problem
from protocol.site.addresses import AddressError, parse_address
from protocol.site.modbus import MODBUS_PORT
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import said
from provisioning.inventory.files import SiteFile
from provisioning.inventory.known import Known
from provisioning.inventory.merging import Table
from provisioning.inventory.people_checks import key_holders


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A site put together and read, sound or not."""

    name: str
    """Its file's name without the ending."""
    table: Table
    file: SiteFile


def box_of(name: str, site: SiteFile) -> str:
    """The box that guards a site, by its usual name where none is given."""
    return site.box if site.box is not None else f"{name}-a"


def site_problems(name: str, site: SiteFile, known: Known, responsible: Sequence[str] | None) -> Iterator[Problem]:
    """Of one site; `responsible` are those of its units, None if nobody can tell."""
    if site.id != name:
        yield ("id",), said('id must be the name of its file, "{name}"', name=name)
    if fault := known.unit_fault(site.unit):
        yield ("unit",), fault
    if site.schedule is not None and (fault := known.schedule_fault(site.schedule)):
        yield ("schedule",), fault
    for path, fault in key_holders(site.responsible or (), known):
        yield ("responsible", *path), fault
    for path, fault in key_holders(site.roster or (), known):
        yield ("roster", *path), fault
    for index, code in enumerate(site.code):
        if fault := known.person_fault(code.person):
            yield ("code", index, "person"), fault
    told: set[str] = set()
    for index, contact in enumerate(site.contact):
        if fault := known.person_fault(contact.person):
            yield ("contact", index, "person"), fault
        elif contact.person in told:
            yield ("contact", index, "person"), said('"{person}" is named twice', person=contact.person)
        told.add(contact.person)
    if site.responsible is not None:
        if not site.responsible:
            yield ("responsible",), said("nobody is responsible for this site: name a person here")
    elif responsible is not None and not responsible and not known.unit_fault(site.unit):
        text = N_("nobody is responsible for this site: name a person here, or for its [[unit]] in bank.toml")
        yield ("unit",), said(text)
    yield from _box_problems(name, box_of(name, site), known)


def roster_problems(count: int) -> Iterator[Problem]:
    """How many people one box can obey."""
    if count > MAX_PEOPLE:
        text = N_("a box obeys {limit} people at most, not {count}: name them in roster")
        yield ("roster",), said(text, limit=MAX_PEOPLE, count=count)


def shared_faults(sites: Iterable[Judged]) -> Iterator[tuple[str, Fault]]:
    """The site and what is wrong there. A box guards one site, and a bank's network is one: so does a device."""
    boxes: dict[str, str] = {}
    devices: dict[tuple[str, int, int | None], tuple[str, str]] = {}
    for site in sites:
        box = box_of(site.name, site.file)
        if box in boxes:
            fault = said('box "{box}" is that of site {site} already', box=box, site=boxes[box])
            yield site.name, site.table.fault(("box",), fault)
        boxes.setdefault(box, site.name)
        own: Mapping[tuple[str, int, int | None], tuple[str, int, str]] = dict(_devices(site.file))
        for where, (section, index, label) in own.items():
            if where in devices:
                text = N_("address is that of {owner} of site {site} already")
                if section == "io":
                    text = N_("address and unit is that of {owner} of site {site} already")
                owner, other = devices[where]
                yield site.name, site.table.fault((section, index, "address"), said(text, owner=owner, site=other))
            devices.setdefault(where, (label, site.name))


def _box_problems(name: str, box: str, known: Known) -> Iterator[Problem]:
    if len(box) > 32:
        yield ("box",), said('"{box}" is too long for the name of a box: give it one with box = "..."', box=box)
    elif box.startswith(CENTRE_PREFIX):
        yield ("box",), said("{prefix} begins the names of collectors, not of boxes", prefix=CENTRE_PREFIX)
    elif (other := box.rpartition("-")[0]) != name and other in known.sites:
        yield ("box",), said('box "{box}" is named after site {site}', box=box, site=other)


def _devices(site: SiteFile) -> Iterator[tuple[tuple[str, int, int | None], tuple[str, int, str]]]:
    for section, port in (("io", MODBUS_PORT), ("recorder", 80), ("camera", 80)):
        for index, item in enumerate(getattr(site, section)):
            try:
                host, number = parse_address(item.address, port)
            except AddressError:
                continue
            if (device := _on_the_network(host)) is not None:
                where = (device, number, getattr(item, "unit_id", None))
                yield where, (section, index, f"[[{section}]] {item.id}")


def _on_the_network(host: str) -> str | None:
    """One spelling of it; None where another site means another device by it: the machine itself, its own cable."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.lower().rstrip(".")
        return None if name == "localhost" or name.endswith((".localhost", ".local")) else name
    return None if address.is_loopback or address.is_link_local else str(address)
