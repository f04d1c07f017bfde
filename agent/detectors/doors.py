"""What the door detectors see of a door. Pure data; `agent/guard.py` fills it from signals."""

import msgspec

from agent.findings import because
from agent.signals import Moment, State
from protocol.messages import BecauseRow


class DoorView(msgspec.Struct, frozen=True, kw_only=True):
    """One door at one moment."""

    id: str
    state: State  # open, closed or unknown
    since: Moment
    settling: bool = False  # the contact reads closed, but not for long enough to be believed
    opened_by: str = ""  # what let it open: `exit button`, `key`, `release`; empty when nothing did
    gap: str = ""  # `down` or `unknown`: nobody watched between the last known state and this one

    @property
    def point(self) -> str:
        """Its name on the wire."""
        return f"door/{self.id}"

    @property
    def surely_open(self) -> bool:
        """Open, and not about to be believed closed."""
        return self.state is State.OPEN and not self.settling

    def row(self, reason: str = "") -> BecauseRow:
        """Its part of an explanation."""
        return because(self.point, self.state, self.since, reason or self.opened_by)


def gap_facts(*doors: DoorView) -> dict[str, bool]:
    """`while_down` or `while_unknown`, where a door's change happened unwatched."""
    return {f"while_{door.gap}": True for door in doors if door.gap}
