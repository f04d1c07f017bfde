"""What arms and disarms, and what is armed: partitions, zones, key switches, codes, panels, sirens. Pure.

Each check yields `(path, sentence)`, as those of checks.py, which calls them.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from protocol.orders import SENSITIVE, WHOLE_SITE
from protocol.settings import Path, Problem
from protocol.site.addresses import AddressError, parse_address
from protocol.site.modbus import Table
from protocol.site.naming import ids_of, undefined
from protocol.site.schema import Bands, Site, Zone, ZoneType
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

SILENT: Final = frozenset({"zone.hold_up", "zone.duress"})
"""Kinds that no siren ever sounds for: whoever presses the button must not be found out."""

NEVER_SHUT_DOWN: Final = frozenset({ZoneType.HOLD_UP, ZoneType.FIRE, ZoneType.TAMPER})
"""Zones that tell every alarm, however often."""

DEFAULT_SWINGER: Final = 3
_WORDS: Final = (Table.INPUT_REGISTERS, Table.HOLDING_REGISTERS)
_BANDS: Final = ("normal", "alarm", "short", "open")


def partitions(site: Site) -> Iterator[Problem]:
    """Ids that orders can name, people that are enough, panels that may be followed."""
    panels = {panel.id: panel for panel in site.panel}
    for index, partition in enumerate(site.partition):
        place: Path = ("partition", index)
        if partition.id == WHOLE_SITE:
            text = N_('"{id}" means the whole site in an order: no partition may bear it')
            yield (*place, "id"), said(text, id=WHOLE_SITE)
        if partition.kind in SENSITIVE and partition.people == 1:
            text = N_('people must be 2 or more: a partition of kind "{kind}" is never disarmed by one')
            yield (*place, "people"), said(text, kind=partition.kind)
        if partition.follows is None:
            continue
        name = partition.follows.partition("/")[0]
        if name not in panels:
            yield (*place, "follows"), undefined("panel", name, panels)
        elif panels[name].key is None:
            text = N_('panel "{name}" has no key: a partition follows only what is encrypted')
            yield (*place, "follows"), said(text, name=name)
        elif site.receiver is None:
            yield (*place, "follows"), said("[receiver] is missing: nobody hears the panel that is followed")


def ways_in(site: Site) -> Iterator[Problem]:
    """Key switches, codes, buzzers and doors name partitions that there are, each once."""
    known = ids_of(site, "partition")
    for section in ("buzzer", "keyswitch", "code"):
        for index, item in enumerate(getattr(site, section)):
            yield from _named((section, index, "partitions"), item.partitions, known)
    for index, door in enumerate(site.door):
        if door.partition is not None and door.partition not in known:
            yield ("door", index, "partition"), undefined("partition", door.partition, known)
        elif door.partition is not None and door.lock is None:
            text = N_("partition is said, but no lock: it tells whose people approve an unlock")
            yield ("door", index, "partition"), said(text)
    secrets: dict[str, str] = {}
    for index, code in enumerate(site.code):
        if (name := code.secret.secret) in secrets:
            text = N_('secret "{name}" is that of a code of {person} already: nobody could tell whose it is')
            yield ("code", index, "secret"), said(text, name=name, person=secrets[name])
        secrets.setdefault(name, code.person)


def panels(site: Site) -> Iterator[Problem]:
    """Panels that can be told apart, where they find the box."""
    if site.receiver is not None:
        try:
            parse_address(site.receiver.listen)
        except AddressError as error:
            yield ("receiver", "listen"), said("{key} {fault}", key="listen", fault=error.said)
    accounts: dict[str, str] = {}
    for index, panel in enumerate(site.panel):
        if panel.account in accounts:
            text = N_('account is that of [[panel]] "{name}" already')
            yield ("panel", index, "account"), said(text, name=accounts[panel.account])
        accounts.setdefault(panel.account, panel.id)


def zones(site: Site) -> Iterator[Problem]:
    """Neighbours that can confirm, shutdowns that may be, bands that tell values apart."""
    known = ids_of(site, "zone")
    owner = {zone: partition.id for partition in site.partition for zone in partition.zones}
    for index, zone in enumerate(site.zone):
        place: Path = ("zone", index)
        for each, path, fault in _listed((*place, "adjacent"), zone.adjacent, known, "zone"):
            if fault is not None:
                yield path, fault
            elif each == zone.id:
                yield path, said("a zone does not confirm itself")
            elif zone.id in owner and owner.get(each) != owner[zone.id]:
                text = N_('zone "{name}" is not of partition "{partition}": only its own zones confirm each other')
                yield path, said(text, name=each, partition=owner[zone.id])
        if zone.type in NEVER_SHUT_DOWN and zone.swinger_after not in {0, DEFAULT_SWINGER}:
            text = N_("swinger_after is said, but a zone of type {type} is never shut down")
            yield (*place, "swinger_after"), said(text, type=zone.type.value)
        yield from (((*place, *path), fault) for path, fault in _input(zone))


def sirens(site: Site) -> Iterator[Problem]:
    """No sound gives away who presses a panic button or acts under threat."""
    for index, siren in enumerate(site.siren):
        for each, kind in enumerate(siren.on):
            if kind in SILENT:
                text = N_("{kind} never sounds a siren: whoever raised it would be found out")
                yield ("siren", index, "on", each), said(text, kind=kind)


def _input(zone: Zone) -> Iterator[Problem]:
    table = zone.input.split("/")[1] if zone.input else ""
    if table in _WORDS and zone.bands is None:
        yield ("input",), said("an input in table {table} needs bands: which values mean what", table=table)
    if table and table not in _WORDS and zone.bands is not None:
        yield ("bands",), said("bands are for inputs in table {fits}, not {table}", fits="/".join(_WORDS), table=table)
    for key in ("input_counter", "input_latch"):
        if table and table != Table.DISCRETE_INPUTS and getattr(zone, key) is not None:
            yield (key,), said("{key} belongs to an input in table {fits}", key=key, fits=Table.DISCRETE_INPUTS.value)
    if zone.bands is not None:
        yield from ((("bands", *path), fault) for path, fault in _bands(zone.bands))


def _bands(bands: Bands) -> Iterator[Problem]:
    """Each from its lower to its higher end, and none in another: one value has one meaning."""
    sound: dict[str, tuple[int, int]] = {}
    for name in _BANDS:
        low, high = getattr(bands, name)
        if low > high:
            yield (name,), said("{key} must go from the lower value to the higher one", key=f"bands.{name}")
            continue
        for other, (least, most) in sound.items():
            if low <= most and least <= high:  # a wrong band stands here as (0, 0); its own fault is told already
                later, earlier = (other, name) if (least, most) == (0, 0) else (name, other)
                yield (later,), said("{key} overlaps with {other}", key=f"bands.{later}", other=earlier)
        sound[name] = (low, high)


def _named(place: Path, names: Iterable[str], known: frozenset[str]) -> Iterator[Problem]:
    yield from ((path, fault) for _, path, fault in _listed(place, names, known, "partition") if fault is not None)


def _listed(
    place: Path, names: Iterable[str], known: frozenset[str], section: str
) -> Iterator[tuple[str, Path, Said | None]]:
    """Each name with what is wrong with it: nobody knows it, or it stands twice."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        fault = None
        if name not in known:
            fault = undefined(section, name, known)
        elif name in seen:
            fault = said('"{name}" is named twice', name=name)
        seen.add(name)
        yield name, (*place, index), fault
