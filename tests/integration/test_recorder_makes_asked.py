"""Hikvision and Dahua adapters over real HTTP, against answers written for these tests: not tried on hardware."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest

from agent.drivers.recorders.cgi import Dahua
from agent.drivers.recorders.http import MAX_BODY, Http
from agent.drivers.recorders.isapi import Hikvision
from agent.drivers.trouble import DeviceError, Trouble
from tests.http_device import http_device, reply

ZONE = ZoneInfo("Asia/Shanghai")
USER, PASSWORD = "guard", "a:word"
HOUR = timedelta(hours=1)


class Kept:
    """What a written recorder has kept of channel 1: from 40 days ago until a moment ago, with a hole of two hours."""

    def __init__(self, *, off: timedelta = timedelta(0), utc_z: bool = False) -> None:
        self.now = datetime.now(UTC) + off
        self.utc_z = utc_z
        begin, hole = self.now - timedelta(days=40), self.now - timedelta(days=1)
        self.spans = [(begin, hole), (hole + 2 * HOUR, self.now - timedelta(seconds=20))]

    def within(self, first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
        """Spans that touch a time."""
        return [(begin, end) for begin, end in self.spans if begin < last and end > first]

    def isapi(self, path: str, body: bytes) -> bytes:
        """A Hikvision recorder."""
        z_zone = UTC if self.utc_z else ZONE
        if path.endswith("/deviceInfo"):
            return reply("<DeviceInfo><model>NVR</model><serialNumber>1</serialNumber></DeviceInfo>")
        if path.endswith("/time"):
            local = self.now.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S+08:00")
            return reply(f"<Time><localTime>{local}</localTime><timeZone>CST-8:00:00</timeZone></Time>")
        if path.endswith("/dailyDistribution"):
            year, month = (int(each) for each in re.findall(rb">(\d+)<", body)[:2])
            days = {day for begin, end in self.spans for day in _days(begin, end)}
            told = "".join(
                f"<day><dayOfMonth>{day.day}</dayOfMonth><record>true</record></day>"
                for day in sorted(days)
                if (day.year, day.month) == (year, month)
            )
            return reply(f"<trackDailyDistribution><dayList>{told}</dayList></trackDailyDistribution>")
        if path.endswith("/search"):
            first, last = (
                datetime.fromisoformat(each.decode()[:-1]).replace(tzinfo=z_zone)
                for each in re.findall(rb"Time>([^<]+)</", body)[:2]
            )
            items = "".join(
                f"<searchMatchItem><timeSpan><startTime>{begin.astimezone(z_zone):%Y-%m-%dT%H:%M:%S}Z</startTime>"
                f"<endTime>{end.astimezone(z_zone):%Y-%m-%dT%H:%M:%S}Z</endTime></timeSpan></searchMatchItem>"
                for begin, end in self.within(first, last)
            )
            return reply(f"<CMSearchResult><responseStatusStrg>OK</responseStatusStrg>{items}</CMSearchResult>")
        if path.endswith("/Storage"):
            return reply("<storage><hdd><id>1</id><status>error</status></hdd></storage>")
        return reply("<ResponseStatus/>", "404 Not Found")

    def cgi(self, path: str, _: bytes) -> bytes:
        """A Dahua recorder."""
        path = unquote(path)
        if "getDeviceType" in path:
            return reply("type=NVR5216\r\n")
        if "getSerialNo" in path:
            return reply("sn=1\r\n")
        if "getSoftwareVersion" in path:
            return reply("version=4.0\r\n")
        if "getCurrentTime" in path:
            return reply(f"result = {self.now.astimezone(ZONE):%Y-%m-%d %H:%M:%S}\r\n")
        if "factory.create" in path:
            return reply("result=08137\r\n")
        if "findFile" in path:
            first, last = (
                datetime.fromisoformat(_padded(each)).replace(tzinfo=ZONE)
                for each in re.findall(r"(?:Start|End)Time=([^&]+)", path)
            )
            self.found = self.within(first, last)
            return reply("OK\r\n") if self.found else reply("Error\r\n", "400 Bad Request")
        if "findNextFile" in path:
            found, self.found = self.found, []
            lines = [f"found={len(found)}"]
            for index, (begin, end) in enumerate(found):
                lines += [
                    f"items[{index}].Channel=0",
                    f"items[{index}].StartTime={begin.astimezone(ZONE):%Y-%m-%d %H:%M:%S}",
                    f"items[{index}].EndTime={end.astimezone(ZONE):%Y-%m-%d %H:%M:%S}",
                ]
            return reply("\r\n".join(lines))
        if "getDeviceAllInfo" in path:
            return reply("list.info[0].Name=/dev/sda\r\nlist.info[0].State=Error\r\n")
        if "RecordMode" in path:
            return reply("table.RecordMode[0].Mode=0\r\ntable.RecordMode[1].Mode=2\r\n")
        return reply("OK\r\n")


def _days(begin: datetime, end: datetime) -> set[datetime]:
    first = begin.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        first + timedelta(days=back) for back in range((end - begin).days + 2) if first + timedelta(days=back) < end
    }


def _padded(text: str) -> str:
    day, _, clock = text.partition(" ")
    return "-".join(part.zfill(2) for part in day.split("-")) + " " + clock


@pytest.mark.parametrize("off", [timedelta(0), timedelta(minutes=70)])
@pytest.mark.parametrize("make", ["hikvision", "hikvision-utc", "dahua"])
async def test_a_recorder_tells_what_it_keeps(make: str, off: timedelta) -> None:
    """Newest, oldest, the hole, the disk and the clock, whatever its `Z` means and however far its clock is off."""
    kept = Kept(off=off, utc_z=make.endswith("utc"))
    serve = kept.cgi if make == "dahua" else kept.isapi
    with http_device(serve, USER, PASSWORD) as device:
        recorder = (Dahua if make == "dahua" else Hikvision)("127.0.0.1", device.port, USER, PASSWORD, ZONE)
        try:
            assert (await recorder.open()).serial == "1"
            measured = await recorder.clock()
            assert measured is not None
            assert abs(measured - off) < timedelta(seconds=3)
            told = (await recorder.newest([1]))[0]
            assert told.newest is not None
            assert abs(told.newest - kept.spans[1][1]) < timedelta(seconds=2)
            oldest = await recorder.oldest(1)
            assert oldest is not None
            assert abs(oldest - kept.spans[0][0]) < timedelta(hours=25)
            first, second = await recorder.stretches(1, kept.now - 30 * HOUR, kept.now)
            assert abs(first.end - kept.spans[0][1]) < timedelta(seconds=2)
            assert abs(second.begin - kept.spans[1][0]) < timedelta(seconds=2)
            disks = await recorder.disks()
            assert disks is not None
            assert [each.well for each in disks.disks] == [False]
            assert (await recorder.playback(1, kept.now - HOUR, kept.now) or "").startswith("rtsp://127.0.0.1:554/")
            assert all(device.logins), "each login was right at once"
        finally:
            await recorder.close()


async def asked(answer: bytes, user: str = "", password: str = "", given: str = PASSWORD) -> Trouble:
    """What one call comes to."""
    with http_device(lambda path, body: answer, user, password) as device:
        http = Http("127.0.0.1", device.port, USER, given)
        try:
            await http.get("/x")
        except DeviceError as error:
            assert len(device.logins) <= 1, "one try"
            return error.trouble
        finally:
            await http.close()
    raise AssertionError("it was taken")


async def test_a_wrong_password_is_one_bad_login() -> None:
    """401 behind a digest login: refused after one try."""
    assert await asked(reply(""), USER, PASSWORD, "wrong") is Trouble.LOGIN_REFUSED


async def test_a_password_is_never_said_in_clear() -> None:
    """Whoever asks for a basic login, the recorder or somebody in its line, is told no password and no name."""
    refusal = reply("", "401 No", 'WWW-Authenticate: Basic realm="r"')
    with http_device(lambda path, body: refusal) as device:
        http = Http("127.0.0.1", device.port, USER, PASSWORD)
        for _ in range(2):
            with pytest.raises(DeviceError) as caught:
                await http.get("/about")
            assert (caught.value.trouble, caught.value.detail) == (Trouble.NOT_ALLOWED, "basic login")
        await http.close()
    assert not any("authorization" in head.lower() for head in device.heads)


async def test_a_password_that_is_changed_while_we_run_is_two_bad_logins_at_most() -> None:
    """One to find out, one to be sure; and then silence, however many questions still come."""
    with http_device(lambda path, body: reply("result = x"), USER, PASSWORD) as device:
        http = Http("127.0.0.1", device.port, USER, PASSWORD)
        await http.get("/about")
        device.password = "another"
        for _ in range(20):
            with pytest.raises(DeviceError) as caught:
                await http.get("/other")
            assert caught.value.trouble is Trouble.LOGIN_REFUSED
        assert device.logins.count(False) <= 2
        await http.close()


async def test_a_path_that_is_forbidden_is_no_wrong_password() -> None:
    """401 for one path while another is open: `not_allowed`, and the login stays good."""

    def answer(path: str, body: bytes) -> bytes:
        return reply("", "401 No", 'WWW-Authenticate: Digest realm="r", nonce="n"') if "secret" in path else reply("ok")

    with http_device(answer, USER, PASSWORD) as device:
        http = Http("127.0.0.1", device.port, USER, PASSWORD)
        await http.get("/about")
        for _ in range(3):
            with pytest.raises(DeviceError) as caught:
                await http.get("/secret")
            assert caught.value.trouble is Trouble.NOT_ALLOWED
        assert await http.get("/about") == b"ok"
        await http.close()


async def test_a_challenge_that_grew_old_is_answered_anew() -> None:
    """A recorder that changes its nonce with every connection is no recorder that refuses us."""
    with http_device(lambda path, body: reply("ok"), USER, PASSWORD) as device:
        http = Http("127.0.0.1", device.port, USER, PASSWORD)
        for number in range(3):
            device.nonce = f"n{number}"
            assert await http.get(f"/{number}") == b"ok"
        await http.close()


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (reply("", "302 Found", "Location: http://192.0.2.1/steal"), Trouble.BROKEN),
        (reply("", "403 Forbidden"), Trouble.NOT_ALLOWED),
        (reply("", "503 Service Unavailable"), Trouble.BUSY),
        (reply("", "404 Not Found"), Trouble.NOT_FOUND),
        (reply("x", "401 Unauthorized"), Trouble.LOGIN_REFUSED),
        (reply("", "401 Unauthorized", 'WWW-Authenticate: Digest realm="r"'), Trouble.BROKEN),
        (reply("", "401 No", 'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=ROT13'), Trouble.BROKEN),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_BODY + 9), Trouble.TOO_LARGE),
        (b"HTTP/1.1 401 No\r\n\r\n" + b"x" * (MAX_BODY + 9), Trouble.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nshort", Trouble.BROKEN),
        (b"SSH-2.0-dropbear\r\n", Trouble.BROKEN),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000 + b"\r\n", Trouble.BROKEN),
        (b"", Trouble.BROKEN),
    ],
)  # fmt: skip
async def test_what_no_recorder_should_answer(answer: bytes, trouble: Trouble) -> None:
    """Redirections, floods, half answers, other protocols: a word each, within limits, and no second try."""
    assert await asked(answer) is trouble


async def test_a_recorder_that_is_not_there() -> None:
    """Nobody listens: unreachable."""
    with http_device(lambda path, body: b"") as device:
        port = device.port
    http = Http("127.0.0.1", port, USER, PASSWORD)
    with pytest.raises(DeviceError) as caught:
        await http.get("/x")
    assert caught.value.trouble is Trouble.UNREACHABLE
    await http.close()
