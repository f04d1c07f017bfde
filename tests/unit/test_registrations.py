"""People's keys at the desk: registered by their owner alone, read out, handed over; never a private one."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from collector.registering import CHALLENGE_LIFE, Challenges
from protocol.registration import (
    RegistrationError,
    encode_registrations,
    read_registrations,
    spoken_key,
)
from protocol.roster import MAX_KEYS
from tests.console import ConsoleWorld
from tests.ledgers import NOW

ENGLISH = {"Accept-Language": "en"}


def _pem(key: EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


async def _register(client: httpx.AsyncClient, pem: str, name: str = "my key") -> httpx.Response:
    return await client.post("/api/v1/credentials/key-file", json={"name": name, "public_key": pem})


async def test_a_key_file_is_registered_with_the_fingerprint_that_its_owner_computes(world: ConsoleWorld) -> None:
    """What the desk shows is the SHA-256 of the key that the person made, in eight groups of four."""
    key = new_key(SECP256R1())
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    async with world.client("zhao") as client:
        answer = await _register(client, _pem(key))
        mine = (await client.get("/api/v1/credentials")).json()["items"]
    assert answer.status_code == 201
    assert mine == [answer.json()]
    assert (mine[0]["fingerprint"], mine[0]["kind"], mine[0]["rp_id"]) == (spoken_key(der), "key_file", None)
    assert len(mine[0]["fingerprint"].split()) == 8


async def test_a_private_key_is_refused_and_not_repeated(world: ConsoleWorld) -> None:
    """Somebody pastes the wrong half: it is refused, and stands in no answer and no table."""
    key = new_key(SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    async with world.client("zhao", **ENGLISH) as client:
        answer = await _register(client, private)
        assert (await client.get("/api/v1/credentials")).json()["items"] == []
    assert answer.status_code == 422
    assert "never leaves" in answer.json()["detail"]
    assert private.splitlines()[1] not in answer.text


async def test_what_is_no_p256_key_is_refused(world: ConsoleWorld) -> None:
    """Rubbish, another curve, an empty text: one sentence each."""
    async with world.client("zhao") as client:
        for text in ("", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", _pem(new_key(SECP384R1()))):
            answer = await _register(client, text)
            assert (answer.status_code, "P-256" in answer.json()["detail"]) == (422, True)


async def test_one_key_is_one_persons(world: ConsoleWorld) -> None:
    """A key under two names would let one person count as two: the second registration is refused."""
    key = new_key(SECP256R1())
    async with world.client("zhao") as client:
        assert (await _register(client, _pem(key))).status_code == 201
        assert (await _register(client, _pem(key))).status_code == 409
    async with world.client("li") as client:
        assert (await _register(client, _pem(key))).status_code == 409
        assert (await client.get("/api/v1/credentials")).json()["items"] == []


async def test_a_person_has_a_handful_of_keys(world: ConsoleWorld) -> None:
    """More than a roster can hold are refused, and one that is removed makes room."""
    async with world.client("zhao") as client:
        made = [(await _register(client, _pem(new_key(SECP256R1())))).json()["id"] for _ in range(MAX_KEYS)]
        assert (await _register(client, _pem(new_key(SECP256R1())))).status_code == 409
        assert (await client.delete(f"/api/v1/credentials/{made[0]}")).status_code == 204
        assert (await client.delete(f"/api/v1/credentials/{made[0]}")).status_code == 404
        assert (await _register(client, _pem(new_key(SECP256R1())))).status_code == 201


async def test_nobody_touches_anothers_keys(world: ConsoleWorld) -> None:
    """A colleague sees none of them and removes none; a stranger is asked who he is."""
    async with world.client("zhao") as client:
        made = (await _register(client, _pem(new_key(SECP256R1())))).json()["id"]
    async with world.client("li") as client:
        assert (await client.delete(f"/api/v1/credentials/{made}")).status_code == 404
    async with world.client(None) as client:
        assert (await client.get("/api/v1/credentials")).status_code == 401
        assert (await _register(client, _pem(new_key(SECP256R1())))).status_code == 401


async def test_only_an_administrator_takes_the_list_away(world: ConsoleWorld) -> None:
    """The list of all keys is for whoever brings it to the offline machine; what is in it reads back."""
    key = new_key(SECP256R1())
    async with world.client("zhao") as client:
        await _register(client, _pem(key), "Büro 一")
        assert (await client.get("/api/v1/registrations")).status_code == 403
    async with world.client("admin") as client:
        (found,) = read_registrations((await client.get("/api/v1/registrations")).content)
    assert (found.person, found.name, found.kind, found.rp_id) == ("zhao", "Büro 一", "key_file", "")


async def test_every_registration_stands_in_the_journal(world: ConsoleWorld) -> None:
    """Who registered and removed what, and when."""
    async with world.client("zhao") as client:
        made = (await _register(client, _pem(new_key(SECP256R1())))).json()["id"]
        await client.delete(f"/api/v1/credentials/{made}")
    with world.centre.store.read() as reading:
        lines = [json.loads(line) for line in reading.journal_lines()]
    told = [(line["person"], line["action"]) for line in lines if line["subject"] == made]
    assert told == [("zhao", "key_registered"), ("zhao", "key_removed")]


async def test_a_made_up_answer_of_a_security_key_is_refused(world: ConsoleWorld) -> None:
    """Without a challenge, and with an answer of nothing, no key is registered; the challenge counts once."""
    async with world.client("zhao", **ENGLISH) as client:
        body = {"name": "yubi", "answer": {"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}}
        late = await client.post("/api/v1/credentials/security-key", json=body)
        assert (late.status_code, "too long" in late.json()["detail"]) == (422, True)
        options = (await client.post("/api/v1/credentials/options")).json()
        assert [each["alg"] for each in options["pubKeyCredParams"]] == [-7]
        assert options["authenticatorSelection"]["userVerification"] == "required"
        for wanted in ("does not hold", "too long"):
            answer = await client.post("/api/v1/credentials/security-key", json=body)
            assert (answer.status_code, wanted in answer.json()["detail"]) == (422, True)


def test_a_challenge_is_for_one_person_once_and_for_five_minutes() -> None:
    """Neither a colleague's, nor an old, nor a used challenge counts."""
    challenges = Challenges(bytes)
    challenges.give("zhao", NOW)
    assert challenges.take("li", NOW) is None
    assert challenges.take("zhao", NOW) == bytes(32)
    assert challenges.take("zhao", NOW) is None
    challenges.give("zhao", NOW)
    assert challenges.take("zhao", NOW + CHALLENGE_LIFE) is None


