"""What ONVIF devices answer, understood: streams, addresses, clocks, events, leases; and their quirks, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.drivers.onvif import facts, leases, recordings, streams, topics
from agent.drivers.onvif.facts import Profile
from agent.drivers.onvif.leases import LEASE_S, Way
from agent.drivers.onvif.logging_in import Way as Login
from agent.drivers.onvif.logging_in import way_of
from agent.drivers.onvif.quirks import QUIRKS, Quirk

T = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def profile(token: str, width: int, height: int, codec: str = "H264", source: str = "s1") -> Profile:
    """One stream."""
    return Profile(token=token, width=width, height=height, codec=codec, source=source)


MAIN, SUB, TINY = profile("m", 1920, 1080), profile("s", 640, 360), profile("t", 176, 144)
THIRD, PHOTO = profile("3", 352, 288, "H265"), profile("j", 640, 360, "JPEG")
OTHER, UNSAID = profile("o", 320, 180, source="s2"), profile("u", 0, 0)


@pytest.mark.parametrize(
    ("given", "stream", "first"),
    [
        ([MAIN, SUB], "sub", "s"),
        ([MAIN, SUB], "main", "m"),
        ([MAIN, SUB, TINY, THIRD], "sub", "3"),
        ([MAIN, TINY], "sub", "m"),
        ([TINY, profile("t2", 300, 200)], "sub", "t2"),
        ([MAIN, PHOTO], "sub", "m"),
        ([PHOTO], "sub", "j"),
        ([MAIN, OTHER, SUB], "sub", "s"),
        ([UNSAID, MAIN], "sub", "m"),
        ([UNSAID], "main", "u"),
        ([], "sub", None),
    ],
)
def test_the_smallest_stream_of_at_least_320_columns(given: list[Profile], stream: str, first: str | None) -> None:
    """Sub: smallest that shows people; main: largest; JPEG and unknown sizes last; never another lens's picture."""
    assert next((each.token for each in streams.chosen(given, stream)), None) == first


@pytest.mark.parametrize(
    ("uri", "reached"),
    [
        ("rtsp://192.168.1.108:554/cam/realmonitor?channel=1&subtype=1", "rtsp://198.51.100.7:554/cam/realmonitor?channel=1&subtype=1"),
        ("rtsp://192.168.1.108/s2", "rtsp://198.51.100.7/s2"),
        ("rtsp://admin:pw@192.168.1.108:8554/s2", "rtsp://198.51.100.7:8554/s2"),
        ("RTSP://10.0.0.1", "rtsp://198.51.100.7/"),
        ("rtsps://[fe80::1]:322/a", "rtsps://198.51.100.7:322/a"),
        ("http://192.168.1.108/s2", None),
        ("file:///etc/passwd", None),
        ("rtsp:///s2", None),
        ("rtsp://h:0/s2", None),
        ("rtsp://h:99999/s2", None),
        ("rtsp://h/a b", None),
        ("rtsp://h/a\r\nDESCRIBE", None),
        ("rtsp://h/" + "x" * 600, None),
        ("", None),
    ],
)  # fmt: skip
def test_the_host_that_a_person_wrote_wins(uri: str, reached: str | None) -> None:
    """Quirk inner-address: a camera behind a router names its own address; port and path are as it says."""
    assert streams.reachable(uri, "198.51.100.7") == reached


@pytest.mark.parametrize(
    ("uri", "reached"),
    [
        ("http://198.51.100.7:8899/onvif/media", "http://198.51.100.7:8899/onvif/media"),
        ("http://192.168.1.108:80/onvif/media", "http://198.51.100.7:8080/onvif/media"),
        ("https://192.168.1.108/onvif/media", "http://198.51.100.7:8080/onvif/media"),
        ("http://evil.example/steal?x=1", "http://198.51.100.7:8080/steal?x=1"),
        ("ftp://198.51.100.7/x", None),
    ],
)
def test_no_service_sends_us_elsewhere(uri: str, reached: str | None) -> None:
    """A device that names another host is asked where it is; our login goes nowhere else."""
    assert streams.service_at(uri, "198.51.100.7", 8080) == reached


def clock_answer(**changed: object) -> dict[str, Any]:
    """GetSystemDateAndTime of 2026-11-21 02:00:00, with something changed."""
    parts: dict[str, object] = {"Year": 2026, "Month": 11, "Day": 21, "Hour": 2, "Minute": 0, "Second": 0, **changed}
    return {
        "UTCDateTime": {
            "Date": {name: parts[name] for name in ("Year", "Month", "Day")},
            "Time": {name: parts[name] for name in ("Hour", "Minute", "Second")},
        }
    }


def test_a_clocks_offset_is_measured_in_the_middle_of_the_answer() -> None:
    """FIELD-FAULTS 12: an hour or months off is known to a second; the way there and back counts by half."""
    said = facts.clock(clock_answer())
    assert said == T
    early = T - timedelta(hours=1)
    assert abs(facts.offset(T, early, early + timedelta(seconds=2)) - timedelta(hours=1)) < timedelta(seconds=1)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"UTCDateTime": None},
        clock_answer(Month=13),
        clock_answer(Day=31),
        clock_answer(Hour=-1),
        clock_answer(Year=10**9),
        clock_answer(Second="soon"),
        clock_answer(Minute=None),
    ],
)
def test_a_clock_that_says_nothing_has_no_offset(answer: object) -> None:
    """Nonsense is no time."""
    assert facts.clock(answer) is None


