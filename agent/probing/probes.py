"""One look at a camera, a stream or a recorder: what it is, what it can, and at which step it goes wrong. One login.

Gives plain values for `probe_words.py`, which says them; the keys are those of `--json`. A step that goes wrong ends
the look only where the others cannot go on. Flow: probe_words.py -> here -> agent/drivers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from agent.drivers.asking.recorder import make
from agent.drivers.asking.words import AskRecorder, LogIn, Make
from agent.drivers.onvif import leases, topics
from agent.drivers.onvif.device import OnvifDevice
from agent.drivers.onvif.streams import chosen
from agent.drivers.recorders.profile_g import ProfileG
from agent.drivers.recorders.told import Recorder
from agent.drivers.rtsp.describe import RtspError, describe
from agent.drivers.trouble import DeviceError, Trouble
from protocol.timestamps import format_time

LISTEN_S: Final = 3
END: Final = frozenset({Trouble.UNREACHABLE, Trouble.SILENT, Trouble.LOGIN_REFUSED})
"""Troubles after which nothing else is asked: the device is not there, or another try would cost the account."""

Seen = dict[str, Any]
"""What was seen, by `--json`'s keys; `troubles`: steps that went wrong."""


async def onvif(host: str, port: int, user: str, password: str, stream: str) -> Seen:
    """An ONVIF camera."""
    seen: Seen = {"troubles": []}
    device = OnvifDevice(host, port, user, password)
    try:
        about = await _step(seen, "login", device.open())
        if device.offset is not None:
            seen["clock_off_s"] = round(device.offset.total_seconds(), 1)
        if about is None:
            return seen
        seen["device"] = msgspec.structs.asdict(about)
        seen["services"] = sorted(device.services)
        await _streams(seen, device, stream, user, password)
        await _events(seen, device)
        if "search" in device.services:
            found = await _step(seen, "recordings", device.recordings())
            seen["recordings"] = len(found or ())
    finally:
        await device.close()
    return seen


async def rtsp(url: str, user: str, password: str) -> Seen:
    """A stream, by its address."""
    seen: Seen = {"troubles": []}
    await _described(seen, url, user, password)
    return seen


async def recorder(
    protocol: Make, host: str, port: int, user: str, password: str, timezone: str, channels: int
) -> Seen:
    """A recorder."""
    seen: Seen = {"troubles": []}
    task = AskRecorder(
        point="device/probed",
        host=host,
        port=port,
        protocol=protocol,
        channels=(),
        timezone=timezone,
    )
    asked = make(task, LogIn(point=task.point, user=user, password=password))
    try:
        about = await _step(seen, "login", asked.open())
        if about is None:
            return seen
        seen["device"] = msgspec.structs.asdict(about)
        off = await _step(seen, "clock", asked.clock())
        if off is not None:
            seen["clock_off_s"] = round(off.total_seconds(), 1)
        await _channels(seen, asked, channels, off or timedelta(0))
        disks = await _step(seen, "disks", asked.disks())
        if disks is not None:
            seen["disks"] = [{"name": each.name, "well": each.well, "state": each.state} for each in disks.disks]
            seen["overwrites"] = disks.overwrites
    finally:
        await asked.close()
    return seen


async def _streams(seen: Seen, device: OnvifDevice, stream: str, user: str, password: str) -> None:
    profiles = await _step(seen, "profiles", device.profiles()) or ()
    ranked = chosen(profiles, stream)
    seen["streams"] = []
    for profile in (*ranked, *(each for each in profiles if each not in ranked)):
        url = await _step(seen, "stream", device.stream(profile.token))
        seen["streams"].append(
            {
                "profile": profile.token,
                "name": profile.name,
                "source": profile.source,
                "codec": profile.codec,
                "width": profile.width,
                "height": profile.height,
                "fps": profile.fps,
                "kbps": profile.kbps,
                "url": url,
                "chosen": bool(url) and profile in ranked and not any(each["chosen"] for each in seen["streams"]),
            }
        )
    wanted = next((each["url"] for each in seen["streams"] if each["chosen"]), None)
    if wanted is None:
        return
    await _described(seen, wanted, user, password)
    token = next(each["profile"] for each in seen["streams"] if each["chosen"])
    snapshot = await _step(seen, "snapshot", device.snapshot(token), optional=True)
    seen["snapshot"] = snapshot
    if "ptz" in device.services:
        presets = await _step(seen, "presets", device.presets(token), optional=True)
        seen["presets"] = [each.name or each.token for each in presets or ()]


async def _events(seen: Seen, device: OnvifDevice) -> None:
    """Listen briefly: what stands now is told to whoever begins."""
    if "events" not in device.services:
        seen["events"] = None
        return
    inputs = await _step(seen, "inputs", device.inputs(), optional=True) if "deviceio" in device.services else ()
    seen["inputs"] = len(inputs or ())

    async def listen() -> list[topics.Told]:
        address, _ = await device.subscribe(leases.LEASE_S)
        return list(topics.told(await device.pull(address, LISTEN_S, topics.MAX_MESSAGES)))

    told = await _step(seen, "events", listen())
    seen["events"] = sorted({each.what for each in told}) if told is not None else None


async def _channels(seen: Seen, asked: Recorder, count: int, off: timedelta) -> None:
    numbers = list(range(1, count + 1))
    told = await _step(seen, "recordings", asked.newest(numbers)) or ()
    if isinstance(asked, ProfileG):
        names = asked.names()
        told = tuple(each for each in told if each.number <= len(names))
    seen["channels"] = []
    for each in told:
        oldest = await _step(seen, "oldest", asked.oldest(each.number))
        seen["channels"].append(
            {
                "channel": each.number,
                "name": each.name,
                "recording": each.recording,
                "newest": format_time(each.newest - off) if each.newest else None,
                "oldest": format_time(oldest - off) if oldest else None,
                "days": round((datetime.now(UTC) + off - oldest) / timedelta(days=1), 1) if oldest else None,
            }
        )


async def _described(seen: Seen, url: str, user: str, password: str) -> None:
    try:
        found = await asyncio.to_thread(describe, url, user, password)
    except RtspError as error:
        seen["troubles"].append({"step": "rtsp", "trouble": str(error.cause), "detail": error.detail})
        return
    seen["rtsp"] = {"codec": found.codec, "server": found.server, "login": found.login}


async def _step(seen: Seen, name: str, asking: Awaitable[Any], *, optional: bool = False) -> Any:
    """One question; None where it went wrong, which is noted, or where a trouble before it ended the look."""
    if any(each["trouble"] in END for each in seen["troubles"]):
        _close(asking)
        return None
    try:
        return await asking
    except DeviceError as error:
        if not (optional and error.trouble is Trouble.REFUSED):
            seen["troubles"].append({"step": name, "trouble": str(error.trouble), "detail": error.detail})
        return None


def _close(asking: Awaitable[Any]) -> None:
    close: Callable[[], object] | None = getattr(asking, "close", None)
    if close is not None:
        close()
