"""Walk tests at the centre: listed, rebuilt from the ledger, judged, printed in both languages."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta
from pathlib import Path

from collector.storage.walk_tests import events_of_tests
from protocol import acceptance
from protocol.acceptance import DESK, Closing, Config, ListedPoint, Noticed, Result
from protocol.certificates import Role
from protocol.documents import Signer, add_signature, sign_document
from protocol.envelope import EnvelopeType
from protocol.ids import new_event_id
from protocol.timestamps import format_time
from tests.console import ConsoleWorld
from tests.ledgers import trust_of
from tests.walks import INSTALLER, signer

POINTS = (
    ListedPoint(id="lock/outer", name="通道外门"),
    ListedPoint(id="release/vestibule"),
    ListedPoint(id="door/outer", name="通道外门"),
    ListedPoint(id="camera/03", name="自助厅", why=acceptance.NOT_WATCHED),
    ListedPoint(id=DESK),
)


class Walk:
    """A walk test that the world's box tells as the agent does, through the real ingest."""

    def __init__(self, world: ConsoleWorld) -> None:
        self.world, self.box = world, world.box
        self.test = new_event_id(int(self.box.now.timestamp() * 1000), bytes(10))
        for facts in acceptance.announced(self.test, Config(version=7, hash="ab" * 32), POINTS):
            world.happens(acceptance.STARTED, acceptance.SOURCE, facts)

    def point(self, point: str, result: Result, noticed: Noticed) -> None:
        facts = acceptance.PointFacts(test=self.test, result=result, noticed=noticed)
        self.world.happens(acceptance.POINT, point, acceptance.as_facts(facts))

    def finish(self, installer: Signer | None) -> None:
        self.box.now += timedelta(minutes=4)
        name = INSTALLER if installer else ""
        closing = Closing(finished=format_time(self.box.now), installer=name)
        with self.world.centre.store.read() as reading:
            told = events_of_tests(reading, self.box.id, self.box.site)
        record = acceptance.record_from(told, self.test, closing)
        own = Signer(sealer=self.box.sealer, chain=self.box.chain)
        payload = acceptance.record_bytes(record)
        document = sign_document(EnvelopeType.ACCEPTANCE, payload, [own])
        if installer:
            document = add_signature(document, EnvelopeType.ACCEPTANCE, installer)
        self.world.happens(acceptance.FINISHED, acceptance.SOURCE, acceptance.finished_facts(record, document))


def walked(world: ConsoleWorld, installer: bool = True) -> Walk:
    """A walk test that was finished."""
    walk = Walk(world)
    walk.point("door/outer", Result.PASSED, Noticed.BOX)
    walk.point(DESK, Result.PASSED, Noticed.OPERATOR)
    walk.finish(signer(world.authority, Role.PERSON, INSTALLER, now=world.centre.now) if installer else None)
    return walk


def _pdf_text(file: Path) -> str:
    words = ["pdftotext", "-layout", str(file), "-"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


async def test_a_walk_test_is_listed_and_its_record_holds(world: ConsoleWorld) -> None:
    """The centre rebuilds from the ledger what the box and the installer signed, and says that it holds."""
    walk = walked(world)
    async with world.client() as client:
        items = (await client.get("/api/v1/acceptances", params={"site": "0755-031"})).json()["items"]
        record = (await client.get(f"/api/v1/acceptances/{walk.test}")).json()
    assert [(each["id"], each["passed"], each["untested"], each["installer"]) for each in items] == [
        (walk.test, 2, 3, INSTALLER)
    ]
    assert (record["holds"], record["fault"], record["config_version"]) == (True, None, 7)
    told = [(each["id"], each["result"], each["noticed"]) for each in record["points"]]
    assert told[2:] == [("door/outer", "passed", "box"), ("camera/03", "untested", None), (DESK, "passed", "operator")]


async def test_a_record_that_nobody_signed_or_whose_signer_is_revoked_is_shown_as_no_acceptance(
    world: ConsoleWorld,
) -> None:
    """What was walked does not become unsaid, but it is called what it is."""
    walk = walked(world, installer=False)
    async with world.client() as client:
        record = (await client.get(f"/api/v1/acceptances/{walk.test}")).json()
        assert (record["holds"], record["fault"], record["passed"]) == (False, "unsigned", 2)
        revoked = world.authority.revoke(world.box.credential.certificate, now=world.centre.now)
        world.centre.pipeline.trust(trust_of(revoked))
        record = (await client.get(f"/api/v1/acceptances/{walk.test}")).json()
    assert (record["holds"], record["fault"]) == (False, "certificate_revoked")


async def test_a_person_of_another_unit_sees_no_walk_test(world: ConsoleWorld) -> None:
    """Seeing ends at the unit: list, record and paper."""
    walk = walked(world)
    async with world.client("east") as client:
        assert (await client.get("/api/v1/acceptances")).json()["items"] == []
        for path in (walk.test, f"{walk.test}/pdf"):
            assert (await client.get(f"/api/v1/acceptances/{path}")).status_code == 404
    async with world.client(None) as client:
        assert (await client.get(f"/api/v1/acceptances/{walk.test}/pdf")).status_code == 401


async def test_the_paper_says_the_same_in_both_languages(world: ConsoleWorld, tmp_path: Path) -> None:
    """A PDF on A4 with every point, red where it was not tested, readable by another program."""
    walk = walked(world)
    for language, words in (
        ("zh", ("未测试", "通道外门门锁", "应急开关", "自助厅", "UTC+8")),
        ("en", ("not tested", "Lock of 通道外门", "Emergency release of vestibule", INSTALLER, "UTC+8")),
    ):
        async with world.client() as client:
            answer = await client.get(f"/api/v1/acceptances/{walk.test}/pdf", params={"lang": language})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
        file = tmp_path / f"{language}.pdf"
        file.write_bytes(answer.content)
        read = _pdf_text(file)
        assert all(word in read for word in words), read


async def test_the_page_lists_walk_tests_with_their_papers(world: ConsoleWorld) -> None:
    """An officer finds every walk test and its paper on one page; none is said to be none."""
    async with world.client() as client:
        assert "branchwatch agent acceptance" in (await client.get("/acceptances?lang=en")).text
        walk = walked(world)
        page = (await client.get("/acceptances?lang=en")).text
    assert f"/api/v1/acceptances/{walk.test}/pdf?lang=zh" in page
    assert "2 passed, 0 failed, 3 not tested." in page
    assert re.search(r"\d\d:\d\d UTC\+8</time>", page), "on the clock of the site, as on its paper"
