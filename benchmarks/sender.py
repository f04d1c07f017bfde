"""The handle of a generator process: prepare, go, and what it came to with the CPU seconds it took."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select
from typing import Final

import msgspec

from benchmarks.bank import COLLECTOR, HOST, Bank
from benchmarks.generator import OPENED_IN_S, SENT_IN_S, Done, Go, Prepare
from benchmarks.processes import Process, ProcessEndedError

SIGNED_IN_S: Final = 60.0


class Sender:
    """Speaks with the process of generator.py."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def prepare(self, envelopes: int, lines: int) -> Done:
        """Have everything of the next round signed."""
        return self._ask(Prepare(envelopes=envelopes, lines=lines), SIGNED_IN_S)

    def go(self) -> Done:
        """Have it sent; returns when all of it was receipted and the receipts were checked."""
        return self._ask(Go(), SENT_IN_S + 10)

    def opened(self) -> Done:
        """Wait until every box has begun its run."""
        return self._answer(OPENED_IN_S + 30)

    def _ask(self, command: Prepare | Go, wait_s: float) -> Done:
        self.process.input.write(msgspec.json.encode(command) + b"\n")
        self.process.input.flush()
        return self._answer(wait_s)

    def _answer(self, wait_s: float) -> Done:
        readable, _, _ = select([self.process.output], [], [], wait_s)
        line = self.process.output.readline() if readable else b""
        if not line:
            self.process.check()
            raise ProcessEndedError(f"the generator did not answer in {wait_s:.0f} s: {self.process.last_words()}")
        return msgspec.json.decode(line, type=Done)


@contextmanager
def sending(bank: Bank, port: int, boxes: Sequence[str]) -> Iterator[Sender]:
    """A generator of these boxes, connected and opened."""
    command: list[str | Path] = [sys.executable, "-m", "benchmarks.generator", bank.keys, HOST, str(port), COLLECTOR]
    with Process("generator", [*command, *boxes], bank.logs / "generator.log", talks=True) as process:
        sender = Sender(process)
        sender.opened()
        yield sender
