"""The pure parts of simulated cameras: RTP, digest, SOAP, leases, recordings, faults of the picture, drawn rooms."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from hashlib import md5, sha1
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.cameras.digest import REALM, challenge, is_right
from simulator.cameras.events import MAX_WAITING, Events, NoSuchSubscriptionError, Property, Quirk, Topic
from simulator.cameras.faults import Fault, spoil
from simulator.cameras.recordings import Recording, changes
from simulator.cameras.rtp import FU_A, MAX_PAYLOAD, Packetizer
from simulator.cameras.scenes import DrawnScene, Room
from simulator.cameras.soap import NotSoapError, Token, duration_s, find, parsed, proves

INPUT = Property(topic=Topic.INPUT, source="input-1")


UNITS = st.binary(min_size=1, max_size=100) | st.builds(
    lambda part, size: (part * size)[:size], st.binary(min_size=1, max_size=100), st.integers(MAX_PAYLOAD - 2, 5000)
)


@given(st.lists(UNITS, min_size=1, max_size=5), st.integers(0, 0xFFFF))
def test_whatever_is_packed_comes_out_as_it_was(nals: list[bytes], first: int) -> None:
    """RFC 6184: units of any length, whole or in fragments, are put together again; only the last packet is marked."""
    packets = list(Packetizer(ssrc=7, sequence=first).packets(nals, 90_000))
    assert [int.from_bytes(each[2:4], "big") for each in packets] == [
        (first + number) & 0xFFFF for number in range(len(packets))
    ]
    assert [each[1] >> 7 for each in packets] == [0] * (len(packets) - 1) + [1]
    assert all(len(each) <= 12 + MAX_PAYLOAD for each in packets)
    together: list[bytes] = []
    part = b""
    for payload in (each[12:] for each in packets):
        if len(payload) < 2 or payload[0] & 0x1F != FU_A or not _is_fragment(payload, nals):
            together.append(payload)
            continue
        if payload[1] & 0x80:
            part = bytes((payload[0] & 0xE0 | payload[1] & 0x1F,))
        part += payload[2:]
        if payload[1] & 0x40:
            together.append(part)
    assert together == nals


def _is_fragment(payload: bytes, nals: list[bytes]) -> bool:
    """A short unit may look like a fragment; then it is among the units as it is."""
    return payload not in nals


@pytest.mark.parametrize("qop", [False, True])
def test_digest_is_right_for_one_password_method_and_nonce_only(qop: bool) -> None:
    """With and without `qop`: another password, method, user or nonce is refused, and so is no header at all."""

    def md5_of(text: str) -> str:
        return md5(text.encode(), usedforsecurity=False).hexdigest()

    def header(password: str, user: str = "guard", nonce: str = "n1") -> str:
        middle = f"{nonce}:00000001:abc:auth" if qop else nonce
        response = md5_of(f"{md5_of(f'{user}:{REALM}:{password}')}:{middle}:{md5_of('DESCRIBE:/sub')}")
        more = ', qop=auth, nc=00000001, cnonce="abc"' if qop else ""
        return f'Digest username="{user}", realm="{REALM}", nonce="{nonce}", uri="/sub", response="{response}"{more}'

    def right(text: str, method: str = "DESCRIBE") -> bool:
        return is_right(text, method, user="guard", password="word", nonce="n1")

    assert right(header("word"))
    assert not right(header("word"), "SETUP")
    assert not any(right(each) for each in (header("other"), header("word", user="x"), header("word", nonce="n2"), ""))
    assert ("qop" in challenge("n1", qop=qop)) == qop


def test_a_token_is_right_near_the_devices_own_time_only() -> None:
    """WS-UsernameToken: the password and a time near the device's clock; an hour off is refused."""
    created = "2026-11-22T04:00:00Z"
    now_s = datetime(2026, 11, 22, 4, tzinfo=UTC).timestamp()
    digest = sha1(b"nonce" + created.encode() + b"word", usedforsecurity=False).digest()
    token = Token(user="guard", digest=base64.b64encode(digest).decode(), nonce=b"nonce", created=created)
    for password, at_s, right in (("word", now_s, True), ("word", now_s + 3600, False), ("other", now_s, False)):
        assert proves(token, user="guard", password=password, now_s=at_s, tolerance_s=60) is right


