"""The whole way: from an empty folder to a branch that is guarded, and to a box that is locked out again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator.model import Door, Part
from tests.clean_root import CleanRoot, impossible
from tests.waiting import eventually_blocking
from tests.whole.walker import Walker
from tests.whole.way import AS_BOX, INSTALLED, INSTALLER, SITES, STATE, Way, lines_of

WHY_NOT = impossible()
pytestmark = [
    pytest.mark.early,
    pytest.mark.timeout(300),  # real processes start and settle, and a kit is installed
    pytest.mark.skipif(bool(WHY_NOT), reason=f"no clean root can be made here: {WHY_NOT}"),
]

SITE = SITES[0]
BOX = f"{SITE}-a"


@pytest.fixture
def way(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Way]:
    """An empty folder; what begins in it ends with the test."""
    made = Way(tmp_path, free_port)
    yield made
    made.close()


class MachineWalker(Walker):
    """The walk test's command line inside a machine."""

    def __init__(self, root: CleanRoot, command: str, output: Path) -> None:
        self._output = output
        self._read = 0
        with output.open("wb") as sink:
            self._child = subprocess.Popen(
                root.words(),
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=dict(root.environment(command)),
            )


def _prepare(way: Way) -> Path:
    """At the bank: everything up to the stick; the folder of the kit."""
    way.make_authority()
    way.write_inventory()
    way.begin_enrolment()
    said = way.build()
    assert len(lines_of(said, "signed by bureau-1, bureau-2")) == len(SITES), said
    way.types("provision", "kit", SITE, "--inventory", "inventory", "--key", "bureau/bureau-1.key", "--out", "stick")
    kit = way.folder / "stick" / f"kit-{SITE}"
    way.types("provision", "kit", "--check", kit, "--root", "ca/root.pem")
    way.start_broker()
    way.serve_enrolment()
    way.start_centre()
    return kit


def _install_and_enrol(way: Way, machine: CleanRoot) -> str:
    """On site: the stick, the code on paper; the fingerprint that the installer reads out."""
    installed = machine.run("sh /stick/install.sh")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    code = way.code_for(SITE).read_text()
    (machine.folder / "tmp" / "code").write_text(code)
    enrol = f"{AS_BOX} {INSTALLED} agent enrol --code-file /tmp/code --state {STATE}"
    enrolled = machine.run(enrol)
    assert enrolled.returncode == 0, enrolled.stdout + enrolled.stderr
    stolen = way.folder / "thief"
    said = way.types(
        "agent", "enrol", "--code-file", f"{SITE}.code", "--kit", machine.stick or "", "--state", stolen, code=1
    )
    assert "was used" in said, said
    assert not (stolen / "identity" / "box.pem").exists(), "a used code gives nobody a certificate"
    (fingerprint,) = lines_of(enrolled.stdout, "    ")
    said = way.types(
        "provision", "boxes", "accept", "--inventory", "inventory", "--enrolled", "enrolment/enrolled", answers="y\n"
    )
    assert fingerprint.strip() in said, "two people compare the same fingerprint"
    return fingerprint.strip()


def _walk(way: Way, machine: CleanRoot) -> None:
    """The installer moves every point; the operator reads the number from the screen."""
    people = machine.folder / "tmp" / "people"
    people.mkdir()
    for file in (way.folder / "people").iterdir():
        (people / file.name).write_bytes(file.read_bytes())
        (people / file.name).chmod(0o644)
    key = f"--installer-key /tmp/people/{INSTALLER}.key --installer-cert /tmp/people/{INSTALLER}.pem"
    command = f"{AS_BOX} {INSTALLED} agent acceptance --state {STATE} {key}"
    walker = MachineWalker(machine, command, way.folder / "walk.log")
    try:
        _lead(way, walker)
    finally:
        walker.stop()


