"""`branchwatch collector`: what people type, what they read, and the exit codes."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from branchwatch import main
from collector.people import token_hash
from protocol.certificates import Role
from provisioning.authority import Authority
from provisioning.keeping import load_authority, save_authority, save_credential, save_crls


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound configuration with its certificates."""
    authority = Authority.create(now=datetime.now(UTC))
    save_authority(authority, tmp_path / "ca")
    for name in ("centre-1", "centre-2"):
        credential = authority.issue(Role.COLLECTOR, name, now=datetime.now(UTC))
        save_credential(
            credential,
            name=name,
            chain=authority.chain(credential.certificate),
            root=authority.root.certificate,
            folder=tmp_path,
        )
    write(tmp_path, "centre-1", "centre-1")
    return tmp_path


def write(folder: Path, certificate: str, key: str) -> None:
    """A configuration with this certificate and this key."""
    (folder / "collector.toml").write_text(
        f"""
id = "centre-1"
brokers = ["127.0.0.1:1"]
trust = "root.pem"
certificate = "{certificate}.pem"
key = "{key}.key"
crls = ["ca/crls.pem"]
"""
    )


def run(folder: Path, *words: str) -> int:
    """One command with the folder's configuration."""
    return main(["collector", *words, "--config", str(folder / "collector.toml")])


def test_a_sound_configuration_is_said_to_be_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, and nothing was started or written."""
    assert run(folder, "check") == 0
    assert "sound" in capsys.readouterr().out
    assert not (folder / "collector.sqlite").exists()


def test_a_receivers_key_is_looked_at_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A key that others can read is told at `check`, not at the first hold-up."""
    file, key = folder / "collector.toml", folder / "police.key"
    file.write_text(
        file.read_text() + '[[receiver]]\nid = "police"\naddresses = ["10.1.1.5:7700"]\naccount = "0755"\n'
        'key_file = "police.key"\n'
    )
    key.write_text("00" * 16)
    key.chmod(0o644)
    assert run(folder, "check") == 2
    assert "chmod 600" in capsys.readouterr().err
    key.chmod(0o600)
    assert run(folder, "check") == 0


def test_what_is_wrong_is_told_with_its_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong value, a missing file, another collector's certificate, a key that does not belong: exit code 2."""
    write(folder, "centre-2", "centre-1")
    assert run(folder, "check") == 2
    told = capsys.readouterr().err
    assert '"centre-2"' in told
    assert "does not belong" in told
    write(folder, "missing", "centre-1")
    assert run(folder, "serve") == 2
    assert "missing.pem cannot be read" in capsys.readouterr().err
    (folder / "collector.toml").write_text('id = "centre-1"\nport = 1\n')
    assert run(folder, "check") == 2
    assert "collector.toml:2: unknown key" in capsys.readouterr().err


def test_a_configuration_that_is_not_there_is_wrong_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, no traceback."""
    assert run(tmp_path, "migrate") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_embedded_needs_its_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`serve --embedded` without [embedded] says what is missing."""
    assert run(folder, "serve", "--embedded") == 2
    assert "[embedded]" in capsys.readouterr().err


def test_an_address_in_use_cannot_be_reached(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, before anything else was started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = folder / "collector.toml"
        config.write_text(f'listen = "127.0.0.1:{port}"\n{config.read_text()}')
        assert run(folder, "serve") == 3
    assert "cannot listen" in capsys.readouterr().err


def test_migrating_says_where_the_database_was_and_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Twice is as good as once."""
    assert run(folder, "migrate") == 0
    assert "it was empty" in capsys.readouterr().out
    assert run(folder, "migrate") == 0
    assert "already" in capsys.readouterr().out


def test_an_export_of_nothing_is_sound(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `export` writes, `verify` accepts, from the first day on."""
    assert run(folder, "migrate") == 0
    out = folder / "ledger.ndjson"
    assert run(folder, "export", "--out", str(out)) == 0
    assert "branchwatch verify" in capsys.readouterr().out
    assert main(["verify", str(out), "--trust", str(folder / "root.pem")]) == 0


def test_an_export_that_cannot_be_made_leaves_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that is not there is no empty ledger, and none is made; a failed file leaves no rest."""
    out = folder / "ledger.ndjson"
    assert run(folder, "export", "--out", str(out)) == 2
    assert "collector.sqlite cannot be read" in capsys.readouterr().err
    assert not (folder / "collector.sqlite").exists()
    assert run(folder, "migrate") == 0
    out.mkdir()
    assert run(folder, "export", "--out", str(out)) == 2
    assert not out.with_name("ledger.ndjson.part").exists()


def test_a_token_comes_with_its_hash(capsys: pytest.CaptureFixture[str]) -> None:
    """256 bits for the owner, the hash for the file."""
    assert main(["collector", "token"]) == 0
    token, digest = re.findall(r"^token(?:_hash)? += ([\w-]+)$", capsys.readouterr().out, re.MULTILINE)
    assert len(token) == 43
    assert digest == token_hash(token)


@pytest.mark.parametrize(("typed", "code"), [("correct horse battery\n", 0), ("short\n", 2), ("x" * 300, 2)])
def test_a_password_is_hashed_from_standard_input(typed: str, code: int) -> None:
    """Never on a command line; too short or too long is refused."""
    command = [sys.executable, "-m", "branchwatch", "collector", "password"]
    ended = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=30)
    assert ended.returncode == code
    assert ended.stdout.startswith("$argon2") == (code == 0)
    assert typed.strip() not in ended.stdout + ended.stderr


def test_another_authority_s_revocation_list_is_wrong_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """WIRE 3.3: with it nobody would ever be revoked; `check` and `serve` name the file and start nothing."""
    save_crls(Authority.create(now=datetime.now(UTC)), folder / "ca")
    for word in ("check", "serve"):
        assert run(folder, word) == 2
        assert "crls.pem: no issuer under that root" in capsys.readouterr().err


def test_a_late_revocation_list_is_said_and_refuses_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The configuration is sound, and standard error says whose list is past its time."""
    authority = load_authority(folder / "ca")
    save_crls(authority.renew_crls(now=datetime.now(UTC) - timedelta(days=8)), folder / "ca")
    assert run(folder, "check") == 0
    told = capsys.readouterr()
    assert "sound" in told.out
    assert "Branchwatch boxes is past its time" in told.err
