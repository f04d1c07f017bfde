"""Each channel against a real peer: a mail server, an HTTP server, Apprise; whatever they do is a recorded outcome."""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collector.notify.apprise_channel import Apprise, is_service
from collector.notify.mail import Mail, MailServer
from collector.notify.port import Message, Outcome
from tests.https_place import https_place
from tests.mail_peer import mail_peer
from tests.webhook_peer import webhook_peer

MESSAGE = Message(
    id="019a0000-0000-7000-8000-000000000001",
    sort="alarm",
    to="li@bank.example",
    language="zh-CN",
    level=1,
    short="一级警情",
    subject="一级警情：紧急报警，科技园支行",
    body="一级警情：紧急报警\n打开 https://desk.bank.example/n/abc\n",
    voice="",
)


def mail(port: int, **other: object) -> Mail:
    """The channel to a peer."""
    settings: dict[str, object] = {"host": "127.0.0.1", "port": port, "sender": "alarm@bank.example", "answer_s": 2.0}
    return Mail(MailServer(**{**settings, **other}), lambda: 1_800_000_000)  # type: ignore[arg-type]


async def test_mail_in_clear_arrives_whole() -> None:
    """Subject, body, urgency and the same Message-ID in every try."""
    async with mail_peer() as peer:
        sent = await mail(peer.port).send(MESSAGE)
    (came,) = peer.mails
    assert sent.outcome is Outcome.SENT
    assert (came["Subject"], came["To"], came["Importance"]) == (MESSAGE.subject, MESSAGE.to, "high")
    assert came["Message-ID"] == f"<{MESSAGE.id}@branchwatch>"
    assert "紧急报警" in came.get_content()


async def test_mail_by_starttls_under_the_banks_own_authority(tmp_path: Path) -> None:
    """The bank's CA is trusted, with a login; without the CA nothing is sent."""
    with https_place(tmp_path) as place:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(tmp_path / "place.pem", tmp_path / "place.key")
        good = ssl.create_default_context(cafile=str(place.authority))
    async with mail_peer(tls=server, password="five-blue-lamps") as peer:
        known = {"starttls": True, "user": "alarm", "password": "five-blue-lamps"}
        assert (await mail(peer.port, tls=good, **known).send(MESSAGE)).outcome is Outcome.SENT
        stranger = await mail(peer.port, tls=ssl.create_default_context(), **known).send(MESSAGE)
        wrong = await mail(peer.port, tls=good, **{**known, "password": "no"}).send(MESSAGE)
    assert len(peer.mails) == 1
    assert stranger.outcome is Outcome.FAILED
    assert (wrong.reason, wrong.again) == ("login_refused", False)


@pytest.mark.parametrize(
    ("manner", "reason", "again"),
    [
        ({"refuse": "550 no such person"}, "refused 550", False),
        ({"refuse": "451 later"}, "refused 451", True),
        ({"hang": True}, "too_slow", True),
    ],
)
async def test_a_mail_server_that_refuses_or_hangs(manner: dict[str, Any], reason: str, again: bool) -> None:
    """A word of ours, never the server's text; and whether to try again."""
    async with mail_peer(**manner) as peer:
        sent = await mail(peer.port, answer_s=1.0).send(MESSAGE)
    assert (sent.outcome, sent.reason, sent.again) == (Outcome.FAILED, reason, again)


async def test_no_mail_server_and_no_mail_address(free_port: Callable[[], int]) -> None:
    """Nobody listens; an address that would add headers is none."""
    assert (await mail(free_port()).send(MESSAGE)).reason == "unreachable"
    for to in ("li", "li@x\nBcc: all@bank.example", "a@" + "b" * 200):
        message = Message(**{**MESSAGE.__dict__, "to": to})
        assert (await mail(free_port()).send(message)).reason == "no_address"


@pytest.mark.parametrize("name", ["=?utf-8?q?x=0aBcc:_all@bank.example?=", "x\x00\x1b[2J", "=?utf-8?b?eApCY2M6IGE=?="])
async def test_a_name_in_a_subject_writes_no_header_of_its_own(name: str) -> None:
    """A box may call its site as it likes: what looks like an encoded word stays the text that it is."""
    async with mail_peer() as peer:
        message = Message(**{**MESSAGE.__dict__, "subject": f"一级警情：{name}"})
        assert (await mail(peer.port).send(message)).outcome is Outcome.SENT
        (await mail(peer.port).send(Message(**{**MESSAGE.__dict__, "subject": name})))
    for came in peer.mails:
        assert came["Bcc"] is None
        assert str(came["Subject"]).isprintable()
        assert "bank.example" not in str(came.get_all("Cc"))
        assert came["To"] == MESSAGE.to


async def test_a_server_that_takes_no_starttls_gets_nothing() -> None:
    """Whoever strips STARTTLS from the line gets neither mail nor password."""
    async with mail_peer() as peer:
        sent = await mail(peer.port, tls=ssl.create_default_context(), starttls=True, user="a", password="b").send(
            MESSAGE
        )
    assert (sent.outcome, peer.mails) == (Outcome.FAILED, [])


async def test_apprise_brings_a_message_to_a_service(caplog: pytest.LogCaptureFixture) -> None:
    """Through its json:// plugin to a local server; its address, which holds keys, is in no log."""
    caplog.set_level(logging.DEBUG)
    async with webhook_peer() as peer:
        channel = Apprise(f"json://user:key-in-the-address@127.0.0.1:{peer.port}/{{to}}", 10.0)
        sent = await channel.send(MESSAGE)
        peer.manner = "fail"
        refused = await channel.send(MESSAGE)
    assert (sent.outcome, refused.outcome, refused.reason) == (Outcome.SENT, Outcome.FAILED, "refused")
    assert "紧急报警" in json.dumps(peer.bodies[0], ensure_ascii=False)
    assert "key-in-the-address" not in caplog.text


async def test_apprise_that_hangs_is_left_alone() -> None:
    """Its thread may wait; the notice does not."""
    async with webhook_peer() as peer:
        peer.manner = "hang"
        sent = await Apprise(f"json://127.0.0.1:{peer.port}/{{to}}", 0.3).send(MESSAGE)
    assert (sent.outcome, sent.reason) == (Outcome.FAILED, "too_slow")


def test_an_address_that_apprise_does_not_know_is_none() -> None:
    """Told when the settings are checked, not when the first alarm comes."""
    assert is_service("json://127.0.0.1/{to}")
    assert not is_service("nothing-of-the-sort://x")