@pytest.mark.parametrize(
    "data",
    [b"", b"<a", b"<a/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', b"<a><Body/></a>"],
)
def test_what_is_no_soap_is_said_to_be_none(data: bytes) -> None:
    """Bytes of any kind, and document types, are refused in one way."""
    with pytest.raises(NotSoapError):
        parsed(data)


def test_a_call_is_known_by_its_namespace_whatever_its_prefix() -> None:
    """The operation's name is ours; so is every text below it."""
    call = parsed(
        b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>'
        b'<x:GetProfile xmlns:x="http://www.onvif.org/ver10/media/wsdl"><x:ProfileToken>main</x:ProfileToken>'
        b"</x:GetProfile></e:Body></e:Envelope>"
    )
    assert (call.name, find(call.body, "ProfileToken")) == ("trt:GetProfile", "main")


def test_durations_in_the_unit_they_say_and_in_the_wrong_one() -> None:
    """PT10M is ten minutes, ten seconds on a device that errs; nonsense is the default, years are a day."""
    assert duration_s("PT10M", 5) == 600
    assert duration_s("PT10M", 5, minutes_are_seconds=True) == 10
    assert duration_s("PT1H0M30.5S", 5) == 3630.5
    assert duration_s("soon", 5) == 5
    assert duration_s("P9999D", 5) == 86_400


def test_a_lease_that_nobody_renews_ends() -> None:
    """A listener is there until its lease is over, and no message waits for it beyond a bound."""
    events = Events({INPUT: False})
    identity = events.subscribe(0.0, 60.0, 0.0)
    for number in range(2 * MAX_WAITING):
        events.become(INPUT, number % 2 == 0, 0.0)
    assert len(events.of(identity, 59.0).waiting) == MAX_WAITING
    with pytest.raises(NoSuchSubscriptionError):
        events.of(identity, 60.0)


def test_dead_events_are_taken_and_never_told() -> None:
    """A device whose events are dead lets everybody subscribe and tells nobody anything."""
    events = Events({INPUT: False}, frozenset({Quirk.EVENTS_DEAD}))
    identity = events.subscribe(0.0, 60.0, 0.0)
    events.become(INPUT, True, 0.0)
    assert not events.of(identity, 1.0).waiting


@given(
    st.lists(st.tuples(st.floats(0, 90_000), st.floats(1, 9_000)), max_size=4),
    st.floats(0, 100_000),
)
def test_stretches_are_in_order_and_hold_no_hole(holes: list[tuple[float, float]], at_s: float) -> None:
    """Whatever holes a recording has: its stretches are disjoint, in order, and a moment is in one or in a hole."""
    now_s = 86_400.0
    recording = Recording(channel=1, days=1, holes=tuple((start, start + length) for start, length in holes))
    segments = recording.segments(now_s)
    assert all(start < end for start, end in segments)
    assert all(before[1] <= after[0] for before, after in pairwise(segments))
    inside = any(start < at_s < end for start, end in segments)
    in_hole = any(start < at_s < start + length for start, length in holes)
    assert not (inside and in_hole)
    assert inside or in_hole or not 0 < at_s < now_s or _is_edge(at_s, segments, holes)


def _is_edge(at_s: float, segments: tuple[tuple[float, float], ...], holes: list[tuple[float, float]]) -> bool:
    return any(at_s in each for each in segments) or any(at_s in (start, start + length) for start, length in holes)


def test_changes_begin_with_how_it_was() -> None:
    """First whether there were pictures at the beginning, then each end and begin of pictures within the time."""
    assert changes(((0.0, 10.0), (20.0, 90.0)), 5.0, 50.0) == [
        (5.0, True, True),
        (10.0, False, False),
        (20.0, True, False),
    ]
    assert changes((), 5.0, 50.0) == [(5.0, False, True)]


@pytest.mark.parametrize("room", list(Room))
def test_somebody_comes_stays_and_goes(room: Room) -> None:
    """An empty room differs from itself by noise only; a person is to be seen while they are there, then no more."""
    scene = DrawnScene(room=room)
    empty = scene.frame(0.0).astype(float)

    def seen(at_s: float) -> float:
        return float((np.abs(scene.frame(at_s) - empty).max(axis=2) > 40).mean())

    assert seen(0.2) == 0
    scene.come(1.0, 20.0)
    alone = seen(10.0)
    assert 0.02 < alone < 0.15
    scene.come(11.0, 20.0)
    assert seen(17.0) > 1.6 * alone
    scene.leave(18.0)
    assert seen(23.0) == 0


@pytest.mark.parametrize("fault", [Fault.STALL, Fault.CLOCK_OFF, Fault.LOGIN_REFUSED])
def test_a_fault_of_the_line_leaves_the_picture_alone(fault: Fault) -> None:
    """What is wrong with line, clock or login changes no pixel."""
    frame = DrawnScene().frame(0.0)
    assert np.array_equal(spoil(frame, frozenset({fault}), 0, np.random.default_rng(1)), frame)
