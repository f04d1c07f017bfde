"""The published vectors are what this implementation makes and what it, PyJWT and OpenSSL take."""

import json
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from protocol.approvals import ApprovalError, verify_approval
from protocol.audit import Audit
from protocol.bundle import Accepted, BundleRefusedError, judge
from protocol.certificates import Role, Trust
from protocol.documents import open_document
from protocol.enrolment import open_enrol
from protocol.enrolment_code import CodeError, decode_code, read_invitation
from protocol.envelope import EnvelopeError, EnvelopeType, decode_base64url, open_envelope, read_envelope
from protocol.ledger import line_hash
from protocol.messages import Approval
from protocol.orders import order_digest, split_order
from protocol.pinned_channel import pin_of
from protocol.roster import PersonKey, read_person_key
from protocol.timestamps import parse_time
from tests.bundles import BOX, SITE
from tests.ledgers import NOW
from tests.vectors.generate import HERE, make

BUNDLE: dict[str, Any] = json.loads((HERE / "bundle.json").read_text(encoding="utf-8"))
VECTORS: dict[str, Any] = json.loads((HERE / "vectors.json").read_text(encoding="utf-8"))
ORDERS: dict[str, Any] = json.loads((HERE / "orders.json").read_text(encoding="utf-8"))


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


def _judged(document: object) -> Accepted:
    trust = Trust(x509.load_pem_x509_certificate(BUNDLE["root"].encode()))
    now = parse_time(BUNDLE["now"])
    opened = open_document(json.dumps(document).encode(), EnvelopeType.SITE, trust, now, Role.PROVISIONING)
    return judge(opened, held=None, pins=frozenset(BUNDLE["pins"]), box=BOX, site=SITE)


def test_the_bundle_is_taken_as_its_first() -> None:
    """Payload, hash and what it touches are those of the vector; every signature is a plain JWS to another library."""
    accepted = _judged(BUNDLE["document"])
    assert (accepted.payload.decode(), accepted.hash) == (BUNDLE["payload"], BUNDLE["sha256"])
    assert list(accepted.touches) == BUNDLE["touches_against_nothing"]
    for each in BUNDLE["document"]["signatures"]:
        leaf = x509.load_der_x509_certificate(b64decode(each["header"]["x5c"][0])).public_key()
        compact = f"{each['protected']}.{BUNDLE['document']['payload']}.{each['signature']}"
        read = jwt.PyJWS().decode(compact, leaf, algorithms=["ES256"])  # type: ignore[arg-type]
        assert read.decode() == BUNDLE["payload"]


@pytest.mark.parametrize("refused", BUNDLE["refused_by_its_box"], ids=lambda entry: entry["reason"])
def test_bundles_that_must_be_refused_are(refused: dict[str, Any]) -> None:
    """Every refused bundle has the reason that it names."""
    with pytest.raises(BundleRefusedError) as caught:
        _judged(refused["document"])
    assert caught.value.reason == refused["reason"]


ENROLMENT: dict[str, Any] = json.loads((HERE / "enrolment.json").read_text(encoding="utf-8"))


def test_the_enrolment_code_is_read_in_all_its_forms() -> None:
    """Secret and pin come out of every form; the pin is of the issuer's key; the URI names site, box and address."""
    code = decode_code(ENROLMENT["code"])
    assert (code.secret.hex(), code.pin.hex()) == (ENROLMENT["secret_hex"], ENROLMENT["pin_hex"])
    assert all(decode_code(form) == code for form in ENROLMENT["also_read"])
    assert read_invitation(ENROLMENT["uri"]).code == code
    issuer = x509.load_der_x509_certificate(b64decode(ENROLMENT["issuer_der_base64"]))
    assert pin_of(issuer).hex().startswith(ENROLMENT["pin_hex"])


@pytest.mark.parametrize("slip", ENROLMENT["slips"], ids=lambda slip: f"group {slip['group']}")
def test_slips_of_the_code_are_found(slip: dict[str, Any]) -> None:
    """Each is refused, and its group is named."""
    with pytest.raises(CodeError) as caught:
        decode_code(slip["typed"])
    assert caught.value.group == slip["group"]


def test_another_library_takes_the_enrolments_body() -> None:
    """PyJWT opens it with the key that its CSR names, and OpenSSL takes the CSR."""
    key = ec.derive_private_key(ENROLMENT["signing_private_scalar"], ec.SECP256R1()).public_key()
    read = jwt.PyJWS().decode_complete(ENROLMENT["bw_enrol"], key, algorithms=["ES256"])
    assert read["header"]["typ"] == "bw-enrol"
    request = json.loads(read["payload"])
    csr = decode_base64url(request["csr"].encode())
    done = subprocess.run(
        ["openssl", "req", "-inform", "DER", "-noout", "-verify", "-subject"],
        input=csr,
        capture_output=True,
        check=False,
    )
    assert b"0755-031-a" in done.stdout
    assert done.returncode == 0
    assert open_enrol(ENROLMENT["bw_enrol"].encode()).key == key


def _person_key(person: str) -> PersonKey:
    (held,) = (each["key"] for each in ORDERS["keys"] if each["person"] == person)
    return msgspec.convert(held, PersonKey)


def test_the_order_is_approved_by_both() -> None:
    """The payload is the order's line and two approvals; both hold, and PyJWT reads the key file's as we do."""
    line, approvals = split_order(ORDERS["payload"].encode())
    assert (line.decode(), order_digest(line).hex()) == (ORDERS["order"], ORDERS["digest_hex"])
    assert [json.loads(msgspec.json.encode(each)) for each in approvals] == ORDERS["approvals"]
    for approval in approvals:
        verify_approval(approval, line, _person_key(approval.person))
    public_key = read_person_key(_person_key("zhang-wei").public_key)
    read = jwt.PyJWS().decode_complete(approvals[0].jws, public_key, algorithms=["ES256"])
    assert (read["payload"].hex(), read["header"]["typ"]) == (ORDERS["digest_hex"], "bw-approval")


@pytest.mark.parametrize("refused", ORDERS["refused"], ids=lambda entry: entry["why"])
def test_what_approves_nothing_is_refused(refused: dict[str, Any]) -> None:
    """Every refused approval fails with the word it names."""
    approval = msgspec.convert(refused["approval"], Approval)
    with pytest.raises(ApprovalError) as caught:
        verify_approval(approval, ORDERS["order"].encode(), _person_key(approval.person))
    assert caught.value.word == refused["word"]
