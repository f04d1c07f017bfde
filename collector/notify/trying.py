"""What follows a try: done, once more, the next channel, or nothing left. Pure.

Flow: sender.py hands the outcome over -> here -> a row's new state, and the row of the next channel.
"""

from dataclasses import dataclass
from typing import Final

from collector.notify.port import Outcome, Sent
from collector.notify.records import MOST_TRIES, RECEIVER, Notice, NoticeState

WAITS_MS: Final = (2_000, 10_000)
"""After the first failure and the second."""

UNSURE: Final = frozenset({"too_slow", "garbage", "status 502", "status 504"})
"""The message had left and no answer that counts came back, or a proxy's: it may have arrived."""


@dataclass(frozen=True, kw_only=True)
class After:
    """The row's new state; `due_ms` of a further try, `then` the channels of a row that follows it.

    `perhaps`: the further try may be the second that arrives.
    """

    state: NoticeState
    reason: str = ""
    due_ms: int | None = None
    perhaps: bool = False
    then: tuple[str, ...] = ()


def after(notice: Notice, sent: Sent, now_ms: int) -> After:
    """What becomes of a notice; `notice.tries` counts this try already.

    A receiver has tried by itself: what it gave up is not tried again here.
    """
    if sent.outcome is Outcome.DELIVERED:
        return After(state=NoticeState.DELIVERED)
    if sent.outcome is Outcome.SENT:
        return After(state=NoticeState.SENT)
    if sent.again and notice.tries < MOST_TRIES and not notice.target.startswith(RECEIVER):
        return After(
            state=NoticeState.QUEUED,
            reason=sent.reason,
            due_ms=now_ms + WAITS_MS[min(notice.tries, len(WAITS_MS)) - 1],
            perhaps=sent.reason in UNSURE,
        )
    return After(state=NoticeState.FAILED, reason=sent.reason, then=notice.facts.then)