def event(topic: str, name: str, value: str, operation: str = "Changed", source: str = "DI_2") -> dict[str, Any]:
    """PullMessages with one event, as the library gives it."""
    return {
        "NotificationMessage": [
            {
                "Topic": {"_value_1": topic, "Dialect": "x"},
                "Message": {
                    "_value_1": {
                        "PropertyOperation": operation,
                        "Source": {"SimpleItem": [{"Name": "InputToken", "Value": source}]},
                        "Data": {"SimpleItem": [{"Name": name, "Value": value}]},
                    }
                },
            }
        ]
    }


@pytest.mark.parametrize(
    ("topic", "name", "value", "what", "active"),
    [
        ("tns1:Device/Trigger/DigitalInput", "LogicalState", "true", "input", True),
        ("tns1:Device/Trigger/tnshik:AlarmIn", "State", "0", "input", False),
        ("tns1:VideoSource/MotionAlarm", "State", "1", "motion", True),
        ("tns1:RuleEngine/CellMotionDetector/Motion", "IsMotion", "false", "motion", False),
        ("tns1:RuleEngine/TamperDetector/Tamper", "IsTamper", "True", "tamper", True),
        ("tns1:VideoSource/GlobalSceneChange/ImagingService", "State", "true", "tamper", True),
        ("tns1:VideoSource/SignalLoss", "State", "true", "signal_loss", True),
        ("VideoSource/dh:VideoLoss", "Value", "active", "signal_loss", True),
        ("/tns1:Device/HardwareFailure/StorageFailure/", "Failed", "true", "storage", True),
    ],
)
def test_topics_mean_the_same_under_every_prefix(topic: str, name: str, value: str, what: str, active: bool) -> None:
    """Quirk own-topic-namespace: makers bind names of their own; only the words count."""
    (told,) = topics.told(event(topic, name, value))
    assert (told.what, told.active) == (what, active)


def test_what_is_no_event_of_ours_is_none() -> None:
    """Unknown topics and values that say neither yes nor no act as nothing; a deleted property is unknown."""
    assert topics.told(event("tns1:Monitoring/ProcessorUsage", "Value", "12")) == ()
    assert topics.told(event("tns1:Device/Trigger/DigitalInput", "LogicalState", "maybe")) == ()
    assert topics.told({"NotificationMessage": "x"}) == ()
    (gone,) = topics.told(event("tns1:Device/Trigger/DigitalInput", "LogicalState", "true", "Deleted"))
    assert gone.active is None
    (first,) = topics.told(event("tns1:Device/Trigger/DigitalInput", "LogicalState", "true", "Initialized"))
    assert first.first


@pytest.mark.parametrize(
    ("source", "listed", "number"),
    [
        ("DI_2", ("DI_1", "DI_2"), 2),
        ("7", ("5", "7"), 2),
        ("0", ("0", "1"), 1),
        ("AlarmIn_3", (), 3),
        ("000", (), 1),
        ("door", (), 1),
        ("door", ("DI_1", "DI_2"), None),
    ],
)
def test_an_inputs_number(source: str, listed: tuple[str, ...], number: int | None) -> None:
    """Its place in the device's own list; else the number in its name."""
    assert topics.input_number(source, listed) == number


