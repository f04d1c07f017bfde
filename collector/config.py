"""collector.toml: what a centre is told, strict and typed, every fault at once. Opens no socket.

`read_config` is pure text; `load_config` also reads the files that the text names. Secrets are hashes here, and keys
stay in their files. Flow: command.py -> here -> app.py.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from collector.alarms.exclusions import excluded
from collector.backup.crypt import is_recipient
from collector.notify.dc09.settings import MAX_RECEIVERS, ReceiverSettings, receiver_faults
from collector.notify.settings import MOST_CHANNELS, ChannelSettings, channel_faults, console_fault
from collector.people import Credentials, Person, PersonRole
from collector.storage.store import sqlite_url
from protocol.ids import CENTRE_PREFIX, ID_PATTERN
from protocol.settings import Problem, Secret, read_settings
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import match_language, said

MAX_BROKERS: Final = 8
MAX_PEOPLE: Final = 2000
SHARE_PATTERN: Final = r"[A-Za-z0-9_-]{16,64}"
EVIDENCE_KEPT: Final = (timedelta(days=30), timedelta(days=3660))
"""Days for which pictures are kept: no rulebook allows fewer than the first."""

Id = Annotated[str, Meta(pattern=ID_PATTERN, description=N_("lower-case letters, digits and dashes, at most 32"))]
Address = Annotated[
    str,
    Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$", description=N_('an address like "127.0.0.1:8080"')),
]
Hex256 = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}$", description=N_("64 hex digits, as `collector token` prints them"))
]


class PersonSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[[person]]`: somebody who may use the centre."""

    id: Id
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    roles: Annotated[tuple[PersonRole, ...], Meta(min_length=1, max_length=8)]
    unit: Annotated[str, Meta(max_length=256)] = ""
    password_hash: Secret | None = None
    token_hash: Hex256 | None = None
    language: Annotated[str, Meta(max_length=8)] = "zh"


class EmbeddedBrokerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[embedded]`: the built-in broker, used with `serve --embedded`; without a certificate of its own it has none."""

    listen: Address
    certificate: str
    key: str
    boxes: Annotated[tuple[Id, ...], Meta(max_length=20_000)] = ()
    collectors: Annotated[tuple[Id, ...], Meta(max_length=16)] = ()


class BackupSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[backup]`: whose key opens backups, and where they are kept; `second` should be another disk or machine."""

    recipient: Annotated[str, Meta(max_length=128)]
    folder: str
    second: str | None = None
    keep: Annotated[int, Meta(ge=1, le=10_000)] = 30


class EnrolmentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[enrolment]`: the machine whose record is read; `issuer` pins the boxes' issuing key, else the root does."""

    address: Address
    issuer: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", description=N_("64 hex digits"))] | None = None


class EvidenceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[evidence]`: where boxes bring pictures and clips; without `certificate` it shows that of `[embedded]`.

    The certificate is of role `broker`. `box_gb` is what one box may fill of `disk_gb`.
    """

    listen: Address
    certificate: str | None = None
    key: str | None = None
    folder: str = "evidence"
    keep: timedelta = timedelta(days=90)
    disk_gb: Annotated[int, Meta(ge=1, le=1_000_000)] = 500
    box_gb: Annotated[int, Meta(ge=1, le=1_000_000)] = 20


class CollectorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file. Paths are relative to it; `database` is a file of SQLite or an address with a scheme.

    `console_url`: what links of notices begin with. `notice_texts`: a folder with texts of the bank's own.
    """

    id: Id
    listen: Address = "127.0.0.1:8080"
    database: str = "collector.sqlite"
    unit: Annotated[str, Meta(max_length=256)] = ""
    brokers: Annotated[tuple[Address, ...], Meta(max_length=MAX_BROKERS)] = ()
    share: Secret | None = None
    """The group in which several collectors take what boxes send in turns; whoever knows it can take some away."""
    trust: str
    certificate: str
    key: str
    crls: Annotated[tuple[str, ...], Meta(max_length=16)] = ()
    embedded: EmbeddedBrokerSettings | None = None
    enrolment: EnrolmentSettings | None = None
    backup: BackupSettings | None = None
    evidence: EvidenceSettings | None = None
    person: Annotated[tuple[PersonSettings, ...], Meta(max_length=MAX_PEOPLE)] = ()
    console_url: Annotated[str, Meta(max_length=128)] = ""
    channel: Annotated[tuple[ChannelSettings, ...], Meta(max_length=MOST_CHANNELS)] = ()
    notice_texts: Annotated[str, Meta(max_length=512)] | None = None
    receiver: Annotated[tuple[ReceiverSettings, ...], Meta(max_length=MAX_RECEIVERS)] = ()


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Settings and where their file stands."""

    settings: CollectorSettings
    folder: Path

    def path(self, text: str) -> Path:
        """A path of the file, seen from the file."""
        return (self.folder / text).absolute()

    @property
    def database_url(self) -> str:
        """The database as SQLAlchemy names it."""
        file = self.database_file
        return self.settings.database if file is None else sqlite_url(file)

    @property
    def database_file(self) -> Path | None:
        """The database's file; None where it is elsewhere."""
        text = self.settings.database
        return None if "://" in text else self.path(text)

    @property
    def state(self) -> Path:
        """Where the built-in broker keeps its files: beside the database, or beside the configuration."""
        file = self.database_file
        return (self.folder if file is None else file.parent) / "broker"

    @property
    def evidence_folder(self) -> Path | None:
        """Where the centre keeps pictures and clips; None where it takes none."""
        evidence = self.settings.evidence
        return None if evidence is None else self.path(evidence.folder)

    @property
    def brokers(self) -> tuple[tuple[str, int], ...]:
        """Every broker that is listened to."""
        embedded = self.settings.embedded
        named = self.settings.brokers or ((embedded.listen,) if embedded else ())
        return tuple(split_address(address) for address in named)


def read_config(text: str | bytes, filename: str, folder: Path) -> Config:
    """The configuration that `text` holds.

    Raises:
        SettingsError: every fault at once, each with file, line and table.
    """
    settings, _ = read_settings(text, filename, CollectorSettings, check=_checks)
    return Config(settings=settings, folder=folder)


def people_of(settings: CollectorSettings) -> Iterable[Credentials]:
    """Everybody the file names."""
    for entry in settings.person:
        person = Person(
            id=entry.id, name=entry.name, roles=frozenset(entry.roles), unit=entry.unit, language=entry.language
        )
        yield Credentials(person=person, password_hash=entry.password_hash, token_hash=entry.token_hash)


def split_address(address: str) -> tuple[str, int]:
    """Host and port."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _share(settings: CollectorSettings) -> Iterator[Problem]:
    if settings.share is None:
        return
    if re.fullmatch(SHARE_PATTERN, settings.share) is None:
        # Mosquitto's access list does not keep a box from joining a group; only its name does.
        yield ("share",), said("share is 16 to 64 letters and digits that nobody guesses: openssl rand -hex 16")
    if settings.embedded is not None:
        yield ("share",), said("the [embedded] broker grants a share and delivers nothing; name a Mosquitto in brokers")
    if "://" not in settings.database:
        yield ("share",), said("collectors that share have one database: name PostgreSQL in database")


def _checks(settings: CollectorSettings) -> Iterator[Problem]:
    if not settings.id.startswith(CENTRE_PREFIX):
        yield ("id",), said('id must begin with "{prefix}", as the collector\'s certificate does', prefix=CENTRE_PREFIX)
    if not settings.brokers and settings.embedded is None:
        yield ("brokers",), said("name at least one broker, or an [embedded] one")
    yield from _share(settings)
    for path, address in (
        (("listen",), settings.listen),
        *((("brokers", index), address) for index, address in enumerate(settings.brokers)),
        *(((("embedded", "listen"), settings.embedded.listen),) if settings.embedded else ()),
        *(((("enrolment", "address"), settings.enrolment.address),) if settings.enrolment else ()),
        *(((("evidence", "listen"), settings.evidence.listen),) if settings.evidence else ()),
    ):
        if address and not 0 < split_address(address)[1] < 65536:
            yield path, said("a port is from 1 to 65535")
    first: dict[tuple[str, int], int] = {}
    for index, address in enumerate(settings.brokers):
        if not address:
            continue
        host, port = split_address(address.lower())
        where = host.rstrip("."), port
        if where in first:  # each message would be taken twice, and one lost broker be told as two
            key, owner = f"brokers[{index}]", f"brokers[{first[where]}]"
            yield ("brokers", index), said("{key} is the same broker as {owner}", key=key, owner=owner)
        first.setdefault(where, index)
    yield from _backup(settings.backup)
    yield from _evidence(settings)
    yield from _people(settings.person)
    yield from console_fault(settings.console_url)
    yield from channel_faults(settings.channel)
    yield from receiver_faults(settings.receiver)


def _backup(backup: BackupSettings | None) -> Iterator[Problem]:
    if backup is None:
        return
    if backup.recipient and not is_recipient(backup.recipient):
        yield ("backup", "recipient"), said('recipient must be what "collector backup key" printed: age1...')
    if backup.folder and backup.folder == backup.second:
        yield ("backup", "second"), said("the second place is the first one; name another disk")


def _evidence(settings: CollectorSettings) -> Iterator[Problem]:
    evidence = settings.evidence
    if evidence is None:
        return
    if (evidence.certificate is None) != (evidence.key is None):
        yield ("evidence", "certificate"), said("certificate and key come together")
    elif evidence.certificate is None and settings.embedded is None:
        yield (
            ("evidence", "certificate"),
            said("name a certificate of role broker and its key, as [embedded] has one"),
        )
    if not EVIDENCE_KEPT[0] <= evidence.keep <= EVIDENCE_KEPT[1]:
        yield (
            ("evidence", "keep"),
            said("keep is from {least} to {most} days", least=EVIDENCE_KEPT[0].days, most=EVIDENCE_KEPT[1].days),
        )


def _people(people: tuple[PersonSettings, ...]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, person in enumerate(people):
        if person.id and seen.setdefault(person.id, index) != index:
            yield ("person", index, "id"), said('there are two people with the id "{id}"', id=person.id)
        if person.id and person.password_hash is None and person.token_hash is None:
            yield ("person", index, "token_hash"), said("a person needs a password_hash or a token_hash")
        if person.password_hash and not person.password_hash.startswith("$argon2"):
            yield (
                ("person", index, "password_hash"),
                said("password_hash is no hash; make one with: branchwatch collector password"),
            )
        if person.language and match_language(person.language) is None:
            yield ("person", index, "language"), said('language must be one of ours: "zh" or "en"')
        for row in excluded(person.roles):
            yield ("person", index, "roles"), said(row.why)
