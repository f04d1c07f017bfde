"""What a hurried administrator meets: full disks, wrong folders, wrong files. One sentence, and nothing changed."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ROOT = Path(__file__).resolve().parents[2]
BRANCHWATCH = [sys.executable, "-m", "branchwatch", "provision"]
TABLE = "id,name,io1.address\n0755-040,Longhua outlet,192.0.2.40:502\n"
Type = Callable[..., "subprocess.CompletedProcess[str]"]


def type_words(*words: object, before: str = "") -> subprocess.CompletedProcess[str]:
    """Type a command of `provision`; `before` is shell that runs first, in the same process."""
    command = [*BRANCHWATCH, *map(str, words)]
    shell = ["bash", "-c", f'{before} exec "$@"', "bash", *command]
    return subprocess.run(shell, capture_output=True, text=True, check=False, cwd=ROOT, stdin=subprocess.DEVNULL)


def snapshot(folder: Path) -> Mapping[str, bytes | None]:
    """Every file and folder below, with content, but the store that follows from the enrolment's record."""
    found = sorted(path for path in folder.rglob("*") if path.name != "codes.sqlite")
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """A folder with an authority, an inventory, a table of sites and a registration."""
    assert type_words("authority", "new", "--dir", tmp_path / "ca", "--no-passphrase").returncode == 0
    assert type_words("inventory", "new", "--dir", tmp_path / "inventory").returncode == 0
    assert type_words("enrolment", "new", "--dir", tmp_path / "ca", "--out", tmp_path / "enrolment").returncode == 0
    (tmp_path / "outlets.csv").write_text(TABLE)
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    key = b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    registration = {
        "person": "zhang-wei",
        "name": "x",
        "kind": "key_file",
        "public_key": key,
        "at": "2026-11-21T01:00:00.000Z",
    }
    (tmp_path / "keys.json").write_bytes(msgspec.json.encode({"v": 1, "registrations": [registration]}))
    return tmp_path


FULL = {
    "authority new": ["authority", "new", "--dir", "{0}/new", "--no-passphrase"],
    "inventory new": ["inventory", "new", "--dir", "{0}/new"],
    "enrolment new": ["enrolment", "new", "--dir", "{0}/ca", "--out", "{0}/new"],
    "import": ["import", "{0}/outlets.csv", "--inventory", "{0}/inventory", "--template", "outlet", "--write"],
    "people accept": ["people", "accept", "{0}/keys.json", "--inventory", "{0}/inventory", "--yes-fingerprint"],
    "replace": ["replace", "0755-031", "--inventory", "{0}/inventory", "--dir", "{0}/enrolment"],
}


@pytest.mark.parametrize("word", FULL)
def test_a_full_disk_is_one_sentence_that_names_the_place(office: Path, word: str) -> None:
    """No file can grow: exit code 2, one line that names a place the person knows, and not a byte is different."""
    words = [each.format(office) for each in FULL[word]]
    if word == "people accept":
        shown = type_words("people", "accept", office / "keys.json", "--inventory", office / "inventory")
        words.append(shown.stdout.partition("fingerprint  ")[2].partition("\n")[0])
    if word == "replace":  # what the store of codes needs stands before the disk is full
        assert type_words("token", "0755-031", "--dir", office / "enrolment", "--at", "127.0.0.1:8443").returncode == 0
    before = snapshot(office)
    done = type_words(*words, before="ulimit -f 0;")
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "None" not in done.stderr
    assert "/." not in done.stderr, "a temporary file's name helps nobody"
    assert str(office) in done.stderr
    assert snapshot(office) == before


