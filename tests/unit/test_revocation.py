"""Revocation lists that are foreign, late or missing: refused where that can be known, shown where it cannot."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from collector import health
from collector.config import read_config
from collector.ingest.receiving import Receiving
from collector.keys import KeysError, Revocations, load_keys
from collector.revocation import ListFault, Lists, is_foreign
from protocol.certificates import Issuer, Role, Trust
from provisioning.authority import Authority
from provisioning.keeping import save_authority, save_credential, save_crls
from provisioning.profiles import CRL_VALID
from tests.collecting import PaperCentre
from tests.conftest import EventuallyBlocking
from tests.ledgers import NOW

LATER = NOW + CRL_VALID + timedelta(hours=2)


@pytest.fixture(scope="module")
def other() -> Authority:
    """Another bank that gave its authority the same name."""
    return Authority.create(now=NOW)


@pytest.fixture(scope="module")
def strange() -> Authority:
    """Another bank with a name of its own."""
    return Authority.create(now=NOW, organisation="Elsewhere")


def issuer(authority: Authority, which: Issuer) -> x509.Certificate:
    """The certificate of one of its issuers."""
    return authority.issuers[which].certificate


def faults(lists: Lists, later: bool = False) -> list[tuple[ListFault, str]]:
    """What is wrong, and whose it is."""
    return [(shown.fault, shown.issuer) for shown in lists.judge(LATER if later else NOW)]


def test_lists_of_ones_own_authority_are_nothing_to_talk_about(paper_authority: Authority) -> None:
    """Three lists in their time beside the boxes' issuer: no fault, and none of them is foreign."""
    crls = paper_authority.crls.values()
    centre = issuer(paper_authority, Issuer.CENTRE)
    assert not any(is_foreign(crl, paper_authority.root.certificate, [centre]) for crl in crls)
    assert faults(Lists(crls, [issuer(paper_authority, Issuer.BOXES)])) == []


def test_a_list_is_foreign_by_its_name_or_by_its_signature(
    paper_authority: Authority, other: Authority, strange: Authority
) -> None:
    """No issuer under the root has that name, or the known one of that name did not sign it."""
    root, centre = paper_authority.root.certificate, issuer(paper_authority, Issuer.CENTRE)
    assert all(is_foreign(crl, root, [centre]) for crl in strange.crls.values())
    assert is_foreign(other.crls[Issuer.CENTRE], root, [centre])
    assert not is_foreign(other.crls[Issuer.BOXES], root, [centre]), "nobody knows the boxes' issuer yet"
    assert is_foreign(other.crls[Issuer.BOXES], root, [centre, issuer(paper_authority, Issuer.BOXES)])


def test_a_list_signed_under_a_known_name_by_somebody_else_is_reported(
    paper_authority: Authority, other: Authority
) -> None:
    """It is not passed over in silence, also where a good one stands beside it."""
    boxes = issuer(paper_authority, Issuer.BOXES)
    crls = [other.crls[Issuer.BOXES]]
    assert faults(Lists(crls, [boxes])) == [(ListFault.FOREIGN, "Branchwatch boxes")]
    crls.append(paper_authority.crls[Issuer.BOXES])
    assert faults(Lists(crls, [boxes])) == [(ListFault.FOREIGN, "Branchwatch boxes")]


def test_a_list_holds_until_its_next_update(paper_authority: Authority) -> None:
    """WIRE 3.3: seven days; after them it is told, known issuer or not, until a newer list of it is there."""
    old = paper_authority.crls[Issuer.BOXES]
    boxes = issuer(paper_authority, Issuer.BOXES)
    over = [(ListFault.OVER, "Branchwatch boxes")]
    assert faults(Lists([old], [])) == []
    assert faults(Lists([old], []), later=True) == over
    assert faults(Lists([old], [boxes]), later=True) == over
    new = paper_authority.renew_crls(now=LATER).crls[Issuer.BOXES]
    assert faults(Lists([new, old], [boxes]), later=True) == []


def test_an_issuer_of_boxes_without_a_list_is_told(paper_authority: Authority) -> None:
    """A list of the centre's issuer says nothing of boxes."""
    lists = Lists([paper_authority.crls[Issuer.CENTRE]], [issuer(paper_authority, Issuer.BOXES)])
    assert faults(lists) == [(ListFault.MISSING, "Branchwatch boxes")]


