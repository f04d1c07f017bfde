"""Where people are reached, and who answers from an address: the contacts of the rules, looked up fast. Pure.

Flow: rules of one version -> `Book` -> sender.py (person, channel -> address) and answers (channel, address -> people).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from collector.notify.records import CONTACT
from collector.rules.holding import Held
from collector.rules.shapes import Contact, Rules, SiteContact

LANGUAGES: Final[Mapping[str, str]] = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True, kw_only=True, repr=False)
class Reach:
    """An address and the language that is read there."""

    address: str
    language: str


class Book:
    """The contacts of one version of the rules."""

    @staticmethod
    def of(held: Held) -> "Book":
        """The same book as before while the same rules hold."""
        if not _KEPT or _KEPT[0][0] is not held.rules:
            _KEPT[:] = [(held.rules, Book(held))]
        return _KEPT[0][1]

    def __init__(self, held: Held) -> None:
        self.version = held.version
        self._people: dict[str, Contact] = {contact.person: contact for contact in held.rules.contact}
        self._sites: dict[str, SiteContact] = {}
        self._units: dict[str, SiteContact] = {}
        for entry in held.rules.site:
            if entry.site is not None:
                self._sites.setdefault(entry.site, entry)
            else:
                self._units.setdefault(entry.unit, entry)
        self._senders: dict[tuple[str, str], list[str]] = {}
        for contact in held.rules.contact:
            for channel, address in contact.reach.items():
                self._senders.setdefault((channel, plain(address)), []).append(contact.person)

    def reach(self, person: str, channel: str, unit: str = "") -> Reach | None:
        """Where somebody is reached by a channel; a site's contact is `site/ID`, its `unit` is looked through."""
        if not person.startswith(CONTACT):
            contact = self._people.get(person)
            return _reach(contact, channel)
        site = self._sites.get(person.removeprefix(CONTACT))
        if (found := _reach(site, channel)) is not None:
            return found
        while True:
            if (found := _reach(self._units.get(unit), channel)) is not None or not unit:
                return found
            unit = unit.rpartition("/")[0]

    def channels(self, person: str) -> tuple[str, ...]:
        """The channels of a person, in its order, then as they stand."""
        contact = self._people.get(person)
        if contact is None:
            return ()
        return tuple(dict.fromkeys((*contact.order, *contact.reach)))

    def senders(self, channel: str, address: str) -> tuple[str, ...]:
        """Whose address of this channel it is."""
        return tuple(self._senders.get((channel, plain(address)), ()))


_KEPT: Final[list[tuple[Rules, Book]]] = []
"""The book of the rules that were looked at last: some 20,000 contacts, read once a version."""


def plain(address: str) -> str:
    """An address as it is compared: telephone numbers come with and without blanks and dashes, mail in any case."""
    text = address.strip().casefold()
    squeezed = "".join(each for each in text if each not in " -()./")
    return squeezed if squeezed.removeprefix("+").isdecimal() else text


def _reach(entry: Contact | SiteContact | None, channel: str) -> Reach | None:
    if entry is None or channel not in entry.reach:
        return None
    return Reach(address=entry.reach[channel], language=LANGUAGES.get(entry.language, "zh-CN"))
