"""How the demo's stories wait for what a person would see next. Flow: closing, watching, escalating -> here."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

LOOK_EVERY_S: Final = 0.3


class NotSeenError(Exception):
    """What the story waits for does not come; the rest of it would make no sense."""


async def until(look: Callable[[], Awaitable[Any]], patience_s: float) -> Any:
    """What `look` sees, once it is something.

    Raises:
        NotSeenError: it did not come in time.
    """
    try:
        async with asyncio.timeout(patience_s):
            while True:
                if seen := await look():
                    return seen
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        raise NotSeenError from None
