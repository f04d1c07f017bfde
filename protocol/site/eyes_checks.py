"""Cameras, areas and what is kept of pictures: what only the whole site file can tell of them. Pure.

Each check yields `(path, sentence)`, as those of checks.py, which calls them. No sentence repeats an address that may
hold a password.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from protocol.settings import Path, Problem
from protocol.site.addresses import AddressError, parse_address
from protocol.site.hours_checks import limited
from protocol.site.naming import ids_of, shown, undefined
from protocol.site.polygons import polygon_fault
from protocol.site.schema import Area, Camera, Site
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

RTSP_PORTS: Final = {"rtsp": 554, "rtsps": 322}

FAMILIES: Final = {
    **dict.fromkeys(("door", "lock", "exit", "key"), "door"),
    **dict.fromkeys(("interlock", "release"), "interlock"),
    "zone": "zone",
    "partition": "partition",
    "keyswitch": "keyswitch",
}
"""What `shows` may name, and the section that defines it; outputs and devices have several."""
_OUTPUTS: Final = ("siren", "buzzer", "output")
_DEVICES: Final = ("io", "panel", "recorder")

KEPT: Final[tuple[tuple[str, timedelta, timedelta], ...]] = (
    ("keep", timedelta(days=30), timedelta(days=730)),
    ("keep_routine", timedelta(days=1), timedelta(days=730)),
    ("before", timedelta(0), timedelta(seconds=60)),
    ("after", timedelta(0), timedelta(seconds=120)),
)
"""What the durations of `[evidence]` may be."""

_URL: Final = re.compile(r"(rtsps?)://([^/?#]+)(?:[/?#].*)?", re.DOTALL)
_PASSWORD_IN_PATH: Final = re.compile(r"(?i)(?:user(?:name)?|pass(?:word|wd)?|pwd)=")


def cameras(site: Site) -> Iterator[Problem]:
    """Addresses without passwords, each stream and recorder channel once, masks that cover something."""
    recorders: dict[str, str] = {}
    streams: dict[str, str] = {}
    for index, camera in enumerate(site.camera):
        place: Path = ("camera", index)
        yield from (((*place, *path), fault) for path, fault in _stream(camera))
        if camera.protocol == "rtsp" and camera.address:
            if camera.address in streams:
                text = N_("address is that of {owner} already")
                yield (*place, "address"), said(text, owner=f"[[camera]] {streams[camera.address]}")
            streams.setdefault(camera.address, camera.id)
        if camera.recorder is not None:
            if camera.recorder in recorders:
                text = N_("recorder channel {channel} is that of [[camera]] {name} already")
                yield (*place, "recorder"), said(text, channel=camera.recorder, name=recorders[camera.recorder])
            recorders.setdefault(camera.recorder, camera.id)
        if camera.records_on_alarm is not None:
            if camera.recorder is None:
                yield (*place, "records_on_alarm"), said("records_on_alarm is said, but no recorder")
            elif wrong := limited(camera.records_on_alarm, "records_on_alarm"):
                yield (*place, "records_on_alarm"), wrong
        for each, polygon in enumerate(camera.mask):
            if fault := polygon_fault(polygon):
                yield (*place, "mask", each), said(fault, key=f"mask[{each}]")
        for key in ("watch", "shows"):
            for each, name in enumerate(getattr(camera, key)):
                if name in getattr(camera, key)[:each]:
                    yield (*place, key, each), said('"{name}" is named twice', name=name)


def shown_sources(site: Site) -> Iterator[Problem]:
    """What a camera pictures is there."""
    for index, camera in enumerate(site.camera):
        for each, source in enumerate(camera.shows):
            if fault := _source_fault(site, source):
                yield ("camera", index, "shows", each), fault


def camera_inputs(site: Site) -> Iterator[Problem]:
    """A zone at a camera's input: the camera is there and is asked for its events."""
    known = {camera.id: camera for camera in site.camera}
    for index, zone in enumerate(site.zone):
        name, _, rest = zone.input.partition("/")
        if not rest.startswith("input/"):
            continue
        place: Path = ("zone", index, "input")
        if name not in known:
            yield place, undefined("camera", name, known)
        elif known[name].protocol != "onvif" or not known[name].events:
            text = N_('[[camera]] {name} tells no inputs: it needs protocol = "onvif" and events')
            yield place, said(text, name=name)


def areas(site: Site) -> Iterator[Problem]:
    """Polygons that hold something, rules that go together, and a camera that looks for what they need."""
    watch = {camera.id: camera.watch for camera in site.camera}
    announcements, partitions = ids_of(site, "announcement"), ids_of(site, "partition")
    doors = {door.id: door for door in site.door}
    for index, area in enumerate(site.area):
        place: Path = ("area", index)
        if fault := polygon_fault(area.polygon):
            yield (*place, "polygon"), said(fault, key="polygon")
        yield from (((*place, *path), said_fault) for path, said_fault in _together(area, site))
        if area.speak is not None and area.speak not in announcements:
            yield (*place, "speak"), undefined("announcement", area.speak, announcements)
        if area.partition is not None and area.partition not in partitions:
            yield (*place, "partition"), undefined("partition", area.partition, partitions)
        for key in ("tailgating_at", "truck_while"):  # two_people_while is judged with the other references
            if (door := getattr(area, key)) is not None and door not in doors:
                yield (*place, key), undefined("door", door, doors)
        gate = doors.get(area.tailgating_at or "")
        if gate is not None and not (gate.lock or gate.exit_button or gate.mechanical_key):
            text = N_('door "{name}" has no lock, exit_button or mechanical_key: nobody knows who was let in')
            yield (*place, "tailgating_at"), said(text, name=gate.id)
        for word, needed_by in (("people", _of_people(area)), ("picture", ["fascia"] if area.fascia else [])):
            if needed_by and word not in watch.get(area.camera, (word,)):
                text = N_('{key} needs "{word}" in watch of [[camera]] {name}')
                yield (*place, needed_by[0]), said(text, key=needed_by[0], word=word, name=area.camera)


