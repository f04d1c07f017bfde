"""One broker: the only file that knows the MQTT library. Receives, acknowledges after the commit, publishes.

With a group's name it subscribes as one of several collectors that take turns (`$share`, MQTT 5). A new client object
for each connection, for an old one sends what it had queued; clean sessions and random client ids (WIRE 1.6).
Connecting, which may block for seconds, happens in a thread of its own; everything else in the ingest's.
"""

import logging
import random
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final, NamedTuple

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from collector.ingest.received import Received
from collector.ingest.tls import BurstSocket
from protocol.topics import COLLECTOR_SUBSCRIPTION, shared_subscription

KEEP_ALIVE_S: Final = 20
KEEP_ALIVE_SHARED_S: Final = 4
"""What goes to a collector that stands still is missing at the others, until the broker lets go of it."""
CONNECT_TIMEOUT_S: Final = 5.0
FIRST_DELAY_S, LONGEST_DELAY_S = 0.2, 5.0
QOS: Final = 1

logger = logging.getLogger(__name__)


class Arrived(NamedTuple):
    """A message and the number by which it is acknowledged on this connection."""

    received: Received
    mid: int
    connection: int


@dataclass(frozen=True, kw_only=True)
class BrokerAddress:
    """Where a broker is; `index` is its place in the configuration."""

    index: int
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Subscriber:
    """A connection to one broker that comes back by itself. All methods but the callbacks are the ingest thread's."""

    def __init__(
        self,
        address: BrokerAddress,
        tls: ssl.SSLContext,
        now_ms: Callable[[], int],
        woken: Callable[[], None],
        share: str | None = None,
    ) -> None:
        self.address = address
        self._share = share
        self._tls, self._now_ms, self._woken = tls, now_ms, woken
        self._client: Client | None = None
        self._connecting: threading.Thread | None = None
        self._arrived: list[Arrived] = []
        self._connection = 0
        self._subscribed = False
        self._subscribed_ms = 0
        self._lost = False
        self._delay_s = FIRST_DELAY_S
        self._next_try_s = 0.0
        self._told = False

    @property
    def subscribed(self) -> bool:
        """Whether messages arrive from this broker."""
        return self._subscribed

    @property
    def socket(self) -> BurstSocket | None:
        """What to wait for; None between two connections."""
        sock = self._client.socket() if self._client is not None and self._connecting is None else None
        return sock if isinstance(sock, BurstSocket) else None

    @property
    def wants_write(self) -> bool:
        """Whether something could not be sent yet."""
        client, sock = self._client, self.socket
        return client is not None and sock is not None and (sock.holds or client.want_write())

    def tend(self, mono_s: float) -> None:
        """Connect, keep alive, notice a loss. Called every second at least, and when `woken` was."""
        if self._connecting is not None:
            if self._connecting.is_alive():
                return
            self._connecting.join()
            self._connecting = None
        if self._lost:
            self._drop(mono_s)
        if self._client is None and mono_s >= self._next_try_s:
            self._connect()
        elif self._client is not None and self._client.socket() is None:
            self._drop(mono_s)
        elif self._client is not None:
            self._client.loop_misc()

    def read(self, most: int) -> list[Arrived]:
        """What has arrived, about `most` messages."""
        client, sock = self._client, self.socket
        if client is None or sock is None:
            return []
        sock.dry = False
        while len(self._arrived) < most and not self._lost:
            if client.loop_read() != 0 or sock.dry or client.socket() is None:
                break
        arrived, self._arrived = self._arrived, []
        return arrived

    def hold(self) -> None:
        """Keep back what follows until `flush`: one record for many small packets."""
        if (sock := self.socket) is not None:
            sock.hold()

    def flush(self) -> None:
        """Send what was kept back."""
        client, sock = self._client, self.socket
        if client is None or sock is None:
            return
        try:
            sock.release()
            if client.want_write():
                client.loop_write()
        except OSError:
            self._lost = True

    def acknowledge(self, arrived: Arrived) -> None:
        """Tell the broker that a message is committed; on another connection it means nothing and is left."""
        if self._client is not None and arrived.connection == self._connection:
            self._client.ack(arrived.mid, QOS)

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        """Send to a box; if it is lost, the box asks again by sending again."""
        if self._subscribed and self._client is not None:
            self._client.publish(topic, payload, qos=qos)

    def drop(self, mono_s: float) -> None:
        """Give this connection up: what was not acknowledged will be sent again by the boxes."""
        self._drop(mono_s)

    def close(self) -> None:
        """End it; nothing of it runs afterwards."""
        if self._connecting is not None:
            self._connecting.join()
            self._connecting = None
        client, self._client, self._subscribed = self._client, None, False
        if client is not None:
            client.on_disconnect = None
            sock = client.socket()
            if isinstance(sock, BurstSocket):
                try:
                    sock.release()
                    client.disconnect()
                except OSError:
                    logger.debug("the connection to %s was gone already", self.address)
                sock.close()

    def _connect(self) -> None:
        self._connection += 1
        self._lost = False
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"collector-{token_hex(16)}",
            clean_session=True if self._share is None else None,
            protocol=MQTTProtocolVersion.MQTTv311 if self._share is None else MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        client.tls_set_context(self._tls)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(1000)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        self._client = client
        self._connecting = threading.Thread(
            target=self._reach, args=(client,), name=f"connecting to {self.address}", daemon=True
        )
        self._connecting.start()

    def _reach(self, client: Client) -> None:
        try:
            if self._share is None:
                client.connect(self.address.host, self.address.port, keepalive=KEEP_ALIVE_S)
            else:
                client.connect(self.address.host, self.address.port, keepalive=KEEP_ALIVE_SHARED_S, clean_start=True)
        except (OSError, ValueError) as error:
            self._lost = True
            self._tell(f"{type(error).__name__}: {error}")
        self._woken()

    def _drop(self, mono_s: float) -> None:
        client, self._client = self._client, None
        if self._subscribed:
            logger.warning("the broker at %s is lost", self.address)
        self._subscribed = self._lost = False
        self._arrived = []
        if client is not None:
            client.on_disconnect = None
            sock = client.socket()
            if sock is not None:
                sock.close()
        # Half chance, so that two collectors do not come back in step.
        self._next_try_s = mono_s + self._delay_s * (0.5 + random.random() / 2)  # noqa: S311 - spreading, no secret
        self._delay_s = min(2 * self._delay_s, LONGEST_DELAY_S)

    def _tell(self, reason: str) -> None:
        """Once a loss; the next tries are quiet."""
        level = logging.DEBUG if self._told else logging.WARNING
        logger.log(level, "the broker at %s cannot be reached (%s); trying again until it can", self.address, reason)
        self._told = True

    def _on_connect(
        self, client: Client, _: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._tell(str(reason))
            self._lost = True
            return
        if self._share is None:
            client.subscribe(COLLECTOR_SUBSCRIPTION, qos=QOS)
        else:
            client.subscribe(shared_subscription(self._share), options=SubscribeOptions(qos=QOS))

    def _on_subscribe(
        self, _client: Client, _: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._tell("the broker refuses the subscription: the certificate's rights are too small")
            self._lost = True
            return
        logger.info("subscribed at %s", self.address)
        self._subscribed, self._told, self._delay_s = True, False, FIRST_DELAY_S
        self._subscribed_ms = self._now_ms()

    def _on_message(self, _client: Client, _: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        received = Received(
            topic=topic,
            payload=bytes(message.payload),
            received_ms=self._now_ms(),
            broker=self.address.index,
            heard_since_ms=self._subscribed_ms,
        )
        self._arrived.append(Arrived(received, message.mid, self._connection))

    def _on_disconnect(
        self, _client: Client, _: Any, _flags: DisconnectFlags, _reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._lost = True
