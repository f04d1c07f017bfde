"""Walk tests under way as the desk tells them: where, how far, and the number to be read out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from collector.console.walk_following import MOST, NUMBER_MS, QUIET_MS, Walks, followed, under_way
from collector.storage.records import EventRow
from protocol import acceptance
from protocol.acceptance import PointFacts, Result
from tests.console import ConsoleWorld
from tests.walks import POINTS, PaperWalk

NOW_MS = 1_000_000


def _row(kind: str, facts: dict[str, Any], source: str = "box/acceptance", *, box: str = "0755-031-a") -> EventRow:
    return EventRow(
        number=1,
        id="",
        site=box[:-2],
        box=box,
        run="",
        lane="routine",
        seq=1,
        hash="",
        kind=kind,
        level=5,
        event_class="test",
        source=source,
        clock="synced",
        at_ms=NOW_MS,
        received_ms=NOW_MS,
        facts=facts,
        because=(),
        evidence=(),
        restores=None,
        flags=(),
    )


def _rows(walk: PaperWalk) -> list[EventRow]:
    return [_row(each.kind, dict(each.facts), each.source, box=each.box) for each in walk.events]


def _told(walks: Walks, later_ms: int = 0) -> list[tuple[str, int, int, str]]:
    return [(walk.box, len(walk.done), walk.count, walk.number) for walk in under_way(walks, NOW_MS + later_ms)]


def test_a_number_is_shown_until_it_came_back() -> None:
    """It stands there while somebody may come back with it: not after its result, not for ever."""
    walk = PaperWalk()
    walk.point("door/outer")
    walk.point("door/outer", Result.FAILED)
    walk.point(acceptance.DESK, None, asked="number", number="0417")
    walks = followed({}, _rows(walk))
    assert _told(walks) == [("0755-031-a", 1, len(POINTS), "0417")]
    assert _told(walks, NUMBER_MS) == [("0755-031-a", 1, len(POINTS), "")]
    walk.point(acceptance.DESK)
    assert _told(followed(walks, _rows(walk)[-1:])) == [("0755-031-a", 2, len(POINTS), "")]


def test_a_walk_ends_with_its_end_or_its_silence() -> None:
    """Finished, given up, replaced by another, or left off for hours: the line goes."""
    walk = PaperWalk()
    walks = followed({}, _rows(walk))
    assert _told(walks)
    assert not _told(walks, QUIET_MS)
    other = PaperWalk(test="019aa43a-0000-7000-8000-00000000000f")
    assert [each.test for each in under_way(followed(walks, _rows(other)), NOW_MS)] == [other.test]
    ended = _row(acceptance.FINISHED, {"test": walk.test, "abandoned": True})
    assert followed(walks, [ended]) == {}
    assert followed(followed(walks, _rows(other)), [ended]).keys() == {"0755-031-a"}  # an older one's end


@pytest.mark.parametrize(
    "facts",
    [{}, {"test": 3}, {"test": "x"}, {"test": "<b>", "number": "<img>"}, {"facts_dropped": "too large"}],
)
def test_nonsense_of_a_box_is_passed_over(facts: dict[str, Any]) -> None:
    """What is no event of a walk test changes nothing and stops nobody's page."""
    walks = followed({}, _rows(PaperWalk()))
    for kind in sorted(acceptance.KINDS):
        assert followed(walks, [_row(kind, facts)]) == walks


def test_more_boxes_than_can_be_shown_forget_the_quietest() -> None:
    """The memory has an end, whatever boxes send."""
    rows = [
        _row(acceptance.POINT, acceptance.as_facts(PointFacts(test=PaperWalk().test)), "door/outer", box=f"b{n}-a")
        for n in range(MOST + 50)
    ]
    assert len(followed({}, rows)) == MOST


async def test_the_operator_reads_the_number_on_the_desk(world: ConsoleWorld) -> None:
    """With the site's name, in both languages; another unit sees nothing of it."""
    for event in (walk := PaperWalk()).events:
        world.happens(event.kind, event.source, dict(event.facts))
    point = PointFacts(test=walk.test, asked="number", number="0417")
    world.happens(acceptance.POINT, acceptance.DESK, acceptance.as_facts(point))
    async with world.client("wang") as client:
        page = (await client.get("/desk/walks", headers={"Accept-Language": "en"})).text
        assert "Walk test · " in page
        assert "<strong>0417</strong>" in page
        assert "请将此数字读给安装调试员" in (await client.get("/desk/walks", headers={"Accept-Language": "zh"})).text
    async with world.client("east") as other:
        assert "0417" not in (await other.get("/desk/walks")).text
    world.centre.now += timedelta(minutes=16)
    async with world.client("wang") as client:
        page = (await client.get("/desk/walks")).text
        assert "0417" not in page
        assert 'data-box="0755-031-a"' in page
    finished = acceptance.FinishedFacts(test=walk.test, abandoned=True)
    world.happens(acceptance.FINISHED, acceptance.SOURCE, acceptance.as_facts(finished))
    async with world.client("wang") as client:
        assert "data-box" not in (await client.get("/desk/walks")).text