@given(data=st.binary(max_size=200) | st.just(b"[" * 100_000) | st.just(b" " * 1_100_000))
def test_rubbish_is_no_list_of_registrations(data: bytes) -> None:
    """Whatever the file holds, the answer is a sentence."""
    try:
        read_registrations(data)
    except RegistrationError as error:
        assert str(error)  # noqa: PT017 - either outcome is right; another exception fails the test


def test_an_empty_list_reads_back(tmp_path: Path) -> None:
    """Nobody registered: the file says so and is taken."""
    file = tmp_path / "registrations.json"
    file.write_bytes(encode_registrations(()))
    assert read_registrations(file.read_bytes()) == ()


async def test_a_credential_of_one_s_own_machine_comes_to_the_list(world: ConsoleWorld) -> None:
    """`branchwatch order register` brings it: of localhost alone, and no power comes with it."""
    der = new_key(SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    body = {"name": "blue key", "public_key": b64encode(der).decode(), "credential": "Y3JlZA"}
    async with world.client("zhao", **ENGLISH) as client:
        address = "/api/v1/credentials/localhost-key"
        place = {"rp_id": "localhost", "origin": "http://localhost"}
        answer = await client.post(address, json=body | place)
        assert answer.status_code == 201, answer.text
        told = answer.json()
        assert (told["kind"], told["rp_id"], told["fingerprint"]) == ("webauthn", "localhost", spoken_key(der))
        assert (await client.post(address, json=body)).status_code == 409
        for wrong in (
            {"public_key": "AAAA"},
            {"rp_id": "desk.test"},
            {"origin": "http://evil.test"},
            {"credential": ""},
        ):
            assert (await client.post(address, json=body | wrong)).status_code == 422, wrong
    async with world.client("admin") as client:
        (row,) = read_registrations((await client.get("/api/v1/registrations")).content)
    assert (row.person, row.kind, row.rp_id, row.origin, row.credential) == (
        "zhao",
        "webauthn",
        "localhost",
        "http://localhost",
        "Y3JlZA",
    )
