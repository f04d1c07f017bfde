"""The watched part of a simulated branch's site file: evidence, recorder, cameras, areas. Pure text.

The ATM hall has a loitering time short enough to be shown, the vault room wants two people while its door is open.
Flow: camera addresses of this run -> here -> bank.py's inventory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Final

from simulator.demo_file import CameraAccess

SECRET: Final = "cameras"  # noqa: S105 - the name of a secret, which stands in the demo's secrets.toml
HALL, VAULT, RECORDER = "camera-03", "camera-07", "recorder-nvr1"
"""Names of the simulated devices, as `simulate act` knows them."""
LOITERING_S: Final = 15


@dataclass(frozen=True, kw_only=True)
class _Place:
    """What one camera watches, in the site file's own words."""

    id: str
    title: str
    channel: int
    shows: tuple[str, ...]
    area: str


_PLACES: Final = {
    HALL: _Place(
        id="03",
        title="自助银行厅",
        channel=1,
        shows=("interlock/vestibule", "zone/lobby-motion", "partition/lobby"),
        area=f"""
[[area]]
id = "atm-hall"
name = "自助银行厅"
camera = "03"
polygon = [[0.0, 0.2], [1.0, 0.2], [1.0, 1.0], [0.0, 1.0]]
loitering_after = "{LOITERING_S}s"
""",
    ),
    VAULT: _Place(
        id="07",
        title="金库前室",
        channel=2,
        shows=("door/vault", "zone/vault-wall", "partition/vault"),
        area="""
[[area]]
id = "vault-room"
name = "金库前室"
camera = "07"
polygon = [[0.0, 0.2], [1.0, 0.2], [1.0, 1.0], [0.0, 1.0]]
two_people_while = "vault"           # nobody alone while the vault stands open
grace = "10s"
""",
    ),
}


def watched_toml(devices: Sequence[CameraAccess]) -> str:
    """What stands behind the guarded part; nothing for a branch without cameras."""
    if not devices:
        return ""
    recorder = next((each for each in devices if each.name == RECORDER), None)
    parts = [_EVIDENCE]
    if recorder is not None:
        parts.append(_RECORDER.substitute(address=recorder.onvif, secret=SECRET))
    for each in devices:
        if (place := _PLACES.get(each.name)) is not None:
            recorded = f'recorder = "nvr1/{place.channel}"\n' if recorder is not None else ""
            shows = ", ".join(f'"{source}"' for source in place.shows)
            parts.append(
                _CAMERA.substitute(
                    id=place.id, name=place.title, address=each.onvif, secret=SECRET, recorded=recorded, shows=shows
                )
            )
    parts += [_PLACES[each.name].area for each in devices if each.name in _PLACES]
    return "".join(parts)


_EVIDENCE: Final = """
[evidence]
disk_gb = 2
before = "5s"
after = "10s"
"""
_RECORDER: Final = Template(
    """
[[recorder]]
id = "nvr1"
name = "硬盘录像机"
address = "$address"
login = { secret = "$secret" }
keep = "90d"
"""
)
_CAMERA: Final = Template(
    """
[[camera]]
id = "$id"
name = "$name"
address = "$address"               # its ONVIF service
login = { secret = "$secret" }
${recorded}watch = ["picture", "people"]
shows = [$shows]
"""
)
