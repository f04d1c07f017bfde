"""The officer's machine before a real console: arms, disarms in twos, follows; a lying centre gets nothing signed."""

from __future__ import annotations

import io
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import branchwatch
from ordering.asking import Console
from ordering.giving import Hand, How, give
from ordering.keys import open_key
from ordering.refusal import UnreachedError
from ordering.settings import Access
from ordering.terminal import Terminal
from ordering.wanted import Wanted
from protocol.approvals import verify_approval
from protocol.envelope import decode_base64url, encode_base64url
from protocol.messages import PointState, decode_order
from protocol.orders import ArmArgs
from protocol.texts import texts_for
from tests.browser.served import Served
from tests.bundles import BOX, SITE, Bureau
from tests.conftest import EventuallyBlocking, StartProcess
from tests.officers import Officer, Tampered, rewritten
from tests.orders import PEOPLE, OrderWorld

BUREAU = Bureau()
ID = "01939f00-0000-7000-8000-000000000000"


@pytest.fixture
def officer(tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Officer]:
    """Somebody whose console listens, in English."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "world").mkdir()
    world = OrderWorld(tmp_path / "world", BUREAU)
    tampered = Tampered(world.app)
    served = Served(world, free_port(), tampered)
    served.start()
    yield Officer(world=world, served=served, tampered=tampered, folder=tmp_path)
    served.stop()
    world.close()


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What a person types when he is asked."""

    def say(text: str) -> None:
        monkeypatch.setitem(vars(sys), "stdin", io.StringIO(text))

    return say


def _held(officer: Officer, persons: set[str]) -> Any:
    """The one order that went down, its approvals checked as the box checks them."""
    ((line, approvals),) = officer.sent()
    keys = {(person.id, each.id): each for person in PEOPLE for each in person.keys}
    for approval in approvals:
        verify_approval(approval, line, keys[approval.person, approval.credential])
    assert {each.person for each in approvals} == persons
    return decode_order(line)


def test_an_officer_arms_with_a_key_file(officer: Officer, capsys: pytest.CaptureFixture[str]) -> None:
    """One command: drafted, shown, signed, sent; what the box gets is what was typed."""
    assert officer.types("arm", SITE, "cash", "--key", str(officer.key_file("zhao")), "--no-wait") == 0
    order = _held(officer, {"zhao"})
    assert (order.action, order.args, order.box) == ("arm", {"partition": "cash"}, BOX)
    told = capsys.readouterr().out
    assert f"{SITE} · Arm partition cash, away." in told
    assert "Names: partition/cash: 现金区 (the centre says)" in told
    assert "Approved with " in told


