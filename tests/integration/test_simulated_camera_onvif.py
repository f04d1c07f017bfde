"""The simulated ONVIF device kept honest: by the schemas of ONVIF itself, by a client in Python and by one in C."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from onvif import ONVIFCamera  # type: ignore[import-untyped]
from zeep.exceptions import Fault as Refusal

from simulator.cameras.camera import SimulatedCamera
from simulator.cameras.events import Quirk
from simulator.cameras.faults import Fault
from simulator.cameras.recordings import Recording
from tests.conftest import StartProcess

USER, PASSWORD = "guard", "a word"
STREAM = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@asynccontextmanager
async def client(camera: SimulatedCamera, password: str = PASSWORD, *, by_its_clock: bool = True) -> AsyncIterator[Any]:
    """onvif-zeep-async, logged in; every service's address as the device tells it."""
    host, _, port = camera.onvif.rpartition(":")
    device = ONVIFCamera(host, int(port), USER, password, adjust_time=by_its_clock)
    try:
        await device.update_xaddrs()
        yield device
    finally:
        await device.close()


async def model_of(device: Any) -> str:
    """What needs a login and nothing else."""
    service = await device.create_devicemgmt_service()
    return str((await service.GetDeviceInformation()).Model)


async def test_a_client_finds_streams_inputs_presets_and_a_snapshot() -> None:
    """What a site file needs of a camera: sub-stream at its RTSP address, digital inputs, presets, a JPEG."""
    async with (
        SimulatedCamera(user=USER, password=PASSWORD, presets=("门", "金库")) as camera,
        client(camera) as device,
    ):
        assert await model_of(device) == "SIM-1"
        media = await device.create_media_service()
        profiles = {each.token: each for each in await media.GetProfiles()}
        assert profiles["sub-1"].VideoEncoderConfiguration.Resolution.Width == 640
        uri = await media.GetStreamUri({"StreamSetup": STREAM, "ProfileToken": "sub-1"})
        assert uri.Uri == camera.rtsp
        ptz = await device.create_ptz_service()
        presets = await ptz.GetPresets({"ProfileToken": "main-1"})
        assert [each.Name for each in presets] == ["门", "金库"]
        await ptz.GotoPreset({"ProfileToken": "main-1", "PresetToken": presets[1].token})
        assert camera.device.preset == 2
        inputs = await (await device.create_deviceio_service()).GetDigitalInputs()
        assert [each.token for each in inputs] == ["input-1", "input-2"]
        assert (await device.get_snapshot("main-1") or b"").startswith(b"\xff\xd8")
        with pytest.raises(Refusal, match="there is no nothing"):
            await media.GetStreamUri({"StreamSetup": STREAM, "ProfileToken": "nothing"})


async def test_only_the_time_is_told_without_a_password() -> None:
    """The clock is there for everybody; anything else wants the password, and a wrong one is counted."""
    async with SimulatedCamera(user=USER, password=PASSWORD) as camera, client(camera, "another") as device:
        service = await device.create_devicemgmt_service()
        assert (await service.GetSystemDateAndTime()).UTCDateTime.Date.Year >= 2026
        before = camera.wrong_logins
        with pytest.raises(Refusal, match="not authorized"):
            await service.GetDeviceInformation()
        assert camera.wrong_logins == before + 1


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(days=-97)])
async def test_a_clock_that_is_off_refuses_whoever_goes_by_another(off: timedelta) -> None:
    """FIELD-FAULTS 12: clock an hour or months off. The same password is right by the device's time, wrong by ours."""
    async with SimulatedCamera(user=USER, password=PASSWORD) as camera:
        camera.state.clock_off_s = off.total_seconds()
        await camera.fault(Fault.CLOCK_OFF)
        async with client(camera, by_its_clock=True) as device:
            assert await model_of(device) == "SIM-1"
        async with client(camera, by_its_clock=False) as device:
            with pytest.raises(Refusal, match="not authorized"):
                await model_of(device)


