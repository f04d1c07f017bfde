"""What an ONVIF device is, and what its clock says. Pure.

Flow: client.py -> here -> the asker's words and `agent probe`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from agent.drivers.about import About
from agent.drivers.onvif.answers import field, items, moment, number, text


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One way of its to send a picture. Zero and empty: it does not say."""

    token: str
    name: str = ""
    source: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    fps: int = 0
    kbps: int = 0
    ptz: bool = False


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A place that a camera moves to by name."""

    token: str
    name: str = ""


SERVICES: Final[Mapping[str, str]] = {
    "http://www.onvif.org/ver10/device/wsdl": "devicemgmt",
    "http://www.onvif.org/ver10/media/wsdl": "media",
    "http://www.onvif.org/ver20/ptz/wsdl": "ptz",
    "http://www.onvif.org/ver10/deviceIO/wsdl": "deviceio",
    "http://www.onvif.org/ver10/events/wsdl": "events",
    "http://www.onvif.org/ver10/recording/wsdl": "recording",
    "http://www.onvif.org/ver10/search/wsdl": "search",
    "http://www.onvif.org/ver10/replay/wsdl": "replay",
}
"""Namespace -> the service's name here; others are not asked."""

_CAPABILITIES: Final = {"Media": "media", "PTZ": "ptz", "Events": "events"}
_EXTENSIONS: Final = {"DeviceIO": "deviceio", "Recording": "recording", "Search": "search", "Replay": "replay"}


def device(answer: object) -> About:
    """Of GetDeviceInformation."""
    return About(
        maker=text(field(answer, "Manufacturer"), 64),
        model=text(field(answer, "Model"), 64),
        firmware=text(field(answer, "FirmwareVersion"), 64),
        serial=text(field(answer, "SerialNumber"), 64),
    )


def clock(answer: object) -> datetime | None:
    """Of GetSystemDateAndTime: UTC; where a device gives only its local time, that time is no help."""
    told = field(answer, "UTCDateTime") or field(answer, "SystemDateAndTime", "UTCDateTime")
    parts = [number(field(told, "Date", part)) for part in ("Year", "Month", "Day")]
    parts += [number(field(told, "Time", part)) for part in ("Hour", "Minute", "Second")]
    if any(part is None for part in parts):
        return None
    year, month, day, hour, minute, second = (part or 0 for part in parts)
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)  # 60: a leap second
    except (ValueError, OverflowError):
        return None


def offset(said: datetime, asked: datetime, answered: datetime) -> timedelta:
    """How far a clock is ahead of ours, by an answer between two of our times; it counts whole seconds."""
    return said + timedelta(milliseconds=500) - (asked + (answered - asked) / 2)


def services(answer: object) -> dict[str, str]:
    """Service's name -> its address, of GetServices or GetCapabilities, as the device says it."""
    found: dict[str, str] = {}
    for each in items(answer):
        name = SERVICES.get(text(field(each, "Namespace")))
        address = text(field(each, "XAddr"), 512)
        if name and address:
            found[name] = address
    if isinstance(answer, Mapping):
        for table, names in ((answer, _CAPABILITIES), (field(answer, "Extension"), _EXTENSIONS)):
            for key, name in names.items():
                if address := text(field(table, key, "XAddr"), 512):
                    found.setdefault(name, address)
    return found


def profiles(answer: object) -> tuple[Profile, ...]:
    """Of GetProfiles; those without a token cannot be asked for."""
    return tuple(_profile(each) for each in items(answer) if text(field(each, "token"), 64))


def presets(answer: object) -> tuple[Preset, ...]:
    """Of GetPresets."""
    return tuple(
        Preset(token=token, name=text(field(each, "Name"), 64))
        for each in items(answer)
        if (token := text(field(each, "token"), 64))
    )


def inputs(answer: object) -> tuple[str, ...]:
    """Tokens of GetDigitalInputs, in the device's own order: the first is input 1."""
    return tuple(token for each in items(answer) if (token := text(field(each, "token"), 64)))


def terms(answer: object) -> tuple[datetime | None, datetime | None]:
    """The device's own time and the end of a subscription, of a subscription or its renewal."""
    return moment(field(answer, "CurrentTime")), moment(field(answer, "TerminationTime"))


def _profile(answer: Any) -> Profile:
    encoder = field(answer, "VideoEncoderConfiguration")
    return Profile(
        token=text(field(answer, "token"), 64),
        name=text(field(answer, "Name"), 64),
        source=text(field(answer, "VideoSourceConfiguration", "SourceToken"), 64),
        codec=text(field(encoder, "Encoding"), 16).upper(),
        width=_size(field(encoder, "Resolution", "Width")),
        height=_size(field(encoder, "Resolution", "Height")),
        fps=_size(field(encoder, "RateControl", "FrameRateLimit")),
        kbps=_size(field(encoder, "RateControl", "BitrateLimit")),
        ptz=field(answer, "PTZConfiguration") is not None,
    )


def _size(answer: object) -> int:
    value = number(answer)
    return value if value is not None and 0 < value <= 1_000_000 else 0
