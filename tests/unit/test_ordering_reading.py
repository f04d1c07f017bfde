"""What a person's own machine signs: an order that it can show whole, and exactly the one that was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ordering.reading import MAX_LINE_BYTES, ReadOrder, UnreadableOrderError, printable, read_line, site_of
from ordering.showing import does
from ordering.wanted import OtherOrderError, Wanted, check_wanted
from protocol.messages import Order, decode_order, encode
from protocol.orders import ArmArgs, DisarmArgs, order_digest, read_args

ORDER = Order(
    v=1,
    id="01939f00-0000-7000-8000-000000000001",
    box="0755-031-a",
    challenge="fresh-1",
    roster_version=3,
    action="arm",
    at="2026-11-21T02:13:49.204Z",
    by="zhao",
    args={"partition": "cash"},
)
LINE = encode(ORDER)
WANTED = Wanted(site="0755-031", action="arm", args=ArmArgs(partition="cash"))


def _line(**fields: Any) -> bytes:
    return encode(msgspec.structs.replace(ORDER, **fields))


def test_a_whole_order_is_read() -> None:
    """Its bytes stay as they are, its arguments get types, and what is signed is the box's own digest of the bytes."""
    read = read_line(LINE)
    assert (read.line, read.order, read.args) == (LINE, ORDER, ArmArgs(partition="cash"))
    assert (read.digest, read.site) == (order_digest(LINE), "0755-031")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b" " * (MAX_LINE_BYTES + 1), "longer than"),
        (b"", "no order of this protocol"),
        (b"[]", "no order of this protocol"),
        (b"\xff{}", "no order of this protocol"),
        (b"[" * 9000, "no order of this protocol"),
        (LINE + b"\n", "no order of this protocol"),
        (LINE + b"x", "no order of this protocol"),
        (LINE.replace(b'"v":1', b'"v":2'), "no order of this protocol"),
        (LINE.replace(b'"by":"zhao"', b'"by":"zhao","by":"li"'), "read in two ways"),
        (LINE.replace(b'{"partition":"cash"}', b'{"partition":"hall","partition":"cash"}'), "read in two ways"),
        (LINE.replace(b'"by":"zhao"', b'"by":"zhao","also":1'), '"also" in it is not known'),
        (_line(action="site_file"), 'the action "site_file" is not known'),
        (_line(action="dance"), 'the action "dance" is not known'),
        (_line(args={}), "not those of arm"),
        (_line(args={"partition": "cash", "force": True}), "not those of arm"),
        (_line(args={"partition": "cash", "mode": "night"}), "not those of arm"),
        (_line(args={"partition": 7}), "not those of arm"),
        (_line(action="unlock", args={"door": "outer", "for_s": 3600}), "not those of unlock"),
        (_line(action="reset_latch", args={}), "not those of reset_latch"),
        (_line(action="reset_latch", args={"zone": "a", "partition": "b"}), "not those of reset_latch"),
        (_line(by="zhao\N{RIGHT-TO-LEFT OVERRIDE}"), "cannot be shown"),
        (_line(by="zhao\x1b[2J"), "cannot be shown"),
        (_line(challenge=""), "no challenge"),
        (_line(expires="2026-02-31T00:00:00.000Z"), "no order of this protocol"),
        (_line(at="2026-02-31T00:00:00.000Z"), "no order of this protocol"),
    ],
)
def test_what_cannot_be_shown_whole_is_not_signed(line: bytes, why: str) -> None:
    """One sentence says why; nothing of the line is taken."""
    with pytest.raises(UnreadableOrderError, match="Not signed") as refused:
        read_line(line)
    assert why in str(refused.value)


def _changed(at: int, byte: int) -> bytes:
    return LINE[:at] + bytes([byte]) + LINE[at + 1 :]


@given(st.binary(max_size=400) | st.builds(_changed, st.integers(0, len(LINE) - 1), st.sampled_from(b"019af \x7f")))
@example(LINE)
def test_no_line_is_read_as_another_than_the_box_reads(line: bytes) -> None:
    """Whatever comes: it is refused with our sentence, or the box's own reader sees the same order in it."""
    try:
        read = read_line(line)
    except UnreadableOrderError:
        return
    assert read.order == decode_order(line)
    assert read.args == read_args(read.order.action, read.order.args)


def _lies() -> Iterable[tuple[str, ReadOrder]]:
    for action in ("disarm", "run_test", "reset_latch"):
        yield action, read_line(_line(action=action, args={"partition": "cash"}))
    yield "hall", read_line(_line(args={"partition": "hall"}))
    yield "all", read_line(_line(args={"partition": "site"}))
    yield "stay", read_line(_line(args={"partition": "cash", "mode": "stay"}))
    yield "box", read_line(_line(box="0755-032-a"))
    yield "longer", read_line(_line(box="0755-031-a-b"))
    yield "bare", read_line(_line(box="vault"))
    yield "id", read_line(_line(id="01939f00-0000-7000-8000-000000000002"))


@pytest.mark.parametrize("read", [each for _, each in _lies()], ids=[name for name, _ in _lies()])
def test_another_order_than_was_asked_for_is_not_signed(read: ReadOrder) -> None:
    """Whatever the line says otherwise: action, arguments, box, order."""
    with pytest.raises(OtherOrderError, match="Not signed"):
        check_wanted(read, WANTED, ORDER.id, does(read.args))


@pytest.mark.parametrize("args", [{"partition": "cash"}, {"partition": "cash", "mode": "away"}])
def test_what_was_asked_for_may_be_signed(args: dict[str, str]) -> None:
    """Said or left out, a default is the same order."""
    read = read_line(_line(args=args))
    check_wanted(read, WANTED, ORDER.id, does(read.args))


def test_a_box_that_is_not_named_after_its_site_must_be_named() -> None:
    """Then that one box and no other, whatever the centre calls its site."""
    read = read_line(_line(box="vault-7"))
    check_wanted(read, replace(WANTED, box="vault-7"), ORDER.id, does(read.args))
    for box in ("vault-8", "0755-031-a"):
        with pytest.raises(OtherOrderError, match="you named"):
            check_wanted(read, replace(WANTED, box=box), ORDER.id, does(read.args))
    with pytest.raises(OtherOrderError, match="--box vault-7"):
        check_wanted(read, WANTED, ORDER.id, does(read.args))


def test_what_is_asked_travels_as_the_box_will_read_it() -> None:
    """The draft that is asked for has the arguments of the order's own reader."""
    asked = replace(WANTED, action="disarm", args=DisarmArgs(partition="site")).asked()
    assert asked == {"site": "0755-031", "action": "disarm", "args": {"partition": "site"}}


def test_somebody_elses_text_is_shown_harmlessly() -> None:
    """No escape sequence, no direction mark, no line feed reaches a terminal, and not endless much."""
    assert printable("a\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}\nb", 99) == "a\ufffd[2J\ufffd\ufffdb"
    assert printable("x" * 9, 4) == "xxxx…"
    assert (site_of("0755-031-a"), site_of("vault")) == ("0755-031", "")
