"""What only the whole site file can tell: references, duplicates, and values that do not go together. Pure.

Each check yields `(path, sentence)`; the reader places them. A new rule is a new generator in `CHECKS`. Where the file
has a wrong value an empty one stands in its stead: a check must bear it, what it says of that place is not told.
"""

import zoneinfo
from collections.abc import Callable, Iterable, Iterator
from datetime import time, timedelta
from typing import Any, Final

from agent.config.addresses import parse_address
from agent.config.registers import Use, uses_of
from agent.config.site import Site
from agent.config.template import TEMPLATES
from agent.drivers.modbus.config import HIGHEST_NUMBER, MODBUS_PORT, Table
from protocol.kinds import KINDS
from protocol.settings import Problem, did_you_mean

SECTIONS: Final = ("io", "door", "interlock", "siren", "panel", "zone", "partition", "recorder", "camera", "area")
LIMITS: Final[tuple[tuple[str, str, timedelta, timedelta], ...]] = (
    ("door", "debounce", timedelta(0), timedelta(seconds=5)),
    ("door", "release_for", timedelta(seconds=1), timedelta(seconds=60)),
    ("door", "request_grace", timedelta(seconds=1), timedelta(seconds=60)),
    ("door", "held_open_after", timedelta(seconds=1), timedelta(hours=12)),
    ("interlock", "tolerance", timedelta(0), timedelta(seconds=60)),
    ("siren", "sound_for", timedelta(seconds=1), timedelta(hours=1)),
    ("zone", "debounce", timedelta(0), timedelta(seconds=5)),
    ("partition", "exit_delay", timedelta(0), timedelta(minutes=5)),
    ("partition", "entry_delay", timedelta(0), timedelta(minutes=5)),
    ("recorder", "keep", timedelta(days=30), timedelta(days=730)),  # DOMAIN section 2: floor 30 d
    ("area", "grace", timedelta(seconds=3), timedelta(seconds=30)),  # DOMAIN section 2: 3-30 s
    ("area", "loitering_after", timedelta(seconds=1), timedelta(hours=12)),
)
"""What a duration may be, by section and key."""