class Listening:
    """One PullPoint subscription of the client's."""

    def __init__(self, device: Any, manager: Any) -> None:
        self._device, self._manager = device, manager
        self.service = manager.get_service()

    async def heard(self, wait_s: float = 3.0) -> list[tuple[str, str, str]]:
        """Topic, source and state of the messages of one pull."""
        answer = await self.service.PullMessages({"Timeout": timedelta(seconds=wait_s), "MessageLimit": 50})
        told = []
        for each in answer.NotificationMessage:
            message = each.Message._value_1
            source, data = message.Source.SimpleItem[0], message.Data.SimpleItem[0]
            told.append((each.Topic._value_1.rpartition("/")[2], source.Value, data.Value))
        return told

    async def renewed_for_s(self, duration: str) -> float:
        """How long the device says the lease lasts now."""
        answer = await self._manager._subscription.Renew(duration)
        return float((answer.TerminationTime - answer.CurrentTime).total_seconds())

    async def end(self) -> None:
        await self._manager.shutdown()


@asynccontextmanager
async def listening(device: Any) -> AsyncIterator[Listening]:
    """Subscribed; leaving it says nothing to the device."""
    manager = await device.create_pullpoint_manager(timedelta(seconds=60), lambda: None)
    manager.pause()  # no renewal of its own: the test says when
    yield Listening(device, manager)


async def test_a_listener_hears_what_stands_and_then_each_change_once() -> None:
    """Digital input, tamper, motion, signal loss: first how they stand, then the change, and nothing twice.

    A pull that waits is answered when something happens, not before.
    """
    async with (
        SimulatedCamera(user=USER, password=PASSWORD) as camera,
        client(camera) as device,
        listening(device) as listener,
    ):
        first = await listener.heard()
        assert ("DigitalInput", "input-1", "false") in first
        assert {topic for topic, _, _ in first} == {"DigitalInput", "MotionAlarm", "ImagingService", "SignalLoss"}
        waiting = asyncio.create_task(listener.heard(20))
        assert not (await asyncio.wait([waiting], timeout=0.2))[0]
        camera.input(2, True)
        camera.input(2, True)
        assert await waiting == [("DigitalInput", "input-2", "true")]
        await camera.fault(Fault.COVER)
        camera.signal_loss(True)
        assert await listener.heard() == [("ImagingService", "source-1", "true"), ("SignalLoss", "source-1", "true")]
        assert await listener.heard(0.1) == []
        await listener.end()
        assert camera.listeners == 0


async def test_a_stale_owner_keeps_a_single_listener_out_until_its_lease_is_over() -> None:
    """FIELD-FAULTS 12: a killed client leaves the only place taken; the next one is refused, and let in in time."""
    now = [1000.0]
    async with SimulatedCamera(user=USER, password=PASSWORD, quirks=(Quirk.SINGLE_LISTENER,)) as camera:
        camera.state.monotonic_s = lambda: now[0]
        async with client(camera) as killed, listening(killed):
            pass  # gone without a word
        async with client(camera) as device:
            with pytest.raises(Refusal, match="no more listeners"):
                async with listening(device):
                    pass
            now[0] += 61
            async with listening(device) as listener:
                assert len(await listener.heard()) == 5


async def test_an_unsubscribe_that_kills_all() -> None:
    """FIELD-FAULTS 12: one listener that leaves takes another's subscription with it, on such a device only."""
    for quirks, left in (((Quirk.UNSUBSCRIBE_KILLS_ALL,), 0), ((), 1)):
        async with (
            SimulatedCamera(user=USER, password=PASSWORD, quirks=quirks) as camera,
            client(camera) as device,
            client(camera) as other,
            listening(device) as stays,
            listening(other) as leaves,
        ):
            await leaves.end()
            assert camera.listeners == left
            if not left:
                with pytest.raises(Refusal, match="ResourceUnknown"):
                    await stays.heard(0.1)


async def test_a_renewal_read_in_the_wrong_unit() -> None:
    """FIELD-FAULTS 12: ten minutes become ten seconds on such a device, and its own answer shows it."""
    for quirks, lease_s in (((Quirk.RENEWS_IN_WRONG_UNIT,), 10), ((), 600)):
        async with (
            SimulatedCamera(user=USER, password=PASSWORD, quirks=quirks) as camera,
            client(camera) as device,
            listening(device) as listener,
        ):
            assert await listener.renewed_for_s("PT10M") == lease_s


