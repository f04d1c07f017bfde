"""One broker's connection without a broker: what it says of a message that arrives."""

from __future__ import annotations

import ssl

from paho.mqtt.client import MQTTMessage

from collector.ingest.subscriber import BrokerAddress, Subscriber


def test_a_message_says_since_when_its_broker_is_heard() -> None:
    """From the subscription of this connection on, not of the first: nothing is late that could not come."""
    clock = iter([1_000, 2_000, 9_000, 9_500])
    address = BrokerAddress(index=1, host="127.0.0.1", port=1)
    subscriber = Subscriber(address, ssl.create_default_context(), lambda: next(clock), lambda: None)
    arrived = []
    for _ in range(2):
        subscriber._on_subscribe(None, None, 0, [], None)  # type: ignore[arg-type]
        subscriber._on_message(None, None, MQTTMessage(mid=1, topic=b"bw/1/b/up/beat"))  # type: ignore[arg-type]
        arrived.append(subscriber._arrived.pop().received)
    assert [(each.heard_since_ms, each.received_ms, each.broker) for each in arrived] == [
        (1_000, 2_000, 1),
        (9_000, 9_500, 1),
    ]
