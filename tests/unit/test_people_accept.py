"""Keys from the desk: which are refused and why, what is asked, and what people.toml holds afterwards."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import branchwatch
from protocol.registration import Registration, spoken_key
from protocol.roster import MAX_KEYS, Right
from provisioning.inventory.accepting import AcceptError, enter_keys
from provisioning.inventory.folder import read_folder
from provisioning.inventory.loading import load_inventory
from provisioning.inventory.registrations import new_key_id, read_registrations
from tests.inventories import PEOPLE, files, public_key, write


def registered(person: str = "li-na", number: int = 2001, **more: Any) -> dict[str, Any]:
    """One registration as the desk writes it."""
    return {
        "person": person,
        "name": "as the desk says\u001b[31m",
        "kind": "key_file",
        "public_key": public_key(number),
        "at": "2026-11-21T02:13:49.204Z",
        **more,
    }


def fingerprint(key: str) -> str:
    """SHA-256 of what a base64 text holds."""
    return sha256(b64decode(key)).hexdigest()


@pytest.fixture
def accept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Type `people accept` for these registrations in a sound inventory; the exit code and what was said."""
    write(tmp_path / "bank", files())
    monkeypatch.chdir(tmp_path)

    def run(registrations: list[dict[str, Any]], *words: str, language: str = "C") -> tuple[int, str]:
        monkeypatch.setenv("LC_ALL", language)
        Path("r.json").write_text(json.dumps({"v": 1, "registrations": registrations}))
        code = branchwatch.main(["provision", "people", "accept", "r.json", "--inventory", "bank", *words])
        seen = capsys.readouterr()
        return code, seen.out + seen.err

    return run


def test_an_accepted_key_is_entered_and_nothing_else_changes(accept: Any) -> None:
    """The key stands with its person, without a right; every comment and line that was there is there."""
    code, said = accept([registered()], "--yes-fingerprint", fingerprint(public_key(2001)))
    assert code == 0, said
    text = Path("bank/people.toml").read_text(encoding="utf-8")
    entered = f'\n[[person.key]]\nid = "li-na-1"\nkind = "key_file"\npublic_key = "{public_key(2001)}"\nmay = []\n'
    assert text == PEOPLE + entered
    (key,) = load_inventory(Path("bank")).people["li-na"].in_roster.keys
    assert (key.id, key.kind, key.may) == ("li-na-1", "key_file", ())


def test_a_key_goes_to_its_person_in_the_middle_of_the_file(accept: Any) -> None:
    """Behind that person's other keys, before the comment of the next one; rights as they were named."""
    hexes = spoken_key(b64decode(public_key(2001)))
    code, said = accept([registered("zhang-wei")], "--may", "disarm,arm,arm", "--yes-fingerprint", hexes)
    assert code == 0, said
    text = Path("bank/people.toml").read_text(encoding="utf-8")
    before, after = text.split("# li-na has no key yet")
    assert before.endswith(
        f'id = "zhang-wei-2"\nkind = "key_file"\npublic_key = "{public_key(2001)}"\nmay = ["disarm", "arm"]\n\n'
    )
    assert PEOPLE.split("# li-na has no key yet") == [
        before[: before.index('\n[[person.key]]\nid = "zhang-wei-2"')] + "\n",
        after,
    ]
    assert load_inventory(Path("bank")).people["zhang-wei"].in_roster.keys[1].may == (Right.DISARM, Right.ARM)


def test_a_passkey_brings_where_it_counts(accept: Any) -> None:
    """Origin and relying party are shown and entered; the credential too, by which browsers find the key."""
    more = {"kind": "webauthn", "rp_id": "localhost", "origin": "http://localhost", "credential": "Y3JlZC1_"}
    code, said = accept([registered("li-na", 2001, **more)], "--yes-fingerprint", fingerprint(public_key(2001)))
    assert code == 0, said
    assert "security key or passkey for http://localhost" in said
    (key,) = load_inventory(Path("bank")).people["li-na"].in_roster.keys
    assert (key.rp_id, key.origin, key.credential) == ("localhost", "http://localhost", "Y3JlZC1_")


@pytest.mark.parametrize(
    ("registration", "sentence"),
    [
        (registered("li-an"), 'person "li-an" is not defined in people.toml; did you mean "li-na"?'),
        (registered("zhang-wei", 1001), "this key of zhang-wei is in people.toml already"),
        (registered("li-na", 1001), "this key is that of zhang-wei: no key counts for two people"),
        (registered(public_key=public_key(5, ec.SECP384R1())), "public_key must be a P-256 key"),
        (registered(public_key="AAAA"), "public_key must be a P-256 key"),
        (registered(kind="webauthn"), "a key of kind webauthn needs rp_id"),
        (
            registered(kind="webauthn", rp_id="bank.example", origin="https://bank.evil"),
            "rp_id must be the host of origin",
        ),
        (registered(rp_id="localhost"), "rp_id belongs to keys of kind webauthn"),
    ],
)
def test_what_may_not_be_entered_is_refused(registration: dict[str, Any], sentence: str, accept: Any) -> None:
    """Unknown people, keys of others, keys that are there, other curves: one sentence, and people.toml stays."""
    code, said = accept([registration])
    assert sentence in said
    assert code == (0 if "already" in sentence else 1)
    assert Path("bank/people.toml").read_text(encoding="utf-8") == PEOPLE
    assert "\u001b" not in said


