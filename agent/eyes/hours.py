"""Whether a site is open at a time: for posts that must be manned and areas that are closed. Pure."""

from datetime import datetime

from agent.arming.calendar import Timetable


def opened(timetable: Timetable, wall: datetime) -> tuple[bool, bool] | None:
    """Within opening hours; and within these and the time around them in which people come and go. None: no hours."""
    days = timetable.days(wall)
    if not days.scheduled:
        return None
    today = days.today
    within = bool(today.opens and today.closes and today.opens <= wall < today.closes)
    return within, within or today.is_business(wall)
