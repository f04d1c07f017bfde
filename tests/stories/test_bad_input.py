"""Bad input against the running whole: settings that are wrong, envelopes that lie, and honest repeats.

Every envelope is published by a real MQTT client with a valid certificate. Whatever is wrong is quarantined with its
reason, counted, told once, and never becomes an alarm in another site's name; the centre goes on.
"""

from __future__ import annotations

import socket
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest

from protocol.certificates import kid_of_der
from protocol.envelope import EnvelopeType, Sealer
from protocol.kinds import Lane
from protocol.topics import Down, Up, down_topic, up_topic
from provisioning.authority import Authority
from simulator.actions import Action
from tests.brokers import BrokerKind
from tests.ledgers import PaperBox
from tests.stories.conftest import BuildBank
from tests.waiting import eventually_blocking
from tests.whole.accounts import centre_rows
from tests.whole.bank import BRANCHWATCH, Bank
from tests.whole.paper import birth, paper_box, take_identity
from tests.whole.publisher import Publisher

pytestmark = pytest.mark.timeout(180)
"""Seconds: real processes start and settle, beside whatever else the machine does."""

STRANGER = "0755-900-a"
STRANGERS_SITE = "0755-900"
REJECTIONS = 'branchwatch_rejections_total{{reason="{}"}}'


def _quarantined(bank: Bank) -> set[tuple[str, str]]:
    """Claimed box and reason of everything set aside."""
    return {(box, reason) for box, reason in centre_rows(bank.database, "SELECT claimed_box, reason FROM quarantine")}


def _expect(bank: Bank, reason: str, claimed: str = STRANGER) -> None:
    eventually_blocking(
        lambda: (claimed, reason) in _quarantined(bank), timeout_s=20, what=f"{claimed} {reason} is set aside"
    )


