"""The asker as a real child process against devices not written for it, and such as err in known ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.drivers.asking import words
from agent.drivers.onvif import facts, leases
from agent.drivers.onvif.device import OnvifDevice
from agent.drivers.trouble import DeviceError, Trouble
from protocol.site.schema import Camera, Recorder
from simulator.cameras.camera import SimulatedCamera
from simulator.cameras.events import Quirk
from simulator.cameras.faults import Fault
from simulator.cameras.recordings import Recording
from tests.asked import LOGIN, Asked, asking, camera, kill_the_child
from tests.conftest import Eventually
from tests.onvif_peers import ipycam

SHANGHAI = ZoneInfo("Asia/Shanghai")
USER, PASSWORD = "guard", "a word"
POINT = "camera/03"


def device(simulated: SimulatedCamera, password: str = PASSWORD, refused: int = 0) -> OnvifDevice:
    """Somebody else who talks with the same device."""
    host, _, port = simulated.onvif.rpartition(":")
    return OnvifDevice(host, int(port), USER, password, refused=refused)


async def listened(asked: Asked, eventually: Eventually, count: int = 1) -> None:
    """Until its listener stood so many times, and told how inputs are."""
    await eventually(lambda: sum(each.works for each in asked.all(words.Listening)) >= count, timeout_s=20)


async def test_a_cameras_smaller_stream_is_found(eventually: Eventually) -> None:
    """ipycam: the eye is sent to the sub-stream, at the address that a person wrote, with no password in it."""
    with ipycam(USER, PASSWORD, local_ip="10.9.9.9") as port:
        async with asking(cameras=(camera(f"127.0.0.1:{port}"),)) as asked:
            await eventually(lambda: POINT in asked.asker.streams)
            stream = asked.asker.streams[POINT]
            assert (stream.url, stream.width) == ("rtsp://127.0.0.1:8554/video_sub", 640)
            assert abs(asked.all(words.ClockTold)[0].off_s) < 3
            assert asked.all(words.Reached)[0].model == "VirtualCam-1"
            assert asked.logins.standing(POINT) == ""
            await eventually(lambda: asked.all(words.Listening))
            assert asked.all(words.Listening)[0].cause == "unsupported"


async def test_a_wrong_password_is_tried_once(eventually: Eventually) -> None:
    """After a 401 nobody tries again until the ledger's time has come: the camera counts one bad login."""
    async with (
        SimulatedCamera(user=USER, password=PASSWORD) as simulated,
        asking(cameras=(camera(simulated.onvif),), login="guard:wrong") as asked,
    ):
        await eventually(lambda: asked.logins.standing(POINT) == "login_refused")
        await eventually(lambda: len(asked.all(words.Wants)) == 2)
        assert [each.result for each in asked.all(words.Outcome)] == ["refused"]
        assert asked.logins.ask(POINT)[0] is None
        assert simulated.wrong_logins == 1


async def test_a_password_that_is_changed_while_we_run_locks_nothing(eventually: Eventually) -> None:
    """The camera's password is changed on its own page: found out, told, and no question is asked with the old one."""
    async with (
        SimulatedCamera(user=USER, password=PASSWORD) as simulated,
        asking(cameras=(camera(simulated.onvif),)) as asked,
    ):
        await listened(asked, eventually)
        simulated.state.password = "another"
        simulated.input(1, True)  # the pull that waits is answered, the next one is refused
        await eventually(lambda: asked.logins.standing(POINT) == "login_refused", timeout_s=20)
        await eventually(lambda: asked.all(words.Wants)[1:])
        assert simulated.wrong_logins <= 2


async def test_no_session_limit_is_a_wrong_password(eventually: Eventually) -> None:
    """A listener that is refused for want of room is `busy`, and the account stays what it was."""
    async with SimulatedCamera(user=USER, password=PASSWORD, quirks=(Quirk.SINGLE_LISTENER,)) as simulated:
        other = device(simulated)
        await other.open()
        await other.subscribe(60)
        async with asking(cameras=(camera(simulated.onvif),)) as asked:
            await eventually(lambda: asked.all(words.Listening))
            assert asked.all(words.Listening)[0] == words.Listening(point=POINT, works=False, cause="busy")
            assert asked.logins.standing(POINT) == ""
        await other.close()


async def test_a_stale_owner_is_waited_out(eventually: Eventually) -> None:
    """FIELD-FAULTS 12, single listener: another's place ends with its lease, and then it is ours."""
    async with SimulatedCamera(user=USER, password=PASSWORD, quirks=(Quirk.SINGLE_LISTENER,)) as simulated:
        other = device(simulated)
        await other.open()
        await other.subscribe(3)
        async with asking(cameras=(camera(simulated.onvif),)) as asked:
            await listened(asked, eventually)
            simulated.input(2, True)
            await eventually(lambda: (2, True) in asked.inputs())
        await other.close()


