"""The walk test as an installer makes it: real agent, broker and centre, moved by hand, led by the command line."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from protocol import acceptance
from protocol.acceptance import Noticed, Result
from protocol.certificates import Role, Trust
from protocol.key_lock import lock_key
from protocol.kinds import Lane
from protocol.messages import Clock, Event
from simulator.model import Door, Part
from tests.brokers import BrokerKind
from tests.stories.conftest import BuildBank
from tests.waiting import eventually_blocking
from tests.whole.bank import Bank
from tests.whole.box import Box
from tests.whole.walker import Walker

pytestmark = pytest.mark.timeout(240)
"""Seconds: real processes start and settle, beside whatever else the machine does."""

INSTALLER = "li-na"
PASSPHRASE = "three quiet words"
Walk = Callable[..., Walker]


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    """Start walk tests at a box; each ends with the test."""
    walkers: list[Walker] = []

    def start(box: Box, *words: str | Path) -> Walker:
        output = tmp_path / f"walk-{len(walkers)}.log"
        walkers.append(Walker(("--state", box.state, *words), output, {**os.environ, "LC_ALL": "C.UTF-8"}))
        return walkers[-1]

    yield start
    for each in walkers:
        each.stop()


def _bank(build_bank: BuildBank, broker: BrokerKind | None = BrokerKind.MOSQUITTO) -> tuple[Bank, Box]:
    bank = build_bank(broker=broker)
    bank.start()
    box = bank.boxes[0]
    bank.wait_watching(box)
    return bank, box


def _installer(bank: Bank) -> tuple[Path, Path]:
    """Key, locked by a passphrase, and certificate of an installer."""
    credential = bank.certificates.issue(Role.PERSON, INSTALLER)
    certificate, _ = bank.certificates.pair(INSTALLER)
    key = bank.folder / "locked.key"
    key.write_bytes(lock_key(credential.private_key, PASSPHRASE.encode(), os.urandom))
    return key, certificate


def _at_centre(bank: Bank) -> list[Event]:
    """The events of walk tests as the centre tells them."""
    return [
        Event(
            v=1,
            id=each["id"],
            site=each["site"],
            box=each["box"],
            run=each["run"],
            lane=Lane(each["lane"]),
            seq=each["seq"],
            prev="0" * 64,
            kind=each["kind"],
            level=each["level"],
            at=each["at"],
            mono_ms=0,
            clock=Clock.SYNCED,
            source=each["source"],
            facts=each["facts"],
        )
        for kind in sorted(acceptance.KINDS)
        for each in bank.desk.events(kind=kind)
    ]


def _walk_door(walker: Walker, box: Box, door: Door, name: str) -> None:
    walker.reads(f"Open {name}.")
    box.branch.open(door)
    walker.reads(f"Seen open. Close {name}.")
    box.branch.close(door)
    walker.reads(f"{name}: passed")


def _walk_part(walker: Walker, box: Box, part: Part, asks: str, seen: str) -> None:
    walker.reads(asks)
    box.branch.touch(part)
    walker.reads(seen)
    box.branch.touch(part, on=False)
    walker.reads(": passed")


def _walk_output(walker: Walker, asks: str, seen: str) -> None:
    walker.reads(asks)
    walker.types("")
    walker.reads(seen)
    walker.types("y")
    walker.reads(": passed")


def _vestibule(walker: Walker, box: Box) -> None:
    """Both doors with lock, exit button and key."""
    for door, name, button, key in (
        (Door.OUTER, "通道外门", Part.EXIT_OUTER, Part.KEY_OUTER),
        (Door.INNER, "通道内门", Part.EXIT_INNER, Part.KEY_INNER),
    ):
        _walk_door(walker, box, door, name)
        eventually_blocking(lambda: not box.branch.now().unlocked, what="no lock is released any more")
        eventually_blocking(lambda: box.remembers("lock/outer")["state"] == "locked", what="the box knows it")
        _walk_output(walker, f"Lock of {name} is going to be released", "Did you see it move")
        _walk_part(walker, box, button, f"Press: Exit button of {name}", "Seen pressed")
        _walk_part(walker, box, key, f"Turn the key: Key switch of {name}", "Seen turned")


def _rest(walker: Walker, box: Box) -> None:
    """Vault, release, siren, zones."""
    _walk_door(walker, box, Door.VAULT, "金库门")
    _walk_part(walker, box, Part.RELEASE, "Pull: Emergency release of 防尾随联动门", "Seen pulled")
    _walk_output(walker, "警号 is going to sound", "Did you hear 警号?")
    _walk_part(walker, box, Part.MOTION, "Trip: 现金区红外", "Seen tripped")
    _walk_part(walker, box, Part.GLASS, "Trip: 现金区玻璃", "Seen tripped")


def _number(bank: Bank) -> str:
    """What the operator reads from the screen."""

    def sent() -> str:
        numbers = [event["facts"].get("number") for event in bank.desk.events(kind="test.point")]
        return str(next(number for number in numbers if number))

    return eventually_blocking(sent, timeout_s=20, what="the number is at the centre")


def test_an_installer_walks_a_whole_branch(build_bank: BuildBank, walk: Walk) -> None:
    """Every point moved once, the number read back, the record signed by both; the centre builds the same bytes."""
    bank, box = _bank(build_bank)
    key, certificate = _installer(bank)
    words = ("--installer-key", key, "--installer-cert", certificate, "--passphrase-fd", "0")
    refused = walk(box, *words)
    refused.types("not these words")
    assert refused.ends() == 2
    assert "the passphrase is wrong, or the file is damaged" in refused.text
    walker = walk(box, *words)
    walker.types(PASSPHRASE)
    assert "15 points" in walker.reads("points")
    _vestibule(walker, box)
    _rest(walker, box)
    walker.reads("Call the operator.")
    walker.types("")
    walker.reads("Have the operator read the number")
    number = _number(bank)
    walker.types("x" + number[1:])
    walker.reads("? lists everything")  # a slip is no try
    walker.types("0000" if number != "0000" else "1111")
    walker.reads("tries left: 2")
    walker.types(number)
    walker.reads("Everything that can be tested is done.")
    walker.types("e")
    assert walker.ends() == 0, walker.text
    assert "15 passed, 0 failed, 0 untested" in walker.text
    assert "由前端主机" in walker.text  # the other language stands beside it
    (file,) = (box.state / "acceptance").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not (box.state / "acceptance.json").exists()

    def finished() -> list[Event]:
        events = _at_centre(bank)
        assert any(event.kind == acceptance.FINISHED for event in events)
        return events

    events = eventually_blocking(finished, timeout_s=20, what="the end is at the centre")
    (test,) = {str(event.facts["test"]) for event in events}
    trust = Trust(bank.certificates.authority.root.certificate)
    found = acceptance.open_acceptance(events, test, trust, datetime.now(UTC))
    assert found.document == file.read_bytes()
    assert (found.box.id, found.installer and found.installer.id) == (box.id, INSTALLER)
    assert {point.result for point in found.record.points} == {Result.PASSED}
    noticed = {point.id: point.noticed for point in found.record.points}
    assert (noticed["door/vault"], noticed["output/siren"], noticed["desk/operator"]) == (
        Noticed.BOX,
        Noticed.INSTALLER,
        Noticed.OPERATOR,
    )
    assert bank.desk.alarms(kind="door.forced"), "what is an alarm stays one during a walk test"
    assert not [alarm for alarm in bank.desk.alarms() if alarm["kind"].startswith("test.")]
    assert not bank.desk.events(kind="device.flutter")


def test_a_walk_test_outlives_the_box(build_bank: BuildBank, walk: Walk) -> None:
    """The agent is killed half-way: the walk says so, goes on with --resume, and the record tells what was found."""
    bank, box = _bank(build_bank, None)
    walker = walk(box)
    walker.reads("Open 通道外门.")
    box.branch.open(Door.OUTER)
    walker.reads("Seen open. Close 通道外门.")
    box.branch.close(Door.OUTER)
    walker.reads("通道外门: passed")
    assert walk(box).ends() == 1  # a second one beside it
    bank.kill_box(box)
    walker.reads("go on with --resume")
    assert walker.ends() == 3
    assert walk(box, "--resume").ends() == 3  # nobody answers
    before = bank.run_of(box)
    bank.start_box(box)
    eventually_blocking(lambda: bank.run_of(box) != before, timeout_s=20, what="the box's next run")
    bank.wait_heard(box)
    bank.wait_watching(box)

    again = walk(box)
    assert again.ends() == 1
    assert "go on with --resume, or give it up with --new" in again.text
    walker = walk(box, "--resume")
    walker.reads("Lock of 通道外门 is going to be released")  # the door need not be walked again
    walker.types("l")
    walker.reads("Press: Exit button of 通道外门")
    walker.types("x")
    walker.reads("Exit button of 通道外门: failed")
    walker.types("q")
    walker.reads("Stopped; what was found is kept.")
    assert walker.ends() == 1
    walker = walk(box, "--resume")
    walker.types("?")
    walker.reads("exit/outer               Exit button of 通道外门: failed")
    walker.types("e")
    walker.reads("Failed: 1, untested: 12; they stay red in the record.")
    walker.types("y")
    assert walker.ends() == 0, walker.text
    assert "2 passed, 1 failed, 12 untested" in walker.text
    assert "Signed by box 0755-031-a alone" in walker.text
    (file,) = (box.state / "acceptance").iterdir()
    payload = json.loads(file.read_bytes())["payload"]
    assert payload
    assert walk(box, "--resume").ends() == 1  # nothing is open any more


def test_a_page_is_served_beside_the_terminal(build_bank: BuildBank, walk: Walk, free_port: Callable[[], int]) -> None:
    """Its address is printed and opens once; given up with --new, the centre is told, and the next test begins."""
    bank, box = _bank(build_bank, None)
    walker = walk(box, "--page", "--listen", f"127.0.0.1:{free_port()}")
    address = walker.reads("/\n").split()[-1]
    assert httpx.get(address, trust_env=False).status_code == 200
    assert httpx.get(address, trust_env=False).status_code == 403
    walker.reads("Only this machine reaches it.")
    walker.reads("No installer's key was given")
    walker.reads("Open 通道外门.")
    walker.types("q")
    walker.reads("Go on with the same command and --resume.")
    assert walker.ends() == 1
    walker = walk(box, "--new")
    walker.reads("Open 通道外门.")
    walker.types("q")
    assert walker.ends() == 1

    def abandoned() -> bool:
        (end,) = bank.desk.events(kind=acceptance.FINISHED)
        return bool(end["facts"]["abandoned"]) and len(bank.desk.events(kind=acceptance.STARTED)) == 2

    eventually_blocking(abandoned, timeout_s=20, what="the centre knows that the first was given up")


def test_what_is_wrong_is_said_before_anything_begins(build_bank: BuildBank, walk: Walk) -> None:
    """A box's key for an installer's, key without certificate, no agent: one sentence, its exit code, no event."""
    bank, box = _bank(build_bank, None)
    certificate, key = bank.certificates.pair(box.id)
    for words, code, sentence in (
        (("--installer-key", key, "--installer-cert", certificate), 1, "This is not a person's certificate."),
        (("--installer-key", key), 2, "belong together"),
        (("--installer-key", certificate, "--installer-cert", certificate), 2, "is no private key in PEM"),
        (("--installer-key", key, "--installer-cert", bank.certificates.root), 2, "does not belong to"),
        (("--page", "--listen", "nowhere:x"), 2, "must be an address"),
        (("--page", "--listen", "192.0.2.1:8480"), 1, "cannot be listened on"),
        (("--page", "--listen", "0.0.0.0:8480"), 1, "no address that a telephone can open"),
    ):
        walker = walk(box, *words)
        assert walker.ends() == code, walker.text
        assert sentence in walker.text
        assert "Traceback" not in walker.text
    assert not (box.state / "acceptance.json").exists()
    bank.stop_box(box)
    walker = walk(box)
    assert walker.ends() == 3
    assert "no agent answers in" in walker.text
