"""The guarded part of a simulated branch's site file: zones, partitions, key switch, panel, hours. Pure text.

`wiring.py` says which input is what; `closing` gives the hours of a day that ends soon.
Flow: here -> bank.py's inventory.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from string import Template
from typing import Final
from zoneinfo import ZoneInfo

from simulator.model import Part
from simulator.wiring import BUZZER, LIGHTS, LOOP, LOOP_OHMS, PARTS

USUAL_ZONE: Final = "Asia/Shanghai"
NEAR_MIDNIGHT: Final = timedelta(minutes=15)

LATE_IN: Final = timedelta(seconds=20)
WARNED_FOR: Final = timedelta(seconds=15)
ARMED_IN: Final = timedelta(seconds=45)
"""Of the closing-time story, counted from the moment for which it is written."""
EXIT_DELAY_S: Final = 5
ENTRY_DELAY_S: Final = 8


@dataclass(frozen=True, kw_only=True)
class Hours:
    """`[opening]` and `timezone` of a site file."""

    timezone: str
    opening: str


def usual_hours() -> Hours:
    """An outlet's: open by day, armed by people; the box arms by itself late at night."""
    return Hours(
        timezone=USUAL_ZONE,
        opening='weekdays = "08:30-17:00"\nweekends = "09:00-16:00"\narm_by = "18:00"\nauto_arm = "22:00"',
    )


def closing(now: datetime) -> Hours:
    """Hours by which a site closes about now: late, warned and armed by itself within a minute.

    Near midnight the day would be over before the story is: then the site stands in another time zone.
    """
    zone = USUAL_ZONE
    local = now.astimezone(ZoneInfo(zone))
    from_midnight = min(local.hour * 60 + local.minute, 24 * 60 - local.hour * 60 - local.minute)
    if from_midnight * 60 < NEAR_MIDNIGHT.total_seconds() + ARMED_IN.total_seconds():
        zone = "Asia/Kolkata"  # two and a half hours behind
        local = now.astimezone(ZoneInfo(zone))
    day = f'"00:01-{local:%H:%M}"'
    return Hours(
        timezone=zone,
        opening="\n".join(
            (
                *(f"{key} = {day}" for key in ("weekdays", "weekends", "holidays")),
                f'arm_by = "{local + LATE_IN:%H:%M:%S}"',
                f'auto_arm = "{local + ARMED_IN:%H:%M:%S}"',
                f'auto_arm_warning = "{WARNED_FOR.total_seconds():g}s"',
            )
        ),
    )


def guarded_toml(*, account: str, receiver: str, hours: Hours) -> str:
    """What stands behind the doors of a site file; `receiver` is host:port for its panel."""
    inputs = {part.name.lower(): f"io1/di/{PARTS[part]}" for part in Part if part in PARTS}
    bands = {
        "normal": _around(LOOP_OHMS["normal"]),
        "alarm": _around(LOOP_OHMS["alarm"]),
        "short": "[0, 500]",
        "open": "[20000, 65535]",
    }
    return _GUARDED.substitute(
        inputs,
        account=account,
        receiver=receiver,
        opening=hours.opening,
        buzzer=f"io1/do/{BUZZER}",
        lights=f"io1/do/{LIGHTS}",
        loop=f"io1/ir/{LOOP}",
        bands=", ".join(f"{name} = {band}" for name, band in bands.items()),
        exit_delay=EXIT_DELAY_S,
        entry_delay=ENTRY_DELAY_S,
    )


def _around(ohms: int) -> str:
    return f"[{ohms * 8 // 10}, {ohms * 12 // 10}]"


_GUARDED: Final = Template(
    """
[opening]
$opening

[receiver]                         # where the alarm panel dials in
listen = "$receiver"

[[panel]]
id = "p1"
name = "报警主机"
protocol = "dc09"
account = "$account"
key = { secret = "panel-p1" }
supervision = "90s"

[[buzzer]]
id = "buzzer"
name = "延时蜂鸣器"
output = "$buzzer"

[[output]]
id = "lights"
name = "大堂照明"
output = "$lights"

[[keyswitch]]
id = "staff"
name = "员工通道钥匙开关"
input = "$keyswitch"
partitions = ["lobby"]

[[zone]]
id = "shutter"
name = "员工通道卷帘门"
type = "delayed"
input = "$shutter"
principle = "magnetic"

[[zone]]
id = "lobby-motion"
name = "大堂红外"
type = "interior"
input = "$lobby"
principle = "infrared"

[[zone]]
id = "counter-1"
name = "1 号柜台紧急按钮"
type = "hold-up"
input = "$hold_up"

[[zone]]
id = "display"
name = "贵金属展柜"
type = "24-hour"
input = "$loop"
bands = { $bands }

[[zone]]
id = "vault-wall"
name = "金库墙体振动"
type = "vibration"
input = "$vibration"
principle = "vibration"

[[zone]]
id = "counter-2"
name = "2 号柜台紧急按钮"
type = "hold-up"
input = "p1/zone/12"

[[partition]]
id = "lobby"
name = "大堂"
kind = "general"
zones = ["shutter", "lobby-motion", "counter-1", "counter-2", "display"]
exit_delay = "${exit_delay}s"
entry_delay = "${entry_delay}s"
follows = "p1/area/1"

[[partition]]
id = "cash"
name = "现金区"
kind = "cash"                      # two people to disarm
zones = ["cash-motion", "glass-2"]
exit_delay = "${exit_delay}s"

[[partition]]
id = "vault"
name = "金库"
kind = "vault"
zones = ["vault-wall"]
exit_delay = "${exit_delay}s"

[[code]]
person = "officer-1"
secret = { secret = "code-officer-1" }
partitions = ["lobby"]

[loudspeaker]

[[announcement]]
id = "leave"
text = "您已进入警戒区域，请立即离开。"
"""
)
