"""Keys, secrets and codes of enrolment: in no log, no process list, no backtrace, whatever goes wrong."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from base64 import b32encode, b64encode
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from protocol.enrolment_code import grouped, read_invitation
from protocol.envelope import encode_base64url
from tests.conftest import EventuallyBlocking, StartProcess
from tests.enrolment_servers import BOX, BRANCHWATCH, ROOT, SITE, Enrolling

TIMEOUT_S = 30


@pytest.fixture
def bank(
    tmp_path: Path, free_port: Callable[[], int], process: StartProcess, eventually_blocking: EventuallyBlocking
) -> Enrolling:
    """A running enrolment that shows its backtraces."""
    made = Enrolling(tmp_path, free_port(), process, eventually_blocking).make()
    made.env |= {"BRANCHWATCH_DEBUG": "1", "XDG_STATE_HOME": str(tmp_path / "log")}
    made.serve()
    return made


class Watched:
    """One command whose process list entries are read all the time it lives, with those of the server."""

    def __init__(self, bank: Enrolling, words: list[str | Path], stdin: str = "") -> None:
        self.output = bank.folder / "output.txt"
        assert bank.server is not None
        self._server = bank.server.pid
        with self.output.open("ab") as output:
            self.child = subprocess.Popen(
                [*BRANCHWATCH, *words],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, **bank.env},
            )
        assert self.child.stdin is not None
        self.seen = b""
        self.looks = 0
        self.look()
        with suppress(BrokenPipeError):
            self.child.stdin.write(stdin.encode())
        with suppress(BrokenPipeError):
            self.child.stdin.close()

    def look(self) -> bool:
        """Read what any process of this user may read of the command and the server; whether it has ended."""
        family = [self.child.pid, self._server]
        with suppress(psutil.Error):
            family += [each.pid for each in psutil.Process(self.child.pid).children(recursive=True)]
        for pid in family:
            for name in ("cmdline", "environ", "comm"):
                with suppress(OSError):
                    self.seen += Path(f"/proc/{pid}/{name}").read_bytes()
                    self.looks += 1
        return self.child.poll() is not None


def forms_of(link: str) -> set[str]:
    """Every way in which a code's secret might be written."""
    secret, text = read_invitation(link).code.secret, link.strip().rpartition("code=")[2]
    return {
        text,
        text.lower(),
        " ".join(grouped(text)),
        text[1:19],  # the secret's own letters
        secret.hex(),
        repr(secret)[2:-1],
        encode_base64url(secret).decode(),
        b64encode(secret).decode(),
        b32encode(secret).decode(),
    }


def key_lines(*folders: Path) -> set[str]:
    """The lines of every private key below the folders, without their frames."""
    return {
        line
        for folder in folders
        for path in folder.rglob("*.key")
        for line in path.read_text().splitlines()
        if not line.startswith("-----") and len(line) > 20
    }


def test_no_key_and_no_code_is_ever_seen(bank: Enrolling, eventually_blocking: EventuallyBlocking) -> None:
    """Enrolments, refusals, renewals, a damaged key, a broken store and record, with backtraces asked for."""
    seen, forms = b"", set[str]()

    def run(words: list[str | Path], code: int, stdin: str = "") -> None:
        nonlocal seen
        watched = Watched(bank, ["agent", *words], stdin)
        eventually_blocking(watched.look, timeout_s=TIMEOUT_S, what="the command ends")
        assert watched.child.returncode == code, watched.output.read_text()[-2000:]
        assert watched.looks > 4
        seen += watched.seen

    def link(*more: str, site: str = SITE, box: str = BOX) -> str:
        text = bank.token(site, *more, box=box).read_text()
        forms.update(forms_of(text))
        return text

    def enrol(text: str, code: int, state: str = "state", site: str = SITE, box: str = BOX) -> None:
        kit = bank.kit(site, box)
        run(["enrol", "--code-file", "-", "--kit", kit, "--state", bank.state(state)], code, text)

    first = link()
    enrol(first, 0)
    enrol(first, 1, state="thief")  # used
    slip = first[:-3] + ("A" if first[-3] != "A" else "C") + first[-2:]
    enrol(slip, 2, state="thief")
    enrol(first.replace("branchwatch:", "branchwotch:"), 2, state="thief")
    run(["renew", "--now", "--state", bank.state(), "--at", bank.at], 0)
    signing = bank.state() / "identity" / "signing.key"
    whole = signing.read_text()
    signing.write_text(whole[:100] + "!" + whole[101:])
    run(["renew", "--now", "--state", bank.state(), "--at", bank.at], 2)
    run(["run", "--state", bank.state()], 2)
    signing.write_text(whole)
    other = link(site="0755-032", box="0755-032-a")
    with closing(sqlite3.connect(bank.enrol / "codes.sqlite", isolation_level=None)) as store:
        store.execute("ALTER TABLE codes RENAME TO sedoc")
        enrol(other, 3, state="other", site="0755-032", box="0755-032-a")
        store.execute("ALTER TABLE sedoc RENAME TO codes")
    record = bank.enrol / "record.ndjson"
    kept = record.read_bytes()
    record.write_bytes(kept[:-20] + b"\n")
    enrol(other, 3, state="other", site="0755-032", box="0755-032-a")
    record.write_bytes(kept)
    enrol(other, 0, state="other", site="0755-032", box="0755-032-a")
    assert bank.server is not None
    bank.server.stop()

    said = (bank.folder / "output.txt").read_bytes() + bank.server.output().encode() + record.read_bytes()
    said += b"".join(path.read_bytes() for path in (bank.folder / "log").rglob("*") if path.is_file())
    text = (seen + said).decode(errors="replace")
    assert "/v1/enrol" in text
    assert "provision" in text
    secrets = key_lines(bank.ca, bank.enrol, bank.state(), bank.state("other"), bank.state("thief")) | forms
    assert len(secrets) > 20
    assert [secret for secret in secrets if secret in text] == []


def test_a_code_on_the_command_line_is_said_to_be_seen(bank: Enrolling) -> None:
    """It works, because a person may want it so; the help says what it means."""
    code = bank.token().read_text().strip().rpartition("code=")[2]
    done = bank.agent("enrol", "--code", code, "--kit", bank.kit(), "--state", bank.state())
    assert done.returncode == 0
    assert code not in done.stdout + done.stderr
    assert "can be read by every user of this machine" in bank.agent("enrol", "--help").stdout.replace("\n", " ")
