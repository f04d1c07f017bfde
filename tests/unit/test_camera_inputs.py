"""A camera's digital inputs as zones: what it says, and when it is not believed any more."""

from __future__ import annotations

from datetime import timedelta

from agent.detectors.listening import ANEW_EVERY, SPAN
from agent.drivers.asking import words
from agent.drivers.asking.mind import AskedMind, orphans
from agent.drivers.asking.words import FromAsker
from agent.drivers.asking.zones import CameraInputs
from agent.findings import Phase
from agent.signals import Moment, Signal, State
from protocol.site.schema import Camera, Recorder, SecretName, Site, Zone, ZoneType
from tests.clock import Clock

MINUTE = timedelta(minutes=1)


def moment(clock: Clock) -> Moment:
    """Now, on both clocks."""
    return Moment(wall=clock.now(), mono_ms=clock.mono_ms())


def site() -> Site:
    """Camera 03 with a zone at its second input, behind a recorder."""
    login = SecretName(secret="s")
    return Site(
        id="0755-031",
        name="x",
        unit="y",
        timezone="Asia/Shanghai",
        camera=(Camera(id="03", address="192.0.2.3", login=login, recorder="nvr1/1"),),
        recorder=(Recorder(id="nvr1", address="192.0.2.4", login=login),),
        zone=(Zone(id="glass", type=ZoneType.GLASS_BREAK, input="03/input/2"),),
    )


def noticed(what: str, active: bool | None, clock: Clock, number: int = 0) -> words.Noticed:
    """One event of camera 03."""
    return words.Noticed(point="camera/03", what=what, active=active, at_ms=clock.mono_ms(), number=number)  # type: ignore[arg-type]


def shown(signals: tuple[Signal, ...]) -> list[tuple[str, State, str]]:
    """Points, states and causes."""
    return [(each.point, each.state, each.cause) for each in signals]


def alive(clock: Clock) -> CameraInputs:
    """Inputs of a camera that listens, told its input and that nothing moves."""
    inputs = CameraInputs({2: "zone/glass"})
    inputs.listening(words.Listening(point="camera/03", works=True), moment(clock))
    inputs.noticed(noticed("input", False, clock, 2), moment(clock))
    inputs.noticed(noticed("motion", False, clock), moment(clock))
    return inputs


def test_an_input_is_its_zone(clock: Clock) -> None:
    """`03/input/2` acts as its zone, told once a change; other inputs and events act as nothing."""
    inputs = CameraInputs({2: "zone/glass"})
    assert shown(inputs.noticed(noticed("input", False, clock, 2), moment(clock))) == [("zone/glass", State.NORMAL, "")]
    assert inputs.noticed(noticed("input", True, clock, 1), moment(clock)) == ()
    assert inputs.noticed(noticed("motion", True, clock), moment(clock)) == ()
    assert shown(inputs.noticed(noticed("input", True, clock, 2), moment(clock))) == [("zone/glass", State.ACTIVE, "")]
    assert inputs.noticed(noticed("input", True, clock, 2), moment(clock)) == ()
    assert shown(inputs.noticed(noticed("input", None, clock, 2), moment(clock)))[0][1] is State.UNKNOWN


def test_a_camera_that_is_away_leaves_its_zones_unknown(clock: Clock) -> None:
    """Never normal, never active: nobody knows; and known again with the first word."""
    inputs = alive(clock)
    assert shown(inputs.away("unreachable", moment(clock))) == [("zone/glass", State.UNKNOWN, "unreachable")]
    inputs.listening(words.Listening(point="camera/03", works=True), moment(clock))
    assert shown(inputs.noticed(noticed("input", False, clock, 2), moment(clock))) == [("zone/glass", State.NORMAL, "")]


