"""`provision code`: typed unseen or from standard input, hashed, entered where only its owner reads it."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from protocol.codes import read_secret
from provisioning.bundles.secrets_file import read_secrets
from tests.codes import CODE, DURESS, OTHER
from tests.integration.test_provision_secrets import BRANCHWATCH, ROOT, _read_until

ENGLISH = {**os.environ, "LC_ALL": "C"}


def code(*words: str | Path, typed: str) -> subprocess.CompletedProcess[str]:
    """`provision code` with this on standard input, and no terminal."""
    return subprocess.run(
        [*BRANCHWATCH, "code", *words],
        cwd=ROOT,
        input=typed,
        capture_output=True,
        text=True,
        start_new_session=True,
        env=ENGLISH,
        timeout=60,
    )


def fits(text: str, *codes: str) -> bool:
    """Whether a secret's text holds the hashes of exactly these codes."""
    hashes = [word for word in read_secret(text) if word]
    return len(hashes) == len(codes) and all(PasswordHasher().verify(*pair) for pair in zip(hashes, codes, strict=True))


def test_a_code_is_entered_in_the_file_of_secrets(tmp_path: Path) -> None:
    """Made 0600 if need be; what stands there stays, comments too; a site's own stands at the site."""
    file = tmp_path / "secrets.toml"
    done = code("li-na", "--out", file, typed=f"{CODE}\n{DURESS}\n")
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert 'secret = { secret = "code-li-na" }' in done.stdout
    file.write_text(f'# of the bank\n[secrets]\ncameras = "x"  # old\n{file.read_text().removeprefix("[secrets]")}')
    assert code("li-na", "--out", file, "--site", "0755-031", typed=f"{OTHER}\n").returncode == 0
    text = file.read_text()
    assert text.startswith('# of the bank\n[secrets]\ncameras = "x"  # old\n')
    secrets = read_secrets(file)
    assert fits((secrets.secret("0755-001", "code-li-na") or b"").decode(), CODE, DURESS)
    assert fits((secrets.secret("0755-031", "code-li-na") or b"").decode(), OTHER)
    for shown in (text, done.stdout, done.stderr):
        assert not any(each in shown for each in (CODE, DURESS, OTHER))


def test_without_a_file_it_prints_the_line() -> None:
    """What is printed is TOML, and holds the code's hash alone."""
    done = code("wang-wei", "--name", "night", typed=f"{CODE}\n")
    assert done.returncode == 0
    assert fits(tomllib.loads(done.stdout)["secrets"]["night"], CODE)


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", "a code has 6 to 12 digits"),
        ("48291\n", "a code has 6 to 12 digits"),
        ("1234567890123\n", "a code has 6 to 12 digits"),
        ("999999\n", "one of the first that anybody tries"),
        ("123456\n", "one of the first that anybody tries"),
        (f"{CODE}\n{CODE}\n", "the duress code is the code itself"),
        (f"{CODE}\n111111\n", "one of the first that anybody tries"),
        (f"{CODE}\n77\n", "a code has 6 to 12 digits"),
        ("x" * 9000, "a code has 6 to 12 digits"),
    ],
)
def test_what_will_not_do_makes_nothing(tmp_path: Path, typed: str, fault: str) -> None:
    """One sentence with the next step, exit code 2, no file, and no word of what was typed."""
    file = tmp_path / "secrets.toml"
    done = code("li-na", "--out", file, typed=typed)
    assert (done.returncode, done.stdout) == (2, "")
    assert fault in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not file.exists()
    assert not any(word in done.stderr for word in typed.split())


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_file_that_others_can_read_is_left_alone(tmp_path: Path, mode: int) -> None:
    """What others saw must be changed first; nothing is added to it."""
    file = tmp_path / "secrets.toml"
    file.write_text('[secrets]\ncameras = "x"\n')
    file.chmod(mode)
    done = code("li-na", "--out", file, typed=f"{CODE}\n")
    assert done.returncode == 2
    assert "chmod 600" in done.stderr
    assert file.read_text() == '[secrets]\ncameras = "x"\n'


def test_at_a_terminal_it_is_typed_twice_and_unseen(tmp_path: Path) -> None:
    """The code and its duress code, each a second time; the terminal shows neither."""
    file = tmp_path / "secrets.toml"
    words = [*BRANCHWATCH, "code", "li-na", "--out", str(file)]
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child is another program at once
        os.chdir(ROOT)
        os.execve(sys.executable, [str(word) for word in words], ENGLISH)  # noqa: S606
    try:
        shown = b""
        for prompt, answer in (
            (b"New code: ", CODE),
            (b"again: ", CODE),
            (b"for none): ", DURESS),
            (b"again: ", DURESS),
        ):
            shown += _read_until(terminal, prompt)
            os.write(terminal, f"{answer}\n".encode())
        shown += _read_until(terminal, b"[[code]]")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert CODE.encode() not in shown
    assert DURESS.encode() not in shown
    assert fits((read_secrets(file).secret("0755-031", "code-li-na") or b"").decode(), CODE, DURESS)