def site_itself(site: Site) -> Iterator[Problem]:
    """Template, time zone, opening hours, silence."""
    if site.template not in TEMPLATES:
        yield ("template",), _undefined("template", site.template, TEMPLATES)
    try:
        zoneinfo.ZoneInfo(site.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = did_you_mean(site.timezone, zoneinfo.available_timezones())
        yield ("timezone",), f'time zone "{site.timezone}" is not known{near}'
    if site.silent_after and not 3 * site.beat_every <= site.silent_after <= timedelta(seconds=300):
        lowest = (3 * site.beat_every).total_seconds()
        yield ("silent_after",), f"silent_after must be from {lowest:g}s (three beats) to 300s"
    for key in ("weekdays", "weekends", "arm_by"):
        text = getattr(site.opening, key) if site.opening else None
        if text and not _sound_hours(text):
            rule = "must name real times, the first before the second" if "-" in text else "must be a time of day"
            yield ("opening", key), f"{key} {rule}"


def ids(site: Site) -> Iterator[Problem]:
    """An id stands once in its section; modules, panels and recorders share the names that points begin with."""
    shared = ("io", "panel", "recorder")
    for sections in (shared, *((each,) for each in SECTIONS if each not in shared)):
        seen: dict[str, str] = {}
        for section in sections:
            for index, item in enumerate(getattr(site, section)):
                if item.id in seen:
                    yield (section, index, "id"), f'id "{item.id}" is taken already by a [[{seen[item.id]}]] above'
                seen.setdefault(item.id, section)


def addresses(site: Site) -> Iterator[Problem]:
    """Every address can be read, and no two devices stand at one."""
    seen: dict[tuple[str, int, int | None], str] = {}
    for section, port in (("io", MODBUS_PORT), ("recorder", 80), ("camera", 80)):
        for index, item in enumerate(getattr(site, section)):
            try:
                host = parse_address(item.address, port)
            except ValueError as error:
                yield (section, index, "address"), f"address {error}"
                continue
            key = (*host, getattr(item, "unit_id", None))
            if key in seen:
                also = " and unit" if section == "io" else ""
                yield (section, index, "address"), f"address{also} is that of [[{section}]] {seen[key]} already"
            seen.setdefault(key, item.id)
    for index, broker in enumerate(site.centre.brokers if site.centre else ()):
        try:
            parse_address(broker)
        except ValueError as error:
            yield ("centre", "brokers", index), f"brokers[{index}] {error}"


def references(site: Site) -> Iterator[Problem]:
    """Whatever is named is defined."""
    doors, zones, cameras, recorders = (_ids(site, each) for each in ("door", "zone", "camera", "recorder"))
    for index, interlock in enumerate(site.interlock):
        for each, door in enumerate(interlock.doors):
            if door not in doors:
                yield ("interlock", index, "doors", each), _undefined("door", door, doors)
        if interlock.occupied_by is not None:
            family, _, zone = interlock.occupied_by.partition("/")
            if family != "zone":
                yield ("interlock", index, "occupied_by"), 'occupied_by must name a zone, like "zone/cash-motion"'
            elif zone not in zones:
                yield ("interlock", index, "occupied_by"), _undefined("zone", zone, zones)
    for index, siren in enumerate(site.siren):
        for each, kind in enumerate(siren.on):
            if kind not in KINDS:
                yield ("siren", index, "on", each), _undefined("kind", kind, KINDS)
    for index, partition in enumerate(site.partition):
        for each, zone in enumerate(partition.zones):
            if zone not in zones:
                yield ("partition", index, "zones", each), _undefined("zone", zone, zones)
    for index, camera in enumerate(site.camera):
        if camera.recorder and camera.recorder.partition("/")[0] not in recorders:
            missing = camera.recorder.partition("/")[0]
            yield ("camera", index, "recorder"), _undefined("recorder", missing, recorders)
    for index, area in enumerate(site.area):
        if area.camera not in cameras:
            yield ("area", index, "camera"), _undefined("camera", area.camera, cameras)
        if area.two_people_while is not None and area.two_people_while not in doors:
            yield ("area", index, "two_people_while"), _undefined("door", area.two_people_while, doors)


def belonging(site: Site) -> Iterator[Problem]:
    """A door belongs to one interlock, a zone to one partition, a lock says what current does."""
    for section, key, word in (("interlock", "doors", "door"), ("partition", "zones", "zone")):
        owners: dict[str, str] = {}
        for index, owner in enumerate(getattr(site, section)):
            for each, member in enumerate(getattr(owner, key)):
                if member in owners:
                    yield (
                        (section, index, key, each),
                        f'{word} "{member}" belongs to {section} "{owners[member]}" already',
                    )
                owners.setdefault(member, owner.id)
    for index, door in enumerate(site.door):
        if door.lock and not door.lock_energised:
            sentence = 'lock needs lock_energised = "unlocked" or "locked": what it is under current is never guessed'
            yield ("door", index, "lock"), sentence
        if door.lock_energised and not door.lock:
            yield ("door", index, "lock_energised"), "lock_energised is said, but no lock"
        if door.contact_counter and door.contact_latch:
            yield ("door", index, "contact_latch"), "a contact has a counter or a latch, not both"
    for index, zone in enumerate(site.zone):
        if zone.input_counter and zone.input_latch:
            yield ("zone", index, "input_latch"), "an input has a counter or a latch, not both"


def registers(site: Site) -> Iterator[Problem]:
    """A point stands in a table that can hold it, on a module that exists, alone."""
    modules, panels = _ids(site, "io"), _ids(site, "panel")
    seen: dict[str, Use] = {}
    for use in uses_of(site):
        device, table, number = use.text.split("/")
        if table == "zone":
            if device not in panels:
                yield use.path, _undefined("panel", device, panels)
        elif device not in modules:
            yield use.path, _undefined("io", device, modules)
        if int(number) > HIGHEST_NUMBER:
            yield use.path, f"{use.key} has a number above {HIGHEST_NUMBER}"
        if table != "zone" and Table(table) not in use.tables:
            yield use.path, f"{use.key} must be in table {' or '.join(use.tables)}, not {table}"
        if first := seen.get(use.text):
            both_outputs = use.output and first.output
            what = "output" if both_outputs else "register"
            yield use.path, f"{what} {use.text} is the {first.key} of {first.owner} already"
        seen.setdefault(use.text, use)


def durations(site: Site) -> Iterator[Problem]:
    """Every wait is within its limits."""
    for section, key, low, high in LIMITS:
        for index, item in enumerate(getattr(site, section)):
            value = getattr(item, key)
            if value is not None and not low <= value <= high:
                yield (section, index, key), f"{key} must be from {_text(low)} to {_text(high)}"


CHECKS: Final[tuple[Callable[[Site], Iterator[Problem]], ...]] = (
    site_itself,
    ids,
    addresses,
    references,
    belonging,
    registers,
    durations,
)


def _ids(site: Site, section: str) -> set[str]:
    items: Iterable[Any] = getattr(site, section)
    return {item.id for item in items}


def _undefined(word: str, name: str, known: Iterable[str]) -> str:
    return f'{word} "{name}" is not defined{did_you_mean(name, known)}'


def _sound_hours(text: str) -> bool:
    try:
        times = [time.fromisoformat(each) for each in text.split("-")]
    except ValueError:
        return False
    return len(times) == 1 or times[0] < times[1]


def _text(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and not seconds % length:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"
