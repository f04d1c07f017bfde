"""`branchwatch collector deliver`: what people type, what they read, and the exit codes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from branchwatch import main
from collector.storage.bundles import boxes_with_bundles
from collector.storage.store import Store, sqlite_url
from protocol.certificates import Role
from provisioning.authority import Authority
from provisioning.keeping import save_credential, save_crls
from tests.brokers import Certificates
from tests.bundles import BOX, settings
from tests.enrolled import RealBureau


class Desk:
    """A centre's folder, and the bureau that signs for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority = Authority.create(now=datetime.now(UTC))
        save_crls(authority, folder)
        credential = authority.issue(Role.COLLECTOR, "centre-1", now=datetime.now(UTC))
        chain = authority.chain(credential.certificate)
        save_credential(credential, name="centre-1", chain=chain, root=authority.root.certificate, folder=folder)
        self.bureau = RealBureau(cast("Certificates", SimpleNamespace(authority=authority)))
        (folder / "collector.toml").write_text(
            'id = "centre-1"\nbrokers = ["127.0.0.1:1"]\ntrust = "root.pem"\n'
            'certificate = "centre-1.pem"\nkey = "centre-1.key"\ncrls = ["crls.pem"]\n'
        )

    def file(self, version: int, *signers: str, **changes: Any) -> Path:
        """A signed bundle as a file."""
        bundle = self.bureau.bundle(version, settings=settings(), pending=("cameras",), **changes)
        path = self.folder / f"{version}-{len(signers)}.json"
        path.write_bytes(self.bureau.document(bundle, *signers))
        return path

    def deliver(self, *files: Path) -> int:
        """The command."""
        return main(["collector", "deliver", *map(str, files), "--config", str(self.folder / "collector.toml")])

    def stored(self) -> frozenset[str]:
        """Boxes with a bundle in the database."""
        store = Store(sqlite_url(self.folder / "collector.sqlite"))
        with store.read() as reading:
            found = boxes_with_bundles(reading)
        store.close()
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A sound centre that never ran."""
    return Desk(tmp_path)


def test_a_bundle_is_stored_before_the_centre_ever_ran(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0; the sentence names version, hash and box. Again is no fault."""
    file = desk.file(3)
    assert desk.deliver(file) == 0
    assert f"version 3 ({desk_hash(file)}) is stored; {BOX} gets it" in capsys.readouterr().out
    assert desk.stored() == {BOX}
    assert desk.deliver(file) == 0
    assert "was stored already" in capsys.readouterr().out


def desk_hash(file: Path) -> str:
    """The hash that people compare."""
    from protocol.bundle import bundle_hash
    from protocol.documents import claimed_payload

    return bundle_hash(claimed_payload(file.read_bytes()))[:12]


def test_damaged_files_are_named_and_nothing_is_stored(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Every wrong file in one go, with its reason; exit code 2, and the sound one beside them waits too."""
    good, cut = desk.file(3), desk.folder / "cut.json"
    cut.write_bytes(good.read_bytes()[:-9])
    assert desk.deliver(good, cut, desk.folder / "missing.json") == 2
    told = capsys.readouterr().err
    assert f"{cut}: it is no signed site bundle" in told
    assert "missing.json cannot be read" in told
    assert "nothing was stored" in told
    assert not (desk.folder / "collector.sqlite").exists()


def test_an_older_version_is_said_no_to(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1: the file is sound, the centre holds a newer one."""
    assert desk.deliver(desk.file(4)) == 0
    assert desk.deliver(desk.file(3)) == 1
    assert "older than version 4" in capsys.readouterr().err


def test_a_missing_second_signature_is_said(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """It is stored, for only the box can judge; the person reads what will be missed, on standard error."""
    assert desk.deliver(desk.file(3)) == 0
    pins = tuple(sorted(desk.bureau.pins))[:1]
    assert desk.deliver(desk.file(4, "bureau-2", pins=pins)) == 0
    assert "it touches pins, and only bureau-2 signed" in capsys.readouterr().err


def test_a_revoked_signer_is_found_by_the_centre_s_lists(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The lists of collector.toml count here too; exit code 2."""
    file = desk.file(3)
    certificate = desk.bureau.keys["bureau-1"].certificate
    save_crls(desk.bureau.authority.revoke(certificate, now=datetime.now(UTC)), desk.folder)
    assert desk.deliver(file) == 2
    assert "certificate was revoked" in capsys.readouterr().err


def test_a_database_that_cannot_be_used_is_out_of_reach(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, one sentence."""
    (desk.folder / "collector.sqlite").write_bytes(b"no database" * 1000)
    assert desk.deliver(desk.file(3)) == 3
    assert "SQLITE_NOTADB" in capsys.readouterr().err