async def test_a_recorder_tells_oldest_newest_and_holes() -> None:
    """Profile G: three channels; one sound, one with a hole in the middle, one that stopped three weeks ago."""
    now_s = time.time()
    hole = (now_s - 50 * 3600, now_s - 49 * 3600)
    stopped_s = now_s - 21 * 86_400
    recordings = (
        Recording(channel=1),
        Recording(channel=2, holes=(hole,)),
        Recording(channel=3, days=40, until_s=stopped_s),
    )
    async with (
        SimulatedCamera(user=USER, password=PASSWORD, channels=3, recordings=recordings) as camera,
        client(camera) as device,
    ):
        search = await device.create_search_service()
        assert (await search.GetRecordingSummary()).NumberRecordings == 3
        token = await search.FindRecordings({"Scope": {}, "KeepAliveTime": "PT30S"})
        found: dict[str, Any] = {}
        state = "Searching"
        while state != "Completed":  # a page each
            page = await search.GetRecordingSearchResults({"SearchToken": token, "MaxResults": 2})
            state = page.SearchState
            found |= {each.Source.SourceId: each for each in page.RecordingInformation}
        assert [found[f"source-{number}"].RecordingStatus for number in (1, 2, 3)] == [
            "Recording",
            "Recording",
            "Stopped",
        ]
        assert abs(found["source-3"].LatestRecording.timestamp() - stopped_s) < 2
        assert abs(found["source-1"].EarliestRecording.timestamp() - (now_s - 95 * 86_400)) < 60
        ask = {"Scope": {"IncludedRecordings": ["recording-2"]}, "SearchFilter": {}, "KeepAliveTime": "PT30S"}
        day = {"StartPoint": datetime.fromtimestamp(hole[0] - 3600, UTC), "EndPoint": datetime.now(UTC)}
        token = await search.FindEvents({**day, **ask, "IncludeStartState": True})
        results = (await search.GetEventSearchResults({"SearchToken": token})).Result
        told = [(each.Time.timestamp(), _there(each), each.StartStateEvent) for each in results]
        assert [(there, start) for _, there, start in told] == [("true", True), ("false", False), ("true", False)]
        assert abs(told[1][0] - hole[0]) < 2
        assert abs(told[2][0] - hole[1]) < 2
        await camera.fault(Fault.RECORDING_STOPPED)
        recording = await device.create_recording_service()
        assert (await recording.GetRecordingJobState({"JobToken": "job-of-recording-1"})).State == "Idle"
        replay = await device.create_replay_service()
        uri = await replay.GetReplayUri({"StreamSetup": STREAM, "RecordingToken": "recording-1"})
        assert uri.endswith("/replay/1")


def _there(result: Any) -> str:
    message = result.Event.Message._value_1
    return str(message.Data.SimpleItem[0].Value)


def test_a_client_in_c_discovers_it_and_logs_in(process: StartProcess) -> None:
    """Debian's onvif-util, for which no line here was written: finds it by multicast, logs in, reads its profiles.

    In a network of its own, so that discovery reaches nobody else.
    """
    missing = [each for each in ("unshare", "ip", "onvif-util") if shutil.which(each) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: apt install onvif-tools iproute2 util-linux")
    if process(["unshare", "-n", "true"]).wait(10) != 0:
        pytest.skip("needs the right to make a network namespace")
    session = process(["unshare", "-n", "sh", "-c", f"{NETWORK} && exec {sys.executable} -m tests.camera_found"])
    assert session.wait(45) == 0, session.output()
    told = session.output()
    assert "successfully connected to host" in told
    assert "Token 1: sub-1" in told
    assert "/main" in told


NETWORK = (
    "ip link set lo up && ip addr add 192.0.2.9/24 dev lo && ip link set lo multicast on "
    "&& ip route add 224.0.0.0/4 dev lo"
)
