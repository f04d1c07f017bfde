"""Writes the vectors beside it (`python -m tests.vectors.generate`); fixed keys, times and serials, so the same bytes.

Provenance: everything is made here, from the rules of docs/protocol.md and docs/trust.md. The private keys are the
small numbers named in vectors.json; signatures are deterministic (RFC 6979 with SHA-256), so any other implementation
can make them again.
"""

import json
import sys
from base64 import b64encode
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from msgspec.structs import replace

from protocol.bundle import Bundle, bundle_hash, encode_bundle
from protocol.certificates import Issuer, Role, kid_of, read_certificate, thumbprint
from protocol.documents import Signer, sign_document
from protocol.enrolment import key_kid, seal_enrol
from protocol.enrolment_code import GROUP, PIN_BYTES, EnrolmentCode, Invitation, encode_code, grouped, invitation_uri
from protocol.envelope import EnvelopeType, Sealer, encode_base64url
from protocol.kinds import Lane
from protocol.ledger import GENESIS, line_hash
from protocol.messages import decode_event
from protocol.pinned_channel import pin_of
from protocol.timestamps import format_time
from provisioning.authority import Authority
from provisioning.issuing import Credential
from tests.bundles import BOX, SITE, roster, settings
from tests.ledgers import NOW, PaperBox, PaperExport, der_chain
from tests.vectors.orders import order_vectors
from tests.vectors.receivers import receiver_vectors
from tests.vectors.uploads import upload_vectors

HERE = Path(__file__).parent
_WHERE_FROM = "made by tests/vectors/generate.py from the rules of docs/protocol.md"


class _FixedAuthority(Authority):
    """An authority whose keys and serial numbers are counted, not drawn."""

    def issue(self, role: Role, identity: str, **others: Any) -> Credential:
        scalar = 100 + sum(identity.encode())
        return super().issue(
            role, identity, **others, key=lambda: ec.derive_private_key(scalar, ec.SECP256R1()), serial=lambda: scalar
        )


def make() -> Iterator[tuple[str, bytes]]:
    """The name and bytes of every vector file."""
    scalars, serials = count(1), count(1)
    authority = _FixedAuthority.create(
        now=NOW, key=lambda: ec.derive_private_key(next(scalars), ec.SECP256R1()), serial=lambda: next(serials)
    )
    box = PaperBox(authority)
    centre = PaperBox(authority, id="centre-north", site="centre-north", role=Role.COLLECTOR)
    lines = [
        box.opened(Lane.URGENT),
        box.line("door.dual_open", overlap_s=0.9, tolerance_s=0.5, doors=["outer", "inner"]),
        box.line("door.dual_open.restored"),
    ]
    envelope = box.seal(*lines)
    yield (
        "vectors.json",
        _json(
            {
                "provenance": _WHERE_FROM,
                "certificates": {
                    "root": _pem(authority.root),
                    "box": {
                        "private_scalar": 100 + sum(box.id.encode()),
                        "chain_der_base64": [b64encode(der).decode() for der in box.chain],
                        "kid": kid_of(box.credential.certificate),
                        "id": box.id,
                        "site": box.site,
                        "role": "box",
                    },
                },
                "chain": [
                    {"line": line.decode(), "sha256": line_hash(line), "prev": decode_event(line).prev}
                    for line in lines
                ],
                "genesis": GENESIS,
                "envelope": {"typ": "bw-events", "payload_lines": 3, "jws": envelope.decode()},
                "refused_envelopes": [
                    {"why": why, "fault": fault, "jws": jws.decode("latin-1")}
                    for why, fault, jws in _refused(box, envelope)
                ],
            }
        ),
    )
    yield "bundle.json", _json(_bundle(authority))
    export = PaperExport(authority, centre)
    export.signer(centre)
    export.signer(box)
    export.events(box, *lines)
    yield "ledger.ndjson", b"".join(export.finish())
    yield "enrolment.json", _json(_enrolment(authority))
    yield "orders.json", _json(order_vectors())
    yield "uploads.json", _json(upload_vectors())
    yield "receivers.json", _json(receiver_vectors())