async def test_a_killed_asker_takes_up_its_own_place(eventually: Eventually) -> None:
    """FIELD-FAULTS 12, single listener: the next asker goes on at the same listener, and waits for nothing."""
    async with (
        SimulatedCamera(user=USER, password=PASSWORD, quirks=(Quirk.SINGLE_LISTENER,)) as simulated,
        asking(cameras=(camera(simulated.onvif),)) as asked,
    ):
        await listened(asked, eventually)
        kill_the_child()
        await listened(asked, eventually, 2)
        addresses = {each.listener.address for each in asked.all(words.Listening)}
        assert len(addresses) == 1, addresses
        simulated.input(1, True)
        await eventually(lambda: (1, True) in asked.inputs())


async def test_our_end_ends_nobody_elses_events(eventually: Eventually) -> None:
    """FIELD-FAULTS 12, unsubscribe kills all: we never say goodbye, and whoever does is survived."""
    quirks = (Quirk.UNSUBSCRIBE_KILLS_ALL,)
    async with SimulatedCamera(user=USER, password=PASSWORD, quirks=quirks) as simulated:
        other = device(simulated)
        await other.open()
        address, _ = await other.subscribe(60)
        async with asking(cameras=(camera(simulated.onvif),)) as asked:
            await listened(asked, eventually)
            assert simulated.listeners == 2
        assert simulated.listeners == 2, "the other's, and ours until its lease ends"
        async with asking(cameras=(camera(simulated.onvif),)) as asked:
            await listened(asked, eventually)
            await other.call("lease", "Unsubscribe", address=address)
            await listened(asked, eventually, 2)
            simulated.input(1, True)
            await eventually(lambda: (1, True) in asked.inputs())
        await other.close()


async def test_a_renewal_in_seconds_is_read_right() -> None:
    """FIELD-FAULTS 12, renewal in the wrong unit: a minute is granted a second, sixty seconds are granted a minute."""
    quirks = (Quirk.RENEWS_IN_WRONG_UNIT,)
    async with SimulatedCamera(user=USER, password=PASSWORD, quirks=quirks) as simulated:
        other = device(simulated)
        await other.open()
        address, _ = await other.subscribe(60)
        ours = await other.renew(address, leases.asked_until(leases.Way.LENGTH, datetime.now(UTC)))
        assert leases.granted_s(*facts.terms(ours)) == pytest.approx(60, abs=2)
        named = await other.renew(address, leases.asked_until(leases.Way.TIME, datetime.now(UTC)))
        assert leases.granted_s(*facts.terms(named)) == pytest.approx(60, abs=2)
        theirs = await other.renew(address, "PT1M")
        assert leases.granted_s(*facts.terms(theirs)) == pytest.approx(1, abs=1)
        await other.close()


@pytest.mark.parametrize("off_s", [3600, -86400 * 60])
@pytest.mark.parametrize("refused", [0, 1])
async def test_a_clock_that_is_off_keeps_nobody_out(off_s: float, refused: int) -> None:
    """FIELD-FAULTS 12: an hour fast or two months slow, by token and by HTTP digest, the login is taken at once."""
    async with SimulatedCamera(user=USER, password=PASSWORD) as simulated:
        simulated.state.clock_off_s = off_s
        await simulated.fault(Fault.CLOCK_OFF)
        other = device(simulated, refused=refused)
        await other.open()
        assert other.offset is not None
        assert other.offset.total_seconds() == pytest.approx(off_s, abs=2)
        assert simulated.wrong_logins == 0
        await other.close()


async def test_events_of_a_restarted_camera_come_again(eventually: Eventually) -> None:
    """A camera that forgot its listeners is listened to anew, and tells again how its inputs stand."""
    async with (
        SimulatedCamera(user=USER, password=PASSWORD) as simulated,
        asking(cameras=(camera(simulated.onvif),)) as asked,
    ):
        await listened(asked, eventually)
        simulated.input(2, True)
        await eventually(lambda: (2, True) in asked.inputs())
        simulated.restart_events()
        await listened(asked, eventually, 2)
        await eventually(lambda: asked.inputs().count((2, True)) == 2)


