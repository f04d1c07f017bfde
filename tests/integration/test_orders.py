"""Orders through a real agent and a real broker: two people disarm a cash partition, and nothing less does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
from msgspec.structs import replace

from protocol.envelope import EnvelopeType
from protocol.messages import Event, Fact, encode
from protocol.orders import join_order
from protocol.roster import Roster
from protocol.timestamps import format_time
from protocol.topics import Down, down_topic
from simulator.branch import BranchServer
from tests.approvers import Approver, Desk, SecurityKey, payload
from tests.brokers import Broker, Certificates
from tests.conftest import Eventually, StartProcess
from tests.enrolled import BOX, RealBureau, branch_settings, changed, enrol
from tests.integration.test_agent_run import AGENT, ROOT
from tests.processes import RunningProcess
from tests.small_centre import SmallCentre, listening, make_centre

ZHANG = Approver("zhang-wei", 300)
LI = Approver("li-na", 301)
TOUCH = Approver("chen-jie", 302, security_key=SecurityKey(302))
SECOND = Approver("zhang-wei", 303)
STRANGER = Approver("zhang-wei", 304)


@dataclass
class Scene:
    """An enrolled box whose roster has three people, its centre, and who drafts orders there."""

    centre: SmallCentre
    child: RunningProcess
    voice: aiomqtt.Client
    desk: Desk
    eventually: Eventually

    async def fresh(self) -> Desk:
        """The desk with the challenge of the running agent."""
        beats = self.centre.beats
        run = self.centre.births[-1].run
        await self.eventually(lambda: beats and beats[-1].run == run and beats[-1].challenge, timeout_s=20)
        self.desk.challenge = beats[-1].challenge
        return self.desk

    async def say(self, data: bytes) -> None:
        """The centre sends an order."""
        sealed = self.centre.sealer.seal(EnvelopeType.ORDER, data)
        await self.voice.publish(down_topic(BOX, Down.ORDER), sealed, qos=1)

    async def outcome(self, data: bytes) -> Event:
        """An order is sent, and what the box tells of it."""
        before = len(self.outcomes(data))
        await self.say(data)
        await self.eventually(lambda: len(self.outcomes(data)) > before, what=self.child.output())
        return self.outcomes(data)[-1]

    def outcomes(self, data: bytes) -> list[Event]:
        """Everything told of an order."""
        order = json.loads(data.split(b"\n")[0])["id"]
        told = [event for event in self.centre.events() if event.kind in ("order.executed", "order.refused")]
        return [event for event in told if event.facts.get("order") == order]

    async def refusal(self, data: bytes) -> str:
        """Why the box refuses an order."""
        event = await self.outcome(data)
        assert event.kind == "order.refused", event
        return str(event.facts["reason"])


@asynccontextmanager
async def scene(
    broker: Broker, certificates: Certificates, folder: Path, process: StartProcess, eventually: Eventually
) -> AsyncIterator[Scene]:
    """The box runs and the centre has heard its beats."""
    centre, bureau = make_centre(certificates), RealBureau(certificates)
    people = (replace(ZHANG.person, keys=(ZHANG.key, SECOND.key)), LI.person, TOUCH.person)
    bureau.roster = Roster(version=1, not_after=format_time(datetime.now(UTC) + timedelta(days=30)), people=people)
    async with (
        BranchServer() as branch,
        listening(centre, certificates, broker.host, broker.port),
        aiomqtt.Client(
            broker.host, broker.port, identifier="orders", tls_context=certificates.tls("centre-2")
        ) as voice,
    ):
        settings = branch_settings(branch.port, f"{broker.host}:{broker.port}")
        cash = {"id": "cash", "kind": "cash", "zones": ["cash-motion", "glass-2"], "exit_delay": "1s"}
        document = bureau.document(bureau.bundle(1, settings=changed(settings, partition=[cash])))
        enrol(folder / "state", certificates, bureau, document)
        child = process([*AGENT, "run", "--state", folder / "state"], cwd=ROOT)
        await eventually(lambda: centre.births, timeout_s=20)
        yield Scene(centre, child, voice, Desk(at=datetime.now(UTC)), eventually)
        await asyncio.to_thread(child.stop)


async def test_two_people_disarm_and_nothing_less_does(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """One alone, one with two keys, a stranger, a changed byte, a replay: refused; two people are obeyed."""
    async with scene(mosquitto, certificates, tmp_path, process, eventually) as at:
        desk = await at.fresh()
        disarm: dict[str, Fact] = {"partition": "cash"}
        armed = payload(desk.draft("arm", disarm), LI)
        executed = await at.outcome(armed)
        assert (executed.kind, executed.facts["action"], executed.facts["people"]) == (
            "order.executed",
            "arm",
            ["li-na"],
        )
        assert await at.refusal(payload(desk.draft("disarm", disarm), ZHANG)) == "needs_people"
        assert await at.refusal(payload(desk.draft("disarm", disarm), ZHANG, SECOND)) == "needs_people"
        assert await at.refusal(payload(desk.draft("disarm", disarm), LI, STRANGER)) == "unknown_key"
        line = desk.draft("disarm", disarm)
        approvals = tuple(encode(each.approve(line)) for each in (ZHANG, LI))
        assert await at.refusal(join_order(line.replace(b"officer-1", b"officer-2"), approvals)) == "bad_signature"
        assert at.centre.kinds()["partition.disarmed"] == 0
        files = payload(desk.draft("disarm", disarm), ZHANG, LI)
        executed = await at.outcome(files)
        assert (executed.kind, executed.facts["people"]) == ("order.executed", ["zhang-wei", "li-na"])
        assert at.centre.kinds()["partition.disarmed"] == 1
        assert await at.refusal(files) == "repeated"
        assert (await at.outcome(payload(desk.draft("arm", disarm), TOUCH))).kind == "order.executed"
        touched = payload(desk.draft("disarm", disarm), ZHANG, TOUCH)
        assert (await at.outcome(touched)).kind == "order.executed"
        assert at.centre.kinds()["partition.disarmed"] == 2
        newer = payload(desk.draft("disarm", disarm, roster_version=2), ZHANG, LI)
        assert await at.refusal(newer) == "roster_older"
        await eventually(lambda: at.centre.kinds()["config.stale"] == 1)
        assert at.child.running()


async def test_a_restart_voids_every_order(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """An order that was approved before a restart of the agent is stale after it; a new challenge serves again."""
    async with scene(mosquitto, certificates, tmp_path, process, eventually) as at:
        desk = await at.fresh()
        late = payload(desk.draft("disarm", {"partition": "cash"}), ZHANG, LI)
        assert await asyncio.to_thread(at.child.stop) == 0
        at.child = process([*AGENT, "run", "--state", tmp_path / "state"], cwd=ROOT)
        await eventually(lambda: at.centre.kinds()["box.started"] == 2, timeout_s=20)
        assert await at.refusal(late) == "stale"
        desk = await at.fresh()
        assert (await at.outcome(payload(desk.draft("arm", {"partition": "cash"}), ZHANG))).kind == "order.executed"