def _bundle(authority: Authority) -> dict[str, Any]:
    """A first site bundle, signed by two, and what a box says of it and of its neighbours (docs/trust.md 4)."""
    signers = []
    for name in ("bureau-1", "bureau-2"):
        credential = authority.issue(Role.PROVISIONING, name, now=NOW)
        sealer = Sealer(credential.private_key, kid_of(credential.certificate))
        signers.append(Signer(sealer=sealer, chain=der_chain(authority, credential.certificate)))
    pins = tuple(thumbprint(read_certificate(each.chain[0]).public_key()) for each in signers)  # type: ignore[arg-type]
    first = Bundle(
        v=1,
        site=SITE,
        box=BOX,
        version=1,
        at=format_time(NOW),
        settings=settings(),
        roster=roster(),
        pins=pins,
        sealed={},
        pending=("cameras",),
    )
    payload = encode_bundle(first)
    return {
        "provenance": _WHERE_FROM.replace("protocol.md", "trust.md"),
        "root": _pem(authority.root),
        "now": format_time(NOW),
        "payload": payload.decode(),
        "sha256": bundle_hash(payload),
        "pins": list(pins),
        "touches_against_nothing": ["roster", "pins", "partitions", "zones", "outputs", "doors", "eyes"],
        "document": json.loads(sign_document(EnvelopeType.SITE, payload, signers)),
        "refused_by_its_box": [
            {"reason": reason, "document": json.loads(sign_document(EnvelopeType.SITE, encode_bundle(changed), given))}
            for reason, changed, given in (
                ("needs_two_signatures", first, signers[:1]),
                ("other_box", replace(first, box="0755-031-b"), signers),
                ("other_site", replace(first, site="0755-032"), signers),
                ("secret_missing", replace(first, pending=()), signers),
                ("settings_wrong", replace(first, settings=settings() | {"doors": []}), signers),
                ("malformed", replace(first, rollback=True), signers),
            )
        ],
    }


def _enrolment(authority: Authority) -> dict[str, Any]:
    """A code in all its forms, slips of it, and the body that an enrolling box sends."""
    issuer = authority.issuers[Issuer.BOXES].certificate
    code = EnrolmentCode(secret=bytes(range(10)), pin=pin_of(issuer)[:PIN_BYTES])
    text = encode_code(code)
    key, sealing = (ec.derive_private_key(scalar, ec.SECP256R1()) for scalar in (901, 902))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "0755-031-a")])
    csr = x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    body = seal_enrol(
        sealer=Sealer(key, key_kid(key.public_key())),
        site="0755-031",
        box="0755-031-a",
        secret=code.secret,
        csr=csr.public_bytes(Encoding.DER),
        sealing_key=sealing.public_key(),
        machine="0123456789abcdef",
    )
    invitation = Invitation(site="0755-031", box="0755-031-a", at="192.0.2.7:8443", code=code)
    return {
        "provenance": "made by tests/vectors/generate.py from the rules of docs/trust.md section 5",
        "issuer_der_base64": b64encode(issuer.public_bytes(Encoding.DER)).decode(),
        "secret_hex": code.secret.hex(),
        "pin_hex": code.pin.hex(),
        "code": text,
        "also_read": [
            " ".join(grouped(text)),
            "-".join(grouped(text)).lower(),
            text.translate(str.maketrans("OIB", "018")),
        ],
        "slips": [
            {"group": index // GROUP + 1, "typed": text[:index] + _other(text[index]) + text[index + 1 :]}
            for index in (0, 13, 29, 47)
        ],
        "uri": invitation_uri(invitation),
        "signing_private_scalar": 901,
        "sealing_private_scalar": 902,
        "bw_enrol": body.decode(),
    }


def _other(letter: str) -> str:
    return "A" if letter != "A" else "C"


def _refused(box: PaperBox, envelope: bytes) -> list[tuple[str, str, bytes]]:
    header, payload, signature = envelope.split(b".")
    none = encode_base64url(b'{"alg":"none","kid":"%s","typ":"bw-events"}' % box.sealer.kid.encode())
    return [
        ("padding", "malformed", envelope + b"="),
        ("loose trailing bits in the signature", "malformed", envelope[:-1] + bytes([_next_letter(envelope[-1])])),
        ("a fourth part", "malformed", envelope + b".AA"),
        ("no signature", "malformed", header + b"." + payload + b"."),
        ("alg none", "malformed", none + b"." + payload + b"." + signature),
        ("a payload that was not signed", "bad_signature", header + b"." + encode_base64url(b"{}") + b"." + signature),
        ("a receipt where events are expected", "wrong_type", box.sealer.seal(EnvelopeType.RECEIPT, b"{}")),
    ]


def _next_letter(letter: int) -> int:
    """The base64url letter that differs in the lowest bit only: the same signature bytes, spelt differently."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(letter) ^ 1]


def _pem(credential: Credential) -> str:
    return credential.certificate.public_bytes(Encoding.PEM).decode()


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":
    for name, data in make():
        (HERE / name).write_bytes(data)
        sys.stdout.write(f"{name}: {len(data)} bytes\n")
