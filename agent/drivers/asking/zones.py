"""Digital inputs of cameras as zones: what a camera says of its inputs, as far as its events are believed. Pure.

Flow: the asker's words and our own motion -> here -> signals for the guard, and whether to listen anew.
"""

from collections.abc import Mapping

from agent.detectors import listening
from agent.detectors.listening import Heard, Trust
from agent.drivers.asking.words import Listening, Noticed
from agent.signals import Moment, Signal, State
from protocol.site.schema import Site


class CameraInputs:
    """One camera's inputs and the zones behind them."""

    def __init__(self, zones: Mapping[int, str]) -> None:
        self._zones = dict(zones)  # number of the input -> zone/ID
        self._heard = Heard()
        self._shown: dict[str, tuple[State, str]] = {}

    def noticed(self, told: Noticed, at: Moment) -> tuple[Signal, ...]:
        """The camera said something."""
        self._heard = listening.event(self._heard, motion=told.what == "motion")
        zone = self._zones.get(told.number) if told.what == "input" else None
        if zone is None:
            return ()
        if told.active is None:
            return self._show(zone, State.UNKNOWN, "not told", at)
        return self._show(zone, State.ACTIVE if told.active else State.NORMAL, "", at)

    def listening(self, told: Listening, at: Moment) -> tuple[Signal, ...]:
        """Its listener stands or fell."""
        if told.works:
            self._heard = listening.listening(self._heard)
            return ()
        self._heard = listening.away(self._heard)
        return self._unknown(told.cause or Trust.AWAY, at)

    def away(self, cause: str, at: Moment) -> tuple[Signal, ...]:
        """It does not answer at all."""
        self._heard = listening.away(self._heard)
        return self._unknown(cause, at)

    def moved(self, now: Moment) -> tuple[tuple[Signal, ...], bool]:
        """Our own picture of it moves; what follows, and whether to listen anew."""
        self._heard = listening.own_motion(self._heard, now)
        self._heard, anew = listening.begin_anew(self._heard, now)
        return (self._unknown(Trust.DEAD, now) if self._heard.trust is Trust.DEAD else ()), anew

    def _unknown(self, cause: str, at: Moment) -> tuple[Signal, ...]:
        return tuple(
            signal for zone in self._zones.values() for signal in self._show(zone, State.UNKNOWN, str(cause), at)
        )

    def _show(self, zone: str, state: State, cause: str, at: Moment) -> tuple[Signal, ...]:
        if self._shown.get(zone) == (state, cause):
            return ()
        self._shown[zone] = (state, cause)
        return (Signal(point=zone, state=state, at=at, cause=cause),)


def inputs_of(site: Site) -> dict[str, CameraInputs]:
    """Camera's point -> its inputs; for every camera, also one without zones."""
    zones: dict[str, dict[int, str]] = {f"camera/{camera.id}": {} for camera in site.camera}
    for zone in site.zone:
        device, kind, number = zone.input.split("/")
        if kind == "input" and f"camera/{device}" in zones:
            zones[f"camera/{device}"][int(number)] = f"zone/{zone.id}"
    return {point: CameraInputs(of) for point, of in zones.items()}