@pytest.mark.parametrize("content", [b"SQLite format 3\0", b"SQLite format 3\0" + bytes(3000), b"x" * 5000])
def test_a_damaged_store_of_codes_is_told_with_the_way_out(office: Path, content: bytes) -> None:
    """Every word that needs the store names it and what to do; once it is moved away, the record makes it again."""
    enrolment, store = office / "enrolment", office / "enrolment" / "codes.sqlite"
    token = ["token", "0755-031", "--dir", enrolment, "--at", "127.0.0.1:8443"]
    assert type_words(*token).returncode == 0
    store.write_bytes(content)
    before = snapshot(office)
    key = office / "bureau" / "bureau-1.key"
    for words in (
        token,
        ["replace", "0755-031", "--inventory", office / "inventory", "--dir", enrolment],
        ["readmit", "0755-031-a", "--dir", enrolment, "--key", key],
        ["serve", "--dir", enrolment, "--listen", "127.0.0.1:1"],
    ):
        done = type_words(*words)
        assert done.returncode in (1, 2), done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert str(store) in done.stderr
        assert store.read_bytes() == content
        assert "should not have happened" not in done.stderr
        assert snapshot(office) == before
    store.unlink()
    assert type_words(*token).returncode == 0


def test_a_code_is_not_made_for_files_that_have_no_place(office: Path) -> None:
    """A folder that is not there is found before the code is made: an open code of the box stays open."""
    words = ["token", "0755-031", "--dir", office / "enrolment", "--inventory", office / "inventory"]
    assert type_words(*words).returncode == 0
    before = snapshot(office)
    for file in (["--qr", office / "none" / "code.png"], ["--kit-file", office / "none" / "code.txt"]):
        done = type_words(*words, *file)
        assert (done.returncode, str(office / "none") in done.stderr) == (2, True)
        assert snapshot(office) == before


def test_a_code_whose_file_cannot_be_written_is_shown_all_the_same(office: Path) -> None:
    """It is made and kept nowhere else: lost on the way to a file, it would have to be made anew."""
    (office / "code.txt").mkdir()
    words = ["token", "0755-031", "--dir", office / "enrolment", "--inventory", office / "inventory"]
    done = type_words(*words, "--kit-file", office / "code.txt")
    assert (done.returncode, "Good once" in done.stdout, "code.txt cannot be written" in done.stderr) == (1, True, True)
    assert "it holds the code" not in done.stdout


def test_a_code_is_for_the_box_that_the_inventory_names(office: Path) -> None:
    """Another box, typed in haste, would enrol one site's machine under the name of another's."""
    words = ["token", "0755-031", "--dir", office / "enrolment", "--inventory", office / "inventory"]
    before = snapshot(office)
    done = type_words(*words, "--box", "0755-032-a")
    assert (done.returncode, "is 0755-031-a, not 0755-032-a" in done.stderr) == (2, True), done.stderr
    assert snapshot(office) == before
    assert type_words(*words, "--box", "0755-031-a").returncode == 0