@pytest.mark.parametrize("name", ["rp_id", "origin"])
def test_a_list_writes_no_lines_of_its_own(accept: Any, name: str) -> None:
    """A stolen centre that writes lines into what is shown could put another fingerprint before the question."""
    place: dict[str, Any] = {"rp_id": "localhost", "origin": "http://localhost"}
    forged = place | {name: place[name] + "\n2  zhang-wei\n   fingerprint  AAAA\x1b[8m"}
    code, said = accept([registered(kind="webauthn", **forged)])
    assert code == 1
    assert "\x1b" not in said
    assert not any(line.strip().startswith(("2  ", "fingerprint  AAAA")) for line in said.splitlines())


def test_one_key_twice_in_a_file_counts_once(accept: Any) -> None:
    """Two people with one key in one file: the second is refused, also while the first is accepted."""
    yes = ("--yes-fingerprint", fingerprint(public_key(2001)))
    code, said = accept([registered("li-na"), registered("zhang-wei")], *yes)
    assert code == 1
    assert "this key is in the file twice, first for li-na" in said
    assert [len(person.in_roster.keys) for person in load_inventory(Path("bank")).people.values()] == [1, 1]


def test_nobody_there_is_a_no(accept: Any) -> None:
    """Without a terminal nothing is accepted but what was named by its fingerprint; the rest is counted."""
    code, said = accept(
        [registered(), registered("zhang-wei", 2002)], "--yes-fingerprint", fingerprint(public_key(2002))
    )
    assert code == 1
    assert "not accepted: nobody is here to compare it; name it by --yes-fingerprint" in said
    assert "people.toml: entered zhang-wei-2." in said
    assert "Not accepted: 1." in said
    assert [len(person.in_roster.keys) for person in load_inventory(Path("bank")).people.values()] == [2, 0]


def test_the_fingerprint_is_what_the_person_sees(accept: Any) -> None:
    """Eight groups of four hex digits of SHA-256 over the SubjectPublicKeyInfo, in both languages."""
    digest = fingerprint(public_key(2001))
    for language in ("C", "zh_CN.UTF-8"):
        _, said = accept([registered()], language=language)
        (shown,) = re.findall(r"[0-9A-F]{4}(?: [0-9A-F]{4}){7}", said)
        assert shown.replace(" ", "") == digest[:32].upper()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--yes-fingerprint", "0" * 32), "no key in r.json has the fingerprint " + "0" * 32),
        (
            ("--yes-fingerprint", fingerprint(public_key(2001))[:31]),
            "takes the 32 hex digits that are shown, not fewer",
        ),
        (("--yes-fingerprint", "x" * 32), "takes the 32 hex digits that are shown, not fewer"),
        (("--may", "arm,disrm"), '--may: there is no right "disrm"; did you mean "disarm"?'),
    ],
)
def test_slips_of_the_command_line_enter_nothing(words: tuple[str, ...], sentence: str, accept: Any) -> None:
    """A fingerprint of nobody, one too short to mean anything, a right that is none: exit 2, nothing entered."""
    code, said = accept([registered()], *words)
    assert (code, sentence in said) == (2, True), said
    assert Path("bank/people.toml").read_text(encoding="utf-8") == PEOPLE


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is no JSON, or not all of it"),
        (b'{"v":2,"registrations":[]}', "$.v is missing or not what it should be"),
        (b'{"v":1,"registrations":[{"person":"Li"}]}', "$.registrations[0].person is missing or not"),
        (b'{"v":1,"registrations":[{"person":"li"}]}', "$.registrations[0] is missing or not"),
        (b" " * (1024 * 1024 + 1), "is larger than 1024 KiB"),
        (json.dumps({"v": 1, "registrations": [registered()] * 1001}).encode(), "$.registrations is missing or not"),
    ],
)
def test_what_the_desk_did_not_write_is_refused(
    content: bytes, sentence: str, accept: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Broken, of another version, too large, too many: one sentence with the place, exit 2."""
    Path("bad.json").write_bytes(content)
    assert branchwatch.main(["provision", "people", "accept", "bad.json", "--inventory", "bank"]) == 2
    assert sentence in capsys.readouterr().err


def test_people_toml_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """Whoever edits the file while another compares fingerprints loses nothing."""
    folder = read_folder(write(tmp_path, files()))
    (tmp_path / "people.toml").write_text(PEOPLE.replace("0102", "0103"), encoding="utf-8")
    (registration,) = read_registrations(json.dumps({"v": 1, "registrations": [registered()]}).encode(), "r.json")
    with pytest.raises(AcceptError, match="was changed meanwhile"):
        enter_keys(folder, [registration], ())
    assert (tmp_path / "people.toml").read_text(encoding="utf-8") == PEOPLE.replace("0102", "0103")


def test_a_person_has_so_many_keys_and_no_more(tmp_path: Path) -> None:
    """The limit of the roster holds for what one file brings too: all of it is refused, none half entered."""
    folder = read_folder(write(tmp_path, files()))
    keys = [
        Registration(
            person="li-na",
            name="",
            at="2026-11-21T02:13:49.204Z",
            kind="key_file",
            public_key=public_key(3000 + number),
        )
        for number in range(MAX_KEYS + 1)
    ]
    assert enter_keys(folder, keys[:0], ()) == []
    with pytest.raises(Exception, match="key must have 0 to 8 elements, not 9"):
        enter_keys(folder, keys, ())
    assert (tmp_path / "people.toml").read_text(encoding="utf-8") == PEOPLE
    assert len(enter_keys(folder, keys[:MAX_KEYS], ())) == MAX_KEYS


def test_keys_are_named_after_their_person() -> None:
    """The next free number; a long id is cut so that the key's name is one."""
    assert new_key_id("li-na", frozenset()) == "li-na-1"
    assert new_key_id("li-na", frozenset({"li-na-1", "li-na-3"})) == "li-na-2"
    assert new_key_id("a" * 32, frozenset()) == "a" * 28 + "-1"
