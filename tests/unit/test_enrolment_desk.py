"""The enrolment's desk on virtual time: who gets a certificate, who is refused with which word, what is recorded."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import Role, kid_of
from protocol.documents import Signer, sign_document
from protocol.enrolled import read_enrolled
from protocol.enrolment import EnrolAnswer, RecordLine, RecordRequest, Refusal, decode, hash_of_secret
from protocol.envelope import EnvelopeType, Sealer
from protocol.ledger import line_hash
from protocol.timestamps import format_time
from provisioning import deeds
from provisioning.authority import Authority
from provisioning.enrolment.auditing import require_whole
from provisioning.enrolment.codes import MAX_ISSUED
from provisioning.enrolment.desk import RENEWALS_AN_HOUR, STRANGERS_AN_HOUR, Answered, Declined
from provisioning.enrolment.folder import BUNDLES, ENROLLED, FolderError, new_enrolment
from provisioning.enrolment.tokens import TokenError
from provisioning.keeping import CRLS
from provisioning.office import Order, open_office
from provisioning.record_file import RECORD, RecordError
from tests.clock import Clock
from tests.enrolments import BOX, SITE, AskingBox, PaperDesk, paper_desk
from tests.ledgers import der_chain, trust_of


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[PaperDesk]:
    """An enrolment that nobody has asked yet."""
    with paper_desk(tmp_path, clock) as made:
        yield made


def refused(answer: Answered | Declined) -> Refusal:
    """The word of a refusal."""
    assert isinstance(answer, Declined), answer
    return answer.reason


def test_a_code_makes_a_box(desk: PaperDesk) -> None:
    """Certificate for the key that asked, root, bundle as it lies there byte for byte, and a file for the inventory."""
    bundle = b'{"payload": "e30",  "signatures": [{"protected":"a","signature":"b","header":{"x5c":["c"]}}]}'
    (desk.folder / BUNDLES / f"{BOX}.json").write_bytes(bundle)
    box = AskingBox()
    answer = box.take(desk.desk.enrol(box.enrolment(desk.token().code.secret)))
    assert isinstance(answer, EnrolAnswer)
    identity = trust_of(desk.authority).identify(box.chain, desk.clock.now(), Role.BOX)
    assert (identity.id, identity.site, identity.public_key) == (BOX, SITE, box.key.public_key())
    assert answer.document == bundle
    told = read_enrolled((desk.folder / ENROLLED / f"{BOX}.json").read_bytes())
    assert told.signing == deeds.digest_of_key(box.key.public_key())
    (line,) = desk.said("enrolled")
    assert line["certificate"] == deeds.digest_of(box.certificate())


def test_a_damaged_bundle_does_not_stop_an_enrolment(desk: PaperDesk) -> None:
    """The box is enrolled without it: the centre brings it later."""
    (desk.folder / BUNDLES / f"{BOX}.json").write_bytes(b"half a bund")
    box = AskingBox()
    answer = box.take(desk.desk.enrol(box.enrolment(desk.token().code.secret)))
    assert isinstance(answer, EnrolAnswer)
    assert answer.document is None


def test_a_code_is_good_for_one_key(desk: PaperDesk) -> None:
    """Somebody else with the same code is refused and recorded; the box itself, whose answer was lost, is not."""
    secret = desk.token().code.secret
    box, thief = AskingBox(), AskingBox()
    box.take(desk.desk.enrol(box.enrolment(secret)))
    assert refused(desk.desk.enrol(thief.enrolment(secret))) is Refusal.CODE_USED
    box.take(desk.desk.enrol(box.enrolment(secret)))
    assert [line["reason"] for line in desk.said("refused")] == ["code_used"]
    assert len({line["key"] for line in desk.said("enrolled")}) == 1


def test_a_lost_answer_is_not_asked_for_for_ever(desk: PaperDesk) -> None:
    """The same key gets its certificate again some twenty times, not more."""
    secret, box = desk.token().code.secret, AskingBox()
    for _ in range(MAX_ISSUED):
        box.take(desk.desk.enrol(box.enrolment(secret)))
    assert refused(desk.desk.enrol(box.enrolment(secret))) is Refusal.CODE_USED


def test_an_ended_code_is_refused(desk: PaperDesk) -> None:
    """At its very end, used or not."""
    secret, box = desk.token(valid=timedelta(minutes=30)).code.secret, AskingBox()
    desk.clock.advance(timedelta(minutes=30))
    assert refused(desk.desk.enrol(box.enrolment(secret))) is Refusal.CODE_EXPIRED


def test_a_code_of_another_site_is_refused(desk: PaperDesk) -> None:
    """Another site for the box, and another box: neither costs the other's code a try."""
    secret = desk.token().code.secret
    desk.token("0755-032-a", "0755-032")
    for box in (AskingBox(site="0755-032"), AskingBox(box="0755-032-a", site="0755-032")):
        assert refused(desk.desk.enrol(box.enrolment(secret))) is Refusal.SITE_WRONG
    assert [line.get("tries") for line in desk.said("refused")] == [None, None]


