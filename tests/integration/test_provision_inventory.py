"""A bank's administrator with the real command: an inventory from nothing to thirty outlets, and keys by voice."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from functools import partial
from pathlib import Path

from provisioning.inventory.folder import IMPORT
from provisioning.inventory.loading import load_inventory
from tests.conftest import EventuallyBlocking, StartProcess
from tests.inventories import public_key

ROOT = Path(__file__).resolve().parents[2]
BRANCHWATCH = [sys.executable, "-m", "branchwatch", "provision"]
TIMEOUT_S = 30


def provision(*words: str | Path, language: str = "C") -> subprocess.CompletedProcess[str]:
    """One command, as typed without a terminal."""
    return subprocess.run(
        [*BRANCHWATCH, *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": language},
        timeout=TIMEOUT_S,
    )


def outlets(count: int) -> str:
    """A table of new outlets."""
    rows = [f"0756-{number:03d},网点 {number},10.1.{number // 200}.{number % 200 + 1}" for number in range(count)]
    return "\n".join(["id,name,io1.address", *rows]) + "\n"


def test_an_administrator_writes_an_inventory(tmp_path: Path) -> None:
    """From the example: a slip is named by file and line, thirty outlets come by table, a machine can read it all."""
    bank, table = tmp_path / "bank", tmp_path / "outlets.csv"
    made = provision("inventory", "new", "--dir", bank, language="zh_CN.UTF-8")
    assert made.returncode == 0, made.stderr
    assert "示范银行" in (bank / "bank.toml").read_text(encoding="utf-8")
    sound = provision("check", "--inventory", bank)
    assert (sound.returncode, sound.stdout) == (
        0,
        f"{bank}: sound. Sites: 1; boxes enrolled: 0; people: 1; keys: 1.\n",
    )
    assert "Worth a look (1):" in sound.stderr
    before = (bank / "bank.toml").read_text(encoding="utf-8")
    again = provision("inventory", "new", "--dir", bank)
    assert (again.returncode, (bank / "bank.toml").read_text(encoding="utf-8")) == (2, before)

    template = bank / "templates" / "outlet.toml"
    right = template.read_text(encoding="utf-8")
    template.write_text(right.replace('"outer", "inner"', '"outer", "iner"'), encoding="utf-8")
    line = right[: right.index('"outer", "inner"')].count("\n") + 1
    wrong = provision("check", "--inventory", bank)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.splitlines()[0] == (
        f'{template}:{line}: [[interlock]] vestibule: door "iner" is not defined; did you mean "inner"? (site 0755-031)'
    )
    answer = json.loads(provision("check", "--json", "--inventory", bank, language="zh_CN.UTF-8").stdout)
    assert answer["sound"] is False
    assert [(fault["file"], fault["line"]) for fault in answer["faults"]] == [(str(template), line)]
    assert "是否应为" in answer["faults"][0]["message"]
    template.write_text(right, encoding="utf-8")

    table.write_text(outlets(30), encoding="gb18030")
    words = ("import", table, "--inventory", bank, "--template", "outlet")
    assert "30 new, 0 changed, 0 the same, 0 wrong." in provision(*words).stdout
    assert len(load_inventory(bank).sites) == 1
    table.write_text(outlets(30) + "0756-030,x,10.1.0.1\n", encoding="utf-8")
    refused = provision(*words, "--write")
    assert (refused.returncode, "Nothing was written" in refused.stderr) == (2, True)
    assert f"{table}:32: column C (io1.address)" in refused.stdout
    assert len(load_inventory(bank).sites) == 1
    table.write_text(outlets(30), encoding="utf-8-sig")
    assert provision(*words, "--write").returncode == 0
    answer = json.loads(provision("check", "--json", "--inventory", bank).stdout)
    assert (answer["sound"], answer["sites"], answer["people"], answer["keys"]) == (True, 31, 1, 1)


def test_keys_are_compared_by_voice_at_the_terminal(tmp_path: Path) -> None:
    """Each fingerprint is shown and asked about; yes enters the key, no and a bare return do not."""
    bank, desk = tmp_path / "bank", tmp_path / "desk.json"
    assert provision("inventory", "new", "--dir", bank).returncode == 0
    registrations = [
        {
            "person": "zhang-wei",
            "name": "x",
            "kind": "key_file",
            "public_key": public_key(number),
            "at": "2026-11-21T01:00:00.000Z",
        }
        for number in (2001, 2002, 2003)
    ]
    desk.write_text(json.dumps({"v": 1, "registrations": registrations}))
    words = [*BRANCHWATCH, "people", "accept", str(desk), "--inventory", str(bank), "--may", "arm"]
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child is another program at once
        os.chdir(ROOT)
        os.execve(sys.executable, words, {**os.environ, "LC_ALL": "C"})  # noqa: S606
    try:
        shown = b""
        for answer in (b"n\n", b"y\n", b"\n"):
            shown += _read_until(terminal, b"[y/N]")
            os.write(terminal, answer)
        shown += _read_until(terminal, b"Not accepted: 2.")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 1
    assert shown.count(b"fingerprint  ") == 3
    first, second = load_inventory(bank).people["zhang-wei"].in_roster.keys
    assert second.public_key == public_key(2002)
    assert first.public_key != second.public_key


def test_a_killed_import_leaves_all_or_none(
    tmp_path: Path, process: StartProcess, eventually_blocking: EventuallyBlocking
) -> None:
    """Whenever the power goes, the inventory is sound and has every outlet of the table or not one of them."""
    bank, table = tmp_path / "bank", tmp_path / "outlets.csv"
    assert provision("inventory", "new", "--dir", bank).returncode == 0
    table.write_text(outlets(900), encoding="utf-8")
    words = ["import", str(table), "--inventory", str(bank), "--template", "outlet", "--write"]
    sites = bank / "sites"
    for staged in (1, 300, 899):
        child = process([*BRANCHWATCH, *words], cwd=ROOT)
        eventually_blocking(partial(_has_staged, sites, staged), timeout_s=TIMEOUT_S)
        child.kill()
        child.wait()
        assert len(load_inventory(bank).sites) in {1, 901}
    assert provision(*words).returncode == 0
    assert len(load_inventory(bank).sites) == 901
    assert [path.name for path in sites.iterdir() if path.name.startswith(".")] == []


def _has_staged(sites: Path, count: int) -> bool:
    """Whether so many files are on their way, or the first is in its place."""
    return len(list(sites.glob(f"{IMPORT}*/*"))) >= count or len(list(sites.glob("*.toml"))) > 1


def _read_until(terminal: int, wanted: bytes) -> bytes:
    shown = b""
    while wanted not in shown:
        ready, _, _ = select.select([terminal], [], [], TIMEOUT_S)
        assert ready, shown
        shown += os.read(terminal, 4096)
    return shown
