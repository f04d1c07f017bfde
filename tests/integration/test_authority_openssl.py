"""Certificates and revocation lists judged by a program that is not ours: openssl."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.certificates import Role
from protocol.key_lock import lock_key
from provisioning.keeping import load_certificate, save_crls
from tests.brokers import BOXES, BROKER, COLLECTORS, Certificates, make_certificates


def verify(certificates: Certificates, identity: str, purpose: str) -> subprocess.CompletedProcess[str]:
    """`openssl verify` of a credential with its issuer, under the root and the revocation lists."""
    leaf = certificates.pair(identity)[0]
    words = ["openssl", "verify", "-x509_strict", "-crl_check", "-purpose", purpose]
    words += ["-CAfile", str(certificates.root), "-CRLfile", str(certificates.crls), "-untrusted", str(leaf), str(leaf)]
    return subprocess.run(words, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("identity", "purpose", "expected"),
    [
        (BOXES[0], "sslclient", 0),
        (BOXES[0], "sslserver", 2),
        (COLLECTORS[0], "sslclient", 0),
        (COLLECTORS[0], "sslserver", 2),
        (BROKER, "sslserver", 0),
        (BROKER, "sslclient", 2),
    ],
)
def test_openssl_agrees_on_the_purpose(certificates: Certificates, identity: str, purpose: str, expected: int) -> None:
    """openssl, strict, takes each certificate for its purpose and refuses it for the other."""
    assert verify(certificates, identity, purpose).returncode == expected


def test_openssl_agrees_on_revocation(tmp_path: Path) -> None:
    """openssl refuses a revoked certificate by our list, and says why."""
    certificates = make_certificates(tmp_path)
    leaf = load_certificate(certificates.pair(BOXES[0])[0])
    save_crls(certificates.authority.revoke(leaf, now=datetime.now(UTC)), tmp_path / "ca")
    assert "certificate revoked" in verify(certificates, BOXES[0], "sslclient").stderr
    assert verify(certificates, BOXES[1], "sslclient").returncode == 0


def test_openssl_opens_a_locked_key(tmp_path: Path) -> None:
    """A root key locked here is no captive of this program: openssl opens it with the passphrase, and only with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "root.key").write_bytes(lock_key(key, b"tidal-lantern-orchid", os.urandom))

    def opened(passphrase: str) -> bytes:
        words = ["openssl", "pkey", "-in", str(tmp_path / "root.key"), "-passin", "stdin", "-pubout"]
        return subprocess.run(words, input=f"{passphrase}\n".encode(), capture_output=True).stdout

    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert opened("tidal-lantern-orchid") == public
    assert opened("tidal-lantern-orchids") == b""


@pytest.mark.parametrize("role", [Role.PERSON, Role.PROVISIONING])
def test_openssl_takes_a_signer_for_no_connection(tmp_path: Path, role: Role) -> None:
    """A person's chain holds up to the root, for neither side of a TLS connection."""
    certificates = make_certificates(tmp_path, boxes=(), collectors=())
    certificates.issue(role, "p-1")
    assert verify(certificates, "p-1", "any").returncode == 0
    assert verify(certificates, "p-1", "sslclient").returncode == 2
    assert verify(certificates, "p-1", "sslserver").returncode == 2