def test_five_guesses_kill_a_code(desk: PaperDesk) -> None:
    """The right secret comes too late then; each guess and the death are in the record."""
    token, box = desk.token(), AskingBox()
    for number in range(5):
        expected = Refusal.CODE_DEAD if number == 4 else Refusal.CODE_WRONG
        assert refused(desk.desk.enrol(AskingBox().enrolment(bytes([number] * 10)))) is expected
    assert refused(desk.desk.enrol(box.enrolment(token.code.secret))) is Refusal.CODE_DEAD
    assert [line["tries"] for line in desk.said("refused") if "tries" in line] == ["1", "2", "3", "4", "5"]
    assert desk.said("code_dead") == [{"code": token.name, "id": BOX, "site": SITE}]


def test_four_guesses_do_not(desk: PaperDesk) -> None:
    """An attacker cannot keep a box out with fewer; and a restart of the enrolment gives him no tries back."""
    token, box = desk.token(), AskingBox()
    for number in range(4):
        desk.desk.enrol(AskingBox().enrolment(bytes([number] * 10)))
    desk.again()
    box.take(desk.desk.enrol(box.enrolment(token.code.secret)))


def test_guesses_are_counted_over_a_restart(desk: PaperDesk) -> None:
    """Two, a restart, three more: dead."""
    desk.token()
    for number in range(5):
        if number == 2:
            desk.again()
        answer = desk.desk.enrol(AskingBox().enrolment(bytes([number] * 10)))
    assert refused(answer) is Refusal.CODE_DEAD


def test_a_newer_code_takes_the_olders_place(desk: PaperDesk) -> None:
    """The old paper is refused as dead and costs the new one no try."""
    older, newer, box = desk.token(), desk.token(), AskingBox()
    assert newer.replaces == older.name
    for _ in range(6):
        assert refused(desk.desk.enrol(box.enrolment(older.code.secret))) is Refusal.CODE_DEAD
    box.take(desk.desk.enrol(box.enrolment(newer.code.secret)))


def test_names_without_a_code_share_a_bucket(desk: PaperDesk) -> None:
    """A guesser of names is stopped after thirty and fills no record; who has a code is not stopped by him."""
    token, box = desk.token(), AskingBox()
    for number in range(STRANGERS_AN_HOUR):
        guess = AskingBox(box=f"0755-{number:03d}-z", site="0755-099")
        assert refused(desk.desk.enrol(guess.enrolment(b"0123456789"))) is Refusal.CODE_WRONG
    for _ in range(50):
        guess = AskingBox(box="0755-999-z", site="0755-999")
        assert refused(desk.desk.enrol(guess.enrolment(b"0123456789"))) is Refusal.TOO_MANY
    assert len(desk.said("refused")) == STRANGERS_AN_HOUR + 1
    box.take(desk.desk.enrol(box.enrolment(token.code.secret)))
    desk.clock.advance(timedelta(hours=1) / STRANGERS_AN_HOUR + timedelta(seconds=1))
    guess = AskingBox(box="0755-998-z", site="0755-998")
    assert refused(desk.desk.enrol(guess.enrolment(b"0123456789"))) is Refusal.CODE_WRONG
    desk.clock.advance(timedelta(hours=1))
    for _ in range(STRANGERS_AN_HOUR + 1):
        desk.desk.enrol(guess.enrolment(b"0123456789"))
    assert desk.said("refused")[-1]["reason"] == "too_many"
    assert int(desk.said("refused")[-1]["count"]) == 50


