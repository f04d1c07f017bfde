"""People with codes at a branch: their hashes, sealed to a box's key, and the site file that names them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric import ec

from agent.secrets import Secrets
from agent.signals import State
from protocol.codes import secret_text
from protocol.orders import WHOLE_SITE
from protocol.sealing import open_secret, seal_secret

BOX = "0755-031-a"
CODE, DURESS, OTHER, LIMITED = "482915", "482913", "730462", "559102"
BRANCH = """
id = "0755-031"
name = "河西分理处"
unit = "市分行/西区支行"
timezone = "Asia/Shanghai"

[[io]]
id = "io1"
address = "192.0.2.10:502"

[[zone]]
id = "window"
type = "instant"
input = "io1/di/0"
name = "Window"

[[zone]]
id = "hall"
type = "interior"
input = "io1/di/1"

[[zone]]
id = "safe"
type = "vibration"
input = "io1/di/2"

[[partition]]
id = "general"
kind = "general"
name = "Hall"
zones = ["window", "hall"]

[[partition]]
id = "vault"
kind = "vault"
zones = ["safe"]

[[code]]
person = "li-na"
secret = { secret = "code-li-na" }

[[code]]
person = "wang-wei"
secret = { secret = "code-wang-wei" }
partitions = ["vault"]

[[code]]
person = "zhao-min"
secret = { secret = "code-zhao-min" }
hours = "08:00-10:00"
"""
AT_REST: Mapping[str, str] = {
    "device_io1": State.ONLINE,
    "zone_window": State.NORMAL,
    "zone_hall": State.NORMAL,
    "zone_safe": State.NORMAL,
}
SITE = WHOLE_SITE
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""What a test hashes with: a box verifies with the costs that stand in the hash."""


class Key:
    """A box's sealing key in memory."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.public = self._key.public_key()

    def open_secret(self, sealed: str, *, box: str, name: str) -> bytes:
        """As the key store does."""
        return open_secret(sealed, box=box, name=name, key=self._key)


def hashed(*codes: str) -> str:
    """A secret's text."""
    return secret_text(tuple(_CHEAP.hash(code) for code in codes))


def secrets(pending: frozenset[str] = frozenset()) -> Secrets:
    """What the bundle of this branch holds, sealed to its box."""
    texts = {
        "code-li-na": hashed(CODE, DURESS),
        "code-wang-wei": hashed(OTHER),
        "code-zhao-min": hashed(LIMITED, "559109"),
    }
    key = Key()
    sealed = {name: seal_secret(text.encode(), box=BOX, name=name, key=key.public) for name, text in texts.items()}
    return Secrets(BOX, {name: text for name, text in sealed.items() if name not in pending}, pending, key)


def lines_of(folder: Path) -> bytes:
    """Every byte of a folder's files."""
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())
