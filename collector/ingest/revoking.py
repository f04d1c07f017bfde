"""New revocation lists beside the boxes that are known: which key was taken back, told once a key (WIRE 3.3).

A key is taken back with the first of its certificates that a list names: whoever stole the boxes' issuing key can make
another one for it, which stands on no list. Inside the transaction. That what such a box still sends is set aside,
signers.py sees to. Flow: a new `Trust` -> here -> `certificate.revoked` to the centre's own ledger.
"""

from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from collector.fleet.records import Condition, Found
from collector.ingest.work import Work
from collector.storage import writing
from collector.storage.writing import BoxChain
from collector.times import moment
from protocol.certificates import (
    CertificateError,
    CertificateFault,
    Role,
    Trust,
    read_certificate,
    thumbprint,
)
from protocol.timestamps import format_time


class Revoked(NamedTuple):
    """A certificate of a box's key, and since when it is on a list."""

    box: str
    site: str
    key: str
    serial: str
    at: str


def note_revoked(work: Work, trust: Trust) -> frozenset[str]:
    """Tell of every known box's key that a list names and that was not told yet; all of these keys."""
    listed = _listed(trust)
    if not listed:
        return frozenset()
    found = tuple(revoked_keys(writing.box_chains(work.connection), trust, listed, work.now_ms))
    for each in found:
        facts = {"key": each.key, "serial": each.serial, "revoked_at": each.at}
        work.found.append((each.box, each.site, Found(condition=Condition.REVOKED, detail=each.key, facts=facts)))
    return frozenset(each.key for each in found)


Listed = dict[tuple[x509.Name, int], x509.RevokedCertificate]


def revoked_keys(chains: Iterable[BoxChain], trust: Trust, listed: Listed, now_ms: int) -> Iterator[Revoked]:
    """Those keys of which a certificate is revoked; of several the one that stands last in `chains`."""
    found: dict[tuple[str, str], Revoked] = {}
    for each in chains:
        leaf = read_certificate(b64decode(each.chain[0]))
        entry, public_key = listed.get((leaf.issuer, leaf.serial_number)), leaf.public_key()
        # A list of that name may be a stranger's: what counts is the trust's own judgement.
        if entry is None or not isinstance(public_key, EllipticCurvePublicKey) or not _is_revoked(each, trust, now_ms):
            continue
        key, serial = thumbprint(public_key), f"{leaf.serial_number:x}"
        found[each.box, key] = Revoked(each.box, each.site, key, serial, format_time(entry.revocation_date_utc))
    yield from found.values()


def _listed(trust: Trust) -> Listed:
    return {(crl.issuer, entry.serial_number): entry for crl in trust.crls for entry in crl}


def _is_revoked(each: BoxChain, trust: Trust, now_ms: int) -> bool:
    try:
        trust.identify([b64decode(der) for der in each.chain], moment(now_ms), Role.BOX, expired_ok=True)
    except CertificateError as error:
        return error.fault is CertificateFault.REVOKED
    return False
