"""What in a sound site file a person should still look at: it holds, and does less than it seems to. Pure.

`agent check` and `provision check` tell it. Each note is `(path, sentence)`; the sentence names what it is about.
"""

from collections.abc import Iterator
from datetime import time
from typing import Final

from protocol.orders import people_of
from protocol.settings import Problem
from protocol.site.schema import Site, ZoneType
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import said

ALWAYS_ACTING: Final = frozenset({ZoneType.ALWAYS, ZoneType.HOLD_UP, ZoneType.FIRE, ZoneType.TAMPER})
"""Zones that act whatever is armed."""


def notes(site: Site) -> Iterator[Problem]:
    """All of them but zones that nothing arms."""
    yield from _hours(site)
    yield from _local_ways(site)
    yield from _panels(site)
    if site.announcement and site.loudspeaker is None:
        yield ("announcement", 0), said("announcements are never heard: [loudspeaker] is missing")


def never_armed(site: Site) -> Iterator[tuple[int, str]]:
    """Place and id of each zone that would act while armed, and that no partition arms.

    One that tells whether a place is occupied is meant to be so.
    """
    armed = {zone for partition in site.partition for zone in partition.zones}
    asked = {each.occupied_by for each in site.interlock}
    for index, zone in enumerate(site.zone):
        if zone.id not in armed and zone.type not in ALWAYS_ACTING and f"zone/{zone.id}" not in asked:
            yield index, zone.id


def _hours(site: Site) -> Iterator[Problem]:
    opening = site.opening
    if not any(each.scheduled for each in site.partition):
        return
    if opening is None or not (opening.weekdays or opening.weekends or opening.holidays or opening.exception):
        yield ("opening",), said("no opening hours: opening at a wrong hour is not told")
    if opening is None or not (opening.arm_by or opening.auto_arm):
        yield ("opening",), said("neither arm_by nor auto_arm: a site that nobody arms is not told")
    elif opening.arm_by and opening.auto_arm and _clock(opening.auto_arm) <= _clock(opening.arm_by):
        yield ("opening", "auto_arm"), said("auto_arm is not later than arm_by: nobody is ever told to be late")


def _clock(text: str) -> time:
    return time.fromisoformat(text)


def _local_ways(site: Site) -> Iterator[Problem]:
    """Nothing at the site disarms what needs two people (docs/guarding.md 3.2)."""
    people = {each.id: people_of(each) for each in site.partition}
    for index, switch in enumerate(site.keyswitch):
        for name in _needing_more(switch.partitions, people):
            text = N_(
                'key switch "{switch}" arms partition "{partition}" and never disarms it: that takes {count} people'
            )
            sentence = said(text, switch=switch.id, partition=name, count=people[name])
            yield ("keyswitch", index, "partitions"), sentence
    for index, code in enumerate(site.code):
        for name in _needing_more(code.partitions, people):
            text = N_(
                'the code of "{person}" arms partition "{partition}" and never disarms it: that takes {count} people'
            )
            yield ("code", index, "partitions"), said(text, person=code.person, partition=name, count=people[name])
    for index, partition in enumerate(site.partition):
        if partition.follows is not None and people[partition.id] > 1:
            text = N_('its panel arms partition "{partition}" and never disarms it: that takes {count} people')
            yield ("partition", index, "follows"), said(text, partition=partition.id, count=people[partition.id])


def _needing_more(names: tuple[str, ...], people: dict[str, int]) -> Iterator[str]:
    return (name for name in names if people.get(name, 1) > 1)


def _panels(site: Site) -> Iterator[Problem]:
    for index, panel in enumerate(site.panel):
        if site.receiver is None:
            yield ("panel", index), said('nobody hears panel "{name}": [receiver] is missing', name=panel.id)
        elif panel.key is None:
            text = N_('panel "{name}" has no key: whoever reaches the box can speak for it')
            yield ("panel", index), said(text, name=panel.id)
        elif panel.supervision is None:
            text = N_('panel "{name}" has no supervision: its silence is never told')
            yield ("panel", index), said(text, name=panel.id)