def test_a_wrong_site_file(build_bank: BuildBank) -> None:
    """A wrong TOML value: every fault with line and path, exit code 2, nothing started, nothing written."""
    bank = build_bank()
    box = bank.boxes[0]
    text = box.config.read_text(encoding="utf-8")
    for old, new in (
        ('doors = ["outer", "inner"]', 'doors = ["outer", "iner"]'),
        ('tolerance = "0.5s"', "tolerance = 0.5"),
        ("unit_id = 1", "unit_id = 1\nspeed = 9600"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    box.config.write_text(text, encoding="utf-8")
    state = box.state.with_name("never-made")
    process = bank.run(*BRANCHWATCH, "agent", "run", "--config", box.config, "--state", state, name="wrong-site")
    assert process.wait(20) == 2, process.output()
    said = process.output()
    for wrong, words_of_it in (("iner", '"inner"'), ("tolerance", "[[interlock]]"), ("speed", "[[io]]")):
        (line,) = [line for line in said.splitlines() if wrong in line and line.startswith(box.config.name)]
        number = int(line.split(":")[1])
        assert wrong in text.splitlines()[number - 1], line
        assert words_of_it in line
    assert "Traceback" not in said
    assert not state.exists()


def test_a_wrong_collector_file(build_bank: BuildBank) -> None:
    """The same for the centre: all faults, exit code 2, no database, no open port."""
    bank = build_bank()
    text = bank.config.read_text(encoding="utf-8")
    for old, new in (('roles = ["operator"]', 'roles = ["operater"]'), ('id = "centre-1"', 'id = "1"\ncolour = "red"')):
        assert old in text, old
        text = text.replace(old, new)
    bank.config.write_text(text, encoding="utf-8")
    process = bank.run(*BRANCHWATCH, "collector", "serve", "--config", bank.config, "--embedded", name="wrong-centre")
    assert process.wait(20) == 2, process.output()
    said = process.output()
    role = next(number for number, line in enumerate(text.splitlines(), start=1) if "operater" in line)
    for number, words in ((1, "centre-"), (2, '"colour"'), (role, '"operator"')):
        (line,) = [line for line in said.splitlines() if line.startswith(f"collector.toml:{number}:")]
        assert words in line
    assert "Traceback" not in said
    assert not bank.database.exists()
    for port in (bank.console_port, bank.broker_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, f"something listens on {port}"


def test_envelopes_that_lie(build_bank: BuildBank, broker: BrokerKind | None) -> None:
    """Broken, oversized, unsigned, wrongly signed, foreign: set aside with the reason, counted, told once, no alarm."""
    bank = build_bank(broker=broker, more_boxes=(STRANGER,))
    honest = bank.boxes[0]
    bank.start()
    bank.wait_watching(honest)
    authority = bank.certificates.authority
    stranger, victim = paper_box(authority, STRANGER), paper_box(authority, honest.id)
    events, births = up_topic(STRANGER, Up.EVENT), up_topic(STRANGER, Up.BIRTH)
    client = Publisher(bank.certificates, STRANGER, bank.broker_port)
    try:
        client.publish(births, birth(stranger))
        eventually_blocking(lambda: bank.desk.box(STRANGER), what="the stranger is introduced")

        client.publish(events, b"no envelope at all")
        _expect(bank, "malformed")
        client.publish(up_topic(STRANGER, Up.BEAT), stranger.sealer.seal(EnvelopeType.BEAT, b"x" * 200_000))
        _expect(bank, "too_large")
        line = stranger.opened(Lane.URGENT)
        header, payload, signature = stranger.seal(line).split(b".")
        client.publish(events, b".".join((_unsigned_header(), payload, b"")))
        altered = urlsafe_b64encode(line.replace(STRANGERS_SITE.encode(), b"0755-901")).rstrip(b"=")
        client.publish(events, b".".join((header, altered, signature)))
        _expect(bank, "bad_signature")
        client.publish(events, stranger.sealer.seal(EnvelopeType.BEAT, line))
        _expect(bank, "wrong_type")
        # Sealed by the stranger, but the line inside speaks for the honest box; and then for its site alone.
        client.publish(events, stranger.seal(victim.line("door.dual_open")))
        _expect(bank, "foreign_box")
        liar = PaperBox(authority=authority, id=STRANGER, site=honest.site.id, now=datetime.now(UTC))
        liar.sealer = stranger.sealer
        client.publish(events, stranger.seal(liar.line("door.dual_open")))
        _expect(bank, "foreign_site")
        # A key that leads to another root.
        rogue = paper_box(Authority.create(now=datetime.now(UTC)), STRANGER)
        client.publish(births, birth(rogue, counter=2))
        _expect(bank, "untrusted")
        # A certificate that is none: no parser may fall over it.
        client.publish(births, birth(_with_no_certificate(authority)))
        eventually_blocking(
            lambda: bank.desk.metrics()[REJECTIONS.format("untrusted")] >= 2, what="a certificate that is none"
        )
        # A key of the same authority that belongs to the honest box, under the stranger's topic.
        client.publish(births, birth(victim, counter=3))
        for _ in range(30):
            client.publish(events, b"no envelope at all")
        _goes_on(bank)
    finally:
        client.close()
    reasons = {"malformed", "too_large", "bad_signature", "wrong_type", "foreign_box", "foreign_site", "untrusted"}
    figures = bank.desk.metrics()
    counted = {reason: figures.get(REJECTIONS.format(reason), 0) for reason in reasons}
    assert all(count >= 1 for count in counted.values()), counted
    eventually_blocking(
        lambda: bank.desk.metrics()[REJECTIONS.format("malformed")] >= 32, what="every broken envelope is counted"
    )
    told = [event["facts"] for event in bank.desk.events(kind="envelope.rejected")]
    named = [(facts["claimed_box"], facts["reason"]) for facts in told]
    assert sorted(named) == sorted({(STRANGER, reason) for reason in reasons}), "one incident for each reason"
    in_the_honest_name = [alarm for alarm in bank.desk.alarms(site=honest.site.id) if alarm["kind"] != "door.dual_open"]
    assert not [alarm for alarm in in_the_honest_name if alarm["class"] == "integrity"], in_the_honest_name
    assert not bank.desk.alarms(kind="door.dual_open", site=STRANGERS_SITE)
    bank.wait_settled(honest)


def test_a_revoked_box_on_a_live_connection(build_bank: BuildBank) -> None:
    """A box revoked while connected: what it seals from then on is set aside as revoked, whatever the broker allows."""
    bank = build_bank(broker=BrokerKind.MOSQUITTO, more_boxes=(STRANGER,))
    bank.start()
    authority = bank.certificates.authority
    stranger = paper_box(authority, STRANGER)
    take_identity(stranger, *bank.certificates.pair(STRANGER))
    client = Publisher(bank.certificates, STRANGER, bank.broker_port)
    try:
        client.publish(up_topic(STRANGER, Up.BIRTH), birth(stranger))
        client.publish(up_topic(STRANGER, Up.EVENT), stranger.seal(stranger.opened(Lane.URGENT)))
        eventually_blocking(lambda: bank.centre_lines(STRANGER).total() == 1, what="it is believed before")
        bank.revoke(STRANGER)

        def refused() -> bool:
            client.publish(up_topic(STRANGER, Up.EVENT), stranger.seal(stranger.line("door.forced")))
            return (STRANGER, "revoked") in _quarantined(bank)

        eventually_blocking(refused, timeout_s=30, what="it is refused after")
        before = bank.centre_lines(STRANGER).total()
        client.publish(up_topic(STRANGER, Up.EVENT), stranger.seal(stranger.line("door.dual_open")))
        _goes_on(bank)
        assert bank.centre_lines(STRANGER).total() == before
    finally:
        client.close()
    assert not bank.desk.alarms(kind="door.dual_open", site=STRANGERS_SITE)


def test_an_honest_repeat(build_bank: BuildBank, broker: BrokerKind | None) -> None:
    """The same envelope again: receipted again, counted as a duplicate, and nothing more."""
    bank = build_bank(broker=broker, boxes=1, more_boxes=(STRANGER,))
    bank.start()
    stranger = paper_box(bank.certificates.authority, STRANGER)
    client = Publisher(bank.certificates, STRANGER, bank.broker_port)
    try:
        client.subscribe(down_topic(STRANGER, Down.RECEIPT))
        client.publish(up_topic(STRANGER, Up.BIRTH), birth(stranger))
        eventually_blocking(lambda: len(client.heard) >= 1, what="the birth is answered")
        envelope = stranger.seal(stranger.opened(Lane.URGENT), stranger.line("door.dual_open"))
        client.publish(up_topic(STRANGER, Up.EVENT), envelope)
        eventually_blocking(lambda: len(client.heard) >= 2, what="a receipt")
        alarms = bank.desk.alarms()
        for again in (3, 4, 5):
            client.publish(up_topic(STRANGER, Up.EVENT), envelope)
            eventually_blocking(lambda again=again: len(client.heard) >= again, what="a receipt again")  # type: ignore[misc]
    finally:
        client.close()
    assert bank.desk.metrics()["branchwatch_duplicates_total"] >= 6
    assert sorted(bank.centre_lines(STRANGER).values()) == [1, 1]
    assert not _quarantined(bank)
    assert {alarm["id"] for alarm in bank.desk.alarms(site=STRANGERS_SITE)} == {
        alarm["id"] for alarm in alarms if alarm["site"] == STRANGERS_SITE
    }
    (alarm,) = bank.desk.alarms(kind="door.dual_open")
    assert alarm["events"] == 1


def _goes_on(bank: Bank) -> None:
    """The centre lives, and an honest alarm still comes through."""
    honest = bank.boxes[0]
    assert bank.collector is not None
    assert bank.collector.running(), bank.collector.tail()
    honest.branch.do(Action.DUAL_OPEN)
    eventually_blocking(
        lambda: bank.desk.alarms(kind="door.dual_open", site=honest.site.id), timeout_s=20, what="an honest alarm"
    )
    assert bank.desk.ask("GET", "/healthz").status_code == 200


def _with_no_certificate(authority: Authority) -> PaperBox:
    """A stranger whose certificate claims a version that X.509 does not have; its `kid` is right for these bytes."""
    stranger = paper_box(authority, STRANGER)
    der = stranger.chain[0].replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020142"), 1)
    assert der != stranger.chain[0]
    stranger.chain = (der, *stranger.chain[1:])
    stranger.sealer = Sealer(stranger.credential.private_key, kid_of_der(der))
    return stranger


def _unsigned_header() -> bytes:
    return urlsafe_b64encode(b'{"alg":"none","typ":"bw-events"}').rstrip(b"=")
