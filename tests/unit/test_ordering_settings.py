"""Which console is asked, with which token, which key file is opened: and what of that is refused, in one sentence."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ordering.keys import make_key, open_key
from ordering.passphrase import FILE_VARIABLE, asks, new_passphrase
from ordering.refusal import InputError
from ordering.settings import access_of, checked
from protocol.settings import SettingsError
from protocol.texts import texts_for

EN = texts_for("en")


def _options(**given: Any) -> Namespace:
    return Namespace(**{"console": None, "token_file": None, "ca": None, "dir": None, "who": None, **given})


def _environment(tmp_path: Path, **given: str) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path), **given}


def _own(tmp_path: Path, text: str) -> None:
    (tmp_path / "branchwatch").mkdir()
    (tmp_path / "branchwatch" / "console.toml").write_text(text)


def test_options_come_before_the_environment_and_that_before_the_own_file(tmp_path: Path) -> None:
    """Each by itself is enough; the nearer one wins."""
    _own(tmp_path, 'console = "https://own.example"\ntoken_file = "token"\nca = "bank.pem"\n')
    (tmp_path / "branchwatch" / "token").write_text("from-own\n")
    (tmp_path / "t").write_text("from-option\n")
    access = access_of(_options(), _environment(tmp_path))
    assert (access.address, access.token) == ("https://own.example", "from-own")
    assert access.ca == tmp_path / "branchwatch" / "bank.pem"
    named = _environment(tmp_path, BRANCHWATCH_CONSOLE="https://env.example", BRANCHWATCH_TOKEN="from-env")
    access = access_of(_options(), named)
    assert (access.address, access.token) == ("https://env.example", "from-env")
    access = access_of(_options(console="https://option.example/", token_file=tmp_path / "t"), named)
    assert (access.address, access.token) == ("https://option.example", "from-option")
    assert "from-option" not in repr(access)


@pytest.mark.parametrize(
    ("options", "environment", "why"),
    [
        ({}, {}, "no console is named"),
        ({"console": "https://desk.example"}, {}, "no token is given"),
        ({"console": "https://desk.example"}, {"BRANCHWATCH_TOKEN": "two words"}, "holds no token"),
        ({"console": "https://desk.example", "token_file": Path("nowhere")}, {}, "cannot be read"),
        ({"who": "zhao"}, {}, "--as picks a person of the demo"),
        ({"dir": Path("nowhere")}, {}, "there is no demo in nowhere"),
    ],
)
def test_what_is_missing_is_named_with_the_next_step(
    options: dict[str, Any], environment: dict[str, str], why: str, tmp_path: Path
) -> None:
    """Exit code 2, and the token itself is in no sentence."""
    with pytest.raises(InputError) as refused:
        access_of(_options(**options), _environment(tmp_path, **environment))
    assert why in str(refused.value)
    assert "two words" not in str(refused.value)
    assert refused.value.code == 2


@pytest.mark.parametrize(
    "address",
    ["http://desk.example", "http://192.0.2.1:8080", "http://localhost.evil.example", "http://127.0.0.1.evil.example"],
)
def test_a_token_goes_nowhere_unencrypted(address: str) -> None:
    """Plain HTTP is for this machine alone, whatever a name begins with."""
    with pytest.raises(InputError, match="not encrypted"):
        checked(address)


@pytest.mark.parametrize(
    "address",
    ["desk", "ftp://desk", "https://", "https://u:p@desk", "https://desk/x", "https://desk?x=1", "https://desk:port"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """Nothing is asked at half an address."""
    with pytest.raises(InputError, match="no address of a console"):
        checked(address)


@pytest.mark.parametrize(
    "address", ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1", "https://desk:8443"]
)
def test_these_addresses_are_taken(address: str) -> None:
    """HTTPS anywhere, HTTP on this machine."""
    assert checked(address + "/") == address


def test_an_unknown_setting_is_a_fault(tmp_path: Path) -> None:
    """The own file is strict: a mistyped word is named with its line."""
    _own(tmp_path, 'console = "https://desk.example"\ntokenfile = "x"\n')
    with pytest.raises(SettingsError, match=r"console\.toml:2"):
        access_of(_options(), _environment(tmp_path))


def test_a_person_of_the_demo_brings_token_and_key(tmp_path: Path) -> None:
    """`--dir demo --as zhao`; the demo's own token without a person; somebody unknown is told who there is."""
    people = [{"id": "zhao", "name": "赵", "token": "t-zhao", "key": "people/zhao.pem", "more": 1}]
    (tmp_path / "demo.json").write_text(
        json.dumps({"console": "http://127.0.0.1:8080", "token": "t-demo", "people": people, "sites": []})
    )
    assert access_of(_options(dir=tmp_path), {}).token == "t-demo"
    access = access_of(_options(dir=tmp_path, who="zhao"), {})
    assert (access.token, access.keys) == ("t-zhao", (tmp_path / "people" / "zhao.pem",))
    with pytest.raises(InputError, match="no person li; it has zhao"):
        access_of(_options(dir=tmp_path, who="li"), {})
    (tmp_path / "demo.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        access_of(_options(dir=tmp_path), {})


def test_a_key_file_is_locked_and_its_owners_alone(tmp_path: Path) -> None:
    """Made 0600 under a passphrase; opened by that passphrase only; never written over."""
    path = tmp_path / "zhao.pem"
    made = make_key(path, b"tidal-lantern-orchid", os.urandom)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["zhao.pem"]
    assert open_key(path, lambda _: b"tidal-lantern-orchid").public_key == made.public_key
    with pytest.raises(InputError, match="the passphrase does not open"):
        open_key(path, lambda _: b"another")
    before = path.read_bytes()
    with pytest.raises(InputError, match="there already"):
        make_key(path, None, os.urandom)
    assert path.read_bytes() == before


def test_an_open_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    """As ssh has it: the sentence says what to type."""
    path = tmp_path / "open.pem"
    key = make_key(path, None, os.urandom)
    assert open_key(path, lambda _: b"").public_key == key.public_key
    path.chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        open_key(path, lambda _: b"")


@pytest.mark.parametrize(
    "private", [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate(), None]
)
def test_only_a_key_on_p256_approves(private: Any, tmp_path: Path) -> None:
    """Another kind of key, or no key at all, is an input that is wrong."""
    path = tmp_path / "key.pem"
    pem = b"not a key" if private is None else private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.touch(0o600)
    path.write_bytes(pem)
    with pytest.raises(InputError, match=r"P-256|no private key"):
        open_key(path, lambda _: b"")


def test_a_passphrase_comes_from_the_file_that_is_named(tmp_path: Path) -> None:
    """Its first line, whatever spelling of a character the keyboard gave; a short one locks nothing."""
    file = tmp_path / "secret"
    file.write_text("lantern-cafe\u0301-orchid\r\nnot this\n")
    environment = {FILE_VARIABLE: str(file)}
    assert asks(environment, EN)(Path("k")) == "lantern-café-orchid".encode()
    assert new_passphrase(environment, EN) == "lantern-café-orchid".encode()
    file.write_text("short\n")
    with pytest.raises(InputError, match="shorter than 12") as refused:
        new_passphrase(environment, EN)
    assert "short\n" not in str(refused.value)
    file.write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="no UTF-8"):
        asks(environment, EN)(Path("k"))
