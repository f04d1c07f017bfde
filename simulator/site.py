"""Site files for simulated branches: names as a Chinese bank has them, wiring as `wiring.py` says. Pure text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

from simulator.demo_file import CameraAccess
from simulator.guarded import USUAL_ZONE, Hours, guarded_toml
from simulator.watched import watched_toml
from simulator.wiring import CONTACTS, COUNTERS, LOCKS, PARTS, SIREN

UNITS: Final = (
    ("市分行/西区支行", ("河西分理处", "解放路支行营业部", "文昌阁分理处")),
    ("市分行/东区支行", ("东门分理处", "临江道分理处", "火车站分理处")),
    ("市分行/南山支行", ("大学城分理处", "科技园分理处", "南港分理处")),
    ("市分行/县支行", ("青石镇分理处", "白马镇分理处", "柳树湾分理处")),
)
FIRST_NUMBER: Final = 31
MAX_SITES: Final = 500
"""Sites of one demo; ids run from 0755-031 upward."""


@dataclass(frozen=True, kw_only=True)
class SimulatedSite:
    """Who a simulated branch is."""

    id: str
    box: str
    name: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Centre:
    """What the box of a site needs to reach its centre."""

    brokers: tuple[str, ...]  # host:port
    root: Path
    certificate: Path
    key: Path


def sites(count: int) -> tuple[SimulatedSite, ...]:
    """The first `count` branches, dealt out over the units in turn."""
    return tuple(_site(number) for number in range(count))


def site_toml(site: SimulatedSite, *, modbus: str, centre: Centre, tolerance_s: float = 0.5) -> str:
    """The site file of a branch whose I/O module answers at `modbus` (host:port)."""
    reached = _CENTRE.substitute(
        box=site.box,
        brokers=", ".join(f'"{broker}"' for broker in centre.brokers),
        root=centre.root,
        certificate=centre.certificate,
        key=centre.key,
    )
    return _doors(site, modbus=modbus, reached=reached, tolerance_s=tolerance_s, timezone=USUAL_ZONE, alarms=_ALARMS)


def inventory_toml(
    site: SimulatedSite, *, modbus: str, receiver: str, hours: Hours, cameras: Sequence[CameraAccess] = ()
) -> str:
    """The same branch in a bank's inventory: zones, partitions, key switch, a panel that dials `receiver`, cameras."""
    doors = _doors(site, modbus=modbus, reached="", tolerance_s=0.5, timezone=hours.timezone, alarms=GUARDED_ALARMS)
    return doors + guarded_toml(account=account_of(site), receiver=receiver, hours=hours) + watched_toml(cameras)


def account_of(site: SimulatedSite) -> str:
    """The account that the branch's panel dials with."""
    return site.id.replace("-", "")


def _doors(
    site: SimulatedSite, *, modbus: str, reached: str, tolerance_s: float, timezone: str, alarms: tuple[str, ...]
) -> str:
    return _SITE.substitute(
        id=site.id,
        name=site.name,
        unit=site.unit,
        modbus=modbus,
        reached=reached,
        timezone=timezone,
        alarms=", ".join(f'"{kind}"' for kind in alarms),
        tolerance=f"{tolerance_s:g}s",
        **{f"{door}_contact": f"io1/di/{number}" for door, number in CONTACTS.items()},
        **{f"{door}_counter": f"io1/ir/{number}" for door, number in COUNTERS.items()},
        **{f"{door}_lock": f"io1/do/{number}" for door, number in LOCKS.items()},
        **{part.value.replace("/", "_"): f"io1/di/{number}" for part, number in PARTS.items()},
        siren=f"io1/do/{SIREN}",
    )


def _site(number: int) -> SimulatedSite:
    unit, names = UNITS[number % len(UNITS)]
    turn, again = divmod(number // len(UNITS), len(names))
    name = names[again] if turn == 0 else f"{names[again]}{turn + 1}"
    identity = f"0755-{FIRST_NUMBER + number:03d}"
    return SimulatedSite(id=identity, box=f"{identity}-a", name=name, unit=unit)


_ALARMS: Final = ("door.dual_open", "door.forced")
GUARDED_ALARMS: Final = (
    *_ALARMS,
    "zone.intrusion",
    "zone.glass_break",
    "zone.vibration",
    "zone.fire",
    "zone.tamper",
)
"""Kinds that sound the siren; hold-up and duress never do."""

_CENTRE: Final = Template(
    """
[centre]
box = "$box"
brokers = [$brokers]
ca = "$root"
trust = "$root"
certificate = "$certificate"
key = "$key"
"""
)
_SITE: Final = Template(
    """\
id = "$id"
name = "$name"
unit = "$unit"
template = "outlet-small"
timezone = "$timezone"
key_site = true                    # beats every 5 s
$reached
[calendar]
country = "none"                   # simulated in January too, when nobody may have said which days are worked

[[io]]
id = "io1"
address = "$modbus"
unit_id = 1

[[door]]
id = "outer"
name = "通道外门"
contact = "$outer_contact"
contact_counter = "$outer_counter"   # pulses between two polls are seen
closed = 1
lock = "$outer_lock"
lock_energised = "unlocked"
exit_button = "$exit_outer"
mechanical_key = "$key_outer"
held_open_after = "30s"

[[door]]
id = "inner"
name = "通道内门"
contact = "$inner_contact"
contact_counter = "$inner_counter"
closed = 1
lock = "$inner_lock"
lock_energised = "unlocked"
exit_button = "$exit_inner"
mechanical_key = "$key_inner"

[[door]]
id = "vault"
name = "金库门"
contact = "$vault_contact"
contact_counter = "$vault_counter"
closed = 1

[[interlock]]
id = "vestibule"
name = "防尾随联动门"
doors = ["outer", "inner"]
tolerance = "$tolerance"
emergency_release = "$release"
occupied_by = "zone/cash-motion"

[[siren]]
id = "siren"
name = "警号"
output = "$siren"
on = [$alarms]
sound_for = "10s"

[[zone]]
id = "cash-motion"
name = "现金区红外"
type = "interior"
input = "$motion"

[[zone]]
id = "glass-2"
name = "现金区玻璃"
type = "glass-break"
input = "$glass"
"""
)
