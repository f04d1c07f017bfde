"""Whatever cameras and recorders answer: understood, or refused with our own errors, within limits; never a crash."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.detectors import recording
from agent.detectors.recording import ChannelState, Duty
from agent.drivers.onvif import discovery, facts, leases, recordings, streams, topics
from agent.drivers.recorders import dahua, hikvision
from agent.drivers.recorders.told import Stretch, joined
from agent.drivers.safe_xml import XmlError, parse
from agent.drivers.trouble import DeviceError
from agent.signals import Moment

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
NAMES = st.sampled_from(
    [
        "UTCDateTime", "Date", "Time", "Year", "Month", "Day", "Hour", "Minute", "Second", "token", "Name", "Encoding",
        "Resolution", "Width", "Height", "RateControl", "VideoEncoderConfiguration", "VideoSourceConfiguration",
        "SourceToken", "PTZConfiguration", "Namespace", "XAddr", "Media", "Extension", "NotificationMessage", "Topic",
        "Message", "_value_1", "Source", "Data", "SimpleItem", "Value", "PropertyOperation", "RecordingInformation",
        "RecordingToken", "Track", "TrackType", "DataFrom", "DataTo", "EarliestRecording", "ResultList", "Result",
        "Event", "Time", "CurrentTime", "TerminationTime", "Uri",
    ]
)  # fmt: skip
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(["true", "tns1:Device/Trigger/DigitalInput", "IsDataPresent", "LogicalState", "rtsp://h/x"]),
)
ANSWERS = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=25,
)

READERS: list[Callable[[Any], object]] = [
    facts.device,
    facts.clock,
    facts.services,
    facts.profiles,
    facts.presets,
    facts.inputs,
    facts.terms,
    topics.told,
    topics.brought,
    lambda answer: recordings.sources(recordings.recordings(answer)),
    lambda answer: recordings.segments(recordings.changes(answer, "r"), NOW, NOW + timedelta(days=1)),
    lambda answer: leases.renewed(leases.begun(*facts.terms(answer), 0), *facts.terms(answer), 5),
    lambda answer: streams.chosen(facts.profiles(answer), "sub"),
]


@pytest.mark.parametrize("number", range(len(READERS)))
@given(data=st.data())
def test_any_onvif_answer_is_read_or_left(number: int, data: st.DataObject) -> None:
    """Fields that are missing, of another kind or absurd: what cannot be read is left out."""
    READERS[number](data.draw(ANSWERS))


@given(st.text(max_size=80), st.sampled_from(["192.0.2.1", "2001:db8::1", "cam.local"]))
def test_any_address_of_a_stream_stays_at_our_host(tail: str, host: str) -> None:
    """Whatever a camera says its address is, we go to the host that we were given, with no login in the address."""
    for uri in (tail, f"rtsp://{tail}", f"rtsp://u:p@10.0.0.1/{tail}", f"http://{tail}"):
        found = streams.reachable(uri, host)
        if found is not None:
            rest = found.partition("://")[2].partition("/")[0]
            assert rest.rpartition(":")[0] in {host, f"[{host}]", "[2001:db8:"} or rest in {host, f"[{host}]"}
            assert "@" not in rest
        streams.service_at(uri, host, 80)


LINES = st.lists(
    st.tuples(
        st.sampled_from(
            ["result", "items[0].StartTime", "items[0].EndTime", "items[0].Channel", "list.info[0].State",
             "list.info[0].Detail[0].IsError", "list.info[0].Detail[0].TotalBytes", "table.RecordMode[0].Mode", "found"]
        ),
        st.one_of(st.text(max_size=12), st.sampled_from(["2026-11-21 10:00:00", "2026-99-99 1:1:1", "true", "9" * 30])),
    ),
    max_size=12,
)  # fmt: skip


@given(st.one_of(st.binary(max_size=400), LINES.map(lambda pairs: "\r\n".join(f"{k}={v}" for k, v in pairs).encode())))
def test_any_dahua_answer_is_read_or_refused(body: bytes) -> None:
    """Lines, half lines, pages and bytes."""
    for read in (
        lambda: dahua.clock(body, ZONE),
        lambda: dahua.disks(body),
        lambda: dahua.files(body, 1, ZONE),
        lambda: dahua.modes(body),
        lambda: dahua.finder(body),
        lambda: dahua.about(body, body, body),
    ):
        with suppress(DeviceError):
            read()


WORDS = st.sampled_from(
    ["localTime", "timeZone", "hdd", "status", "capacity", "freeSpace", "timeSpan", "startTime", "endTime", "day",
     "dayOfMonth", "record", "InputProxyChannelStatus", "id", "online", "responseStatusStrg", "LoopEnable"]
)  # fmt: skip
TREES = st.recursive(
    st.one_of(st.text("0123456789-:TZ+truefalseMOK", max_size=24), st.just("2026-11-21T10:00:00Z")),
    lambda inner: st.lists(st.tuples(WORDS, inner), max_size=4).map(
        lambda pairs: "".join(f"<{name}>{body}</{name}>" for name, body in pairs)
    ),
    max_leaves=12,
)


@given(st.one_of(st.binary(max_size=300), TREES.map(lambda body: f"<a>{body}</a>".encode())))
def test_any_isapi_answer_is_read_or_refused(body: bytes) -> None:
    """Elements that are missing, doubled, nested in themselves or of no number."""
    for read in (
        lambda: hikvision.clock(body, ZONE),
        lambda: hikvision.disks(body, body),
        lambda: hikvision.stretches(hikvision.matches(body)[0], ZONE, local_z=True),
        lambda: hikvision.stretches(hikvision.matches(body)[0], ZONE, local_z=False),
        lambda: hikvision.days(body),
        lambda: hikvision.inputs(body),
        lambda: hikvision.about(body),
    ):
        with suppress(DeviceError):
            read()


@given(st.binary(max_size=500))
def test_any_bytes_are_xml_or_none(data: bytes) -> None:
    """A root, or our error."""
    with suppress(XmlError):
        parse(data)


ASKED = uuid.UUID(int=7)


@given(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(
    lambda text: (
        f"<E><RelatesTo>uuid:{ASKED}</RelatesTo><ProbeMatch><XAddrs>http://{text} {text}</XAddrs>"
        f"<Scopes>onvif://www.onvif.org/name/{text}</Scopes></ProbeMatch></E>"
    ).encode("utf-8", "ignore")
)))  # fmt: skip
def test_any_datagram_is_an_answer_or_none(data: bytes) -> None:
    """Discovery reads what anybody on the network sends; what it lists can be printed on one line."""
    for found in discovery.answers(data, "192.0.2.9", ASKED):
        assert (found.address + found.name + found.hardware).isprintable()
        assert len(found.address) <= 255


TIMES = st.datetimes(datetime(2026, 11, 18), datetime(2026, 11, 23), timezones=st.just(UTC))  # noqa: DTZ001 - with a zone


@given(st.lists(st.tuples(TIMES, TIMES), max_size=20))
def test_any_stretches_make_gaps_within_the_day(pairs: list[tuple[datetime, datetime]]) -> None:
    """Turned round, doubled, overlapping: gaps lie within the day, do not overlap, and no stretch lies in one."""
    duty = Duty(camera="03", recorder="n", keep=timedelta(days=90), zone=ZONE)
    begin, end = recording.day_span("2026-11-20", ZONE)
    stretches = joined([Stretch(begin=each[0], end=each[1]) for each in pairs], begin, end)
    gaps = recording.gaps_of("2026-11-20", [(each.begin, each.end) for each in stretches], duty, None)
    at = begin
    for start, stop in gaps:
        assert at <= start < stop <= end
        assert stop - start > recording.GAP
        assert not any(each.begin < stop and start < each.end for each in stretches)
        at = stop
    covered = sum((each.end - each.begin for each in stretches), timedelta(0))
    missing = sum((stop - start for start, stop in gaps), timedelta(0))
    assert covered + missing <= end - begin
    now = Moment(wall=NOW, mono_ms=0)
    recording.looked_at(ChannelState(since=NOW), duty, {"2026-11-20": pairs}, now)
