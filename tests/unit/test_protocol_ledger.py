"""The chain: what continues it, what breaks it, and how a signed hole is followed."""

import pytest

from protocol.ledger import (
    GENESIS,
    Break,
    Hole,
    HoleError,
    Link,
    Position,
    after,
    continues,
    hole_of,
    out_of,
    over,
    start,
)

RUN = "0" * 32


def _link(seq: int, prev: str, digest: str) -> Link:
    return Link(run=RUN, seq=seq, prev=prev, hash=digest)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (_link(6, "h5", "h6"), None),
        (_link(7, "h6", "h7"), Break.MISSING),
        (_link(6, "other", "h6"), Break.ALTERED),
        (_link(5, "h4", "h5"), Break.DUPLICATED),
        (_link(5, "h4", "x5"), Break.FORKED),
        (_link(3, "h2", "h3"), Break.REORDERED),
    ],
)
def test_each_way_to_break_a_chain_has_its_name(link: Link, expected: Break | None) -> None:
    """A line after position 5 is either the next one or named for what is wrong with it."""
    assert continues(Position(run=RUN, seq=5, hash="h5"), link) is expected


def test_a_chain_begins_with_genesis() -> None:
    """The first line of all names GENESIS as the one before."""
    assert continues(start(RUN), _link(1, GENESIS, "h1")) is None
    assert after(_link(1, GENESIS, "h1")) == Position(run=RUN, seq=1, hash="h1")


def test_the_longest_of_holes_counts() -> None:
    """A box that gives up more signs for the whole anew, whichever of both lines comes first."""
    small = Hole(lane="routine", first=6, last=8, first_prev="h5", last_hash="h8")
    whole = Hole(lane="routine", first=6, last=20, first_prev="h5", last_hash="h20")
    at = Position(run=RUN, seq=5, hash="h5")
    for holes in ([small, whole], [whole, small]):
        assert over(at, holes).seq == 20
        assert out_of(Position(run=RUN, seq=8, hash="h8"), holes) == Position(run=RUN, seq=20, hash="h20")
        assert out_of(Position(run=RUN, seq=20, hash="h20"), holes) is None
        assert out_of(at, holes) is None


def test_adjoining_holes_are_followed_to_the_end() -> None:
    """Two shed ranges that touch lead over both; a hole that starts on another hash leads nowhere."""
    first = Hole(lane="routine", first=6, last=8, first_prev="h5", last_hash="h8")
    second = Hole(lane="routine", first=9, last=9, first_prev="h8", last_hash="h9")
    at = Position(run=RUN, seq=5, hash="h5")
    assert over(at, [second, first]) == Position(run=RUN, seq=9, hash="h9")
    assert over(Position(run=RUN, seq=5, hash="forged"), [first, second]).seq == 5


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"from": 3, "to": 2, "first_prev": GENESIS, "last_hash": GENESIS},
        {"from": 0, "to": 2, "first_prev": GENESIS, "last_hash": GENESIS},
        {"from": "1", "to": 2, "first_prev": GENESIS, "last_hash": GENESIS},
        {"from": 1, "to": 2, "first_prev": None, "last_hash": GENESIS},
        {"from": True, "to": 2, "first_prev": GENESIS, "last_hash": GENESIS},
        {"from": 1, "to": 2, "first_prev": "a", "last_hash": GENESIS},
        {"from": 1, "to": 2**53, "first_prev": GENESIS, "last_hash": GENESIS},
        {"from": 1, "to": 2, "first_prev": GENESIS, "last_hash": GENESIS, "lane": "fast"},
    ],
)
def test_a_shed_line_must_describe_a_hole(facts: dict[str, object]) -> None:
    """Missing, reversed or wrongly typed numbers are refused, never followed."""
    with pytest.raises(HoleError):
        hole_of(facts)
