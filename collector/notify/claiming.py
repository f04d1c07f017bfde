"""Taking notices: one short transaction that claims what may leave now and draws its link and code.

What a person may not know any more (storage/seeing.py) never leaves. Flow: sender.py -> here -> `Parcel`s to send.
"""

from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from collector.notify.limits import GRAVEST
from collector.notify.records import CONTACT, Notice, NoticeState, Sort
from collector.notify.writing import Outcomes, write
from collector.people import token_hash
from collector.rules.holding import Held, rules_now
from collector.storage import crowding as crowding_rows
from collector.storage import notice_sending, notices
from collector.storage.notice_sending import AlarmFacts, Claim
from collector.storage.store import Store, Transaction
from protocol.envelope import encode_base64url

TOKEN_BYTES: Final = 16
ANSWER_MS: Final = 24 * 3600_000
"""For so long a link or a code answers."""
WITHHELD: Final = "withheld"
CROWD: Final = 16
"""A site of which so many of the gravest left at once lets those of others go first."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Parcel:
    """A claimed notice with what it tells of; `token` is that of its link, empty where nobody could use one."""

    notice: Notice
    token: str
    alarm: AlarmFacts | None
    names: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """What one look gave."""

    parcels: tuple[Parcel, ...]
    rules: Held


def take(
    store: Store,
    *,
    worker: str,
    now_ms: int,
    room: Mapping[str, int],
    limit: int,
    random: Callable[[int], bytes],
    tokens: MutableMapping[str, str],
    ended: Sequence[Outcomes] = (),
    new_id: Callable[[int], str],
    crowding: frozenset[str] = frozenset(),
) -> Claimed | None:
    """Write what `ended`, and claim up to `limit` notices: one transaction for both.

    Of each channel no more than its `room`, the gravest whatever there is; those of other sites before those of the
    `crowding` ones. None when there was nothing to do. `tokens` keeps the links of what this worker may try again.
    """
    full = {channel for channel, left in room.items() if left <= 0}
    if not ended:
        with store.read() as reading:
            if not notice_sending.is_due(reading.connection, now_ms, gravest=GRAVEST, full=full):
                return None
    with store.write() as connection:
        write(connection, worker, ended, now_ms, new_id)
        found = notice_sending.due(connection, now_ms, gravest=GRAVEST, full=full, limit=limit)
        if crowding:
            found = _fairly(connection, found, crowding, now_ms, limit)
        found = _without_secrets(connection, _fitting(found, room, limit))
        taken = notice_sending.codes_in_use(connection, _answering(found), now_ms) if found else set()
        claimed = [_drawn(notice, random, tokens, taken) for notice in found]
        claims = [
            Claim(id=each.id, token_hash=each.token_hash, code=each.code, answer_until_ms=each.answer_until_ms)
            for each, _ in claimed
        ]
        notice_sending.claim(connection, claims, worker, now_ms)
        alarms = notice_sending.alarms_told(connection, {each.alarm for each in found if each.alarm})
        names = notice_sending.point_names(connection, {alarm.box for alarm in alarms.values()})
        rules = rules_now(connection)
    return Claimed(
        parcels=tuple(
            Parcel(
                notice=notice,
                token=token,
                alarm=(alarm := alarms.get(notice.alarm or "")),
                names=names.get(alarm.box, {}) if alarm is not None else {},
            )
            for notice, token in claimed
        ),
        rules=rules,
    )


def _drawn(
    notice: Notice, random: Callable[[int], bytes], tokens: MutableMapping[str, str], taken: set[tuple[str, str]]
) -> tuple[Notice, str]:
    """A notice as it is claimed, with its code, and the token of its link."""
    token = tokens.get(notice.id) or _token(notice, random)
    if token:
        tokens[notice.id] = token
    claimed = replace(
        notice,
        state=NoticeState.SENDING,
        tries=notice.tries + 1,
        token_hash=token_hash(token) if token else "",
        code=notice.code or (_code(notice.person, random, taken) if token else ""),
        answer_until_ms=notice.queued_ms + ANSWER_MS if token else 0,
    )
    return claimed, token


def crowding_of(parcels: Sequence[Parcel]) -> frozenset[str]:
    """The sites that the gravest of one claim were mostly of."""
    many = Counter(each.alarm.site for each in parcels if each.alarm is not None and each.notice.level <= GRAVEST)
    return frozenset(site for site, count in many.items() if count >= CROWD)


def _fairly(
    connection: Transaction, found: list[Notice], crowding: frozenset[str], now_ms: int, limit: int
) -> list[Notice]:
    """What is due, with the gravest of all other sites in front."""
    first = crowding_rows.due_elsewhere(connection, now_ms, level=GRAVEST, sites=crowding, limit=limit)
    taken = {each.id for each in first}
    return [*first, *(each for each in found if each.id not in taken)][:limit]


def _fitting(found: list[Notice], room: Mapping[str, int], limit: int) -> list[Notice]:
    left = dict(room)
    fitting: list[Notice] = []
    for notice in found:
        if notice.level <= GRAVEST or left.get(notice.channel, limit) > 0:
            fitting.append(notice)
            left[notice.channel] = left.get(notice.channel, limit) - 1
    return fitting


def _without_secrets(connection: Transaction, found: list[Notice]) -> list[Notice]:
    secret = notices.withheld_from(
        connection,
        {each.alarm for each in found if each.alarm},
        {each.person for each in found if each.person},
    )
    hidden = [each.id for each in found if (each.alarm, each.person) in secret]
    notice_sending.refuse(connection, hidden, WITHHELD)
    return [each for each in found if each.id not in hidden]


def _answers(notice: Notice) -> bool:
    """Whether somebody can answer it: a person of collector.toml who is told of an alarm."""
    told = notice.sort in (Sort.ALARM, Sort.REMINDER) and notice.alarm is not None
    return told and bool(notice.person) and not notice.person.startswith(CONTACT)


def _answering(found: list[Notice]) -> set[str]:
    return {notice.person for notice in found if _answers(notice)}


def _token(notice: Notice, random: Callable[[int], bytes]) -> str:
    return encode_base64url(random(TOKEN_BYTES)).decode("ascii") if _answers(notice) else ""


def _code(person: str, random: Callable[[int], bytes], taken: set[tuple[str, str]]) -> str:
    """Six digits that no other open notice of this person has."""
    while True:
        code = f"{int.from_bytes(random(8), 'big') % 1_000_000:06d}"
        if (person, code) not in taken:
            taken.add((person, code))
            return code