def test_a_code_tells_when_no_site_file_lies_ready(office: Path) -> None:
    """None, half of one, another box's: told where the code is made, so that no installer stands there without."""
    bundles, bureau, ca = office / "enrolment" / "bundles", office / "bureau", office / "ca"
    token = ["token", "0755-031", "--dir", office / "enrolment", "--inventory", office / "inventory"]
    done = type_words(*token)
    assert (done.returncode, "0755-031-a.json is not there" in done.stderr) == (0, True), done.stderr
    made = type_words("issue", "provisioning", "bureau-1", "bureau-2", "--dir", ca, "--out", bureau)
    pins = made.stdout.partition("provisioning = ")[2].partition("\n")[0]
    bank = office / "inventory" / "bank.toml"
    bank.write_text(bank.read_text().replace("provisioning = []", f"provisioning = {pins}"))
    keys = ["--key", bureau / "bureau-1.key", "--key", bureau / "bureau-2.key"]
    done = type_words("build", "--inventory", office / "inventory", "--out", bundles, *keys)
    assert done.returncode == 0, done.stderr
    assert type_words(*token).stderr == ""
    given = bundles / "0755-031-a.json"
    whole = given.read_bytes()
    (bundles / "0755-099-a.json").write_bytes(whole)
    other = ["token", "0755-099", "--dir", office / "enrolment", "--at", "127.0.0.1:8443"]
    assert "would not do for 0755-099-a: it is for 0755-031-a" in type_words(*other).stderr
    given.write_bytes(whole[: len(whole) // 2])
    assert "copy the file again" in type_words(*token).stderr


def test_replacing_twice_in_a_hurry_skips_no_id(office: Path) -> None:
    """The id that nobody used yet is not thrown away, and the steps that were printed stay the right ones."""
    replace = ["replace", "0755-031", "--inventory", office / "inventory", "--dir", office / "enrolment"]
    assert type_words("token", "0755-031", "--dir", office / "enrolment", "--at", "127.0.0.1:8443").returncode == 0
    done = type_words(*replace)
    assert (done.returncode, "0755-031-b in the place of 0755-031-a" in done.stdout) == (0, True)
    build, sign = (done.stdout.find(f"branchwatch provision {word} ") for word in ("build", "sign"))
    assert 0 < build < sign, "a new box's bundle needs two signatures"
    assert "waiting/0755-031-b.json" in done.stdout
    before = snapshot(office)
    done = type_words(*replace)
    assert (done.returncode, "nothing is to be replaced" in done.stderr) == (1, True)
    assert snapshot(office) == before


def test_who_may_not_readmit_is_told_in_words(office: Path) -> None:
    """A key of another root, or of a broker: why it does not count, never the name of a fault in the code."""
    assert type_words("authority", "new", "--dir", office / "ca2", "--no-passphrase").returncode == 0
    for ca, role, name in (("ca2", "person", "li-na"), ("ca", "broker", "broker-1")):
        assert type_words("issue", role, name, "--dir", office / ca, "--out", office / role).returncode == 0
    assert type_words("issue", "box", "0755-031-a", "--dir", office / "ca", "--out", office / "box").returncode == 0
    assert type_words("enrolment", "new", "--dir", office / "ca", "--out", office / "enrolment2").returncode == 0
    said = [
        type_words("readmit", "0755-031-a", "--dir", office / "enrolment2", "--key", office / role / f"{name}.key")
        for role, name in (("person", "li-na"), ("broker", "broker-1"))
    ]
    assert "does not come from this root" in said[0].stderr
    assert "neither a provisioning key nor a person's" in said[1].stderr


def test_a_reader_that_goes_away_is_no_fault_of_a_file(office: Path) -> None:
    """`provision audit | head -1` ends without a sentence about a file that does not exist."""
    command = f"{' '.join(BRANCHWATCH)} audit --dir {office}/ca"
    done = subprocess.run(
        ["bash", "-c", f"({command}; {command}; {command}) | true"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.stderr == ""


def test_one_wrong_line_of_many_is_not_lost_among_the_others(office: Path) -> None:
    """Only what is wrong is listed while something is; a table that changes nothing says that nothing was written."""
    rows = [f"0755-{number:03},Outlet {number},10.1.{number}.10:502" for number in range(100, 200)]
    table, words = office / "many.csv", ["--inventory", office / "inventory", "--template", "outlet"]
    table.write_text("\n".join(["id,name,io1.address", *rows, "0755-100,Again,10.2.2.2:502", ""]))
    done = type_words("import", table, *words)
    assert done.returncode == 2
    listed = done.stdout.splitlines()
    assert len(listed) == 3, listed
    assert f"{table}:102: column A (id)" in listed[1]
    table.write_text("\n".join(["id,name,io1.address", *rows, ""]))
    assert "Written to" in type_words("import", table, *words, "--write").stdout
    before = snapshot(office)
    done = type_words("import", table, *words, "--write")
    assert (done.returncode, "Nothing was written" in done.stdout, "Written to" in done.stdout) == (0, True, False)
    assert snapshot(office) == before
