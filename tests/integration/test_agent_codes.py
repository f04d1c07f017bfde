"""A whole agent and its own command line: a code arms and disarms, and a duress code shows nowhere at the site."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.local import lines
from agent.local.client import LocalClient, NotRunningError
from agent.signals import State
from protocol.sealing import seal_secret
from simulator.branch import BranchServer
from tests.brokers import Certificates
from tests.codes import CODE, DURESS, OTHER, hashed
from tests.conftest import Eventually, StartProcess
from tests.enrolled import BOX, RealBureau, branch_settings, changed, enrol, sealing_key
from tests.integration.test_agent_run import AGENT, ROOT, agent
from tests.processes import RunningProcess

WORDS = re.compile(r"duress|胁迫", re.IGNORECASE)
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.]+Z")
SECRET = "code-li-na"


@dataclass
class Scene:
    """An enrolled box that guards a simulated branch, cut off from its centre."""

    state: Path
    child: RunningProcess
    branch: BranchServer


@asynccontextmanager
async def guarding(
    folder: Path,
    certificates: Certificates,
    process: StartProcess,
    eventually: Eventually,
    free_port: Callable[[], int],
) -> AsyncIterator[Scene]:
    """Its bundle names one code of li-na, with a duress code."""
    folder.mkdir(mode=0o700)
    bureau = RealBureau(certificates)
    async with BranchServer() as branch:
        settings = changed(
            branch_settings(branch.port, f"127.0.0.1:{free_port()}"),
            partition=[
                {"id": "general", "kind": "general", "name": "营业厅", "zones": ["glass-2"], "exit_delay": "0s"},
                {"id": "cash", "kind": "cash", "zones": ["cash-motion"], "exit_delay": "0s"},
            ],
            code=[{"person": "li-na", "secret": {"secret": SECRET}}],
        )
        text = hashed(CODE, DURESS).encode()
        sealed = {SECRET: seal_secret(text, box=BOX, name=SECRET, key=sealing_key().public_key())}
        state = folder / "state"
        enrol(state, certificates, bureau, bureau.document(bureau.bundle(1, settings=settings, sealed=sealed)))
        child = process([*AGENT, "run", "--state", state], cwd=ROOT)
        await eventually(lambda: _sees(state), timeout_s=20)
        yield Scene(state, child, branch)


async def _sees(state: Path) -> bool:
    """Whether the running agent reads the branch."""
    try:
        connected = await LocalClient.connect(state)
    except NotRunningError:
        return False
    try:
        points = [point for said in await connected.ask(lines.Watch()) for point in said.points]
    finally:
        await connected.close()
    return State.NORMAL in {point.state for point in points if point.id.startswith("zone/")}


def typed(scene: Scene, code: str, *words: str) -> tuple[int, str, str]:
    """One command with a code on standard input."""
    done = subprocess.run(
        [*AGENT, *words, "--state", scene.state],
        cwd=ROOT,
        input=f"{code}\n",
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    return done.returncode, done.stdout, done.stderr


async def test_nothing_at_the_site_tells_a_duress_code_from_the_other(
    certificates: Certificates,
    tmp_path: Path,
    process: StartProcess,
    eventually: Eventually,
    free_port: Callable[[], int],
) -> None:
    """Words, exit codes, history, health, counts and log: alike but for the time of day, and without the word."""
    shown: dict[str, list[Any]] = {}
    for code in (CODE, DURESS):
        async with guarding(tmp_path / code, certificates, process, eventually, free_port) as scene:
            looks: list[Any] = [
                await asyncio.to_thread(typed, scene, code, *words)
                for words in (
                    ("arm", "general"),
                    ("disarm", "general"),
                    ("arm", "site", "--json"),
                    ("disarm", "cash"),
                    ("disarm", "general", "--json"),
                )
            ]
            past = await asyncio.to_thread(agent, "history", "--state", scene.state, "--last", "1000")
            machine = await asyncio.to_thread(agent, "history", "--state", scene.state, "--last", "1000", "--json")
            health = await asyncio.to_thread(agent, "health", "--state", scene.state)
            assert await asyncio.to_thread(scene.child.stop) == 0
            log = scene.child.output()
            stored = b"".join(file.read_bytes() for file in scene.state.glob("outbox.db*"))
        assert (b"zone.duress" in stored) is (code == DURESS)  # the centre hears of it
        assert [text for text in (past.stdout, machine.stdout, health.stdout, log) if WORDS.search(text)] == []
        told = json.loads(machine.stdout)
        _counts_only_what_it_shows(told)
        assert len(past.stdout.splitlines()) == len(told["events"]) + len(told["lanes"])
        about = [event for event in told["events"] if event["kind"].split(".")[0] in {"partition", "order", "zone"}]
        looks.append([{**event, "at": "", "receipted_at": None} for event in about])
        looks.append(sorted(re.sub(r"[0-9.:]+", "#", TIME.sub("", line)) for line in log.splitlines()))
        shown[code] = looks
    assert shown[CODE] == shown[DURESS]
    first, second, *_ = shown[CODE]
    assert first == (0, "营业厅: armed away\n", "")
    assert second == (0, "营业厅: disarmed\n", "")


def _counts_only_what_it_shows(told: dict[str, Any]) -> None:
    """A total that is larger than the list would tell that something is missing from it."""
    listed = Counter((event["lane"], event["state"]) for event in told["events"])
    counted = {(lane, state): count for lane, states in told["lanes"].items() for state, count in states.items()}
    assert counted == dict(listed)
    urgent = [event for event in told["events"] if event["lane"] == "urgent"]
    assert urgent
    assert all("seq" not in event and "seq" not in event["facts"] for event in urgent)
    assert all("seq" in event for event in told["events"] if event["lane"] == "routine")


async def test_the_words_for_people_with_a_code(
    certificates: Certificates,
    tmp_path: Path,
    process: StartProcess,
    eventually: Eventually,
    free_port: Callable[[], int],
) -> None:
    """Each refusal is a sentence with the next step; exit codes as the help says; at a terminal nothing is seen."""
    async with guarding(tmp_path / "box", certificates, process, eventually, free_port) as scene:
        assert await asyncio.to_thread(typed, scene, CODE, "arm", "cash") == (0, "cash: armed away\n", "")
        code, out, said = await asyncio.to_thread(typed, scene, CODE, "disarm", "cash")
        assert (code, out) == (1, "")
        assert said == (
            "branchwatch agent: cash can only be disarmed by an order that enough people approve. "
            "Next step: ring the monitoring centre\n"
        )
        code, _, said = await asyncio.to_thread(typed, scene, CODE, "arm", "hall")
        assert (code, said) == (
            2,
            "branchwatch agent: there is no partition hall here. Next step: name one of cash, general, site\n",
        )
        code, _, said = await asyncio.to_thread(typed, scene, "12", "arm", "general")
        assert (code, said) == (2, "branchwatch agent: a code has 6 to 12 digits\n")
        code, _, said = await asyncio.to_thread(typed, scene, OTHER, "arm", "general")
        assert (code, "the code is wrong" in said) == (1, True)
        code, out, _ = await asyncio.to_thread(typed, scene, OTHER, "arm", "general", "--json")
        assert (code, json.loads(out)["refused"]) == (1, "code_wrong")
        assert await asyncio.to_thread(_at_a_terminal, scene, CODE) == (0, True)
        for _ in range(3):
            code, _, said = await asyncio.to_thread(typed, scene, OTHER, "disarm", "general")
        code, _, said = await asyncio.to_thread(typed, scene, CODE, "disarm", "general")
        assert (code, "none is taken for another 10 minutes" in said) == (1, True)
        assert await asyncio.to_thread(scene.child.stop) == 0
        code, _, said = await asyncio.to_thread(typed, scene, CODE, "arm", "general")
        assert code == 3
        assert "no agent answers" in said


def _at_a_terminal(scene: Scene, code: str) -> tuple[int, bool]:
    """Exit code, and whether the terminal showed the question and not the code."""
    words = [*AGENT, "arm", "general", "--state", str(scene.state)]
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child is another program at once
        os.chdir(ROOT)
        os.execve(sys.executable, words, {**os.environ, "LC_ALL": "C"})  # noqa: S606
    shown = b""
    try:
        while b"Code: " not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, f"{code}\n".encode())
        while b"armed away" not in shown:
            shown += os.read(terminal, 1024)
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(status), code.encode() not in shown
