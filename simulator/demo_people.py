"""The people of a demo: the seats of a desk, whoever is told after it, two security officers. Data and pure text."""

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
ASLEEP: Final = Seat(id="operator-2", role="operator", names={"zh": "值班员二席", "en": "Desk 2"})
"""Sits at the desk as long as the demo runs, sees everything and does nothing."""
LEADER: Final = Seat(id="leader-1", role="shift_leader", names={"zh": "值班长", "en": "Shift leader"})
DIRECTOR: Final = Seat(id="director-1", role="centre_director", names={"zh": "中心主任", "en": "Centre director"})
REVIEWER: Final = Seat(id="reviewer-1", role="reviewer", names={"zh": "审核员", "en": "Reviewer"})
OFFICERS: Final = tuple(
    Seat(id=f"officer-{n}", role="security_officer", names={"zh": f"安全保卫员{seat}席", "en": f"Officer {n}"})
    for n, seat in ((1, "一"), (2, "二"))
)
EVERYBODY: Final = (DESK, ASLEEP, LEADER, DIRECTOR, REVIEWER, *OFFICERS)
ON_CALL: Final = (LEADER, DIRECTOR, REVIEWER, *OFFICERS)
"""Who has a telephone: the notices of an alarm reach them there."""


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
