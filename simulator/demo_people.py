"""The people of a demo: a seat at the desk and two security officers with key files. Data and pure text."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

UNIT: Final = "市分行"
"""Everybody's: what the centre finds for no site of its own must have a reader."""
MAY: Final = ("arm", "disarm", "bypass", "unlock", "lock", "output", "reset_latch", "run_test", "silence")


@dataclass(frozen=True, kw_only=True)
class Seat:
    """One person of the console, by the seat rather than an invented name."""

    id: str
    role: str  # as collector.toml writes it
    names: Mapping[str, str]  # by language


DESK: Final = Seat(id="operator-1", role="operator", names={"zh": "值班员一席", "en": "Desk 1"})
OFFICERS: Final = tuple(
    Seat(id=f"officer-{n}", role="security_officer", names={"zh": f"安全保卫员{seat}席", "en": f"Officer {n}"})
    for n, seat in ((1, "一"), (2, "二"))
)
EVERYBODY: Final = (DESK, *OFFICERS)


def people_toml(keys: Mapping[str, Path]) -> str:
    """people.toml of the inventory: the officers with the public halves of their key files."""
    may = ", ".join(f'"{right}"' for right in MAY)
    return "\n".join(
        f"""[[person]]
id = "{officer.id}"
name = "{officer.names["zh"]}"
unit = "{UNIT}"
roles = ["security-officer"]

[[person.key]]
id = "{officer.id}-file"
kind = "key_file"
public_key = "{_public(keys[officer.id])}"
may = [{may}]
"""
        for officer in OFFICERS
    )


def _public(key_file: Path) -> str:
    key = load_pem_private_key(key_file.read_bytes(), None).public_key()
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode("ascii")
