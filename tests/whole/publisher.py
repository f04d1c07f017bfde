"""A real MQTT client with somebody's valid certificate: publishes whatever a test likes, hears what it may hear."""

from __future__ import annotations

import secrets

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers import Certificates
from tests.waiting import eventually_blocking

PATIENCE_S = 10.0


class Publisher:
    """Connected from the start; `close` it."""

    def __init__(self, certificates: Certificates, identity: str, port: int, host: str = "127.0.0.1") -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"x-{secrets.token_hex(8)}", protocol=MQTTv311)
        self._client.tls_set_context(certificates.tls(identity))
        self._client.connect(host, port)
        self.heard: list[tuple[str, bytes]] = []
        self._client.on_message = self._hear
        self._client.loop_start()
        eventually_blocking(self._client.is_connected, timeout_s=PATIENCE_S, what=f"{identity} is connected")

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand it to the broker; returns once the broker acknowledged it."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(PATIENCE_S)

    def _hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))

    def subscribe(self, topic: str) -> None:
        """Keep what is sent there in `heard`."""
        self._client.subscribe(topic, qos=1)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
