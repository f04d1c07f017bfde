"""What a bundle changes, in sentences for the person who signs it. Pure. Values are shown; secrets are names only.

Flow: building.py, signing.py -> here. The lines are `Said`, told in the reader's language by the words.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from protocol.bundle import Bundle
from protocol.roster import PersonKey, Roster, RosterPerson
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

LONGEST_VALUE: Final = 400
"""Characters of a value that are shown; what is signed should be seen, and no honest value is longer."""

TOUCHED: Final[Mapping[str, str]] = {
    "version": N_("a jump of the version"),
    "roster": N_("roster"),
    "pins": N_("provisioning keys"),
    "partitions": N_("partitions"),
    "zones": N_("zones"),
    "outputs": N_("locks, sirens and what moves them"),
    "doors": N_("door contacts, key switches and buttons of doors"),
    "ways_in": N_("codes and key switches that arm and disarm"),
    "eyes": N_("cameras, areas and pictures: something is watched or kept less than before"),
}
"""What two people sign for, in words, in the order in which it is told."""

DAYS: Final[Mapping[str, str]] = {"all": N_("every day"), "working": N_("working days"), "free": N_("days off")}


class Joined(Said):
    """Several sentences or words as one, with commas."""

    def __init__(self, parts: list[Said]) -> None:
        values = {f"p{at}": part for at, part in enumerate(parts)}
        super().__init__(", ".join(f"{{{name}}}" for name in values), values)


def clean(text: str) -> str:
    """Foreign text fit for a terminal: nothing that moves the cursor or turns the direction of writing."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def touched_said(touches: tuple[str, ...]) -> Said:
    """What is touched, in words."""
    return Joined([said(TOUCHED[word]) for word in touches])


def changes(before: Bundle | None, after: Bundle) -> Iterator[Said]:
    """Everything that differs; of a first bundle, what it holds."""
    yield from _settings(before.settings if before else {}, after.settings)
    yield from _roster(before.roster if before else None, after.roster)
    old, new = set(before.pins if before else ()), set(after.pins)
    for pin in sorted(new - old):
        yield said("provisioning key {key} counts from now on", key=pin[:16])
    for pin in sorted(old - new):
        yield said("provisioning key {key} counts no more", key=pin[:16])
    yield from _secrets(before, after)


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if _is_rows(old) or _is_rows(new):
            yield from _rows(key, _by_id(old), _by_id(new))
        elif isinstance(old, dict) or isinstance(new, dict):
            yield from _keys(clean(f"[{key}]"), old or {}, new or {})
        else:
            yield _change(clean(key), old, new)


def _rows(section: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    for name in dict.fromkeys((*before, *after)):
        table = clean(f"[[{section}]] {name}")
        if name not in before:
            keys = ", ".join(f"{clean(key)} = {_shown(value)}" for key, value in after[name].items() if key != "id")
            yield said("{table}: new, {keys}", table=table, keys=keys)
        elif name not in after:
            yield said("{table}: gone", table=table)
        else:
            yield from _keys(table, before[name], after[name])


def _keys(table: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Said]:
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield said("{table}: {change}", table=table, change=_change(clean(key), before.get(key), after.get(key)))


def _change(key: str, old: Any, new: Any) -> Said:
    if old is None:
        return said("{key} = {new}", key=key, new=_shown(new))
    if new is None:
        return said("{key} is gone, it was {old}", key=key, old=_shown(old))
    return said("{key} = {new}, it was {old}", key=key, old=_shown(old), new=_shown(new))


def _roster(before: Roster | None, after: Roster) -> Iterator[Said]:
    if before == after:
        return
    old = {each.id: each for each in before.people} if before else {}
    new = {each.id: each for each in after.people}
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield said("roster: {person} is obeyed no more", person=_person(old[name]))
        elif name not in old:
            rights = Joined([_key(key) for key in new[name].keys])
            yield said("roster: {person} is obeyed, {keys}", person=_person(new[name]), keys=rights)
            yield from _limits(new[name])
        elif old[name] != new[name]:
            yield from _person_changes(old[name], new[name])
    yield said("roster: version {version}, until {until}", version=after.version, until=after.not_after[:10])


def _person_changes(old: RosterPerson, new: RosterPerson) -> Iterator[Said]:
    before, after = {key.id: key for key in old.keys}, {key.id: key for key in new.keys}
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            yield said("roster: key {key} of {person} counts no more", key=name, person=_person(new))
        elif before.get(name) != after[name]:
            yield said("roster: {person}: {keys}", person=_person(new), keys=_key(after[name]))
    if (old.name, old.roles) != (new.name, new.roles):
        yield said("roster: {person}: now {roles}", person=_person(new), roles=clean(", ".join(new.roles)))
    if (old.unit, old.duty) != (new.unit, new.duty):
        yield from _limits(new)


def _limits(person: RosterPerson) -> Iterator[Said]:
    """Where and when somebody is obeyed."""
    if person.unit:
        yield said("roster: {person}: at {unit} and below it", person=_person(person), unit=clean(person.unit))
    if not person.duty:
        yield said("roster: {person}: no duty plan", person=_person(person))
    for duty in person.duty:
        yield said(
            "roster: {person}: on duty for {partitions}, {hours}, {days}",
            person=_person(person),
            partitions=", ".join(duty.partitions) or said("every partition"),
            hours=duty.hours or said("at all hours"),
            days=said(DAYS[duty.days]),
        )


def _secrets(before: Bundle | None, after: Bundle) -> Iterator[Said]:
    old = before.sealed if before else {}
    for name, text in after.sealed.items():
        if old.get(name) != text:
            yield said("secret {name}: sealed to the box's key", name=name)
    for name in after.pending:
        if before is None or name not in before.pending:
            yield said("secret {name}: follows when the box's key is accepted", name=name)


def _key(key: PersonKey) -> Said:
    rights = ", ".join(key.may) or "-"
    if key.duress:
        return said("duress key {key} may {rights}", key=key.id, rights=rights)
    return said("key {key} may {rights}", key=key.id, rights=rights)


def _person(person: RosterPerson) -> str:
    return clean(f"{person.name} ({person.id})")


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict) for each in value)


def _by_id(rows: Any) -> dict[str, Any]:
    return {str(each.get("id", at)): each for at, each in enumerate(rows or []) if isinstance(each, dict)}


def _shown(value: Any) -> str:
    text = clean(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "..."
