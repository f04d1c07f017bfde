"""The authority at work: every act is recorded before anything leaves it, and the record holds or says where not."""

from __future__ import annotations

import fcntl
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import CertificateError, CertificateFault, Issuer, Role, Trust
from protocol.ledger import line_hash
from provisioning import command, deeds
from provisioning.authority import Authority
from provisioning.enrolment.folder import new_enrolment
from provisioning.issuing import IssueRefusedError, crl_number
from provisioning.keeping import load_authority, load_certificate, save_authority, save_crls
from provisioning.office import OfficeError, Order, open_office
from provisioning.record import Act, Deed, Entry
from provisioning.record_file import RECORD, RecordError, hold_record
from provisioning.refusal import RefusedError
from tests.clock import Clock

BOX = Order(role=Role.BOX, id="0755-031-a", site="0755-031")
OTHER = Order(role=Role.BOX, id="0755-032-a", site="0755-032")


@pytest.fixture
def ca(tmp_path: Path, clock: Clock) -> Path:
    """The folder of a new authority."""
    save_authority(Authority.create(now=clock.now()), tmp_path / "ca")
    return tmp_path / "ca"


def acts(ca: Path) -> list[Act]:
    """What the record tells of, after the lines of the beginning."""
    with hold_record(ca / RECORD) as record:
        return [entry.act for entry in record.entries][4:]


def identify(ca: Path, file: Path, clock: Clock) -> str:
    """Whose certificate the file holds, or why it is refused."""
    authority = load_authority(ca)
    chain = [each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(file.read_bytes())]
    try:
        return Trust(authority.root.certificate, authority.crls.values()).identify(chain, clock.now(), *Role).id
    except CertificateError as error:
        return error.fault


@pytest.mark.parametrize("role", list(Role))
def test_a_renewed_certificate_keeps_name_and_key(ca: Path, tmp_path: Path, clock: Clock, role: Role) -> None:
    """Renewal gives a new validity to the same key, site and host names, and writes no key."""
    identity = "centre-1" if role is Role.COLLECTOR else "x-1"
    hosts = ("mqtt.bank.example", "10.0.0.7") if role is Role.BROKER else ()
    order = Order(role=role, id=identity, site="x" if role is Role.BOX else None, hosts=hosts)
    with open_office(ca) as office:
        (old,) = office.issue([order], tmp_path / "kit", clock.now())
        later = clock.advance(timedelta(days=200))
        new = office.renew([old.certificate], tmp_path / "new", later)[identity]
    assert new.public_key() == old.certificate.public_key()
    assert new.not_valid_after_utc == old.certificate.not_valid_after_utc + timedelta(days=200)
    assert new.serial_number != old.certificate.serial_number
    names = [each.extensions.get_extension_for_class(x509.SubjectAlternativeName) for each in (old.certificate, new)]
    assert names[0] == names[1]
    assert identify(ca, tmp_path / "new" / f"{identity}.pem", clock) == identity
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted([f"{identity}.pem", "root.pem"])
    assert acts(ca) == [Act.ISSUED, Act.RENEWED]


