"""What passes between an RTSP library and a camera: packets as they came, refusals without their challenge."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from agent.drivers.rtsp.passing import Asked, Passing, PassingError, Told

OWN, CAMERA = "rtsp://127.0.0.1:9/0123", "rtsp://192.0.2.1:554/live?x=1"
REFUSAL = b'RTSP/1.0 401 No\r\nCSeq: 7\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\nContent-Length: 2\r\n\r\nxy'


def pieces(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """The same bytes as a line may cut them."""
    while data:
        size = chance.randrange(1, 40)
        yield data[:size]
        data = data[size:]


def test_packets_and_answers_pass_as_they_came_however_they_are_cut() -> None:
    """What a camera plays reaches the library byte for byte: packets that look like answers, answers with bodies."""
    said = b"".join(
        (
            b"\r\n",
            b"RTSP/1.0 200 OK\r\nContent-Length: 5\r\nCSeq: 1\r\n\r\nv=0\r\n",
            b"$\0\0\x1cRTSP/1.0 302 Moved\r\nCSeq: 1",
            b"$\1\0\0",
            b"$\0\1\x2c" + bytes(300),
            b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n",
        )
    )
    for seed in range(30):
        passing = Passing(own=OWN, camera=CAMERA)
        told = [each for piece in pieces(said, random.Random(seed)) for each in passing.told(piece)]
        assert b"".join(each.data for each in told) == said


def test_questions_go_to_the_camera_under_its_own_address() -> None:
    """The library's address is put right in the first line only; a login has its place before the empty line."""
    passing = Passing(own=OWN, camera=CAMERA)
    (asked,) = passing.asked(f"SETUP {OWN}/track1 RTSP/1.0\r\nCSeq: 3\r\n\r\n".encode())
    assert asked == Asked(
        head=f"SETUP {CAMERA}/track1 RTSP/1.0\r\nCSeq: 3".encode(),
        rest=b"\r\n\r\n",
        method="SETUP",
        uri=f"{CAMERA}/track1",
    )
    report = b"$\1\0\4abcd"
    assert [each.head for each in passing.asked(report)] == [report]
    assert passing.known(f"OPTIONS {OWN} RTSP/1.0".encode())
    assert not passing.known(b"OPTIONS rtsp://127.0.0.1:9/ RTSP/1.0")


def test_a_refusal_reaches_the_library_without_its_challenge() -> None:
    """The library would try once more by itself: a second bad login."""
    passing = Passing(own=OWN, camera=CAMERA)
    (asked,) = passing.asked(f"PLAY {OWN} RTSP/1.0\r\nCSeq: 7\r\n\r\n".encode())
    (told,) = passing.told(REFUSAL)
    assert told == Told(
        data=b"RTSP/1.0 401 Unauthorized\r\nCSeq: 7\r\n\r\n",
        status=401,
        challenges=('Digest realm="r", nonce="n"',),
        of=asked,
    )


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (b"RTSP/1.0 302 Found\r\nLocation: rtsp://192.0.2.9/\r\n\r\n", "redirected"),
        (b"RTSP/1.0 301 Moved\r\nLocation: rtsp://192.0.2.9/\r\n\r\n", "redirected"),
        (b"RTSP/1.0 200 OK\n\nRTSP/1.0 302 Found\nLocation: rtsp://192.0.2.9/\n\n", "redirected"),
        (b"RTSP/1.0 200 OK\n\r\r\nRTSP/1.0 302 Found\r\n\r\n", "redirected"),
        (b"RTSP/1.0  302 Found\r\n\r\n", "status"),
        (b"RTSP/1.0 200 OK\r\n$\0\0\x04\r\n\r\nRTSP/1.0 302 Found\r\n\r\n", "head"),
        (b"RTSP/1.0 200 OK\r\nContent-Length : 30\r\n\r\nRTSP/1.0 302 Found\r\n\r\n123456789", "redirected"),
        (b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 4000, "head"),
        (b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "head"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 2000000000\r\n\r\n", "SDP"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", "length"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "length"),
    ],
)
def test_what_is_not_passed_on(said: bytes, word: str) -> None:
    """A camera sends us nowhere else, and nothing endless is kept."""
    with pytest.raises(PassingError, match=word):
        list(Passing(own=OWN, camera=CAMERA).told(said))
