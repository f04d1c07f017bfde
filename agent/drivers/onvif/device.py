"""One ONVIF device and what we ask of it. Asks through `client.py`, understands through the pure files beside it.

It goes nowhere but to the host and port that it was given. A login is tried once an opening; whoever opens asks
agent/logins.py first. Flow: the asker and `agent probe` -> here -> client.py.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from agent.drivers.about import About
from agent.drivers.onvif import facts, recordings, streams
from agent.drivers.onvif.answers import field, text
from agent.drivers.onvif.client import Caller
from agent.drivers.onvif.logging_in import way_of
from agent.drivers.onvif.recordings import Recording, Segment
from agent.drivers.trouble import DeviceError, Trouble

DEVICE_PATH: Final = "/onvif/device_service"

_SETUP: Final = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
_UNSAID: Final = frozenset({Trouble.LOGIN_REFUSED, Trouble.REFUSED, Trouble.NOT_ALLOWED, Trouble.BROKEN})


class OnvifDevice:
    """One device. Make it inside a running event loop; `close` it.

    `refused`: how often its login was refused before, which says by which way it is tried now.
    """

    def __init__(self, host: str, port: int, user: str = "", password: str = "", *, refused: int = 0) -> None:
        self.host, self.port = host, port
        self._user = user
        self._refused = refused
        self._caller = Caller(user, password)
        self._proven = False  # its login was taken
        self._shut_out = False  # it was refused: nothing is asked with it any more, whoever asks
        self._addresses = {"devicemgmt": f"http://{streams.bracketed(host)}:{port}{DEVICE_PATH}"}
        self.offset: timedelta | None = None
        """How far its clock is ahead of ours; None: it did not say."""
        self.clock_needs_login = False

    async def close(self) -> None:
        """Hang up."""
        await self._caller.close()

    @property
    def services(self) -> frozenset[str]:
        """What it offers of what we ask for."""
        return frozenset(self._addresses)

    async def clock(self, *, login: bool = False) -> timedelta | None:
        """How far its clock is ahead, by default asked without a login; None: it does not say. Raises: DeviceError."""
        asked = datetime.now(UTC)
        try:
            answer = await self.call("devicemgmt", "GetSystemDateAndTime", login=login)
        except DeviceError as error:
            if error.trouble not in _UNSAID:
                raise
            return None
        said = facts.clock(answer)
        self.offset = facts.offset(said, asked, datetime.now(UTC)) if said else None
        return self.offset

    async def open(self) -> About:
        """Its clock, one login, its services.

        Raises:
            DeviceError: it cannot be had; `login_refused` counts against the account.
        """
        await self.clock()
        device = await self._log_in()
        try:
            answer = await self.call("devicemgmt", "GetServices", {"IncludeCapability": False})
        except DeviceError as error:
            if error.trouble is not Trouble.REFUSED:
                raise
            answer = await self.call("devicemgmt", "GetCapabilities", {"Category": "All"})
        for name, uri in facts.services(answer).items():
            address = streams.service_at(uri, self.host, self.port)
            if address and name != "devicemgmt":
                self._addresses[name] = address
        if self.offset is None:
            self.clock_needs_login = await self.clock(login=True) is not None
        return device

    async def profiles(self) -> tuple[facts.Profile, ...]:
        """Its ways to send a picture. Raises: DeviceError."""
        return facts.profiles(await self.call("media", "GetProfiles"))

    async def stream(self, token: str) -> str | None:
        """The address of a profile's stream, at our host. Raises: DeviceError."""
        answer = await self.call("media", "GetStreamUri", {"StreamSetup": _SETUP, "ProfileToken": token})
        return streams.reachable(text(field(answer, "Uri"), streams.MAX_URL + 1), self.host)

    async def snapshot(self, token: str) -> str | None:
        """The address of a profile's still picture, at our host. Raises: DeviceError."""
        answer = await self.call("media", "GetSnapshotUri", {"ProfileToken": token})
        return streams.service_at(text(field(answer, "Uri"), streams.MAX_URL + 1), self.host, self.port)

    async def presets(self, token: str) -> tuple[facts.Preset, ...]:
        """Where it can move to. Raises: DeviceError."""
        return facts.presets(await self.call("ptz", "GetPresets", {"ProfileToken": token}))

    async def go_to(self, token: str, preset: str) -> None:
        """Move to a preset. Raises: DeviceError."""
        await self.call("ptz", "GotoPreset", {"ProfileToken": token, "PresetToken": preset})

    async def inputs(self) -> tuple[str, ...]:
        """Its digital inputs, in its own order. Raises: DeviceError."""
        return facts.inputs(await self.call("deviceio", "GetDigitalInputs"))

    async def subscribe(self, seconds: int) -> tuple[str, object]:
        """A new listener for events: the address it is pulled from, and what the device said. Raises: DeviceError."""
        wanted = {"InitialTerminationTime": f"PT{seconds}S"}
        try:
            answer = await self.call("events", "CreatePullPointSubscription", wanted)
        except DeviceError as error:
            if error.trouble is not Trouble.REFUSED:
                raise
            raise DeviceError(
                Trouble.BUSY, error.detail
            ) from None  # quirk single-listener: words differ, faults do too
        uri = text(field(answer, "SubscriptionReference", "Address"), streams.MAX_URL + 1)
        address = streams.service_at(uri, self.host, self.port)
        if address is None:
            raise DeviceError(Trouble.BROKEN, "no address to pull from")
        return address, answer

    async def pull(self, address: str, wait_s: int, limit: int) -> object:
        """What happened, as soon as something does, or nothing after `wait_s`. Raises: DeviceError."""
        wanted = {"Timeout": timedelta(seconds=wait_s), "MessageLimit": limit}
        return await self.call("pull", "PullMessages", wanted, address=address, extra_s=wait_s)

    async def renew(self, address: str, until: str) -> object:
        """Keep a listener. Raises: DeviceError."""
        return await self.call("lease", "Renew", {"TerminationTime": until}, address=address)

    async def synchronise(self, address: str) -> None:
        """Have the present state of everything told anew. Raises: DeviceError."""
        await self.call("pull", "SetSynchronizationPoint", address=address)

    async def recordings(self) -> tuple[Recording, ...]:
        """What it holds of which source, and from when to when. Raises: DeviceError."""
        search = await self.call("search", "FindRecordings", {"Scope": {}, "KeepAliveTime": timedelta(seconds=30)})
        found: list[Recording] = []
        for answer in await self._results("GetRecordingSearchResults", search):
            found += recordings.recordings(answer)
        return recordings.in_order(found)

    async def segments(self, recording: str, begin: datetime, end: datetime) -> tuple[Segment, ...] | None:
        """Between what times of a stretch a recording holds pictures; None: it does not say. Raises: DeviceError."""
        wanted = {
            "StartPoint": begin,
            "EndPoint": end,
            "Scope": {"IncludedRecordings": [recording]},
            "SearchFilter": {},
            "IncludeStartState": True,
            "KeepAliveTime": timedelta(seconds=30),
        }
        search = await self.call("search", "FindEvents", wanted)
        changes: list[recordings.Change] = []
        for answer in await self._results("GetEventSearchResults", search):
            changes += recordings.changes(answer, recording)
        return recordings.segments(changes, begin, end) if changes else None

    async def replay(self, recording: str) -> str | None:
        """The address from which a recording is played, at our host. Raises: DeviceError."""
        answer = await self.call("replay", "GetReplayUri", {"StreamSetup": _SETUP, "RecordingToken": recording})
        uri = answer if isinstance(answer, str) else text(field(answer, "Uri"), streams.MAX_URL + 1)
        return streams.reachable(uri, self.host)

    async def call(
        self,
        service: str,
        operation: str,
        parameters: Mapping[str, object] | None = None,
        *,
        login: bool = True,
        address: str = "",
        extra_s: float = 0.0,
    ) -> Any:
        """One operation of one service, as plain values. Raises: DeviceError."""
        address = address or self._addresses.get(service, "")
        if not address:
            raise DeviceError(Trouble.REFUSED, f"no service {service}")
        if login and self._shut_out:
            raise DeviceError(Trouble.LOGIN_REFUSED)
        try:
            return await self._caller.call(service, operation, parameters or {}, address, login=login, extra_s=extra_s)
        except DeviceError as error:
            if error.trouble is not Trouble.LOGIN_REFUSED or not login:
                raise
            self._shut_out = True
            if not self._proven:
                raise
        # It was let in before: a right is missing, or the password was changed since. One question tells, and no more.
        await self._caller.call("devicemgmt", "GetDeviceInformation", {}, self._addresses["devicemgmt"])
        self._shut_out = False
        raise DeviceError(Trouble.NOT_ALLOWED, operation)

    async def _log_in(self) -> About:
        """Who it is, said to someone logged in; by which way it wants that is asked without a login."""
        offered = ""
        if self._user:
            try:
                await self.call("devicemgmt", "GetDeviceInformation", login=False)
            except DeviceError as error:
                if error.trouble in {Trouble.UNREACHABLE, Trouble.SILENT}:
                    raise
                offered = self._caller.offered
        self._caller.log_in_by(way_of(self._user, offered, self._refused), self.offset)
        answer = await self.call("devicemgmt", "GetDeviceInformation")
        if not isinstance(answer, Mapping) or all(value is None for value in answer.values()):
            raise DeviceError(Trouble.BROKEN, "no information")
        self._proven = True
        return facts.device(answer)

    async def _results(self, operation: str, search: object) -> list[object]:
        """Page after page of a search, until it is complete or long enough."""
        token = search if isinstance(search, str) else text(field(search, "SearchToken"), 64)
        wanted = {
            "SearchToken": token,
            "MinResults": 1,
            "MaxResults": recordings.PAGE,
            "WaitTime": timedelta(seconds=3),
        }
        pages: list[object] = []
        for _ in range(recordings.MAX_PAGES):
            answer = await self.call("search", operation, wanted, extra_s=3)
            pages.append(answer)
            state = field(answer, "SearchState") or field(answer, "ResultList", "SearchState")
            if text(state) == "Completed":
                break
        return pages
