"""The built-in broker: nats-server as a child that lives, reloads and dies with its parent."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import textwrap
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import aiomqtt
import psutil
import pytest

from collector.embedded import EmbeddedBroker, EmbeddedBrokerError, EmbeddedSettings
from protocol.topics import COLLECTOR_SUBSCRIPTION, Down, Up, down_topic, up_topic
from tests.brokers import BOXES, BROKER, COLLECTORS, HOST, Certificates
from tests.conftest import Eventually, EventuallyBlocking, StartProcess

BOX, OTHER, _ = BOXES
COLLECTOR = COLLECTORS[0]


@pytest.fixture
def settings(tmp_path: Path, certificates: Certificates) -> EmbeddedSettings:
    """A broker on a free port for two boxes and a collector."""
    certificate, key = certificates.pair(BROKER)
    return EmbeddedSettings(
        state=tmp_path / "state",
        trust=certificates.root,
        certificate=certificate,
        key=key,
        collectors=(COLLECTOR,),
        boxes=(BOX, OTHER),
    )


def client(broker: EmbeddedBroker, certificates: Certificates, identity: str) -> aiomqtt.Client:
    """A client of the built-in broker; use with `async with`."""
    return aiomqtt.Client(
        HOST,
        broker.port,
        identifier=secrets.token_hex(16),
        clean_session=True,
        tls_context=certificates.tls(identity),
        timeout=10,
    )


async def reaches(broker: EmbeddedBroker, certificates: Certificates) -> bool:
    """Whether a message of the box arrives at the collector."""
    try:
        async with client(broker, certificates, COLLECTOR) as centre, client(broker, certificates, BOX) as box:
            await centre.subscribe(COLLECTOR_SUBSCRIPTION, qos=1)
            await box.publish(up_topic(BOX, Up.EVENT), b"hello", qos=1)
            return (await anext(aiter(centre.messages))).payload == b"hello"
    except aiomqtt.MqttError:
        return False


async def test_it_takes_messages_once_started(settings: EmbeddedSettings, certificates: Certificates) -> None:
    """Port 0 becomes a real port, and the broker works as soon as `start` returns."""
    async with EmbeddedBroker(settings) as broker:
        assert broker.port != 0
        assert await reaches(broker, certificates)


async def test_its_folder_may_have_any_name(settings: EmbeddedSettings, certificates: Certificates) -> None:
    """The demo of somebody whose folders have Chinese names, blanks and quotes starts as anybody's."""
    named = replace(settings, state=settings.state / '演示 "one" \\ 二')
    async with EmbeddedBroker(named) as broker:
        assert await reaches(broker, certificates)


async def test_nothing_of_it_is_left_after_stop(settings: EmbeddedSettings) -> None:
    """The process is gone when `stop` returns; stopping twice is harmless."""
    broker = EmbeddedBroker(settings)
    await broker.start()
    pid = broker.pid
    assert pid is not None
    await broker.stop()
    await broker.stop()
    assert broker.pid is None
    assert not psutil.pid_exists(pid)


async def test_it_comes_back_when_it_dies(
    settings: EmbeddedSettings, certificates: Certificates, eventually: Eventually
) -> None:
    """A broker killed with kill -9 is started again on the same port, by itself, each time."""
    async with EmbeddedBroker(settings) as broker:
        for _ in range(2):
            port, pid = broker.port, broker.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await eventually(partial(_another, broker, pid), what="another process")
            await eventually(partial(reaches, broker, certificates), what="messages pass again")
            assert broker.port == port


async def test_it_is_started_anew_when_it_lets_nobody_in(
    settings: EmbeddedSettings, certificates: Certificates, eventually: Eventually
) -> None:
    """A broker that runs and answers nobody, as after a full disk, is ended and another started; one in use is left."""
    unheard_s = 0.0
    async with EmbeddedBroker(settings) as broker:
        mending = asyncio.create_task(broker.mend(lambda: unheard_s, unusable_s=0.1))
        pid = broker.pid
        assert pid is not None
        assert await reaches(broker, certificates)
        assert broker.pid == pid
        os.kill(pid, signal.SIGSTOP)
        unheard_s = 1.0
        await eventually(partial(_another, broker, pid), what="another process")
        unheard_s = 0.0
        await eventually(partial(reaches, broker, certificates), what="messages pass again")
        mending.cancel()


