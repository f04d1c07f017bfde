"""Whose code this is: every hash is tried, the ordinary ones and those for duress, whichever fits. argon2's adapter.

It takes as long whoever it is and whatever fits, so that nobody beside the keypad learns anything; call it in a thread.
What a person may do with it is looked at afterwards (`allowed`). Flow: the agent's socket -> `agent/local/arming.py`
-> here -> a `Command` for the guard.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from agent.arming.calendar import within
from agent.signals import Moment
from protocol.codes import CodeError, read_secret
from protocol.settings import Secret
from protocol.site.schema import Code, Site
from protocol.texts import SaidError

_HASHER: Final = PasswordHasher()  # verifying takes its costs from each hash; `read_secret` has limited them

OpenSecret = Callable[[str], Secret]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCode:
    """One person's code: the site file's entry with its opened secret."""

    entry: Code
    ordinary: str = field(repr=False)
    duress: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Whose code it was."""

    entry: Code
    duress: bool

    @property
    def person(self) -> str:
        """Who."""
        return self.entry.person


def opened(entries: Iterable[Code], open_secret: OpenSecret) -> tuple[tuple[PersonCode, ...], tuple[str, ...]]:
    """The codes that can be tried, and the people whose cannot: not sealed yet, or nothing that we made."""
    found: list[PersonCode] = []
    without: list[str] = []
    for entry in entries:
        try:
            ordinary, duress = read_secret(open_secret(entry.secret.secret))
        except (SaidError, CodeError):
            without.append(entry.person)
        else:
            found.append(PersonCode(entry=entry, ordinary=ordinary, duress=duress))
    return tuple(found), tuple(without)


def tried(code: str, codes: Sequence[PersonCode]) -> Match | None:
    """Whose it is; takes some 15 ms a hash on purpose, and all of them always."""
    matches = [
        Match(entry=each.entry, duress=duress)
        for each in codes
        for duress, stored in ((False, each.ordinary), (True, each.duress))
        if stored and _fits(stored, code)
    ]
    # Two people with one code: who may be in need counts before who may not.
    return next((match for match in matches if match.duress), matches[0] if matches else None)


def allowed(match: Match, site: Site, partitions: Iterable[str], now: Moment, *, clock_believed: bool) -> str:
    """Why this code may not be used for these partitions now: `code_partition`, `clock_suspect`, `code_hours`."""
    entry = match.entry
    if entry.partitions and not set(partitions) <= set(entry.partitions):
        return "code_partition"
    if entry.hours is None:
        return ""
    if not clock_believed:
        return "clock_suspect"
    return "" if within(entry.hours, now.wall, site.timezone) else "code_hours"


def _fits(stored: str, code: str) -> bool:
    try:
        return _HASHER.verify(stored, code)
    except (VerificationError, InvalidHashError):
        return False
