"""The two machines of an enrolment as they are: a box without a clock, root at it, systemd and an inventory."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.identity import load_enrolled_identity
from protocol.enrolment_code import read_invitation
from provisioning import command
from provisioning.inventory.loading import load_inventory
from tests.conftest import EventuallyBlocking, StartProcess
from tests.enrolment_servers import BOX, SITE, Enrolling

WRONG_CLOCK = Path(__file__).parents[1] / "whole" / "wrong_clock.c"
TWENTY_YEARS_S = 20 * 365 * 86_400


@pytest.fixture
def bank(
    tmp_path: Path, free_port: Callable[[], int], process: StartProcess, eventually_blocking: EventuallyBlocking
) -> Enrolling:
    """An authority and its enrolment; the server is not started."""
    return Enrolling(tmp_path, free_port(), process, eventually_blocking).make()


@pytest.fixture
def wrong_clock(tmp_path: Path) -> Path:
    """What makes a process believe another time."""
    shim = tmp_path / "wrong_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, WRONG_CLOCK, "-ldl"], check=True, timeout=60)
    return shim


def enrolled_with(bank: Enrolling, shim: Path, wrong_by_s: int) -> subprocess.CompletedProcess[str]:
    """`agent enrol` under another clock."""
    return bank.agent(
        "enrol",
        "--code-file",
        bank.token(),
        "--kit",
        bank.kit(),
        "--state",
        bank.state(),
        env={"LD_PRELOAD": str(shim), "WRONG_BY_S": str(wrong_by_s)},
    )


def test_a_box_whose_clock_is_years_behind_enrols(bank: Enrolling, wrong_clock: Path) -> None:
    """FIELD-FAULTS row 13 at enrolment: out of its carton it believes 2006; the bank's own word on the time counts."""
    bank.serve()
    done = enrolled_with(bank, wrong_clock, -TWENTY_YEARS_S)
    assert done.returncode == 0, done.stderr
    identity = load_enrolled_identity(bank.state(), datetime.now(UTC))
    assert identity.not_before < datetime.now(UTC) < identity.not_after


def test_a_clock_that_is_ahead_is_told(bank: Enrolling, wrong_clock: Path) -> None:
    """It would take any ended certificate for valid otherwise; the sentence names what the clock reads."""
    bank.serve()
    done = enrolled_with(bank, wrong_clock, TWENTY_YEARS_S)
    assert done.returncode == 1
    assert "set the clock" in done.stderr
    assert bank.acts() == ["token"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_writes_belongs_to_the_agents_user(bank: Enrolling) -> None:
    """An installer types it as root; the agent's user reads its keys and replaces its certificate."""
    bank.serve()
    bank.state().mkdir(mode=0o700)
    os.chown(bank.state(), 12_345, 12_345)
    assert bank.ask(bank.token()).returncode == 0
    below = list(bank.state().rglob("*"))
    assert len(below) >= 6
    assert {(path.stat().st_uid, path.stat().st_gid) for path in below} == {(12_345, 12_345)}
    done = bank.agent("renew", "--now", "--state", bank.state(), "--at", bank.at)
    assert done.returncode == 0
    assert (bank.state() / "identity" / "box.pem").stat().st_uid == 12_345


def test_two_commands_do_not_write_at_once(bank: Enrolling) -> None:
    """The timer's renewal finds the installer at work: one sentence, nothing touched."""
    bank.serve()
    assert bank.ask(bank.token()).returncode == 0
    folder = os.open(bank.state() / "identity", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        done = bank.agent("renew", "--now", "--state", bank.state(), "--at", bank.at)
    finally:
        os.close(folder)
    assert done.returncode == 2
    assert "another command is at work" in done.stderr


def test_systemd_hears_readiness_life_and_end(bank: Enrolling, eventually_blocking: EventuallyBlocking) -> None:
    """READY=1 when boxes can come, WATCHDOG=1 while it lives, STOPPING=1 at the end, which is exit code 0."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(bank.folder / "n"))
        listener.setblocking(False)

        def hears(text: str) -> bool:
            try:
                while True:
                    heard.append(listener.recv(200).decode())
            except BlockingIOError:
                return any(line.startswith(text) for line in heard)

        server = bank.serve(env={"NOTIFY_SOCKET": str(bank.folder / "n"), "WATCHDOG_USEC": "400000"})
        eventually_blocking(lambda: hears("WATCHDOG=1"), 20.0, "it lives")
        assert heard[0].startswith("READY=1")
        assert server.stop() == 0
        assert hears("STOPPING=1")


def example(bank: Enrolling) -> Path:
    """The example inventory, and its enrolment where the server answers."""
    folder = bank.folder / "bank"
    bank.provision("inventory", "new", "--dir", str(folder))
    text = (folder / "bank.toml").read_text()
    (folder / "bank.toml").write_text(re.sub(r'(?m)^#? ?enrolment = ".*"', f'enrolment = "{bank.at}"', text))
    return folder


def test_a_code_for_a_site_of_the_inventory(bank: Enrolling, capsys: pytest.CaptureFixture[str]) -> None:
    """Site, box and address come from the files; `replace` gives the site its next box, which the next code is for."""
    folder = example(bank)
    (site,) = load_inventory(folder).sites.values()
    file = bank.folder / "code.txt"
    words = ["token", site.id, "--dir", str(bank.enrol), "--inventory", str(folder), "--kit-file", str(file)]
    bank.provision(*words)
    first = read_invitation(file.read_text())
    assert (first.site, first.box, first.at) == (site.id, site.box, bank.at)
    bank.serve()
    assert bank.ask(file, site=site.id, box=site.box).returncode == 0
    capsys.readouterr()
    bank.provision("replace", site.id, "--inventory", str(folder), "--dir", str(bank.enrol))
    told = capsys.readouterr().out
    new = load_inventory(folder).sites[site.id].box
    assert new == site.box[:-1] + "b"
    assert f"revoke {site.box}" in told
    bank.provision(*words)
    assert read_invitation(file.read_text()).box == new
    assert bank.ask(file, state="next", site=site.id, box=new).returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["token", SITE], 2, "where do boxes reach"),
        (["token", SITE, "--at", "nowhere"], 2, "--at"),
        (["token", SITE, "--at", "a:1", "--valid", "soon"], 2, "--valid"),
        (["token", SITE, "--at", "a:1", "--valid", "31d"], 1, "at most 30 days"),
        (["token", "Site_1", "--at", "a:1"], 1, "no id"),
        (["token", SITE, "--at", "a:1", "--qr", "x.gif"], 2, ".png or .svg"),
        (["token", SITE, "--at", "a:1", "--again"], 1, "never enrolled"),
        (["readmit", BOX, "--key", "nobody.key"], 1, "never enrolled"),
        (["serve", "--listen", "8443"], 2, "--listen"),
        (["replace", SITE, "--inventory", "nowhere"], 2, "nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    bank: Enrolling, capsys: pytest.CaptureFixture[str], words: list[str], code: int, sentence: str
) -> None:
    """With its exit code, and nothing in the record."""
    capsys.readouterr()
    assert command.main([*words, "--dir", str(bank.enrol)]) == code
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""
    assert bank.acts() == []


def test_a_folder_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An authority's folder is no enrolment, nor is an empty one; the next step is said."""
    assert command.main(["authority", "new", "--no-passphrase", "--dir", str(tmp_path / "ca")]) == 0
    for folder in (tmp_path / "ca", tmp_path / "nothing"):
        capsys.readouterr()
        assert command.main(["serve", "--dir", str(folder)]) == 2
        assert "branchwatch provision enrolment new" in capsys.readouterr().err
