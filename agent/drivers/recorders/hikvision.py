"""Hikvision recorders as ISAPI describes them: what to ask, and what the answers mean. Pure; not tried on hardware.

Written from the public ISAPI documents; adapter and tests know answers of that form only. Channel N's main track is
N01. Search times end in `Z` and are, with most firmware, the recorder's local time all the same: which it is shows by
the newest picture. Flow: http.py brings bytes -> here -> told.py.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from xml.sax.saxutils import escape

from agent.drivers.about import About
from agent.drivers.recorders.told import DisksTold, DiskTold, Stretch
from agent.drivers.safe_xml import Element, XmlError, every, local, parse, said
from agent.drivers.trouble import DeviceError, Trouble

ABOUT: Final = "/ISAPI/System/deviceInfo"
TIME: Final = "/ISAPI/System/time"
STORAGE: Final = "/ISAPI/ContentMgmt/Storage"
TRACKS: Final = "/ISAPI/ContentMgmt/record/tracks"
INPUTS: Final = "/ISAPI/ContentMgmt/InputProxy/channels/status"
SEARCH: Final = "/ISAPI/ContentMgmt/search"

PAGE: Final = 40
MAX_PAGES: Final = 50
"""Of one search: two thousand files are weeks of one channel in half-hour files."""

NEAR: Final = timedelta(minutes=30)
"""A newest picture within this of the recorder's own time tells which time its `Z` is."""

_WELL: Final = frozenset({"ok", "normal", "idle", "sleeping", "dormant", "initializing", "formatting", "formating"})
_MONTHS: Final = 60


def track(number: int) -> int:
    """The main track of a channel."""
    return number * 100 + 1


def days_path(number: int) -> str:
    """Where the days of a month with pictures are asked for."""
    return f"/ISAPI/ContentMgmt/record/tracks/{track(number)}/dailyDistribution"


def days_body(year: int, month: int) -> bytes:
    """Which month."""
    return (
        f'<trackDailyParam version="1.0"><year>{year}</year><monthOfYear>{month}</monthOfYear></trackDailyParam>'
    ).encode()


def search_body(number: int, begin: datetime, end: datetime, identity: str, position: int = 0) -> bytes:
    """One page of what there is of a channel between two times, which stand as the recorder reads its `Z`.

    `identity`: a UUID in braces, the same for all pages.
    """
    return (
        '<CMSearchDescription version="1.0">'  # some firmware takes neither a declaration nor a missing version
        f"<searchID>{escape(identity)}</searchID><trackList><trackID>{track(number)}</trackID></trackList>"
        f"<timeSpanList><timeSpan><startTime>{_z(begin)}</startTime><endTime>{_z(end)}</endTime></timeSpan>"
        f"</timeSpanList><maxResults>{PAGE}</maxResults><searchResultPostion>{position}</searchResultPostion>"
        "<metadataList><metadataDescriptor>//recordType.meta.std-cgi.com</metadataDescriptor></metadataList>"
        "</CMSearchDescription>"
    ).encode()


def playback_url(host: str, number: int, begin: datetime, end: datetime) -> str:
    """Where a stretch of a channel plays; `host` as it stands in an address."""
    return (
        f"rtsp://{host}:554/Streaming/tracks/{track(number)}"
        f"?starttime={begin:%Y%m%dT%H%M%S}Z&endtime={end:%Y%m%dT%H%M%S}Z"
    )


def about(answer: bytes) -> About:
    """Of ABOUT. Raises: DeviceError."""
    root = _root(answer)
    return About(
        maker="Hikvision",
        model=said(root, "model", limit=64),
        firmware=said(root, "firmwareVersion", limit=64),
        serial=said(root, "serialNumber", limit=64),
    )


def clock(answer: bytes, site: tzinfo) -> tuple[datetime, tzinfo] | None:
    """The recorder's time, and the offset from UTC by which it counts; of TIME. Raises: DeviceError."""
    root = _root(answer)
    text = said(root, "localTime", limit=40)
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    if told.tzinfo is not None and not text.endswith("Z"):
        return told.astimezone(UTC), timezone(told.utcoffset() or timedelta(0))
    zone = _posix_offset(said(root, "timeZone", limit=64)) or site
    try:
        return told.replace(tzinfo=zone).astimezone(UTC), zone
    except (OverflowError, ValueError):
        return None


