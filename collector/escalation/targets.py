"""Who a target of a policy is right now, and by which channels they are reached. Pure once it has looked.

`look` reads what changes from moment to moment (who sits at the desk, who stands in, who must not know) once a
transaction; `resolve` answers from that for any number of alarms. Nobody is told here. Flow: begin.py, firing.py and
the auditor -> here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import msgspec

from collector.escalation.chains import within
from collector.escalation.records import Watched
from collector.escalation.rotas import Override, on_duty
from collector.escalation.surroundings import Surroundings
from collector.people import Person, PersonRole
from collector.rules.checking import holes
from collector.rules.holding import Held, rules_now
from collector.rules.shapes import Contact, Group, Rota, Rules, SiteContact
from collector.storage import reach
from collector.storage.presence import present
from collector.storage.rotas import overrides_now
from collector.storage.store import Transaction

DESK_ROLES: Final = frozenset({PersonRole.OPERATOR, PersonRole.SHIFT_LEADER})
"""Who may take an alarm: the desk is one of them at a live page."""

PROVEN_MS: Final = timedelta(days=30) // timedelta(milliseconds=1)
"""For so long a confirmed delivery proves a channel."""


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """One to tell: channels in their order, whether one is proven. `person` is empty for a site's contact."""

    person: str
    channels: tuple[str, ...]
    proven: bool = False


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """Who a target is now. With nobody in it, `why` says so: nobody, channel, desk, receiver, unknown."""

    target: str
    people: tuple[Reach, ...] = ()
    receivers: tuple[str, ...] = ()
    desk: tuple[str, ...] = ()  # at a live page
    need_all: bool = False
    why: str = ""

    @property
    def reaches_somebody(self) -> bool:
        """Whether a person hears of it."""
        return bool(self.people or self.desk)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What stood in the database at one moment."""

    held: Held
    around: Surroundings
    now_ms: int
    present: Mapping[str, int] = field(default_factory=dict)
    overrides: Sequence[Override] = ()
    secret: frozenset[tuple[str, str]] = frozenset()  # (alarm, person) of whom nothing may be told
    proven: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def index(self) -> "Index":
        """The rules by name."""
        return index_of(self.held.rules)


@dataclass(frozen=True)
class Index:
    """Rules by what they are looked up with."""

    rotas: Mapping[str, Rota]
    groups: Mapping[str, Group]
    contacts: Mapping[str, Contact]
    sites: Mapping[str, SiteContact]
    units: tuple[SiteContact, ...]
    whole: bool  # whether a policy is there for every alarm


def look(
    connection: Transaction, around: Surroundings, alarm_ids: Iterable[str], now_ms: int, *, proofs: bool = False
) -> Looked:
    """Read what targets depend on beside the rules; `proofs` only for whoever asks whether a channel is proven."""
    return Looked(
        held=rules_now(connection),
        around=around,
        now_ms=now_ms,
        present=present(connection, now_ms),
        overrides=overrides_now(connection, now_ms),
        secret=reach.kept_from(connection, alarm_ids),
        proven=reach.proofs_since(connection, now_ms - PROVEN_MS) if proofs else {},
    )


def resolve(looked: Looked, alarm: Watched, target: str, by: Sequence[str] = ()) -> Resolved:
    """Who a target is for this alarm, and how they are reached; whoever must not know of it is left out."""
    kind, _, name = target.partition("/")
    if kind == "desk":
        there = _desk(looked, alarm)
        return Resolved(target=target, desk=there, why="" if there else "desk")
    if kind == "receiver":
        known = name in looked.around.receivers
        return Resolved(target=target, receivers=(name,) if known else (), why="" if known else "receiver")
    if target == "site/contact":
        return _site_contact(looked, alarm, by)
    people, known = _people(looked, alarm, target, frozenset())
    allowed = [person for person in people if (alarm.id, person) not in looked.secret]
    reached = [each for person in allowed if (each := _reach(looked, person, by)) is not None]
    by_channel = {each.person for each in reached}
    desk = tuple(person for person in allowed if person in looked.present and person not in by_channel)
    group = looked.index.groups.get(name) if kind == "group" else None
    why = "" if reached or desk else "unknown" if not known else "channel" if allowed else "nobody"
    return Resolved(
        target=target,
        people=tuple(reached),
        desk=desk,
        need_all=group is not None and group.need == "all",
        why=why,
    )


def members(looked: Looked, alarm: Watched, target: str) -> tuple[str, ...]:
    """The people that a target is for this alarm, reached or not."""
    return tuple(person for person in _people(looked, alarm, target, frozenset())[0])


def _people(looked: Looked, alarm: Watched, target: str, above: frozenset[str]) -> tuple[list[str], bool]:
    """Their ids, each once, and whether the target is defined at all."""
    people = looked.around.people
    kind, _, name = target.partition("/")
    match kind:
        case "person":
            found = people.by_id(name)
            return ([name] if found is not None else []), found is not None
        case "holder":
            return ([alarm.holder] if alarm.holder and people.by_id(alarm.holder) else []), True
        case "role":
            return [each.id for each in people.everybody if name in each.roles and _sees(each, alarm)], True
        case "desk":
            return list(_desk(looked, alarm)), True
        case "site":
            contact = site_contact(looked.index, alarm.site, alarm.unit)
            named = () if contact is None else _departments(contact).get(name, ()) or contact.security_officers
            if not named:
                return _people(looked, alarm, "role/security_officer", above)
            return [person for person in named if people.by_id(person)], True
        case "rota":
            rota = looked.index.rotas.get(name)
            if rota is None:
                return [], False
            return [each for each in on_duty(rota, looked.overrides, looked.now_ms).people if people.by_id(each)], True
        case "group":
            group = looked.index.groups.get(name)
            if group is None or target in above:
                return [], group is not None
            inner = [_people(looked, alarm, member, above | {target})[0] for member in group.members]
            return list(dict.fromkeys(person for each in inner for person in each)), True
    return [], False


def _sees(person: Person, alarm: Watched) -> bool:
    return within(alarm.unit, person.unit)


def _desk(looked: Looked, alarm: Watched) -> tuple[str, ...]:
    there = (looked.around.people.by_id(person) for person in looked.present)
    return tuple(
        each.id
        for each in there
        if each is not None
        and each.roles & DESK_ROLES
        and _sees(each, alarm)
        and (alarm.id, each.id) not in looked.secret
    )


def _reach(looked: Looked, person: str, by: Sequence[str]) -> Reach | None:
    contact = looked.index.contacts.get(person)
    if contact is None:
        return None
    channels = channels_of(contact.reach, contact.order, by, looked.around.channels)
    if not channels:
        return None
    return Reach(
        person=person, channels=channels, proven=any((person, channel) in looked.proven for channel in channels)
    )


def channels_of(
    reachable: Mapping[str, str], order: Sequence[str], by: Sequence[str], known: Iterable[str]
) -> tuple[str, ...]:
    """The channels to try, in their order: those that the step names, else the person's own order, then the rest."""
    there = [channel for channel in dict.fromkeys((*order, *reachable)) if channel in reachable and channel in known]
    wanted = tuple(channel for channel in by if channel in there)
    return wanted or tuple(there)