def test_an_ended_certificate_can_be_renewed_here(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """FIELD-FAULTS row 15: whoever holds the authority may bring an ended box back with its own key."""
    with open_office(ca) as office:
        (old,) = office.issue([BOX], tmp_path / "kit", clock.now())
        late = clock.advance(timedelta(days=900))
        assert office.renew([old.certificate], tmp_path / "new", late)[BOX.id].not_valid_after_utc > late


def test_what_is_revoked_is_not_renewed(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """Neither the revoked certificate nor another one of the same key gets a new validity; nothing is recorded."""
    with open_office(ca) as office:
        (old,) = office.issue([BOX], tmp_path / "kit", clock.now())
        new = office.renew([old.certificate], tmp_path / "new", clock.advance(timedelta(days=1)))[BOX.id]
        office.revoke([new], [], clock.now())
    before = acts(ca)
    with open_office(ca) as office:
        for certificate in (old.certificate, new):
            with pytest.raises(IssueRefusedError, match="revoked"):
                office.renew([certificate], tmp_path / "again", clock.now())
    assert acts(ca) == before
    assert not (tmp_path / "again").exists()


def test_a_strangers_certificate_is_not_renewed(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """Neither another authority's nor one that the issuer's key made behind the record's back."""
    stranger = Authority.create(now=clock.now()).issue(Role.BOX, "b-1", site="b", now=clock.now())
    behind = load_authority(ca).issue(Role.BOX, "b-1", site="b", now=clock.now())
    with open_office(ca) as office:
        with pytest.raises(IssueRefusedError, match="not issued by this authority"):
            office.renew([stranger.certificate], tmp_path / "new", clock.now())
        with pytest.raises(IssueRefusedError, match="not in the record"):
            office.renew([behind.certificate], tmp_path / "new", clock.now())


def test_revoking_an_id_takes_every_certificate_of_it(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """Of a stolen box nobody has the newest certificate at hand: its id is enough; an old file does too."""
    with open_office(ca) as office:
        first, second = office.issue([BOX, OTHER], tmp_path / "kit", clock.now())
        office.renew([first.certificate, second.certificate], tmp_path / "new", clock.advance(timedelta(days=9)))
        assert office.revoke([], [BOX.id], clock.now()) == 2
        assert identify(ca, tmp_path / "new" / f"{OTHER.id}.pem", clock) == OTHER.id
        assert office.revoke([second.certificate], [], clock.now()) == 2
        assert office.revoke([second.certificate], [BOX.id], clock.now()) == 0
    for folder in ("kit", "new"):
        for order in (BOX, OTHER):
            assert identify(ca, tmp_path / folder / f"{order.id}.pem", clock) == CertificateFault.REVOKED


def told_by_enrolment(**facts: str) -> Entry:
    """A line of an enrolment's record, as whoever broke into that machine may write it."""
    line = {
        "role": "box",
        "id": "0755-099-a",
        "issuer": "boxes",
        "serial": "ab12",
        "certificate": "0" * 64,
        "key": "1" * 64,
        "not_after": "2028-01-01T00:00:00.000Z",
    }
    told = {name: value for name, value in (line | facts).items() if value != "-"}
    return Entry(v=1, run="0" * 32, seq=9, prev="0" * 64, at="", act=Act.ENROLLED, facts=told)


def test_an_intruder_on_the_enrolment_has_nobody_else_revoked(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """He writes that the stolen box has the collector's serial or key, or another box's: that revokes neither."""
    with open_office(ca) as office:
        orders = [BOX, OTHER, Order(role=Role.COLLECTOR, id="centre-1"), Order(role=Role.PROVISIONING, id="bureau-1")]
        box, other, collector, bureau = office.issue(orders, tmp_path / "kit", clock.now())
        serial = {each: deeds.serial_of(each.certificate) for each in (box, other, collector, bureau)}
        key = deeds.digest_of_key(collector.private_key.public_key())
        elsewhere = [
            told_by_enrolment(),
            told_by_enrolment(serial=serial[collector], issuer="centre"),
            told_by_enrolment(serial=serial[bureau], issuer="provisioning", role="provisioning"),
            told_by_enrolment(serial=serial[other]),
            told_by_enrolment(id=BOX.id, serial=serial[box], key=key),
        ]
        assert office.revoke([box.certificate], ["0755-099-a"], clock.now(), elsewhere) == 2
    for order in orders:
        held = identify(ca, tmp_path / "kit" / f"{order.id}.pem", clock)
        assert held == (CertificateFault.REVOKED if order is BOX else order.id)


@pytest.mark.parametrize(
    "facts",
    [
        *({"serial": serial} for serial in ("-", "zz", "0", "-5", "f" * 40)),
        *({"key": "-"}, {"key": "x"}, {"id": "-"}, {"id": "../x"}, {"issuer": "x"}, {"issuer": "-"}, {"role": "-"}),
    ],
)
def test_nonsense_of_an_enrolment_stops_no_revocation(
    ca: Path, tmp_path: Path, clock: Clock, facts: dict[str, str]
) -> None:
    """Whatever stands in that record, a box that the authority knows is revoked."""
    with open_office(ca) as office:
        office.issue([BOX], tmp_path / "kit", clock.now())
        assert office.revoke([], [BOX.id], clock.now(), [told_by_enrolment(**facts)]) == 1


def test_what_an_intruder_wrote_spoils_no_terminal(
    ca: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    """`audit` shows an enrolment's record as it stands, but for what would move the cursor or turn the writing."""
    new_enrolment(ca, tmp_path / "enrol", clock.now())
    with hold_record(tmp_path / "enrol" / RECORD) as record:
        record.append([Deed(act=Act.REFUSED, facts={"id": "\x1b[2J\u202e", "reason": "x"})], clock.now())
    assert command.main(["audit", "--dir", str(tmp_path / "enrol")]) == 0
    out = capsys.readouterr().out
    assert "id ?[2J?  reason x" in out


def test_revoking_somebody_unknown_revokes_nobody(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """All or none: a mistyped id beside a right one changes nothing."""
    with open_office(ca) as office:
        office.issue([BOX], tmp_path / "kit", clock.now())
        with pytest.raises(IssueRefusedError, match='no certificate of "0755-013-a"'):
            office.revoke([], [BOX.id, "0755-013-a"], clock.now())
    assert acts(ca) == [Act.ISSUED]
    assert crl_number(load_authority(ca).crls[Issuer.BOXES]) == 1


def test_a_boxes_id_is_never_used_again(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """WIRE 1.4, 3.1: a second key for a known box is refused, also after it was revoked, also within one batch."""
    with open_office(ca) as office:
        office.issue([BOX], tmp_path / "kit", clock.now())
        office.revoke([], [BOX.id], clock.now())
        for orders in ([BOX], [OTHER, OTHER]):
            with pytest.raises(IssueRefusedError, match=r"another key|named twice"):
                office.issue(orders, tmp_path / "again", clock.now())
        key = ec.generate_private_key(ec.SECP256R1()).public_key()
        assert office.certify(OTHER, key, clock.now())
        assert office.certify(OTHER, key, clock.now())  # the same key again is the same box
        with pytest.raises(IssueRefusedError, match="another key"):
            office.certify(OTHER, ec.generate_private_key(ec.SECP256R1()).public_key(), clock.now())
    assert not (tmp_path / "again").exists()


def test_a_key_is_never_overwritten(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """A second collector of the same name in the same folder is refused before anything is recorded."""
    order = Order(role=Role.COLLECTOR, id="centre-1")
    with open_office(ca) as office:
        office.issue([order], tmp_path / "kit", clock.now())
        key = (tmp_path / "kit" / "centre-1.key").read_bytes()
        with pytest.raises(OfficeError, match="already holds a key"):
            office.issue([order], tmp_path / "kit", clock.now())
    assert (tmp_path / "kit" / "centre-1.key").read_bytes() == key
    assert acts(ca) == [Act.ISSUED]


def test_a_batch_with_one_wrong_id_issues_none(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """All or none: the record and the folder stay as they were."""
    with open_office(ca) as office, pytest.raises(IssueRefusedError, match="no id"):
        office.issue([BOX, Order(role=Role.BOX, id="UPPER", site="x")], tmp_path / "kit", clock.now())
    assert acts(ca) == []
    assert not (tmp_path / "kit").exists()


def test_a_record_that_cannot_be_written_lets_nothing_out(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """A failure between signing and recording leaves no certificate: it never left the process."""
    whole = (ca / RECORD).read_bytes()
    with open_office(ca) as office, Path("/dev/full").open("wb") as full:
        office._record._descriptor = full.fileno()  # the disk is full from here on
        with pytest.raises(RecordError, match="No space left"):
            office.issue([BOX], tmp_path / "kit", clock.now())
        with pytest.raises(RecordError, match="No space left"):
            office.renew_crls(clock.now())
    assert not (tmp_path / "kit").exists()
    assert (ca / RECORD).read_bytes() == whole
    assert crl_number(load_authority(ca).crls[Issuer.BOXES]) == 1


def test_what_cannot_be_handed_out_is_withdrawn(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """Recorded but not written: nothing half is left, the record says so, and the id can be issued after all."""
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "root.pem").mkdir()  # a folder in the way of a file
    with open_office(ca) as office:
        with pytest.raises(OfficeError, match="withdrawn"):
            office.issue([BOX, OTHER], tmp_path / "kit", clock.now())
        assert [path.name for path in (tmp_path / "kit").iterdir()] == ["root.pem"]
        office.issue([BOX], tmp_path / "better", clock.now())
    assert acts(ca) == [Act.ISSUED, Act.ISSUED, Act.WITHDRAWN, Act.WITHDRAWN, Act.ISSUED]


def test_lists_lost_in_a_crash_are_made_good(ca: Path, tmp_path: Path, clock: Clock) -> None:
    """A crash between recording a revocation and writing the lists: the next `crl` names the revoked all the same."""
    before = load_authority(ca)
    with open_office(ca) as office:
        office.issue([BOX], tmp_path / "kit", clock.now())
        office.revoke([], [BOX.id], clock.now())
    save_crls(before, ca)  # as if they had not been written
    assert identify(ca, tmp_path / "kit" / f"{BOX.id}.pem", clock) == BOX.id
    with open_office(ca) as office:
        office.renew_crls(clock.advance(timedelta(days=1)))
    assert identify(ca, tmp_path / "kit" / f"{BOX.id}.pem", clock) == CertificateFault.REVOKED


def test_a_line_torn_by_a_crash_is_taken_away_by_the_next_act(
    ca: Path, tmp_path: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a line is what an act leaves that ended with its process; audit names it, and the next act goes on."""
    whole = (ca / RECORD).read_bytes()
    with (ca / RECORD).open("ab") as file:
        file.write(b'{"v":1,"run":"')
    assert command.main(["audit", "--dir", str(ca)]) == 1
    assert "line 5" in capsys.readouterr().err
    with open_office(ca) as office:
        office.issue([BOX], tmp_path / "kit", clock.now())
    assert (ca / RECORD).read_bytes().startswith(whole)
    assert command.main(["audit", "--dir", str(ca)]) == 0


def test_two_writers_never_meet(ca: Path, clock: Clock) -> None:
    """Whoever comes second waits a moment, then is told that the folder is in use; nothing is written."""
    with (ca / RECORD).open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(RecordError, match="in use"), open_office(ca, patience_s=0.0):
            pass
    with open_office(ca) as office:
        office.renew_crls(clock.now())


def test_a_missing_record_stops_every_act(ca: Path) -> None:
    """A record that was taken away is not begun anew in silence."""
    (ca / RECORD).unlink()
    with pytest.raises(RecordError, match="missing"), open_office(ca):
        pass


@pytest.fixture
def busy(ca: Path, tmp_path: Path, clock: Clock) -> Path:
    """An authority that has issued, renewed, revoked and renewed its lists."""
    with open_office(ca) as office:
        first, _ = office.issue([BOX, OTHER], tmp_path / "kit", clock.now())
        office.renew([first.certificate], tmp_path / "new", clock.advance(timedelta(days=2)))
        office.revoke([], [OTHER.id], clock.now())
        office.renew_crls(clock.advance(timedelta(days=2)))
    return ca


def test_audit_shows_everything_and_that_it_is_whole(busy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each act is printed, and at the end the number of lines and the last hash, to be noted elsewhere."""
    assert command.main(["audit", "--dir", str(busy)]) == 0
    out = capsys.readouterr().out
    lines = (busy / RECORD).read_bytes().splitlines()
    assert f"{len(lines)} lines" in out
    assert line_hash(lines[-1]) in out
    assert len(out.splitlines()) == len(lines) + 1
    for word in ("authority made", "issued  role box  id 0755-031-a", "renewed", "revoked  id 0755-032-a", "number 3"):
        assert word in out


def _replaced(lines: list[bytes], index: int, old: bytes, new: bytes) -> list[bytes]:
    assert old in lines[index]
    return [*lines[:index], lines[index].replace(old, new), *lines[index + 1 :]]


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda lines: _replaced(lines, 4, b"0755-031-a", b"0755-099-a"), "breaks at line 6"),
        (lambda lines: lines[:5] + lines[6:], "breaks at line 6"),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], "breaks at line 5"),
        (lambda lines: [*lines[:6], lines[5], *lines[6:]], "breaks at line 7"),
        (lambda lines: [*lines[:6], b"nonsense", *lines[6:]], "breaks at line 7"),
        (lambda lines: [*lines[:6], b"x" * 10_000, *lines[6:]], "breaks at line 7"),
        (lambda lines: lines[1:], "breaks at line 1"),
        (lambda lines: lines[:-1], "does not hold"),
        (lambda lines: lines[:4], "does not hold"),
    ],
    ids=["altered", "missing", "moved", "doubled", "nonsense", "endless", "beheaded", "cut", "cut to the beginning"],
)
def test_audit_ends_at_the_first_break(
    busy: Path, capsys: pytest.CaptureFixture[str], harm: object, sentence: str
) -> None:
    """Whatever is done to the record, its end taken away too, audit says where and ends with 1; no act goes on."""
    assert callable(harm)
    lines = harm((busy / RECORD).read_bytes().splitlines())
    (busy / RECORD).write_bytes(b"".join(line + b"\n" for line in lines))
    assert command.main(["audit", "--dir", str(busy)]) == 1
    assert sentence in capsys.readouterr().err
    if "line" in sentence:
        with pytest.raises(RefusedError, match="broken"), open_office(busy):
            pass


def test_audit_knows_another_authoritys_record(busy: Path, tmp_path: Path, clock: Clock) -> None:
    """A record put in the place of this one is found, whole as it is."""
    save_authority(Authority.create(now=clock.now()), tmp_path / "other")
    (busy / RECORD).write_bytes((tmp_path / "other" / RECORD).read_bytes())
    assert command.main(["audit", "--dir", str(busy)]) == 1


def test_the_record_names_what_left_the_house(busy: Path, tmp_path: Path) -> None:
    """A certificate found anywhere can be looked up by its digest, serial number and key."""
    certificate = load_certificate(tmp_path / "new" / f"{BOX.id}.pem")
    entries = [msgspec.json.decode(line) for line in (busy / RECORD).read_bytes().splitlines()]
    (entry,) = [each for each in entries if each["facts"].get("certificate") == deeds.digest_of(certificate)]
    assert entry["act"] == "renewed"
    assert int(entry["facts"]["serial"], 16) == certificate.serial_number
    assert entry["facts"]["renews"] == deeds.digest_of(load_certificate(tmp_path / "kit" / f"{BOX.id}.pem"))


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentences are compared in English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "C")
