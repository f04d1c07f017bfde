"""Opening hours and the calendar: real times and days, in an order that can be kept. Pure.

Also of what sites share: a schedule and a calendar of bank.toml are judged by the same words (provisioning).
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final

from protocol.settings import Problem
from protocol.site.naming import shown
from protocol.site.schema import Calendar, Opening, Site
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

DAYS: Final = ("weekdays", "weekends", "holidays")
TIMES: Final = ("arm_by", "open_by", "auto_arm")
WAITS: Final[tuple[tuple[str, timedelta, timedelta], ...]] = (
    ("early", timedelta(0), timedelta(hours=6)),
    ("auto_arm_warning", timedelta(seconds=10), timedelta(hours=1)),
)


def hours_and_days(site: Site) -> Iterator[Problem]:
    """`[opening]`, `[calendar]`, and the hours that codes are limited to."""
    for path, fault in hours(site.opening) if site.opening else ():
        yield ("opening", *path), fault
    for path, fault in days(site.calendar) if site.calendar else ():
        yield ("calendar", *path), fault
    for index, code in enumerate(site.code):
        if code.hours is not None and (wrong := limited(code.hours)):
            yield ("code", index, "hours"), wrong


def hours(opening: Opening) -> Iterator[Problem]:
    """Real times, in their order; also of a schedule that sites share."""
    for key in (*DAYS, *TIMES):
        if (written := getattr(opening, key)) and (wrong := _fault(key, written)):
            yield (key,), wrong
    for key, low, high in WAITS:
        if not low <= getattr(opening, key) <= high:
            text = N_("{key} must be from {low} to {high}")
            yield (key,), said(text, key=key, low=shown(low), high=shown(high))
    yield from _order(opening)
    yield from _exceptions(opening)


def limited(text: str, key: str = "hours") -> Said | None:
    """What is wrong with hours that may go over midnight: a code's, or a duty's."""
    span = _span(text)
    if span is None or span[0] == span[1]:
        return said("{key} must name two real times, and not the same one twice", key=key)
    return None


def days(calendar: Calendar) -> Iterator[Problem]:
    """Real days, each once and in one list; also of the calendar that sites share."""
    owners: dict[str, str] = {}
    for key in ("holidays", "working"):
        for index, day in enumerate(getattr(calendar, key)):
            if day and not _is_day(day):
                yield (key, index), said('"{day}" is no day that there is', day=day)
            elif day in owners:
                yield (key, index), said('"{day}" stands in {key} already', day=day, key=owners[day])
            owners.setdefault(day, key)
    for index, year in enumerate(calendar.years):
        if year in calendar.years[:index]:
            yield ("years", index), said("{year} is there already", year=year)
        elif year and calendar.country != "none" and not any(day[:4] == str(year) for day in calendar.holidays):
            yield ("years", index), said("{year} is said to be complete, and holidays names no day of it", year=year)


def _order(opening: Opening) -> Iterator[Problem]:
    """A time that every sort of day makes wrong is a slip; where one day is longer, its own hours count."""
    arm_by, open_by, auto_arm = (_time(getattr(opening, key)) for key in TIMES)
    spans = [span for key in DAYS if (span := _span(getattr(opening, key) or "")) and span[0] < span[1]]
    if not spans:
        return
    opens, closes = min(spans)[0], min(span[1] for span in spans)
    where = {"opens": _text(opens), "closes": _text(closes)}
    if arm_by is not None and arm_by < closes:
        yield ("arm_by",), said("arm_by must not be before {closes}, when the site closes", closes=where["closes"])
    if open_by is not None and not any(_before(each[0], opening.early) <= open_by < each[1] for each in spans):
        yield ("open_by",), said("open_by must lie within opening hours, or before them as early says")
    if auto_arm is not None and all(each[0] <= auto_arm < each[1] for each in spans):
        yield ("auto_arm",), said("auto_arm must not lie within opening hours, {opens} to {closes}", **where)


def _exceptions(opening: Opening) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, each in enumerate(opening.exception):
        place = ("exception", index)
        if each.date and not _is_day(each.date):
            yield (*place, "date"), said('"{day}" is no day that there is', day=each.date)
        elif each.date in seen:
            yield (*place, "date"), said('"{day}" is an exception already', day=each.date)
        seen.add(each.date)
        for key in ("hours", "arm_by"):
            if (text := getattr(each, key)) and (fault := _fault(key, text)):
                yield (*place, key), fault
        span, arm_by = _span(each.hours or ""), _time(each.arm_by)
        if span is not None and span[0] < span[1] and arm_by is not None and arm_by < span[1]:
            text = N_("arm_by must not be before {closes}, when the site closes")
            yield (*place, "arm_by"), said(text, closes=_text(span[1]))


def _fault(key: str, text: str) -> Said | None:
    if "-" not in text:
        return said("{key} must be a time of day", key=key) if _time(text) is None else None
    span = _span(text)
    if span is None or span[0] >= span[1]:
        return said("{key} must name real times, the first before the second", key=key)
    return None


def _span(text: str) -> tuple[time, time] | None:
    first, _, second = text.partition("-")
    opens, closes = _time(first), _time(second)
    return None if opens is None or closes is None else (opens, closes)


def _time(text: str | None) -> time | None:
    try:
        return time.fromisoformat(text or "")
    except ValueError:
        return None


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _before(moment: time, wait: timedelta) -> time:
    """Some time earlier, on the same day at the earliest."""
    earlier = datetime.combine(date.min + timedelta(days=1), moment) - wait
    return earlier.time() if earlier.date() > date.min else time.min


def _text(moment: time) -> str:
    return moment.isoformat("auto" if moment.second else "minutes")