def test_two_people_disarm_the_cash_area(
    officer: Officer, says: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The first drafts and signs, the second reads it on his own machine and says yes; then the box hears of it."""
    key = str(officer.key_file("zhao"))
    assert officer.types("disarm", SITE, "cash", "--key", key, "--no-wait", "--json") == 0
    seen = capsys.readouterr()
    first = json.loads(seen.out)
    assert (first["state"], first["needed"], first["approved"]) == ("draft", 2, ["zhao"])
    assert f"branchwatch order approve {first['id']}" in seen.err
    assert officer.sent() == []

    says("no\n")
    assert officer.types("approve", first["id"], "--key", str(officer.key_file("li")), who="li") == 1
    assert "Nothing was signed" in capsys.readouterr().out
    assert officer.sent() == []

    says("yes\n")
    approve = ["approve", first["id"], "--key", str(officer.key_file("li")), "--no-wait", "--json"]
    assert officer.types(*approve, who="li") == 0
    seen = capsys.readouterr()
    assert json.loads(seen.out)["state"] == "sent"
    assert "This weakens protection" in seen.err
    assert _held(officer, {"zhao", "li"}).args == {"partition": "cash"}


def test_two_key_files_at_one_machine(officer: Officer) -> None:
    """--key may repeat; the drafter brings the other's approval along."""
    keys = [each for person in ("zhao", "li") for each in ("--key", str(officer.key_file(person)))]
    assert officer.types("disarm", SITE, "cash", *keys, "--no-wait") == 0
    _held(officer, {"zhao", "li"})


@pytest.mark.parametrize(
    ("kind", "facts", "code", "sentence"),
    [
        ("order.executed", {"people": ["zhao"]}, 0, "Done: Arm partition cash, away."),
        ("order.refused", {"reason": "not_ready", "by": "zhao"}, 1, "The box answers: The order was refused: "),
    ],
)
def test_what_becomes_of_it_is_followed(
    officer: Officer, kind: str, facts: dict[str, Any], code: int, sentence: str
) -> None:
    """The command ends with the box's own word, whichever it is, and its exit code says which."""
    out = io.StringIO()
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            ((line, _),) = officer.sent()
            officer.world.happens(kind, "box/orders", {"order": decode_order(line).id, "action": "arm", **facts})

    with Console(Access(address=officer.served.address, token="token-zhao"), "en") as console:
        hand = Hand(
            console=console,
            terminal=Terminal(texts=texts_for("en"), out=out, beside=io.StringIO()),
            clock=lambda: float(len(waits)),
            pause=pause,
        )
        how = How(keys=[open_key(officer.key_file("zhao"), lambda _: b"")])
        given = give(hand, Wanted(site=SITE, action="arm", args=ArmArgs(partition="cash")), how)
    assert given == code
    assert sentence in out.getvalue()


def test_the_names_of_a_large_site_are_read_to_the_last_page(officer: Officer) -> None:
    """The point that an order names may stand behind the first five hundred."""
    told = tuple(PointState(id=f"zone/z{each:04}", state="normal", age_ms=0, name=f"N{each}") for each in range(1200))
    officer.world.centre.take(officer.world.box.birth(told))
    with Console(Access(address=officer.served.address, token="token-zhao"), "en") as console:
        names = {each.id: each.name for each in console.points(SITE)}
    assert {each.id: each.name for each in told}.items() <= names.items()


def test_a_console_that_goes_away_meanwhile_is_told(officer: Officer) -> None:
    """The order stands at the centre: the sentence says so, and how to look; exit code 3."""
    with Console(Access(address=officer.served.address, token="token-zhao"), "en") as console:
        hand = Hand(
            console=console,
            terminal=Terminal(texts=texts_for("en"), out=io.StringIO(), beside=io.StringIO()),
            clock=lambda: 0.0,
            pause=lambda _: officer.served.stop(),
        )
        how = How(keys=[open_key(officer.key_file("zhao"), lambda _: b"")])
        with pytest.raises(UnreachedError, match="branchwatch order show") as away:
            give(hand, Wanted(site=SITE, action="arm", args=ArmArgs(partition="cash")), how)
    assert away.value.code == 3


def _turned(told: dict[str, Any]) -> None:
    rewritten(told, action="disarm")


def _elsewhere(told: dict[str, Any]) -> None:
    rewritten(told, args={"partition": "hall"})


def _stay(told: dict[str, Any]) -> None:
    rewritten(told, args={"partition": "cash", "mode": "stay"})


def _other_box(told: dict[str, Any]) -> None:
    rewritten(told, box="0755-032-a")


def _other_order(told: dict[str, Any]) -> None:
    rewritten(told, id=ID)


def _more_said(told: dict[str, Any]) -> None:
    rewritten(told, also={"action": "disarm"})


def _more_args(told: dict[str, Any]) -> None:
    rewritten(told, args={"partition": "cash", "force": True})


def _twice(told: dict[str, Any]) -> None:
    line = decode_base64url(told["line"].encode())
    told["line"] = encode_base64url(line.replace(b'"action":"arm"', b'"action":"disarm","action":"arm"')).decode()


def _no_line(told: dict[str, Any]) -> None:
    told["line"] = "%%"


LIES = [_turned, _elsewhere, _stay, _other_box, _other_order, _more_said, _more_args, _twice, _no_line]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__.strip("_"))
def test_a_lying_centre_gets_nothing_signed(
    officer: Officer, lie: Callable[[dict[str, Any]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked to arm the cash area it answers with something else: exit code 1, one sentence, no approval anywhere."""
    officer.tampered.lie = lie
    code = officer.types("arm", SITE, "cash", "--key", str(officer.key_file("zhao")), "--no-wait")
    officer.tampered.lie = None
    assert code == 1
    seen = capsys.readouterr()
    assert "Approved" not in seen.out
    assert seen.err.startswith("branchwatch order: ")
    assert seen.err.count("\n") == 1
    assert officer.sent() == []
    with officer.world.centre.store.read() as reading:
        assert [row.action for row in reading.journal_after(0, unit="") if row.action == "approve"] == []


def test_a_centre_that_shows_one_order_and_sends_another_for_approval(
    officer: Officer, says: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever approves sees what the line itself says, whatever the answer's other fields tell."""
    assert officer.types("disarm", SITE, "cash", "--json") == 0
    order = json.loads(capsys.readouterr().out)["id"]

    def lie(told: dict[str, Any]) -> None:
        told.update(action="arm", args={"partition": "cash"})
        told["words"]["does"] = "Arm 现金区"

    officer.tampered.lie = lie
    says("\n")
    assert officer.types("approve", order, "--key", str(officer.key_file("li")), who="li") == 1
    officer.tampered.lie = None
    told = capsys.readouterr().out
    assert "Disarm partition cash." in told
    assert "Arm" not in told


def test_an_order_id_that_the_centre_swaps(officer: Officer, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked for one order it answers with another one that is whole: not signed."""
    for partition in ("cash", "hall"):
        officer.types("disarm", SITE, partition, "--json")
    first, second = (json.loads(line)["id"] for line in capsys.readouterr().out.splitlines())

    def lie(told: dict[str, Any]) -> None:
        rewritten(told, id=second)
        told["id"] = second

    officer.tampered.lie = lie
    assert officer.types("approve", first, "--key", str(officer.key_file("li")), who="li") == 1
    officer.tampered.lie = None
    assert "another order" in capsys.readouterr().err


def test_a_key_that_the_roster_does_not_hold(officer: Officer, capsys: pytest.CaptureFixture[str]) -> None:
    """wang's key may arm and not disarm: nothing is sent, and the sentence says what to look for."""
    assert officer.types("disarm", SITE, "hall", "--key", str(officer.key_file("wang")), "--no-wait") == 1
    assert "with a right to disarm" in capsys.readouterr().err
    assert officer.sent() == []


def test_orders_are_listed_shown_and_withdrawn(officer: Officer, capsys: pytest.CaptureFixture[str]) -> None:
    """As their own lines say them; a withdrawn one takes no approval."""
    assert officer.types("arm", SITE, "--stay") == 0
    assert officer.types("list", "--json") == 0
    out = capsys.readouterr().out
    (row,) = json.loads(out.splitlines()[-1])
    assert (row["action"], row["args"], row["state"]) == ("arm", {"partition": "site", "mode": "stay"}, "draft")
    assert officer.types("show", row["id"]) == 0
    told = capsys.readouterr().out
    assert "Arm the whole site, staying: its interior zones stay off." in told
    assert f"Order: {row['id']}" in told
    assert officer.types("withdraw", row["id"]) == 0
    assert "withdrawn" in capsys.readouterr().out
    assert officer.types("approve", row["id"], "--key", str(officer.key_file("zhao"))) == 1
    assert "takes no approvals any more" in capsys.readouterr().err


def test_what_the_centre_refuses_is_told_in_its_words(officer: Officer, capsys: pytest.CaptureFixture[str]) -> None:
    """What there is none of is an input that is wrong; what may not be asked is a no; a dead centre is not reached."""
    assert officer.types("disarm", SITE, "attic") == 2
    assert "no partition of this name" in capsys.readouterr().err
    assert officer.types("arm", SITE, "cash", who="qian") == 1
    assert "the centre says no" in capsys.readouterr().err
    assert officer.types("show", ID) == 2
    officer.served.stop()
    capsys.readouterr()
    assert officer.types("list") == 3
    assert "Connection refused" in capsys.readouterr().err
    officer.served.start()


def test_a_key_file_is_made_and_registered(
    officer: Officer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """keygen, then register: the desk's list has the fingerprint that both commands told."""
    secret = officer.folder / "secret"
    secret.write_text("tidal-lantern-orchid\n")
    monkeypatch.setenv("BRANCHWATCH_KEY_PASSPHRASE_FILE", str(secret))
    path = officer.folder / "new.pem"

    assert branchwatch.main(["order", "keygen", str(path), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    assert officer.types("register", "--key", str(path), "--name", "blue", "--json") == 0
    assert json.loads(capsys.readouterr().out)["fingerprint"] == made["fingerprint"]
    with officer.world.centre.store.read() as reading:
        from collector.registering import registrations_of

        (kept,) = registrations_of(reading)
    assert (kept.person, kept.kind, kept.public_key) == ("zhao", "key_file", made["public_key"])


def test_a_request_needs_no_key(officer: Officer, capsys: pytest.CaptureFixture[str]) -> None:
    """`branchwatch request announce` and `health` ask at once."""

    token = officer.folder / "token"
    token.write_text("token-zhao")
    access = ["--console", officer.served.address, "--token-file", str(token), "--json", "--no-wait"]
    assert branchwatch.main(["request", "announce", SITE, "leave", *access]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "sent"
    assert branchwatch.main(["request", "health", SITE, *access]) == 0
    assert branchwatch.main(["request", "announce", SITE, "dance", *access]) == 2
    assert len(officer.world.outgoing.take()) == 2


def test_ctrl_c_ends_a_page_that_nobody_opens(
    officer: Officer, process: StartProcess, eventually_blocking: EventuallyBlocking, free_port: Callable[[], int]
) -> None:
    """Exit code 130, no traceback, nothing signed."""
    port = free_port()
    token = officer.folder / "token"
    token.write_text("token-zhao")
    command = [sys.executable, "-m", "branchwatch", "order", "arm", SITE, "cash", "--page", "--port", str(port)]
    child = process([*command, "--console", officer.served.address, "--token-file", str(token)])
    eventually_blocking(lambda: f"http://localhost:{port}/" in child.output(), what="the page is served")
    child.send(signal.SIGINT)
    assert child.wait() == 130, child.tail()
    assert "Traceback" not in child.output()
    assert officer.sent() == []