def test_a_new_key_for_a_known_box_is_refused(desk: PaperDesk) -> None:
    """With a code that was made before the box was known, too; and no code is made for it without --again."""
    desk.enrolled()
    with pytest.raises(TokenError, match="enrolled already"):
        desk.token()
    secret = desk.token(again=True).code.secret
    assert refused(desk.desk.enrol(AskingBox().enrolment(secret))) is Refusal.BOX_KNOWN


def test_one_key_is_no_two_boxes(desk: PaperDesk) -> None:
    """A copied state folder does not become another site's box."""
    box = desk.enrolled()
    other = AskingBox(box="0755-032-a", site="0755-032", key=box.key)
    secret = desk.token("0755-032-a", "0755-032").code.secret
    assert refused(desk.desk.enrol(other.enrolment(secret))) is Refusal.BOX_KNOWN


def test_the_same_key_enrols_again_with_a_fresh_code(desk: PaperDesk) -> None:
    """`--again`: the witnessed way back after a certificate has ended."""
    box = desk.enrolled()
    desk.clock.advance(timedelta(days=3 * 365))
    secret = desk.token(again=True).code.secret
    box.take(desk.desk.enrol(box.enrolment(secret)))
    assert box.certificate().not_valid_after_utc > desk.clock.now()
    with pytest.raises(TokenError, match="never enrolled"):
        desk.token("0755-099-a", "0755-099", again=True)
    with pytest.raises(TokenError, match="belongs to site 0755-031"):
        desk.token(BOX, "0755-032", again=True)


def test_what_the_authority_issued_before_is_known(tmp_path: Path, clock: Clock) -> None:
    """A box with a key that was carried by hand is known from the enrolment's first day."""
    with paper_desk(tmp_path / "one", clock) as first:
        with open_office(first.ca) as office:
            office.issue([Order(role=Role.BOX, id=BOX, site=SITE)], tmp_path / "kit", clock.now())
        second = new_enrolment(first.ca, tmp_path / "second", clock.now())
        assert second.folder.exists()
        first.enrolment, first.folder = second, second.folder
        first.again()
        with pytest.raises(TokenError, match="enrolled already"):
            first.token()


@pytest.mark.parametrize(
    ("box", "site", "valid"),
    [
        ("centre-north", SITE, timedelta(hours=1)),
        ("../etc", SITE, timedelta(hours=1)),
        (BOX, "A", timedelta(hours=1)),
        (BOX, SITE, timedelta(0)),
        (BOX, SITE, timedelta(days=31)),
    ],
)
def test_no_code_for_what_is_none(desk: PaperDesk, box: str, site: str, valid: timedelta) -> None:
    """A collector's name, a path, another spelling, no life and too long a life."""
    with pytest.raises(TokenError):
        desk.token(box, site, valid=valid)
    assert desk.said("token") == []


def test_the_folder_keeps_no_secret(desk: PaperDesk) -> None:
    """Neither the store nor the record has a code's secret: only its hash, in the store."""
    secret = desk.token().code.secret
    content = b"".join(path.read_bytes() for path in desk.folder.rglob("*") if path.is_file())
    assert hash_of_secret(secret) in content
    for form in (secret, secret.hex().encode()):
        assert form not in content


def test_a_box_renews_as_often_as_is_honest(desk: PaperDesk) -> None:
    """Six times an hour, of which the record tells; what comes beyond it counts in one line."""
    box = desk.enrolled()
    first = box.certificate()
    for _ in range(RENEWALS_AN_HOUR):
        box.take(desk.desk.renew(box.renewal(desk.clock.now())))
    assert box.certificate().public_key() == first.public_key()
    for _ in range(20):
        assert refused(desk.desk.renew(box.renewal(desk.clock.now()))) is Refusal.TOO_MANY
    assert len(desk.said("renewed")) == RENEWALS_AN_HOUR
    assert [line["reason"] for line in desk.said("refused")] == ["too_many"]


def test_an_ended_certificate_is_not_renewed(desk: PaperDesk) -> None:
    """To the second of its end it is, after it nobody gave leave."""
    box = desk.enrolled()
    end = box.certificate().not_valid_after_utc
    desk.clock.advance(end - desk.clock.now() + timedelta(seconds=1))
    assert refused(desk.desk.renew(box.renewal(desk.clock.now()))) is Refusal.NOT_READMITTED
    assert desk.said("renewed") == []


