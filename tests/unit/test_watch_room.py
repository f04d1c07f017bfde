"""What the watch holds in memory while the disk refuses."""

from __future__ import annotations

from agent.watch import MAX_UNSTORED, newest
from protocol.kinds import Lane
from tests.boxes import draft


def test_while_the_disk_refuses_routine_gives_way_to_urgent() -> None:
    """The oldest routine drafts go first, in order; an urgent one only where no routine one is left."""
    urgent = [draft("door.forced", n=n) for n in range(10)]
    routine = [draft("door.held_open", n=n) for n in range(MAX_UNSTORED)]
    kept = newest([*urgent, *routine])
    assert kept == [*urgent, *routine[10:]]
    assert newest(urgent) == urgent
    flood = [draft("door.forced", n=n) for n in range(MAX_UNSTORED + 5)]
    assert newest([*routine[:3], *flood]) == flood[5:]
    assert all(each.lane is Lane.URGENT for each in newest([*routine[:3], *flood]))
