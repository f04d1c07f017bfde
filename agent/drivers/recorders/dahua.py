"""Dahua recorders as their HTTP API describes them: what to ask, what answers mean. Pure; not tried on hardware.

Written from the public documents of the CGI; adapter and tests know answers of that form only. Times are the
recorder's local time, which is the site's. Flow: http.py brings bytes -> here -> told.py.
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import Final

from agent.drivers.about import About
from agent.drivers.recorders.told import DisksTold, DiskTold, Stretch
from agent.drivers.trouble import DeviceError, Trouble

KIND: Final = "/cgi-bin/magicBox.cgi?action=getDeviceType"
SERIAL: Final = "/cgi-bin/magicBox.cgi?action=getSerialNo"
VERSION: Final = "/cgi-bin/magicBox.cgi?action=getSoftwareVersion"
TIME: Final = "/cgi-bin/global.cgi?action=getCurrentTime"
STORAGE: Final = "/cgi-bin/storageDevice.cgi?action=getDeviceAllInfo"
MODES: Final = "/cgi-bin/configManager.cgi?action=getConfig&name=RecordMode"
FINDER: Final = "/cgi-bin/mediaFileFind.cgi?action=factory.create"

PAGE: Final = 100
MAX_PAGES: Final = 20
MAX_LINES: Final = 20_000

_LINE: Final = re.compile(r"\s*([A-Za-z][\w.\[\]-]{0,200})\s*=\s*(.*?)\s*")
_STAMP: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{1,2}):(\d{1,2})")
_WELL: Final = frozenset({"success", "initializing", "running", "ok", "normal"})
OFF: Final = "2"
"""A channel's record mode: 0 by its schedule, 1 always, 2 never."""


def find_path(finder: str, number: int, begin: datetime, end: datetime, zone: tzinfo) -> str:
    """Have a finder look for a channel's files between two times."""
    return (
        f"/cgi-bin/mediaFileFind.cgi?action=findFile&object={finder}&condition.Channel={number}"
        f"&condition.StartTime={_stamp(begin, zone)}&condition.EndTime={_stamp(end, zone)}"
        "&condition.Types[0]=dav"
    )


def next_path(finder: str) -> str:
    """The next page of what it found."""
    return f"/cgi-bin/mediaFileFind.cgi?action=findNextFile&object={finder}&count={PAGE}"


def end_paths(finder: str) -> tuple[str, str]:
    """Let go of a finder: recorders have few."""
    path = "/cgi-bin/mediaFileFind.cgi?action="
    return f"{path}close&object={finder}", f"{path}destroy&object={finder}"


def playback_url(host: str, number: int, begin: datetime, end: datetime, zone: tzinfo) -> str:
    """Where a stretch of a channel plays; `host` as it stands in an address."""
    start, stop = (at.astimezone(zone).strftime("%Y_%m_%d_%H_%M_%S") for at in (begin, end))
    return f"rtsp://{host}:554/cam/playback?channel={number}&subtype=0&starttime={start}&endtime={stop}"


def table(answer: bytes) -> dict[str, str]:
    """Lines of `name=value`. Raises: DeviceError."""
    text = answer.decode("utf-8", "replace")
    if text.lstrip().startswith("<"):
        raise DeviceError(Trouble.BROKEN, "a page")
    found = {}
    for line in text.splitlines()[:MAX_LINES]:
        if match := _LINE.fullmatch(line):
            found[match[1]] = "".join(letter for letter in match[2][:256] if letter.isprintable())
    return found


def about(kind: bytes, serial: bytes, version: bytes) -> About:
    """Of KIND, SERIAL and VERSION. Raises: DeviceError."""
    return About(
        maker="Dahua",
        model=table(kind).get("type", "")[:64],
        serial=table(serial).get("sn", "")[:64],
        firmware=table(version).get("version", "")[:64],
    )


def clock(answer: bytes, zone: tzinfo) -> datetime | None:
    """The recorder's time, of TIME. Raises: DeviceError."""
    return _time(table(answer).get("result", ""), zone)


def finder(answer: bytes) -> str:
    """The name of a new finder, of FINDER. Raises: DeviceError."""
    name = table(answer).get("result", "")
    if not re.fullmatch(r"[0-9A-Za-z]{1,32}", name):
        raise DeviceError(Trouble.BUSY, "no finder")
    return name


def files(answer: bytes, number: int, zone: tzinfo) -> tuple[list[Stretch], bool]:
    """The files of one page, and whether more may follow. Raises: DeviceError."""
    told = table(answer)
    listed = sorted({int(match[1]) for name in told if (match := re.match(r"items\[(\d{1,4})\]\.", name))})
    found = []
    for index in listed[:PAGE]:
        begin = _time(told.get(f"items[{index}].StartTime", ""), zone)
        end = _time(told.get(f"items[{index}].EndTime", ""), zone)
        channel = told.get(f"items[{index}].Channel", "")
        if begin and end and begin < end and channel in {"", str(number), str(number - 1)}:
            found.append(Stretch(begin=begin, end=end))
    return found, len(listed) >= PAGE


def modes(answer: bytes) -> dict[int, bool]:
    """Channel (from 1) -> whether it may record at all, of MODES. Raises: DeviceError."""
    found = {}
    for name, value in table(answer).items():
        if match := re.fullmatch(r"(?:table\.)?RecordMode\[(\d{1,3})\]\.Mode", name):
            found[int(match[1]) + 1] = value != OFF
    return found


def disks(answer: bytes) -> DisksTold:
    """Of STORAGE. Whether old pictures make room is not said. Raises: DeviceError."""
    told = table(answer)
    found = []
    for index in sorted({int(match[1]) for name in told if (match := re.match(r"list\.info\[(\d{1,2})\]\.", name))}):
        head = f"list.info[{index}]."
        details = [
            value for name, value in told.items() if re.fullmatch(rf"{re.escape(head)}Detail\[\d+\]\.IsError", name)
        ]
        state = told.get(f"{head}State", "")
        faulty = any(value.lower() == "true" for value in details)
        well = not faulty and (not state or state.lower() in _WELL)
        name = told.get(f"{head}Name", "") or str(index)
        found.append(
            DiskTold(name=name[:32], well=well, state="error" if faulty else state[:32], full=_full(told, head))
        )
    return DisksTold(disks=tuple(found))


def _full(told: dict[str, str], head: str) -> bool | None:
    total = used = 0.0
    for name, value in told.items():
        if name.startswith(f"{head}Detail[") and re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,6})?", value):
            total += float(value) if name.endswith(".TotalBytes") else 0.0
            used += float(value) if name.endswith(".UsedBytes") else 0.0
    return used >= 0.98 * total if total else None


def _time(text: str, zone: tzinfo) -> datetime | None:
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        return None
    try:
        at = datetime(*(int(part) for part in match.groups()), tzinfo=zone)  # type: ignore[misc,arg-type]
        return at.astimezone(UTC) if 1990 <= at.year <= 2200 else None
    except (ValueError, OverflowError):
        return None


def _stamp(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{local.year}-{local.month}-{local.day}%20{local:%H:%M:%S}"
