"""Which rules hold: the newest that say what was loaded; a row that somebody changed is passed over, and told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import update

from collector.rules.builtin import BUILTIN
from collector.rules.holding import NONE, Held, rules_now
from collector.rules.loading import load
from collector.rules.shapes import Rules
from collector.storage.alarm_tables import rules
from collector.times import unix_ms
from provisioning.authority import Authority
from tests.collecting import Box
from tests.escalating import HELD, OPERATOR, EscalatingCentre, ready

NOBODY = msgspec.json.encode(Rules())


@pytest.fixture
def desk(tmp_path: Path, paper_authority: Authority) -> Iterator[EscalatingCentre]:
    """A centre whose operator sits at the desk."""
    made = EscalatingCentre(folder=tmp_path, authority=paper_authority)
    made.at_desk = {OPERATOR.id}
    made.hold_rules(HELD)
    yield made
    made.close()


@pytest.fixture
def box(desk: EscalatingCentre) -> Box:
    """A branch that is alive."""
    return ready(desk)


def held(desk: EscalatingCentre) -> Held:
    """What holds now."""
    with desk.store.read() as reading:
        return rules_now(reading.connection)


def spoil(desk: EscalatingCentre, version: int, document: bytes = NOBODY) -> None:
    """Somebody at the database writes other rules into a version."""
    with desk.store.write() as connection:
        connection.execute(update(rules).where(rules.c.version == version).values(document=document))


def found(desk: EscalatingCentre) -> list[tuple[int, bool]]:
    """What the auditor told of rules: level, and whether it is over."""
    return [(each.level, each.restored_ms is not None) for each in desk.alarms() if each.source == "audit/altered"]


@pytest.mark.parametrize("document", [NOBODY, b"", b"{", b"\xff", b"[1]", b'{"policy": 7}'])
def test_rules_that_were_changed_hold_nothing(desk: EscalatingCentre, document: bytes) -> None:
    """The version before them does; where none is sound, the built-in ones."""
    desk.hold_rules(msgspec.structs.replace(HELD, contact=HELD.contact[:1]), version=2)
    assert held(desk).version == 2
    spoil(desk, 2, document)
    assert held(desk) == Held(version=1, rules=HELD, altered=(2,))
    spoil(desk, 1, document)
    assert held(desk) == Held(version=NONE, rules=BUILTIN, altered=(2, 1))


def test_an_alarm_goes_its_way_and_the_change_is_told_until_the_folder_is_loaded_again(
    desk: EscalatingCentre, box: Box
) -> None:
    """Rules without a single policy, written by hand: the shift leader hears of the alarm all the same."""
    desk.hold_rules(HELD, version=2)
    spoil(desk, 2)
    alarm = desk.alarm(box)
    desk.pass_seconds(62)
    desk.tick()
    assert [who for _, who in desk.told(alarm)] == ["desk", "zhao"]
    assert found(desk) == [(2, False)]
    loaded = load(desk.store, HELD, desk.around, "root", unix_ms(desk.now))
    assert (loaded.fresh, loaded.version, loaded.findings) == (True, 3, ())
    desk.pass_seconds(2)
    desk.tick()
    assert found(desk) == [(2, True)]
    assert not load(desk.store, HELD, desk.around, "root", unix_ms(desk.now)).fresh
