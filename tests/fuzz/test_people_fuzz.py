"""Bytes of anybody at the people server's socket, and anything that it might answer."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.people.guests import MAX_GUESTS, Guests, listen
from agent.people.heads import atss, ssd
from agent.people.words import MAX_SIDE, Greeting, answer, encode, from_people, greeting
from agent.video.words import MAX_BOXES, Box, Thing

SMALL = Greeting(width=4, height=2, model="small")
WHOLE = SMALL.frame_bytes.to_bytes(4, "big") + bytes(SMALL.frame_bytes)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.just(0), st.just(b"")),
        st.tuples(st.just("go"), st.integers(0, 5), st.just(b"")),
        st.tuples(st.just("serve"), st.just(0), st.just(b"")),
        st.tuples(st.just("say"), st.integers(0, 5), st.binary(max_size=60)),
        st.tuples(st.just("say"), st.integers(0, 5), st.sampled_from([WHOLE, WHOLE * 3, WHOLE[:10], WHOLE[:3]])),
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One for all examples."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@given(steps=STEPS)
def test_whatever_guests_do_the_others_are_served(folder: Path, steps: list[tuple[str, int, bytes]]) -> None:
    """In any order of coming, talking and going: nothing is raised, an honest eye is answered."""
    path = folder / "people.socket"
    guests = Guests(listen(path), SMALL, lambda: 0.0)
    lines: list[socket.socket] = []
    try:
        for what, who, data in steps:
            if what == "come" and len(lines) < MAX_GUESTS // 2:
                lines.append(_come(path))
            elif what == "serve":
                _serve(guests)
            elif lines:
                line = lines[who % len(lines)]
                with suppress(OSError):
                    line.close() if what == "go" else line.sendall(data)
            guests.attend(0)
            assert guests.waiting <= guests.count <= len(lines)
        honest = _come(path)
        lines.append(honest)
        honest.sendall(WHOLE)
        for _ in range(len(lines) + 2):
            guests.attend(0)
            _serve(guests)
        said = honest.recv(1000)
        assert said.endswith(encode((Box(Thing.PERSON, 0.5, 0, 0, 1, 1),)))
    finally:
        for line in lines:
            line.close()
        guests.close()


def _come(path: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.connect(str(path))
    line.settimeout(1)
    return line


def _serve(guests: Guests) -> None:
    while (turn := guests.next_turn()) is not None:
        number, picture = turn
        assert len(picture) == SMALL.frame_bytes
        guests.tell(number, encode((Box(Thing.PERSON, 0.5, 0, 0, 1, 1),)))


BOXES = st.lists(st.tuples(st.sampled_from(list(Thing)), *[st.floats(-1, 2)] * 5), max_size=MAX_BOXES + 2)
SENT = st.one_of(
    BOXES.map(lambda each: encode(tuple(Box(*parts) for parts in each))),
    st.fixed_dictionaries({"width": st.integers(-9, 5000), "height": st.integers(-9, 5000), "model": st.text()}).map(
        msgspec.msgpack.encode
    ),
)


@given(st.binary(max_size=200) | SENT)
def test_no_answer_is_more_than_refused(data: bytes) -> None:
    """What is no message is refused as such, and what is one stays within its limits."""
    for read in (greeting, answer, from_people):
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            match read(data):
                case Greeting() as said:
                    assert 0 < said.frame_bytes <= MAX_SIDE * MAX_SIDE * 3
                case tuple() as boxes:
                    assert len(boxes) <= MAX_BOXES


@given(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40))
def test_a_greeting_asks_for_a_picture_of_sane_size(width: int, height: int) -> None:
    """No server makes an eye send gigabytes."""
    data = msgspec.msgpack.encode({"width": width, "height": height, "model": "m"})
    with suppress(msgspec.ValidationError):
        assert greeting(data).frame_bytes <= 1024 * 1024 * 3


NUMBERS = st.floats(width=32)


@given(st.lists(st.lists(NUMBERS, min_size=7, max_size=7), max_size=8))
@example([[0, 1, 0.9, 0.1, 0.1, np.inf, 0.5], [0, np.nan, 0.9, 0, 0, 1, 1], [0, 1e30, 0.9, 0, 0, 1, 1]])
def test_a_model_gone_mad_makes_no_impossible_box(rows: list[list[float]]) -> None:
    """Infinite, negative, turned inside out: what comes out lies in the picture and has some area."""
    table = np.array(rows, np.float32).reshape(-1, 7)
    labels = np.nan_to_num(table[:, 1], posinf=5, neginf=5).clip(-9, 9).astype(np.int64)
    for boxes in (ssd(table), atss(table[:, 2:], labels, 448, 256)):
        assert len(boxes) <= MAX_BOXES
        for box in boxes:
            assert 0 <= box.left < box.right <= 1
            assert 0 <= box.top < box.bottom <= 1
