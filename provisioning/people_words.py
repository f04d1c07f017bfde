"""`provision people accept`: a file from the desk, a question for each key, people.toml. Flow: command.py -> here."""

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from protocol.registration import MAX_REGISTRATIONS_BYTES, SPOKEN_DIGITS, Registration
from protocol.roster import Right
from protocol.settings import did_you_mean
from protocol.texts import Texts, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.words import Words
from provisioning.answer import DONE, SAYS_NO, Answer
from provisioning.asking import says_yes
from provisioning.inventory.accepting import enter_keys
from provisioning.inventory.folder import PEOPLE, read_folder
from provisioning.inventory.loading import judge_folder
from provisioning.inventory.registrations import (
    Weighed,
    read_registrations,
    weigh,
)
from provisioning.inventory.shapes import PersonEntry
from provisioning.inventory_words import takes_inventory
from provisioning.refusal import RefusedError


class PeopleWordsError(RefusedError):
    """What was typed cannot be used."""


def add_people_words(words: Words) -> None:
    """Teach `provision` its word about people's keys."""
    say = words.say
    accept = words.below("people", say("people and their keys")).add(
        "accept",
        say("enter keys that people registered at the desk"),
        say(
            "Shows each registered key with its person and its fingerprint, and asks. Ring the person up at a number "
            "you know, and have the fingerprint read to you: only that makes the key this person's. What is accepted "
            "is entered in people.toml, with no right unless --may names some; boxes obey it from their next bundle on."
        ),
        "branchwatch provision people accept registrations.json --inventory inventory --may arm,disarm",
        _accept,
    )
    accept.add_argument("file", type=Path, metavar="FILE", help=say("what the desk wrote"))
    takes_inventory(accept, say)
    accept.add_argument(
        "--may",
        default="",
        metavar="RIGHT,...",
        help=say("what the keys may approve: {rights}").format(rights=_names()),
    )
    accept.add_argument(
        "--yes-fingerprint",
        action="append",
        default=[],
        metavar="HEX",
        help=say("compared already: accept the key with this fingerprint without asking; once for each"),
    )


def _accept(arguments: Namespace, say: Texts) -> Answer:
    may = _rights(arguments.may)
    compared = [_hex(text) for text in arguments.yes_fingerprint]
    folder = read_folder(arguments.inventory)
    people = judge_folder(folder).people
    with arguments.file.open("rb") as stream:
        registrations = read_registrations(stream.read(MAX_REGISTRATIONS_BYTES + 1), str(arguments.file))
    weighed = _weighed(registrations, people)
    known = [each.fingerprint for each in weighed if each.fault is None or each.known]
    for given in compared:
        if not any(fingerprint.startswith(given) for fingerprint in known):
            raise PeopleWordsError(N_("no key in {file} has the fingerprint {hex}"), file=arguments.file, hex=given)
    accepted: list[Registration] = []
    refused = 0
    for each in weighed:
        for line in _told(each, people, say):
            print(line)
        if each.fault is None and _agreed(each, compared, say):
            accepted.append(each.registration)
        elif not each.known:
            refused += 1
    ids = enter_keys(folder, accepted, may) if accepted else []
    return Answer(lines=_done(arguments.inventory / PEOPLE, ids, refused, say), code=SAYS_NO if refused else DONE)


def _weighed(registrations: Iterable[Registration], people: Mapping[str, PersonEntry]) -> list[Weighed]:
    """Each against the people, and against those before it in the file."""
    weighed: list[Weighed] = []
    seen: dict[str, str] = {}
    for number, registration in enumerate(registrations, start=1):
        each = weigh(registration, number, people)
        if each.fault is None and registration.public_key in seen:
            fault = said("this key is in the file twice, first for {person}", person=seen[registration.public_key])
            each = Weighed(registration=registration, number=number, fault=fault)
        seen.setdefault(registration.public_key, registration.person)
        weighed.append(each)
    return weighed


def _told(each: Weighed, people: Mapping[str, PersonEntry], say: Texts) -> Iterator[str]:
    registration = each.registration
    person = people.get(registration.person)
    head = f"{each.number}  {registration.person}"
    yield f"{head}  {person.name}  {person.unit}" if person else head
    if each.fault is not None:
        yield f"   {_printable(each.fault.told(say))}"  # it may quote the file
        return
    if registration.kind == "webauthn":
        yield "   " + say("security key or passkey for {origin}").format(origin=_printable(registration.origin))
    else:
        yield "   " + say("key file")
    if registration.at:
        yield "   " + say("registered {at}").format(at=_printable(registration.at))
    yield "   " + say("fingerprint  {groups}").format(groups=each.spoken)


def _agreed(each: Weighed, compared: list[str], say: Texts) -> bool:
    if any(each.fingerprint.startswith(given) for given in compared):
        return True
    if not sys.stdin.isatty():
        print("   " + say("not accepted: nobody is here to compare it; name it by --yes-fingerprint"))
        return False
    return says_yes("   " + say("Does the person read out the same?"), say)


def _done(file: Path, ids: list[str], refused: int, say: Texts) -> Iterator[str]:
    if ids:
        yield say("{file}: entered {keys}.").format(file=file, keys=", ".join(ids))
        yield say("Boxes obey them from their next bundle on. Next step: branchwatch provision build")
    else:
        yield say("{file}: nothing was entered.").format(file=file)
    if refused:
        yield say("Not accepted: {count}.").format(count=refused)


def _rights(text: str) -> tuple[Right, ...]:
    rights: list[Right] = []
    for word in filter(None, text.split(",")):
        if word not in set(Right):
            fault = did_you_mean(said('there is no right "{name}"', name=word), word, [right.value for right in Right])
            raise PeopleWordsError(N_("--may: {fault}"), fault=fault)
        rights.append(Right(word))
    return tuple(dict.fromkeys(rights))


def _names() -> str:
    return ", ".join(right.value for right in Right)


def _hex(text: str) -> str:
    """A fingerprint without what people put between its digits; at least all that is shown."""
    digits = "".join(text.split()).replace(":", "").replace("-", "").lower()
    if not SPOKEN_DIGITS <= len(digits) <= 64 or any(digit not in "0123456789abcdef" for digit in digits):
        raise PeopleWordsError(
            N_("--yes-fingerprint takes the {count} hex digits that are shown, not fewer"), count=SPOKEN_DIGITS
        )
    return digits


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)
