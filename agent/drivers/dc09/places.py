"""How many places that no site file names one panel can have told apart. Pure state.

Each is a condition of its own in the ledger and in what is stored with every event: whoever speaks for a panel without
a key could make as many as there are numbers. Beyond the limit all are told at one place, which chatters like any.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from agent.findings import Finding, Phase

MAX_PLACES: Final = 512
"""Of one panel since the start: unnamed zones, faults and codes; a whole panel that nobody named has fewer."""

_REST: Final = "others"


class Places:
    """The places that one panel named so far."""

    def __init__(self, device: str) -> None:
        self._prefix = f"{device}/"
        self._known: set[str] = set()

    def told(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """What is told of these: as it is, or among the rest, where nothing begins or ends."""
        return tuple(found for each in findings if (found := self._placed(each)) is not None)

    def _placed(self, finding: Finding) -> Finding | None:
        source = finding.source
        if not source.startswith(self._prefix) or source in self._known:
            return finding
        if len(self._known) < MAX_PLACES:
            self._known.add(source)
            return finding
        if finding.phase is Phase.ENDED:
            return None
        family = source.removeprefix(self._prefix).partition("/")[0]
        return msgspec.structs.replace(finding, source=f"{self._prefix}{family}/{_REST}", phase=Phase.TOLD)
