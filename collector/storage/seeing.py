"""Who may see what: a person sees its unit and what is below it, and never the duress that it acted under itself.

The one place of both rules (DOMAIN 1; WIRE 4.6). Whoever stands behind a person who ordered under duress sees the
ordinary outcome: no event, alarm, count or live message of it reaches that person's session. Flow: every question
about events and alarms -> here -> conditions of its statement.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, select, true

from collector.storage.paging import below
from collector.storage.records import Sight
from collector.storage.schema import alarm_events, alarms, events, withheld


def seen_events(sight: Sight) -> ColumnElement[bool]:
    """The condition on rows of `events`, which the statement joins with `sites`."""
    return and_(below(sight.unit), _shown(events.c.number, _numbers(sight)))


def seen_alarms(sight: Sight) -> ColumnElement[bool]:
    """The condition on rows of `alarms`, which the statement joins with `sites`."""
    return and_(below(sight.unit), shown_alarms(sight))


def shown_alarms(sight: Sight) -> ColumnElement[bool]:
    """The same for alarms of sites that are known to be the unit's."""
    numbers = _numbers(sight)
    if numbers is None:
        return true()
    return alarms.c.id.not_in(select(alarm_events.c.alarm).where(alarm_events.c.number.in_(numbers)))


def _numbers(sight: Sight) -> Any:
    if not sight.person:
        return None
    return select(withheld.c.number).where(withheld.c.person == sight.person)


def _shown(column: Any, numbers: Any) -> ColumnElement[bool]:
    return true() if numbers is None else column.not_in(numbers)
