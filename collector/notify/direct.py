"""Messages that a person at a terminal asks for: a test of channels, a proof of one. Sent here and now, kept as rows.

Flow: notify_words.py -> here -> channels; a code that was typed, or replied through a gateway, proves the channel.
"""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from collector.notify.addresses import Book
from collector.notify.claiming import ANSWER_MS
from collector.notify.port import Outcome, Sent, failed
from collector.notify.records import Notice, NoticeState, Sort, Stored
from collector.notify.saying import Saying, message_of
from collector.notify.templates import Texts
from collector.notify.ways import Way
from collector.rules.holding import rules_now
from collector.storage import notice_answers, notices, writing
from collector.storage.store import Store


def channels_of_person(store: Store, person: str) -> tuple[str, ...]:
    """Where the rules say that this person is reached."""
    with store.read() as reading:
        return Book.of(rules_now(reading.connection)).channels(person)


async def send_now(
    store: Store,
    ways: Mapping[str, Way],
    texts: Mapping[str, Texts],
    *,
    person: str,
    channel: str,
    code: str,
    notice_id: str,
    now_ms: int,
) -> Sent:
    """One message by one channel: with a `code` it proves it, without one it tests it."""
    with store.read() as reading:
        reach = Book.of(rules_now(reading.connection)).reach(person, channel)
    way = ways.get(channel)
    if reach is None or way is None:
        return failed("no_address" if way is not None else "no_channel", again=False)
    row = _row(person, channel, code, notice_id, now_ms)
    saying = Saying(notice=row, reach=reach, alarm=None, outside=way.outside, replies=way.replies, link="")
    sent = await way.port.send(message_of(saying, texts[reach.language], str))
    with store.write() as connection:
        writing.lock_counters(connection)
        notices.add_notices(connection, [_after(row, sent, now_ms)])
    return sent


def prove(store: Store, *, person: str, channel: str, how: str, now_ms: int) -> None:
    """The code came back: the channel is proven for 30 days."""
    with store.write() as connection:
        writing.lock_counters(connection)
        notice_answers.prove(connection, person, channel, how, now_ms)


def code_from(random: Callable[[int], bytes]) -> str:
    """Six digits."""
    return f"{int.from_bytes(random(8), 'big') % 1_000_000:06d}"


def _row(person: str, channel: str, code: str, notice_id: str, now_ms: int) -> Notice:
    return Notice(
        id=notice_id,
        alarm=None,
        sort=Sort.PROOF,
        target=f"person/{person}",
        person=person,
        channel=channel,
        level=5,
        state=NoticeState.SENDING,
        facts=Stored(),
        tries=1,
        due_ms=now_ms,
        queued_ms=now_ms,
        claimed_ms=now_ms,
        code=code,
        answer_until_ms=now_ms + ANSWER_MS if code else 0,
    )


def _after(row: Notice, sent: Sent, now_ms: int) -> Notice:
    if sent.outcome is Outcome.FAILED:
        return replace(row, state=NoticeState.FAILED, reason=sent.reason)
    return replace(row, state=NoticeState.SENT, sent_ms=now_ms)