class TestLeases:
    """FIELD-FAULTS 12: leases, renewals in the wrong unit, listeners that nobody unsubscribes."""

    def test_lengths_are_asked_for_in_seconds(self) -> None:
        """Quirk minutes-as-seconds: what reads PT1M as a second never sees a minute."""
        assert leases.asked_until(Way.LENGTH, T) == "PT60S"

    def test_a_renewal_read_in_the_wrong_unit_is_asked_for_by_time(self) -> None:
        """Quirk renewal-in-wrong-unit: granted a second for a minute, the next renewal names a time, at once."""
        lease = leases.begun(T, T + timedelta(seconds=LEASE_S), 0)
        assert (lease.way, lease.renew_ms, lease.ends_ms) == (Way.LENGTH, 30_000, 60_000)
        lease = leases.renewed(lease, T, T + timedelta(seconds=1), 30_000)
        assert lease.way is Way.TIME
        assert leases.due(lease, 30_000)
        off = T + timedelta(days=90)
        assert leases.asked_until(Way.TIME, off) == "2027-02-19T02:01:00Z", "by the device's clock"
        lease = leases.renewed(lease, off, off + timedelta(seconds=LEASE_S), 30_000)
        assert (lease.way, lease.ends_ms) == (Way.TIME, 90_000)

    def test_a_device_that_renews_nothing_is_listened_to_anew(self) -> None:
        """Neither a length nor a time: the listener lives out its time and another follows."""
        lease = leases.begun(T, T + timedelta(seconds=LEASE_S), 0, Way.TIME)
        lease = leases.renewed(lease, T, T + timedelta(seconds=1), 30_000)
        assert lease.way is Way.ANEW
        assert not leases.due(lease, 10**9)
        assert leases.over(lease, 31_000)

    def test_a_clock_months_off_shortens_no_lease(self) -> None:
        """A lease is the time between two times of the same clock, whatever it shows."""
        past = datetime(1970, 1, 1, tzinfo=UTC)
        assert leases.begun(past, past + timedelta(seconds=60), 5_000).ends_ms == 65_000

    @pytest.mark.parametrize(
        ("current", "termination", "seconds"),
        [
            (None, None, LEASE_S),
            (T, None, LEASE_S),
            (T, T, 1),
            (T, T - timedelta(hours=1), 1),
            (T, T + timedelta(days=400), 86_400),
        ],
    )
    def test_nonsense_is_bounded(self, current: datetime | None, termination: datetime | None, seconds: int) -> None:
        """A lease lasts a second at least and a day at most."""
        assert leases.begun(current, termination, 0).ends_ms == seconds * 1000

    def test_a_taken_place_is_asked_for_slower_and_slower(self) -> None:
        """Quirk single-listener: with a stale owner we wait, at most two minutes at a time."""
        assert [leases.pause_s(failures) for failures in (1, 2, 3, 8, 500)] == [2, 4, 8, 120, 120]
        assert LEASE_S <= 60, "what we leave occupied ourselves is free within a minute"

    def test_nobody_says_goodbye(self) -> None:
        """Quirk unsubscribe-kills-all: no file of the driver asks for Unsubscribe."""
        from pathlib import Path

        import agent.drivers

        folder = Path(agent.drivers.__file__).parent
        texts = [file.read_text() for name in ("onvif", "asking") for file in (folder / name).glob("*.py")]
        assert len(texts) > 10
        assert not any('"Unsubscribe"' in text or ".Unsubscribe(" in text for text in texts)


@pytest.mark.parametrize(
    ("user", "offered", "refused", "way"),
    [
        ("", 'Digest realm="x"', 0, Login.NONE),
        ("a", "", 0, Login.TOKEN),
        ("a", 'Basic realm="x"', 0, Login.TOKEN),
        ("a", 'Digest realm="x"', 0, Login.HTTP),
        ("a", 'digest realm="x"', 1, Login.TOKEN),
        ("a", 'Digest realm="x"', 2, Login.HTTP),
    ],
)
def test_one_way_of_logging_in_a_try(user: str, offered: str, refused: int, way: Login) -> None:
    """Quirk digest-offered-token-taken: after a refusal the next try goes the other way, never both in one."""
    assert way_of(user, offered, refused) is way


def recorded(token: str, source: str, begin: int, end: int, status: str = "Recording") -> dict[str, Any]:
    """One recording, by hours from T."""
    return {
        "RecordingToken": token,
        "Source": {"SourceId": source, "Name": source.upper()},
        "EarliestRecording": T + timedelta(hours=begin),
        "LatestRecording": T + timedelta(hours=end),
        "Track": [{"TrackType": "Video", "DataFrom": T + timedelta(hours=begin), "DataTo": T + timedelta(hours=end)}],
        "RecordingStatus": status,
    }


def test_channels_are_sources_in_their_order() -> None:
    """Quirk recording-a-stretch: recordings of one source are one channel; source 10 comes behind source 9."""
    answer = {
        "RecordingInformation": [
            recorded("r7", "s10", 0, 5),
            recorded("r1", "s9", -9, -5, "Stopped"),
            recorded("r2", "s9", -4, 5),
            {"RecordingToken": "audio", "Track": [{"TrackType": "Audio"}]},
            {"RecordingToken": ""},
            None,
        ]
    }
    nine, ten = recordings.sources(recordings.recordings(answer))
    assert (nine.name, ten.name) == ("S9", "S10")
    assert (nine.oldest, nine.newest) == (T - timedelta(hours=9), T + timedelta(hours=5))
    assert nine.recording
    assert (
        recordings.sources(recordings.recordings({"RecordingInformation": recorded("r", "s", 0, 1, "Stopped")}))[
            0
        ].recording
        is False
    )


def test_stretches_lie_between_presence_and_absence() -> None:
    """A start state opens the first, the end of what was asked for closes the last; order does not matter."""
    hour = timedelta(hours=1)
    changes = [
        recordings.Change(at=T + 5 * hour, present=True),
        recordings.Change(at=T - hour, present=True),
        recordings.Change(at=T + 2 * hour, present=False),
        recordings.Change(at=T + 2 * hour, present=False),
    ]
    found = recordings.segments(changes, T, T + 8 * hour)
    assert [(each.begin, each.end) for each in found] == [(T, T + 2 * hour), (T + 5 * hour, T + 8 * hour)]
    assert recordings.segments([], T, T + hour) == ()


def test_every_quirk_says_what_is_seen_and_done() -> None:
    """The list is whole: a name without a line helps nobody."""
    assert set(QUIRKS) == set(Quirk)
    assert all(seen.endswith(".") and done.endswith(".") for seen, done in QUIRKS.values())
