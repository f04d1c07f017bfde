"""No account is locked by us: refusals are counted for all who use an account, kept across restarts, and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest

from agent.detectors import login
from agent.findings import Finding, Phase
from agent.logins import Login, Logins, accounts_of, host_of, read_login
from agent.secrets import Secrets
from agent.signals import Moment
from protocol.site.schema import Camera, Recorder, SecretName, Site
from tests.clock import Clock
from tests.logins import PlainKey, logins_of, site_of


def moment(clock: Clock) -> Moment:
    """Now, on both clocks."""
    return Moment(wall=clock.now(), mono_ms=clock.mono_ms())


def site() -> Site:
    """Two cameras and a recorder at one host with one login, and a camera elsewhere."""
    nvr = SecretName(secret="nvr")
    return site_of(
        cameras=(
            Camera(id="01", address="192.0.2.4:8001", login=nvr),
            Camera(id="02", address="192.0.2.4:8002", login=nvr),
            Camera(id="03", address="rtsp://192.0.2.9/s2", login=nvr, protocol="rtsp"),
        ),
        recorders=(Recorder(id="nvr1", address="192.0.2.4", login=nvr),),
    )


def logins(clock: Clock, saved: bytes = b"", text: str = "admin:x") -> Logins:
    """The logins of that site."""
    return logins_of(site(), {"nvr": text}, lambda: moment(clock), saved)


@pytest.mark.parametrize(("times", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (6, 60), (500, 60)])
def test_waits_double_to_an_hour(times: int, minutes: int) -> None:
    """401 is tried again after 5, 10, 20, 40 minutes and then hourly (docs/eyes.md 4)."""
    assert login.wait_after(times) == timedelta(minutes=minutes)


def test_a_day_of_a_wrong_password_stays_below_any_lock(clock: Clock) -> None:
    """Five bad logins within half an hour lock some devices: we make at most four in it, and 27 in a whole day."""
    ledger: Mapping[str, login.Refused] = {}
    tried = []
    for _ in range(24 * 60):
        if login.may_try(ledger, "a", "", moment(clock)):
            tried.append(clock.now())
            ledger = login.refused(ledger, "a", "", moment(clock))
        clock.advance(timedelta(minutes=1))
    windows = [sum(begin <= at < begin + timedelta(minutes=30) for at in tried) for begin in tried]
    assert max(windows) <= 3
    assert len(tried) <= 27


def test_refusals_that_come_together_count_once(clock: Clock) -> None:
    """An eye and the asker that were refused in the same minute make one step of the wait, not two."""
    ledger = login.refused({}, "a", "", moment(clock))
    clock.advance(timedelta(seconds=20))
    assert login.refused(ledger, "a", "", moment(clock))["a"].times == 1


def test_a_secret_sealed_anew_is_tried_at_once_but_not_for_ever(clock: Clock) -> None:
    """Whoever corrects the password does not wait an hour; a bundle that is built again and again gains nothing."""
    ledger: Mapping[str, login.Refused] = {}
    for number in range(len(login.WAITS)):
        assert login.may_try(ledger, "a", f"seal{number}", moment(clock))
        ledger = login.refused(ledger, "a", f"seal{number}", moment(clock))
        assert not login.may_try(ledger, "a", f"seal{number}", moment(clock))
        clock.advance(timedelta(minutes=2))
    assert not login.may_try(ledger, "a", "another", moment(clock))


def test_a_ledger_does_not_grow_for_ever(clock: Clock) -> None:
    """Addresses that come and go leave the latest refusals only."""
    ledger: Mapping[str, login.Refused] = {}
    for number in range(login.MAX_ACCOUNTS + 50):
        clock.advance(timedelta(seconds=1))
        ledger = login.refused(ledger, f"host{number} a", "", moment(clock))
    assert len(ledger) == login.MAX_ACCOUNTS
    assert "host0 a" not in ledger


def test_one_account_is_one_login_at_one_host() -> None:
    """Ports and protocols of one device share its account; the same login elsewhere is another."""
    accounts = {account.points for account in accounts_of(site())}
    assert accounts == {("camera/01", "camera/02", "device/nvr1"), ("camera/03",)}


def test_while_one_tries_the_others_wait(clock: Clock) -> None:
    """Sixteen channels of one recorder with a wrong password cost one bad login, not sixteen."""
    held = logins(clock)
    assert held.ask("camera/01")[0] == Login("admin", "x")
    assert held.ask("camera/02")[0] is None
    assert held.ask("camera/03")[0] is not None, "another account"
    held.refused("camera/01")
    found, wait = held.ask("device/nvr1")
    assert found is None
    assert wait == timedelta(minutes=5)
    assert held.standing("camera/02") == "login_refused"


def test_once_it_is_taken_all_may(clock: Clock) -> None:
    """After the first success nobody waits for anybody."""
    held = logins(clock)
    held.ask("camera/01")
    held.accepted("camera/01")
    assert all(held.ask(point)[0] for point in ("camera/01", "camera/02", "device/nvr1"))


def test_a_device_that_is_away_does_not_keep_the_others_waiting(clock: Clock) -> None:
    """A try that reached nobody is given back; one that is never answered is over after a minute."""
    held = logins(clock)
    held.ask("camera/01")
    held.given_up("camera/01")
    assert held.ask("camera/02")[0] is not None
    assert held.ask("camera/01")[0] is None
    clock.advance(login.ANSWER)
    assert held.ask("camera/01")[0] is not None


async def test_a_restart_is_no_way_around_the_wait(clock: Clock) -> None:
    """What was refused is stored with its event, and the next run waits out the same time."""
    stored: dict[str, bytes] = {}
    told: list[Finding] = []
    written = asyncio.Event()

    async def keep(found: tuple[Finding, ...], remember: Mapping[str, bytes]) -> None:
        told.extend(found)
        stored.update(remember)
        written.set()

    held = logins(clock)
    held.refused("camera/01")
    running = asyncio.create_task(held.run(keep))
    await written.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert {(each.kind, each.source, each.phase) for each in told} == {
        ("device.login_refused", point, Phase.RAISED) for point in ("camera/01", "camera/02", "device/nvr1")
    }
    clock.advance(timedelta(minutes=4))
    again = logins(clock, stored["logins"])
    assert again.ask("camera/01")[0] is None
    clock.advance(timedelta(minutes=1))
    assert again.ask("camera/01")[0] is not None
    again.accepted("camera/01")
    assert again.standing("camera/01") == ""


async def test_who_waits_is_woken_by_the_outcome(clock: Clock) -> None:
    """The others go on as soon as the first was let in, not after a poll."""
    held = logins(clock)
    held.ask("camera/01")
    waiting = asyncio.create_task(held.ready("camera/02"))
    await asyncio.sleep(0)
    assert not waiting.done()
    held.accepted("camera/01")
    assert await asyncio.wait_for(waiting, 5) == Login("admin", "x")


@pytest.mark.parametrize("saved", [b"", b"null", b"[1]", b"{", b'{"a": 7}', b"\xff"])
def test_a_ledger_that_cannot_be_read_is_an_empty_one(saved: bytes, clock: Clock) -> None:
    """A spoilt memory stops nobody from watching."""
    assert logins(clock, saved).ask("camera/01")[0] is not None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("admin:x", ("admin", "x")),
        ("admin:a:b ", ("admin", "a:b ")),
        ("admin:\n", ("admin", "")),
        ("管理员:密码", ("管理员", "密码")),
        ("admin", None),
        (":x", None),
        ("a\x00b:c", None),
        ("a:" + "x" * 300, None),
    ],
)
def test_a_login_is_user_colon_password(text: str, read: tuple[str, str] | None) -> None:
    """What is no `user:password` is an unusable secret, never half a login."""
    assert read_login(text) == (Login(*read) if read else None)


def test_a_secret_that_is_pending_or_unusable_is_said_so(clock: Clock) -> None:
    """A device that waits for its password is not the same as one whose password is wrong."""
    pending = Logins(
        site(), Secrets("b", {}, frozenset({"nvr"}), PlainKey()), {}, lambda: moment(clock), same_boot=True
    )
    assert pending.standing("camera/01") == "secret_pending"
    assert logins(clock, text="no colon").standing("camera/01") == "secret_unusable"
    assert Logins(site(), None, {}, lambda: moment(clock), same_boot=True).standing("camera/01") == "secret_pending"


def test_no_password_is_shown() -> None:
    """A login in a log or an exception shows nothing."""
    assert "x" not in repr(Login("admin", "x")).replace("Login", "")


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("192.0.2.4", "192.0.2.4"),
        ("192.0.2.4:8000", "192.0.2.4"),
        ("[2001:db8::4]:80", "2001:db8::4"),
        ("rtsp://192.0.2.4:554/a/b", "192.0.2.4"),
        ("rtsp://nvr.local/a", "nvr.local"),
    ],
)
def test_the_host_of_every_kind_of_address(address: str, host: str) -> None:
    """An account is found again whichever way its device is written."""
    assert host_of(address) == host


def test_what_is_stored_is_readable_by_the_next_version(clock: Clock) -> None:
    """The ledger is plain JSON."""
    ledger = login.refused({}, "192.0.2.4 nvr", "s", moment(clock))
    assert msgspec.json.decode(msgspec.json.encode(ledger), type=dict[str, login.Refused]) == ledger
