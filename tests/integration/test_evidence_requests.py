"""What the centre asks of pictures reaches whoever answers it, over a real broker: once, while young, or refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import aiomqtt

from protocol.kinds import Lane
from protocol.messages import Request
from protocol.topics import Down, down_topic
from tests.boxes import draft
from tests.brokers import Broker, Certificates
from tests.conftest import Eventually
from tests.integration.test_uplink_requests import BOX, request
from tests.small_centre import listening, make_centre
from tests.uplinks import address, running_box


async def test_requests_for_pictures_are_handed_on_once_and_refusals_are_told(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, eventually: Eventually
) -> None:
    """Who takes one answers it himself; what he refuses, and what is stale, is answered with its word."""
    centre = make_centre(certificates)
    asked: list[tuple[str, str, object]] = []

    async def pictures(taken: Request, collector: str) -> str:
        asked.append((taken.action, collector, taken.args.get("camera")))
        return "no_such_camera" if taken.args.get("camera") == "09" else ""

    async with (
        listening(centre, certificates, mosquitto.host, mosquitto.port),
        running_box(tmp_path, certificates, [address(mosquitto)], beat_s=0.3) as box,
        aiomqtt.Client(
            mosquitto.host, mosquitto.port, identifier="z", tls_context=certificates.tls("centre-2")
        ) as voice,
    ):

        async def say(data: bytes) -> None:
            await voice.publish(down_topic(BOX, Down.REQUEST), data, qos=1)

        await box.outbox.append([draft("door.forced")])
        await eventually(lambda: box.outbox.standing.lanes[Lane.URGENT].pending == 0)
        await say(request(centre, "still", 1, {"camera": "01"}))
        await eventually(lambda: box.findings)
        assert box.findings[-1].facts["reason"] == "unknown_action"  # a box without cameras
        box.voice.pictures = pictures
        good = request(centre, "still", 2, {"camera": "01"})
        for data in (
            good,
            good,
            request(centre, "clip", 3, {"camera": "09"}),
            request(centre, "evidence_over", 4, {"events": ["x"]}),
            request(centre, "preset", 5, {"camera": "01"}, timedelta(hours=2)),
        ):
            await say(data)
        await eventually(lambda: len(box.findings) == 3)
    assert asked == [("still", centre.id, "01"), ("clip", centre.id, "09"), ("evidence_over", centre.id, None)]
    assert [each.facts["reason"] for each in box.findings[1:]] == ["no_such_camera", "stale"]
