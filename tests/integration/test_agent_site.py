"""An enrolled box as its unit starts it: guarding by its signed bundle, and going over to a new one while it runs."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec

from agent.machine import machine_id
from agent.site_store import SiteStore
from protocol.bundle import bundle_hash, encode_bundle
from protocol.documents import claimed_payload
from protocol.kinds import Lane
from protocol.messages import Event
from protocol.topics import Down, down_topic
from simulator.acting import act
from simulator.actions import Action
from simulator.branch import BranchServer
from simulator.model import Door
from tests.boxes import follow
from tests.brokers import Broker, Certificates
from tests.conftest import Eventually, StartProcess
from tests.enrolled import BOX, RealBureau, branch_settings, changed, enrol, site_order, unpinned
from tests.integration.test_agent_run import AGENT, ROOT, agent
from tests.processes import RunningProcess
from tests.small_centre import SmallCentre, listening, make_centre


class WatchedBranch(BranchServer):
    """A branch that notes when it was asked, and what its siren was set to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_s: list[float] = []
        self.siren: list[bool] = []

    async def _on_request(self, *request: Any) -> Any:
        self.asked_s.append(time.monotonic())
        refused = await super()._on_request(*request)
        if self.state.siren is not (self.siren or [False])[-1]:
            self.siren.append(self.state.siren)
        return refused

    def unwatched_s(self, since_s: float) -> float:
        """The longest time without a question since then."""
        asked = [at for at in self.asked_s if at >= since_s]
        return max(after - before for before, after in pairwise(asked))


@dataclass
class Scene:
    """One enrolled box, its branch and its centre."""

    folder: Path
    bureau: RealBureau
    centre: SmallCentre
    branch: WatchedBranch
    settings: dict[str, Any]
    say: Callable[[bytes], Any]
    start: Callable[[], RunningProcess]

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def document(self, version: int, *names: str, **top: Any) -> bytes:
        """A bundle of the branch with other top settings, signed by `names` or by two."""
        bundle = self.bureau.bundle(version, settings=changed(self.settings, **top))
        return self.bureau.document(bundle, *names)

    async def deliver(self, document: bytes) -> None:
        """As the centre does it."""
        await self.say(site_order(self.centre, document))

    def told(self, kind: str) -> list[Event]:
        """Events of a kind at the centre."""
        return [event for event in self.centre.events() if event.kind == kind]

    def refused_more_than(self, count: int) -> bool:
        """Whether the centre heard of so many refusals and one more."""
        return len(self.told("config.refused")) > count

    def applied(self, count: int) -> bool:
        """Whether the centre heard of so many changes of the site."""
        return len(self.told("config.applied")) == count

    def stored(self) -> Counter[str]:
        """Kinds in the box's own outbox."""
        return Counter(kind for (kind,) in self._rows("SELECT kind FROM events"))

    def sees_doors(self) -> bool:
        """Whether the guard read the branch."""
        return any(b"closed" in value for (value,) in self._rows("SELECT value FROM saved WHERE key = 'guard'"))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        try:
            with closing(sqlite3.connect(f"file:{self.state / 'outbox.db'}?mode=ro", uri=True)) as connection:
                return connection.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            raise LookupError(error) from None


@asynccontextmanager
async def scene(
    broker: Broker, certificates: Certificates, folder: Path, process: StartProcess
) -> AsyncIterator[Scene]:
    """Everything there; the box is enrolled with version 1 and not started."""
    centre, bureau = make_centre(certificates), RealBureau(certificates)
    async with WatchedBranch() as branch:
        settings = branch_settings(branch.port, f"{broker.host}:{broker.port}")

        async def say(data: bytes) -> None:
            context = certificates.tls("centre-2")
            async with aiomqtt.Client(broker.host, broker.port, identifier="v", tls_context=context) as voice:
                await voice.publish(down_topic(BOX, Down.ORDER), data, qos=1)

        def start() -> RunningProcess:
            return process([*AGENT, "run", "--state", folder / "state"], cwd=ROOT)

        made = Scene(folder, bureau, centre, branch, settings, say, start)
        enrol(made.state, certificates, bureau, made.document(1))
        yield made


