"""Bundles from the inventory: who must sign, what is a new version, what is sealed, and what leaves all as it was."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from json import loads
from pathlib import Path

import pytest
from msgspec.structs import replace

from protocol.bundle import judge
from protocol.certificates import Role, Trust
from protocol.documents import Document, open_document
from protocol.envelope import EnvelopeType
from protocol.sealing import open_secret
from provisioning.keeping import load_certificate
from tests.bundles import Bureau, key, roster, settings, spki
from tests.offline import Offline

BOX = "0755-031-a"
SECRETS = '[secrets]\ncameras = "Tidal-Lantern-7"\n'


@pytest.fixture
def offline(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Offline:
    """A new authority and an inventory of one site."""
    return Offline(tmp_path, capsys, monkeypatch)


def _opened(offline: Offline, box: str = BOX) -> Document:
    trust = Trust(load_certificate(offline.folder / "ca" / "root.pem"))
    data = (offline.bundles / f"{box}.json").read_bytes()
    return open_document(data, EnvelopeType.SITE, trust, datetime.now(UTC), Role.PROVISIONING)


def test_a_first_bundle_of_two_keys_is_one_that_the_box_takes(offline: Offline) -> None:
    """What `build` gives out, the box's own judgement accepts with nothing but the kit's pins."""
    said = offline.build()
    assert (said.code, said.err) == (0, "")
    pins = frozenset({offline.pin("bureau-1"), offline.pin("bureau-2")})
    accepted = judge(_opened(offline), held=None, pins=pins, box=BOX, site="0755-031")
    assert accepted.signers == ("bureau-1", "bureau-2")
    assert (accepted.bundle.version, accepted.bundle.pending) == (1, ("cameras",))
    assert accepted.bundle.settings["centre"] == {
        "box": BOX,
        "brokers": ["192.0.2.5:8883"],
        "enrolment": "192.0.2.7:8443",
    }


def test_one_signature_waits_for_another_persons(offline: Offline) -> None:
    """With one key nothing is given out; the second person sees what changes, signs, and it is."""
    said = offline.build(keys=("bureau-1",))
    assert said.code == 0
    assert not (offline.bundles / f"{BOX}.json").exists()
    assert "provision sign" in said.out
    signed = offline.sign(BOX, "bureau-2")
    assert signed.code == 0
    for part in (
        "zhang-wei-1 may arm, disarm",
        "[[zone]] counter",
        "needs two signatures",
        "signed so far by bureau-1",
    ):
        assert part in signed.out
    assert [each.id for each in _opened(offline).signers] == ["bureau-1", "bureau-2"]
    assert not (offline.bundles / "waiting" / f"{BOX}.json").exists()


def test_what_did_not_change_gets_no_new_version(offline: Offline) -> None:
    """The same inventory built again writes nothing at all, with one key or with two, before and after signing."""
    offline.build(keys=("bureau-1",))
    before = offline.files()
    said = offline.build(keys=("bureau-1",))
    assert "waits for a second signature" in said.out
    assert offline.files() == before
    offline.build()
    assert offline.given().version == 2  # the one that waited is overtaken, its number not used again
    before = offline.files()
    assert "unchanged, version 2" in offline.build().out
    assert offline.build("--changed").out.splitlines()[0].startswith("Bundles to be given out: 0;")
    assert offline.files() == before


def test_a_camera_is_renamed_by_one_signature_and_what_changes_is_told(offline: Offline) -> None:
    """An enrolled box that has the first bundle takes the second from one person; the preview names key and values."""
    offline.write_secrets(SECRETS)
    offline.build()
    offline.enrol(BOX)
    offline.write_site("0755-031", 31, '"198.51.100.31"', '"198.51.100.31"\nname = "大厅"')
    said = offline.build("--secrets", offline.secrets, keys=("bureau-2",))
    assert '[[camera]] cam1: name = "大厅"' in said.out
    assert "one signature is enough" in said.out
    assert offline.given().version == 2
    assert [each.id for each in _opened(offline).signers] == ["bureau-2"]


def test_a_box_that_may_have_missed_a_change_is_not_forgotten(offline: Offline) -> None:
    """A roster changed yesterday may not have reached the box: then a camera's change still needs two for it."""
    offline.write_secrets(SECRETS)
    offline.enrol(BOX)
    offline.build("--secrets", offline.secrets)
    offline.write_people("zhang-wei", "li-na")
    offline.build("--secrets", offline.secrets)
    offline.write_site("0755-031", 31, '"198.51.100.31"', '"198.51.100.31"\nname = "大厅"')
    said = offline.build("--secrets", offline.secrets, keys=("bureau-1",))
    assert "touches roster: needs two signatures" in said.out
    assert offline.given().version == 2


