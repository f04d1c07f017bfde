"""Whether every target of the rules is defined and can be reached by some channel. Pure.

Groups in groups are followed to their people; a loop is named where it closes. Flow: checking.py -> here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import available_timezones

from collector.people import PersonRole
from collector.rules.knowing import Known
from collector.rules.shapes import Contact, Group, Rota, Rules, Until
from protocol.settings import Problem, did_you_mean
from protocol.texts import Said, said

Place = tuple[str | int, ...]

SHORTEST_TURN: Final = timedelta(hours=1)
LONGEST_TURN: Final = timedelta(days=366)

_NO_MEMBER: Final = ("desk", "holder", "site/contact", "site/security_officer")


def faults(rules: Rules, known: Known) -> Iterator[Problem]:
    """Unknown names, loops, and targets that nobody hears."""
    reach = _Reach(
        rules=rules,
        known=known,
        rotas={rota.name: rota for rota in rules.rota},
        groups={group.name: group for group in rules.group},
        contacts={contact.person: contact for contact in rules.contact},
    )
    for index, policy in enumerate(rules.policy):
        for at, step in enumerate(policy.step):
            place = ("policy", index, "step", at)
            for number, target in enumerate(step.tell):
                if (fault := reach.fault(target)) is not None:
                    yield (*place, "tell", number), fault
            if policy.until is Until.ACKNOWLEDGED and set(step.tell) == {"holder"}:
                text = said(
                    "nobody holds an alarm before it is acknowledged, and there this policy ends: tell somebody else, "
                    'or write until = "resolved"'
                )
                yield (*place, "tell"), text
            yield from _channels((*place, "by"), step.by, known)
    for index, rota in enumerate(rules.rota):
        yield from _rota(("rota", index), rota, known)
    for index, group in enumerate(rules.group):
        yield from _group(("group", index), group, reach)
    yield from _contacts(rules, known)


@dataclass(frozen=True, kw_only=True)
class _Reach:
    rules: Rules
    known: Known
    rotas: Mapping[str, Rota]
    groups: Mapping[str, Group]
    contacts: Mapping[str, Contact]

    def fault(self, target: str) -> Said | None:
        """What is wrong with a target; None where somebody hears it."""
        kind = target.partition("/")[0]
        if (fault := self.undefined(target)) is not None:
            return fault
        if kind in ("desk", "holder", "receiver"):
            return None
        if target == "site/contact":
            if any(self._usable(site.reach) for site in self.rules.site):
                return None
            return said("no [[site]] says how a site's contact is reached; write one into contacts.toml")
        people = self.people(target, frozenset())
        if not people:
            return said('nobody is behind "{target}"', target=target)
        deaf = [person for person in people if not self.hears(person)]
        if kind == "rota" and deaf:
            return said('"{person}" may have this turn and no channel reaches that person', person=deaf[0])
        if len(deaf) == len(people):
            return said(
                'no channel reaches "{target}": write a [[contact]] with a channel of collector.toml', target=target
            )
        return None

    def undefined(self, target: str) -> Said | None:
        """Why nothing defines a target; None where something does."""
        kind, _, name = target.partition("/")
        match kind:
            case "person" if name not in self.known.people:
                return did_you_mean(
                    said('there is no person "{name}" in collector.toml', name=name), name, self.known.people
                )
            case "role" if name not in set(PersonRole):
                return did_you_mean(said('there is no role "{name}"', name=name), name, list(PersonRole))
            case "rota" if name not in self.rotas:
                return did_you_mean(said('there is no rota "{name}" in rotas.toml', name=name), name, self.rotas)
            case "group" if name not in self.groups:
                return did_you_mean(said('there is no group "{name}" in rotas.toml', name=name), name, self.groups)
            case "receiver" if name not in self.known.receivers:
                return did_you_mean(
                    said('there is no [[receiver]] "{name}" in collector.toml', name=name), name, self.known.receivers
                )
        return None

    def people(self, target: str, above: frozenset[str]) -> list[str]:
        """Everybody whom a target may mean at some time."""
        kind, _, name = target.partition("/")
        match kind:
            case "person":
                return [name] if name in self.known.people else []
            case "role":
                return self.known.with_role(name)
            case "site":
                named = [person for site in self.rules.site for person in site.security_officers]
                return [person for person in named if person in self.known.people] or self.known.with_role(
                    PersonRole.SECURITY_OFFICER
                )
            case "rota" if name in self.rotas:
                people = (person for turn in self.rotas[name].turn for person in turn.people)
                return [person for person in dict.fromkeys(people) if person in self.known.people]
            case "group" if name in self.groups and target not in above:
                inner = (self.people(member, above | {target}) for member in self.groups[name].members)
                return list(dict.fromkeys(person for each in inner for person in each))
        return []

    def loop(self, name: str) -> list[str]:
        """The groups that lead from this one back to it; empty where none do."""
        seen: set[str] = set()
        ways = [[name]]
        while ways:
            way = ways.pop()
            for member in self.groups[way[-1]].members:
                kind, _, inner = member.partition("/")
                if kind != "group" or inner not in self.groups:
                    continue
                if inner == name:
                    return [*way, name]
                if inner not in seen:
                    seen.add(inner)
                    ways.append([*way, inner])
        return []

    def hears(self, person: str) -> bool:
        """Whether a channel of collector.toml reaches a person."""
        contact = self.contacts.get(person)
        return contact is not None and self._usable(contact.reach)

    def _usable(self, reach: Mapping[str, str]) -> bool:
        return any(channel in self.known.channels for channel in reach)


def _group(place: Place, group: Group, reach: _Reach) -> Iterator[Problem]:
    if way := reach.loop(group.name):
        yield (*place, "members"), said("this group leads back to itself: {way}", way=" > ".join(way))
    for index, member in enumerate(group.members):
        if member in _NO_MEMBER or member.startswith("receiver/"):
            yield (
                (*place, "members", index),
                said('a group has people: person, role, rota or group, not "{target}"', target=member),
            )
        elif (fault := reach.undefined(member)) is not None:
            yield (*place, "members", index), fault
        elif group.need == "all":
            people = reach.people(member, frozenset({f"group/{group.name}"}))
            if deaf := next((person for person in people if not reach.hears(person)), None):
                text = said(
                    'each of this group must answer, and no channel reaches "{person}": write a [[contact]], '
                    'or need = "one"',
                    person=deaf,
                )
                yield (*place, "members", index), text


def _rota(place: Place, rota: Rota, known: Known) -> Iterator[Problem]:
    for index, turn in enumerate(rota.turn):
        for number, person in enumerate(turn.people):
            if person and person not in known.people:
                text = did_you_mean(
                    said('there is no person "{name}" in collector.toml', name=person), person, known.people
                )
                yield (*place, "turn", index, "people", number), text
    if not SHORTEST_TURN <= rota.length <= LONGEST_TURN:
        yield (*place, "length"), said("a turn lasts from one hour to a year")
    if rota.timezone not in available_timezones():
        yield (
            (*place, "timezone"),
            said('there is no time zone "{name}"; China has "Asia/Shanghai"', name=rota.timezone),
        )
    try:
        date.fromisoformat(rota.begins)
    except ValueError:
        if rota.begins:
            yield (*place, "begins"), said("there is no such day")


def _contacts(rules: Rules, known: Known) -> Iterator[Problem]:
    for index, contact in enumerate(rules.contact):
        place = ("contact", index)
        if contact.person and contact.person not in known.people:
            text = said('there is no person "{name}" in collector.toml', name=contact.person)
            yield (*place, "person"), did_you_mean(text, contact.person, known.people)
        yield from _channels((*place, "reach"), tuple(contact.reach), known, named=True)
        yield from _mails((*place, "reach"), contact.reach, known)
        for number, channel in enumerate(contact.order):
            if channel not in contact.reach:
                text = said('order names "{channel}", which reach has no address for', channel=channel)
                yield (*place, "order", number), text
    for index, site in enumerate(rules.site):
        if bool(site.site) == bool(site.unit):
            yield ("site", index), said("name a site or a unit, one of the two")
        yield from _channels(("site", index, "reach"), tuple(site.reach), known, named=True)
        yield from _mails(("site", index, "reach"), site.reach, known)
        for key in ("security_officers", "responsible", "functional"):
            for number, person in enumerate(getattr(site, key)):
                if person not in known.people:
                    text = said('there is no person "{name}" in collector.toml', name=person)
                    yield ("site", index, key, number), did_you_mean(text, person, known.people)
        if site.follow_up == "outlet" and not site.reach:
            yield ("site", index, "follow_up"), said("the outlet follows up, and reach says not how it is reached")


def _mails(place: Place, reach: Mapping[str, str], known: Known) -> Iterator[Problem]:
    """A mail's address is known by its @; what a gateway takes as a number, only the gateway knows."""
    for channel, address in reach.items():
        if channel in known.mails and not all(address.rpartition("@")[::2]):
            yield (
                (*place, channel),
                said('"{address}" is no mail address, like "leader-1@bank.example"', address=address),
            )


def _channels(place: Place, channels: Sequence[str], known: Known, *, named: bool = False) -> Iterator[Problem]:
    for index, channel in enumerate(channels):
        if channel not in known.channels:
            text = said('there is no [[channel]] "{name}" in collector.toml', name=channel)
            yield (*place, channel if named else index), did_you_mean(text, channel, known.channels)
