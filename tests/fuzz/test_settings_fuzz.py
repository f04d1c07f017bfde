"""Invariant: whatever the text, reading settings returns a site or raises SettingsError, with a line of the text."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.wiring import wirings
from agent.guard import Guard
from protocol.settings import Fault, SettingsError
from protocol.site.reading import read_site
from tests.branch import moment

EXAMPLE = (Path(__file__).parents[1] / "data" / "0755-031.toml").read_text(encoding="utf-8")
LINES = EXAMPLE.split("\n")
VALUES = st.sampled_from(
    ["1", "-1", "1.5", "nan", "inf", "true", "0xFFFF", "1e400", "1979-05-27T07:32:00Z", "07:32:00", "[]", "[[]]", "{}"]
)
TEXTS = st.sampled_from(
    ['""', '"io1/di/0"', '"0s"', '"99d"', '"outer"', '"\\u0000"', "'x'", '"河"', '"""\n"""', "{ a = 1 }"]
)


def reads(text: str | bytes) -> None:
    """Keep the invariant."""
    faults: tuple[Fault, ...] = ()
    try:
        site = read_site(text, "x.toml")
    except SettingsError as error:
        faults = error.faults
    else:
        wirings(site)
        Guard(site, None, moment(0), same_boot=True).points()
        return
    lines = (text.encode() if isinstance(text, str) else text).count(b"\n") + 1
    assert faults
    assert all(1 <= fault.line <= lines and str(fault).isprintable() for fault in faults)


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200)))
@settings(max_examples=200, deadline=None)
def test_any_text(text: str | bytes) -> None:
    """Noise is a fault."""
    reads(text)


@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), VALUES | TEXTS), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_the_example_with_wrong_values(changes: list[tuple[int, str]]) -> None:
    """Any value in any place: told, or harmless."""
    lines = list(LINES)
    for number, value in changes:
        key, equals, _ = lines[number].partition("=")
        if equals:
            lines[number] = f"{key}= {value}"
    reads("\n".join(lines))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_the_example_with_lines_missing_doubled_or_moved(data: st.DataObject) -> None:
    """A file half edited never crashes the reader."""
    lines = data.draw(st.lists(st.sampled_from(LINES), min_size=1, max_size=60))
    reads("\n".join(lines))


@given(st.integers(0, len(EXAMPLE.encode()) - 1), st.binary(min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_the_example_with_damaged_bytes(at: int, noise: bytes) -> None:
    """A damaged disk is no crash either."""
    raw = EXAMPLE.encode()
    reads(raw[:at] + noise + raw[at + len(noise) :])