def test_a_secret_is_sealed_to_its_box_and_only_when_it_changes(offline: Offline) -> None:
    """The box's key opens it; an unchanged secret keeps its sealed text, a changed one makes a version."""
    offline.write_secrets(SECRETS)
    offline.enrol(BOX)
    assert offline.build("--secrets", offline.secrets).code == 0
    first = offline.given()
    assert open_secret(first.sealed["cameras"], box=BOX, name="cameras", key=key(301)) == b"Tidal-Lantern-7"
    offline.write_site("0755-031", 31, "网点", "支行")
    offline.build("--secrets", offline.secrets)
    assert (offline.given().version, offline.given().sealed) == (2, first.sealed)
    offline.build()  # without the file what is sealed is carried on
    assert offline.given().version == 2
    offline.write_secrets(SECRETS + '[site."0755-031"]\ncameras = "Own-Orchid-9"\n')
    offline.build("--secrets", offline.secrets)
    third = offline.given()
    assert third.version == 3
    assert open_secret(third.sealed["cameras"], box=BOX, name="cameras", key=key(301)) == b"Own-Orchid-9"


def test_a_lost_memory_of_what_was_sealed_only_seals_again(offline: Offline) -> None:
    """The file of marks may be lost or damaged: a new version, and the same secret inside."""
    offline.write_secrets(SECRETS)
    offline.enrol(BOX)
    offline.build("--secrets", offline.secrets)
    offline.secrets.with_name("secrets.toml.sealed").write_bytes(b"\xff")
    offline.build("--secrets", offline.secrets)
    assert offline.given().version == 2
    assert open_secret(offline.given().sealed["cameras"], box=BOX, name="cameras", key=key(301)) == b"Tidal-Lantern-7"


def test_an_enrolled_box_without_its_secret_is_told_of(offline: Offline) -> None:
    """What nobody named stays pending, and the person who builds reads that devices will be unknown."""
    offline.build()
    offline.enrol(BOX)
    said = offline.build()
    assert "secret cameras: missing" in said.out
    assert offline.given().version == 1


@pytest.mark.parametrize(
    ("text", "mode", "part"),
    [
        (SECRETS, 0o640, "chmod 600"),
        (SECRETS, 0o604, "chmod 600"),
        ('[secrets]\nrecorders = "Tidal-Lantern-7"\n', 0o600, "holds no secret cameras, which site 0755-031 needs"),
        ("[secrets]\ncameras = 77777\n", 0o600, "must be a text, not a number"),
        ('[secrets]\n"Tidal Lantern-7" = "x"\n', 0o600, "a secret is named by a-z"),
        ('[secrets]\ncameras = "Tidal-Lantern-7\n', 0o600, "this is not TOML"),
        ('cameras = "Tidal-Lantern-7"\n', 0o600, 'unknown key "cameras"'),
    ],
)
def test_a_bad_file_of_secrets_changes_nothing_and_shows_no_value(
    offline: Offline, text: str, mode: int, part: str
) -> None:
    """One sentence, exit code 2, every file as it was, and no secret in what is said."""
    offline.write_secrets(text, mode)
    offline.enrol(BOX)
    before = offline.files()
    said = offline.build("--secrets", offline.secrets)
    assert (said.code, part in said.err) == (2, True), said.err
    assert not {"Tidal", "Lantern", "77777"} & set(said.err.replace("-", " ").split())
    assert offline.files() == before


def test_a_batch_is_whole_or_nothing(offline: Offline) -> None:
    """One site that cannot be built keeps the others from being written too."""
    offline.write_secrets('[site."0755-031"]\ncameras = "x"\n')
    offline.write_site("0755-032", 32)
    for box, number in (("0755-031-a", 300), ("0755-032-a", 400)):
        offline.enrol(box, signing=number, sealing=number + 1)
    before = offline.files()
    said = offline.build("--secrets", offline.secrets)
    assert (said.code, "0755-032" in said.err) == (2, True)
    assert offline.files() == before
    assert offline.build("0755-031", "--secrets", offline.secrets).code == 0  # by itself it can


def test_preview_writes_and_asks_nothing(offline: Offline) -> None:
    """Nobody needs a key to see what would change."""
    before = offline.files()
    said = offline.build("--preview", keys=())
    assert said.code == 0
    assert "[[door]] outer: new" in said.out
    assert "needs two signatures" in said.out
    assert offline.files() == before
    assert not offline.bundles.exists()


