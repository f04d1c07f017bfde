"""What only a box can judge of a bundle, and what it makes of the bundle in force at a later start."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agent.site_judging import SENTENCES, Knows, SignedSite, SiteRefusedError, claimed, in_force, judged, taken
from protocol.bundle import Bundle, bundle_hash, encode_bundle
from protocol.certificates import CertificateFault, Role
from protocol.documents import sign_document
from protocol.envelope import EnvelopeFault, EnvelopeType
from protocol.limits import MAX_BUNDLE_BYTES
from protocol.sealing import SealingError, open_secret, seal_secret
from protocol.texts import texts_for
from tests.bundles import BOX, SITE, Bureau, key, person, roster, settings
from tests.ledgers import NOW

BUREAU = Bureau()
SEALING = key(31)


def opens(name: str, sealed: str) -> bool:
    """With this box's sealing key."""
    try:
        open_secret(sealed, box=BOX, name=name, key=SEALING)
    except SealingError:
        return False
    return True


KNOWS = Knows(trust=BUREAU.trust, box=BOX, site=SITE, pins=BUREAU.pins, opens=opens)


def held(bundle: Bundle | None = None) -> SignedSite:
    """A bundle that is in force."""
    return in_force(BUREAU.document(bundle or BUREAU.bundle(3)), KNOWS)


def refusal(document: bytes, before: SignedSite | None = None, days: float = 0) -> SiteRefusedError:
    """Why it is refused."""
    with pytest.raises(SiteRefusedError) as caught:
        judged(document, KNOWS, before, NOW + timedelta(days=days))
    return caught.value


def test_what_is_taken_is_what_a_later_start_finds_in_force() -> None:
    """The first one by the kit's pins, the next by its own; state for births, signers and touches for the event."""
    first = BUREAU.document(BUREAU.bundle(1))
    one = taken(first, judged(first, KNOWS, None, NOW))
    assert in_force(first, KNOWS) == one
    second = BUREAU.document(BUREAU.bundle(2, roster=roster(2, person("li-na", 101))))
    two = taken(second, judged(second, KNOWS, one, NOW))
    assert in_force(second, KNOWS, first) == two
    assert (two.touches, two.signers, two.site.id) == (("roster",), ("bureau-1", "bureau-2"), SITE)
    assert (two.state.version, two.state.hash, two.state.roster_version) == (2, bundle_hash(two.payload), 2)


def test_a_box_starts_after_its_signers_end() -> None:
    """Time counts when a bundle is taken: a document of an ended signer is refused then, and in force is in force."""
    document = BUREAU.document(BUREAU.bundle(4))
    assert refusal(document, held(), days=9000).reason == "certificate_expired"
    assert refusal(document, held(), days=-9000).reason == "certificate_not_yet_valid"
    assert in_force(document, KNOWS).bundle.version == 4


def test_keys_that_the_bundle_in_force_left_out_count_no_more() -> None:
    """Rotation: the kit's pins count until the first bundle, then each bundle's for the next."""
    rotated = BUREAU.bundle(3, pins=tuple(sorted(BUREAU.pins))[:1])
    reasons = {refusal(BUREAU.document(BUREAU.bundle(4)), held(rotated)).reason}
    assert reasons == {"key_not_pinned"}
    third = sign_document(EnvelopeType.SITE, encode_bundle(BUREAU.bundle(1)), [BUREAU.signer(BUREAU.keys["bureau-3"])])
    assert refusal(third).reason == "key_not_pinned"


def test_a_secret_must_open_with_this_boxs_key() -> None:
    """Sealed to another key, or under another name, it is refused with its name and nothing else."""
    sealed = {name: seal_secret(b"s3cret", box=BOX, name=name, key=SEALING.public_key()) for name in ("cameras", "p1")}
    good = BUREAU.document(BUREAU.bundle(4, sealed=sealed, pending=()))
    assert judged(good, KNOWS, held(), NOW).bundle.sealed == sealed
    swapped = {"cameras": sealed["p1"], "p1": sealed["cameras"]}
    foreign = {"cameras": seal_secret(b"s3cret", box=BOX, name="cameras", key=key(32).public_key())}
    for wrong in (swapped, foreign):
        refused = refusal(BUREAU.document(BUREAU.bundle(4, sealed=wrong, pending=())), held())
        assert (refused.reason, refused.facts) == ("secret_not_ours", {"name": "cameras"})
        assert "s3cret" not in str(refused)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"box": "0755-031-b"}, "other_box"),
        ({"version": 2}, "older_version"),
        ({"settings": settings() | {"door": []}}, "settings_wrong"),
        ({"pending": ()}, "secret_missing"),
    ],
)
def test_the_shared_rules_keep_their_reasons_and_facts(changes: dict[str, Any], reason: str) -> None:
    """What `protocol/bundle.py` refuses is refused here with the same word and a whole sentence in both languages."""
    refused = refusal(BUREAU.document(BUREAU.bundle(**({"version": 4} | changes))), held())
    assert refused.reason == reason
    assert refused.facts
    for language in ("en", "zh-CN"):
        assert "{" not in refused.said.told(texts_for(language))


def test_every_fault_of_a_document_has_its_sentence() -> None:
    """None of the words that opening a document can give is without one; in Chinese none is left in English."""
    words = {*CertificateFault, *EnvelopeFault, "signed_twice", "foreign_certificate"}
    assert words <= SENTENCES.keys()
    chinese = texts_for("zh-CN")
    assert all(chinese(sentence) != sentence for sentence in SENTENCES.values())
    assert refusal(b"{").reason == "malformed"
    assert refusal(b"x" * (MAX_BUNDLE_BYTES + 1)).facts == {"limit_kib": 512}
    payload = encode_bundle(BUREAU.bundle(1))
    order = sign_document(EnvelopeType.KIT, payload, [BUREAU.signer(BUREAU.keys["bureau-1"])])
    assert refusal(order).reason == "wrong_type"
    box = sign_document(EnvelopeType.SITE, payload, [BUREAU.signer(BUREAU.issue(BOX, Role.BOX))])
    assert "is not for provisioning" in str(refusal(box))


def test_a_stored_bundle_of_another_box_or_with_one_changed_byte_is_not_used() -> None:
    """A state folder copied from elsewhere, or a disk that lost a bit."""
    document = BUREAU.document(BUREAU.bundle(1))
    stranger = Knows(trust=Bureau().trust, box=BOX, site=SITE, pins=frozenset(), opens=opens)
    other = Knows(trust=BUREAU.trust, box="0755-032-a", site="0755-032", pins=frozenset(), opens=opens)
    for knows in (stranger, other):
        with pytest.raises(SiteRefusedError):
            in_force(document, knows)
    for at in range(0, len(document), 97):
        bent = document[:at] + bytes([document[at] ^ 1]) + document[at + 1 :]
        with pytest.raises(SiteRefusedError):
            in_force(bent, KNOWS)


def test_what_a_refused_document_claims_names_it() -> None:
    """Version and hash for the event, whoever signed; nothing where it is no bundle."""
    payload = encode_bundle(BUREAU.bundle(7))
    assert claimed(BUREAU.document(payload)) == {"version": 7, "hash": bundle_hash(payload)}
    assert claimed(b"") == claimed(BUREAU.document(b"{}")) == {}
