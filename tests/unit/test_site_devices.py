"""Which modules a change of the site asks, and which outputs it lets go of."""

from __future__ import annotations

from agent.outputs import Pulse
from agent.points import named_points
from agent.signals import PointView, State
from agent.site_devices import Coil, silent_of, to_ask, to_let_go
from protocol.site.modbus import IoModule
from tests.branch import VESTIBULE, moment, site_of

BEFORE = site_of()
SECOND = '[[io]]\nid = "io2"\naddress = "192.0.2.11"\n\n[[door]]\nid = "outer"'


def asked(old: str, new: str, *silent: str) -> list[str]:
    """Ids of the modules that are asked when a text changes and these were silent before."""
    return [wiring.module.id for wiring in to_ask(BEFORE, site_of(VESTIBULE, **{old: new}), silent)]


def test_new_and_moved_modules_are_asked_and_no_others() -> None:
    """A name, a door or the spelling of an address is no other place; an address, a port and a unit are."""
    assert asked('"vault"', '"strong-room"') == []
    assert asked('"192.0.2.10:502"', '"192.0.2.10"') == []
    assert asked('"192.0.2.10:502"', '"192.0.2.10:503"') == ["io1"]
    assert asked('"192.0.2.10:502"', '"192.0.2.10"\nunit_id = 2') == ["io1"]
    assert asked('[[door]]\nid = "outer"', SECOND) == ["io2"]


def test_a_module_that_was_silent_before_is_no_reason() -> None:
    """Its new address may be what mends it; a new one has no before."""
    assert asked('"192.0.2.10:502"', '"192.0.2.12"', "io1") == []
    assert asked('[[door]]\nid = "outer"', SECOND, "io2") == ["io2"]
    views = [
        PointView(id=f"device/{name}", name="", state=state, since=moment(0))
        for name, state in (("io1", State.ONLINE), ("io2", State.OFFLINE), ("io3", State.UNKNOWN))
    ]
    views.append(PointView(id="door/outer", name="", state=State.UNKNOWN, since=moment(0)))
    assert silent_of(views) == {"io2", "io3"}


def test_only_what_is_held_and_has_no_place_any_more_is_let_go() -> None:
    """A siren that moves or goes is silenced where it was; one that stays goes on, and so does an output at rest."""
    pulses = {
        "output/hall": Pulse(on=State.ON, off=State.OFF, until=moment(60_000)),
        "lock/inner": Pulse(on=State.UNLOCKED, off=State.LOCKED, until=moment(5_000)),
    }
    module = IoModule(id="io1", address="192.0.2.10:502")
    hall = Coil(point="output/hall", module=module, number=2, on=False)
    assert to_let_go(BEFORE, BEFORE, pulses) == ()
    moved = site_of(VESTIBULE, **{'output = "io1/do/2"': 'output = "io1/do/3"'})
    assert to_let_go(BEFORE, moved, pulses) == (hall,)
    elsewhere = site_of(VESTIBULE, **{'"192.0.2.10:502"': '"192.0.2.11"'})
    assert {coil.point for coil in to_let_go(BEFORE, elsewhere, pulses)} == {"output/hall", "lock/inner"}
    gone = site_of(VESTIBULE, **{VESTIBULE[VESTIBULE.index("[[siren]]") : VESTIBULE.index("[[zone]]")]: ""})
    assert to_let_go(BEFORE, gone, pulses) == (hall,)
    assert to_let_go(BEFORE, gone, {}) == ()


def test_a_lock_is_let_go_into_its_locked_state_whatever_that_is_on_the_wire() -> None:
    """A lock that is locked by current is locked by writing the coil on."""
    energised = site_of(
        VESTIBULE, **{'lock = "io1/do/0"\nlock_energised = "unlocked"': 'lock = "io1/do/0"\nlock_energised = "locked"'}
    )
    pulses = {"lock/outer": Pulse(on=State.UNLOCKED, off=State.LOCKED, until=moment(5_000))}
    without = site_of(VESTIBULE, **{'lock = "io1/do/0"\nlock_energised = "unlocked"\n': ""})
    (coil,) = to_let_go(energised, without, pulses)
    assert (coil.point, coil.number, coil.on) == ("lock/outer", 0, True)


def test_a_device_whose_secret_is_still_to_come_says_so() -> None:
    """docs/trust.md 4.1: unknown with the cause `secret_pending`, its zones and areas too; others as before."""
    text = (
        VESTIBULE
        + """
[[panel]]
id = "p1"
protocol = "dc09"
account = "0755031"
key = { secret = "panel" }

[[zone]]
id = "counter"
type = "hold-up"
input = "p1/zone/1"

[[camera]]
id = "p1"
address = "192.0.2.30"
login = { secret = "cameras" }
watch = ["people"]

[[area]]
id = "hall"
camera = "p1"
polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
loitering_after = "60s"
"""
    )
    points = named_points(site_of(text), frozenset({"panel"}))
    waiting = {point for point, (_, cause) in points.items() if cause == "secret_pending"}
    assert waiting == {"device/p1", "zone/counter"}
    points = named_points(site_of(text), frozenset({"cameras"}))
    assert {point for point, (_, cause) in points.items() if cause == "secret_pending"} == {"camera/p1", "area/hall"}
