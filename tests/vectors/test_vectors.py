"""The published vectors are what this implementation makes and what it, PyJWT and OpenSSL take."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.audit import Audit
from protocol.envelope import EnvelopeError, EnvelopeType, open_envelope, read_envelope
from protocol.ledger import line_hash
from tests.ledgers import NOW
from tests.vectors.generate import HERE, make

VECTORS: dict[str, Any] = json.loads((HERE / "vectors.json").read_text(encoding="utf-8"))


def _box_certificate() -> x509.Certificate:
    return x509.load_pem_x509_certificate(
        b"-----BEGIN CERTIFICATE-----\n"
        + VECTORS["certificates"]["box"]["chain_der_base64"][0].encode()
        + b"\n-----END CERTIFICATE-----\n"
    )


def _box_key() -> EllipticCurvePublicKey:
    key = _box_certificate().public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    return key


def test_the_vectors_can_be_made_again() -> None:
    """The generator gives the committed bytes, to the last one."""
    for name, data in make():
        assert (HERE / name).read_bytes() == data, f"{name} differs: run python -m tests.vectors.generate"


def test_the_chain_is_its_hashes() -> None:
    """Each line's SHA-256 is the next line's `prev`."""
    previous = VECTORS["genesis"]
    for entry in VECTORS["chain"]:
        assert line_hash(entry["line"].encode()) == entry["sha256"]
        assert entry["prev"] == previous
        previous = entry["sha256"]


def test_another_library_takes_the_envelope() -> None:
    """PyJWT opens the vector envelope; its payload is the lines of the chain."""
    read = jwt.PyJWS().decode_complete(VECTORS["envelope"]["jws"], _box_key(), algorithms=["ES256"])
    assert read["payload"].decode().split("\n") == [entry["line"] for entry in VECTORS["chain"]]


@pytest.mark.parametrize("refused", VECTORS["refused_envelopes"], ids=lambda entry: entry["why"])
def test_what_must_be_refused_is(refused: dict[str, str]) -> None:
    """Every refused vector fails with the fault it names."""
    with pytest.raises(EnvelopeError) as caught:
        open_envelope(read_envelope(refused["jws"].encode(), 10_000), _box_key(), EnvelopeType.EVENTS)
    assert caught.value.fault == refused["fault"]


def test_openssl_takes_the_certificates(tmp_path: Path) -> None:
    """`openssl verify` builds the same path from box over issuer to root."""
    issuer = VECTORS["certificates"]["box"]["chain_der_base64"][1]
    (tmp_path / "root.pem").write_text(VECTORS["certificates"]["root"])
    (tmp_path / "issuer.pem").write_text(f"-----BEGIN CERTIFICATE-----\n{issuer}\n-----END CERTIFICATE-----\n")
    (tmp_path / "box.pem").write_bytes(_box_certificate().public_bytes(Encoding.PEM))
    moment = str(int(NOW.timestamp()))
    command = ["openssl", "verify", "-attime", moment, "-purpose", "sslclient", "-CAfile", "root.pem"]
    result = subprocess.run(
        [*command, "-untrusted", "issuer.pem", "box.pem"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_vector_ledger_is_sound() -> None:
    """The committed export passes the audit against the committed root."""
    root = x509.load_pem_x509_certificate(VECTORS["certificates"]["root"].encode())
    audit = Audit(now=NOW, trusted_root=root)
    for line in (HERE / "ledger.ndjson").read_bytes().splitlines(keepends=True):
        audit.feed(line)
    assert audit.report().problems == ()
