"""People's keys at the desk: registered by their owner, shown with a fingerprint, handed to the offline machine.

What stands here obeys nobody: power comes from the signed roster alone (WIRE 3.4). A stolen centre could put its own
key into the list, which is why `provision people accept` has the fingerprint compared by voice.
Flow: console -> here -> storage; `collector registrations` -> file -> provision.
"""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from collector.people import Person
from collector.storage.journal import Entry, write_journal
from collector.storage.reading import Reading
from collector.storage.records import Topic
from collector.storage.registrations import (
    RegisteredKey,
    add_key,
    count_keys,
    owner_of,
    registered_keys,
    remove_key,
)
from collector.storage.store import Store
from collector.storage.writing import lock_counters
from collector.times import unix_ms
from protocol.ids import new_event_id
from protocol.registration import Registration
from protocol.roster import MAX_KEYS, PersonKeyError, read_person_key
from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import format_time

CHALLENGE_LIFE: Final = timedelta(minutes=5)
"""How long a person may look for his security key."""
MAX_PEM: Final = 2048
"""Characters of a public key in PEM; a P-256 one has 178."""


class RegistrationRefusedError(SaidError):
    """The key is not taken; the message says why and what would do."""


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """A key that somebody wants to register: SubjectPublicKeyInfo in DER."""

    public_key: bytes
    kind: str
    label: str
    rp_id: str = ""
    origin: str = ""
    credential: str = ""


class Challenges:
    """Challenges given to browsers, in memory: each counts once, for its person, for five minutes."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._given: dict[str, tuple[bytes, datetime]] = {}

    def give(self, person: str, now: datetime) -> bytes:
        """A new one; an older one of the same person is void."""
        self._given = {who: (it, until) for who, (it, until) in self._given.items() if until > now}
        challenge = self._random(32)
        self._given[person] = challenge, now + CHALLENGE_LIFE
        return challenge

    def take(self, person: str, now: datetime) -> bytes | None:
        """The one that was given to this person; None when there is none in its time."""
        challenge, until = self._given.pop(person, (b"", now))
        return challenge if until > now else None


class Registry:
    """Registered keys."""

    def __init__(self, store: Store, now: Callable[[], datetime], random: Callable[[int], bytes]) -> None:
        self._store, self._now, self._random = store, now, random
        self.challenges = Challenges(random)

    def keys(self, person: Person) -> tuple[RegisteredKey, ...]:
        """A person's own."""
        with self._store.read() as reading:
            return registered_keys(reading, person.id)

    def register(self, person: Person, fresh: Fresh) -> RegisteredKey:
        """Keep a key of this person.

        Raises:
            RegistrationRefusedError: registered already, or too many.
        """
        now_ms = unix_ms(self._now())
        row = RegisteredKey(
            id=new_event_id(now_ms, self._random(10)),
            person=person.id,
            label=fresh.label,
            kind=fresh.kind,
            public_key=fresh.public_key,
            rp_id=fresh.rp_id,
            origin=fresh.origin,
            credential=fresh.credential,
            registered_ms=now_ms,
        )
        with self._store.write() as connection:
            lock_counters(connection)
            if owner_of(connection, fresh.public_key) is not None:
                raise RegistrationRefusedError(N_("This key is registered already; use another one."))
            if count_keys(connection, person.id) >= MAX_KEYS:
                raise RegistrationRefusedError(
                    N_("{count} keys are enough for one person; remove one first."), count=MAX_KEYS
                )
            add_key(connection, row)
            write_journal(connection, [_entry(person, "key_registered", row.id)], now_ms)
        return row

    def remove(self, person: Person, key: str) -> bool:
        """Take a key off the list; what the inventory holds of it stays there until somebody takes it out."""
        now_ms = unix_ms(self._now())
        with self._store.write() as connection:
            lock_counters(connection)
            if not remove_key(connection, key, person.id):
                return False
            write_journal(connection, [_entry(person, "key_removed", key)], now_ms)
        return True


def key_of_pem(text: str) -> bytes:
    """The public key of a PEM text as DER.

    Raises:
        RegistrationRefusedError: a private key, none at all, or not P-256.
    """
    if "PRIVATE KEY" in text:
        raise RegistrationRefusedError(
            N_("This is a private key; it never leaves its owner's machine. Make a new one, and bring the public half.")
        )
    try:
        key = load_pem_public_key(text[:MAX_PEM].encode())
    except Exception:  # noqa: BLE001 - the library raises more than it promises
        key = None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise RegistrationRefusedError(N_("This is no public key on P-256 in PEM; it begins with BEGIN PUBLIC KEY."))
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_of_base64(text: str) -> bytes:
    """The public key of a SubjectPublicKeyInfo in base64, as DER in the one form that it has.

    Raises:
        RegistrationRefusedError: none, or not P-256.
    """
    try:
        key = read_person_key(text)
    except PersonKeyError:
        raise RegistrationRefusedError(N_("This is no public key on P-256; make a new one.")) from None
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def registrations_of(reading: Reading) -> tuple[Registration, ...]:
    """Everybody's keys, as the offline machine takes them."""
    return tuple(
        Registration(
            person=row.person,
            name=row.label,
            kind="webauthn" if row.kind == "webauthn" else "key_file",
            public_key=b64encode(row.public_key).decode("ascii"),
            at=format_time(datetime.fromtimestamp(row.registered_ms / 1000, UTC)),
            rp_id=row.rp_id,
            origin=row.origin,
            credential=row.credential,
        )
        for row in registered_keys(reading)
    )


def _entry(person: Person, action: str, key: str) -> Entry:
    return Entry(topic=Topic.PERSON, subject=key, action=action, site="", person=person.id)
