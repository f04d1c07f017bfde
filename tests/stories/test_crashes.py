"""Crashes at any point: boxes, broker and centre die by kill -9 again and again, and nothing is lost or doubled.

A storm of rounds: people move doors, backlogs wait, a seeded choice of processes dies while lines are on their way, and
is started again. Then everything must agree line by line. `BRANCHWATCH_SEED=...` repeats a storm.
"""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable
from functools import partial

import pytest

from simulator.model import Door, Swing
from tests.brokers import BrokerKind
from tests.stories.conftest import BuildBank
from tests.waiting import eventually_blocking
from tests.whole.accounts import bookkeeping_faults
from tests.whole.backlog import write_backlog
from tests.whole.bank import Bank

SEED = "BRANCHWATCH_SEED"
BOXES = 3
SETTLE_EVERY = 5
"""Rounds from one comparison of everything to the next."""
VICTIMS = (
    ("box",),
    ("box",),
    ("broker",),
    ("centre",),
    ("box", "centre"),
    ("box", "broker"),
    ("broker", "centre"),
    ("box", "broker", "centre"),
)
NEVER_FOUND = ("ledger.fork", "ledger.rollback", "ledger.gap", "envelope.rejected")
"""What the centre says of a box that lies or loses; a crash is neither."""


class Storm:
    """Rounds of life and death over one running bank."""

    def __init__(self, bank: Bank, chance: random.Random) -> None:
        self._bank, self._chance = bank, chance

    def rounds(self, count: int) -> None:
        """Play them; everything agrees after every few."""
        for number in range(1, count + 1):
            self._round(number)
            if number % SETTLE_EVERY == 0 or number == count:
                self._bank.wait_settled()

    def _round(self, number: int) -> None:
        bank, chance = self._bank, self._chance
        victims = chance.choice(VICTIMS)
        boxes = chance.sample(bank.boxes, chance.randint(1, BOXES)) if "box" in victims else []
        print(f"round {number}: {', '.join(victims)} {[box.id for box in boxes]}")
        self._move_doors()
        self._let_some_arrive()
        deaths: list[Callable[[], None]] = [partial(bank.kill_box, box) for box in boxes]
        deaths += [bank.kill_broker] if "broker" in victims else []
        deaths += [bank.kill_collector] if "centre" in victims else []
        for death in chance.sample(deaths, len(deaths)):
            death()
        self._nothing_was_promised_in_vain()
        self._move_doors()
        for box in boxes:
            if chance.random() < 0.7:
                write_backlog(box.state, box.id, box.site.id, chance.randint(1, 300), chance)
        births: list[Callable[[], None]] = [partial(bank.start_box, box) for box in boxes]
        births += [bank.start_broker] if "broker" in victims else []
        births += [bank.launch_collector] if "centre" in victims else []
        for birth in chance.sample(births, len(births)):
            birth()
        bank.wait_healthy()

    def _move_doors(self) -> None:
        for box in self._bank.boxes:
            for _ in range(self._chance.randint(0, 3)):
                door = self._chance.choice(tuple(Door))
                if self._chance.random() < 0.2:
                    box.branch.play(Swing(door=Door.OUTER, open=True), Swing(door=Door.INNER, open=True))
                elif door in box.branch.now().open:
                    box.branch.close(door)
                else:
                    box.branch.open(door)

    def _let_some_arrive(self) -> None:
        """Wait until a part of what waits at some box, none or all of it, is at the centre."""
        box = self._chance.choice([box for box in self._bank.boxes if box.running])
        share = self._chance.random()

        def arrived() -> bool:
            account = box.account()
            wanted = len(account.receipted) + share * account.pending
            return self._bank.centre_lines(box.id).total() >= wanted - 1

        eventually_blocking(arrived, timeout_s=60, what=f"{share:.2f} of what {box.id} has arrives")

    def _nothing_was_promised_in_vain(self) -> None:
        """A box forgets on the centre's receipt alone, so what is receipted is committed at every moment."""
        for box in self._bank.boxes:
            receipted = box.account().receipted
            lacking = receipted - self._bank.centre_lines(box.id).keys()
            assert not lacking, f"receipted, but not at the centre: {sorted(lacking)[:3]}"


def _storm(bank: Bank, rounds: int) -> None:
    seed = int(os.environ.get(SEED) or secrets.randbits(32))
    print(f"{SEED}={seed}")
    bank.start()
    Storm(bank, random.Random(seed)).rounds(rounds)
    assert not bank.found_by_centre(*NEVER_FOUND)
    assert not bookkeeping_faults(bank.database)
    ledger = bank.folder / "ledger.ndjson"
    bank.export(ledger)
    code, said = bank.verify(ledger)
    assert code == 0, said


@pytest.mark.timeout(240)
def test_nothing_is_lost_or_doubled_whatever_dies(build_bank: BuildBank, broker: BrokerKind | None) -> None:
    """Whatever box, broker or centre is killed, every line a box ever wrote is at the centre once, in order."""
    _storm(build_bank(boxes=BOXES, broker=broker), rounds=10)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_nothing_is_lost_or_doubled_over_two_hundred_deaths(build_bank: BuildBank, broker: BrokerKind | None) -> None:
    """The same over a hundred rounds on each broker."""
    _storm(build_bank(boxes=BOXES, broker=broker), rounds=100)
