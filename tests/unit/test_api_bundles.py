"""Site bundles over HTTP: who may bring one, what is refused and how, and what the lists say afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.console.guard import MAX_BODY_BYTES
from protocol.bundle import Bundle, bundle_hash, encode_bundle
from protocol.limits import MAX_BUNDLE_BYTES
from protocol.messages import ConfigState
from tests.bundles import BOX, SITE, Bureau, roster, settings
from tests.console import ConsoleWorld

BUREAU = Bureau()
BUNDLE = BUREAU.bundle(3)
ADDRESS = f"/api/v1/sites/{SITE}/bundle"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ConsoleWorld]:
    """A centre of the bureau's authority with its console."""
    made = ConsoleWorld(folder=tmp_path, authority=BUREAU.authority)
    yield made
    made.close()


async def _bring(world: ConsoleWorld, document: bytes, who: str = "zhao", address: str = ADDRESS) -> httpx.Response:
    async with world.client(who, **{"Accept-Language": "en"}) as client:
        return await client.post(address, content=document, headers={"Content-Type": "application/json"})


async def _boxes(world: ConsoleWorld) -> dict[str, Any]:
    async with world.client() as client:
        answer = await client.get("/api/v1/boxes")
    return {each["id"]: each for each in answer.json()["items"]}


async def test_a_security_officer_brings_a_bundle(world: ConsoleWorld) -> None:
    """It is stored, told with its hash and signers, and sent at the box's next word."""
    answer = await _bring(world, BUREAU.document(BUNDLE))
    assert answer.status_code == 200, answer.text
    digest = bundle_hash(encode_bundle(BUNDLE))
    assert answer.json() == {
        "box": BOX,
        "site": SITE,
        "version": 3,
        "hash": digest,
        "signers": ["bureau-1", "bureau-2"],
        "touches": [],
        "unchanged": False,
        "remarks": [],
    }
    world.box.config = _state(BUREAU.bundle(2))
    assert world.centre.take(world.box.birth()).deliveries == [(BOX, BUREAU.document(BUNDLE))]
    assert (await _bring(world, BUREAU.document(BUNDLE))).json()["unchanged"] is True


async def test_who_may_not_carry_is_refused(world: ConsoleWorld) -> None:
    """Operators and auditors, and an officer of another unit, to whom the site does not exist."""
    document = BUREAU.document(BUNDLE)
    for who, status in (("wang", 403), ("qian", 403), ("east-officer", 404)):
        answer = await _bring(world, document, who)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), who
    async with world.client(None) as client:
        assert (await client.post(ADDRESS, content=document)).status_code == 401
    assert (await _boxes(world))[BOX]["wanted"] is None


async def test_a_refusal_says_why_in_the_reader_s_language(world: ConsoleWorld) -> None:
    """RFC 9457 with a word for programs and a sentence for people; nothing is stored."""
    await _bring(world, BUREAU.document(BUNDLE))
    other = "/api/v1/sites/0755-032/bundle"
    wrongs = (
        (ADDRESS, b"{}", 422, "malformed"),
        (ADDRESS, BUREAU.document(BUREAU.bundle(2)), 409, "older_version"),
        (ADDRESS, BUREAU.document(BUREAU.bundle(3, reason="x")), 409, "same_version"),
        (other, BUREAU.document(BUREAU.bundle(4)), 422, "other_address"),
        (ADDRESS, Bureau().document(BUREAU.bundle(4)), 422, "certificate_untrusted"),
    )
    for address, document, status, reason in wrongs:
        answer = await _bring(world, document, address=address)
        told = answer.json()
        assert (answer.status_code, told["reason"]) == (status, reason)
        assert told["detail"].startswith("Nothing was stored: ")
        assert "{" not in told["detail"]
    async with world.client("zhao") as client:
        assert "未保存" in (await client.post(ADDRESS, content=b"{}")).json()["detail"]
    assert (await _boxes(world))[BOX]["wanted"]["version"] == 3