def _lead(way: Way, walker: Walker) -> None:
    branch = way.branches[SITE]
    for door, name, button in ((Door.OUTER, "outer door", Part.EXIT_OUTER), (Door.INNER, "inner door", None)):
        walker.reads(f"Open passage, {name}.")
        branch.open(door)
        walker.reads("Seen open.")
        branch.close(door)
        walker.reads(": passed")
        eventually_blocking(lambda: not branch.now().unlocked, timeout_s=30, what="no lock is released any more")
        walker.reads("is going to be released")
        walker.types("")
        walker.reads("Did you see it move")
        walker.types("y")
        walker.reads(": passed")
        if button is not None:
            _touch(way, walker, "Press:", button)
    _touch(way, walker, "Pull:", Part.RELEASE)
    _touch(way, walker, "counter 1", Part.GLASS)
    _touch(way, walker, "main door", Part.MOTION)  # what stands at the inputs of the inventory's example
    _touch(way, walker, "hall, motion", Part.KEY_OUTER)
    walker.reads("Call the operator.")
    walker.types("")
    walker.reads("Have the operator read the number")

    def number() -> str:
        told = [event["facts"].get("number") for event in way.desk.events(kind="test.point")]
        return str(next(each for each in told if each))

    walker.types(eventually_blocking(number, timeout_s=20, what="the number is on the operator's screen"))
    walker.reads("Everything that can be tested is done.")
    walker.types("e")
    assert walker.ends() == 0, walker.text


def _touch(way: Way, walker: Walker, asks: str, part: Part) -> None:
    walker.reads(asks)
    way.branches[SITE].touch(part)
    walker.reads("Seen")
    way.branches[SITE].touch(part, on=False)
    walker.reads(": passed")


def _revoke(way: Way) -> None:
    """The box was stolen: its key is taken back, and the new list goes to centre and broker."""
    way.types("provision", "revoke", BOX, "--dir", "ca", "--enrolment", "enrolment")
    crls = (way.folder / "ca" / "crls.pem").read_bytes()
    for place in ("centre", "broker"):
        (way.folder / place / "crls.pem").write_bytes(crls)


def test_from_an_empty_folder_to_a_guarded_branch_and_a_locked_out_box(way: Way) -> None:
    """Authority, inventory of three sites, kit, bare machine, enrolment, walk test, alarm, revocation: by commands."""
    kit = _prepare(way)
    machine = way.bare_machine(kit)
    fingerprint = _install_and_enrol(way, machine)
    agent = way.run_in(machine, f"exec {AS_BOX} {INSTALLED} agent run --state {STATE}", "agent")
    way.heard(BOX)

    def enrolled() -> bool:
        facts = way.desk.events(kind="enrol.completed")[0]["facts"]
        return bool((facts["box"], facts["spoken"]) == (BOX, fingerprint))

    eventually_blocking(enrolled, timeout_s=20, what="the centre tells that the box was enrolled")
    refused_thief = way.desk.events(kind="enrol.refused")
    assert refused_thief[0]["facts"]["reason"] == "code_used"

    _walk(way, machine)

    def record() -> bool:
        (walked,) = way.desk.get("/api/v1/acceptances", site=SITE)["items"]
        kept = way.desk.get(f"/api/v1/acceptances/{walked['id']}")
        assert kept["holds"], kept
        assert (kept["failed"], kept["untested"], kept["installer"], kept["config_version"]) == (0, 0, INSTALLER, 1)
        return True

    eventually_blocking(record, timeout_s=20, what="the signed record is at the centre")

    branch = way.branches[SITE]
    branch.open(Door.OUTER)
    branch.open(Door.INNER)

    def alarmed() -> bool:
        return any(alarm["box"] == BOX for alarm in way.desk.alarms(kind="door.dual_open"))

    eventually_blocking(alarmed, timeout_s=20, what="both doors open is an alarm at the centre")

    _revoke(way)

    def refused() -> bool:
        told = way.desk.alarms(kind="envelope.rejected")
        return any(alarm["facts"].get("reason") == "revoked" for alarm in told)

    eventually_blocking(refused, timeout_s=60, what="the revoked box is refused and alarmed")
    assert way.desk.events(kind="certificate.revoked"), "the revocation itself is told"
    assert way.broker is not None
    way.broker.stop()
    way.start_broker()

    def kept_out() -> bool:
        return "not reached" in agent.output() or "revoked" in agent.output()

    eventually_blocking(kept_out, timeout_s=30, what="the broker lets the box in no more")
    eventually_blocking(
        lambda: way.desk.alarms(kind="box.silent"), timeout_s=90, what="the locked out box is told as silent"
    )
    renewed = machine.run(f"{AS_BOX} {INSTALLED} agent renew --now --state {STATE}")
    assert (renewed.returncode, "revoked" in renewed.stdout + renewed.stderr) == (1, True), renewed
