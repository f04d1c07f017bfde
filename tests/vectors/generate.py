"""Writes the vectors beside it (`python -m tests.vectors.generate`); fixed keys, times and serials, so the same bytes.

Provenance: everything is made here, from the rules of docs/protocol.md. The private keys are the small numbers named
in vectors.json; signatures are deterministic (RFC 6979 with SHA-256), so any other implementation can make them again.
"""

import json
import sys
from base64 import b64encode
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.certificates import Role, kid_of
from protocol.envelope import EnvelopeType, encode_base64url
from protocol.kinds import Lane
from protocol.ledger import GENESIS, line_hash
from protocol.messages import decode_event
from provisioning.authority import Authority
from provisioning.issuing import Credential
from tests.ledgers import NOW, PaperBox, PaperExport

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
    export = PaperExport(authority, centre)
    export.signer(centre)
    export.signer(box)
    export.events(box, *lines)
    yield "ledger.ndjson", b"".join(export.finish())


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
