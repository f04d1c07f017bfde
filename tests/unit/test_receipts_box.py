"""Whose word a box takes: only a collector's under the pinned root, for this box, of this type."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta

from agent.receipts import MAX_DOWN_BYTES, Centre, Refused, Verified
from protocol.certificates import Role
from protocol.envelope import EnvelopeType
from protocol.kinds import Lane
from protocol.messages import Answers, LaneHead, Order, Receipt, encode
from protocol.timestamps import format_time
from provisioning.authority import Authority
from tests.ledgers import NOW, PaperBox

HEAD = LaneHead(lane=Lane.URGENT, run="1" * 32, seq=1, hash="2" * 64)


def receipt(
    answers: Answers = Answers.EVENTS,
    *,
    box: str = "0755-031-a",
    collector: str = "centre-1",
    x5c: tuple[str, ...] = (),
    at: datetime = NOW,
) -> bytes:
    """A receipt's line."""
    return encode(
        Receipt(
            v=1, collector=collector, box=box, at=format_time(at), answers=answers, heads=(HEAD,), counter=7, x5c=x5c
        )
    )


def collector(authority: Authority, name: str = "centre-1") -> PaperBox:
    """A collector with its key."""
    return PaperBox(authority, id=name, role=Role.COLLECTOR)


def x5c(signer: PaperBox) -> tuple[str, ...]:
    """Its chain as a receipt carries it."""
    return tuple(b64encode(der).decode() for der in signer.chain)


def reason(answer: Verified[Receipt] | Refused) -> str:
    """Why it was refused; empty if it was not."""
    return answer.reason if isinstance(answer, Refused) else ""


def test_a_collector_is_known_after_its_answer_to_a_birth() -> None:
    """The chain comes once, with the answer to a birth; from then on its key is known by its kid."""
    authority = Authority.create(now=NOW)
    signer = collector(authority)
    centre = Centre(authority.root.certificate, "0755-031-a")
    plain = signer.sealer.seal(EnvelopeType.RECEIPT, receipt())
    answer = centre.receipt(plain, NOW)
    assert answer == Refused(reason="unknown_collector", unknown_key=True)
    birth = signer.sealer.seal(EnvelopeType.RECEIPT, receipt(Answers.BIRTH, x5c=x5c(signer)))
    assert isinstance(centre.receipt(birth, NOW), Verified)
    assert isinstance(centre.receipt(plain, NOW), Verified)


def test_nobody_else_is_believed() -> None:
    """A box's key, another root, another's chain, a broken signature, a foreign box: refused by name."""
    authority, rogue = Authority.create(now=NOW), Authority.create(now=NOW)
    honest, stranger, other_box = (
        collector(authority),
        collector(rogue),
        PaperBox(authority, id="0755-032-a", site="0755-032"),
    )
    centre = Centre(authority.root.certificate, "0755-031-a")

    def judged(signer: PaperBox, line: bytes, typ: EnvelopeType = EnvelopeType.RECEIPT) -> str:
        return reason(centre.receipt(signer.sealer.seal(typ, line), NOW))

    assert judged(other_box, receipt(Answers.BIRTH, x5c=x5c(other_box))) == "certificate_wrong_role"
    assert judged(stranger, receipt(Answers.BIRTH, x5c=x5c(stranger))) == "certificate_untrusted"
    assert judged(stranger, receipt(Answers.BIRTH, x5c=x5c(honest))) == "unknown_collector"
    assert judged(honest, receipt(Answers.BIRTH, x5c=("!!!!",))) == "malformed"
    assert judged(honest, receipt(Answers.BIRTH, x5c=x5c(honest)), EnvelopeType.BEAT) == "wrong_type"
    assert judged(honest, receipt(Answers.BIRTH, x5c=x5c(honest), box="0755-032-a")) == "foreign_box"
    assert judged(honest, receipt(Answers.BIRTH, x5c=x5c(honest), collector="centre-2")) == "foreign_collector"
    whole = honest.sealer.seal(EnvelopeType.RECEIPT, receipt(Answers.BIRTH, x5c=x5c(honest)))
    bent = whole[:-8] + (b"AAAAAAAA" if not whole.endswith(b"AAAAAAAA") else b"BBBBBBBB")
    assert reason(centre.receipt(bent, NOW)) in {"bad_signature", "malformed"}
    assert reason(centre.receipt(b"", NOW)) == "malformed"
    assert reason(centre.receipt(b"x" * (MAX_DOWN_BYTES + 1), NOW)) == "too_large"
    assert reason(centre.receipt(honest.sealer.seal(EnvelopeType.RECEIPT, receipt()), NOW)) == "unknown_collector"


