"""Proof for an auditor: what the running centre exports can be checked offline, and no change of it goes unnoticed."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.command import main as verify
from provisioning.authority import Authority
from provisioning.keeping import save_authority
from simulator.model import Door, Swing
from tests.waiting import eventually_blocking
from tests.whole.bank import Bank
from tests.whole.settings import OPERATOR, PersonEntry

pytestmark = pytest.mark.timeout(180)
"""Seconds: real processes start and settle, beside whatever else the machine does."""

SEED = "BRANCHWATCH_SEED"
FLIPS = 150
AUDITOR = PersonEntry(id="auditor-1", roles=("auditor",), unit="")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Bank]:
    """Two branches with an alarm each, all of it at the centre."""
    built = Bank(tmp_path_factory.mktemp("bank"), free_port, boxes=2, people=(OPERATOR, AUDITOR))
    try:
        built.start()
        for box in built.boxes:
            built.wait_watching(box)
            box.branch.play(Swing(door=Door.OUTER, open=True), Swing(door=Door.INNER, open=True))
        eventually_blocking(
            lambda: len({alarm["site"] for alarm in built.desk.alarms(kind="door.dual_open")}) == 2,
            what="both branches raise their alarm",
        )
        built.wait_settled()
        yield built
    finally:
        built.close()


def _code(file: Path, root: Path) -> int:
    return verify([str(file), "--trust", str(root)])


def test_every_changed_byte_is_found(bank: Bank, capsys: pytest.CaptureFixture[str]) -> None:
    """`branchwatch verify` finds any single altered byte, a cut tail, a dropped lane and another root, and names it."""
    root = bank.certificates.root
    ledger, changed = bank.folder / "ledger.ndjson", bank.folder / "changed.ndjson"
    bank.export(ledger)
    whole = ledger.read_bytes()
    code, said = bank.verify(ledger)
    assert code == 0, said
    assert "SOUND" in said
    seed = int(os.environ.get(SEED) or secrets.randbits(32))
    print(f"{SEED}={seed}")
    chance = random.Random(seed)
    for place in chance.sample(range(len(whole)), FLIPS):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << chance.randrange(8)
        changed.write_bytes(flipped)
        capsys.readouterr()
        assert _code(changed, root) == 1, f"byte {place} was changed and nobody noticed"
        assert "NOT SOUND: " in capsys.readouterr().out
    lines = whole.splitlines(keepends=True)
    urgent = [number for number, line in enumerate(lines) if line.startswith(b'{"record":"events"')]
    for what, altered in (
        ("the tail is cut", lines[:-1]),
        ("half of the file is cut", lines[: len(lines) // 2]),
        ("an envelope is dropped", lines[: urgent[0]] + lines[urgent[0] + 1 :]),
        ("all but one envelope are dropped", [line for n, line in enumerate(lines) if n not in urgent[1:]]),
        ("an envelope stands twice", [*lines[: urgent[0] + 1], *lines[urgent[0] :]]),
        ("two envelopes change places", _exchanged(lines, urgent[0], urgent[1])),
    ):
        changed.write_bytes(b"".join(altered))
        assert _code(changed, root) == 1, what
    other = Authority.create(now=datetime.now(UTC))
    save_authority(other, bank.folder / "other")
    assert _code(ledger, bank.folder / "other" / "root.pem") == 1, "another root"


def test_the_ledger_over_the_api(bank: Bank) -> None:
    """`GET /api/v1/ledger` gives the same proof as the command, while events go on arriving."""
    assert bank.desk.ask("GET", "/api/v1/ledger").status_code == 403, "the whole ledger is not an operator's to take"
    answer = bank.desk_of(AUDITOR).ask("GET", "/api/v1/ledger")
    assert answer.status_code == 200
    ledger = bank.folder / "over-the-api.ndjson"
    ledger.write_bytes(answer.content)
    code, said = bank.verify(ledger)
    assert code == 0, said


def _exchanged(lines: list[bytes], one: int, other: int) -> list[bytes]:
    changed = list(lines)
    changed[one], changed[other] = changed[other], changed[one]
    return changed
