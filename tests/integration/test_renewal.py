"""Certificates that end: the real `agent renew` against the real enrolment, and the ways back after an end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agent.identity import load_enrolled_identity
from protocol.certificates import Role
from provisioning.authority import Authority
from provisioning.keeping import load_certificate, save_authority
from provisioning.office import Order, open_office
from tests.conftest import EventuallyBlocking, StartProcess
from tests.enrolment_servers import BOX, SITE, Between, Enrolling, thumbprint_of

LONG_AGO = timedelta(days=800)


@pytest.fixture
def bank(
    tmp_path: Path, free_port: Callable[[], int], process: StartProcess, eventually_blocking: EventuallyBlocking
) -> Enrolling:
    """An authority and its enrolment, as they were made 800 days ago; the server is not started."""
    return Enrolling(tmp_path, free_port(), process, eventually_blocking)


def carried_by_hand(bank: Enrolling, made_at: datetime, *boxes: str) -> None:
    """An authority of that day and the state folders of boxes that it gave certificates to then."""
    save_authority(Authority.create(now=made_at), bank.ca)
    with open_office(bank.ca) as office:
        orders = [Order(role=Role.BOX, id=box, site=box[:-2]) for box in boxes]
        office.issue(orders, bank.folder / "carried", made_at)
    bank.provision("enrolment", "new", "--dir", str(bank.ca), "--out", str(bank.enrol))
    for box in boxes:
        identity = bank.state(box) / "identity"
        identity.mkdir(parents=True)
        for source, name in ((f"{box}.key", "signing.key"), (f"{box}.pem", "box.pem"), ("root.pem", "root.pem")):
            content = (bank.folder / "carried" / source).read_bytes()
            (identity / name).write_bytes(content)
            (identity / name).chmod(0o600)
        (identity / "pins.json").write_text('["' + "a" * 64 + '"]')


def certificate(bank: Enrolling, box: str) -> Path:
    """A box's certificate."""
    return bank.state(box) / "identity" / "box.pem"


def renew(bank: Enrolling, box: str, *more: str) -> tuple[int, str]:
    """`agent renew` of a box: exit code, and what it said."""
    done = bank.agent("renew", "--state", bank.state(box), "--at", bank.at, *more)
    return done.returncode, done.stdout + done.stderr


def test_a_box_cut_off_past_its_end_comes_back_by_a_witnessed_way(bank: Enrolling) -> None:
    """FIELD-FAULTS row 15: a box is offline past its certificate's end; it recovers, and nobody else comes in by it.

    Two boxes ended while they were cut off. A leave for the first lets the first in, once, under its old key, and not
    the second; a fresh code lets the second in under its own key and nobody else's.
    """
    first, second = BOX, "0755-032-a"
    carried_by_hand(bank, datetime.now(UTC) - LONG_AGO, first, second)
    bank.serve()
    keys = {box: thumbprint_of(bank.state(box)) for box in (first, second)}
    before = {box: certificate(bank, box).read_bytes() for box in (first, second)}
    for box in (first, second):
        code, said = renew(bank, box)
        assert (code, "nobody has given leave" in said) == (1, True), said
        assert certificate(bank, box).read_bytes() == before[box]
    officer = bank.folder / "officer"
    bank.provision("issue", "provisioning", "bureau-1", "--dir", str(bank.ca), "--out", str(officer))
    bank.provision("readmit", first, "--dir", str(bank.enrol), "--key", str(officer / "bureau-1.key"))
    code, said = renew(bank, second)
    assert code == 1, said
    code, said = renew(bank, first)
    assert code == 0, said
    assert load_certificate(certificate(bank, first)).not_valid_after_utc > datetime.now(UTC)
    certificate(bank, first).write_bytes(before[first])  # whoever copied the disk before shows the old one again
    assert renew(bank, first)[0] == 1

    fresh = bank.token("0755-032", "--again", box=second)
    thief = bank.ask(fresh, state="thief", site="0755-032", box=second)
    assert thief.returncode == 1
    assert "another key" in thief.stderr
    (bank.state(second) / "identity" / "sealing.key").unlink(missing_ok=True)
    back = bank.agent("enrol", "--code-file", fresh, "--again", "--state", bank.state(second), "--at", bank.at)
    assert back.returncode == 0, back.stderr
    identity = load_enrolled_identity(bank.state(second), datetime.now(UTC))
    assert identity.not_after > datetime.now(UTC)
    assert {box: thumbprint_of(bank.state(box)) for box in (first, second)} == keys
    assert bank.acts().count("readmitted") == 1


