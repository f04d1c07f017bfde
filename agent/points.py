"""Every point of a site as it is known now, and as it was last known before nobody watched. Pure bookkeeping.

`Guard` feeds it signals and asks it; beats and births show what it holds. A point that was not heard of since the
start is `unknown` whatever is remembered; the memory only serves to find what changed meanwhile.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from agent.config.watched import on_camera, on_panel, outputs_of
from agent.signals import Moment, PointView, Signal, State
from protocol.site.schema import Site

NOT_READ: Final = "not read yet"
NOT_SEALED: Final = "secret_pending"
"""Its password or key is not sealed to this box yet: the next site bundle brings it (docs/trust.md 4.1)."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A point's state, since when, and why it is unknown."""

    state: State
    since: Moment
    cause: str = ""
    counter: int | None = None
    marks: tuple[str, ...] = ()


class Points:
    """The points of one site by their names on the wire."""

    def __init__(self, named: Mapping[str, tuple[str, str]], saved: Mapping[str, Known], now: Moment) -> None:
        self._names = {point: name for point, (name, _) in named.items()}
        self._known = {point: Known(state=State.UNKNOWN, since=now, cause=cause) for point, (_, cause) in named.items()}
        self._last = {point: each for point, each in saved.items() if point in named}
        self._heard: set[str] = set()
        self._read: set[str] = set()
        self._settling: set[str] = set()
        self._gaps: dict[str, str] = {}
        self._shown: dict[str, PointView] = {}

    def __contains__(self, point: str) -> bool:
        return point in self._known

    def observe(self, signal: Signal) -> State:
        """Take a signal in; returns the last known state, also from before a gap (`unknown`: there was none)."""
        point, last, now_known = signal.point, self._last.get(signal.point), self._known[signal.point]
        was = last.state if last else State.UNKNOWN
        (self._settling.add if signal.settling else self._settling.discard)(point)
        marks = now_known.marks if signal.marks is None else signal.marks
        if signal.state is not now_known.state:
            if signal.state is not State.UNKNOWN and signal.state is not was and was is not State.UNKNOWN:
                gap = "" if now_known.state is not State.UNKNOWN else "unknown" if point in self._read else "down"
                self._gaps[point] = gap
            # A state that was lost sight of counts from when it was seen again: nobody knows what was in between.
            self._known[point] = Known(
                state=signal.state, since=signal.at, cause=signal.cause, counter=signal.counter, marks=marks
            )
        elif marks != now_known.marks:
            self._known[point] = msgspec.structs.replace(now_known, marks=marks)
        self._heard.add(point)
        if signal.state is not State.UNKNOWN:
            self._read.add(point)
            since = self._known[point].since
            self._last[point] = Known(state=signal.state, since=since, counter=signal.counter)
        elif last is not None and signal.counter != last.counter:
            self._last[point] = msgspec.structs.replace(last, counter=signal.counter)
        return was

    def known(self, point: str) -> Known | None:
        """What is known of it; None: the site has no such point."""
        return self._known.get(point)

    def heard(self, point: str) -> bool:
        """Whether its driver said anything about it since the start."""
        return point in self._heard

    def settling(self, point: str) -> bool:
        """Whether its return is read, but not believed yet."""
        return point in self._settling

    def gap(self, point: str) -> str:
        """`down` or `unknown` when its present state came about while nobody watched."""
        return self._gaps.get(point, "")

    def states(self) -> Mapping[str, State]:
        """The state of every point."""
        return {point: each.state for point, each in self._known.items()}

    def saved(self) -> dict[str, Known]:
        """The last known state of every point that had one."""
        return dict(self._last)

    def counters(self) -> dict[str, int]:
        """The last counter value of every point that has one."""
        return {point: each.counter for point, each in self._last.items() if each.counter is not None}

    def views(self, more: Iterable[PointView], marks: Mapping[str, tuple[str, ...]]) -> tuple[PointView, ...]:
        """Every point as beats and births show it, with its `marks`; `more`, made of several, stand for their own."""
        views = {view.id: view for view in (*self._views(marks), *more)}
        return tuple(sorted(views.values(), key=lambda view: view.id))

    def changed(self, more: Iterable[PointView], marks: Mapping[str, tuple[str, ...]]) -> tuple[PointView, ...]:
        """The views that differ from those of the last call."""
        views = self.views(more, marks)
        fresh = tuple(view for view in views if _shown(self._shown.get(view.id)) != _shown(view))
        self._shown = {view.id: view for view in views}
        return fresh

    def _views(self, marks: Mapping[str, tuple[str, ...]]) -> Iterator[PointView]:
        for point, each in self._known.items():
            yield PointView(
                id=point,
                name=self._names[point],
                state=each.state,
                since=each.since,
                cause=each.cause,
                marks=marks.get(point, each.marks),
            )


def named_points(site: Site, pending: frozenset[str] = frozenset()) -> dict[str, tuple[str, str]]:
    """Every point that the site file makes: its name for people, and why it is unknown to begin with.

    `pending`: names of secrets that nobody could seal to this box yet.
    """
    panels = {each.id for each in site.panel if each.key and each.key.secret in pending}
    recorders, cameras = (
        {each.id for each in of if each.login.secret in pending} for of in (site.recorder, site.camera)
    )

    def unheard(device: str, waiting: set[str]) -> str:
        return NOT_SEALED if device in waiting else NOT_READ

    points = {f"device/{module.id}": (module.name, NOT_READ) for module in site.io}
    for door in site.door:
        parts = {"door": door.contact, "lock": door.lock, "exit": door.exit_button, "key": door.mechanical_key}
        points |= {f"{family}/{door.id}": (door.name, NOT_READ) for family, register in parts.items() if register}
    points |= {f"release/{each.id}": (each.name, NOT_READ) for each in site.interlock if each.emergency_release}
    points |= {f"output/{each.id}": (each.name, NOT_READ) for each in outputs_of(site)}
    points |= {f"keyswitch/{each.id}": (each.name, NOT_READ) for each in site.keyswitch}
    for zone in site.zone:
        waiting = panels if on_panel(zone) else cameras if on_camera(zone) else set()
        points[f"zone/{zone.id}"] = (zone.name, unheard(zone.input.partition("/")[0], waiting))
    points |= {f"device/{each.id}": (each.name, unheard(each.id, panels)) for each in site.panel}
    points |= {f"device/{each.id}": (each.name, unheard(each.id, recorders)) for each in site.recorder}
    points |= {f"camera/{each.id}": (each.name, unheard(each.id, cameras)) for each in site.camera}
    points |= {f"area/{each.id}": (each.name, unheard(each.camera, cameras)) for each in site.area}
    points |= {f"partition/{each.id}": (each.name, "") for each in site.partition}
    return points


def _shown(view: PointView | None) -> tuple[State, str, tuple[str, ...]] | None:
    return (view.state, view.cause, view.marks) if view else None
