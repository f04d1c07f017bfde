"""Openings and closings that a panel dials in: who follows them, and which are told only."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from agent.arming.commands import Way
from agent.arming.panel_moves import NotObeyedError, PanelMove, command_of
from protocol.orders import ArmArgs, DisarmArgs
from protocol.site.schema import Partition

PARTITIONS = (
    Partition(id="general", kind="general", zones=("a",), follows="p1/area/1"),
    Partition(id="cash", kind="cash", zones=("b",), follows="p1/area/1"),
    Partition(id="vault", kind="vault", zones=("c",), follows="p1/area/11"),
    Partition(id="atm", kind="atm_service", zones=("d",)),
)
OPENING = PanelMove(panel="p1", area=1, armed=False, user="003", encrypted=True, in_time=True)


def test_what_follows_the_area_is_asked_for() -> None:
    """Both partitions of the area, by the panel's way; none of another area whose number begins alike."""
    command = command_of(OPENING, PARTITIONS)
    assert (command.action, command.way, command.source) == ("disarm", Way.PANEL, "device/p1")
    assert command.args == DisarmArgs(partition="general")
    assert command.partitions == ("general", "cash")
    closing = command_of(replace(OPENING, armed=True, area=11), PARTITIONS)
    assert (closing.action, closing.args, closing.partitions) == ("arm", ArmArgs(partition="vault"), ("vault",))


@pytest.mark.parametrize(
    ("move", "reason"),
    [
        (replace(OPENING, area=2), "not_followed"),
        (replace(OPENING, panel="p2"), "not_followed"),
        (replace(OPENING, encrypted=False), "not_encrypted"),
        (replace(OPENING, in_time=False), "out_of_time"),
        (replace(OPENING, old=True), "not_new"),
        (replace(OPENING, armed=True, encrypted=False), "not_encrypted"),
        (replace(OPENING, armed=True, in_time=False), "out_of_time"),
    ],
)
def test_what_anybody_could_have_sent_changes_nothing(move: PanelMove, reason: str) -> None:
    """Openings and closings alike need the key and the time."""
    with pytest.raises(NotObeyedError) as refused:
        command_of(move, PARTITIONS)
    assert refused.value.reason == reason
