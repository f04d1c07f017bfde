"""A picture's whole way over real processes: promised, sealed, brought over TLS, shown, exported; one flipped byte."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest

from protocol.command import main as verify
from protocol.kinds import Lane
from protocol.uploads import UPLOAD_PATH, content_range, seal_upload, slot_of
from tests.collecting import Box
from tests.pictures import JPEG, sealed_facts, told
from tests.stories.conftest import BuildBank
from tests.uploading import upload_of
from tests.waiting import eventually_blocking
from tests.whole.bank import Bank
from tests.whole.paper import birth, paper_box, take_identity
from tests.whole.publisher import Publisher

pytestmark = pytest.mark.timeout(180)
BOX = "0755-090-a"


@pytest.fixture
def bank(build_bank: BuildBank) -> Bank:
    """A centre that knows one box, which a test speaks for."""
    built = build_bank(boxes=0, more_boxes=(BOX,))
    built.start_collector()
    return built


def _speaks(bank: Bank) -> tuple[Box, Publisher]:
    """The box, and its way to the broker; it has said who it is."""
    paper = paper_box(bank.certificates.authority, BOX)
    box = Box(authority=paper.authority, id=paper.id, site=paper.site, now=paper.now)
    take_identity(box, *bank.certificates.pair(BOX))
    publisher = Publisher(bank.certificates, BOX, bank.broker_port)
    urgent, routine = box.opened(Lane.URGENT), box.opened(Lane.ROUTINE)
    publisher.publish(f"bw/1/{BOX}/up/birth", birth(box))
    for line in (urgent, routine):
        publisher.publish(f"bw/1/{BOX}/up/event", box.seal(line))
    return box, publisher


def _bring(bank: Bank, box: Box, slot: str, data: bytes) -> httpx.Response:
    context = ssl.create_default_context(cafile=bank.certificates.root)
    context.load_cert_chain(*bank.certificates.pair(BOX))
    headers = {
        "Authorization": seal_upload(box.sealer, upload_of(box, slot, data)),
        "Content-Range": content_range(0, len(data), len(data)),
    }
    address = f"https://127.0.0.1:{bank.evidence_port}{UPLOAD_PATH}{slot}"
    return httpx.put(address, content=data, headers=headers, verify=context, trust_env=False)


def _code(ledger: Path, pictures: Path, root: Path) -> int:
    return verify([str(ledger), "--trust", str(root), "--evidence", str(pictures)])


def test_a_picture_is_shown_and_proven(bank: Bank, capsys: pytest.CaptureFixture[str]) -> None:
    """What the box saw is what the desk shows and an auditor checks; one changed byte is found wherever it lies."""
    box, publisher = _speaks(bank)
    line, event = told(box, "custody.single_person", "area/vault", {"door": "vault"}, pictures=(("03", "still"),))
    slot = slot_of(event.id, 1)
    publisher.publish(f"bw/1/{BOX}/up/event", box.seal(line))
    eventually_blocking(lambda: bank.desk.alarms(kind="custody.single_person"), what="the alarm is at the desk")
    assert _bring(bank, box, slot, JPEG).status_code == 201
    sealed, _ = told(box, "evidence.sealed", "camera/03", sealed_facts(slot, JPEG))
    publisher.publish(f"bw/1/{BOX}/up/event", box.seal(sealed))

    def still() -> str:
        return str(bank.desk.alarms(kind="custody.single_person")[0]["still"] or "")

    address = eventually_blocking(still, what="the picture stands with its alarm")
    assert bank.desk.ask("GET", address).content == JPEG
    publisher.close()

    ledger, pictures, root = bank.folder / "ledger.ndjson", bank.folder / "pictures", bank.certificates.root
    bank.export(ledger, "--evidence", pictures)
    assert _code(ledger, pictures, root) == 0, capsys.readouterr().out
    copy = pictures / BOX / f"{slot}.jpg"
    flipped = bytearray(copy.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    copy.write_bytes(bytes(flipped))
    capsys.readouterr()
    assert _code(ledger, pictures, root) == 1
    assert "NOT SOUND: altered" in capsys.readouterr().out

    (kept,) = [path for path in (bank.database.parent / "evidence" / "files").rglob("*") if path.is_file()]
    kept.write_bytes(bytes(flipped))
    assert bank.desk.ask("GET", address).status_code == 409
    eventually_blocking(lambda: bank.desk.alarms(kind="envelope.rejected"), what="the centre tells of its own file")
