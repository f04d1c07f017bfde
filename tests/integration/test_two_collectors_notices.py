"""Two collectors that tell people, either killed at any moment: every step is told, none twice without saying so."""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from collector.storage.journal import first_break
from protocol.kinds import Lane
from tests.brokers import COLLECTORS, Broker, Certificates
from tests.collecting import Box
from tests.conftest import StartProcess
from tests.kept_gateway import CALL, Gateway, kept_gateway
from tests.postgres_peer import Cluster
from tests.two_collectors import Page, Pair
from tests.waiting import eventually_blocking
from tests.wired_box import BOX, Line, delivered, introduced, paper_box

STEPS_S = (0, 1, 3)
POLICIES = """
[[policy]]
name = "all"
repeat = "1h"
""" + "".join(
    f'[[policy.step]]\nafter = "{after}s"\ntell = ["person/wang"]\nby = ["sms", "call"]\n' for after in STEPS_S
)
CONTACTS = f"""
[[contact]]
person = "wang"
reach = {{ sms = "+8613800000001", call = "{CALL}" }}
order = ["sms", "call"]
"""

STORED = f"SELECT seq FROM events WHERE box = '{BOX}' AND lane = 'urgent' ORDER BY seq"  # noqa: S608 - ours
ALARMS = "SELECT id, source FROM alarms WHERE kind = 'zone.hold_up' ORDER BY number"
NOTICES = """SELECT notices.id, alarm, facts::jsonb -> 'told' -> 'steps', notices.state, perhaps, follows
    FROM notices JOIN alarms ON alarms.id = alarm WHERE kind = 'zone.hold_up' AND sort = 'alarm'"""
FORGOTTEN = """SELECT id FROM alarms WHERE state IN ('new', 'returned') AND shelter IS NULL
    AND NOT EXISTS (SELECT 1 FROM timers WHERE timers.alarm = alarms.id)"""


@dataclass
class Night:
    """A box under hold-ups, two collectors, a gateway, and whoever kills."""

    pair: Pair
    box: Box
    line: Line
    gateway: Gateway
    chance: random.Random
    alarms: int = 0
    messages: list[bytes] = field(default_factory=list)  # of the last press
    kills: int = 0

    def press(self, many: int) -> None:
        """So many buttons are pressed."""
        self.gateway.tell_time()
        self.messages = []
        for _ in range(many):
            self.alarms += 1
            self.messages.append(self.box.seal(self.box.line("zone.hold_up", source=f"zone/button-{self.alarms}")))
            self.line.send(f"bw/1/{BOX}/up/event", self.messages[-1])

    def round(self, many: int, victims: tuple[int, ...]) -> None:
        """So many buttons are pressed; each victim dies at a moment of its own while the steps are told, and is started
        again."""
        begun = time.monotonic()
        deaths = sorted((begun + self.chance.uniform(0.0, STEPS_S[-1] + 0.5), victim) for victim in victims)
        self.press(many)
        for moment, victim in deaths:
            eventually_blocking(lambda moment=moment: time.monotonic() >= moment, 20.0, "the moment")  # type: ignore[misc]
            self.pair.kill(victim)
            self.pair.start(victim)
            self.kills += 1
        delivered(self.box, self.line, self.messages)

    def told(self) -> Counter[tuple[str, int]]:
        """(Alarm, step) -> rows."""
        steps: Counter[tuple[str, int]] = Counter()
        for _, alarm, told, _, _, follows in self.pair.ask(NOTICES):
            steps.update((alarm, step) for step in told if follows is None)
        return steps

    def everything_arrived(self) -> bool:
        """Whether each step of each alarm was told and has left, by the next channel if not by the first.

        Raises:
            LookupError: what is missing.
        """
        rows = self.pair.ask(NOTICES)
        followed = {row[5] for row in rows}
        missing = [row for row in rows if row[3] != "sent" and not (row[3] == "failed" and row[0] in followed)]
        steps = len(self.told())
        if missing or steps != self.alarms * len(STEPS_S):
            raise LookupError(f"{steps} steps of {self.alarms} alarms told; waiting: {missing}")
        return True


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """Signed webhooks go there."""
    with kept_gateway() as made:
        yield made


@pytest.fixture
def night(
    tmp_path: Path,
    certificates: Certificates,
    mosquitto: Broker,
    postgres: Cluster,
    process: StartProcess,
    free_port: Callable[[], int],
    gateway: Gateway,
) -> Iterator[Night]:
    """Both run, rules are loaded, the box was met."""
    pair = Pair(tmp_path, certificates, mosquitto, postgres, process, free_port, more=gateway.settings(tmp_path))
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "policies.toml").write_text(POLICIES)
    (rules / "contacts.toml").write_text(CONTACTS)
    program = [sys.executable, "-m", "branchwatch", "collector"]
    pair.start(0)
    pair.healthy(0)
    pair.start(1)
    loading = process([*program, "rules", "load", rules, "--config", pair.configs[0]])
    assert loading.wait(40) == 0, loading.tail()
    pair.healthy(1)
    line = Line(certificates, mosquitto.port)
    box = paper_box(certificates)
    introduced(box, line)
    delivered(box, line, [box.seal(box.opened(Lane.URGENT))])
    seed = int(os.environ.get("BRANCHWATCH_SEED", "7"))
    print(f"BRANCHWATCH_SEED={seed}")
    yield Night(pair, box, line, gateway, random.Random(seed))
    line.close()


