"""The kit on a bare machine: a root of its own without network, Debian's programs, and whatever goes wrong on site."""

from __future__ import annotations

import json
import os
import platform
import random
import secrets
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

import branchwatch
from protocol.certificates import Role, fingerprint
from provisioning.authority import Authority
from provisioning.inventory.example import example
from provisioning.kit.manifest import Software
from provisioning.kit.materials import find_materials
from provisioning.kit.wheels import Arch, Target, gather_wheels, version_of
from provisioning.signers import load_provisioning_key
from tests.clean_root import CleanRoot, impossible, machine, python_version
from tests.conftest import StartProcess
from tests.kits import BOX, SITE, WAYS, Office, box_certificate, now, reversioned, spoil
from tests.offline import Offline
from tests.waiting import eventually_blocking

WHY_NOT = impossible()
pytestmark = [
    pytest.mark.early,
    pytest.mark.skipif(bool(WHY_NOT), reason=f"no clean root can be made here: {WHY_NOT}"),
]

SEED = "BRANCHWATCH_SEED"
INSTALL = "sh /stick/install.sh"
UNINSTALL = "sh /opt/branchwatch/install.sh --uninstall --yes"
MODEL = "models/person-vehicle-bike-detection-2004-FP16-INT8.xml"
RELEASES = Path("opt/branchwatch/releases")

MakeRoot = Callable[..., CleanRoot]


HEAVY = {"av", "lxml", "numpy", "opencv_python_headless", "openvino", "openvino_telemetry"}
"""Nine tenths of a kit's bytes, which a box without cameras never loads: most roots here do without."""


@pytest.fixture(scope="session")
def office(whole: Office) -> Office:
    """The same without what is heavy."""
    light = Office(
        authority=whole.authority,
        wheels=[wheel for wheel in whole.wheels if wheel.name.lower() not in HEAVY],
        software=whole.software,
        parts=whole.parts,
        at=whole.at,
    )
    light.keys = whole.keys
    return light


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Real wheels, gathered once, and an authority that a real clock finds in its time."""
    materials = find_materials()
    target = Target(arch=Arch(machine()), python=python_version())
    wheels = gather_wheels(materials, target, None, lambda _: None, tmp_path_factory.mktemp("wheels"))
    return Office(
        authority=Authority.create(now=now()),
        wheels=wheels,
        software=Software(version=version_of(wheels), arch=platform.machine(), python=target.python),
        parts={**materials.parts(), MODEL: b"as small as a model gets\n"},
        at=now(),
    )


@pytest.fixture(scope="session")
def kit(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit that nobody changes."""
    return office.kit(tmp_path_factory.mktemp("stick"))


