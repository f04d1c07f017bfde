"""How the centre's backups stand, for /healthz and the figures: read from the journal, judged by their age.

`judge` is pure; `look` reads. Flow: app.py -> here -> health checks and a gauge.
"""

from datetime import timedelta
from math import nan
from typing import Final, NamedTuple

from collector.health import Check
from collector.storage.reading import Reading
from collector.storage.store import Store, StoreError
from collector.storage.upkeep import DONE, Upkeep, UpkeepRow, last_upkeep
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

LATE_AFTER: Final = timedelta(hours=36)
"""A daily backup and half a day to notice it: from then on a lost disk costs more than it should."""


class Seen(NamedTuple):
    """The latest backup, the latest good one, the latest restore that was tried."""

    last: UpkeepRow | None
    good: UpkeepRow | None
    drill: UpkeepRow | None


def look(reading: Reading) -> Seen:
    """What the journal tells."""
    return Seen(
        last=last_upkeep(reading, Upkeep.BACKUP),
        good=last_upkeep(reading, Upkeep.BACKUP, DONE),
        drill=last_upkeep(reading, Upkeep.DRILL),
    )


def judge(seen: Seen, *, configured: bool, now_ms: int, ours: bool = True) -> tuple[Check, ...]:
    """Two checks, the backup and its drill; the centre works without either, so none is needed.

    `ours`: whether `collector backup` is for this database; a server's own tools are not seen here.
    """
    if not ours:
        return (Check(name="backup", works=True, said=N_("PostgreSQL's own: see that pg_dump runs each night")),)
    if not configured and seen.last is None:
        return (Check(name="backup", works=True, said=N_("None is set up: give collector.toml a [backup]")),)
    return _backup(seen, now_ms), _drill(seen.drill, now_ms)


def age_s(store: Store, now_ms: int) -> float:
    """The age of the last good backup for the figures; not a number where there is none, or nobody can say."""
    try:
        with store.read() as reading:
            good = last_upkeep(reading, Upkeep.BACKUP, DONE)
    except StoreError:
        return nan
    return nan if good is None else _age_s(good, now_ms)


def _backup(seen: Seen, now_ms: int) -> Check:
    last, good = seen.last, seen.good
    if good is None:
        said = N_("There is no backup yet") if last is None else N_("No backup has succeeded yet; the last one failed")
        return Check(name="backup", works=False, said=said, needed=False)
    age = _age_s(good, now_ms)
    copies, wanted = good.facts.get("copies", 1), good.facts.get("wanted", 1)
    if last is not None and last.number > good.number:
        said = N_("The last backup failed, the good one before it has the age shown")
    elif age > LATE_AFTER.total_seconds():
        said = N_("The last backup is too old; is its timer running?")
    elif copies < wanted:
        said = N_("The last backup has no second copy; look at the second place")
    else:
        return Check(name="backup", works=True, said=N_("The last backup was read back and compared"), age_s=age)
    return Check(name="backup", works=False, said=said, age_s=age, needed=False)


def _drill(drill: UpkeepRow | None, now_ms: int) -> Check:
    if drill is None:
        return Check(name="restore drill", works=True, said=N_("Nobody has tried to restore a backup yet"))
    works = drill.action == DONE
    said = N_("A backup was restored for trial by {person}") if works else N_("{person} could not restore a backup")
    values = {"person": drill.person}
    age = _age_s(drill, now_ms)
    return Check(name="restore drill", works=works, said=said, values=values, age_s=age, needed=False)


def _age_s(row: UpkeepRow, now_ms: int) -> float:
    return max(0, now_ms - row.at_ms) / 1000