def _site_contact(looked: Looked, alarm: Watched, by: Sequence[str]) -> Resolved:
    contact = site_contact(looked.index, alarm.site, alarm.unit)
    if contact is None or not contact.reach:
        return Resolved(target="site/contact", why="nobody")
    channels = channels_of(contact.reach, (), by, looked.around.channels)
    if not channels:
        return Resolved(target="site/contact", why="channel")
    return Resolved(target="site/contact", people=(Reach(person="", channels=channels),))


def _departments(contact: SiteContact) -> Mapping[str, Sequence[str]]:
    """Who follows up the gravest; where nobody is named it is the security officers."""
    return {"responsible": contact.responsible, "functional": contact.functional}


def outlet_follows(rules: Rules, site: str, unit: str) -> bool:
    """Whether the outlet itself follows up what is not of the gravest levels."""
    contact = site_contact(index_of(rules), site, unit)
    return contact is not None and contact.follow_up == "outlet"


def site_contact(index: Index, site: str, unit: str) -> SiteContact | None:
    """The contact of a site: its own, else that of the deepest unit."""
    own = index.sites.get(site)
    if own is not None:
        return own
    above = [each for each in index.units if within(unit, each.unit)]
    return max(above, key=lambda each: len(each.unit.split("/")) if each.unit else 0, default=None)


def index_of(rules: Rules) -> Index:
    """Rules by name, made once for each set of rules that is held."""
    known = _INDEXES.get(id(rules))
    if known is not None and known[0] is rules:
        return known[1]
    made = Index(
        rotas={rota.name: rota for rota in rules.rota},
        groups={group.name: group for group in rules.group},
        contacts={contact.person: contact for contact in rules.contact},
        sites={site.site: site for site in rules.site if site.site},
        units=tuple(site for site in rules.site if not site.site),
        whole=next(holes(rules.policy), None) is None,
    )
    if len(_INDEXES) >= _MOST_INDEXES:
        _INDEXES.clear()
    _INDEXES[id(rules)] = (rules, made)
    return made


_MOST_INDEXES: Final = 8
_INDEXES: Final[dict[int, tuple[Rules, Index]]] = {}