async def test_a_box_left_out_is_thrown_off(settings: EmbeddedSettings, certificates: Certificates) -> None:
    """Reloading without a box ends its live connection and refuses the next; the others stay connected."""
    async with EmbeddedBroker(settings) as broker, client(broker, certificates, OTHER) as other:
        await other.subscribe(down_topic(OTHER, Down.RECEIPT), qos=1)
        async with AsyncExitStack() as stack:
            box = await stack.enter_async_context(client(broker, certificates, BOX))
            broker.reload([OTHER])
            with pytest.raises(aiomqtt.MqttError):
                await anext(aiter(box.messages))
        assert not await reaches(broker, certificates)
        async with client(broker, certificates, COLLECTOR) as centre:
            await centre.publish(down_topic(OTHER, Down.RECEIPT), b"hello", qos=1)
        assert (await anext(aiter(other.messages))).payload == b"hello"


async def test_a_box_added_is_let_in(
    settings: EmbeddedSettings, certificates: Certificates, eventually: Eventually
) -> None:
    """Reloading with a new box lets it in without a restart."""
    async with EmbeddedBroker(settings) as broker:
        pid = broker.pid
        broker.reload([OTHER])
        await eventually(partial(_refused, broker, certificates), what="the box is shut out")
        broker.reload([OTHER, BOX])
        await eventually(partial(reaches, broker, certificates), what="the box is let in")
        assert broker.pid == pid


def _another(broker: EmbeddedBroker, pid: int) -> bool:
    return broker.pid not in {None, pid}


async def _refused(broker: EmbeddedBroker, certificates: Certificates) -> bool:
    return not await reaches(broker, certificates)


async def test_a_wrong_certificate_is_named(settings: EmbeddedSettings, certificates: Certificates) -> None:
    """A box's certificate in place of the broker's: start fails with the file's name, and nothing stays running."""
    certificate, key = certificates.pair(BOX)
    broker = EmbeddedBroker(replace(settings, certificate=certificate, key=key))
    with pytest.raises(EmbeddedBrokerError, match=f"{BOX}.pem"):
        await broker.start()
    assert broker.pid is None


async def test_a_taken_port_is_named(settings: EmbeddedSettings) -> None:
    """A port that is in use makes start fail with the broker's own words, not hang."""
    async with EmbeddedBroker(settings) as first:
        second = EmbeddedBroker(replace(settings, port=first.port, state=settings.state / "second"))
        with pytest.raises(EmbeddedBrokerError, match="Address already in use"):
            await second.start()


def test_it_dies_with_its_parent(
    settings: EmbeddedSettings, process: StartProcess, eventually_blocking: EventuallyBlocking, tmp_path: Path
) -> None:
    """A parent killed with kill -9 leaves no broker behind."""
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import asyncio
            from pathlib import Path, PosixPath
            from collector.embedded import EmbeddedBroker, EmbeddedSettings

            async def main():
                async with EmbeddedBroker({settings!r}) as broker:
                    print("pid", broker.pid, flush=True)
                    await asyncio.Event().wait()

            asyncio.run(main())
            """
        )
    )
    parent = process([sys.executable, script], env={"PYTHONPATH": str(Path.cwd())})
    pid = int(eventually_blocking(_words_of(parent.output), what="the parent says the pid")[1])
    os.kill(parent.pid, signal.SIGKILL)  # it alone, not its group
    eventually_blocking(lambda: _is_gone(pid), what="the broker is gone")


def _words_of(output: Callable[[], str]) -> Callable[[], list[str]]:
    return lambda: output().split()


def _is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
