"""The comparison that stories of crashes rest on: it must see every way in which a line can go wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.whole.accounts import Account, Line, differences

LINES = [Line(lane="urgent", seq=seq, run="a" * 32, hash=f"{seq:064x}") for seq in range(1, 4)]
HEADS = {"urgent": ("a" * 32, 3, LINES[-1].hash)}


def _account(pending: int = 0) -> Account:
    return Account(
        lines=frozenset(LINES),
        receipted=frozenset(LINES[: len(LINES) - pending]),
        quarantined=frozenset(),
        kinds=("door.forced",) * 3,
    )


def test_agreement_is_no_difference() -> None:
    """Exactly the box's lines, once each, the head at the last, all receipted: nothing to say."""
    assert differences(_account(), Counter(LINES), HEADS) == []


@pytest.mark.parametrize(
    ("box", "centre", "heads"),
    [
        pytest.param(_account(), Counter(LINES[:2]), HEADS, id="one is lost"),
        pytest.param(_account(), Counter([*LINES, LINES[0]]), HEADS, id="one stands twice"),
        pytest.param(
            _account(),
            Counter([*LINES[:2], Line(lane="urgent", seq=3, run="a" * 32, hash="f" * 64)]),
            HEADS,
            id="one has another content",
        ),
        pytest.param(
            _account(),
            Counter([*LINES, Line(lane="urgent", seq=4, run="a" * 32, hash="f" * 64)]),
            HEADS,
            id="one was made up",
        ),
        pytest.param(_account(), Counter(LINES), {"urgent": ("a" * 32, 2, LINES[1].hash)}, id="the head is behind"),
        pytest.param(_account(pending=1), Counter(LINES), HEADS, id="one has no receipt"),
    ],
)
def test_every_difference_is_seen(box: Account, centre: Counter[Line], heads: dict[str, tuple[str, int, str]]) -> None:
    """Lost, doubled, altered, invented, not contiguous, not receipted."""
    assert differences(box, centre, heads)
