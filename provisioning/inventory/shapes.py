"""What an inventory is once it was read: banks, people, sites and boxes, all of it judged. Shapes only, no work.

`load_inventory` makes them; everything else of `provision` meets the inventory here. What exists is valid. How the
files look as types stands in `files.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protocol.roster import RosterPerson
from protocol.site.schema import Site
from protocol.texts import Said


@dataclass(frozen=True, kw_only=True)
class Reached:
    """How boxes reach the centre."""

    brokers: tuple[str, ...]
    """`host:port`, one or two, tried in turn."""
    enrolment: str | None
    """`host:port` of `provision serve`."""


@dataclass(frozen=True, kw_only=True)
class BankEntry:
    """The bank itself."""

    name: str
    roster_days: int
    """Days that a roster holds after it was signed (WIRE 3.4)."""
    centre: Reached
    provisioning: tuple[str, ...] = ()
    """Thumbprints of the keys that sign bundles (`provisioning` in bank.toml): the pins of the next bundle."""
    file: str = ""
    """Where it stands."""


@dataclass(frozen=True, kw_only=True)
class PersonEntry:
    """A person, with or without a key."""

    id: str
    name: str
    unit: str
    phone: str
    in_roster: RosterPerson
    """The same person as a box is told of; `keys` is empty for who has none."""


@dataclass(frozen=True, kw_only=True)
class BoxKeys:
    """An enrolled box's public keys, from `boxes/<box>.toml`."""

    signing: str
    """Thumbprint: SHA-256 (hex) of the SubjectPublicKeyInfo."""
    sealing_key: bytes
    """SubjectPublicKeyInfo (DER) that secrets are sealed to."""


@dataclass(frozen=True, kw_only=True)
class SiteEntry:
    """One site: its file, its template and the bank's own settings put together."""

    id: str
    box: str
    settings: dict[str, Any]
    """The expanded site file as TOML would give it, with `centre` (box, brokers, enrolment), without what only the
    inventory knows (box, template, schedule, responsible, roster, contact). Fit for JSON."""
    site: Site
    """The same, judged."""
    roster: tuple[RosterPerson, ...]
    """Whom the box obeys, in the order of people.toml."""
    responsible: tuple[str, ...]
    """Ids of the people who answer for the site."""
    contacts: tuple[str, ...]
    """Ids of the people whom escalation tells."""


@dataclass(frozen=True, kw_only=True)
class Warned:
    """What is no fault, but what a person should look at."""

    file: str
    message: Said
    line: int = 0
    """0: the file as a whole."""

    @property
    def place(self) -> str:
        """Where it stands, as faults are placed."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """All of it. Sites in the order of their ids, people in the order of their file."""

    bank: BankEntry
    people: Mapping[str, PersonEntry]
    sites: Mapping[str, SiteEntry]
    boxes: Mapping[str, BoxKeys]
    """Of enrolled boxes only, by box id."""
    warnings: tuple[Warned, ...] = ()
