"""What nothing at the site may show: neither a line, nor a count, nor a number that is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.condition import Store
from agent.condition_seen import look
from agent.hidden import shown_facts
from agent.history import as_text, history
from agent.local.ledger import hidden_waiting
from agent.outbox.schema import FILE_NAME
from protocol.kinds import Lane
from tests.boxes import box, draft
from tests.ledgers import NOW


async def filled(folder: Path, *kinds: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The history of a box that stored events of these kinds."""
    outbox = box(folder)
    await outbox.append(tuple(draft(kind, "partition/general") for kind in kinds), {})
    await outbox.mark()
    await outbox.close()
    return history(folder, 50)


def without_times(event: dict[str, Any]) -> dict[str, Any]:
    """What a person compares."""
    return {name: value for name, value in event.items() if name != "at"}


async def test_a_call_for_help_leaves_no_trace_in_the_history(tmp_path: Path) -> None:
    """The same lines, counts and numbers as without it, as text and for a program."""
    plain, helped = tmp_path / "plain", tmp_path / "helped"
    plain.mkdir()
    helped.mkdir()
    summary, events = await filled(plain, "partition.disarmed", "door.held_open", "partition.armed")
    hidden_summary, hidden_events = await filled(
        helped, "partition.disarmed", "zone.duress", "door.held_open", "zone.duress", "partition.armed"
    )
    assert b"zone.duress" in (helped / FILE_NAME).read_bytes()
    assert hidden_summary == summary
    assert [without_times(each) for each in hidden_events] == [without_times(each) for each in events]
    assert list(as_text(hidden_summary, [], str)) == list(as_text(summary, [], str))
    assert "duress" not in json.dumps([hidden_summary, hidden_events])


async def test_as_many_lines_are_shown_as_were_asked_for(tmp_path: Path) -> None:
    """The latest three are three, also when one is left out between them."""
    await filled(tmp_path, "partition.disarmed", "partition.armed", "zone.duress", "partition.disarmed")
    _, events = history(tmp_path, 3)
    assert [event["kind"] for event in events] == ["partition.armed", "partition.disarmed", "ledger.mark"]


@pytest.mark.parametrize("hidden", [0, 2])
async def test_health_counts_what_may_be_shown(tmp_path: Path, hidden: int) -> None:
    """`agent health` says as many events wait as without a call for help; the socket subtracts as many."""
    await filled(tmp_path, "partition.disarmed", *["zone.duress"] * hidden)
    store = look(tmp_path, NOW).store
    assert isinstance(store, Store)
    assert store.pending == len(history(tmp_path, 50)[1])
    assert hidden_waiting(tmp_path) == hidden


def test_numbers_of_the_urgent_lane_are_left_out_and_no_others() -> None:
    """Marks and beginnings of runs tell where it stands; what stands in the routine lane says nothing of it."""
    place = {"run": "ab" * 16, "seq": 7, "hash": "cd" * 32}
    assert shown_facts("ledger.mark", Lane.ROUTINE, place) == {}
    assert shown_facts("ledger.opened", Lane.URGENT, {**place, "set_aside": "x"}) == {"set_aside": "x"}
    assert shown_facts("ledger.opened", Lane.ROUTINE, place) == place
    shed = {"from": 3, "to": 4, "counts": {"zone.duress": 1}, "lane": "urgent"}
    assert shown_facts("ledger.shed", Lane.ROUTINE, shed) == {"lane": "urgent"}
    assert shown_facts("partition.armed", Lane.URGENT, {"run": "kept"}) == {"run": "kept"}
