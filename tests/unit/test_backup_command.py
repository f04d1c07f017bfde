"""Making and restoring a backup: places, commands, what cannot be done, and how the centre tells of it."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from branchwatch import main
from collector.backup import places
from collector.backup.crypt import new_identity
from collector.backup.failing import OutOfReachError
from collector.backup.seen import LATE_AFTER, Seen, judge
from collector.storage.migrating import migrate
from collector.storage.store import Store, sqlite_url
from collector.storage.upkeep import UpkeepRow
from protocol.certificates import Role
from provisioning.authority import Authority
from provisioning.keeping import save_authority, save_credential
from tests.ledgers import NOW


def test_old_backups_go_and_the_fresh_one_never(tmp_path: Path) -> None:
    """`keep` counts the fresh one, whatever the clock says; strangers' files and other centres' stay."""
    names = [places.name_at("centre-1", NOW + timedelta(days=day)) for day in range(5)]
    fresh = places.name_at("centre-1", NOW - timedelta(days=400))  # the clock was set back
    others = ["notes.txt", places.name_at("centre-11", NOW), f"{names[0]}.part"]
    for name in (*names, fresh, *others):
        (tmp_path / name).touch()
    assert places.let_go(tmp_path, "centre-1", 3, fresh) == names[:3]
    assert {path.name for path in tmp_path.iterdir()} == {*names[3:], fresh, *others}
    assert places.let_go(tmp_path, "centre-1", 1, fresh) == names[3:]
    assert (tmp_path / fresh).exists()


def test_a_place_that_cannot_take_it_is_told_before(tmp_path: Path) -> None:
    """A folder that is missing is not made: it may be a disk that is not mounted. Too little room is told too."""
    with pytest.raises(OutOfReachError):
        places.is_place(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
    with pytest.raises(OutOfReachError) as error:
        places.has_room(tmp_path, 2**62)
    assert str(tmp_path) in str(error.value)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """Whatever ends the writing, nothing half stands there."""
    target = tmp_path / "backup"
    whole = places.written_whole(target)
    whole.__enter__()[0].write(b"half")
    assert not whole.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not list(tmp_path.iterdir())
    with places.written_whole(target) as (file, partial):
        file.write(b"whole")
        assert oct(partial.stat().st_mode & 0o777) == "0o600"
    assert target.read_bytes() == b"whole"


DAY_MS = 86_400_000
HELD = {"copies": 2, "wanted": 2}


def _row(number: int, at_ms: int, action: str = "done", **facts: object) -> UpkeepRow:
    return UpkeepRow(number=number, action=action, person="login:root", at_ms=at_ms, facts=HELD | facts)


@pytest.mark.parametrize(
    ("last", "good", "configured", "works"),
    [
        (None, None, False, True),  # nobody asked for one
        (None, None, True, False),
        (_row(1, 0), _row(1, 0), True, True),
        (_row(1, 0), _row(1, 0), False, True),  # made with --to
        (_row(2, DAY_MS, "failed"), _row(1, 0), True, False),
        (_row(2, DAY_MS, "failed"), None, True, False),
        (_row(1, -DAY_MS), _row(1, -DAY_MS), True, False),
        (_row(1, 0, copies=1), _row(1, 0, copies=1), True, False),
    ],
)
def test_health_says_how_the_backup_stands(
    last: UpkeepRow | None, good: UpkeepRow | None, configured: bool, works: bool
) -> None:
    """None yet, too old, failed since, without its second copy: each shows; the centre goes on working."""
    now_ms = round(LATE_AFTER.total_seconds() * 1000)
    checks = judge(Seen(last=last, good=good, drill=None), configured=configured, now_ms=now_ms)
    assert checks[0].works is works
    assert works or not checks[0].needed


def test_health_of_a_centre_on_postgresql_asks_for_no_backup_section() -> None:
    """`collector backup` refuses that database, so nobody is sent there; pg_dump is the bank's."""
    (check,) = judge(Seen(last=None, good=None, drill=None), configured=False, now_ms=0, ours=False)
    assert check.works
    assert "pg_dump" in check.said


