"""The state tiles beside an alarm: one a thing, the newest signed word, unknown never taken for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from collector.console.newest import newest_points
from collector.console.tiles import Tile, point_tiles
from collector.console.wording import Wording
from collector.storage.alarm_reading import alarm_detail
from collector.storage.records import Sight
from collector.times import unix_ms
from protocol.messages import PointState
from protocol.texts import texts_for
from protocol.timestamps import format_time
from provisioning.authority import Authority
from tests.collecting import Box
from tests.console import ConsoleWorld
from tests.ledgers import NOW

NOW_MS = unix_ms(NOW)
NAMES = {
    "door/outer": "通道外门",
    "door/inner": "通道内门",
    "interlock/vestibule": "防尾随联动门",
    "zone/cash": "现金区红外",
}
CALM = (
    ("door/outer", "closed"),
    ("door/inner", "closed"),
    ("lock/outer", "locked"),
    ("lock/inner", "locked"),
    ("exit/outer", "normal"),
    ("key/outer", "normal"),
    ("interlock/vestibule", "normal"),
    ("release/vestibule", "normal"),
    ("zone/cash", "normal"),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ConsoleWorld]:
    """A centre without web."""
    centre = ConsoleWorld(folder=tmp_path, authority=Authority.create(now=NOW))
    yield centre
    centre.close()


def _points(*changed: tuple[str, str], age_ms: int = 60_000) -> tuple[PointState, ...]:
    now = dict(changed)
    return tuple(
        PointState(
            id=point,
            state=now.get(point, state),
            age_ms=age_ms if point in now else 60_000,
            name=NAMES.get(point, ""),
            cause="cannot be connected" if now.get(point) == "unknown" else "",
        )
        for point, state in CALM
    )


def _tiles(world: ConsoleWorld, box: Box, alarm: str) -> dict[str, Tile]:
    with world.centre.store.read() as reading:
        detail = alarm_detail(reading, alarm, Sight())
        (row,) = reading.boxes("", box=box.id)
    assert detail is not None
    wording = Wording(texts=texts_for("zh-CN"), names=NAMES)
    return {tile.name: tile for tile in point_tiles(row, newest_points(row, detail), detail.alarm, wording, NOW_MS)}


def _alarm(world: ConsoleWorld) -> str:
    with world.centre.store.read() as reading:
        return str(reading.connection.exec_driver_sql("SELECT id FROM alarms ORDER BY number DESC").scalar())


def _words(tile: Tile) -> Sequence[str]:
    return [tile.state, *(part.text for part in tile.parts)]


def _born(world: ConsoleWorld, *changed: tuple[str, str], age_ms: int = 60_000) -> Box:
    world.centre.take(world.box.birth(_points(*changed, age_ms=age_ms)))
    return world.box


def _later(world: ConsoleWorld, seconds: float) -> None:
    world.centre.now += timedelta(seconds=seconds)
    world.box.now += timedelta(seconds=seconds)


def test_a_door_is_one_tile(world: ConsoleWorld) -> None:
    """Contact and lock together; button and key only while they say something; the interlock with its release."""
    box = _born(
        world, ("lock/outer", "unlocked"), ("key/outer", "active"), ("release/vestibule", "active"), age_ms=4000
    )
    world.happens("door.held_open", "door/inner", box=box)
    tiles = _tiles(world, box, _alarm(world))
    assert next(iter(tiles)) == "通道内门"
    assert set(tiles) == {"通道外门", "通道内门", "防尾随联动门", "现金区红外", "前端链路", "时钟", "证书"}
    assert _words(tiles["通道外门"]) == ["关闭", "未上锁", "机械钥匙开启"]
    assert _words(tiles["通道内门"]) == ["关闭", "已上锁"]
    assert _words(tiles["防尾随联动门"]) == ["正常", "应急开关动作"]


def test_its_age_is_that_of_the_newest_change(world: ConsoleWorld) -> None:
    """A door shut for a minute whose lock was released 4 s ago changed 4 s ago; what is not shown does not count."""
    box = _born(world, ("lock/outer", "unlocked"), ("exit/inner", "normal"), age_ms=4000)
    world.happens("door.held_open", "door/inner", box=box)
    tiles = _tiles(world, box, _alarm(world))
    now_ms = int(world.centre.now.timestamp() * 1000)
    assert now_ms - (tiles["通道外门"].since_ms or 0) == 4000
    assert now_ms - (tiles["通道内门"].since_ms or 0) == 60_000


def test_unknown_keeps_its_own_look(world: ConsoleWorld) -> None:
    """A part that is unknown is named, and a thing that is unknown says why; neither passes for normal."""
    box = _born(world, ("lock/inner", "unknown"), ("door/outer", "unknown"), ("lock/outer", "unknown"))
    world.happens("device.offline", "device/io1", box=box)
    tiles = _tiles(world, box, _alarm(world))
    assert (_words(tiles["通道内门"]), tiles["通道内门"].look) == (["关闭", "门锁未知"], "unknown")
    assert (_words(tiles["通道外门"]), tiles["通道外门"].cause) == (["未知"], "无法连接")


def test_the_alarm_is_newer_than_the_last_beat(world: ConsoleWorld) -> None:
    """Both doors and the interlock stand open beside their alarm at once, though the last beat knew them closed."""
    box = _born(world)
    world.dual_open(box=box)
    tiles = _tiles(world, box, _alarm(world))
    assert [tiles[name].state for name in ("通道外门", "通道内门", "防尾随联动门")] == ["开启", "开启", "双开"]
    assert {tiles[name].look for name in ("通道外门", "通道内门", "防尾随联动门")} == {"needs"}
    assert tiles["现金区红外"].look == ""


def test_a_beat_after_the_alarm_is_newer_again(world: ConsoleWorld) -> None:
    """What is told later counts: a door that a later beat says closed is closed, and the two are open no more."""
    box = _born(world)
    world.dual_open(box=box)
    alarm = _alarm(world)
    _later(world, 5)
    world.centre.take(box.birth(_points(("door/inner", "closed"), ("door/outer", "open"), age_ms=1000)))
    tiles = _tiles(world, box, alarm)
    assert [tiles[name].state for name in ("通道外门", "通道内门", "防尾随联动门")] == ["开启", "关闭", "正常"]
    assert tiles["通道内门"].look == "concerns"


def test_the_end_of_the_alarm_is_newer_too(world: ConsoleWorld) -> None:
    """The restore says which door closed; the interlock is normal before any beat says so."""
    box = _born(world)
    event = world.dual_open(box=box)
    _later(world, 3)
    row = (format_time(box.now), "door/inner", "closed", "")
    world.happens("door.dual_open.restored", facts={"overlap_s": 3.0}, because=(row,), box=box, restores=event)
    tiles = _tiles(world, box, _alarm(world))
    assert [tiles[name].state for name in ("通道外门", "通道内门", "防尾随联动门")] == ["开启", "关闭", "正常"]


def test_a_wrong_clock_of_the_box_changes_nothing(world: ConsoleWorld) -> None:
    """A box an hour ahead does not overrule its own later beats: its times are taken on our clock."""
    box = world.box
    box.now += timedelta(hours=1)
    _born(world)
    world.dual_open(box=box)
    alarm = _alarm(world)
    assert _tiles(world, box, alarm)["通道内门"].state == "开启"
    _later(world, 5)
    world.centre.take(box.birth(_points(("door/inner", "closed"), ("door/outer", "closed"), age_ms=1000)))
    assert _tiles(world, box, alarm)["通道内门"].state == "关闭"


def test_a_silent_box_is_unknown_as_a_whole(world: ConsoleWorld) -> None:
    """Nothing that was told before the silence passes for the present."""
    box = _born(world)
    world.dual_open(box=box)
    alarm = _alarm(world)
    world.centre.pass_time(120)
    tiles = _tiles(world, box, alarm)
    assert {tiles[name].state for name in ("通道外门", "现金区红外", "防尾随联动门")} == {"未知"}