def disks(storage: bytes, tracks: bytes | None) -> DisksTold:
    """Of STORAGE, and of TRACKS whether old pictures make room. Raises: DeviceError."""
    root = _root(storage)
    found = []
    for each in [*every(root, "hdd"), *every(root, "nas")][:64]:
        state = said(each, "status", limit=32)
        name = said(each, "hddName", limit=32) or said(each, "path", limit=32) or said(each, "id", limit=16)
        capacity, free = _number(said(each, "capacity")), _number(said(each, "freeSpace"))
        full = free * 50 <= capacity if capacity and free is not None else None
        found.append(DiskTold(name=name, well=state.lower() in _WELL, state=state, full=full))
    loops = None
    if tracks is not None:
        told = [(each.text or "").strip().lower() for each in every(_root(tracks), "LoopEnable")]
        loops = "true" in told if told else None
    return DisksTold(disks=tuple(found), loops=loops)


def inputs(answer: bytes) -> dict[int, bool]:
    """Channel -> whether its camera is there, of INPUTS. Raises: DeviceError."""
    found = {}
    for each in every(_root(answer), "InputProxyChannelStatus"):
        number = _number(said(each, "id"))
        if number is not None:
            found[number] = said(each, "online").lower() == "true"
    return found


def days(answer: bytes) -> tuple[int, ...]:
    """Days of the month with pictures, of what answers `days_body`. Raises: DeviceError."""
    found = []
    for each in every(_root(answer), "day"):
        number = _number(said(each, "dayOfMonth"))
        if number is not None and 1 <= number <= 31 and said(each, "record").lower() == "true":
            found.append(number)
    return tuple(sorted(set(found)))


def matches(answer: bytes) -> tuple[list[tuple[datetime, datetime]], bool]:
    """The spans of one page as they stand, and whether more follow. Raises: DeviceError."""
    root = _root(answer)
    spans = []
    for each in every(root, "timeSpan"):
        begin, end = _time(said(each, "startTime", limit=40)), _time(said(each, "endTime", limit=40))
        if begin is not None and end is not None and begin < end:
            spans.append((begin, end))
    states = [(each.text or "").strip().upper() for each in root.iter() if local(each) == "responseStatusStrg"]
    return spans[:PAGE], "MORE" in states and bool(spans)


def reads_local(newest: datetime, told: datetime, zone: tzinfo) -> bool:
    """Whether a search's `Z` is local time, by the newest picture (as it stands) of a recorder that records now.

    `told` is the recorder's own time. Local time is what most do, so it is the answer where nothing else is near.
    """
    utc = told.astimezone(UTC).replace(tzinfo=None)
    own = told.astimezone(zone).replace(tzinfo=None)
    stands = newest.replace(tzinfo=None)
    return not (abs(stands - utc) <= NEAR < abs(stands - own))


def stretches(spans: Iterable[tuple[datetime, datetime]], zone: tzinfo, *, local_z: bool) -> list[Stretch]:
    """Spans as real times."""
    return [Stretch(begin=_real(begin, zone, local_z), end=_real(end, zone, local_z)) for begin, end in spans]


def asked(at: datetime, zone: tzinfo, *, local_z: bool) -> datetime:
    """A real time as it must stand in a search."""
    return at.astimezone(zone if local_z else UTC)


def months_back(told: datetime) -> list[tuple[int, int]]:
    """Year and month of this and earlier months, newest first."""
    year, month = told.year, told.month
    found = []
    for _ in range(_MONTHS):
        found.append((year, month))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return found


def _root(answer: bytes) -> Element:
    try:
        return parse(answer)
    except XmlError as error:
        raise DeviceError(Trouble.BROKEN, str(error)) from None


def _real(at: datetime, zone: tzinfo, local_z: bool) -> datetime:
    if at.tzinfo is not None and at.utcoffset() != timedelta(0):
        return at.astimezone(UTC)
    return at.replace(tzinfo=zone if local_z else UTC).astimezone(UTC)


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if 1990 <= at.year <= 2200 else None


def _z(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else None


def _posix_offset(text: str) -> tzinfo | None:
    """`CST-8:00:00` is eight hours ahead of UTC; daylight saving behind it is not understood, and then nothing is."""
    match = re.fullmatch(r"[A-Za-z]{3,}([+-]?)([0-9]{1,2})(?::([0-9]{2}))?(?::[0-9]{2})?", text)
    if match is None or int(match[2]) > 14:
        return None
    ahead = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return timezone(ahead if match[1] == "-" else -ahead)