def test_renewal_when_it_is_time(bank: Enrolling) -> None:
    """Not before; then a new certificate for the same key, in the old one's place; nobody there is exit code 3."""
    early, due = BOX, "0755-032-a"
    carried_by_hand(bank, datetime.now(UTC) - timedelta(days=600), early, due)
    assert renew(bank, due)[0] == 3
    bank.serve()
    key = thumbprint_of(bank.state(due))
    code, said = renew(bank, due)
    assert (code, "Renewed" in said) == (0, True), said
    fresh = load_certificate(certificate(bank, due))
    assert fresh.not_valid_before_utc > datetime.now(UTC) - timedelta(hours=1)
    assert thumbprint_of(bank.state(due)) == key
    code, said = renew(bank, due)
    assert (code, "Not yet" in said) == (0, True), said
    assert bank.acts() == ["renewed"]
    assert renew(bank, due, "--now")[0] == 0
    assert bank.acts() == ["renewed", "renewed"]


def test_a_clone_is_locked_out(bank: Enrolling) -> None:
    """FIELD-FAULTS row 14: after `revoke` neither the original nor its copy gets anything; the site gets a new box."""
    bank.make()
    bank.serve()
    assert bank.ask(bank.token()).returncode == 0
    clone = bank.state("clone") / "identity"
    clone.mkdir(parents=True)
    for file in (bank.state() / "identity").iterdir():
        (clone / file.name).write_bytes(file.read_bytes())
        (clone / file.name).chmod(0o600)
    assert renew(bank, "clone", "--now")[0] == 0
    bank.provision("revoke", BOX, "--dir", str(bank.ca), "--enrolment", str(bank.enrol))
    crl = bank.authority().crls
    lists = next(each for issuer, each in crl.items() if issuer.value == "boxes")
    assert len(lists) == 2  # the one that was enrolled and the one that was renewed
    for state in ("state", "clone"):
        code, said = renew(bank, state, "--now")
        assert (code, "revoked" in said) == (1, True), said
    new = bank.token(SITE, box="0755-031-b")
    same_disk = bank.ask(new, state="clone", box="0755-031-b")
    assert same_disk.returncode == 2  # it is another box
    (clone / "box.pem").unlink()
    same_key = bank.ask(new, state="clone", box="0755-031-b")
    assert same_key.returncode == 1
    assert "revoked" in same_key.stderr
    assert bank.ask(new, state="fresh", box="0755-031-b").returncode == 0


def test_another_issuer_renews_nobody(bank: Enrolling) -> None:
    """The box knows who gave it its certificate: another enrolment hears nothing from it."""
    bank.make()
    bank.serve()
    assert bank.ask(bank.token()).returncode == 0
    other = Authority.create(now=datetime.now(UTC))
    issuer = next(each for name, each in other.issuers.items() if name.value == "boxes")
    before = certificate(bank, "state").read_bytes()
    with Between(issuer.certificate.public_bytes(Encoding.DER), other).listening() as between:
        done = bank.agent("renew", "--now", "--state", bank.state(), "--at", f"127.0.0.1:{between.port}")
    assert done.returncode == 1
    (heard,) = between.heard
    assert b"POST" not in heard
    assert certificate(bank, "state").read_bytes() == before