async def test_a_missing_second_signature_is_said(world: ConsoleWorld) -> None:
    """Beside the bundle stored before, the centre sees what the box will want; it stores it and says so."""
    await _bring(world, BUREAU.document(BUNDLE))
    touching = BUREAU.bundle(4, roster=roster(2))
    told = (await _bring(world, BUREAU.document(touching, "bureau-1"))).json()
    assert told["touches"] == ["roster"]
    assert "roster" in told["remarks"][0]
    assert "second signature" in told["remarks"][0]


async def test_only_this_address_takes_so_much(world: ConsoleWorld) -> None:
    """A bundle of a large site fits; more than any bundle is 413, here as everywhere, before it is looked at."""
    document = BUREAU.document(BUNDLE).replace(b"{", b"{" + b" " * MAX_BODY_BYTES, 1)
    assert (await _bring(world, document)).status_code == 200
    assert (await _bring(world, document + b" " * MAX_BUNDLE_BYTES)).status_code == 413
    async with world.client("zhao") as client:
        assert (await client.put(ADDRESS, content=document)).status_code == 413
        assert (await client.post(f"{ADDRESS}/x", content=document)).status_code == 413


async def test_a_box_that_was_never_heard_has_a_place_already(world: ConsoleWorld) -> None:
    """A bundle for a new site of the officer's bank makes the site known; its box appears at its first birth."""
    site, box = "0757-001", "0757-001-a"
    changed = {**settings(), "id": site, "centre": {**settings()["centre"], "box": box}}
    document = BUREAU.document(BUREAU.bundle(1, site=site, box=box, settings=changed))
    assert (await _bring(world, document, "east-officer", f"/api/v1/sites/{site}/bundle")).status_code == 404
    assert (await _bring(world, document, address=f"/api/v1/sites/{site}/bundle")).status_code == 200
    async with world.client() as client:
        sites = (await client.get("/api/v1/sites")).json()["items"]
    assert [each["boxes"] for each in sites if each["id"] == site] == [0]


async def test_the_lists_say_what_a_box_works_with(world: ConsoleWorld) -> None:
    """docs/trust.md 4.4: version, hash, roster end, what is wanted, drift with its reason, certificate end."""
    box = world.box
    box.config, box.machine = _state(BUREAU.bundle(2)), "4f2a9c0d11e87b63"
    await _bring(world, BUREAU.document(BUNDLE))
    world.centre.take(box.birth())
    refused: dict[str, Any] = {
        "version": 3,
        "hash": bundle_hash(encode_bundle(BUNDLE)),
        "reason": "secret_missing",
        "held": 2,
    }
    world.centre.take(box.events(box.line("config.refused", **refused)), box.beat())
    told = (await _boxes(world))[BOX]
    assert told["config"] == {
        "version": 2,
        "hash": box.config.hash,
        "roster_version": 1,
        "roster_not_after": "2026-12-21T02:13:49.204Z",
    }
    assert (told["wanted"]["version"], told["wanted"]["sent_at"]) == (3, "2026-11-21T02:13:49.204Z")
    assert (told["drift"], told["refused_reason"]) == ("refused", "secret_missing")
    assert (told["machine"], told["revoked"]) == (box.machine, False)
    assert told["certificate_ends_at"].startswith(f"{box.credential.certificate.not_valid_after_utc:%Y-%m-%d}")


async def test_a_revoked_box_is_shown_so(world: ConsoleWorld) -> None:
    """Once the new list is in force, the box's certificate is shown as taken back."""
    revoked = BUREAU.authority.revoke(world.box.credential.certificate, now=world.centre.now)
    world.centre.pipeline.trust(type(BUREAU.trust)(revoked.root.certificate, revoked.crls.values()))
    world.centre.tick()
    assert (await _boxes(world))[BOX]["revoked"] is True


def _state(bundle: Bundle) -> ConfigState:
    return ConfigState(
        version=bundle.version,
        hash=bundle_hash(encode_bundle(bundle)),
        roster_version=bundle.roster.version,
        roster_not_after=bundle.roster.not_after,
    )