async def test_a_new_bundle_is_taken_while_a_backlog_waits(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """FIELD-FAULTS row 6: cut off, a stick brings version 2; the process stays, the whole backlog is delivered."""
    async with scene(mosquitto, certificates, tmp_path, process) as at:
        mosquitto.stop()
        child = at.start()
        await eventually(lambda: at.stored()["config.applied"] == 1, timeout_s=20)
        await eventually(at.sees_doors)
        await act(f"127.0.0.1:{at.branch.port}", Action.FORCE, Door.INNER)
        await eventually(lambda: at.stored()["door.forced"] == 1, timeout_s=15)
        stick = tmp_path / "stick.json"
        stick.write_bytes(at.document(2, "bureau-1", name="新河西分理处"))
        applied = await asyncio.to_thread(agent, "site", "apply", stick, "--state", at.state)
        assert (applied.returncode, applied.stdout) == (0, "Version 2 is in force.\n")
        await eventually(lambda: at.stored()["config.applied"] == 2)
        mosquitto.start()
        async with listening(at.centre, certificates, mosquitto.host, mosquitto.port):
            await eventually(lambda: len(at.told("config.applied")) == 2, timeout_s=20)
            await eventually(lambda: at.centre.births and at.centre.births[-1].site.name == "新河西分理处")
            await eventually(lambda: bool(at.centre.beats))
            assert [len(at.told(kind)) for kind in ("box.started", "door.forced")] == [1, 1]
            assert len(at.told("ledger.opened")) == 4
            assert await asyncio.to_thread(child.stop) == 0
    first, second = at.told("config.applied")
    assert (first.facts["version"], second.facts["version"]) == (1, 2)
    assert (second.facts["signers"], second.facts["touches"]) == (["bureau-1"], [])
    birth, beat = at.centre.births[-1], at.centre.beats[-1]
    assert birth.config is not None
    assert birth.config == beat.config
    assert birth.machine == machine_id()
    assert (birth.config.version, birth.config.hash, birth.config.roster_version) == (2, second.facts["hash"], 1)
    for lane in Lane:
        follow(at.centre.lines[lane])


async def test_what_is_refused_changes_nothing_and_is_told_once(
    mosquitto: Broker,
    certificates: Certificates,
    tmp_path: Path,
    process: StartProcess,
    eventually: Eventually,
    free_port: Callable[[], int],
) -> None:
    """Damaged, another box's, older, signed by too few or by a stranger, a module not there: each has its reason."""
    async with (
        scene(mosquitto, certificates, tmp_path, process) as at,
        listening(at.centre, certificates, mosquitto.host, mosquitto.port),
    ):
        before = (at.state / "site" / "current.json").read_bytes()
        child = at.start()
        await eventually(lambda: len(at.told("config.applied")) == 1, timeout_s=20)
        await eventually(at.sees_doors)
        good = at.document(2)
        bent = json.loads(good)
        bent["payload"] = at.bureau.document(at.bureau.bundle(3, settings=at.settings)).decode().split('"')[3]
        other = at.bureau.document(at.bureau.bundle(2, settings=at.settings, box="0755-031-b"))
        silent = {"id": "io2", "address": f"127.0.0.1:{free_port()}"}
        moved = [{**at.settings["io"][0], "unit_id": 9}]
        sirens = [{**at.settings["siren"][0], "on": ["door.forced"]}]
        cases: list[tuple[bytes, str]] = [
            (json.dumps(bent).encode(), "bad_signature"),
            (other, "other_box"),
            (at.document(1, name="x"), "same_version_other_content"),
            (at.document(2, "bureau-1", siren=sirens), "needs_two_signatures"),
            (unpinned(at.bureau, at.bureau.bundle(2, settings=at.settings)), "key_not_pinned"),
            (at.document(2, io=[*at.settings["io"], silent]), "device_silent"),
            (at.document(2, io=moved), "device_silent"),
            (at.document(2, door=[]), "settings_wrong"),
            (at.bureau.document(b"{}"), "malformed"),
        ]
        for number, (document, _) in enumerate(cases):
            await at.deliver(document)
            await eventually(partial(at.refused_more_than, number), timeout_s=15)
        told = at.told("config.refused")
        assert [event.facts["reason"] for event in told] == [reason for _, reason in cases]
        assert (told[3].facts["version"], told[3].facts["touches"]) == (2, ["outputs"])
        assert (told[5].facts["devices"], told[6].facts["devices"]) == (["io2"], ["io1"])
        assert told[1].facts["hash"] == bundle_hash(
            encode_bundle(at.bureau.bundle(2, settings=at.settings, box="0755-031-b", at=_at(other)))
        )
        for document, _ in cases[:4]:
            await at.deliver(document)  # again: counted, not told
        for nothing in (b'{"payload": "x"}', b"[]", b"5"):  # one reason, and nothing to tell it from the other
            await at.deliver(nothing)
        await at.deliver(before)
        await at.deliver(good)
        await eventually(lambda: len(at.told("config.applied")) == 2, timeout_s=20)
        assert len(at.told("config.refused")) == len(cases)
        assert {birth.config.version for birth in at.centre.births if birth.config} == {1, 2}
        assert (at.state / "site" / "previous.json").read_bytes() == before
        assert json.loads((at.state / "site" / "current.json").read_bytes()) == json.loads(good)
        assert child.running()
        assert at.centre.kinds()["box.started"] == 1


async def test_an_output_and_its_timer_go_on_over_a_change(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """FIELD-FAULTS row 2: a siren sounds on over the change and ends at its time; one that is taken away falls silent.

    The branch is unwatched for a moment only, and what happens in it is seen.
    """
    async with (
        scene(mosquitto, certificates, tmp_path, process) as at,
        listening(at.centre, certificates, mosquitto.host, mosquitto.port),
    ):
        child = at.start()
        await eventually(at.sees_doors, timeout_s=20)
        here = f"127.0.0.1:{at.branch.port}"
        await act(here, Action.FORCE, Door.INNER)
        await eventually(lambda: at.branch.siren == [True])
        begun_s = time.monotonic()
        await at.deliver(at.document(2, "bureau-1", name="改"))
        people = asyncio.create_task(act(here, Action.CLOSE, Door.INNER))
        await eventually(lambda: len(at.told("config.applied")) == 2)
        assert at.branch.unwatched_s(begun_s) < 5
        assert at.branch.siren == [True]
        await people
        await eventually(lambda: len(at.told("door.forced.restored")) == 1)
        await eventually(lambda: at.branch.siren == [True, False], timeout_s=25)
        assert time.monotonic() - begun_s > 8
        await act(here, Action.FORCE, Door.OUTER)
        await eventually(lambda: at.branch.siren == [True, False, True])
        begun_s = time.monotonic()
        await at.deliver(at.document(3, siren=[]))
        await eventually(lambda: at.branch.siren == [True, False, True, False])
        assert time.monotonic() - begun_s < 9, "it ended by itself, at its ten seconds"
        await eventually(lambda: len(at.told("config.applied")) == 3)
        assert len(at.told("door.forced")) == 2
        assert at.centre.kinds()["box.started"] == 1
        assert child.running()


async def test_a_siren_that_a_stick_takes_away_while_nobody_guards_falls_silent(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """The agent was killed with the siren on and the bundle brought by hand: the next run ends the siren."""
    async with scene(mosquitto, certificates, tmp_path, process) as at:
        child = at.start()
        await eventually(at.sees_doors, timeout_s=20)
        await act(f"127.0.0.1:{at.branch.port}", Action.FORCE, Door.INNER)
        await eventually(lambda: at.branch.siren == [True])
        await eventually(lambda: at.stored()["door.forced"] == 1, timeout_s=15)
        child.send(signal.SIGKILL)
        await asyncio.to_thread(child.wait)
        stick = tmp_path / "stick.json"
        stick.write_bytes(at.document(2, siren=[]))
        applied = await asyncio.to_thread(agent, "site", "apply", stick, "--state", at.state)
        assert applied.returncode == 0, applied
        assert at.branch.siren == [True]
        at.start()
        await eventually(lambda: at.branch.siren == [True, False], timeout_s=8)


def _at(document: bytes) -> str:
    return str(json.loads(claimed_payload(document))["at"])


async def test_a_damaged_bundle_falls_back_and_the_centre_heals_it(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """One byte of the stored bundle changed: the box guards by the one before, says so, and takes the new one again."""
    async with (
        scene(mosquitto, certificates, tmp_path, process) as at,
        listening(at.centre, certificates, mosquitto.host, mosquitto.port),
    ):
        store = SiteStore(at.state)
        first, second = store.current(), at.document(2)
        store.commit(second, keep=first)
        current = at.state / "site" / "current.json"
        current.write_bytes(second[:900] + b"!" + second[901:])
        child = at.start()
        await eventually(lambda: len(at.told("config.applied")) == 1, timeout_s=20)
        (refused,) = at.told("config.refused")
        assert (refused.facts["reason"], refused.facts["held"]) == ("damaged", 1)
        assert at.told("config.applied")[0].facts["version"] == 1
        await at.deliver(second)
        await eventually(lambda: len(at.told("config.applied")) == 2, timeout_s=20)
        assert at.told("config.applied")[1].facts["version"] == 2
        assert (json.loads(current.read_bytes()), store.previous()) == (json.loads(second), first)
        assert await asyncio.to_thread(child.stop) == 0
        again = at.start()
        await eventually(lambda: len(at.told("box.started")) == 2, timeout_s=20)
        await eventually(lambda: len(at.centre.births) > 1 and at.centre.births[-1].config is not None)
        assert await asyncio.to_thread(again.stop) == 0
        assert (len(at.told("config.refused")), len(at.told("config.applied"))) == (1, 2)
    current.write_bytes(b"")
    (at.state / "site" / "previous.json").write_bytes(b"{")
    neither = await asyncio.to_thread(agent, "run", "--state", at.state)
    assert neither.returncode == 2
    assert "current.json cannot be used (damaged, or of another box), nor the one before it" in neither.stderr
    assert "Traceback" not in neither.stderr


async def test_a_goodbye_that_lasts_leaves_no_door_unwatched(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """The broker hangs while the box goes over to a new bundle: polling goes on as long as the connection is ended.

    The goodbye alone takes a second. Where a busy machine takes one itself, it is tried again.
    """
    async with scene(mosquitto, certificates, tmp_path, process) as at:
        child = at.start()
        unwatched_s: list[float] = []
        while min(unwatched_s, default=1) >= 1 and len(unwatched_s) < 5:
            version = len(unwatched_s) + 2
            async with listening(at.centre, certificates, mosquitto.host, mosquitto.port):
                await eventually(partial(at.applied, version - 1), timeout_s=20)
            unwatched_s.append(await _gone_over_unheard(at, mosquitto, version, eventually))
        assert min(unwatched_s) < 1
        assert await asyncio.to_thread(child.stop) == 0


async def _gone_over_unheard(at: Scene, broker: Broker, version: int, eventually: Eventually) -> float:
    """How long no question was asked while the box went over to this version and its broker hung."""
    broker.freeze()
    begun_s = time.monotonic()
    try:
        stick = at.folder / "stick.json"
        stick.write_bytes(at.document(version))
        assert (await asyncio.to_thread(agent, "site", "apply", stick, "--state", at.state)).returncode == 0
        await eventually(lambda: at.stored()["config.applied"] == version, timeout_s=30)
        asked = len(at.branch.asked_s)
        await eventually(lambda: len(at.branch.asked_s) > asked + 20)
    finally:
        broker.freeze(on=False)
    return at.branch.unwatched_s(begun_s)


async def test_a_roster_past_its_end_is_told_until_a_newer_one_comes(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """WIRE 3.4: `config.stale` once, over the change of bundles too, and its end names it."""
    async with (
        scene(mosquitto, certificates, tmp_path, process) as at,
        listening(at.centre, certificates, mosquitto.host, mosquitto.port),
    ):
        old = msgspec.structs.replace(at.bureau.roster, not_after="2020-01-01T00:00:00.000Z")
        newer = msgspec.structs.replace(at.bureau.roster, version=2)
        stale = at.bureau.bundle(2, settings=at.settings, roster=old)
        SiteStore(at.state).commit(at.bureau.document(stale), keep=None)
        at.start()
        await eventually(lambda: len(at.told("config.stale")) == 1, timeout_s=20)
        (told,) = at.told("config.stale")
        assert told.facts == {"roster_version": 1, "not_after": "2020-01-01T00:00:00.000Z"}
        shown = await asyncio.to_thread(agent, "site", "show", "--state", at.state)
        assert "until 2020-01-01T00:00:00.000Z (ended: it must be renewed)" in shown.stdout
        renamed = changed(at.settings, name="改")
        await at.deliver(at.bureau.document(at.bureau.bundle(3, settings=renamed, roster=old)))
        await eventually(lambda: len(at.told("config.applied")) == 2)
        await at.deliver(at.bureau.document(at.bureau.bundle(4, settings=at.settings, roster=newer)))
        await eventually(lambda: len(at.told("config.stale.restored")) == 1)
        assert at.told("config.stale.restored")[0].restores == told.id
        assert len(at.told("config.stale")) == 1


async def test_a_stick_at_a_box_that_does_not_run(
    mosquitto: Broker, certificates: Certificates, tmp_path: Path, process: StartProcess, eventually: Eventually
) -> None:
    """The same judgement: a sentence and exit code 1, nothing changed; what is taken is told when the agent starts."""
    async with scene(mosquitto, certificates, tmp_path, process) as at:
        good = at.document(2, "bureau-1", name="新河西分理处")
        silent = at.document(2, io=[*at.settings["io"], {"id": "io2", "address": "127.0.0.1:1"}])
        other = at.bureau.document(at.bureau.bundle(2, settings=at.settings, box="0755-031-b"))
        before = (at.state / "site" / "current.json").read_bytes()
        stick = tmp_path / "stick.json"
        for document, code, sentence in (
            (good[:-400], 1, "no signed site bundle, or not all of one: copy the file again"),
            (b"", 1, "no signed site bundle"),
            (good + b" " * 600_000, 1, "larger than 512 KiB"),
            (other, 1, "it is for box 0755-031-b, not for 0755-031-a"),
            (silent, 1, "io2 does not answer; see to its wiring and address"),
            (at.document(2, "bureau-1", siren=[]), 1, "it touches outputs: that needs two signatures"),
        ):
            stick.write_bytes(document)
            said = await asyncio.to_thread(agent, "site", "apply", stick, "--state", at.state)
            assert (said.returncode, said.stdout) == (code, ""), said.stderr
            assert sentence in said.stderr
            assert said.stderr.count("\n") == 1
            assert (at.state / "site" / "current.json").read_bytes() == before
        missing = await asyncio.to_thread(agent, "site", "apply", tmp_path / "gone.json", "--state", at.state)
        assert (missing.returncode, "gone.json cannot be read" in missing.stderr) == (2, True)
        for sentence in ("Version 2 is in force.\n", "Version 2 was in force already; nothing was changed.\n"):
            stick.write_bytes(good)
            said = await asyncio.to_thread(agent, "site", "apply", stick, "--state", at.state)
            assert (said.returncode, said.stdout) == (0, sentence), said.stderr
        shown = json.loads((await asyncio.to_thread(agent, "site", "show", "--json", "--state", at.state)).stdout)
        assert (shown["version"], shown["signers"], shown["roster"]["people"]) == (2, ["bureau-1"], 1)
        child = at.start()
        await eventually(lambda: at.stored()["config.applied"] == 1, timeout_s=20)
        assert await asyncio.to_thread(child.stop) == 0


def test_a_box_that_is_not_enrolled_says_so(tmp_path: Path) -> None:
    """Exit code 2, the folder and the next step, for each word that needs an enrolled box; nothing is made."""
    state = tmp_path / "state"
    (tmp_path / "x").write_bytes(b"{}")
    for words in (("run",), ("site", "show"), ("site", "apply", tmp_path / "x")):
        said = agent(*words, "--state", state)
        assert said.returncode == 2
        assert "is not enrolled; next step: branchwatch agent enrol" in said.stderr
        assert "Traceback" not in said.stderr
        assert not state.exists()