def evidence(site: Site) -> Iterator[Problem]:
    """How long pictures are kept, and where they go."""
    for key, low, high in KEPT:
        if not low <= getattr(site.evidence, key) <= high:
            text = N_("{key} must be from {low} to {high}")
            yield ("evidence", key), said(text, key=key, low=shown(low), high=shown(high))
    if site.evidence.before + site.evidence.after < timedelta(seconds=1):
        yield ("evidence", "after"), said("before and after together make no clip: name at least 1s")
    if site.centre is not None and site.centre.evidence is not None:
        try:
            parse_address(site.centre.evidence)
        except AddressError as error:
            yield ("centre", "evidence"), said("{key} {fault}", key="evidence", fault=error.said)


def rtsp_host(address: str) -> tuple[str, int]:
    """Host and port of an RTSP address.

    Raises:
        AddressError: it is none, or holds a name or a password.
    """
    found = _URL.fullmatch(address)
    if found is None or any(not letter.isprintable() or letter.isspace() for letter in address):
        raise AddressError(N_('must be an address like "rtsp://192.0.2.23:554/stream2"'))
    if "@" in found[2] or _PASSWORD_IN_PATH.search(address):
        raise AddressError(N_("holds a name or a password: these stand in the secret that login names"))
    return parse_address(found[2], RTSP_PORTS[found[1]])


def _stream(camera: Camera) -> Iterator[Problem]:
    own = camera.stream not in {"sub", "main", ""}
    if camera.protocol == "rtsp" and own:
        yield ("stream",), said('stream is said, but address is the stream already where protocol = "rtsp"')
    for key, address in (("address", camera.address if camera.protocol == "rtsp" else ""), ("stream", camera.stream)):
        if address and (key == "address" or own):
            try:
                rtsp_host(address)
            except AddressError as error:
                yield (key,), said("{key} {fault}", key=key, fault=error.said)


def _source_fault(site: Site, source: str) -> Said | None:
    family, _, name = source.partition("/")
    if family in FAMILIES:
        known = ids_of(site, FAMILIES[family])
        return None if name in known else undefined(FAMILIES[family], name, known)
    several = {"output": _OUTPUTS, "device": _DEVICES}.get(family)
    if several is None:
        text = N_('shows must name what events are about, like "door/vault", "zone/counter-1" or "partition/cash"')
        return said(text)
    known = frozenset().union(*(ids_of(site, section) for section in several))
    return None if name in known else undefined(family, name, known)


def _together(area: Area, site: Site) -> Iterator[Problem]:
    """Keys that need each other, or something elsewhere in the file."""
    for key, is_said, needed, there in (
        ("speak", area.speak is not None, "loitering_after", area.loitering_after is not None),
        ("speak_wait", area.speak_wait != _PLAIN.speak_wait, "speak", area.speak is not None),
        ("partition", area.partition is not None, "after_hours", area.after_hours),
        ("crowd_after", area.crowd_after != _PLAIN.crowd_after, "crowd_over", area.crowd_over is not None),
        (
            "grace",
            area.grace != _PLAIN.grace,
            "two_people_while, truck_while",
            bool(area.two_people_while or area.truck_while),
        ),
        ("speak", area.speak is not None, "[loudspeaker]", site.loudspeaker is not None),
        ("post_empty_after", area.post_empty_after is not None, "[opening]", site.opening is not None),
    ):
        if is_said and not there:
            yield (key,), said("{key} is said, but no {needed}", key=key, needed=needed)
    if area.after_hours and area.partition is None and site.opening is None:
        yield ("after_hours",), said("after_hours needs a partition, or [opening]: nobody knows when it is closed")
    if not (_of_people(area) or area.fascia) and area.camera:
        yield ("id",), said("no rule: nothing is watched in it; name one, like loitering_after")


def _of_people(area: Area) -> list[str]:
    """The rules that need somebody, or a vehicle, to be found in the picture."""
    rules = {
        "loitering_after": area.loitering_after is not None,
        "after_hours": area.after_hours,
        "restricted": area.restricted,
        "post_empty_after": area.post_empty_after is not None,
        "crowd_over": area.crowd_over is not None,
        "two_people_while": area.two_people_while is not None,
        "tailgating_at": area.tailgating_at is not None,
        "bay": area.bay,
        "truck_while": area.truck_while is not None,
    }
    return [rule for rule, is_said in rules.items() if is_said]


_PLAIN: Final = Area(id="plain", camera="plain", polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)))
"""What an area is where nothing else is said."""


CHECKS: Final = (cameras, shown_sources, camera_inputs, areas, evidence)
