"""Whatever the order, the repeats and the crashes: every event once, one contiguous head, receipts that are right."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.ingest.received import Received
from collector.storage.store import Store, Transaction
from protocol.kinds import Lane
from provisioning.authority import Authority
from tests.collecting import Box, PaperCentre
from tests.ledgers import NOW


class PowerCutError(BaseException):
    """The process ends in the middle of a transaction; nothing catches that."""


class CutStore(Store):
    """A store whose power goes right before a commit, when it is told so."""

    cut = False

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction, unless the power goes."""
        with super().write() as connection:
            yield connection
            if self.cut:
                raise PowerCutError


@pytest.fixture(scope="module")
def authority() -> Authority:
    """An authority in memory."""
    return Authority.create(now=NOW)


def written_by(box: Box, plan: list[int], sizes: list[int]) -> list[Received]:
    """The envelopes of some lives of a box: `plan` counts the lines of each life, `sizes` cuts them into envelopes."""
    lines: dict[Lane, list[bytes]] = {lane: [] for lane in Lane}
    for life, count in enumerate(plan):
        if life:
            box.restart()
        for lane, kind in ((Lane.URGENT, "door.dual_open"), (Lane.ROUTINE, "door.unlocked")):
            lines[lane].append(box.opened(lane))
            lines[lane] += [box.line(kind) for _ in range(count)]
    messages = []
    for written in lines.values():
        start, cut = 0, 0
        while start < len(written):
            size = sizes[cut % len(sizes)]
            messages.append(box.events(*written[start : start + size]))
            start, cut = start + size, cut + 1
    return messages


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_event_once_whatever_happens(authority: Authority, data: st.DataObject) -> None:
    """No loss, no duplicate, the head at the end: under reordering, repeats, groups, crashes and restarts."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(PaperCentre(folder=Path(folder), authority=authority, make_store=CutStore)) as centre,
    ):
        boxes = [centre.box("0755-031-a", "0755-031"), centre.box("0755-032-a", "0755-032")]
        centre.take(*(box.birth() for box in boxes))
        messages: list[Received] = []
        for box in boxes:
            plan = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=3))
            messages += written_by(box, plan, data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
        shuffled = data.draw(st.permutations(messages))
        repeats = data.draw(st.lists(st.sampled_from(messages), max_size=6))
        stream = [*shuffled, *repeats]
        while stream:
            size = data.draw(st.integers(1, 6))
            group, stream = stream[:size], stream[size:]
            happens = data.draw(st.sampled_from(("stored", "stored", "cut", "restart")))
            if happens == "cut":
                cut_short(centre, group)
                stream += group  # nobody receipted it, so the box sends it again
            else:
                centre.take(*group)
            if happens == "restart":
                centre.restart()
        check(centre, boxes)


def cut_short(centre: PaperCentre, group: list[Received]) -> None:
    """The power goes before the commit: nothing may be left of the group, and the process starts anew."""
    assert isinstance(centre.store, CutStore)
    before = len(centre.events())
    centre.store.cut = True
    with pytest.raises(PowerCutError):
        centre.take(*group)
    centre.restart()
    assert len(centre.events()) == before


def check(centre: PaperCentre, boxes: list[Box]) -> None:
    """What must hold in the end."""
    for box in boxes:
        stored = [(event.lane, event.run, event.seq) for event in centre.events() if event.box == box.id]
        assert len(stored) == len(set(stored)), "nothing twice"
        for lane, tip in box.tips.items():
            assert sorted(seq for name, _, seq in stored if name == lane) == list(range(1, tip.seq + 1))
        stated = {head.lane: (head.run, head.seq, head.hash) for head in centre.answer(box.beat()).heads}
        assert stated == {lane: (tip.run, tip.seq, tip.hash) for lane, tip in box.tips.items()}
    own = [event.kind for event in centre.events() if event.box == centre.id]
    assert own == [], "honest boxes are told of by nobody"
    opened = centre.events("door.dual_open")
    assert sum(alarm.events for alarm in centre.alarms()) == len(opened), "and every grave event is in one alarm"
