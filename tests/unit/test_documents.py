"""Signed documents: every signature holds or none counts, and nobody signs twice."""

from base64 import b64decode
from datetime import timedelta

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from protocol.certificates import Role, Trust, kid_of
from protocol.documents import (
    DocumentError,
    Signer,
    add_signature,
    claimed_payload,
    open_document,
    sign_document,
)
from protocol.envelope import EnvelopeType, Sealer
from provisioning.authority import Authority
from provisioning.issuing import Credential
from tests.ledgers import NOW, der_chain, trust_of

AUTHORITY = Authority.create(now=NOW - timedelta(days=1))
TRUST = trust_of(AUTHORITY)
PAYLOAD = b'{"v":1,"site":"0755-031"}'


def _issue(name: str, role: Role = Role.PROVISIONING) -> Credential:
    return AUTHORITY.issue(role, name, now=NOW - timedelta(hours=1), site="0755-031" if role is Role.BOX else None)


def _signer(credential: Credential) -> Signer:
    sealer = Sealer(credential.private_key, kid_of(credential.certificate))
    return Signer(sealer=sealer, chain=der_chain(AUTHORITY, credential.certificate))


FIRST, SECOND = _issue("bureau-1"), _issue("bureau-2")
ONE, TWO = _signer(FIRST), _signer(SECOND)
DOCUMENT = sign_document(EnvelopeType.SITE, PAYLOAD, [ONE, TWO])


def _fault(data: bytes, typ: EnvelopeType = EnvelopeType.SITE, trust: Trust = TRUST) -> str:
    with pytest.raises(DocumentError) as caught:
        open_document(data, typ, trust, NOW, Role.PROVISIONING)
    return caught.value.fault


def test_two_people_sign_the_same_bytes_and_both_are_named() -> None:
    """A document opens to exactly its payload and to every signer, in the order in which they signed."""
    opened = open_document(DOCUMENT, EnvelopeType.SITE, TRUST, NOW, Role.PROVISIONING)
    assert opened.payload == PAYLOAD
    assert [each.id for each in opened.signers] == ["bureau-1", "bureau-2"]


def test_a_second_signature_added_later_is_that_of_one_made_at_once() -> None:
    """Two people on two machines make the document that one machine would have made (signatures are deterministic)."""
    alone = sign_document(EnvelopeType.SITE, PAYLOAD, [ONE])
    assert claimed_payload(alone) == PAYLOAD
    assert add_signature(alone, EnvelopeType.SITE, TWO) == DOCUMENT


def test_another_library_reads_each_signature_as_a_plain_jws() -> None:
    """A document is nothing of our own: PyJWT verifies each signature as a compact JWS of the same payload."""
    general = msgspec.json.decode(DOCUMENT)
    for each, credential in zip(general["signatures"], (FIRST, SECOND), strict=True):
        compact = f"{each['protected']}.{general['payload']}.{each['signature']}"
        key = credential.certificate.public_key()
        assert jwt.PyJWS().decode(compact, key, algorithms=["ES256"]) == PAYLOAD  # type: ignore[arg-type]
        assert b64decode(each["header"]["x5c"][0]) == credential.certificate.public_bytes(Encoding.DER)


def test_one_bad_signature_spoils_the_good_one() -> None:
    """A document with one good and one bad signature is a bad document."""
    general = msgspec.json.decode(DOCUMENT)
    general["signatures"][1]["signature"] = general["signatures"][0]["signature"]
    assert _fault(msgspec.json.encode(general)) == "bad_signature"


def test_nobody_is_two_people() -> None:
    """The same identity twice does not count as two, nor does one key under two names."""
    assert _fault(sign_document(EnvelopeType.SITE, PAYLOAD, [ONE, ONE])) == "signed_twice"
    again = AUTHORITY.certify(
        Role.PROVISIONING, "bureau-9", FIRST.private_key.public_key(), now=NOW - timedelta(hours=1)
    )
    alias = Signer(sealer=Sealer(FIRST.private_key, kid_of(again)), chain=der_chain(AUTHORITY, again))
    assert _fault(sign_document(EnvelopeType.SITE, PAYLOAD, [ONE, alias])) == "signed_twice"


def test_a_document_of_one_kind_is_none_of_another() -> None:
    """A kit's manifest never passes for a site bundle."""
    assert _fault(sign_document(EnvelopeType.KIT, PAYLOAD, [ONE])) == "wrong_type"


def test_only_the_roles_that_are_asked_for_count() -> None:
    """A box, a collector and a person cannot sign a site bundle."""
    for name, role in (("0755-031-a", Role.BOX), ("centre-a", Role.COLLECTOR), ("zhang-wei", Role.PERSON)):
        fault = _fault(sign_document(EnvelopeType.SITE, PAYLOAD, [_signer(_issue(name, role))]))
        assert fault in ("certificate_wrong_role", "certificate_wrong_name"), role


def test_strangers_revoked_and_ended_signers_are_refused() -> None:
    """Another root, a revoked certificate and one past its end do not sign; an ended one may have."""
    other = Authority.create(now=NOW - timedelta(days=1))
    assert _fault(DOCUMENT, trust=trust_of(other)) == "certificate_untrusted"
    revoked = AUTHORITY.revoke(SECOND.certificate, now=NOW)
    assert _fault(DOCUMENT, trust=trust_of(revoked)) == "certificate_revoked"
    late = SECOND.certificate.not_valid_after_utc + timedelta(days=1)
    with pytest.raises(DocumentError) as caught:
        open_document(DOCUMENT, EnvelopeType.SITE, TRUST, late, Role.PROVISIONING)
    assert caught.value.fault == "certificate_expired"
    opened = open_document(DOCUMENT, EnvelopeType.SITE, TRUST, late, Role.PROVISIONING, expired_ok=True)
    assert len(opened.signers) == 2


def test_a_chain_that_is_not_the_signers_is_refused() -> None:
    """The certificate beside a signature is the one that its header names."""
    general = msgspec.json.decode(DOCUMENT)
    general["signatures"][0]["header"], general["signatures"][1]["header"] = (
        general["signatures"][1]["header"],
        general["signatures"][0]["header"],
    )
    assert _fault(msgspec.json.encode(general)) == "foreign_certificate"


@given(place=st.integers(0, len(DOCUMENT) - 1), byte=st.integers(0, 255))
def test_no_changed_byte_passes_for_the_document(place: int, byte: int) -> None:
    """Whatever byte is changed, the document is refused, or it says exactly what was signed by the same people."""
    changed = DOCUMENT[:place] + bytes([byte]) + DOCUMENT[place + 1 :]
    try:
        opened = open_document(changed, EnvelopeType.SITE, TRUST, NOW, Role.PROVISIONING)
    except DocumentError:
        return
    assert (opened.payload, [each.id for each in opened.signers]) == (PAYLOAD, ["bureau-1", "bureau-2"])


@given(data=st.binary(max_size=300) | st.text(max_size=100).map(str.encode) | st.just(b"[" * 100_000))
def test_rubbish_is_refused_with_one_word(data: bytes) -> None:
    """Whatever comes, the answer is a `DocumentError` and no other exception."""
    assert _fault(data)
