"""A bundle from a stick: handed to the agent that runs here, and what is known of time and secrets without one."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.claim import claim
from agent.identity import BoxIdentity, load_enrolled_identity
from agent.keystore_files import enrolled_keys
from agent.secrets import SecretError, Secrets
from agent.site_applying import LOOK_S, WAIT_S, apply_bundle, saved_floor
from agent.site_loading import NoSiteError, knows_of, load_site
from agent.site_store import SiteStore
from agent.site_taking import Outcome
from agent.timekeeper import FLOOR_KEY
from protocol.certificates import Role
from protocol.sealing import seal_secret
from protocol.settings import Secret
from protocol.timestamps import format_time
from provisioning.keeping import save_credential
from tests.boxes import box
from tests.bundles import BOX, SITE, Bureau, key
from tests.ledgers import NOW

BUREAU = Bureau()


@pytest.fixture
def identity(tmp_path: Path) -> BoxIdentity:
    """The folder of an enrolled box without a bundle."""
    folder = tmp_path / "identity"
    folder.mkdir()
    credential = BUREAU.authority.issue(Role.BOX, BOX, site=SITE, now=NOW)
    chain, root = BUREAU.authority.chain(credential.certificate), BUREAU.authority.root.certificate
    save_credential(credential, name="box", chain=chain, root=root, folder=folder)
    (folder / "box.key").rename(folder / "signing.key")
    sealing = key(31).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "sealing.key").write_bytes(sealing)
    (folder / "sealing.key").chmod(0o600)
    (folder / "pins.json").write_bytes(msgspec.json.encode(sorted(BUREAU.pins)))
    return load_enrolled_identity(tmp_path, NOW)


def running(folder: Path, answers: Callable[[SiteStore, bytes], None]) -> Callable[[float], None]:
    """What happens at the agent that runs while the command waits: once, at its first look."""
    store = SiteStore(folder)

    def wait(_: float) -> None:
        if document := store.handed_in():
            answers(store, document)

    return wait


def test_the_first_bundle_needs_the_kits_pins(tmp_path: Path, identity: BoxIdentity) -> None:
    """Without a bundle nothing is in force; without the kit's pins nobody may put the first one there."""
    with pytest.raises(NoSiteError, match="holds no site bundle"):
        load_site(SiteStore(tmp_path), knows_of(identity, tmp_path))
    document = BUREAU.document(BUREAU.bundle(1))
    pins = tmp_path / "identity" / "pins.json"
    kept = pins.read_bytes()
    pins.unlink()
    refused = apply_bundle(tmp_path, identity, document, NOW)
    assert refused is not None
    assert refused.reason == "key_not_pinned"
    pins.write_bytes(kept)
    taken = apply_bundle(tmp_path, identity, document, NOW)
    assert taken is not None
    assert (taken.outcome, taken.version) == ("applied", 1)
    pins.unlink()  # they do not count any more
    assert load_site(SiteStore(tmp_path), knows_of(identity, tmp_path)).signed.bundle.version == 1


def test_the_running_agent_is_asked_and_its_answer_believed(tmp_path: Path, identity: BoxIdentity) -> None:
    """The command judges nothing then; an answer to another document, or none that can be read, is not its own."""
    document = BUREAU.document(BUREAU.bundle(1))
    refused = Outcome(document=sha256(document).hexdigest(), outcome="refused", reason="no_room")
    answers = [b"{", msgspec.json.encode(Outcome(document="0" * 64, outcome="applied")), msgspec.json.encode(refused)]

    def answer(store: SiteStore, handed: bytes) -> None:
        store.answer(answers.pop(0))
        if answers:
            store.hand_in(handed)

    held = claim(tmp_path)
    try:
        assert apply_bundle(tmp_path, identity, document, NOW, running(tmp_path, answer)) == refused
    finally:
        os.close(held)
    assert SiteStore(tmp_path).current() is None


def test_an_agent_that_does_not_answer_gets_nothing_later(tmp_path: Path, identity: BoxIdentity) -> None:
    """After half a minute the document is taken back: it must not be applied when nobody expects it any more."""
    waited: list[float] = []
    held = claim(tmp_path)
    try:
        assert apply_bundle(tmp_path, identity, BUREAU.document(BUREAU.bundle(1)), NOW, waited.append) is None
    finally:
        os.close(held)
    assert sum(waited) == pytest.approx(WAIT_S + LOOK_S)
    assert SiteStore(tmp_path).handed_in() is None


def test_an_agent_that_was_cut_off_behind_its_commit_has_taken_it(tmp_path: Path, identity: BoxIdentity) -> None:
    """The document in force is the one that was handed in, though nobody said so."""
    document = BUREAU.document(BUREAU.bundle(1))
    held = claim(tmp_path)
    try:
        outcome = apply_bundle(
            tmp_path,
            identity,
            document,
            NOW,
            running(tmp_path, lambda store, handed: store.commit(handed, keep=None)),
        )
    finally:
        os.close(held)
    assert outcome is not None
    assert (outcome.outcome, outcome.version) == ("applied", 1)


async def test_the_time_floor_counts_at_the_stick_too(tmp_path: Path, identity: BoxIdentity) -> None:
    """A box whose clock was set back does not take what an ended signer signed."""
    assert saved_floor(tmp_path) is None
    outbox = box(tmp_path)
    floor = datetime(2099, 1, 1, tzinfo=UTC)
    await outbox.save({FLOOR_KEY: format_time(floor).encode()})
    await outbox.close()
    assert saved_floor(tmp_path) == floor
    refused = apply_bundle(tmp_path, identity, BUREAU.document(BUREAU.bundle(1)), NOW - timedelta(days=100))
    assert refused is not None
    assert refused.reason == "certificate_expired"


def test_secrets_open_by_name_and_show_themselves_nowhere(tmp_path: Path, identity: BoxIdentity) -> None:
    """What is pending, missing or sealed to another is named; the secret itself stands in no text."""
    sealed = seal_secret("摄像机口令".encode(), box=BOX, name="cameras", key=key(31).public_key())
    foreign = seal_secret(b"x", box=BOX, name="panel", key=key(32).public_key())
    store = enrolled_keys(tmp_path)
    secrets = Secrets(identity.box, {"cameras": sealed, "panel": foreign}, frozenset({"nvr"}), store)
    found = secrets.open("cameras")
    assert (found, type(found)) == ("摄像机口令", Secret)
    assert "摄像机" not in f"{found!r} {secrets!r} {vars(secrets)}"
    for name, sentence in (
        ("nvr", "the secret nvr is not sealed to this box yet"),
        ("panel", "the secret panel does not open with this box's key"),
        ("gone", "the site bundle holds no secret gone"),
    ):
        with pytest.raises(SecretError, match=sentence):
            secrets.open(name)
    assert [secrets.opens(name, sealed) for name in ("cameras", "panel")] == [True, False]
    (tmp_path / "identity" / "sealing.key").unlink()
    assert not secrets.opens("cameras", sealed)
    with pytest.raises(SecretError, match="does not open"):
        secrets.open("cameras")