def test_going_back_is_a_new_version_that_two_sign(offline: Offline) -> None:
    """Older settings under a higher number, with the reason inside; the roster stays today's."""
    offline.build()
    offline.write_site("0755-031", 31, "192.0.2.31", "192.0.2.99")
    offline.write_people("zhang-wei", "li-na")
    offline.build()
    back = ("0755-031", "--rollback-to", 1)
    assert offline.build(*back).code == 2  # without a reason
    assert offline.build(*back, "--reason", "x", keys=("bureau-1",)).code == 0
    assert offline.given().version == 2
    said = offline.build(*back, "--reason", "the new module fails")
    assert "goes back to earlier settings: the new module fails" in said.out
    bundle = offline.given()
    assert (bundle.version, bundle.rollback, bundle.reason) == (4, True, "the new module fails")
    assert bundle.settings["io"][0]["address"] == "192.0.2.31"
    assert [person.id for person in bundle.roster.people] == ["zhang-wei", "li-na"]
    for version in (4, 9):
        assert offline.build("0755-031", "--rollback-to", version, "--reason", "x").code == 2


def test_keys_are_rotated_by_the_old_ones(offline: Offline) -> None:
    """A third key that bank.toml does not name signs nothing; named and signed for, it does from the next bundle on."""
    offline.build()
    offline.write_site("0755-031", 31, "网点", "支行")
    before = offline.files()
    said = offline.build(keys=("bureau-1", "bureau-3"))
    assert (said.code, offline.pin("bureau-3") in said.err) == (2, True)
    assert offline.files() == before
    offline.write_bank("bureau-2", "bureau-3")
    assert offline.build(keys=("bureau-1", "bureau-3")).code == 2
    assert offline.build().code == 0
    offline.write_site("0755-031", 31)
    assert offline.build().code == 2  # bureau-1 counts no more
    assert offline.build(keys=("bureau-3", "bureau-2")).code == 0
    assert offline.given().version == 3


def test_a_lost_history_goes_on_above_the_number_that_boxes_have(offline: Offline) -> None:
    """A box takes no lower number: the person names the one that the centre shows."""
    assert offline.build("--above", 41).code == 0
    assert offline.given().version == 42


def test_history_that_was_changed_is_not_built_upon(offline: Offline) -> None:
    """A bundle in the folder of which a byte is another stops the build: it says what the boxes have."""
    offline.build()
    path = offline.bundles / "history" / f"{BOX}-1.json"
    path.write_bytes(path.read_bytes().replace(b'"protected":"e', b'"protected":"f', 1))
    offline.write_site("0755-031", 31, "网点", "支行")
    before = offline.files()
    said = offline.build()
    assert (said.code, f"{BOX}-1" in said.err, len(said.err.splitlines())) == (2, True, 1)
    assert offline.files() == before


@pytest.mark.parametrize(
    ("words", "keys", "part"),
    [
        ((), (), "who signs?"),
        ((), ("bureau-1", "bureau-1"), "two people"),
        (("0755-099",), ("bureau-1",), 'no site "0755-099"'),
        (("--passphrase-fd", "7", "--passphrase-fd", "8"), ("bureau-1",), "--passphrase-fd"),
    ],
)
def test_a_slip_is_one_sentence(offline: Offline, words: tuple[str, ...], keys: tuple[str, ...], part: str) -> None:
    """Exit code 2, nothing written, not even the folder."""
    said = offline.build(*words, keys=keys)
    assert (said.code, part in said.err, len(said.err.splitlines())) == (2, True, 1), said.err
    assert not (offline.bundles / f"{BOX}.json").exists()


def test_two_pins_are_the_least(offline: Offline) -> None:
    """A bank that named one key could never sign a roster; the sentence holds the thumbprints to be written."""
    offline.write_bank("bureau-1")
    said = offline.build()
    assert (said.code, offline.pin("bureau-2") in said.err) == (2, True)


def test_a_key_of_another_role_signs_nothing(offline: Offline) -> None:
    """A person's key is no provisioning key, whoever signed its certificate."""
    ca, out = offline.folder / "ca", offline.folder / "bureau"
    offline.run("issue", "person", "wang-fang", "--dir", ca, "--out", out)
    said = offline.build(keys=("wang-fang",))
    assert (said.code, "role provisioning" in said.err) == (2, True)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.replace(b"A", b"B", 1),
        lambda data: data[:-40],
        lambda _: b"",
        lambda _: b'{"payload": "e30", "signatures": []}',
    ],
)
def test_a_waiting_bundle_that_was_changed_is_not_signed(offline: Offline, spoil: Callable[[bytes], bytes]) -> None:
    """A changed byte, a torn file: one sentence, nothing signed, nothing given out."""
    offline.build(keys=("bureau-1",))
    path = offline.bundles / "waiting" / f"{BOX}.json"
    path.write_bytes(spoil(path.read_bytes()))
    before = offline.files()
    said = offline.sign(BOX, "bureau-2")
    assert (said.code, len(said.err.splitlines())) == (2, 1), said.err
    assert "nothing was signed" in said.err
    assert offline.files() == before


