"""The real `provision build` and `sign`: no secret and no passphrase is seen anywhere, no full disk leaves a half."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from protocol.key_lock import lock_key
from provisioning import command
from tests.conftest import EventuallyBlocking
from tests.offline import Offline

ROOT = Path(__file__).resolve().parents[2]
BRANCHWATCH = [sys.executable, "-m", "branchwatch", "provision"]
BOX = "0755-031-a"
PHRASES = {"bureau-1": "tidal-lantern-orchid-seven", "bureau-2": "copper-meadow-violin-nine"}
SECRET = "Cobalt-Heron-Quartz-41"
TIMEOUT_S = 30


@pytest.fixture
def offline(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Offline:
    """An enrolled box, a secret for it, and two keys, each under its own passphrase."""
    offline = Offline(tmp_path, capsys, monkeypatch)
    for name, phrase in PHRASES.items():
        path = offline.key_file(name)
        private = load_pem_private_key(path.read_bytes(), None)
        path.write_bytes(lock_key(private, phrase.encode(), os.urandom))  # type: ignore[arg-type]
    offline.enrol(BOX)
    offline.write_secrets(f'[secrets]\ncameras = "{SECRET}"\n')
    return offline


def _run(
    offline: Offline, words: list[object], phrases: list[str], eventually: EventuallyBlocking, *, debug: bool = False
) -> tuple[int, bytes]:
    """Exit code of the real command, and all that anybody could see of it: output, process list, logs."""
    pipes = [os.pipe() for _ in phrases]
    output = offline.folder / "output.txt"
    environment = {**os.environ, "LC_ALL": "C", "XDG_STATE_HOME": str(offline.folder / "log")}
    if debug:
        environment["BRANCHWATCH_DEBUG"] = "1"
    descriptors = [part for reading, _ in pipes for part in ("--passphrase-fd", str(reading))]
    with output.open("wb") as stream:
        child = subprocess.Popen(
            [*BRANCHWATCH, *map(str, words), *descriptors],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            pass_fds=[reading for reading, _ in pipes],
            env=environment,
        )
    seen = b""

    def look() -> bool:
        nonlocal seen
        family = [child.pid]
        with suppress(psutil.Error):
            family += [each.pid for each in psutil.Process(child.pid).children(recursive=True)]
        for pid in family:
            for name in ("cmdline", "environ", "comm"):
                with suppress(OSError):
                    seen += Path(f"/proc/{pid}/{name}").read_bytes()
        return child.poll() is not None

    look()  # it waits for a passphrase
    for (reading, writing), phrase in zip(pipes, phrases, strict=True):
        os.close(reading)
        os.write(writing, f"{phrase}\n".encode())
        os.close(writing)
    eventually(look, timeout_s=TIMEOUT_S, what="the command ends")
    assert b"provision" in seen  # the looks saw something
    logs = b"".join(path.read_bytes() for path in offline.folder.rglob("errors.log"))
    return child.returncode, seen + output.read_bytes() + logs


def test_no_secret_and_no_passphrase_is_ever_seen(offline: Offline, eventually_blocking: EventuallyBlocking) -> None:
    """Not in process lists, output, logs, tracebacks or any file that is written, with right and wrong input.

    Two keys with a passphrase each; a wrong one, a damaged key, a secret that is missing.
    """
    kept = {offline.secrets, *(offline.key_file(name) for name in PHRASES)}
    build: list[object] = ["build", "--inventory", offline.bank, "--out", offline.bundles, "--secrets", offline.secrets]
    keys = [part for name in PHRASES for part in ("--key", offline.key_file(name))]
    right = list(PHRASES.values())
    seen = b""

    def run(words: list[object], phrases: list[str], code: int, *, debug: bool = False) -> None:
        nonlocal seen
        ended, shown = _run(offline, words, phrases, eventually_blocking, debug=debug)
        assert ended == code, shown.decode(errors="replace")
        seen += shown

    wrong = "wrong-lantern-orchid-seven"
    before = offline.files("output.txt", "errors.log")
    run([*build, *keys], [right[0], wrong], 2)
    run([*build, *keys], [wrong, right[1]], 2, debug=True)
    assert offline.files("output.txt", "errors.log") == before
    run([*build, *keys[:2]], right[:1], 0)
    waiting = offline.bundles / "waiting" / f"{BOX}.json"
    run(["sign", waiting, *keys[2:], "--yes"], [wrong], 2)
    run(["sign", waiting, *keys[2:], "--yes"], right[1:], 0)
    assert offline.given().sealed.keys() == {"cameras"}
    run(["show", offline.bundles / f"{BOX}.json"], [], 0)
    offline.write_secrets(f'[secrets]\nothers = "{SECRET}"\n')
    run([*build, *keys], right, 2, debug=True)

    written = b"".join(path.read_bytes() for path in offline.folder.rglob("*") if path.is_file() and path not in kept)
    everything = (seen + written).decode(errors="replace")
    hidden = {SECRET, wrong, *right, b64encode(SECRET.encode()).decode(), SECRET.encode().hex()}
    assert [each for each in hidden if each in everything] == []
    lines = {
        line
        for path in kept - {offline.secrets}
        for line in path.read_text().splitlines()
        if not line.startswith("-----")
    }
    assert len(lines) > 4
    assert [line for line in lines if line in everything] == []


def test_the_file_of_marks_is_its_owners_alone(offline: Offline, eventually_blocking: EventuallyBlocking) -> None:
    """What is remembered of sealed secrets has mode 0600 and holds none of them."""
    words = ["build", "--inventory", offline.bank, "--out", offline.bundles, "--secrets", offline.secrets]
    keys = [part for name in PHRASES for part in ("--key", offline.key_file(name))]
    code, shown = _run(offline, [*words, *keys], list(PHRASES.values()), eventually_blocking)
    assert code == 0, shown
    marks = offline.secrets.with_name("secrets.toml.sealed")
    assert marks.stat().st_mode & 0o777 == 0o600
    assert SECRET.encode() not in marks.read_bytes()


@pytest.mark.parametrize("left", [0, 4096, 16 * 1024])
def test_a_full_disk_changes_nothing(
    small_disk: Path, left: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no room, or room for some of a batch: one sentence, exit code 2, every file as it was."""
    offline = Offline(small_disk, capsys, monkeypatch)
    for number in range(2, 9):
        offline.write_site(f"0755-03{number}", number)
    assert offline.build("0755-031").code == 0
    offline.write_site("0755-031", 31, "网点", "支行")
    offline.enrolled(BOX)
    (small_disk / "hog").write_bytes(b"")
    room = os.statvfs(small_disk)
    (small_disk / "hog").write_bytes(b"x" * (room.f_bavail * room.f_frsize - left))
    before = offline.files()
    said = offline.build()
    assert (said.code, len(said.err.splitlines()), "nothing was changed" in said.err) == (2, 1, True), said.err
    assert offline.files() == before
    if left == 0:
        said = offline.accept(typed="y\n")
        assert (said.code, "cannot be written" in said.err) == (2, True)
        assert offline.files() == before
    assert command.main(["show", str(offline.bundles / f"{BOX}.json")]) == 0
