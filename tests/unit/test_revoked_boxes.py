"""Boxes whose certificates were taken back: told once, refused from then on, and an alarm where they still speak."""

from __future__ import annotations

from collector.console.wording import Wording
from protocol.certificates import Issuer, Role, Trust, kid_of, thumbprint
from protocol.envelope import Sealer
from protocol.texts import texts_for
from provisioning.authority import Authority
from tests.collecting import Box, PaperCentre
from tests.ledgers import NOW, der_chain, trust_of


def test_a_revocation_of_a_known_box_is_told_once(centre: PaperCentre) -> None:
    """WIRE 3.3: a new list that names a box is told at its site; the same again, or a restart, says no more."""
    authority = Authority.create(now=NOW)
    box, other = (Box(authority=authority, id=f"{site}-a", site=site, now=NOW) for site in ("0755-035", "0755-036"))
    centre.pipeline.trust(trust_of(authority))
    centre.take(box.birth(), other.birth())
    centre.tick()
    assert centre.events("certificate.revoked") == []
    revoked = authority.revoke(box.credential.certificate, now=NOW)
    centre.pipeline.trust(trust_of(revoked))
    centre.tick()
    (told,) = centre.events("certificate.revoked")
    assert (told.site, told.level, told.box) == (box.site, 5, centre.id)
    assert told.facts["box"] == box.id
    assert told.facts["serial"] == f"{box.credential.certificate.serial_number:x}"
    assert told.facts["key"] == thumbprint(box.credential.private_key.public_key())
    centre.restart()
    centre.pipeline.trust(trust_of(revoked.revoke(other.credential.certificate, now=NOW)))
    centre.tick()
    centre.tick()
    assert [event.facts["box"] for event in centre.events("certificate.revoked")] == [box.id, other.id]


def test_a_list_of_a_stranger_takes_no_box_back(centre: PaperCentre) -> None:
    """A list that bears the issuer's name and another's signature names boxes for nothing."""
    authority, forger = Authority.create(now=NOW), Authority.create(now=NOW)
    box = Box(authority=authority, id="0755-035-a", site="0755-035", now=NOW)
    centre.pipeline.trust(trust_of(authority))
    centre.take(box.birth())
    forged = forger.revoke_serial(Issuer.BOXES, box.credential.certificate.serial_number, now=NOW)
    centre.pipeline.trust(Trust(authority.root.certificate, forged.crls.values()))
    centre.tick()
    assert centre.events("certificate.revoked") == []


def test_a_key_that_was_taken_back_stays_so_under_any_other_certificate(centre: PaperCentre) -> None:
    """A stolen issuing key gives a stolen box a certificate that stands on no list, before the revocation or after."""
    authority = Authority.create(now=NOW)
    box = Box(authority=authority, id="0755-035-a", site="0755-035", now=NOW)
    centre.pipeline.trust(trust_of(authority))
    centre.take(box.birth())
    first = box.credential.certificate
    for again in ("before", "after"):
        renewed = authority.certify(Role.BOX, box.id, box.credential.private_key.public_key(), now=NOW, site=box.site)
        box.sealer = Sealer(box.credential.private_key, kid_of(renewed))
        box.chain = der_chain(authority, renewed)
        assert bool(centre.take(box.birth()).answers) is (again == "before")
        centre.pipeline.trust(trust_of(authority.revoke(first, now=NOW)))
        centre.tick()
        assert centre.take(box.beat(), box.birth()).answers == []
        centre.restart()
        centre.pipeline.trust(trust_of(authority.revoke(first, now=NOW)))
        centre.tick()
        assert centre.take(box.beat(), box.birth()).answers == []
    assert len(centre.events("certificate.revoked")) == 1
    (alarm,) = centre.alarms(kind="envelope.rejected")
    assert alarm.facts["reason"] == "revoked"


def test_a_revoked_box_that_speaks_is_an_alarm_that_says_so(centre: PaperCentre) -> None:
    """What it sends is set aside, level 2, in words that a person understands and with the next step."""
    authority = Authority.create(now=NOW)
    box = Box(authority=authority, id="0755-035-a", site="0755-035", now=NOW)
    centre.pipeline.trust(trust_of(authority))
    centre.take(box.birth())
    centre.pipeline.trust(trust_of(authority.revoke(box.credential.certificate, now=NOW)))
    centre.take(box.beat())
    (alarm,) = centre.alarms(kind="envelope.rejected")
    assert (alarm.level, alarm.facts["claimed_box"], alarm.facts["reason"]) == (2, box.id, "revoked")
    wording = Wording(texts=texts_for("en"))
    assert "whose certificate was revoked" in wording.headline(alarm.kind, alarm.source, alarm.facts)
    assert "switch it off" in wording.next_step(alarm.kind, alarm.site, alarm.facts)