def test_the_second_person_may_say_no_and_must_be_another(offline: Offline) -> None:
    """Only a written yes signs; the first person's own key cannot be the second."""
    offline.build(keys=("bureau-1",))
    before = offline.files()
    for answer in ("", "n\n", "no\n", "x\n"):
        assert offline.sign(BOX, "bureau-2", typed=answer).code == 1
    assert offline.sign(BOX, "bureau-1").code == 2
    assert offline.sign(BOX, "bureau-3").code == 2  # not pinned
    assert offline.files() == before
    assert offline.sign(BOX, "bureau-2", "--yes", typed="").code == 0


def test_an_overtaken_bundle_is_not_given_out(offline: Offline) -> None:
    """A copy of what waited is signed too late: a newer version is in force."""
    offline.build(keys=("bureau-1",))
    late = offline.folder / "late.json"
    late.write_bytes((offline.bundles / "waiting" / f"{BOX}.json").read_bytes())
    offline.build()
    said = offline.run("sign", late, "--key", offline.key_file("bureau-2"), "--out", offline.bundles, "--yes")
    assert (said.code, "older than version 2" in said.err) == (2, True), said.err
    assert offline.given().version == 2


def test_show_tells_what_a_bundle_says_and_whether_it_holds(offline: Offline) -> None:
    """With the root it is valid or not, without it only a claim; a changed byte is exit code 1, a torn file 2."""
    offline.build()
    path, root = offline.bundles / f"{BOX}.json", offline.folder / "ca" / "root.pem"
    said = offline.run("show", path, "--root", root)
    assert (said.code, "Its signatures hold." in said.out) == (0, True)
    assert f"signed by bureau-2, key {offline.pin('bureau-2')}" in said.out
    assert "were not checked" in offline.run("show", path).out
    path.write_bytes(path.read_bytes().replace(b'"signature":"', b'"signature":"A', 1))
    said = offline.run("show", path, "--root", root)
    assert (said.code, "does not hold" in said.out) == (1, True)
    path.write_bytes(b"{}")
    assert offline.run("show", path, "--root", root).code == 2


def test_show_speaks_json_without_sealed_texts(offline: Offline) -> None:
    """A machine reads the same; what is sealed is named, not shown."""
    offline.write_secrets(SECRETS)
    offline.enrol(BOX)
    offline.build("--secrets", offline.secrets)
    said = offline.run("show", offline.bundles / f"{BOX}.json", "--root", offline.folder / "ca" / "root.pem", "--json")
    answer = loads(said.out)
    assert (answer["valid"], answer["version"], answer["sealed"]) == (True, 1, ["cameras"])
    assert [each["id"] for each in answer["signers"]] == ["bureau-1", "bureau-2"]
    assert offline.given().sealed["cameras"] not in said.out


def test_nothing_moves_the_cursor_of_whoever_reads(offline: Offline) -> None:
    """A foreign bundle's texts are shown without control characters."""
    stranger = Bureau()
    people = roster().people
    named = replace(people[0], name="\x1b[2J\u202e")
    bundle = stranger.bundle(
        1, settings=settings() | {"\x1b[31m": "\x1b]0;x"}, roster=replace(roster(), people=(named,))
    )
    path = offline.folder / "foreign.json"
    path.write_bytes(stranger.document(bundle))
    for words in ((), ("--json",)):
        said = offline.run("show", path, *words)
        assert said.code == 1
        assert all(letter.isprintable() or letter == "\n" for letter in said.out)


def test_what_waits_and_is_wanted_no_more_is_taken_away(offline: Offline) -> None:
    """A change that was taken back in the inventory must not be signed by somebody later."""
    offline.build()
    offline.write_people("zhang-wei", "li-na")
    offline.build(keys=("bureau-1",))
    waiting = offline.bundles / "waiting" / f"{BOX}.json"
    assert waiting.exists()
    offline.write_people("zhang-wei")
    assert "unchanged, version 1" in offline.build(keys=("bureau-1",)).out
    assert not waiting.exists()


