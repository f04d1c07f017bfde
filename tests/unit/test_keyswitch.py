"""A key switch: what a turn does, what a start, a gap and a bouncing contact do not do."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from agent.arming import keyswitch
from agent.arming.commands import Way
from agent.arming.keyswitch import KeyswitchState
from agent.signals import Moment, State
from protocol.orders import ArmArgs, DisarmArgs
from protocol.site.schema import Keyswitch
from tests.clock import Clock


class Key:
    """A key switch in somebody's hand, over a partition that obeys."""

    def __init__(self, acts: Literal["toggle", "level"] = "toggle") -> None:
        self.clock = Clock()
        self.armed = False
        self.did: list[str] = []
        self._switch = Keyswitch(id="front", input="io1/di/9", partitions=("general", "cash"), acts=acts)
        self._state = KeyswitchState()
        self._reading = State.UNKNOWN

    def read(self, *readings: State, after: float = 5) -> None:
        """It reads so, each after a while, and `wake_at` is kept between."""
        for reading in readings:
            self._wait(after)
            self._reading = reading
            self._look()

    def _wait(self, seconds: float) -> None:
        end = self.clock.mono_ms() + round(seconds * 1000)
        while (left := end - self.clock.mono_ms()) > 0:
            wake = keyswitch.wake_at(self._state, self._now())
            step = min(left, wake - self.clock.mono_ms()) if wake is not None else left
            self.clock.advance(timedelta(milliseconds=step))
            self._look()

    def _look(self) -> None:
        self._state, command = keyswitch.observe(self._state, self._switch, self._reading, self.armed, self._now())
        if command is None:
            return
        assert (command.way, command.source, command.people) == (Way.KEYSWITCH, "keyswitch/front", ())
        assert command.partitions == ("general", "cash")
        assert isinstance(command.args, ArmArgs if command.action == "arm" else DisarmArgs)
        self.armed = command.action == "arm"
        self.did.append(command.action)

    def _now(self) -> Moment:
        return Moment(wall=self.clock.now(), mono_ms=self.clock.mono_ms())


ACTIVE, NORMAL, UNKNOWN = State.ACTIVE, State.NORMAL, State.UNKNOWN


def test_each_turn_of_a_toggle_changes_over() -> None:
    """Armed, disarmed, armed: by becoming active, not by being let go."""
    key = Key()
    key.read(NORMAL, ACTIVE, NORMAL, ACTIVE, NORMAL, ACTIVE)
    assert key.did == ["arm", "disarm", "arm"]


def test_a_toggle_goes_by_what_the_partitions_are() -> None:
    """Armed by an order meanwhile: the next turn disarms."""
    key = Key()
    key.read(NORMAL)
    key.armed = True
    key.read(ACTIVE)
    assert key.did == ["disarm"]


def test_a_level_switch_says_what_shall_be() -> None:
    """Armed while active; saying the same again changes nothing."""
    key = Key("level")
    key.read(NORMAL, ACTIVE, ACTIVE, NORMAL)
    assert key.did == ["arm", "disarm"]


@pytest.mark.parametrize("acts", ["toggle", "level"])
@pytest.mark.parametrize("first", [ACTIVE, NORMAL])
def test_the_first_reading_changes_nothing(acts: Literal["toggle", "level"], first: State) -> None:
    """Neither after a start, nor after the module could not be asked, whatever the key was turned to meanwhile."""
    key = Key(acts)
    key.read(first)
    assert key.did == []
    key.read(UNKNOWN, NORMAL if first is ACTIVE else ACTIVE)
    assert key.did == []


@pytest.mark.parametrize("acts", ["toggle", "level"])
def test_two_changes_within_two_seconds_are_one(acts: Literal["toggle", "level"]) -> None:
    """A bouncing contact arms once, and is not disarmed by its own bounce."""
    key = Key(acts)
    key.read(NORMAL)
    key.read(ACTIVE)
    key.read(NORMAL, ACTIVE, NORMAL, ACTIVE, after=0.4)
    key.read(ACTIVE)
    assert key.did == ["arm"]


def test_a_level_switch_turned_back_at_once_is_obeyed_when_the_guard_time_is_over() -> None:
    """What it reads in the end counts."""
    key = Key("level")
    key.read(NORMAL)
    key.read(ACTIVE)
    key.read(NORMAL, after=1)
    assert key.did == ["arm"]
    key.read(NORMAL, after=1.1)
    assert key.did == ["arm", "disarm"]


def test_a_toggle_let_go_within_the_guard_time_is_ready_for_the_next_turn() -> None:
    """A short press is one turn; the next one, later, is the next."""
    key = Key()
    key.read(NORMAL)
    for _ in range(3):
        key.read(ACTIVE)
        key.read(NORMAL, after=0.5)
    assert key.did == ["arm", "disarm", "arm"]