def test_a_drill_that_failed_shows() -> None:
    """A backup that could not be restored is no backup."""
    seen = Seen(last=_row(1, 0), good=_row(1, 0), drill=_row(2, 0, "failed"))
    assert [check.works for check in judge(seen, configured=True, now_ms=0)] == [True, False]


class Centre:
    """A centre's folder with an empty database, two places and an identity; and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        now = datetime.now(UTC)
        authority = Authority.create(now=now)
        save_authority(authority, folder / "ca")
        credential = authority.issue(Role.COLLECTOR, "centre-1", now=now)
        chain, root = authority.chain(credential.certificate), authority.root.certificate
        save_credential(credential, name="centre-1", chain=chain, root=root, folder=folder)
        for place in ("one", "two"):
            (folder / place).mkdir()
        assert main(["collector", "backup", "key", "--out", str(folder / "id")]) == 0
        recipient = (folder / "id").read_text().split("public key: ")[1].split("\n")[0]
        (folder / "collector.toml").write_text(
            f"""
id = "centre-1"
brokers = ["127.0.0.1:1"]
trust = "root.pem"
certificate = "centre-1.pem"
key = "centre-1.key"
crls = ["ca/crls.pem"]

[backup]
recipient = "{recipient}"
folder = "one"
second = "two"
keep = 2
"""
        )
        store = Store(sqlite_url(folder / "collector.sqlite"))
        migrate(store)
        store.close()

    def change(self, old: str, new: str) -> None:
        """Write something else into the settings."""
        file = self.folder / "collector.toml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def back_up(self, *words: str) -> int:
        """`collector backup`."""
        return main(["collector", "backup", "--config", str(self.folder / "collector.toml"), *words])

    def restore(self, file: Path, *words: str) -> int:
        """`collector restore`."""
        return main(["collector", "restore", str(file), "--identity", str(self.folder / "id"), *words])

    def made(self, place: str = "one") -> list[Path]:
        """The backups of a place."""
        return sorted((self.folder / place).iterdir())

    def snapshot(self) -> dict[str, bytes]:
        """Every file but the database, which writes down what failed."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and not path.name.startswith("collector.sq")]
        return {str(path): path.read_bytes() for path in files}


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    """A centre with a place for its backups."""
    return Centre(tmp_path)


def test_the_key_file_is_private_and_never_overwritten(centre: Centre, capsys: pytest.CaptureFixture[str]) -> None:
    """Mode 0600; a second `backup key` onto it is refused, or older backups would be lost; no secret is printed."""
    file = centre.folder / "id"
    before = file.read_text()
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert main(["collector", "backup", "key", "--out", str(file)]) == 2
    assert file.read_text() == before
    told = capsys.readouterr()
    assert "AGE-SECRET" not in told.out + told.err


