"""What only the whole site file can tell: references, duplicates, and values that do not go together. Pure.

Each check yields `(path, sentence)`; the reader places them. A new rule is a new generator in `CHECKS`. Where the file
has a wrong value an empty one stands in its stead: a check must bear it, what it says of that place is not told.
"""

import zoneinfo
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Final

from protocol.kinds import KINDS
from protocol.settings import Problem, did_you_mean
from protocol.site import eyes_checks
from protocol.site.addresses import AddressError, parse_address
from protocol.site.arming_checks import panels, partitions, sirens, ways_in, zones
from protocol.site.defaults import TEMPLATES
from protocol.site.hours_checks import hours_and_days
from protocol.site.modbus import HIGHEST_NUMBER, MODBUS_PORT, Table, is_serial
from protocol.site.naming import ids_of, shown, undefined
from protocol.site.registers import Use, uses_of
from protocol.site.schema import Site
from protocol.site.serial_checks import serial_lines
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import said

SECTIONS: Final = (
    "io",
    "door",
    "interlock",
    "siren",
    "buzzer",
    "output",
    "keyswitch",
    "panel",
    "zone",
    "partition",
    "recorder",
    "camera",
    "area",
    "announcement",
)
LIMITS: Final[tuple[tuple[str, str, timedelta, timedelta], ...]] = (
    ("door", "debounce", timedelta(0), timedelta(seconds=5)),
    ("door", "release_for", timedelta(seconds=1), timedelta(seconds=60)),
    ("door", "request_grace", timedelta(seconds=1), timedelta(seconds=60)),
    ("door", "held_open_after", timedelta(seconds=1), timedelta(hours=12)),
    ("interlock", "tolerance", timedelta(0), timedelta(seconds=60)),
    ("keyswitch", "debounce", timedelta(0), timedelta(seconds=5)),
    ("siren", "sound_for", timedelta(seconds=1), timedelta(minutes=5)),  # then the neighbours have heard it
    ("panel", "supervision", timedelta(seconds=10), timedelta(days=7)),
    ("zone", "debounce", timedelta(0), timedelta(seconds=5)),
    ("partition", "exit_delay", timedelta(0), timedelta(minutes=5)),
    ("partition", "entry_delay", timedelta(0), timedelta(minutes=5)),
    ("partition", "confirm_within", timedelta(seconds=10), timedelta(hours=1)),
    ("recorder", "keep", timedelta(days=30), timedelta(days=730)),  # DOMAIN section 2: floor 30 d
    ("area", "grace", timedelta(seconds=3), timedelta(seconds=30)),  # DOMAIN section 2: 3-30 s
    ("area", "loitering_after", timedelta(seconds=1), timedelta(hours=12)),
    ("area", "speak_wait", timedelta(seconds=5), timedelta(minutes=10)),
    ("area", "post_empty_after", timedelta(seconds=5), timedelta(hours=4)),
    ("area", "crowd_after", timedelta(seconds=2), timedelta(hours=1)),
)
"""What a duration may be, by section and key."""


