"""`branchwatch provision` killed in the middle: nothing is out there that the record does not know."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioning import command, deeds
from provisioning.keeping import load_certificate
from provisioning.record_file import RECORD, read_record
from tests.conftest import EventuallyBlocking, StartProcess

ROOT = Path(__file__).resolve().parents[2]
BOXES = [f"0755-{number:03d}-a" for number in range(200)]


def _files(kit: Path) -> int:
    return len(list(kit.glob("*.pem"))) if kit.exists() else 0


@pytest.mark.parametrize(
    "moment",
    [
        lambda ca, kit: (ca / RECORD).stat().st_size > 10_000,
        lambda ca, kit: _files(kit) > 1,
        lambda ca, kit: _files(kit) > len(BOXES) // 2,
    ],
    ids=["recorded", "first files", "half of the files"],
)
def test_a_killed_batch_leaves_no_unrecorded_certificate(
    moment: Callable[[Path, Path], bool], tmp_path: Path, process: StartProcess, eventually_blocking: EventuallyBlocking
) -> None:
    """Every certificate that was written is in the record, which is whole; the next command goes on."""
    ca, kit = tmp_path / "ca", tmp_path / "kit"
    assert command.main(["authority", "new", "--no-passphrase", "--dir", str(ca)]) == 0
    words = ["issue", "box", *BOXES, "--dir", str(ca), "--out", str(kit)]
    child = process([sys.executable, "-m", "branchwatch", "provision", *words], cwd=ROOT)
    eventually_blocking(lambda: moment(ca, kit), timeout_s=30)
    child.kill()
    recorded = {entry.facts.get("certificate") for entry, _ in read_record(ca / RECORD)}
    written = [path for path in kit.glob("*.pem") if path.name != "root.pem"] if kit.exists() else []
    assert {deeds.digest_of(load_certificate(path)) for path in written} <= recorded
    assert command.main(["audit", "--dir", str(ca)]) == 0
    assert command.main(["issue", "box", "0756-001-a", "--dir", str(ca), "--out", str(tmp_path / "later")]) == 0
