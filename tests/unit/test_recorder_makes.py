"""Hikvision's and Dahua's answers, understood. Written for these tests in the form of the public documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.drivers.recorders import dahua, hikvision
from agent.drivers.recorders.told import Stretch, joined
from agent.drivers.safe_xml import MAX_BYTES, XmlError, parse
from agent.drivers.trouble import DeviceError

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)  # in Shanghai


def ns(body: str) -> bytes:
    """As ISAPI sends it: declared, with a default namespace that differs from firmware to firmware."""
    head, _, rest = body.partition(">")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head} version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">{rest}'.encode()


class TestHikvision:
    """ISAPI."""

    def test_who_it_is(self) -> None:
        """Model, serial number and firmware."""
        told = hikvision.about(
            ns(
                "<DeviceInfo><deviceName>Vault</deviceName><model>NVR-16</model>"
                "<serialNumber>NVR-16-0001</serialNumber><firmwareVersion>V4.62.210</firmwareVersion></DeviceInfo>"
            )
        )
        assert (told.model, told.serial, told.firmware) == ("NVR-16", "NVR-16-0001", "V4.62.210")

    @pytest.mark.parametrize(
        ("local", "zone", "hours"),
        [
            ("2026-11-21T12:00:00+08:00", "CST-8:00:00", 8),
            ("2026-11-21T12:00:00", "CST-8:00:00", 8),
            ("2026-11-21T12:00:00Z", "CST-8:00:00", 8),
            ("2026-11-21T05:00:00+01:00", "CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00", 1),
            ("2026-11-21T12:00:00", "CST-8:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00", 8),
            ("2026-11-21T12:00:00", "", 8),
        ],
    )
    def test_its_time(self, local: str, zone: str, hours: int) -> None:
        """With an offset, with a `Z` that means nothing, with a POSIX zone, or with the site's zone for want of any."""
        body = ns(f"<Time><timeMode>NTP</timeMode><localTime>{local}</localTime><timeZone>{zone}</timeZone></Time>")
        found = hikvision.clock(body, SHANGHAI)
        assert found is not None
        assert found[0] == NOON
        assert found[1].utcoffset(NOON.replace(tzinfo=None)) == timedelta(hours=hours)

    def test_its_disks(self) -> None:
        """A state that is not known to be good is bad; full disks that are looped over overwrite."""
        storage = ns(
            "<storage><hddList>"
            "<hdd><id>1</id><hddName>hdda</hddName><status>ok</status><capacity>1000</capacity>"
            "<freeSpace>0</freeSpace></hdd>"
            "<hdd><id>2</id><hddName>hddb</hddName><status>smartFailed</status><capacity>1000</capacity>"
            "<freeSpace>500</freeSpace></hdd></hddList></storage>"
        )
        tracks = ns("<TrackList><Track><id>101</id><LoopEnable>true</LoopEnable></Track></TrackList>")
        told = hikvision.disks(storage, tracks)
        assert [(each.name, each.well, each.state) for each in told.disks] == [
            ("hdda", True, "ok"),
            ("hddb", False, "smartFailed"),
        ]
        assert told.overwrites is False, "there is room on the other"
        assert hikvision.disks(storage, None).overwrites is None

    def test_what_it_found(self) -> None:
        """Spans of a page, and whether another follows; a page without spans is the last, whatever it says."""
        item = (
            "<searchMatchItem><trackID>101</trackID><timeSpan><startTime>2026-11-21T00:00:00Z</startTime>"
            "<endTime>2026-11-21T11:59:30Z</endTime></timeSpan></searchMatchItem>"
        )
        more_follow = "<responseStatusStrg>MORE</responseStatusStrg>"
        page = f"<CMSearchResult>{more_follow}<matchList>{item}</matchList></CMSearchResult>"
        spans, more = hikvision.matches(ns(page))
        assert more
        (found,) = hikvision.stretches(spans, SHANGHAI, local_z=True)
        assert (found.begin, found.end) == (NOON - timedelta(hours=12), NOON - timedelta(seconds=30))
        assert hikvision.matches(ns(f"<CMSearchResult>{more_follow}</CMSearchResult>")) == ([], False)

    def test_which_time_a_z_is_shows_by_the_newest_picture(self) -> None:
        """Local with most; UTC where the newest picture is near that and not near local time; else as with most."""
        z = UTC
        assert hikvision.reads_local(datetime(2026, 11, 21, 11, 59, tzinfo=z), NOON, SHANGHAI)
        assert not hikvision.reads_local(datetime(2026, 11, 21, 3, 59, tzinfo=z), NOON, SHANGHAI)
        assert hikvision.reads_local(datetime(2026, 11, 20, 3, 59, tzinfo=z), NOON, SHANGHAI)
        assert hikvision.reads_local(datetime(2026, 11, 21, 3, 59, tzinfo=z), NOON, UTC)

    def test_days_with_pictures(self) -> None:
        """Of one month."""
        days = "".join(
            f"<day><id>{day}</id><dayOfMonth>{day}</dayOfMonth><record>{'true' if day > 20 else 'false'}</record></day>"
            for day in (19, 20, 21, 22, 99)
        )
        body = ns(f"<trackDailyDistribution><dayList>{days}</dayList></trackDailyDistribution>")
        assert hikvision.days(body) == (21, 22)
        assert hikvision.months_back(datetime(2026, 2, 1, tzinfo=UTC))[:3] == [(2026, 2), (2026, 1), (2025, 12)]

    def test_channels_whose_camera_is_away(self) -> None:
        """By the recorder's own channel numbers."""
        body = ns(
            "<InputProxyChannelStatusList><InputProxyChannelStatus><id>1</id><online>true</online>"
            "</InputProxyChannelStatus><InputProxyChannelStatus><id>2</id><online>false</online>"
            "</InputProxyChannelStatus></InputProxyChannelStatusList>"
        )
        assert hikvision.inputs(body) == {1: True, 2: False}

    def test_what_is_asked_is_xml(self) -> None:
        """Track 301 is channel 3; the search's identity cannot break out of its element."""
        root = parse(hikvision.search_body(3, NOON, NOON + timedelta(hours=1), "{A}</searchID><x/>"))
        assert [each.text for each in root.iter("trackID")] == ["301"]
        assert not list(root.iter("x"))
        assert parse(hikvision.days_body(2026, 11)).tag == "trackDailyParam"

    def test_where_a_stretch_plays(self) -> None:
        """An address without a login."""
        url = hikvision.playback_url("192.0.2.4", 2, NOON, NOON + timedelta(minutes=1))
        assert url == "rtsp://192.0.2.4:554/Streaming/tracks/201?starttime=20261121T040000Z&endtime=20261121T040100Z"