def site_itself(site: Site) -> Iterator[Problem]:
    """Template, time zone, silence."""
    if site.template not in TEMPLATES:
        yield ("template",), undefined("template", site.template, TEMPLATES)
    try:
        zoneinfo.ZoneInfo(site.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        fault = said('time zone "{name}" is not known', name=site.timezone)
        yield ("timezone",), did_you_mean(fault, site.timezone, zoneinfo.available_timezones())
    if site.silent_after and not 3 * site.beat_every <= site.silent_after <= timedelta(seconds=300):
        lowest = shown(3 * site.beat_every)
        yield ("silent_after",), said("silent_after must be from {lowest} (three beats) to 300s", lowest=lowest)


def ids(site: Site) -> Iterator[Problem]:
    """An id stands once in its section; so it does among those that name one sort of points."""
    shared = (("io", "panel", "recorder"), ("siren", "buzzer", "output"))  # device/ID, output/ID
    together = {each for sections in shared for each in sections}
    for sections in (*shared, *((each,) for each in SECTIONS if each not in together)):
        seen: dict[str, str] = {}
        for section in sections:
            for index, item in enumerate(getattr(site, section)):
                if item.id in seen:
                    taken = said(
                        'id "{id}" is taken already by a [[{section}]] above', id=item.id, section=seen[item.id]
                    )
                    yield (section, index, "id"), taken
                seen.setdefault(item.id, section)


def addresses(site: Site) -> Iterator[Problem]:
    """Every address can be read, and no two devices stand at one."""
    seen: dict[tuple[str, int, int | None], str] = {}
    for section, port in (("io", MODBUS_PORT), ("recorder", 80), ("camera", 80)):
        for index, item in enumerate(getattr(site, section)):
            if (section == "io" and is_serial(item.address)) or getattr(item, "protocol", "") == "rtsp":
                continue  # serial_lines and eyes_checks judge it
            try:
                host = parse_address(item.address, port)
            except AddressError as error:
                fault = said("{key} {fault}", key="address", fault=error.said)
                if section == "camera" and item.address.startswith(("rtsp://", "rtsps://")):
                    fault = said('address is that of a stream: then protocol = "rtsp" belongs beside it')
                yield (section, index, "address"), fault
                continue
            key = (*host, getattr(item, "unit_id", None))
            if key in seen:
                text = N_("address and unit is that of {owner} already")
                if section != "io":
                    text = N_("address is that of {owner} already")
                yield (section, index, "address"), said(text, owner=f"[[{section}]] {seen[key]}")
            seen.setdefault(key, item.id)
    if site.centre is not None:
        for path, fault in ways(site.centre.brokers, site.centre.enrolment, site.centre.evidence):
            yield ("centre", *path), fault


def ways(brokers: Iterable[str], enrolment: str | None, evidence: str | None = None) -> Iterator[Problem]:
    """The ways to a centre, with their ports; also of a bank whose sites share them."""
    first: dict[tuple[str, int], int] = {}
    for index, broker in enumerate(brokers):
        name = f"brokers[{index}]"
        try:
            where = parse_address(broker)
        except AddressError as error:
            yield ("brokers", index), said("{key} {fault}", key=name, fault=error.said)
            continue
        host = where[0].lower().rstrip("."), where[1]
        if host in first:  # no second way: the loss of one broker would be told as the loss of both
            owner = f"brokers[{first[host]}]"
            yield ("brokers", index), said("{key} is the same broker as {owner}", key=name, owner=owner)
        first.setdefault(host, index)
    for key, address in (("enrolment", enrolment), ("evidence", evidence)):
        if address is None:
            continue
        try:
            parse_address(address)
        except AddressError as error:
            yield (key,), said("{key} {fault}", key=key, fault=error.said)


def references(site: Site) -> Iterator[Problem]:
    """Whatever is named is defined."""
    doors, zones, cameras, recorders = (ids_of(site, each) for each in ("door", "zone", "camera", "recorder"))
    for index, interlock in enumerate(site.interlock):
        for each, door in enumerate(interlock.doors):
            if door not in doors:
                yield ("interlock", index, "doors", each), undefined("door", door, doors)
        if interlock.occupied_by is not None:
            family, _, zone = interlock.occupied_by.partition("/")
            if family != "zone":
                yield ("interlock", index, "occupied_by"), said('occupied_by must name a zone, like "zone/cash-motion"')
            elif zone not in zones:
                yield ("interlock", index, "occupied_by"), undefined("zone", zone, zones)
    for index, siren in enumerate(site.siren):
        for each, kind in enumerate(siren.on):
            if kind not in KINDS:
                yield ("siren", index, "on", each), undefined("kind", kind, KINDS)
    for index, partition in enumerate(site.partition):
        for each, zone in enumerate(partition.zones):
            if zone not in zones:
                yield ("partition", index, "zones", each), undefined("zone", zone, zones)
    for index, camera in enumerate(site.camera):
        if camera.recorder and camera.recorder.partition("/")[0] not in recorders:
            missing = camera.recorder.partition("/")[0]
            yield ("camera", index, "recorder"), undefined("recorder", missing, recorders)
    for index, area in enumerate(site.area):
        if area.camera not in cameras:
            yield ("area", index, "camera"), undefined("camera", area.camera, cameras)
        if area.two_people_while is not None and area.two_people_while not in doors:
            yield ("area", index, "two_people_while"), undefined("door", area.two_people_while, doors)


def belonging(site: Site) -> Iterator[Problem]:
    """A door belongs to one interlock, a zone to one partition, a lock says what current does."""
    for section, key, text in (
        ("interlock", "doors", N_('door "{member}" belongs to interlock "{owner}" already')),
        ("partition", "zones", N_('zone "{member}" belongs to partition "{owner}" already')),
    ):
        owners: dict[str, str] = {}
        for index, owner in enumerate(getattr(site, section)):
            for each, member in enumerate(getattr(owner, key)):
                if member in owners:
                    yield (section, index, key, each), said(text, member=member, owner=owners[member])
                owners.setdefault(member, owner.id)
    for index, door in enumerate(site.door):
        if door.lock and not door.lock_energised:
            yield (
                ("door", index, "lock"),
                said('lock needs lock_energised = "unlocked" or "locked": what it is under current is never guessed'),
            )
        if door.lock_energised and not door.lock:
            yield ("door", index, "lock_energised"), said("lock_energised is said, but no lock")
        if door.contact_counter and door.contact_latch:
            yield ("door", index, "contact_latch"), said("a contact has a counter or a latch, not both")
    for index, zone in enumerate(site.zone):
        if zone.input_counter and zone.input_latch:
            yield ("zone", index, "input_latch"), said("an input has a counter or a latch, not both")


def registers(site: Site) -> Iterator[Problem]:
    """A point stands in a table that can hold it, on a module that exists, alone."""
    modules, panels = ids_of(site, "io"), ids_of(site, "panel")
    seen: dict[str, Use] = {}
    for use in uses_of(site):
        device, table, number = use.text.split("/")
        if table == "zone":
            if device not in panels:
                yield use.path, undefined("panel", device, panels)
        elif table != "input" and device not in modules:
            yield use.path, undefined("io", device, modules)
        if int(number) > HIGHEST_NUMBER:
            yield use.path, said("{key} has a number above {highest}", key=use.key, highest=HIGHEST_NUMBER)
        if table not in {"zone", "input"} and Table(table) not in use.tables:
            fits = "/".join(use.tables)
            yield use.path, said("{key} must be in table {fits}, not {table}", key=use.key, fits=fits, table=table)
        if first := seen.get(use.text):
            both_outputs = use.output and first.output
            text = N_("register {register} is the {key} of {owner} already")
            if both_outputs:
                text = N_("output {register} is the {key} of {owner} already")
            yield use.path, said(text, register=use.text, key=first.key, owner=first.owner)
        seen.setdefault(use.text, use)


def durations(site: Site) -> Iterator[Problem]:
    """Every wait is within its limits."""
    for section, key, low, high in LIMITS:
        for index, item in enumerate(getattr(site, section)):
            value = getattr(item, key)
            if value is not None and not low <= value <= high:
                text = N_("{key} must be from {low} to {high}")
                yield (section, index, key), said(text, key=key, low=shown(low), high=shown(high))


CHECKS: Final[tuple[Callable[[Site], Iterator[Problem]], ...]] = (
    site_itself,
    ids,
    addresses,
    references,
    belonging,
    registers,
    durations,
    hours_and_days,
    partitions,
    ways_in,
    panels,
    zones,
    sirens,
    serial_lines,
    *eyes_checks.CHECKS,
)
