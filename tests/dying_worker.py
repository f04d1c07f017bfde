"""A worker of the escalation that kills itself after it has written what a step tells, before that is committed.

`python -m tests.dying_worker URL NOW_MS`: another process on the same database as a test.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from collector.escalation.firing import handlers
from collector.escalation.records import Purpose, Timer
from collector.escalation.runner import Runner
from collector.escalation.surroundings import Channel, Surroundings
from collector.storage.store import Store, Transaction
from protocol.ids import new_event_id
from tests.escalating import EVERYBODY, people_of


def die(connection: Transaction, around: Surroundings, due: Sequence[Timer], now_ms: int) -> None:
    """Do the whole step, and be gone."""
    handlers()[Purpose.ESCALATE](connection, around, due, now_ms)
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, now_ms: int) -> None:
    """One tick; it does not come back from it when a step is due."""
    around = Surroundings(
        collector="centre-2",
        people=people_of(*EVERYBODY),
        new_id=lambda at_ms: new_event_id(at_ms, os.urandom(10)),
        channels={name: Channel(name=name) for name in ("sms", "call", "mail")},
    )
    Runner(Store(url), around, more={Purpose.ESCALATE: die}).tick(now_ms)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