def test_a_camera_that_takes_no_listener_leaves_its_zones_unknown(clock: Clock) -> None:
    """FIELD-FAULTS 12: a device of one listener with a stale owner: its inputs are unknown until it lets us in."""
    fell = words.Listening(point="camera/03", works=False, cause="busy")
    assert shown(alive(clock).listening(fell, moment(clock))) == [("zone/glass", State.UNKNOWN, "busy")]


def test_dead_events_are_found_by_our_own_motion(clock: Clock) -> None:
    """FIELD-FAULTS A: it looks available and says nothing while our picture moves: unknown, and listened anew."""
    inputs = alive(clock)
    for _ in range(5):
        assert inputs.moved(moment(clock)) == ((), False)
        clock.advance(MINUTE)
    signals, anew = inputs.moved(moment(clock))
    assert shown(signals) == [("zone/glass", State.UNKNOWN, "events_dead")]
    assert anew
    clock.advance(MINUTE)
    assert inputs.moved(moment(clock)) == ((), False), "not every minute"
    clock.advance(ANEW_EVERY)
    assert inputs.moved(moment(clock))[1]
    assert shown(inputs.noticed(noticed("input", False, clock, 2), moment(clock))) == [("zone/glass", State.NORMAL, "")]


def test_a_few_looks_of_motion_prove_nothing(clock: Clock) -> None:
    """A passer-by whom the camera does not take for motion makes no zone unknown, nor a busy minute."""
    inputs = alive(clock)
    for _ in range(600):
        assert inputs.moved(moment(clock))[0] == ()
        clock.advance(timedelta(milliseconds=300))
    clock.advance(timedelta(hours=1))
    inputs.noticed(noticed("tamper", False, clock), moment(clock))
    assert inputs.moved(moment(clock))[0] == (), "it spoke meanwhile"


def test_a_camera_without_motion_events_is_not_called_dead(clock: Clock) -> None:
    """Where its own motion detection is off, silence says nothing about its inputs."""
    inputs = CameraInputs({2: "zone/glass"})
    inputs.noticed(noticed("input", False, clock, 2), moment(clock))
    for _ in range(20):
        assert inputs.moved(moment(clock)) == ((), False)
        clock.advance(SPAN)


