"""Times in a clip as people write them, and as they are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.replaying.spans import Span, SpanError, clock, seconds, span


@pytest.mark.parametrize(
    ("text", "value"),
    [("83", 83), ("83.5", 83.5), ("83s", 83), ("1:23", 83), ("01:23.5", 83.5), ("1:02:03", 3723), ("0", 0)],
)
def test_times_that_people_write(text: str, value: float) -> None:
    """Seconds, minutes, hours."""
    assert seconds(text) == value


@pytest.mark.parametrize(
    "text", ["", "1:99", "1:60:00", "-1", "1:", ":1", "1h", "nan", "1e5", "9" * 30, "1:2:3:4", "\uff11"]
)
def test_what_is_no_time(text: str) -> None:
    """A slip is a fault, never a time."""
    with pytest.raises(SpanError):
        seconds(text)


def test_names_with_times() -> None:
    """From, to, from then on, and all the time."""
    assert span("vault@0:10-1:00") == Span(name="vault", since_s=10, until_s=60)
    assert span("vault@10-") == Span(name="vault", since_s=10)
    assert span("vault@10") == Span(name="vault", since_s=10)
    assert span("vault") == Span(name="vault")
    assert [span("vault@1-2").holds(at) for at in (0.9, 1.0, 1.9, 2.0)] == [False, True, True, False]


@pytest.mark.parametrize("text", ["", "@1-2", "Vault@1-2", "vault@2-1", "vault@1-1", "vault@x-2", "vault@1-2-3"])
def test_what_is_no_span(text: str) -> None:
    """Without a name, turned round, or no times."""
    with pytest.raises(SpanError):
        span(text)


@given(st.integers(min_value=0, max_value=359_999))
def test_what_is_shown_can_be_typed(tenths: int) -> None:
    """A time off the screen is a time for the command line."""
    assert round(seconds(clock(tenths / 10)) * 10) == tenths
