"""The enrolment's folder under several hands at once: each turn sees the record as it is when its turn comes."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

from provisioning.enrolment.book import Book
from provisioning.enrolment.codes import CodeState
from provisioning.record_file import LOOK_AGAIN_S
from tests.clock import Clock
from tests.enrolments import paper_desk

CODES = 60
BETWEEN_S = 0.001
PAUSE_S = 2 * LOOK_AGAIN_S
"""After ten turns: whoever waits looks at least once meanwhile, however slow the turns are."""


def test_a_code_made_beside_a_busy_server_is_open(tmp_path: Path, clock: Clock) -> None:
    """Whoever waits for his turn reads on from where the store stands then: nothing that was read is taken twice.

    Read once more, the line of a new code would close the very code it opens.
    """
    with paper_desk(tmp_path, clock) as desk:
        over = threading.Event()

        def serve() -> None:
            """Another process's book, always at its turn."""
            book = Book(desk.folder)
            waits = itertools.cycle([BETWEEN_S] * 10 + [PAUSE_S])
            while not over.wait(next(waits)):
                with book.turn():
                    pass
            book.close()

        server = threading.Thread(target=serve)
        server.start()
        try:
            boxes = [f"0755-{number:03d}" for number in range(CODES)]
            for site in boxes:
                desk.token(f"{site}-a", site)
        finally:
            over.set()
            server.join()
        with desk.book.turn() as turn:
            states = [code.state for site in boxes if (code := turn.newest_code(f"{site}-a"))]
        assert states == [CodeState.OPEN] * CODES
