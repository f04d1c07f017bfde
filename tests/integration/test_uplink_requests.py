"""What the centre may ask of a box, and what it may not: signed requests, orders, repeats of old ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt

from protocol.envelope import EnvelopeType
from protocol.ids import new_event_id
from protocol.kinds import Lane
from protocol.messages import Fact, Order, Request, encode
from protocol.timestamps import format_time
from protocol.topics import Down, down_topic
from tests.boxes import draft
from tests.brokers import Broker, Certificates
from tests.conftest import Eventually
from tests.small_centre import SmallCentre, listening, make_centre
from tests.uplinks import address, running_box

BOX = "0755-031-a"


def request(
    centre: SmallCentre, action: str, number: int, args: dict[str, Fact] | None = None, age: timedelta = timedelta(0)
) -> bytes:
    """A sealed request."""
    at = datetime.now(UTC) - age
    message = Request(
        v=1,
        id=new_event_id(0, number.to_bytes(10, "big")),
        collector=centre.id,
        box=BOX,
        at=format_time(at),
        action=action,
        args=args or {},
    )
    return centre.sealer.seal(EnvelopeType.REQUEST, encode(message))


async def test_requests_are_honoured_once_and_orders_are_refused(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """A resend is honoured with a limit, a birth is answered, old requests are not; no order moves anything."""
    centre = make_centre(certificates)
    async with (
        listening(centre, certificates, mosquitto.host, mosquitto.port),
        running_box(tmp_path, certificates, [address(mosquitto)], beat_s=0.3) as box,
        aiomqtt.Client(
            mosquitto.host, mosquitto.port, identifier="y", tls_context=certificates.tls("centre-2")
        ) as voice,
    ):

        async def say(data: bytes, what: Down = Down.REQUEST) -> None:
            await voice.publish(down_topic(BOX, what), data, qos=1)

        await box.outbox.append([draft("door.forced", n=n) for n in range(9)])
        await eventually(lambda: box.outbox.standing.lanes[Lane.URGENT].pending == 0)
        again = request(centre, "resend", 1, {"lane": "urgent", "from": 6})
        await say(again)
        await eventually(lambda: centre.repeated == 5)
        await say(again)
        await say(request(centre, "resend", 2, {"lane": "urgent", "from": 1}))
        await say(request(centre, "resend", 3, {"lane": "neither", "from": 1}))
        await say(request(centre, "resend", 4, {"lane": "routine", "from": 1}, timedelta(hours=2)))
        await say(request(centre, "dance", 5))
        order = Order(
            v=1,
            id=new_event_id(0, bytes(10)),
            box=BOX,
            challenge=box.voice.order_challenges.current,
            roster_version=1,
            action="disarm",
            at=format_time(datetime.now(UTC)),
            by="officer-1",
        )
        await say(centre.sealer.seal(EnvelopeType.ORDER, encode(order)), Down.ORDER)
        await eventually(lambda: box.findings[-1:] and box.findings[-1].kind == "order.refused")
        assert [finding.facts["reason"] for finding in box.findings] == [
            "served",
            "too_soon",
            "malformed",
            "stale",
            "unknown_action",
            "no_roster",
        ]
        assert centre.repeated == 5
        await eventually(lambda: centre.births[0].counter + 20 < centre.beats[-1].counter, timeout_s=15)
        await say(request(centre, "birth", 6))
        await eventually(lambda: len(centre.births) == 2)
