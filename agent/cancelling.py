"""A cancellation that a library swallowed, raised after all. Nothing else.

`asyncio.wait_for` of Python 3.11 gives its result, and forgets that it was cancelled, where both come in one turn of
the loop; pymodbus and aiomqtt wait by it. A driver that went on polling would keep the agent from ending for ever.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heeding() -> Iterator[None]:
    """Around each wait of such a library. Only what comes meanwhile counts: a task group leaves old counts behind.

    Raises:
        asyncio.CancelledError: this task is to end.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError
