"""What the outbox's glance means for people: room that runs short, records that were damaged. Pure.

`box.disk_low` begins when anything is given up and ends when the centre knows of it and there is room again.
"""

from agent.findings import Finding, Phase
from agent.outbox.records import Standing
from agent.signals import Moment

DISK_LOW = "box.disk_low"
REJECTED = "envelope.rejected"
SOURCE = "box/store"


def store_findings(before: Standing, after: Standing, now: Moment) -> tuple[Finding, ...]:
    """What began, ended or happened between two glances."""
    found: list[Finding] = []
    facts: dict[str, object] = {"used_bytes": after.used_bytes, "limit_bytes": after.limit_bytes}
    if after.tight and not before.tight:
        facts |= {"gives_way": after.tight, "shed": after.shed, "coalesced": after.coalesced}
        found.append(Finding(kind=DISK_LOW, source=SOURCE, phase=Phase.RAISED, at=now, facts=facts))
    elif before.tight and not after.tight:
        found.append(Finding(kind=DISK_LOW, source=SOURCE, phase=Phase.ENDED, at=now, facts=facts))
    more = after.poisoned - max(before.poisoned, 1)  # the first of a run was told when it was found (outbox/store.py)
    if more > 0:
        damaged: dict[str, object] = {"reason": "damaged_on_disk", "count": more}
        found.append(Finding(kind=REJECTED, source="box/outbox", phase=Phase.TOLD, at=now, facts=damaged))
    return tuple(found)


def sounds(standing: Standing) -> bool:
    """Whether the local sounder must say that urgent events are only counted (WIRE 2.4)."""
    return standing.tight == "urgent"
