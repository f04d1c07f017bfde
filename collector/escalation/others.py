"""What is to be told of the collectors of a database, as it stands now: a few rows, whatever the number of alarms.

Flow: runner.py and ingest/auditing.py -> here -> fleet/collectors.py.
"""

from collector.escalation.plan import MINUTE_MS
from collector.fleet.collectors import GONE_MS, Seen, Why, is_there, judge
from collector.fleet.records import Condition, Found
from collector.storage import collectors, conditions
from collector.storage.store import Transaction


def changes(connection: Transaction, own_ms: int) -> tuple[Found, ...]:
    """Who is gone and was not told, and who is back."""
    told = conditions.standing(connection, Condition.COLLECTOR.value)
    known = {detail: before.facts for (_, _, detail), before in told.items()}
    rows, now_ms = collectors.everybody(connection), collectors.clock_ms(connection, own_ms)
    verdict = judge(rows, known.keys(), now_ms)
    left = sum(is_there(row, now_ms) for row in rows)
    return (
        *(_found(row.id, _facts(row, why, left, now_ms)) for row, why in verdict.gone),
        *(_found(each, known[each], ends=True) for each in verdict.back),
    )


def _facts(row: Seen, why: Why, left: int, now_ms: int) -> dict[str, object]:
    away_ms = max(GONE_MS, now_ms - row.seen_ms)  # less is a clock that was set back
    span = {"away_min": away_ms // MINUTE_MS} if why is Why.ENDED else {"silent_s": away_ms // 1000}
    return {"collector": row.id, "reason": why.value, "left": left, **span}


def _found(collector: str, facts: dict[str, object], *, ends: bool = False) -> Found:
    source = f"collector/{collector}"
    return Found(condition=Condition.COLLECTOR, detail=collector, facts=facts, ends=ends, source=source)
