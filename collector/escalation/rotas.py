"""Whose turn it is: rotas with their handover, and who stands in for whom. Pure.

A turn lasts `length` on the wall clock of the rota's zone: with daylight saving a day may have 23 or 25 hours, the
handover stays at its time of day. Flow: targets.py and the console ask here with an instant.
"""

from collections.abc import Iterable
from datetime import date, datetime, time

import msgspec

from collector.rules.shapes import Rota
from collector.times import local, unix_ms, zone_of


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has a rota for a time, instead of whose turn it is; of two the one made later counts."""

    id: str
    rota: str
    person: str
    from_ms: int
    until_ms: int
    by: str = ""
    reason: str = ""
    at_ms: int = 0


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Who has a rota now, until when, and which override says so; nobody before it begins."""

    people: tuple[str, ...]
    from_ms: int
    until_ms: int
    override: str = ""


def on_duty(rota: Rota, overrides: Iterable[Override], at_ms: int) -> Held:
    """Who has the rota at an instant."""
    for override in sorted(overrides, key=lambda each: (each.at_ms, each.id), reverse=True):
        if override.rota == rota.name and override.from_ms <= at_ms < override.until_ms:
            return Held(
                people=(override.person,), from_ms=override.from_ms, until_ms=override.until_ms, override=override.id
            )
    return turn_at(rota, at_ms)


def turn_at(rota: Rota, at_ms: int) -> Held:
    """Whose turn it is when nobody stands in."""
    first = begins_ms(rota, 0)
    if at_ms < first:
        return Held(people=(), from_ms=at_ms, until_ms=first)
    gone = local(at_ms, rota.timezone).replace(tzinfo=None) - _begin(rota)
    number = max(0, gone // rota.length)
    while begins_ms(rota, number + 1) <= at_ms:  # an hour that the clock shows twice, or never
        number += 1
    while number and begins_ms(rota, number) > at_ms:
        number -= 1
    return Held(
        people=rota.turn[number % len(rota.turn)].people,
        from_ms=begins_ms(rota, number),
        until_ms=begins_ms(rota, number + 1),
    )


def begins_ms(rota: Rota, number: int) -> int:
    """When a turn begins, counted from the rota's first."""
    wall = _begin(rota) + number * rota.length
    return unix_ms(wall.replace(tzinfo=zone_of(rota.timezone)))


def _begin(rota: Rota) -> datetime:
    hour, minute = rota.handover.split(":")
    return datetime.combine(date.fromisoformat(rota.begins), time(int(hour), int(minute)))
