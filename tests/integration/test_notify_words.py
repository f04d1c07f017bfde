"""`collector notify test|prove` as people type it: against a real webhook, with its exit codes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from collector.command import main
from collector.rules.holding import hold
from collector.storage.migrating import migrate
from collector.storage.reach import proofs_since
from collector.storage.store import Store, sqlite_url
from tests.notified import SECRET, telling
from tests.webhook_peer import WebhookPeer, webhook_peer

TOML = """
id = "centre-1"
brokers = ["127.0.0.1:8883"]
trust = "r"
certificate = "c"
key = "k"
database = "centre.db"
[[person]]
id = "li"
name = "Li"
roles = ["operator"]
token_hash = "{token}"
[[channel]]
name = "sms"
kind = "webhook"
address = "{url}"
secret = "sms.key"
"""


def world(folder: Path, peer: WebhookPeer) -> tuple[str, ...]:
    """A configuration and its database; the option that names it."""
    (folder / "sms.key").write_bytes(SECRET)
    (folder / "sms.key").chmod(0o600)
    config = folder / "collector.toml"
    config.write_text(TOML.format(url=peer.url, token="0" * 64), encoding="utf-8")
    store = Store(sqlite_url(folder / "centre.db"))
    migrate(store)
    with store.write() as connection:
        hold(connection, 1, telling("person/li"), "root", 0)
    store.close()
    return ("--config", str(config))


async def test_a_test_says_what_became_of_each_channel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One channel works, the two that collector.toml does not know are told; exit 1."""
    async with webhook_peer() as peer:
        config = world(tmp_path, peer)
        code = await asyncio.to_thread(main, ["notify", "test", "li", *config])
        nobody = await asyncio.to_thread(main, ["notify", "test", "nobody", *config])
    said = capsys.readouterr()
    assert (code, nobody, len(peer.bodies)) == (1, 2, 1)
    assert "sms: sent" in said.out
    assert "call: not sent (collector.toml has no such channel)" in said.err
    assert 'there is no person "nobody" in collector.toml' in said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("test", "lii"), 'did you mean "li"?'),
        (("test", "wu"), 'no [[contact]] for "wu"'),
        (("prove", "li", "fax"), '"li" has no address for "fax" in the rules that hold, only for: '),
    ],
)
async def test_whoever_cannot_be_tried_is_told_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    """No such person, a person without contact, a channel without address: a sentence each, exit 2, nothing sent."""
    async with webhook_peer() as peer:
        config = world(tmp_path, peer)
        file = tmp_path / "collector.toml"
        wu = f'[[person]]\nid = "wu"\nname = "Wu"\nroles = ["operator"]\ntoken_hash = "{"1" * 64}"\n'
        file.write_text(file.read_text(encoding="utf-8") + wu, encoding="utf-8")
        code = await asyncio.to_thread(main, ["notify", *words, *config])
    assert (code, peer.bodies) == (2, [])
    assert says in capsys.readouterr().err


async def test_a_channel_is_proven_by_the_code_that_came(tmp_path: Path) -> None:
    """A wrong code is asked for again; the right one proves, and nothing of it stands on the screen."""
    async with webhook_peer() as peer:
        words = ("-m", "branchwatch", "collector", "notify", "prove", "li", "sms", *world(tmp_path, peer))
        child = await asyncio.create_subprocess_exec(
            sys.executable, *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        await peer.until(1)
        code = str(peer.bodies[-1]["code"])
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        said, _ = await child.communicate(f"{wrong}\n{code}\n".encode())
    assert child.returncode == 0
    assert code not in said.decode()
    store = Store(sqlite_url(tmp_path / "centre.db"))
    with store.read() as reading:
        assert set(proofs_since(reading.connection, 1)) == {("li", "sms")}
    store.close()
