"""py_webauthn as the peer of our own assertion check: what a relying party's server makes of the same three parts."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from webauthn import verify_authentication_response
from webauthn.helpers import bytes_to_base64url, encode_cbor

from protocol.webauthn import Assertion


def peer_takes(
    assertion: Assertion, *, challenge: bytes, rp_id: str, origin: str, public_key: EllipticCurvePublicKey
) -> bool:
    """Whether py_webauthn accepts it; whatever it raises is a no."""
    answer = {
        "id": "AAAA",
        "rawId": "AAAA",
        "type": "public-key",
        "response": {
            "clientDataJSON": bytes_to_base64url(assertion.client_data),
            "authenticatorData": bytes_to_base64url(assertion.authenticator_data),
            "signature": bytes_to_base64url(assertion.signature),
        },
    }
    numbers = public_key.public_numbers()
    cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
    try:
        verify_authentication_response(
            credential=json.dumps(answer),
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=encode_cbor(cose),
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001 - CBOR and JSON errors come through as they are
        return False
    return True