def test_a_certificate_that_no_record_knows_is_not_renewed(desk: PaperDesk) -> None:
    """Whoever stole the issuing key made himself a box: the enrolment does not help him on."""
    forged = AskingBox(box="0755-666-a", site="0755-666")
    certificate = desk.authority.certify(
        Role.BOX, forged.box, forged.key.public_key(), site=forged.site, now=desk.clock.now()
    )
    forged.chain = der_chain(desk.authority, certificate)
    assert refused(desk.desk.renew(forged.renewal(desk.clock.now()))) is Refusal.BOX_UNKNOWN


def test_a_revoked_box_gets_nothing_more(desk: PaperDesk) -> None:
    """Lists that are laid into the folder count at once: no renewal, no enrolment with that key, no code."""
    box = desk.enrolled()
    again = desk.token(again=True).code.secret
    revoked = desk.authority.revoke(box.certificate(), now=desk.clock.now())
    lists = b"".join(crl.public_bytes(Encoding.PEM) for crl in revoked.crls.values())
    (desk.folder / CRLS).write_bytes(lists)
    assert refused(desk.desk.renew(box.renewal(desk.clock.now()))) is Refusal.REVOKED
    assert refused(desk.desk.enrol(box.enrolment(again))) is Refusal.REVOKED
    with pytest.raises(TokenError, match="revoked"):
        desk.token(again=True)
    (desk.folder / CRLS).write_bytes(b"no list at all")
    assert refused(desk.desk.renew(box.renewal(desk.clock.now()))) is Refusal.REVOKED


def test_a_foreign_list_revokes_nobody(desk: PaperDesk, tmp_path: Path) -> None:
    """A list that bears the issuer's name but not its signature has no say."""
    box, other = desk.enrolled(), Authority.create(now=desk.clock.now())
    forged = other.revoke_serial(next(iter(other.issuers)), box.certificate().serial_number, now=desk.clock.now())
    lists = b"".join(crl.public_bytes(Encoding.PEM) for crl in forged.crls.values())
    (desk.folder / CRLS).write_bytes(lists)
    box.take(desk.desk.renew(box.renewal(desk.clock.now())))


def test_a_crash_between_record_and_store_is_made_good(desk: PaperDesk) -> None:
    """The store is thrown back to before the enrolment: the next turn reads on, and the code is used, not open."""
    token, box = desk.token(), AskingBox()
    store = desk.folder / "codes.sqlite"
    before = store.read_bytes()
    box.take(desk.desk.enrol(box.enrolment(token.code.secret)))
    desk.book.close()
    store.write_bytes(before)
    desk.again()
    assert refused(desk.desk.enrol(AskingBox().enrolment(token.code.secret))) is Refusal.CODE_USED
    box.take(desk.desk.enrol(box.enrolment(token.code.secret)))


def test_a_lost_store_is_made_again(desk: PaperDesk) -> None:
    """Of the record: boxes stay known and codes stay closed; open codes are lost, for their secrets were only there."""
    box, open_code = desk.enrolled(), desk.token("0755-032-a", "0755-032")
    desk.book.close()
    (desk.folder / "codes.sqlite").unlink()
    desk.again()
    box.take(desk.desk.renew(box.renewal(desk.clock.now())))
    other = AskingBox(box="0755-032-a", site="0755-032")
    assert refused(desk.desk.enrol(other.enrolment(open_code.code.secret))) is Refusal.CODE_WRONG


def test_a_record_that_was_cut_stops_the_enrolment(desk: PaperDesk) -> None:
    """Nothing is issued behind a record whose end somebody took away."""
    desk.enrolled()
    record = desk.folder / RECORD
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(RecordError, match="shorter"):
        desk.token("0755-032-a", "0755-032")


def test_what_cannot_be_recorded_is_not_issued(desk: PaperDesk) -> None:
    """The record is gone: no certificate, an error that says try again."""
    token, box = desk.token(), AskingBox()
    (desk.folder / RECORD).rename(desk.folder / "away")
    with pytest.raises(RecordError):
        desk.desk.enrol(box.enrolment(token.code.secret))
    (desk.folder / "away").rename(desk.folder / RECORD)
    box.take(desk.desk.enrol(box.enrolment(token.code.secret)))


