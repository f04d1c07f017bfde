"""Readmissions: whose leave counts, for which box and key, until when, how often."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.bundle import Bundle, encode_bundle
from protocol.certificates import Role, kid_of, thumbprint
from protocol.documents import Signer, sign_document
from protocol.enrolment import Refusal
from protocol.envelope import EnvelopeType, Sealer
from protocol.roster import PersonKey, Right, Roster, RosterPerson
from protocol.timestamps import format_time
from provisioning.enrolment.desk import Declined
from provisioning.enrolment.folder import BUNDLES, READMIT
from provisioning.enrolment.leaves import LeaveError, sign_leave
from provisioning.enrolment.readmitting import ReadmitError, readmit
from provisioning.issuing import Credential
from provisioning.keeping import load_pair, save_credential
from provisioning.passphrase import no_passphrase
from tests.bundles import settings
from tests.clock import Clock
from tests.enrolments import BOX, SITE, AskingBox, PaperDesk, paper_desk
from tests.ledgers import der_chain

WEEK = timedelta(days=7)


@dataclass
class Ended:
    """An enrolment with one box whose certificate has ended, and the bank's people."""

    desk: PaperDesk
    box: AskingBox
    keys: Path

    def key(self, role: Role, name: str) -> Path:
        """A key file of somebody."""
        credential = self.issue(role, name)
        authority = self.desk.authority
        save_credential(
            credential,
            name=name,
            chain=authority.chain(credential.certificate),
            root=authority.root.certificate,
            folder=self.keys,
        )
        return self.keys / f"{name}.key"

    def issue(self, role: Role, name: str) -> Credential:
        """The same in memory."""
        return self.desk.authority.issue(role, name, now=self.desk.clock.now())

    def signer(self, credential: Credential) -> Signer:
        """What signs with a key."""
        sealer = Sealer(credential.private_key, kid_of(credential.certificate))
        return Signer(sealer=sealer, chain=der_chain(self.desk.authority, credential.certificate))

    def roster(self, holder: Credential, *may: Right, name: str = "zhang-wei", days: int = 30) -> None:
        """Lay a signed bundle ready, whose roster gives rights to a key."""
        now = self.desk.clock.now()
        spki = holder.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        held = PersonKey(id=f"{name}-1", kind="key_file", public_key=b64encode(spki).decode(), may=may)
        person = RosterPerson(id=name, name=name, roles=("security-officer",), keys=(held,))
        bundle = Bundle(
            v=1,
            site=SITE,
            box=BOX,
            version=1,
            at=format_time(now),
            settings=settings(),
            roster=Roster(version=1, not_after=format_time(now + timedelta(days=days)), people=(person,)),
            pins=("a" * 64,),
            sealed={},
            pending=("cameras",),
        )
        bureau = self.issue(Role.PROVISIONING, "bureau-9")
        document = sign_document(EnvelopeType.SITE, encode_bundle(bundle), [self.signer(bureau)])
        (self.desk.folder / BUNDLES / f"{BOX}.json").write_bytes(document)

    def give(self, key: Path) -> None:
        """`provision readmit` for the box."""
        readmit(self.desk.enrolment, BOX, key=key, ask=no_passphrase, valid=WEEK, now=self.desk.clock.now())

    def lay(self, document: bytes) -> None:
        """Somebody writes into the folder without asking."""
        (self.desk.folder / READMIT / f"{BOX}.json").write_bytes(document)

    def renewed(self) -> bool:
        """Whether the box gets a certificate now."""
        answer = self.desk.desk.renew(self.box.renewal(self.desk.clock.now()))
        if isinstance(answer, Declined):
            assert answer.reason is Refusal.NOT_READMITTED
            return False
        self.box.take(answer)
        return True


@pytest.fixture
def ended(tmp_path: Path, clock: Clock) -> Iterator[Ended]:
    """A box that was cut off for longer than its certificate lived."""
    with paper_desk(tmp_path, clock) as desk:
        box = desk.enrolled()
        clock.advance(timedelta(days=800))
        yield Ended(desk, box, tmp_path / "keys")


def test_a_provisioning_key_gives_leave_once(ended: Ended) -> None:
    """The box renews under its old key; a second time, after another end, it needs another leave."""
    key = ended.key(Role.PROVISIONING, "bureau-1")
    assert not ended.renewed()
    ended.give(key)
    before = ended.box.certificate().public_key()
    assert ended.renewed()
    assert ended.box.certificate().public_key() == before
    (used,) = ended.desk.said("readmitted")
    assert (used["id"], used["by"]) == (BOX, "bureau-1")
    ended.desk.clock.advance(timedelta(days=731))
    assert not ended.renewed()


def test_a_leave_is_used_once(ended: Ended) -> None:
    """The ended certificate, shown again while the leave would still hold, gets nothing more."""
    ended.give(ended.key(Role.PROVISIONING, "bureau-1"))
    old = ended.box.chain
    assert ended.renewed()
    ended.box.chain = old
    ended.desk.clock.advance(timedelta(hours=1))
    assert not ended.renewed()