def holds(night: Night) -> None:
    """Nothing lost, nothing forgotten, nothing told twice that does not say so."""
    pair = night.pair
    eventually_blocking(night.everything_arrived, 60.0, "every notice left")
    assert [seq for (seq,) in pair.ask(STORED)] == list(range(1, night.alarms + 2))
    sources = [source for _, source in pair.ask(ALARMS)]
    assert sorted(sources) == sorted(f"zone/button-{number}" for number in range(1, night.alarms + 1))
    assert set(night.told().values()) == {1}, "a step stands in one row"
    rows: dict[str, Any] = {row[0]: row for row in pair.ask(NOTICES)}
    came = Counter(body["id"] for body in night.gateway.came)
    plain = Counter(body["id"] for body in night.gateway.came if not body["perhaps"])
    assert {each for each, row in rows.items() if row[3] == "sent"} <= set(came), "what is written as sent did arrive"
    assert [each for each, many in plain.items() if many > 1] == []
    assert [each for each, many in came.items() if many > 1 and each in rows and not rows[each][4]] == []
    assert pair.ask(FORGOTTEN) == []
    assert first_break(bytes(row) for (row,) in pair.ask("SELECT line FROM journal ORDER BY number")) is None
    told = Counter(kind for (kind,) in pair.ask("SELECT kind FROM events WHERE box LIKE 'centre-%'"))
    assert not {kind for kind in told if kind.startswith(("ledger.fork", "ledger.gap", "ledger.rollback", "envelope."))}
    print(f"{night.kills} kills, {night.alarms} alarms, {len(rows)} notices, {sum(came.values())} arrivals,", end=" ")
    print(f"{sum(1 for row in rows.values() if row[4])} perhaps, {sum(many > 1 for many in came.values())} twice")


@pytest.mark.timeout(120)
def test_each_step_is_told_whoever_is_killed(night: Night) -> None:
    """kill -9 of one while the steps of its alarms are told: each step arrives, and a page of the dead one goes on at
    the survivor from the last it was told. Then of whoever has a notice under way: it comes again and says so."""
    page = Page(night.pair.consoles[0], after=0)
    night.round(3, (0,))
    page.close()
    again = Page(night.pair.consoles[1], after=page.last)
    try:
        eventually_blocking(lambda: len(opened(page) | opened(again)) == 3, 20.0, "the alarms of the first round")
        assert again.told[0][0] != "reset"
        assert again.numbers == sorted(set(again.numbers))
        assert all(number > max(page.numbers) for number in again.numbers)
    finally:
        again.close()
    night.pair.healthy(0)
    eventually_blocking(night.everything_arrived, 30.0, "the first round is told")
    night.gateway.manner("hang")
    night.press(1)
    eventually_blocking(lambda: len(night.gateway.came) > 3 * len(STEPS_S), 20.0, "a notice is under way")
    sending = dict(night.pair.ask("SELECT id, claimed_by FROM notices WHERE state = 'sending'"))
    notice = night.gateway.came[3 * len(STEPS_S)]["id"]  # where a step is due meanwhile, it is not the only one
    holder = sending[notice]
    victim = COLLECTORS.index(holder.partition("/")[0])
    night.pair.kill(victim)
    night.kills += 1
    night.gateway.manner("ok")
    night.pair.start(victim)
    delivered(night.box, night.line, night.messages)
    night.pair.healthy(victim)
    holds(night)
    assert [body["perhaps"] for body in night.gateway.came if body["id"] == notice] == [False, True]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_thirty_kills(night: Night) -> None:
    """Thirty kills at random moments, some of both within a step, some while the gateway answers nobody: the same
    holds. BRANCHWATCH_SEED names another course."""
    while night.kills < 30:
        night.gateway.manner(night.chance.choice(("ok", "hang")))
        victims = night.chance.choice([(0,), (1,), (0, 1)])
        night.round(night.chance.randrange(1, 12), victims)
        night.gateway.manner("ok")
        for victim in victims:
            night.pair.healthy(victim)
    holds(night)


def opened(page: Page) -> set[str]:
    """Alarms that a page was told."""
    return {data["id"] for name, data in list(page.told) if name == "alarm" and data["kind"] == "zone.hold_up"}
