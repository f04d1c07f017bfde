"""`provision boxes accept`: arguments in, sentences out. Flow: command.py -> here -> bundles/accepting.py."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from protocol.texts import Said, Texts, said
from protocol.words import Words
from provisioning.answer import DONE, SAYS_NO, Answer
from provisioning.asking import says_yes
from provisioning.bundles.accepting import Found, accept, found_in, same_fingerprint
from provisioning.bundles.preview import clean
from provisioning.inventory.loading import load_inventory
from provisioning.inventory_words import takes_inventory


def add_boxes_words(words: Words) -> None:
    """Teach `provision` its word about enrolled boxes."""
    say = words.say
    accept_word = words.below("boxes", say("enrolled boxes")).add(
        "accept",
        say("take the keys of enrolled boxes into the inventory"),
        say(
            "Shows the fingerprint of each box that was enrolled, to be compared by voice with what the box itself "
            "shows, and takes its keys into the inventory. Secrets are sealed to these keys."
        ),
        "branchwatch provision boxes accept --inventory inventory --enrolled enrolled",
        _accept,
    )
    takes_inventory(accept_word, say)
    accept_word.add_argument(
        "--enrolled", type=Path, required=True, metavar="DIR", help=say("the folder that the enrolment machine wrote")
    )
    accept_word.add_argument(
        "--yes-fingerprint",
        action="append",
        metavar="HEX",
        help=say("accept the box of this fingerprint without asking; once for each"),
    )


def _accept(arguments: Namespace, say: Texts) -> Answer:
    inventory = load_inventory(arguments.inventory)
    found = list(found_in(arguments.enrolled, inventory))
    typed: list[str] | None = arguments.yes_fingerprint
    fresh = [each for each in found if each.fault is None and not each.known]
    unmatched = [text for text in typed or [] if not any(same_fingerprint(each.fingerprint, text) for each in fresh)]
    accepted = declined = 0
    for each in found:
        if each.fault is not None:
            print(said("{file}: {fault}", file=clean(str(each.path)), fault=each.fault).told(say))
        elif not each.known:
            for line in _shown(each):
                print(line.told(say))
            if _agreed(each, typed, say):
                print(said("  accepted: {file}", file=accept(each, arguments.inventory)).told(say))
                accepted += 1
            else:
                print(say("  not accepted"))
                declined += 1
    no = unmatched or any(each.fault is not None for each in found) or (declined and typed is None)
    known = sum(each.known for each in found)
    return Answer(lines=[line.told(say) for line in _sum(accepted, known, unmatched)], code=SAYS_NO if no else DONE)


def _sum(accepted: int, known: int, unmatched: list[str]) -> Iterator[Said]:
    for text in unmatched:
        yield said("no box reads {fingerprint}: compare again, and do not go on if it differs", fingerprint=text)
    yield said("Boxes accepted: {accepted}; known before: {known}.", accepted=accepted, known=known)
    if accepted:
        yield said("Next step: branchwatch provision build with --secrets, so that their secrets are sealed.")


def _shown(found: Found) -> Iterator[Said]:
    enrolled = found.enrolled
    if enrolled is not None:
        yield said(
            "{box} at site {site}, enrolled {at}, machine {machine}",
            box=enrolled.box,
            site=enrolled.site,
            at=enrolled.at,
            machine=enrolled.machine or "-",
        )
        yield said("  fingerprint: {fingerprint}", fingerprint=found.fingerprint)


def _agreed(found: Found, typed: list[str] | None, say: Texts) -> bool:
    if typed is not None:
        return any(same_fingerprint(found.fingerprint, text) for text in typed)
    return says_yes(say("Does the box show the same fingerprint?"), say)
