"""From code to running box to its next certificate: enrolled with a signed site file, renewed while it guards."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from protocol.bundle import Bundle, encode_bundle
from protocol.certificates import Role, kid_of, thumbprint
from protocol.documents import Signer, sign_document
from protocol.envelope import EnvelopeType, Sealer
from protocol.roster import Roster
from protocol.timestamps import format_time
from provisioning.issuing import Credential
from simulator.acting import act
from simulator.actions import Action
from simulator.branch import BranchServer
from simulator.site import Centre, site_toml, sites
from tests.brokers import Broker, Certificates
from tests.conftest import Eventually, EventuallyBlocking, StartProcess
from tests.enrolment_servers import BOX, BRANCHWATCH, ROOT, SITE, Enrolling
from tests.ledgers import der_chain
from tests.small_centre import listening, make_centre


class BankOf(Enrolling):
    """An enrolment of an authority that is there already."""

    certificates: Certificates

    @property
    def ca(self) -> Path:
        """The authority of the session."""
        return self.certificates.folder / "ca"


def bundle_of(settings: dict[str, Any], pins: Sequence[str]) -> bytes:
    """The payload of a first site file for the box."""
    now = datetime.now(UTC)
    roster = Roster(version=1, not_after=format_time(now + timedelta(days=30)), people=())
    return encode_bundle(
        Bundle(
            v=1,
            site=SITE,
            box=BOX,
            version=1,
            at=format_time(now),
            settings=settings,
            roster=roster,
            pins=tuple(pins),
            sealed={},
        )
    )


def signed(certificates: Certificates, payload: bytes, keys: Sequence[Credential]) -> bytes:
    """The document, signed by all of `keys`."""
    signers = [
        Signer(
            sealer=Sealer(key.private_key, kid_of(key.certificate)),
            chain=der_chain(certificates.authority, key.certificate),
        )
        for key in keys
    ]
    return sign_document(EnvelopeType.SITE, payload, signers)


async def test_from_code_to_guarding_to_the_next_certificate(
    mosquitto: Broker,
    certificates: Certificates,
    tmp_path: Path,
    free_port: Callable[[], int],
    process: StartProcess,
    eventually: Eventually,
    eventually_blocking: EventuallyBlocking,
) -> None:
    """One run of the agent: its box speaks under the new certificate, says so, and misses no door meanwhile."""
    bank = BankOf(tmp_path, free_port(), process, eventually_blocking)
    bank.certificates = certificates
    await asyncio.to_thread(bank.provision, "enrolment", "new", "--dir", str(bank.ca), "--out", str(bank.enrol))
    await asyncio.to_thread(bank.serve)
    keys = [certificates.authority.issue(Role.PROVISIONING, f"bureau-{n}", now=datetime.now(UTC)) for n in (1, 2)]
    bank.pins = [thumbprint(key.private_key.public_key()) for key in keys]
    centre = make_centre(certificates)
    async with BranchServer() as branch, listening(centre, certificates, mosquitto.host, mosquitto.port):
        carried = Centre(brokers=(), root=tmp_path, certificate=tmp_path, key=tmp_path)
        text = site_toml(sites(1)[0], modbus=f"127.0.0.1:{branch.port}", centre=carried, tolerance_s=0)
        settings = tomllib.loads(text)
        settings["centre"] = {"box": BOX, "brokers": [f"{mosquitto.host}:{mosquitto.port}"], "enrolment": bank.at}
        document = signed(certificates, bundle_of(settings, bank.pins), keys)
        (bank.enrol / "bundles" / f"{BOX}.json").write_bytes(document)
        code = await asyncio.to_thread(bank.token)
        done = await asyncio.to_thread(bank.ask, code)
        assert done.returncode == 0, done.stderr
        assert "version 1 is in force" in done.stdout
        assert (bank.state() / "site" / "current.json").read_bytes() == document
        words = ("enrol", "--code-file", code, "--again", "--state", bank.state(), "--at", bank.at)
        once_more = await asyncio.to_thread(bank.agent, *words)
        assert "The site file that was there stays in force" in once_more.stdout, once_more

        running = process([*BRANCHWATCH, "agent", "run", "--state", bank.state()], cwd=ROOT)
        await eventually(lambda: centre.kinds()["box.started"] == 1, timeout_s=20)
        before = centre.births[-1]
        renewed = await asyncio.to_thread(bank.agent, "renew", "--now", "--state", bank.state())
        assert renewed.returncode == 0, renewed.stderr
        people = asyncio.create_task(act(f"127.0.0.1:{branch.port}", Action.DUAL_OPEN, None))
        await eventually(lambda: centre.births[-1].x5c != before.x5c, timeout_s=30)
        await eventually(lambda: centre.kinds()["certificate.renewed"] == 1, timeout_s=10)
        await eventually(lambda: centre.kinds()["door.dual_open"] == 1, timeout_s=20)
        count = len(centre.beats)
        await eventually(lambda: len(centre.beats) > count, timeout_s=20)
        assert centre.births[-1].run == before.run
        assert centre.kinds()["box.started"] == 1
        assert centre.kinds()["link.primary_lost"] == 0
        (told,) = [event for event in centre.events() if event.kind == "certificate.renewed"]
        assert told.facts["kid"] in centre.signers
        await people
        assert await asyncio.to_thread(running.stop) == 0