@pytest.fixture
def stick(kit: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    return shutil.copytree(kit, tmp_path / "stick")


@pytest.fixture
def make_root(tmp_path: Path) -> Iterator[MakeRoot]:
    """Clean roots; taken away at the end, for each is some 50 MB."""
    roots: list[CleanRoot] = []
    numbers = count()

    def make(stick: Path, **how: object) -> CleanRoot:
        roots.append(CleanRoot(folder=tmp_path / f"root-{next(numbers)}", stick=stick, **how))  # type: ignore[arg-type]
        return roots[-1]

    yield make
    for root in roots:
        root.close()


@pytest.mark.timeout(180)
def test_a_bare_machine_becomes_a_box_and_a_bare_machine_again(
    whole: Office, tmp_path: Path, make_root: MakeRoot
) -> None:
    """Installed without network, twice, its health told; taken off; taken off with all that it kept."""
    office, kit = whole, whole.kit(tmp_path / "whole")
    root = make_root(kit)
    bare = root.files()
    first = root.run(INSTALL)
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"Signed by:  {office.signed_by}" in first.stdout
    assert f"Root:       {fingerprint(office.root)}" in first.stdout
    assert "bad        identity   this box is not enrolled" in first.stdout
    assert "next step: branchwatch agent enrol" in first.stdout
    assert first.stderr == ""

    said = root.run("branchwatch --version && grep ^branchwatch: /etc/passwd && stat -c '%a %U' /var/lib/branchwatch")
    assert said.stdout.splitlines()[0] == f"branchwatch {office.software.version}"
    assert said.stdout.splitlines()[1].endswith(":/var/lib/branchwatch:/usr/sbin/nologin")
    assert said.stdout.splitlines()[2] == "700 branchwatch"
    model = root.run(f"stat -c '%a %U' /var/lib/branchwatch/models /var/lib/branchwatch/{MODEL}")
    assert model.stdout.splitlines() == ["700 branchwatch", "600 branchwatch"]
    assert (root.folder / "var/lib/branchwatch" / MODEL).read_bytes() == office.parts[MODEL]
    for name in ("root.pem", "pins.json", "enrol.json"):
        assert (root.folder / "etc/branchwatch/kit" / name).read_bytes() == (kit / name).read_bytes()
    units = sorted(path.name for path in (root.folder / "etc/systemd/system").iterdir())
    assert units == sorted(path.name for path in (kit / "units").iterdir())

    release = next((root.folder / RELEASES).iterdir())
    before = (release / "pyvenv.cfg").stat().st_mtime_ns
    again = root.run(INSTALL)
    assert (again.returncode, again.stderr) == (0, "")
    assert "is installed already" in again.stdout
    assert (release / "pyvenv.cfg").stat().st_mtime_ns == before

    (root.folder / "var/lib/branchwatch/outbox.db").write_text("events that the centre does not have")
    off = root.run(UNINSTALL)
    assert (off.returncode, off.stderr) == (0, "")
    assert "still in /var/lib/branchwatch" in off.stdout
    assert (root.folder / "var/lib/branchwatch/outbox.db").exists()
    assert not (root.folder / "opt/branchwatch").exists()

    gone = root.run(f"{INSTALL} --uninstall --purge --yes")
    assert (gone.returncode, gone.stderr) == (0, "")
    left = {path for path in root.files().keys() - bare.keys() if not path.startswith(("etc/passwd", "etc/group"))}
    assert left - {"etc/shadow-", "etc/gshadow-", "etc/subuid", "etc/subgid", "etc/subuid-", "etc/subgid-"} <= {
        "etc/.pwd.lock", "etc/systemd", "etc/systemd/system"
    }  # fmt: skip


def test_everything_is_said_in_chinese_to_who_reads_chinese(kit: Path, make_root: MakeRoot) -> None:
    """By LANG: the script's own sentences, a refusal, and the health."""
    root = make_root(kit, lang="zh_CN.UTF-8")
    done = root.run(INSTALL)
    assert done.returncode == 0
    assert not [line for line in done.stdout.splitlines() if line.isascii()]
    assert "尚未注册" in done.stdout
    assert root.run(f"{INSTALL} --frobnicate").stderr == "未知选项 --frobnicate；参见：sh install.sh --help\n"


@pytest.mark.parametrize("way", WAYS)
def test_a_spoilt_stick_installs_nothing(stick: Path, make_root: MakeRoot, way: str) -> None:
    """One byte, one file too few or too many: one sentence, exit 1, nothing changed."""
    path = spoil(stick, way)
    root = make_root(stick)
    before = root.files()
    done = root.run(INSTALL)
    if path == "install.sh":
        # The script that looks is the one that was spoilt: what is left of it may say anything, but installs nothing.
        assert done.returncode != 0
    else:
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("This kit is not whole: ")
        assert done.stderr.count("\n") == 1
    assert root.files() == before


def test_a_stick_that_somebody_else_signed_shows_it(
    office: Office, kit: Path, tmp_path: Path, make_root: MakeRoot
) -> None:
    """A stranger's kit shows other fingerprints, is refused by --signer, and never gets over an installed box."""
    stranger = Office(
        authority=Authority.create(now=now()),
        wheels=office.wheels,
        software=office.software,
        parts=office.parts,
        at=now(),
    )
    his = stranger.kit(tmp_path / "his")
    root = make_root(his)
    shown = root.run(f"{INSTALL} --check-only")
    assert shown.returncode == 0
    assert stranger.signed_by in shown.stdout
    assert office.signed_by not in shown.stdout
    refused = root.run(f"{INSTALL} --signer {office.signed_by}")
    assert refused.returncode == 1
    assert stranger.signed_by in refused.stderr
    assert not (root.folder / "opt/branchwatch").exists()
    mixed = stranger.kit(tmp_path / "mixed", root=office.root)
    root.stick = mixed
    assert "does not come from its root" in root.run(INSTALL).stderr
    boxes = office.authority.issue(Role.BOX, "0755-032-a", site="0755-032", now=now())
    root.stick = office.kit(tmp_path / "boxes", signer=office.signer(boxes))
    assert "may not sign kits" in root.run(INSTALL).stderr

    identity = root.folder / "var/lib/branchwatch/identity"
    identity.mkdir(parents=True)
    (identity / "root.pem").write_bytes((kit / "root.pem").read_bytes())
    (identity / "box.pem").write_bytes(box_certificate(office, BOX))
    root.stick = his
    before = root.files()
    assert "installed under another root" in root.run(INSTALL).stderr
    (identity / "box.pem").write_bytes(box_certificate(office, "0755-031-b"))
    root.stick = kit
    assert f"enrolled as another box than {BOX}" in root.run(INSTALL).stderr
    assert root.files().keys() == before.keys()


def test_without_openssl_it_says_what_it_did_not_check(kit: Path, make_root: MakeRoot) -> None:
    """Nobody there to ask: refused, with what would do. Said outright: installed, with that sentence."""
    root = make_root(kit, without=("openssl",))
    before = root.files()
    refused = root.run(INSTALL)
    assert refused.returncode == 1
    assert "NOT CHECKED: who signed this kit" in refused.stdout
    assert "then: sh install.sh --unsigned" in refused.stderr
    assert root.run(f"{INSTALL} --yes").returncode == 1
    assert root.files() == before
    done = root.run(f"{INSTALL} --unsigned")
    assert done.returncode == 0
    assert "NOT CHECKED" in done.stdout
    assert "Signed by" not in done.stdout


def test_whoever_sits_there_compares_before_anything_is_changed(kit: Path, office: Office, make_root: MakeRoot) -> None:
    """At a terminal it waits for the word that both fingerprints agree; one named with --signer it compares itself."""
    root = make_root(kit, terminal=True)
    before = root.files()
    code, seen = root.typed(INSTALL, "[y/N]", "n")
    assert (code, "Nothing was changed. Next step: keep the stick" in seen) == (1, True), seen
    assert seen.index("Signed by:") < seen.index("Are both the same as on paper, to the last digit?")
    assert root.files() == before
    code, seen = root.typed(f"{INSTALL} --signer {office.signed_by}", "[y/N]", "n")
    assert (code, "Are both the same" in seen, "Installed." in seen) == (0, False, True), seen
    code, seen = root.typed(INSTALL, "[y/N]", "y")
    assert (code, "is installed already" in seen) == (0, True), seen


def test_a_wrong_machine_is_told_so(office: Office, tmp_path: Path, make_root: MakeRoot) -> None:
    """Another processor or Python, no room, not root, a clock before the kit: one sentence each, nothing changed."""
    version = office.software.version
    root = make_root(office.kit(tmp_path / "1", software=Software(version=version, arch="riscv64", python="3.11")))
    before = root.files()
    assert f"The kit is for riscv64, this machine is {platform.machine()}." in root.run(INSTALL).stderr
    old = Software(version=version, arch=platform.machine(), python="3.9")
    root.stick = office.kit(tmp_path / "2", software=old)
    assert "The kit is for Python 3.9" in root.run(INSTALL).stderr
    root.stick = office.kit(tmp_path / "3")
    assert "needs root" in root.run(f"setpriv --reuid 65534 --clear-groups {INSTALL}").stderr
    root.opt_kib = 20_000
    assert "no room on the disk of /opt: " in root.run(INSTALL).stderr
    root.opt_kib = None
    early = office.authority.issue(Role.PROVISIONING, "prov-9", now=now().replace(year=now().year + 1))
    root.stick = office.kit(tmp_path / "4", signer=office.signer(early))
    assert "The clock of this machine says" in root.run(INSTALL).stderr
    assert root.files() == before


def test_an_upgrade_is_one_rename(office: Office, kit: Path, tmp_path: Path, make_root: MakeRoot) -> None:
    """The new release takes the old one's place, what the box kept stays; one that does not work changes nothing."""
    root = make_root(kit)
    assert root.run(INSTALL).returncode == 0
    (root.folder / "var/lib/branchwatch/outbox.db").write_text("events")
    root.stick = _upgraded(office, "9.0.0", lacking="msgspec").kit(tmp_path / "broken")
    refused = root.run(INSTALL)
    assert refused.returncode == 1
    assert "could not be installed" in refused.stderr
    assert "as it was" in refused.stderr
    assert root.run("branchwatch --version").stdout == f"branchwatch {office.software.version}\n"
    assert len(list((root.folder / RELEASES).iterdir())) == 1

    root.stick = _upgraded(office, "8.0.0").kit(tmp_path / "newer")
    assert root.run(INSTALL).returncode == 0
    assert root.run("branchwatch --version").stdout == "branchwatch 8.0.0\n"
    assert len(list((root.folder / RELEASES).iterdir())) == 1
    assert (root.folder / "var/lib/branchwatch/outbox.db").read_text() == "events"


def _upgraded(office: Office, version: str, lacking: str = "") -> Office:
    """The same office with a newer wheel of ours, and perhaps without a library that it needs to start."""
    wheels = [reversioned(office.wheels[0], version), *office.wheels[1:]]
    software = Software(version=version, arch=office.software.arch, python=office.software.python)
    other = Office(
        authority=office.authority,
        wheels=[wheel for wheel in wheels if wheel.name != lacking],
        software=software,
        parts=office.parts,
        at=office.at,
    )
    other.keys = office.keys
    return other


def _killed_after(root: CleanRoot, lines: int) -> list[str]:
    """Install, traced, and kill everything at a line of the trace; what was traced."""
    traced: list[str] = []
    with root.start("sh -x /stick/install.sh") as child:
        assert child.stderr is not None
        for line in child.stderr:
            traced.append(line)
            if len(traced) == lines:
                child.kill()
                break
    return traced


def _but_temporary(root: CleanRoot) -> set[str]:
    """What is there; a machine empties /tmp when it starts."""
    return {path for path in root.files() if not path.startswith("tmp/")}


@pytest.mark.parametrize(
    "rounds",
    [
        pytest.param(1, marks=pytest.mark.timeout(180)),
        pytest.param(30, marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
)
def test_whatever_moment_the_power_fails_the_next_run_completes_it(
    rounds: int, office: Office, kit: Path, tmp_path: Path, make_root: MakeRoot
) -> None:
    """Killed at seeded points of an upgrade: the old release or the new one works; run again, the new one does."""
    seed = int(os.environ.get(SEED) or secrets.randbits(32))
    print(f"{SEED}={seed}")
    dice = random.Random(seed)
    newer = _upgraded(office, "8.0.0").kit(tmp_path / "newer")
    root = make_root(kit)
    assert root.run(INSTALL).returncode == 0
    root.stick = newer
    points = len(root.run("sh -x /stick/install.sh --check-only").stderr.splitlines())
    whole = len(root.run("sh -x /stick/install.sh").stderr.splitlines())
    expected = _but_temporary(root)
    for _ in range(rounds):
        root.stick = kit
        assert root.run(INSTALL).returncode == 0
        root.stick = newer
        point = dice.randrange(points // 2, whole)
        _killed_after(root, point)
        found = root.run("branchwatch --version && branchwatch agent --help > /dev/null")
        assert found.stdout in (f"branchwatch {office.software.version}\n", "branchwatch 8.0.0\n"), point
        assert found.returncode == 0, point
        done = root.run(INSTALL)
        assert done.returncode == 0, (point, done.stderr)
        assert root.run("branchwatch --version").stdout == "branchwatch 8.0.0\n"
        assert _but_temporary(root) == expected, point


def test_the_word_makes_what_the_script_installs(
    whole: Office, tmp_path: Path, make_root: MakeRoot, capfd: pytest.CaptureFixture[str]
) -> None:
    """`provision kit` from an inventory and a folder of wheels, without a network; checked on a trusted machine."""
    assert branchwatch.main(["provision", "authority", "new", "--no-passphrase", "--dir", str(tmp_path / "ca")]) == 0
    issue = ["provision", "issue", "provisioning", "prov-1", "--dir", str(tmp_path / "ca")]
    assert branchwatch.main([*issue, "--out", str(tmp_path / "keys")]) == 0
    key = load_provisioning_key(tmp_path / "keys" / "prov-1.key", lambda: b"", now())
    inventory, wheels = tmp_path / "inventory", tmp_path / "wheels"
    public = subprocess.run(
        ["openssl", "pkey", "-in", str(tmp_path / "keys" / "prov-1.key"), "-pubout", "-outform", "DER"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    for name, text in example(b64encode(public).decode(), str).items():
        (inventory / name).parent.mkdir(parents=True, exist_ok=True)
        (inventory / name).write_text(text.replace("provisioning = []", f'provisioning = ["{key.thumbprint}"]'))
    wheels.mkdir()
    for wheel in whole.wheels:
        (wheels / wheel.file).write_bytes(wheel.content)
    capfd.readouterr()
    words = ["provision", "kit", SITE, "--inventory", str(inventory), "--key", str(tmp_path / "keys" / "prov-1.key")]
    target = ["--arch", machine(), "--python", python_version()]
    begun = time.monotonic()
    code = branchwatch.main([*words, *target, "--wheels", str(wheels), "--out", str(tmp_path / "out")])
    said = capfd.readouterr()
    assert code == 0, said.err
    assert f"Taking the other wheels from {wheels}." in said.err
    assert time.monotonic() - begun < 60, "nothing was asked of a network that is not there"
    kit = tmp_path / "out" / f"kit-{SITE}"
    assert branchwatch.main(["provision", "kit", "--check", str(kit), "--root", str(tmp_path / "ca/root.pem")]) == 0
    checked = capfd.readouterr().out.splitlines()
    fingerprints = [line.split()[-1] for line in said.out.splitlines() if line.startswith(("signed by", "root:"))]
    assert fingerprints == [fingerprint(key.credential.certificate), fingerprint(key.root)]
    assert checked[1].endswith(fingerprints[0])
    shown = make_root(kit).run(f"{INSTALL} --check-only --signer {fingerprints[0]}")
    assert shown.returncode == 0
    assert all(each in shown.stdout for each in fingerprints)
    spoil(kit, "changed kit.txt")
    assert branchwatch.main(["provision", "kit", "--check", str(kit), "--root", str(tmp_path / "ca/root.pem")]) == 1
    (wheels / next(wheel.file for wheel in whole.wheels if wheel.name == "msgspec")).unlink()
    assert branchwatch.main([*words, *target, "--wheels", str(wheels), "--out", str(tmp_path / "out2")]) == 2
    assert "msgspec" in capfd.readouterr().err
    assert not (tmp_path / "out2").exists()


@pytest.mark.timeout(180)
def test_an_installed_box_enrols_guards_and_is_not_taken_off_while_it_does(
    whole: Office,
    tmp_path: Path,
    make_root: MakeRoot,
    process: StartProcess,
    free_port: Callable[[], int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the stick to a running agent, as docs/install.md says it; all that enrolment leaves is the agent's own."""
    offline, wheels, enrolment = Offline(tmp_path, capsys, monkeypatch), tmp_path / "wheels", tmp_path / "enrol"
    at = f"127.0.0.1:{free_port()}"
    bank = offline.bank / "bank.toml"
    bank.write_text(bank.read_text().replace("192.0.2.7:8443", at))
    wheels.mkdir()
    for wheel in whole.wheels:
        (wheels / wheel.file).write_bytes(wheel.content)
    assert offline.build().code == 0
    assert offline.run("enrolment", "new", "--dir", tmp_path / "ca", "--out", enrolment).code == 0
    shutil.copytree(offline.bundles, enrolment / "bundles", dirs_exist_ok=True)
    code = tmp_path / "code.txt"
    token = offline.run("token", SITE, "--dir", enrolment, "--inventory", offline.bank, "--kit-file", code)
    assert token.code == 0, token.err
    words = ["--inventory", offline.bank, "--key", offline.key_file("bureau-1"), "--wheels", wheels]
    words += ["--arch", machine(), "--python", python_version(), "--code-file", code, "--out", tmp_path / "stick"]
    made = offline.run("kit", SITE, *words)
    assert made.code == 0, made.err
    assert "The code is on the stick" in made.err
    server = process([sys.executable, "-m", "branchwatch", "provision", "serve", "--dir", enrolment, "--listen", at])
    eventually_blocking(lambda: "enrolling boxes at" in server.output(), 20.0, "the enrolment answers")

    root = make_root(tmp_path / "stick" / f"kit-{SITE}", network=True)
    assert root.run(INSTALL).returncode == 0
    done = root.run("branchwatch agent enrol --code-file - < /stick/code.txt")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"This machine is {BOX} of site {SITE}" in done.stdout
    kept = root.run("find /var/lib/branchwatch -printf '%u %m %P\\n'").stdout.splitlines()
    assert {line.split()[0] for line in kept} == {"branchwatch"}
    assert "branchwatch 600 identity/signing.key" in kept
    assert "branchwatch 600 identity/sealing.key" in kept
    health = root.run("branchwatch agent health --json")
    levels = {each["matter"]: each["level"] for each in json.loads(health.stdout)["matters"]}
    assert (levels["identity"], levels["site file"], levels["agent"]) == ("ok", "ok", "bad")
    runs = """
        branchwatch agent run --state /var/lib/branchwatch 2> /tmp/said & agent=$!
        until branchwatch agent health --json | grep -q '"text": "running"'; do kill -0 $agent; done
        sh /opt/branchwatch/install.sh --uninstall --yes; echo "said no: $?"
        kill $agent; wait $agent; echo "ended: $?"
    """
    guarded = root.run(f"set -e; {runs.replace('; echo', ' || echo', 1)}")
    assert "An agent still runs here" in guarded.stderr
    assert guarded.stdout.splitlines()[-2:] == ["said no: 1", "ended: 0"]
    assert root.run(INSTALL).returncode == 0
    assert root.run("branchwatch agent health --json").stdout.count('"ok"') >= 3