async def test_a_camera_moves_to_a_preset_by_its_name(eventually: Eventually) -> None:
    """What the centre asks for is done, or said to be impossible."""
    async with (
        SimulatedCamera(user=USER, password=PASSWORD, presets=("门", "金库")) as simulated,
        asking(cameras=(camera(simulated.onvif),)) as asked,
    ):
        await eventually(lambda: POINT in asked.asker.streams)
        assert await asked.asker.preset("03", "金库") == ""
        assert simulated.device.preset == 2
        assert await asked.asker.preset("03", "nowhere") == Trouble.NOT_FOUND
        assert await asked.asker.preset("04", "门") == Trouble.NOT_FOUND


async def test_a_recorder_tells_what_it_keeps(eventually: Eventually) -> None:
    """Profile G: newest and oldest of each channel, the days of the calendar, where a stretch plays."""
    # Days as the recorder counts them, which end at 16:00 UTC; the last one has begun and is not looked at.
    today = datetime.now(SHANGHAI).date()
    last, *full = [(today - timedelta(days=back)).isoformat() for back in range(4)]
    hole = [datetime.fromisoformat(f"{full[0]}T{at}+08:00") for at in ("10:00", "12:00")]
    recordings = (
        Recording(channel=1, days=30, holes=((hole[0].timestamp(), hole[1].timestamp()),)),
        Recording(channel=2, days=10, split=True, holes=((hole[0].timestamp(), hole[1].timestamp()),)),
    )
    async with SimulatedCamera(user=USER, password=PASSWORD, channels=2, recordings=recordings) as simulated:
        cameras = tuple(
            Camera(
                id=f"0{number}",
                address="rtsp://127.0.0.1:9/x",
                protocol="rtsp",
                login=LOGIN,
                recorder=f"nvr1/{number}",
            )
            for number in (1, 2)
        )
        recorder = Recorder(id="nvr1", address=simulated.onvif, login=LOGIN)
        async with asking(cameras=cameras, recorders=(recorder,)) as asked:
            await eventually(lambda: len(asked.all(words.Kept)) == 2)
            first = [(each.camera, each.recording) for each in asked.all(words.Recorded)[:2]]
            assert first == [("01", True), ("02", True)]
            for number in ("01", "02"):
                asked.asker.ask(words.DaysFrom(point="device/nvr1", camera=number, days=(last, *full)))
            await eventually(lambda: len(asked.all(words.Days)) == 2)
            for told in asked.all(words.Days):
                assert sorted(told.days) == sorted((last, *full))
                assert [len(told.days[day]) for day in full] == [2, 1, 1], told
                before, after = told.days[full[0]]
                for found, made in zip((before[1], after[0]), hole, strict=True):  # the device tells whole seconds
                    assert abs(datetime.fromisoformat(found) - made) < timedelta(seconds=3)
            begin = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            answer = await asked.asker.playback("nvr1", 1, begin, begin)
            assert answer.url.startswith("rtsp://127.0.0.1:")
            assert (await asked.asker.playback("nvr1", 9, begin, begin)).cause == Trouble.NOT_FOUND


async def test_a_recorder_that_stops_says_so(eventually: Eventually) -> None:
    """Its own word, within the first answer."""
    async with SimulatedCamera(user=USER, password=PASSWORD, recordings=(Recording(channel=1),)) as simulated:
        await simulated.fault(Fault.RECORDING_STOPPED)
        behind = Camera(id="01", address="rtsp://127.0.0.1:9/x", protocol="rtsp", login=LOGIN, recorder="nvr1/1")
        recorder = Recorder(id="nvr1", address=simulated.onvif, login=LOGIN)
        async with asking(cameras=(behind,), recorders=(recorder,)) as asked:
            await eventually(lambda: asked.all(words.Recorded))
            assert asked.all(words.Recorded)[0].recording is False


async def test_one_device_that_is_away_delays_no_other(eventually: Eventually) -> None:
    """A camera that takes connections and says nothing costs its own task only."""
    async with (
        SimulatedCamera(user=USER, password=PASSWORD) as mute,
        SimulatedCamera(user=USER, password=PASSWORD) as simulated,
    ):
        await mute.fault(Fault.SILENCE)
        elsewhere = mute.onvif.replace("127.0.0.1", "localhost")  # another host is another account
        other = Camera(id="04", address=elsewhere, login=LOGIN)
        async with asking(cameras=(other, camera(simulated.onvif))) as asked:
            await eventually(lambda: asked.asker.streams.get(POINT))


async def test_ipycams_own_defect_is_no_crash() -> None:
    """ipycam lists presets under an undeclared prefix: an answer that cannot be read, said so."""
    with ipycam() as port:
        other = OnvifDevice("127.0.0.1", port)
        await other.open()
        profiles = await other.profiles()
        with pytest.raises(DeviceError) as caught:
            await other.presets(profiles[0].token)
        assert caught.value.trouble is Trouble.BROKEN
        await other.close()
