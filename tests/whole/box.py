"""One box of a bank: its branch, its files, its process, and what its own store says."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.site import SimulatedSite
from tests.processes import RunningProcess
from tests.whole.accounts import OUTBOX, Account, Line, box_account
from tests.whole.branch import RunningBranch


@dataclass
class Box:
    """A box, its branch, its files, and its process while it runs."""

    site: SimulatedSite
    branch: RunningBranch
    state: Path
    config: Path
    process: RunningProcess | None = None
    lives: int = 0
    seen: set[Line] = field(default_factory=set)
    """Every line that was ever on its disk when somebody looked."""

    @property
    def id(self) -> str:
        """The box's id."""
        return self.site.box

    @property
    def running(self) -> bool:
        """Whether its agent lives."""
        return self.process is not None and self.process.running()

    def remembers(self, point: str) -> dict[str, Any]:
        """What its guard last stored of a point.

        Raises:
            LookupError: nothing yet.
        """
        connection = sqlite3.connect(self.state / OUTBOX, timeout=10)
        try:
            row = connection.execute("SELECT value FROM saved WHERE key = 'guard'").fetchone()
        except sqlite3.OperationalError as error:
            raise LookupError(str(error)) from None
        finally:
            connection.close()
        if row is None:
            raise LookupError("the guard stored nothing yet")
        known: dict[str, Any] = json.loads(row[0])["points"][point]
        return known

    def account(self) -> Account:
        """Its outbox now."""
        account = box_account(self.state, alive=self.running)
        self.seen |= account.lines
        return account
