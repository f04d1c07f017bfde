"""The centre's signed word to a box: receipts, requests, and bundles that it carries (WIRE 2.6, 2.8, 4.1).

Pure but for the key it was given. A receipt states the contiguous head of each lane; the answer to a birth also brings
the collector's certificates, and states number 0 for a lane of which nothing is stored. Flow: commit -> here -> MQTT.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from collector.ingest.sequence import Standing
from collector.times import moment
from protocol.envelope import EnvelopeType, Sealer
from protocol.kinds import Lane
from protocol.ledger import GENESIS
from protocol.messages import Answers, LaneHead, Order, Receipt, Request, encode
from protocol.timestamps import format_time


class Receipts:
    """Signs in the name of one collector."""

    def __init__(self, *, collector: str, sealer: Sealer, chain: Sequence[bytes]) -> None:
        self._collector, self._sealer = collector, sealer
        self._x5c = tuple(b64encode(der).decode("ascii") for der in chain)

    def events(self, box: str, heads: Mapping[str, Standing], now_ms: int) -> bytes:
        """Committed up to here."""
        return self._seal(box, Answers.EVENTS, _heads(heads), now_ms)

    def beat(self, box: str, heads: Mapping[str, Standing], counter: int, challenge: str, now_ms: int) -> bytes:
        """The answer to beat `counter`, with the challenge that the next one has to echo."""
        return self._seal(box, Answers.BEAT, _heads(heads), now_ms, challenge=challenge, counter=counter)

    def birth(
        self, box: str, run: str, heads: Mapping[str, Standing], counter: int, challenge: str, now_ms: int
    ) -> bytes:
        """The answer to a birth: the box sends again from these heads on."""
        nothing = Standing(run=run, seq=0, hash=GENESIS, stored_to=0)
        stated = _heads({lane.value: nothing for lane in Lane} | dict(heads))
        return self._seal(box, Answers.BIRTH, stated, now_ms, challenge=challenge, counter=counter, x5c=self._x5c)

    def request(self, box: str, request_id: str, action: str, args: dict[str, Any], now_ms: int) -> bytes:
        """Something that only asks."""
        request = Request(
            v=1,
            id=request_id,
            collector=self._collector,
            box=box,
            at=format_time(moment(now_ms)),
            action=action,
            args=args,
        )
        return self._sealer.seal(EnvelopeType.REQUEST, encode(request))

    def order(self, payload: bytes) -> bytes:
        """An order as people approved it, byte for byte: the seal only says which collector carries it."""
        return self._sealer.seal(EnvelopeType.ORDER, payload)

    def site_file(self, box: str, order_id: str, document: bytes, now_ms: int) -> bytes:
        """The order that carries a signed site bundle; its approvals are the bundle's own signatures."""
        order = Order(
            v=1,
            id=order_id,
            box=box,
            challenge="",
            roster_version=0,
            action="site_file",
            at=format_time(moment(now_ms)),
            by=self._collector,
            args={"bundle": msgspec.json.decode(document)},
        )
        return self._sealer.seal(EnvelopeType.ORDER, encode(order))

    def _seal(self, box: str, answers: Answers, heads: tuple[LaneHead, ...], now_ms: int, **more: Any) -> bytes:
        receipt = Receipt(
            v=1,
            collector=self._collector,
            box=box,
            at=format_time(moment(now_ms)),
            answers=answers,
            heads=heads,
            **more,
        )
        return self._sealer.seal(EnvelopeType.RECEIPT, encode(receipt))


def _heads(heads: Mapping[str, Standing]) -> tuple[LaneHead, ...]:
    return tuple(
        LaneHead(lane=Lane(lane), run=standing.run, seq=standing.seq, hash=standing.hash)
        for lane, standing in heads.items()
        if standing.run
    )
