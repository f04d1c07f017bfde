"""Messages between agent and child: whole, byte by byte, too long."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.children.framing import MAX_MESSAGE, Framer, FramingError, framed


@given(messages=st.lists(st.binary(max_size=300), max_size=5), cuts=st.lists(st.integers(0, 1600), max_size=8))
def test_messages_come_out_as_they_went_in(messages: list[bytes], cuts: list[int]) -> None:
    """However the stream is cut, each message comes once, whole, in order; empty ones too."""
    stream = b"".join(map(framed, messages))
    framer, heard = Framer(), list[bytes]()
    places = sorted({0, *(min(cut, len(stream)) for cut in cuts), len(stream)})
    for begin, end in pairwise(places):
        heard += framer.take(stream[begin:end])
    assert heard == messages


def test_a_message_that_is_too_long_is_refused() -> None:
    """By whoever writes it, and by whoever reads only its length."""
    with pytest.raises(ValueError, match="at most"):
        framed(bytes(MAX_MESSAGE + 1))
    with pytest.raises(FramingError):
        Framer().take((MAX_MESSAGE + 1).to_bytes(4, "big"))
    assert Framer().take(framed(bytes(MAX_MESSAGE))) == [bytes(MAX_MESSAGE)]
