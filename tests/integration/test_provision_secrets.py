"""The real `branchwatch provision` on disks and terminals: no secret is seen, no full disk leaves half of anything."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from provisioning import command
from provisioning.keeping import load_authority
from provisioning.record_file import RECORD
from tests.conftest import EventuallyBlocking

ROOT = Path(__file__).resolve().parents[2]
BRANCHWATCH = [sys.executable, "-m", "branchwatch", "provision"]
PHRASE = "tidal-lantern-orchid-seven"
TIMEOUT_S = 30


class Watched:
    """One command with its passphrase on a pipe, whose process list entries are read all the time it lives."""

    def __init__(self, words: list[str], folder: Path, debug: bool) -> None:
        reading, self._pipe = os.pipe()
        environment = {**os.environ, "LC_ALL": "C", "XDG_STATE_HOME": str(folder / "log")}
        if debug:
            environment["BRANCHWATCH_DEBUG"] = "1"
        self._output = folder / "output.txt"
        with self._output.open("ab") as output:
            self.child = subprocess.Popen(
                [*BRANCHWATCH, *words, "--passphrase-fd", str(reading)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[reading],
                env=environment,
            )
        os.close(reading)
        self.seen = b""
        self.looks = 0

    def look(self) -> bool:
        """Read what any process of this user may read of the command and its children; whether it has ended."""
        family = [self.child.pid]
        with suppress(psutil.Error):
            family += [each.pid for each in psutil.Process(self.child.pid).children(recursive=True)]
        for pid in family:
            for name in ("cmdline", "environ", "comm"):
                with suppress(OSError):
                    self.seen += Path(f"/proc/{pid}/{name}").read_bytes()
                    self.looks += 1
        return self.child.poll() is not None

    def give(self, passphrase: str) -> None:
        """Type it into the pipe."""
        os.write(self._pipe, f"{passphrase}\n".encode())
        os.close(self._pipe)


def key_lines(folder: Path) -> set[str]:
    """The lines of every private key below `folder`, without their frames."""
    return {
        line
        for path in folder.rglob("*.key")
        for line in path.read_text().splitlines()
        if not line.startswith("-----") and len(line) > 20
    }


def test_no_key_and_no_passphrase_is_ever_seen(tmp_path: Path, eventually_blocking: EventuallyBlocking) -> None:
    """Neither in process lists while a command runs, nor in what it says, nor in logs, tracebacks and the record.

    With right and wrong passphrases, damaged keys, and with tracebacks asked for.
    """
    ca, kit = tmp_path / "ca", tmp_path / "kit"
    seen = b""

    def run(words: list[str], code: int, passphrase: str = PHRASE, debug: bool = False) -> None:
        nonlocal seen
        watched = Watched([*words, "--dir", str(ca)], tmp_path, debug)
        watched.look()  # it waits for the pipe
        watched.give(passphrase)
        eventually_blocking(watched.look, timeout_s=TIMEOUT_S, what="the command ends")
        assert watched.child.returncode == code, (tmp_path / "output.txt").read_text()
        assert watched.looks > 3
        seen += watched.seen

    issue = ["issue", "collector", "centre-1", "--out", str(kit)]
    run(["authority", "new"], 0)
    run(issue, 0)
    run(["crl"], 2, passphrase="wrong-lantern-orchid-seven")
    whole = (ca / "centre.key").read_text()
    (ca / "centre.key").write_text(whole[:120] + "!" + whole[121:])
    run(["crl"], 2, debug=True)
    (ca / "centre.key").write_text(whole)
    (ca / "centre.crl").write_bytes(b"\xff" * 100)
    run(["crl"], 2, debug=True)
    shown = seen + b"".join(path.read_bytes() for path in (tmp_path / "output.txt", ca / RECORD))
    shown += b"".join(path.read_bytes() for path in tmp_path.rglob("errors.log"))
    text = shown.decode(errors="replace")
    assert "provision" in text  # the looks saw something
    secrets = key_lines(ca) | key_lines(kit) | {PHRASE, "wrong-lantern-orchid-seven"}
    assert len(secrets) > 10
    assert [secret for secret in secrets if secret in text] == []


def test_the_passphrase_is_typed_unseen(tmp_path: Path) -> None:
    """At a terminal it is asked for twice, and the terminal shows none of it."""
    words = [*BRANCHWATCH, "authority", "new", "--dir", str(tmp_path / "ca")]
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child is another program at once
        os.chdir(ROOT)
        os.execve(sys.executable, words, {**os.environ, "LC_ALL": "C"})  # noqa: S606
    try:
        shown = _read_until(terminal, b"New passphrase: ")
        os.write(terminal, f"{PHRASE}\n".encode())
        shown += _read_until(terminal, b"again: ")
        os.write(terminal, f"{PHRASE}\n".encode())
        shown += _read_until(terminal, b"offline")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert PHRASE.encode() not in shown
    root = load_authority(tmp_path / "ca", PHRASE.encode).root
    assert root.private_key.public_key() == root.certificate.public_key()


def test_without_a_terminal_it_says_what_to_do(tmp_path: Path) -> None:
    """In a job without a terminal nothing is read from standard input: one sentence names the option."""
    done = subprocess.run(
        [*BRANCHWATCH, "authority", "new", "--dir", tmp_path / "ca"],
        cwd=ROOT,
        input=f"{PHRASE}\n{PHRASE}\n",
        capture_output=True,
        text=True,
        start_new_session=True,
        env={**os.environ, "LC_ALL": "C"},
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 2
    assert "--passphrase-fd" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "ca").exists()


@pytest.mark.parametrize("left", [0, 4096, 64 * 1024])
def test_a_full_disk_changes_nothing(small_disk: Path, left: int, capsys: pytest.CaptureFixture[str]) -> None:
    """With no room, or room for half of it: one sentence, exit code 2, every file as it was, none that is new."""
    ca, kit = small_disk / "ca", small_disk / "kit"
    assert command.main(["authority", "new", "--no-passphrase", "--dir", str(ca)]) == 0
    assert command.main(["issue", "box", "0755-031-a", "--dir", str(ca), "--out", str(kit)]) == 0
    (small_disk / "hog").write_bytes(b"")
    room = os.statvfs(small_disk)
    (small_disk / "hog").write_bytes(b"x" * (room.f_bavail * room.f_frsize - left))
    before = {path: path.read_bytes() for path in small_disk.rglob("*") if path.is_file()}
    capsys.readouterr()
    words = {
        "issue": ["issue", "box", "0755-032-a", "--dir", str(ca), "--out", str(kit)],
        "renew": ["renew", str(kit / "0755-031-a.pem"), "--dir", str(ca), "--out", str(kit)],
        "revoke": ["revoke", "0755-031-a", "--dir", str(ca)],
        "crl": ["crl", "--dir", str(ca)],
    }
    if left < 16 * 1024:  # a whole authority is small
        words["new"] = ["authority", "new", "--no-passphrase", "--dir", str(small_disk / "second")]
    for each in words.values():
        assert command.main(each) == 2, each
        assert len(capsys.readouterr().err.splitlines()) == 1, each
    assert {path: path.read_bytes() for path in small_disk.rglob("*") if path.is_file()} == before


def _read_until(terminal: int, last: bytes) -> bytes:
    shown = b""
    while last not in shown:
        ready, _, _ = select.select([terminal], [], [], TIMEOUT_S)
        assert ready, shown
        shown += os.read(terminal, 1024)
    return shown