class TestMind:
    """The asker's words as signals, findings and marks."""

    @staticmethod
    def hear(mind: AskedMind, message: FromAsker, clock: Clock) -> tuple[list[tuple[str, State, str]], list[str]]:
        """One word: signals, and kinds that were raised."""
        thought = mind.hear(message, moment(clock), suspect=False)
        return shown(thought.signals), [each.kind for each in thought.findings if each.phase is Phase.RAISED]

    def test_a_recorder_is_offline_after_twenty_seconds(self, clock: Clock) -> None:
        """Not at the first failure, and with its cause; online again when it answers."""
        mind = AskedMind(site(), {})
        away = words.Away(point="device/nvr1", cause="silent")
        assert self.hear(mind, words.Reached(point="device/nvr1"), clock)[0] == [("device/nvr1", State.ONLINE, "")]
        assert self.hear(mind, away, clock)[0] == []
        clock.advance(timedelta(seconds=20))
        assert self.hear(mind, away, clock)[0] == [("device/nvr1", State.OFFLINE, "silent")]
        assert self.hear(mind, words.Reached(point="device/nvr1"), clock)[0] == [("device/nvr1", State.ONLINE, "")]

    def test_a_recorder_that_refuses_us_is_there(self, clock: Clock) -> None:
        """A wrong password is no lost device: online, with the mark."""
        mind = AskedMind(site(), {})
        mind.hear(words.Outcome(point="device/nvr1", result="refused"), moment(clock), suspect=False)
        thought = mind.hear(words.Away(point="device/nvr1", cause="login_refused"), moment(clock), suspect=False)
        assert [(each.state, each.marks) for each in thought.signals] == [(State.ONLINE, ("login_refused",))]

    def test_what_a_recorder_lacks_is_marked_at_its_point(self, clock: Clock) -> None:
        """Not recording and a sick disk stand at `device/ID`, and go again."""
        mind = AskedMind(site(), {})
        self.hear(mind, words.Reached(point="device/nvr1"), clock)
        stopped = words.Recorded(point="device/nvr1", camera="03", at_ms=0, recording=False)
        self.hear(mind, stopped, clock)
        clock.advance(MINUTE)
        assert self.hear(mind, stopped, clock)[1] == ["recorder.not_recording"]
        sick = words.Disks(point="device/nvr1", disks=(words.Disk(name="1", well=False, state="error"),))
        thought = mind.hear(sick, moment(clock), suspect=False)
        assert thought.signals[0].marks == ("disk_fault", "not_recording")
        assert [each.kind for each in thought.findings] == ["recorder.disk_fault"]

    def test_a_recorder_without_any_disk_is_sick(self, clock: Clock) -> None:
        """An empty list is no healthy list."""
        mind = AskedMind(site(), {})
        assert self.hear(mind, words.Disks(point="device/nvr1", disks=()), clock)[1] == ["recorder.disk_fault"]

    def test_the_days_to_look_at_are_asked_for(self, clock: Clock) -> None:
        """With the oldest picture the calendar begins."""
        mind = AskedMind(site(), {})
        self.hear(mind, words.Reached(point="device/nvr1"), clock)
        kept = words.Kept(point="device/nvr1", camera="03", oldest="2026-11-18T00:00:00.000Z")
        (ask,) = mind.hear(kept, moment(clock), suspect=False).ask
        assert ask == words.DaysFrom(point="device/nvr1", camera="03", days=("2026-11-20", "2026-11-19", "2026-11-18"))
        assert mind.saved()["03"].oldest is not None

    def test_a_camera_whose_clock_is_off_is_marked(self, clock: Clock) -> None:
        """The mark is for the eye's point, and goes when the clock is right."""
        mind = AskedMind(site(), {})
        off = words.ClockTold(point="camera/03", off_s=3600, at_ms=0)
        thought = mind.hear(off, moment(clock), suspect=False)
        assert thought.marked == ("camera/03",)
        assert mind.marks("camera/03") == {"clock_drift"}
        mind.hear(words.ClockTold(point="camera/03", off_s=0.4, at_ms=0), moment(clock), suspect=False)
        assert mind.marks("camera/03") == frozenset()

    def test_what_a_camera_says_of_itself_is_marked(self, clock: Clock) -> None:
        """Its own tamper and signal loss stand at its point while it says so, and while it is there to say so."""
        mind = AskedMind(site(), {})
        mind.hear(noticed("tamper", True, clock), moment(clock), suspect=False)
        mind.hear(noticed("signal_loss", True, clock), moment(clock), suspect=False)
        assert mind.marks("camera/03") == {"tamper", "signal_loss"}
        mind.hear(noticed("signal_loss", False, clock), moment(clock), suspect=False)
        assert mind.marks("camera/03") == {"tamper"}
        thought = mind.hear(words.Away(point="camera/03", cause="silent"), moment(clock), suspect=False)
        assert thought.marked == ("camera/03",)
        assert mind.marks("camera/03") == frozenset()

    def test_what_nobody_asks_about_any_more_ends(self, clock: Clock) -> None:
        """A camera that lost its recorder, a recorder that is gone; a panel's refused login is not ours to end."""
        active = [
            ("recorder.not_recording", "camera/03"),
            ("recorder.not_recording", "camera/09"),
            ("recorder.disk_fault", "device/nvr9"),
            ("device.clock_drift", "camera/03"),
            ("device.login_refused", "device/p1"),
            ("device.login_refused", "camera/09"),
            ("zone.intrusion", "zone/glass"),
        ]
        ended = {(each.kind, each.source) for each in orphans(active, site(), moment(clock))}
        assert ended == {
            ("recorder.not_recording", "camera/09"),
            ("recorder.disk_fault", "device/nvr9"),
            ("device.login_refused", "camera/09"),
        }