def test_two_files_for_one_box_are_not_signed_together(offline: Offline) -> None:
    """Which of them should win is for a person to say."""
    offline.build(keys=("bureau-1",))
    copy = offline.folder / "copy.json"
    copy.write_bytes((offline.bundles / "waiting" / f"{BOX}.json").read_bytes())
    before = offline.files()
    waits = offline.bundles / "waiting" / f"{BOX}.json"
    said = offline.run("sign", waits, copy, "--key", offline.key_file("bureau-2"), "--yes")
    assert (said.code, "for one box" in said.err) == (2, True), said.err
    assert offline.files() == before


def test_keys_of_two_banks_do_not_sign_one_bundle(offline: Offline) -> None:
    """Two roots are two banks; and a certificate is no key."""
    ca, out = offline.folder / "other-ca", offline.folder / "other"
    offline.run("authority", "new", "--no-passphrase", "--dir", ca)
    offline.run("issue", "provisioning", "bureau-9", "--dir", ca, "--out", out)
    said = offline.build("--key", out / "bureau-9.key", keys=("bureau-1",))
    assert (said.code, "of another root" in said.err) == (2, True), said.err
    said = offline.build("--key", offline.key_file("bureau-1").with_suffix(".pem"), keys=())
    assert (said.code, "ends in .key" in said.err) == (2, True), said.err


def test_a_bundle_too_large_to_travel_is_not_given_out(offline: Offline) -> None:
    """An order carries 512 KiB at most: more is found here, not at the box."""
    names = [f"person-{number}" for number in range(1, 500)]
    desk = ".".join(["x" * 60] * 3 + ["example"])
    rows = "".join(
        f'[[person]]\nid = "{name}"\nname = "{"长" * 64}"\nunit = "市分行/西区支行"\nroles = ["security-officer"]\n'
        + "".join(
            f'[[person.key]]\nid = "{name}-{at}"\nkind = "webauthn"\n'
            f'public_key = "{b64encode(spki(key(10_000 + number * 4 + at).public_key())).decode()}"\nmay = ["arm"]\n'
            f'rp_id = "{desk}"\norigin = "https://{desk}"\n'
            for at in range(2)
        )
        for number, name in enumerate(names)
    )
    text = (offline.bank / "people.toml").read_text()
    (offline.bank / "people.toml").write_text(text + "\n" + rows)
    before = offline.files()
    said = offline.build()
    assert (said.code, "larger than 512 KiB" in said.err) == (2, True), said.err[-300:]
    assert offline.files() == before


def _piped(phrase: str) -> int:
    """A descriptor from which a passphrase can be read."""
    reading, writing = os.pipe()
    os.write(writing, f"{phrase}\n".encode())
    os.close(writing)
    return reading


def test_a_locked_key_signs_with_its_passphrase_only(offline: Offline) -> None:
    """`lock` puts a key under a passphrase once; a wrong one builds nothing, the right one does."""
    path = offline.key_file("bureau-1")
    plain = path.read_text()
    assert offline.run("lock", path, "--passphrase-fd", _piped("short")).code == 2
    assert path.read_text() == plain
    assert offline.run("lock", path, "--passphrase-fd", _piped("tidal-lantern-orchid")).code == 0
    assert (path.stat().st_mode & 0o777, "ENCRYPTED" in path.read_text()) == (0o600, True)
    assert offline.run("lock", path, "--passphrase-fd", _piped("tidal-lantern-orchid")).code == 2
    before = offline.files()
    said = offline.build("--passphrase-fd", _piped("wrong-lantern-orchid"))
    assert (said.code, "does not open" in said.err, len(said.err.splitlines())) == (2, True, 1)
    assert offline.files() == before
    assert offline.build("--passphrase-fd", _piped("tidal-lantern-orchid")).code == 0


def test_a_wrong_folder_of_bundles_is_seen_at_an_enrolled_box(offline: Offline) -> None:
    """A first version for a box that is enrolled may be an empty folder by mistake: it is told, with both ways out."""
    offline.build()
    offline.enrol(BOX)
    assert "is enrolled, and no bundle of it" not in offline.build("--again").out
    (offline.bundles / "history" / f"{BOX}-1.json").unlink()
    (offline.bundles / "history" / f"{BOX}-2.json").unlink()
    (offline.bundles / f"{BOX}.json").unlink()
    said = offline.build("--preview")
    assert (said.code, "is enrolled, and no bundle of it" in said.out, "--above" in said.out) == (0, True, True)
    assert "is enrolled, and no bundle of it" not in offline.build("--above", "2").out