class TestDahua:
    """The CGI."""

    def test_its_time(self) -> None:
        """The site's local time, without leading zeros; nonsense is none."""
        assert dahua.clock(b"result = 2026-11-21 12:0:0\r\n", SHANGHAI) == NOON
        for text in (b"result = 2026-13-1 0:0:0", b"result = soon", b"Error\r\n", b"", b"result = 0001-01-01 00:00:00"):
            assert dahua.clock(text, SHANGHAI) is None

    def test_its_disks(self) -> None:
        """A part that reports an error makes its disk sick, whatever the disk's state says."""
        body = (
            b"list.info[0].Detail[0].IsError=false\r\nlist.info[0].Detail[0].TotalBytes=1000.000000\r\n"
            b"list.info[0].Detail[0].UsedBytes=990.000000\r\nlist.info[0].Name=/dev/sda\r\nlist.info[0].State=Success\r\n"
            b"list.info[1].Detail[0].IsError=true\r\nlist.info[1].Name=/dev/sdb\r\nlist.info[1].State=Success\r\n"
            b"list.info[2].Name=/dev/sdc\r\nlist.info[2].State=Error\r\n"
        )
        told = dahua.disks(body)
        assert [(each.name, each.well, each.full) for each in told.disks] == [
            ("/dev/sda", True, True),
            ("/dev/sdb", False, None),
            ("/dev/sdc", False, None),
        ]
        assert told.overwrites is None

    def test_its_files(self) -> None:
        """Of the channel that was asked for, counted from 0 or from 1; a full page may have another behind it."""
        body = (
            b"found=2\r\nitems[0].Channel=1\r\nitems[0].StartTime=2026-11-21 00:00:00\r\n"
            b"items[0].EndTime=2026-11-21 01:00:00\r\nitems[1].Channel=6\r\n"
            b"items[1].StartTime=2026-11-21 00:00:00\r\nitems[1].EndTime=2026-11-21 01:00:00\r\n"
        )
        found, more = dahua.files(body, 2, SHANGHAI)
        assert [(each.begin, each.end) for each in found] == [(NOON - timedelta(hours=12), NOON - timedelta(hours=11))]
        assert not more
        assert dahua.files(b"found=0\r\n", 2, SHANGHAI) == ([], False)

    def test_channels_that_are_set_to_record_nothing(self) -> None:
        """Mode 2 is off; channels count from 1 here."""
        body = b"table.RecordMode[0].Mode=0\r\ntable.RecordMode[0].ModeExtra1=2\r\ntable.RecordMode[1].Mode=2\r\n"
        assert dahua.modes(body) == {1: True, 2: False}

    def test_a_page_is_no_answer(self) -> None:
        """A login page in place of lines is said to be unreadable; a recorder without finders is busy."""
        with pytest.raises(DeviceError, match="cannot be read"):
            dahua.table(b"<html>")
        with pytest.raises(DeviceError, match="sessions"):
            dahua.finder(b"Error: no resource\r\n")
        assert dahua.finder(b"result=08137\r\n") == "08137"

    def test_what_is_asked(self) -> None:
        """Local times, with the blank as the address wants it."""
        path = dahua.find_path("08137", 2, NOON, NOON + timedelta(hours=1), SHANGHAI)
        assert "condition.Channel=2&condition.StartTime=2026-11-21%2012:00:00" in path
        assert dahua.playback_url("h", 2, NOON, NOON, SHANGHAI).endswith(
            "starttime=2026_11_21_12_00_00&endtime=2026_11_21_12_00_00"
        )


def test_stretches_that_meet_are_one() -> None:
    """Files end and begin within a second or overlap; what lies outside is cut off, what is turned round is nothing."""
    hour = timedelta(hours=1)
    found = [
        Stretch(begin=NOON + hour, end=NOON + 2 * hour),
        Stretch(begin=NOON - hour, end=NOON + hour - timedelta(seconds=1)),
        Stretch(begin=NOON + hour, end=NOON + hour + timedelta(minutes=1)),
        Stretch(begin=NOON + 9 * hour, end=NOON),
    ]
    assert joined(found, NOON, NOON + 4 * hour) == (Stretch(begin=NOON, end=NOON + 2 * hour),)


BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        BOMB.decode().encode("utf-16"),
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>" * 40 + b"</a>" * 40,
        b"<a>" + b"<b/>" * 30_000 + b"</a>",
        b"<a>" + b"x" * MAX_BYTES + b"</a>",
        b"<a>&lol;</a>",
        b"<a",
        b"",
        b"\xff\xfe",
    ],
)
def test_xml_that_is_a_bomb_is_not_read(data: bytes) -> None:
    """No document type, no entities, no other encoding, nothing too deep or too long: refused before it unfolds."""
    with pytest.raises(XmlError):
        parse(data)