def test_a_restored_folder_is_a_centre_without_its_key(centre: Centre, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings, certificates and database stand where the settings name them; the private key is nowhere in it."""
    assert centre.back_up() == 0
    (made,), into = centre.made(), centre.folder / "back"
    assert centre.made("two")[0].read_bytes() == made.read_bytes()
    assert centre.restore(made, "--into", str(into), "--trust", str(centre.folder / "root.pem")) == 0
    for name in ("collector.toml", "root.pem", "centre-1.pem", "ca/crls.pem"):
        assert (into / name).read_bytes() == (centre.folder / name).read_bytes()
    secret = (centre.folder / "centre-1.key").read_bytes().split(b"\n")[1]
    assert not any(secret in path.read_bytes() for path in into.rglob("*") if path.is_file())
    assert "root checked" in capsys.readouterr().out
    shutil.copy(centre.folder / "centre-1.key", into)
    assert main(["collector", "check", "--config", str(into / "collector.toml")]) == 0


def test_restored_logins_are_over(centre: Centre) -> None:
    """A login that was ended after the backup must not live again: people log in anew."""
    with sqlite3.connect(centre.folder / "collector.sqlite") as database:
        database.execute("INSERT INTO sessions VALUES ('h', 'li', 0, 9999999999999, 0)")
    database.close()
    assert centre.back_up() == 0
    assert centre.restore(centre.made()[0], "--into", str(centre.folder / "back")) == 0
    database = sqlite3.connect(centre.folder / "back" / "collector.sqlite")
    assert database.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    database.close()


def test_a_writer_goes_on_while_it_is_copied(centre: Centre) -> None:
    """The copy is one moment of a database that somebody has open and has written to without closing."""
    database = sqlite3.connect(centre.folder / "collector.sqlite", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT INTO sites VALUES ('0755-031', 'under way', '', 'UTC')")
    database.execute("COMMIT")
    database.execute("BEGIN")
    database.execute("SELECT count(*) FROM sites").fetchone()
    assert centre.back_up() == 0
    database.close()
    assert centre.restore(centre.made()[0], "--into", str(centre.folder / "back")) == 0
    restored = sqlite3.connect(centre.folder / "back" / "collector.sqlite")
    assert restored.execute("SELECT name FROM sites").fetchall() == [("under way",)]
    restored.close()


WRONG = {
    "no [backup]": (lambda each: each.change("[backup]", "[embedded]"), 2),
    "a wrong recipient": (lambda each: each.change('recipient = "age1', 'recipient = "age1q'), 2),
    "the first place is gone": (lambda each: (each.folder / "one").rmdir(), 3),
    "the first place is a file": (lambda each: ((each.folder / "one").rmdir(), (each.folder / "one").touch()), 3),
    "a revocation list is gone": (lambda each: (each.folder / "ca" / "crls.pem").unlink(), 2),
    "a key in the certificate": (
        lambda each: (each.folder / "centre-1.pem").write_bytes(
            (each.folder / "centre-1.pem").read_bytes() + (each.folder / "centre-1.key").read_bytes()
        ),
        2,
    ),
    "PostgreSQL": (
        lambda each: each.change('id = "centre-1"', 'id = "centre-1"\ndatabase = "postgresql://u:pw@h/d"'),
        2,
    ),
    "no database": (lambda each: (each.folder / "collector.sqlite").unlink(), 3),
    "a damaged database": (lambda each: (each.folder / "collector.sqlite").write_bytes(b"no database" * 999), 3),
    "a second place that is the first": (lambda each: each.change('second = "two"', 'second = "one"'), 2),
}


@pytest.mark.parametrize(("spoil", "code"), WRONG.values(), ids=WRONG)
def test_a_backup_that_cannot_be_made_leaves_nothing(
    centre: Centre, spoil: Callable[[Centre], object], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, the exit code, and no file more or less than before; no password is repeated."""
    spoil(centre)
    before = centre.snapshot()
    capsys.readouterr()
    assert centre.back_up() == code
    told = capsys.readouterr().err
    assert told.strip()
    assert "Traceback" not in told
    assert "pw" not in told.replace("pg_dump", "")
    assert centre.snapshot() == before


def test_a_vanished_second_place_is_told_and_the_first_copy_stays(
    centre: Centre, capsys: pytest.CaptureFixture[str]
) -> None:
    """A backup in one place is better than none: exit code 3, nothing older is deleted, health knows it."""
    (centre.folder / "one" / places.name_at("centre-1", NOW - timedelta(days=9))).touch()
    (centre.folder / "one" / places.name_at("centre-1", NOW - timedelta(days=8))).touch()
    (centre.folder / "two").rmdir()
    assert centre.back_up() == 3
    assert "NO SECOND COPY" in capsys.readouterr().err
    assert len(centre.made()) == 3
    assert centre.restore(centre.made()[-1], "--drill", "--into", str(centre.folder)) == 0


@pytest.mark.parametrize("kib", [40, 200, 240])
def test_a_disk_that_is_full_half_way_leaves_nothing(centre: Centre, kib: int) -> None:
    """The copy, the backup, or what is restored from it does not fit: exit code 3, one sentence, nothing half."""

    def limited(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "branchwatch", "collector", *words]
        shell = ["bash", "-c", f'ulimit -f {kib}; exec "$@"', "bash", *command]
        return subprocess.run(shell, capture_output=True, text=True, check=False)

    assert centre.back_up() == 0
    before = centre.snapshot()
    config, into = str(centre.folder / "collector.toml"), str(centre.folder / "back")
    for done in (
        limited("backup", "--config", config),
        limited("restore", str(centre.made()[0]), "--identity", str(centre.folder / "id"), "--into", into),
    ):
        assert done.returncode == 3, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert centre.snapshot() == before
    assert not [path for path in centre.folder.rglob("*") if path.name.endswith(".part")]
    assert not list((centre.folder / ".branchwatch-backup").iterdir())


def test_one_backup_at_a_time(centre: Centre, capsys: pytest.CaptureFixture[str]) -> None:
    """The second one says so and touches nothing of the first; what a killed one left is swept away."""
    work = centre.folder / ".branchwatch-backup"
    work.mkdir()
    (work / "database").write_bytes(b"left")
    (centre.folder / "one" / ".branchwatch-centre-1-20261121T000000Z.tar.age.part").write_bytes(b"left")
    holder = os.open(work, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    assert centre.back_up() == 3
    assert "under way" in capsys.readouterr().err
    assert (work / "database").read_bytes() == b"left"
    os.close(holder)
    assert centre.back_up() == 0
    assert not list(work.iterdir())
    assert len(centre.made()) == 1


def test_a_restore_that_cannot_be_done_changes_nothing(centre: Centre, capsys: pytest.CaptureFixture[str]) -> None:
    """Damage, a cut, another identity, no age file, a folder in use, another root: exit code, one sentence, nothing."""
    assert centre.back_up() == 0
    made = centre.made()[0]
    data, cut, changed = made.read_bytes(), centre.folder / "cut", centre.folder / "changed"
    cut.write_bytes(data[:-20_000])
    changed.write_bytes(data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :])
    other = centre.folder / "other-root.pem"
    root = Authority.create(now=datetime.now(UTC)).root.certificate
    other.write_bytes(root.public_bytes(Encoding.PEM))
    (centre.folder / "id2").write_text(new_identity().secret)
    (centre.folder / "used").mkdir()
    (centre.folder / "used" / "notes").touch()
    into = ["--into", str(centre.folder / "back")]
    tries = [
        (cut, into, 1),
        (changed, into, 1),
        (centre.folder / "root.pem", into, 2),
        (centre.folder / "missing", into, 2),
        (made, ["--into", str(centre.folder / "used")], 2),
        (made, ["--into", str(centre.folder / "no" / "where")], 2),
        (made, [*into, "--trust", str(other)], 1),
        (made, [*into, "--identity", str(centre.folder / "id2")], 2),
        (made, [*into, "--identity", str(centre.folder / "root.pem")], 2),
    ]
    before = centre.snapshot()
    for file, words, code in tries:
        capsys.readouterr()
        assert centre.restore(file, *words) == code, (file, words)
        told = capsys.readouterr().err
        assert len(told.strip().splitlines()) == 1, told
        assert centre.snapshot() == before
        assert not list(centre.folder.glob(".*.part"))


def test_a_database_that_somebody_thinned_out_is_found(centre: Centre, capsys: pytest.CaptureFixture[str]) -> None:
    """A head without its line, a journal without its chain: the file is sound, the content is not."""
    file = centre.folder / "collector.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("INSERT INTO lanes VALUES ('0755-031-a', 'urgent', ?, 7, ?, 7)", ("a" * 32, "b" * 64))
    database.close()
    assert centre.back_up() == 1
    assert "0755-031-a" in capsys.readouterr().err
    with sqlite3.connect(file) as database:
        database.execute("DELETE FROM lanes")
        database.execute("UPDATE journal SET hash = ?", ("c" * 64,))
    database.close()
    assert centre.back_up() == 1
    assert "journal" in capsys.readouterr().err
