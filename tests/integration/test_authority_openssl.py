"""Certificates and revocation lists judged by a program that is not ours: openssl."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

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
