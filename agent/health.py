"""The box's own condition for its beats: read from the outbox's glance and from /proc. No decision is made here."""

import os
from pathlib import Path
from typing import Final

from agent.outbox.records import Standing
from protocol.kinds import Lane
from protocol.messages import Health

_STATM: Final = Path("/proc/self/statm")
MAX_ERROR: Final = 200
"""Characters of the last error in a beat."""


def health_of(
    standing: Standing,
    *,
    uptime_s: int,
    devices_offline: int,
    broker: int = 0,
    last_error: str = "",
    evidence_waiting: int = 0,
    evidence_bytes: int = 0,
    people_model: str = "",
) -> Health:
    """One glance for one beat."""
    return Health(
        pending_urgent=standing.lanes[Lane.URGENT].pending,
        pending_routine=standing.lanes[Lane.ROUTINE].pending,
        store_bytes=standing.used_bytes,
        store_limit_bytes=standing.limit_bytes,
        memory_bytes=resident_bytes(),
        uptime_s=max(0, uptime_s),
        devices_offline=devices_offline,
        broker=broker,
        last_error=last_error[:MAX_ERROR],
        evidence_waiting=evidence_waiting,
        evidence_bytes=evidence_bytes,
        people_model=people_model,
    )


def resident_bytes() -> int:
    """Resident memory of this process; 0 where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def boot_id() -> str:
    """A name of this start of the machine: monotonic times compare only within one."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
