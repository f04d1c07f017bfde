"""WebAuthn registration (W3C Web Authentication level 2, section 7.1). The one file that knows py_webauthn.

Attestation is not asked for: which maker's key it is does not matter, whose it is does, and that a person compares by
voice. ES256 only, and the authenticator must have verified its user, because an approval will need both (WIRE 4.3).
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from webauthn import generate_registration_options, options_to_json, verify_registration_response
from webauthn.helpers import (
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

_ES256 = [COSEAlgorithmIdentifier.ECDSA_SHA_256]


class SecurityKeyError(Exception):
    """The browser's answer registers no key that we take."""


@dataclass(frozen=True, kw_only=True)
class MadeKey:
    """A new credential: its id in base64url, its public key as SubjectPublicKeyInfo in DER."""

    credential: str
    public_key: bytes


def creation_options(*, rp_id: str, person: str, name: str, challenge: bytes) -> str:
    """What the browser needs for `navigator.credentials.create`, as JSON."""
    return options_to_json(
        generate_registration_options(
            rp_id=rp_id,
            rp_name="Branchwatch",
            user_name=person,
            user_id=person.encode(),
            user_display_name=name,
            challenge=challenge,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            supported_pub_key_algs=_ES256,
        )
    )


def made_key(answer: str, *, challenge: bytes, rp_id: str, origin: str) -> MadeKey:
    """The credential that the browser's `answer` (JSON) tells of.

    Raises:
        SecurityKeyError: another challenge, place or algorithm, no verified user, or malformed.
    """
    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=_ES256,
        )
        key = decoded_public_key_to_cryptography(decode_credential_public_key(made.credential_public_key))
        said = parse_client_data_json(parse_registration_credential_json(answer).response.client_data_json)
    except Exception as error:  # noqa: BLE001 - the library lets errors of CBOR and JSON through
        raise SecurityKeyError(type(error).__name__) from None
    if said.cross_origin:  # made inside of another page (WIRE 4.3); the library reads it and lets it pass
        raise SecurityKeyError("another page's frame")
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise SecurityKeyError("no P-256 key")
    return MadeKey(
        credential=bytes_to_base64url(made.credential_id),
        public_key=key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    )
