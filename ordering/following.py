"""What becomes of an order, until it is executed, refused, withdrawn or stale. Only the asking is done here.

Flow: `order_words.py` -> here -> `Console.order`, again and again; time and waiting are arguments.
"""

from collections.abc import Callable
from typing import Final

from ordering.drafts import ENDED, Draft
from ordering.refusal import UnreachedError

QUICK_S: Final = 0.1
SLOW_S: Final = 1.0
QUICK_FOR_S: Final = 5.0
"""A box answers within half a second; a person who must approve too takes minutes."""

PATIENCE_S: Final = 11 * 60.0
"""A challenge is honoured for ten minutes: after that no order is open."""

MISSED: Final = 10
"""So often in a row may the console not answer before it counts as gone."""


def follow(
    draft: Draft,
    ask: Callable[[str], Draft],
    *,
    clock: Callable[[], float],
    pause: Callable[[float], None],
    tell: Callable[[Draft, float], None],
) -> Draft:
    """Ask until it has ended; `tell` hears each look with the seconds that passed.

    Raises:
        UnreachedError: the console does not answer any more.
    """
    began, missed = clock(), 0
    while draft.state not in ENDED and (passed := clock() - began) < PATIENCE_S:
        tell(draft, passed)
        pause(QUICK_S if passed < QUICK_FOR_S else SLOW_S)
        try:
            draft = ask(draft.id)
            missed = 0
        except UnreachedError:
            missed += 1
            if missed >= MISSED:
                raise
    return draft
