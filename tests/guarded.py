"""A branch with zones, partitions, a siren, a buzzer and a light in virtual time, and commands as people give them."""

from __future__ import annotations

from typing import Any

from agent.arming.commands import Answer, Command, Way
from agent.findings import Finding
from protocol.orders import read_args
from protocol.site.schema import Site
from tests.branch import Branch, site_of
from tests.clock import Clock

SITE = """
id = "0755-031"
name = "河西分理处"
unit = "市分行/西区支行"
timezone = "Asia/Shanghai"

[[io]]
id = "io1"
address = "192.0.2.10:502"

[[door]]
id = "outer"
contact = "io1/di/20"
closed = 1
lock = "io1/do/0"
lock_energised = "unlocked"
partition = "lobby"

[[door]]
id = "inner"
contact = "io1/di/21"
closed = 1
lock = "io1/do/1"
lock_energised = "unlocked"
partition = "cash"

[[interlock]]
id = "vestibule"
doors = ["outer", "inner"]

[[siren]]
id = "hall"
output = "io1/do/2"
on = ["zone.intrusion", "zone.glass_break", "zone.tamper", "zone.fire"]

[[buzzer]]
id = "buzz"
output = "io1/do/3"

[[output]]
id = "light"
output = "io1/do/4"

[[zone]]
id = "entrance"
type = "delayed"
input = "io1/di/0"
principle = "magnetic"

[[zone]]
id = "hall-motion"
type = "interior"
input = "io1/di/1"
principle = "infrared"

[[zone]]
id = "window"
type = "instant"
input = "io1/di/2"
principle = "magnetic"

[[zone]]
id = "button"
type = "hold-up"
input = "io1/di/3"

[[zone]]
id = "smoke"
type = "fire"
input = "io1/di/4"

[[zone]]
id = "case"
type = "tamper"
input = "io1/di/5"

[[zone]]
id = "cash-motion"
type = "interior"
input = "io1/di/6"

[[zone]]
id = "glass"
type = "glass-break"
input = "io1/di/7"
adjacent = ["cash-motion"]

[[zone]]
id = "safe"
type = "24-hour"
input = "io1/di/8"

[[partition]]
id = "lobby"
kind = "general"
zones = ["entrance", "hall-motion", "window", "button"]
exit_delay = "60s"
entry_delay = "30s"

[[partition]]
id = "cash"
kind = "cash"
zones = ["cash-motion", "glass", "safe", "smoke", "case"]
exit_delay = "20s"
entry_delay = "30s"
"""

ZONES = ("entrance", "hall-motion", "window", "button", "smoke", "case", "cash-motion", "glass", "safe")
CALM = {
    "device/io1": "online",
    **{f"zone/{zone}": "normal" for zone in ZONES},
    "door/outer": "closed",
    "door/inner": "closed",
    "lock/outer": "locked",
    "lock/inner": "locked",
    "output/hall": "off",
    "output/buzz": "off",
    "output/light": "off",
}
TWO = ("li-lei", "han-mei")


class Guarded(Branch):
    """A branch that is armed and disarmed."""

    def __init__(self, site: Site | None = None, clock: Clock | None = None, *, at_rest: bool = True) -> None:
        super().__init__(site or site_of(SITE), clock, at_rest=False)
        if at_rest:
            self.say(CALM)
            self.findings.clear()

    def give(self, action: str, *, way: Way = Way.ORDER, people: tuple[str, ...] = TWO, **args: Any) -> Answer:
        """Give a command and let the guard look; `told` and `findings` have what followed."""
        more = {name: args.pop(name) for name in ("duress", "source", "partitions", "may_disarm") if name in args}
        order = "01JD0000000000000000000000" if way is Way.ORDER else ""
        people = people if way in {Way.ORDER, Way.CODE} else ()
        command = Command(action=action, args=read_args(action, args), way=way, people=people, order=order, **more)
        return self.send(command)

    def send(self, command: Command) -> Answer:
        """Hand over a command as it is."""
        answer, found = self.guard.command(command, self.now())
        self.findings += found
        self.say({})
        return answer

    def armed(self, partition: str = "site", mode: str = "away") -> None:
        """Arm, and let the exit delay pass."""
        assert self.give("arm", partition=partition, mode=mode).refused == ""
        self.after(61)
        self.findings.clear()

    def marks(self, point: str) -> tuple[str, ...]:
        """What is shown beside the state."""
        return next(view.marks for view in self.guard.points() if view.id == point)

    def of(self, kind: str, source: str = "") -> list[Finding]:
        """Everything found of one kind."""
        return [each for each in self.findings if each.kind == kind and source in {"", each.source}]