def test_an_ended_certificate_signs_no_receipts() -> None:
    """WIRE 2.5: orders, receipts and TLS need a valid certificate."""
    authority = Authority.create(now=NOW)
    signer = collector(authority)
    centre = Centre(authority.root.certificate, "0755-031-a")
    birth = signer.sealer.seal(EnvelopeType.RECEIPT, receipt(Answers.BIRTH, x5c=x5c(signer)))
    assert isinstance(centre.receipt(birth, NOW), Verified)
    later = NOW + timedelta(days=400)
    assert reason(centre.receipt(signer.sealer.seal(EnvelopeType.RECEIPT, receipt()), later)) == "certificate_expired"


def test_a_collector_cannot_push_the_time_past_its_own_certificate() -> None:
    """The floor that receipts raise stays (WIRE 3.7): a clock in the year 2400 would end every certificate for good."""
    authority = Authority.create(now=NOW)
    signer = collector(authority)
    centre = Centre(authority.root.certificate, "0755-031-a")
    ends = signer.credential.certificate.not_valid_after_utc
    birth = {"answers": Answers.BIRTH, "x5c": x5c(signer)}
    late = signer.sealer.seal(EnvelopeType.RECEIPT, receipt(**birth, at=ends + timedelta(seconds=1)))  # type: ignore[arg-type]
    assert reason(centre.receipt(late, NOW)) == "time_past_certificate"
    last = signer.sealer.seal(EnvelopeType.RECEIPT, receipt(**birth, at=ends))  # type: ignore[arg-type]
    assert isinstance(centre.receipt(last, NOW), Verified)


def test_a_receipt_is_never_taken_for_an_order() -> None:
    """The type stands in the signed header: what was sealed as one thing opens as nothing else."""
    authority = Authority.create(now=NOW)
    signer = collector(authority)
    centre = Centre(authority.root.certificate, "0755-031-a")
    centre.receipt(signer.sealer.seal(EnvelopeType.RECEIPT, receipt(Answers.BIRTH, x5c=x5c(signer))), NOW)
    order = Order(
        v=1,
        id="019a9b1e-0000-7000-8000-000000000000",
        box="0755-031-a",
        challenge="",
        roster_version=1,
        action="disarm",
        at=format_time(NOW),
        by="p1",
    )
    sealed = signer.sealer.seal(EnvelopeType.RECEIPT, encode(order))
    assert centre.order(sealed, NOW) == Refused(reason="wrong_type")
    assert isinstance(centre.order(signer.sealer.seal(EnvelopeType.ORDER, encode(order)), NOW), Verified)


def test_an_order_is_handed_on_byte_for_byte() -> None:
    """People signed its bytes: spaces, order of names and unknown members stay, and so do approvals behind it."""
    authority = Authority.create(now=NOW)
    signer = collector(authority)
    centre = Centre(authority.root.certificate, "0755-031-a")
    centre.receipt(signer.sealer.seal(EnvelopeType.RECEIPT, receipt(Answers.BIRTH, x5c=x5c(signer))), NOW)
    line = (
        b'{ "by":"p1","args":{"partition":"cash"}, "new":1,"id":"019a9b1e-0000-7000-8000-000000000000",'
        b'"box":"0755-031-a","challenge":"","roster_version":1,"action":"disarm","at":"2026-11-21T02:13:49.204Z","v":1}'
    )
    for payload in (line, line + b"\n{}\nwhatever\n"):
        taken = centre.order(signer.sealer.seal(EnvelopeType.ORDER, payload), NOW)
        assert isinstance(taken, Verified)
        assert (taken.payload, taken.message.by) == (payload, "p1")
    foreign = line.replace(b"0755-031-a", b"0755-031-b")
    assert centre.order(signer.sealer.seal(EnvelopeType.ORDER, foreign), NOW) == Refused(reason="foreign_box")
    assert centre.order(signer.sealer.seal(EnvelopeType.ORDER, b"\n" + line), NOW) == Refused(reason="malformed")
