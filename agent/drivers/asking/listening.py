"""A device's events as the asker hears them: a listener by PullPoint, kept by its lease, taken up after a restart.

It never says goodbye (leases.py). Raises `DeviceError` only when the device is away; what else goes wrong with events
is told as `Listening` and tried again, slower and slower. Flow: camera.py, recorder.py -> here -> onvif/device.py.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from agent.drivers.asking import words
from agent.drivers.asking.asker import Desk, mono_ms
from agent.drivers.onvif import facts, leases, topics
from agent.drivers.onvif.device import OnvifDevice
from agent.drivers.trouble import DeviceError, Trouble

AWAY: Final = frozenset({Trouble.UNREACHABLE, Trouble.SILENT, Trouble.LOGIN_REFUSED})
"""Troubles that end everything: it is not there, or its password was changed and each question more is a bad login."""

UNSUPPORTED_S: Final = 3600.0
"""A device without events is asked again so often: it may be given them."""

EAGER_S: Final = 0.5
"""The least time of a pull that brought nothing."""

EACH_S: Final = 0.01
"""After a pull, for each event that it brought: a device that floods us is heard a hundred times a second, no more."""


class Listening:
    """One device's listener."""

    def __init__(self, device: OnvifDevice, desk: Desk, listener: words.Listener) -> None:
        self._device = device
        self._desk = desk
        self._old = listener
        self._inputs: tuple[str, ...] = ()
        self._address = ""
        self.anew = asyncio.Event()
        """Set it to have a new listener begun: this one is not believed any more."""

    async def run(self) -> None:
        """Listen until cancelled. Raises: DeviceError: the device is away."""
        failures = 0
        await self._read_inputs()
        while True:
            try:
                lease = await self._begin()
                failures = 0
                await self._listen(lease)
            except DeviceError as error:
                if error.trouble in AWAY:
                    raise
                unsupported = "events" not in self._device.services
                if failures == 0 or unsupported:
                    self._say(works=False, cause="unsupported" if unsupported else error.trouble)
                failures += 1
                await asyncio.sleep(UNSUPPORTED_S if unsupported else leases.pause_s(failures))

    async def _read_inputs(self) -> None:
        if "deviceio" not in self._device.services:
            return
        try:
            self._inputs = await self._device.inputs()
        except DeviceError as error:
            if error.trouble in AWAY:
                raise

    async def _begin(self) -> leases.Lease:
        """The place of an asker before us, if it stands; else a new one."""
        old, self._old = self._old, words.Listener()
        if old.address and mono_ms() < old.until_ms:
            try:
                self._address = old.address
                await self._device.synchronise(old.address)
                return leases.Lease(ends_ms=old.until_ms, renew_ms=mono_ms())
            except DeviceError as error:
                if error.trouble in AWAY:
                    raise
        self._address, answer = await self._device.subscribe(leases.LEASE_S)
        return leases.begun(*facts.terms(answer), mono_ms())

    async def _listen(self, lease: leases.Lease) -> None:
        """Pull and renew until the listener is lost or over."""
        self._say(works=True, until_ms=lease.ends_ms)
        while not leases.over(lease, mono_ms()) and not self.anew.is_set():
            if leases.due(lease, mono_ms()):
                lease = await self._renew(lease)
                continue
            left_s = max(1, (lease.ends_ms - mono_ms()) // 1000)
            began = asyncio.get_running_loop().time()
            answer = await self._device.pull(self._address, min(leases.PULL_S, left_s), topics.MAX_MESSAGES)
            for told in topics.told(answer):
                self._tell(told)
            took_s = asyncio.get_running_loop().time() - began
            brought = topics.brought(answer)
            await asyncio.sleep(EACH_S * brought if brought else max(0.0, EAGER_S - took_s))
        self.anew.clear()

    async def _renew(self, lease: leases.Lease) -> leases.Lease:
        device_time = datetime.now(UTC) + (self._device.offset or timedelta(0))
        try:
            answer = await self._device.renew(self._address, leases.asked_until(lease.way, device_time))
            lease = leases.renewed(lease, *facts.terms(answer), mono_ms())
        except DeviceError as error:
            if error.trouble is not Trouble.REFUSED or lease.way is leases.Way.TIME:
                raise
            lease = leases.Lease(ends_ms=lease.ends_ms, renew_ms=mono_ms(), way=leases.Way.TIME)
        self._say(works=True, until_ms=lease.ends_ms)
        return lease

    def _tell(self, told: topics.Told) -> None:
        number = topics.input_number(told.source, self._inputs) if told.what == "input" else 0
        if number is not None:
            self._desk.say(
                words.Noticed(
                    point=self._desk.point,
                    what=told.what,
                    active=told.active,
                    at_ms=mono_ms(),
                    number=number,
                    first=told.first,
                )
            )

    def _say(self, *, works: bool, cause: str = "", until_ms: int = 0) -> None:
        listener = words.Listener(address=self._address, until_ms=until_ms) if works else words.Listener()
        self._desk.say(words.Listening(point=self._desk.point, works=works, cause=cause, listener=listener))
