"""A process that is many boxes with something to say: signs beforehand, sends on the word, counts what was receipted.

`python -m benchmarks.generator FOLDER HOST PORT COLLECTOR BOX...`; commands come as JSON lines on standard input
(`Prepare`, then `Go`), answers leave as JSON lines on standard output. Ends with its input.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from benchmarks.box_link import BoxLink, client_context
from benchmarks.signing_box import load_box
from protocol.kinds import Lane
from protocol.topics import Up

OPENED_IN_S: Final = 60.0
SENT_IN_S: Final = 120.0
"""A round that takes longer has failed."""
CONNECTING_AT_ONCE: Final = 20


class Prepare(msgspec.Struct, frozen=True, kw_only=True, tag="prepare"):
    """Sign so many envelopes of so many lines, over all boxes together."""

    envelopes: int
    lines: int


class Go(msgspec.Struct, frozen=True, kw_only=True, tag="go"):
    """Send what was prepared."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a command came to; times are of the sending alone."""

    events: int
    envelopes: int = 0
    receipts: int = 0
    seconds: float = 0.0
    sealed_bytes: int = 0


class Generator:
    """All boxes of one process."""

    def __init__(self, links: list[BoxLink], collector: EllipticCurvePublicKey) -> None:
        self._links = links
        self._collector = collector
        self._busy: set[BoxLink] = set()
        self._quiet = asyncio.Event()
        self._prepared = Done(events=0)

    def moved(self, link: BoxLink) -> None:
        """A receipt came."""
        if link in self._busy and link.idle():
            self._busy.discard(link)
            if not self._busy:
                self._quiet.set()

    async def open(self, host: str, port: int, folder: Path) -> None:
        """Connect every box, tell of it, and begin its run in both lanes."""
        for first in range(0, len(self._links), CONNECTING_AT_ONCE):
            some = self._links[first : first + CONNECTING_AT_ONCE]
            await asyncio.gather(*(link.open(host, port, client_context(folder, link.box.id)) for link in some))
        for link in self._links:
            link.publish(Up.BIRTH, link.box.birth())
            for lane in Lane:
                link.keep(lane, [link.box.opened_line(lane)])
        await self._send(OPENED_IN_S)

    def prepare(self, wanted: Prepare) -> Done:
        """Sign everything of the next round."""
        each = wanted.envelopes // len(self._links)
        events = sum(link.prepare(each, wanted.lines) for link in self._links)
        kept = [ready for link in self._links for state in link.lanes.values() for ready in state.waiting]
        size = sum(len(ready.packet) for ready in kept)
        self._prepared = Done(events=events, envelopes=len(kept), sealed_bytes=size)
        return self._prepared

    async def go(self) -> Done:
        """Send it, wait for the last receipt, and only then look at what the receipts say."""
        before = sum(link.receipts for link in self._links)
        started = time.perf_counter()
        await self._send(SENT_IN_S)
        seconds = time.perf_counter() - started
        for link in self._links:
            link.check(self._collector)
        receipts = sum(link.receipts for link in self._links) - before
        return msgspec.structs.replace(self._prepared, seconds=seconds, receipts=receipts)

    async def _send(self, limit_s: float) -> None:
        self._quiet.clear()
        self._busy = set(self._links)
        for link in self._links:
            link.push()
        async with asyncio.timeout(limit_s):
            await self._quiet.wait()


async def main(folder: Path, host: str, port: int, collector: str, boxes: list[str]) -> None:
    """Obey standard input until it ends."""
    certificate = x509.load_pem_x509_certificate((folder / f"{collector}.pem").read_bytes())
    key = certificate.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    links: list[BoxLink] = []
    generator = Generator(links, key)
    # Silent only after five minutes: nothing but events is to be measured.
    links += [BoxLink(load_box(folder, box, beat_s=60, silent_after_s=300), generator.moved) for box in boxes]
    try:
        await generator.open(host, port, folder)
        _say(Done(events=2 * len(links)))
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            command = msgspec.json.decode(line, type=Prepare | Go)
            _say(generator.prepare(command) if isinstance(command, Prepare) else await generator.go())
    finally:
        for link in links:
            link.close()


def _say(done: Done) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(done) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:]))