def test_a_leave_written_another_way_is_the_same_leave(ended: Ended) -> None:
    """Blanks between what is signed, or an escape: nobody signed it anew, so it is used up all the same."""
    key = ended.key(Role.PROVISIONING, "bureau-1")
    laid = readmit(ended.desk.enrolment, BOX, key=key, ask=no_passphrase, valid=WEEK * 4, now=ended.desk.clock.now())
    old = ended.box.chain
    ended.box.take(ended.desk.desk.renew(ended.box.renewal(ended.desk.clock.now())))
    document = laid.path.read_bytes()
    for again in (document + b" ", document.replace(b'"payload"', b'"p\\u0061yload"')):
        laid.path.write_bytes(again)
        ended.box.chain = old
        refused = ended.desk.desk.renew(ended.box.renewal(ended.desk.clock.now()))
        assert isinstance(refused, Declined)
        assert refused.reason is Refusal.NOT_READMITTED


def test_a_leave_ends(ended: Ended) -> None:
    """After its week nobody is let in by it."""
    ended.give(ended.key(Role.PROVISIONING, "bureau-1"))
    ended.desk.clock.advance(WEEK + timedelta(seconds=1))
    assert not ended.renewed()


def test_a_person_gives_leave_if_the_roster_says_so(ended: Ended) -> None:
    """The officer's own key, with the right `readmit` in the roster that the bank signed for that box."""
    officer = ended.key(Role.PERSON, "zhang-wei")
    holder = load_pair(officer.parent, officer.stem, no_passphrase)
    with pytest.raises(LeaveError, match="no signed site file"):
        ended.give(officer)
    ended.roster(holder, Right.ARM)
    with pytest.raises(LeaveError, match="readmit"):
        ended.give(officer)
    ended.roster(holder, Right.READMIT, name="li-na")
    with pytest.raises(LeaveError, match="readmit"):
        ended.give(officer)
    ended.roster(ended.issue(Role.PERSON, "zhang-wei"), Right.READMIT)
    with pytest.raises(LeaveError, match="readmit"):
        ended.give(officer)
    ended.roster(holder, Right.READMIT, days=-1)
    with pytest.raises(LeaveError, match="ended"):
        ended.give(officer)
    ended.roster(holder, Right.READMIT)
    ended.give(officer)
    assert ended.renewed()


def test_the_roster_is_asked_again_when_the_leave_is_used(ended: Ended) -> None:
    """A right that was taken away in between does not count any more."""
    officer = ended.key(Role.PERSON, "zhang-wei")
    holder = load_pair(officer.parent, officer.stem, no_passphrase)
    ended.roster(holder, Right.READMIT)
    ended.give(officer)
    ended.roster(holder, Right.ARM)
    assert not ended.renewed()


def test_what_somebody_lays_there_himself_does_not_count(ended: Ended) -> None:
    """A leave for another box, another key, by a collector, by a stranger, and no leave at all."""
    now, own = ended.desk.clock.now(), thumbprint(ended.box.key.public_key())
    bureau = ended.signer(ended.issue(Role.PROVISIONING, "bureau-1"))
    collector = ended.signer(ended.issue(Role.COLLECTOR, "centre-1"))
    box_key = Signer(sealer=Sealer(ended.box.key, "x" * 43), chain=ended.box.chain)
    until = now + WEEK
    for document in (
        sign_leave("0755-032-a", own, until=until, now=now, signer=bureau),
        sign_leave(BOX, "b" * 64, until=until, now=now, signer=bureau),
        sign_leave(BOX, own, until=now - WEEK, now=now, signer=bureau),
        sign_leave(BOX, own, until=until, now=now, signer=collector),
        sign_leave(BOX, own, until=until, now=now, signer=box_key),
        b"{}",
        b"",
    ):
        ended.lay(document)
        assert not ended.renewed()
        ended.desk.clock.advance(timedelta(minutes=11))


def test_no_leave_for_a_box_that_is_revoked_or_unknown(ended: Ended) -> None:
    """A revoked box stays out, and nobody signs for a name that was never enrolled."""
    key = ended.key(Role.PROVISIONING, "bureau-1")
    now = ended.desk.clock.now()
    with pytest.raises(ReadmitError, match="never enrolled"):
        readmit(ended.desk.enrolment, "0755-077-a", key=key, ask=no_passphrase, valid=WEEK, now=now)
    with pytest.raises(ReadmitError, match="at most 30"):
        readmit(ended.desk.enrolment, BOX, key=key, ask=no_passphrase, valid=timedelta(days=31), now=now)
    revoked = ended.desk.authority.revoke(ended.box.certificate(), now=now)
    lists = b"".join(crl.public_bytes(Encoding.PEM) for crl in revoked.crls.values())
    (ended.desk.folder / "crls.pem").write_bytes(lists)
    with pytest.raises(ReadmitError, match="revoked"):
        ended.give(key)


def test_a_key_of_another_role_gives_no_leave(ended: Ended) -> None:
    """A collector's key, and one whose certificate has ended."""
    with pytest.raises(ReadmitError, match="neither a provisioning key"):
        ended.give(ended.key(Role.COLLECTOR, "centre-1"))
    officer = ended.key(Role.PROVISIONING, "bureau-1")
    ended.desk.clock.advance(timedelta(days=4 * 365))
    with pytest.raises(ReadmitError, match="has ended"):
        ended.give(officer)
