"""The shell that reads the enrolment's record: every few seconds, over a connection pinned by the boxes' issuer.

The centre only asks and only believes the record's own chain; it enrols nobody. One thread; what the lines mean stands
in ingest/enrolling.py. Flow: `provision serve` -> here -> pipeline -> the centre's own ledger.
"""

import http.client
import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from collector.health import EnrolmentSeen
from collector.ingest.enrolling import RecordError, read_lines
from collector.ingest.pipeline import Pipeline
from collector.keys import Keys
from collector.storage.record_positions import position_of
from collector.storage.store import Store, StoreError
from collector.times import unix_ms
from protocol.documents import Signer, sign_document
from protocol.enrolment import ISSUER_PATH, MAX_RECORD_BYTES, RECORD_PATH, RecordRequest
from protocol.envelope import EnvelopeType
from protocol.limits import MAX_CERTIFICATE_BYTES
from protocol.pinned_channel import ChannelError, check_channel, issuer_pin
from protocol.pinned_tls import unproven_context
from protocol.texts import Said, SaidError, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import format_time

ENROLMENT: Final = "enrolment"
POLL_S: Final = 5.0
TIMEOUT_S: Final = 3.0
"""For each step of a connection; the end of the process waits for it."""
ALL_S: Final = 20.0
"""For all of them: whoever stands in between and lets a byte through each second would keep the centre from knowing
that nothing is read any more."""

logger = logging.getLogger(__name__)


class EnrolmentUnreadError(SaidError):
    """The record cannot be read now; the message says why."""


@dataclass(frozen=True, kw_only=True)
class EnrolmentAddress:
    """Where the enrolment answers; `issuer` is the pin where collector.toml names one, else the root's word counts."""

    host: str
    port: int
    issuer: bytes | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def fetch(address: EnrolmentAddress, keys: Keys, after: int, now: datetime, *, all_s: float = ALL_S) -> bytes:
    """The lines behind number `after`.

    Raises:
        EnrolmentUnreadError: out of reach, another machine, or it refuses.
    """
    context = unproven_context(step_s=TIMEOUT_S, all_s=all_s)
    connection = http.client.HTTPSConnection(address.host, address.port, timeout=TIMEOUT_S, context=context)
    try:
        with closing(connection):
            connection.connect()
            connection.auto_open = 0  # a second connection would not be the one that was checked
            leaf = connection.sock.getpeercert(binary_form=True) or b""
            issuer = _answer(connection, "GET", ISSUER_PATH, None, MAX_CERTIFICATE_BYTES)
            pin = address.issuer or issuer_pin(issuer, keys.root, now)
            check_channel(leaf, issuer, pin, now)
            request = RecordRequest(v=1, after=after, at=format_time(now))
            signer = Signer(sealer=keys.sealer, chain=keys.chain)
            document = sign_document(EnvelopeType.RECORD, msgspec.json.encode(request), [signer])
            return _answer(connection, "POST", RECORD_PATH, document, MAX_RECORD_BYTES)
    except ChannelError as error:
        raise EnrolmentUnreadError(
            N_("what answers at {address} is not the enrolment ({fault}); look at [enrolment] in collector.toml"),
            address=str(address),
            fault=error.fault.value,
        ) from None
    except OSError as error:
        raise EnrolmentUnreadError(
            N_("the enrolment at {address} cannot be reached: {reason}"),
            address=str(address),
            reason=system_said(error),
        ) from None
    except http.client.HTTPException as error:
        raise EnrolmentUnreadError(
            N_("the enrolment at {address} cannot be reached: {reason}"),
            address=str(address),
            reason=type(error).__name__,
        ) from None


def _answer(
    connection: http.client.HTTPSConnection, method: str, path: str, body: bytes | None, limit_bytes: int
) -> bytes:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    content = answer.read(limit_bytes + 1)
    if answer.status != 200:
        raise EnrolmentUnreadError(
            N_("the enrolment refuses to show its record (status {status}); look at its log, and at both clocks"),
            status=answer.status,
        )
    if len(content) > limit_bytes:
        raise EnrolmentUnreadError(N_("the enrolment's answer is larger than any honest one"))
    return content


class EnrolmentReader:
    """One thread that reads on every few seconds, until it is stopped."""

    def __init__(
        self,
        *,
        address: EnrolmentAddress,
        keys: Keys,
        store: Store,
        pipeline: Pipeline,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        mono_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self._keys, self._store, self._pipeline = address, keys, store, pipeline
        self._now, self._mono_s = now, mono_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="enrolment")
        self._fault: Said | None = None
        self._since_s = mono_s()
        self._read = False

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way and end."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def seen(self) -> EnrolmentSeen:
        """How it is now; safe from any thread."""
        return EnrolmentSeen(read=self._read, fault=self._fault, age_s=self._mono_s() - self._since_s)

    def poll(self) -> bool:
        """Read on once; whether there may be more at once.

        Raises:
            EnrolmentUnreadError: it cannot be read now, or is not the record that was read before.
            StoreError: the database cannot be reached.
        """
        with self._store.read() as reading:
            before = position_of(reading.connection, ENROLMENT)
        body = fetch(self._address, self._keys, 0 if before is None else before.seq, self._now())
        try:
            entries, behind = read_lines(body, before)
        except RecordError as error:
            raise EnrolmentUnreadError(
                N_(
                    "the enrolment's record does not go on from line {line} ({fault}): it was changed, set back or "
                    "begun anew; nothing more of it is believed"
                ),
                line=0 if before is None else before.seq,
                fault=str(error),
            ) from None
        if behind is None or behind == before:
            return False
        now_ms, mono_ms = unix_ms(self._now()), round(self._mono_s() * 1000)
        self._pipeline.enrolled(entries, before, behind, now_ms=now_ms, mono_ms=mono_ms)
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            more = False
            try:
                more = self.poll()
                self._seen(None)
            except EnrolmentUnreadError as error:
                self._seen(error.said)
            except StoreError as error:
                self._seen(error.said)
            except Exception:
                logger.exception("the enrolment's record could not be read by a fault of ours")
                self._seen(said(N_("its record could not be read by a fault of the centre; it is in its log")))
            if not more:
                self._stopping.wait(POLL_S)

    def _seen(self, fault: Said | None) -> None:
        now_s = self._mono_s()
        if fault is None:
            self._read, self._since_s = True, now_s
        elif self._fault is None:
            logger.warning("%s", fault)
            self._since_s = now_s
        if fault is None and self._fault is not None:
            logger.info("the enrolment's record is read again")
        self._fault = fault