def test_a_late_list_refuses_no_box_and_shows(
    centre: PaperCentre,
    paper_authority: Authority,
    eventually_blocking: EventuallyBlocking,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Boxes are heard all the same; log, /healthz (degraded, with its age) and /metrics say it, and its end."""
    caplog.set_level(logging.INFO)
    renewed: list[Trust] = []
    centre.pipeline.trust(Trust(paper_authority.root.certificate, paper_authority.crls.values()))
    centre.now = LATER
    box = centre.box()
    assert len(centre.take(box.birth()).answers) == 1
    receiving = receiving_of(centre, lambda: renewed.pop() if renewed else None)
    receiving.start([])
    try:
        eventually_blocking(lambda: bool(receiving.seen().revocation), what="the ingest looks at its lists")
        check = health.revocation(receiving.seen())
        assert (check.works, check.needed) == (False, False)
        assert check.age_s == pytest.approx(timedelta(hours=2).total_seconds(), abs=30)
        assert "past its time" in caplog.text
        assert centre.metrics.registry.get_sample_value("branchwatch_revocation_faults") == 3
        assert (centre.metrics.registry.get_sample_value("branchwatch_revocation_over_seconds") or 0) > 7000
        renewed.append(Trust(paper_authority.root.certificate, paper_authority.renew_crls(now=LATER).crls.values()))
        eventually_blocking(lambda: not receiving.seen().revocation, what="the new lists are seen")
        assert health.revocation(receiving.seen()).works
        assert "holds again" in caplog.text
    finally:
        receiving.stop()


def test_the_issuer_of_boxes_is_known_with_the_first_birth(
    centre: PaperCentre, paper_authority: Authority, other: Authority
) -> None:
    """Before it a list of that name may be anybody's; after it, and over new lists, it is reported."""
    root = paper_authority.root.certificate
    now_ms = round(centre.now.timestamp() * 1000)
    centre.pipeline.trust(Trust(root, other.crls.values()))
    assert centre.pipeline.revocation(now_ms) == ()
    centre.take(centre.box().birth())
    wanted = [(ListFault.FOREIGN, "Branchwatch boxes")]
    assert [(shown.fault, shown.issuer) for shown in centre.pipeline.revocation(now_ms)] == wanted
    centre.pipeline.trust(Trust(root, other.renew_crls(now=NOW).crls.values()))
    assert [(shown.fault, shown.issuer) for shown in centre.pipeline.revocation(now_ms)] == wanted
    centre.pipeline.trust(Trust(root, paper_authority.crls.values()))
    assert centre.pipeline.revocation(now_ms) == ()


def test_foreign_lists_are_not_loaded(tmp_path: Path, paper_authority: Authority, other: Authority) -> None:
    """`check` and `serve` refuse them with the file's name; a running centre keeps the lists it had."""
    config = read_config(configured(tmp_path, paper_authority), "collector.toml", tmp_path)
    keys = load_keys(config, NOW)
    revocations = Revocations(config, keys.root)
    save_crls(other, tmp_path / "ca")
    with pytest.raises(KeysError, match=r"crls\.pem: no issuer under that root signed the list of CN=Branchwatch cen"):
        load_keys(config, NOW)
    with pytest.raises(KeysError, match=r"crls\.pem"):
        revocations.renewed(keys.issuers)
    assert revocations.renewed(keys.issuers) is None
    only_boxes = replace(paper_authority, crls={**paper_authority.crls, Issuer.BOXES: other.crls[Issuer.BOXES]})
    save_crls(only_boxes, tmp_path / "ca")
    with pytest.raises(KeysError, match="Branchwatch boxes"):
        revocations.renewed((*keys.issuers, issuer(paper_authority, Issuer.BOXES)))
    save_crls(paper_authority.renew_crls(now=NOW), tmp_path / "ca")
    assert revocations.renewed(keys.issuers) is not None


def configured(folder: Path, authority: Authority) -> str:
    """A sound collector.toml with its files."""
    save_authority(authority, folder / "ca")
    credential = authority.issue(Role.COLLECTOR, "centre-1", now=NOW)
    chain = authority.chain(credential.certificate)
    save_credential(credential, name="centre-1", chain=chain, root=authority.root.certificate, folder=folder)
    return (
        'id = "centre-1"\nbrokers = ["127.0.0.1:1"]\ntrust = "root.pem"\ncertificate = "centre-1.pem"\n'
        'key = "centre-1.key"\ncrls = ["ca/crls.pem"]\n'
    )


def receiving_of(centre: PaperCentre, renewed: Callable[[], Trust | None]) -> Receiving:
    """The ingest's thread over a paper centre, at its time."""
    return Receiving(
        pipeline=centre.pipeline,
        receipts=centre.centre.receipts,
        ledger=centre.centre.ledger,
        metrics=centre.metrics,
        clock_ms=lambda: round(centre.now.timestamp() * 1000),
        mono_s=time.monotonic,
        renewed=renewed,
    )