def test_the_store_is_written_through(desk: PaperDesk) -> None:
    """`synchronous=FULL`: a power cut takes back no counted try."""
    assert desk.book._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_an_enrolment_is_made_whole_or_not_at_all(desk: PaperDesk, tmp_path: Path) -> None:
    """Not over something else; and it holds no key but the one it needs."""
    with pytest.raises(FolderError):
        new_enrolment(desk.ca, desk.folder, desk.clock.now())
    keys = sorted(path.relative_to(desk.folder).as_posix() for path in desk.folder.rglob("*.key"))
    assert keys == ["boxes/boxes.key"]
    assert (desk.folder / "boxes" / "boxes.key").stat().st_mode & 0o777 == 0o600
    assert desk.folder.stat().st_mode & 0o777 == 0o700


def _reads(desk: PaperDesk, role: Role, name: str, after: int, at: datetime) -> Answered | Declined:
    site = SITE if role is Role.BOX else None
    credential = desk.authority.issue(role, name, site=site, now=desk.clock.now())
    sealer = Sealer(credential.private_key, kid_of(credential.certificate))
    signer = Signer(sealer=sealer, chain=der_chain(desk.authority, credential.certificate))
    payload = msgspec.json.encode(RecordRequest(v=1, after=after, at=format_time(at)))
    return desk.desk.lines(sign_document(EnvelopeType.RECORD, payload, [signer]))


def test_the_centre_reads_the_record(desk: PaperDesk) -> None:
    """The lines as they stand in the file, after the one that it has; each is one that it can read, and chained."""
    desk.enrolled()
    now = desk.clock.now()
    whole = _reads(desk, Role.COLLECTOR, "centre-1", 0, now)
    assert isinstance(whole, Answered)
    assert whole.body == (desk.folder / RECORD).read_bytes()
    later = _reads(desk, Role.COLLECTOR, "centre-1", 2, now)
    assert isinstance(later, Answered)
    (line,) = later.body.splitlines()
    read = decode(line, RecordLine)
    assert (read.seq, read.act, read.facts["id"]) == (3, "enrolled", BOX)
    assert read.prev == line_hash(whole.body.splitlines()[1])


def test_nobody_else_reads_it(desk: PaperDesk) -> None:
    """Not a box, not a broker, not a collector of another bank, not with yesterday's request, not without one."""
    desk.enrolled()
    now = desk.clock.now()
    for role, name in ((Role.BOX, "0755-032-a"), (Role.BROKER, "broker-1"), (Role.PERSON, "zhang-wei")):
        assert refused(_reads(desk, role, name, 0, now)) is Refusal.MALFORMED
    for age in (timedelta(hours=2), -timedelta(hours=2)):
        assert refused(_reads(desk, Role.COLLECTOR, "centre-1", 0, now - age)) is Refusal.MALFORMED
    for body in (b"", b"{}", AskingBox().enrolment(b"0123456789")):
        assert refused(desk.desk.lines(body)) is Refusal.MALFORMED
    desk.authority = Authority.create(now=now)
    assert refused(_reads(desk, Role.COLLECTOR, "centre-1", 0, now)) is Refusal.MALFORMED


def test_a_store_that_was_cut_off_while_it_was_written_is_taken_up(desk: PaperDesk, tmp_path: Path) -> None:
    """Killed between the store's pages: the next start finds the journal, rolls back, and reads the record on."""
    token, box = desk.token(), AskingBox()
    store, cut = desk.folder / "codes.sqlite", tmp_path / "cut"
    cut.mkdir()
    with closing(sqlite3.connect(store, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")  # so that changed pages go to the file before the end
        db.execute("BEGIN IMMEDIATE")
        for number in range(500):
            db.execute("INSERT INTO leaves VALUES (?)", (f"{number:064d}",))
        for name in ("codes.sqlite", "codes.sqlite-journal"):
            (cut / name).write_bytes((desk.folder / name).read_bytes())
        db.execute("ROLLBACK")
    desk.book.close()
    for name in ("codes.sqlite", "codes.sqlite-journal"):
        (desk.folder / name).write_bytes((cut / name).read_bytes())
    require_whole(desk.folder)
    desk.again()
    box.take(desk.desk.enrol(box.enrolment(token.code.secret)))
