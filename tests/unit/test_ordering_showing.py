"""An order in words: every argument is told, no two orders read alike, and what weakens protection says so."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations
from typing import Any

import msgspec
import pytest

from ordering.reading import ReadOrder, read_line
from ordering.showing import Danger, danger, does, lasting, names_row, points_of, rows, when
from protocol.messages import Order, encode
from protocol.orders import ACTIONS, WEAKENS, OrderArgs, read_args
from protocol.texts import texts_for

CHINESE = re.compile(r"[\u4e00-\u9fff]")
NOW = datetime(2026, 11, 21, 2, 15, 0, tzinfo=UTC)
KINDS: list[tuple[str, dict[str, Any]]] = [
    *(
        (action, {"partition": name})
        for action in ("arm", "disarm", "reset_latch")
        for name in ("cash", "hall", "site")
    ),
    ("arm", {"partition": "cash", "mode": "stay"}),
    ("arm", {"partition": "site", "mode": "stay"}),
    *(
        ("bypass", {"zone": zone, "on": on, "for_s": s})
        for zone in ("a", "b")
        for on in (True, False)
        for s in (60, 61)
    ),
    *(("unlock", {"door": door, "for_s": seconds}) for door in ("a", "b") for seconds in (None, 1, 60)),
    *(("lock", {"door": door}) for door in ("a", "b")),
    *(
        ("output", {"output": name, "on": on, "for_s": s})
        for name in ("a", "b")
        for on in (True, False)
        for s in (1, 3600)
    ),
    *(("reset_latch", {"zone": zone}) for zone in ("a", "cash")),
    *(
        ("run_test", {"partition": "cash", "zones": zones, "for_s": s})
        for zones in ((), ("a",), ("a", "b"))
        for s in (60, 120)
    ),
    ("run_test", {"partition": "site"}),
    ("silence", {}),
]
ORDERS = [(action, read_args(action, args)) for action, args in KINDS]


def _read(**fields: Any) -> ReadOrder:
    order = Order(
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
    return read_line(encode(msgspec.structs.replace(order, **fields)))


def test_every_action_is_among_the_examples() -> None:
    """A new kind of order gets its words before anybody can sign it."""
    assert {action for action, _ in ORDERS} == set(ACTIONS)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_no_two_orders_read_alike(language: str) -> None:
    """Every argument of every action is told: orders that differ in anything differ in words."""
    texts = texts_for(language)
    said = [(args, does(args).told(texts)) for _, args in ORDERS]
    assert [(a, b) for (a, one), (b, other) in combinations(said, 2) if one == other] == []
    assert all(bool(CHINESE.search(sentence)) is (language == "zh-CN") for _, sentence in said)


@pytest.mark.parametrize(("action", "args"), ORDERS, ids=lambda value: str(value)[:60])
def test_what_weakens_protection_says_so(action: str, args: OrderArgs) -> None:
    """The colour and the sentence follow the protocol's own list; what puts protection back is calm."""
    look, sentence = danger(args)
    if action not in WEAKENS or (getattr(args, "on", None) is False and action == "bypass"):
        assert look is not Danger.WEAKENS
    else:
        assert look is (Danger.MOVES if action == "output" else Danger.WEAKENS)
    assert ("weakens protection" in str(sentence)) is (look is Danger.WEAKENS)


def test_what_the_line_says_beside_the_deed() -> None:
    """Box, drafter, age, challenge, roster, order, fingerprint: all from the line, none from the centre."""
    read = _read(expires="2026-11-21T02:23:49.204Z")
    told = dict(row.told(texts_for("en")) for row in rows(read, NOW))
    assert told["Site"] == "0755-031, after which the box is named"
    assert told["Box"] == "0755-031-a"
    assert told["Drafted by"] == "zhao"
    assert told["Drafted"] == "2026-11-21 02:13:49 (UTC), 70 s ago"
    assert told["Ends"] == "2026-11-21 02:23:49 (UTC)"
    assert told["Challenge of the box"] == "fresh-1, ten minutes at most"
    assert told["Fingerprint"].replace(" ", "").lower() == read.digest.hex()[:16]
    assert not any(row.centre for row in rows(read, NOW))
    assert "Site" not in dict(row.told(texts_for("en")) for row in rows(_read(box="vault"), NOW))


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (timedelta(seconds=119), "119 s ago"),
        (timedelta(minutes=9, seconds=59), "9 min ago"),
        (timedelta(seconds=-60), "0 s ago"),
        (timedelta(minutes=-5), "has not reached yet"),
    ],
)
def test_an_age_is_this_machines(later: timedelta, said: str) -> None:
    """A drafting clock that is ahead is told, not turned into an age."""
    at = datetime(2026, 11, 21, 2, 13, 49, 204000, tzinfo=UTC)
    told = dict(row.told(texts_for("en")) for row in rows(_read(), at + later))
    assert told["Drafted"].endswith(said)


def test_times_are_shown_as_the_clock_on_the_wall() -> None:
    """In the zone of this machine, with its offset; what is no time stays as it came."""
    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
    assert when("2026-11-21T02:23:49.204Z", shanghai) == "2026-11-21 10:23:49 (UTC+08:00)"
    assert when("soon", shanghai) == "soon"


def test_names_are_the_centres_word() -> None:
    """They stand beside the ids and are marked; points without a name are left out."""
    args = read_args("run_test", {"partition": "cash", "zones": ["a", "b"]})
    assert points_of(args) == ("partition/cash", "zone/a", "zone/b")
    row = names_row(args, {"partition/cash": "现金区", "zone/b": "玻璃", "zone/c": "x"})
    assert row is not None
    assert row.told(texts_for("en"))[1] == "partition/cash: 现金区; zone/b: 玻璃 (the centre says)"
    assert names_row(args, {}) is None
    assert points_of(read_args("arm", {"partition": "site"})) == ()


@pytest.mark.parametrize(
    ("seconds", "said"), [(1, "1 s"), (60, "1 min"), (61, "61 s"), (3600, "1 h"), (5400, "90 min")]
)
def test_a_time_is_never_rounded(seconds: int, said: str) -> None:
    """What a person reads is what the box counts."""
    assert str(lasting(seconds)) == said


def test_one_zone_under_test_is_no_zones() -> None:
    """A single zone is named as one."""
    for zones, words in ((["a"], "zone a of"), (["a", "b"], "zones a, b of")):
        args = read_args("run_test", {"partition": "cash", "zones": zones})
        assert words in does(args).told(texts_for("en"))
