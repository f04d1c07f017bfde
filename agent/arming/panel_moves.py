"""Opening and closing signals of a panel: which partitions follow them, and why a signal is not obeyed. Pure.

Who can dial the box can say anything: only an account with a key, in an encrypted frame, within its time, is obeyed
(docs/guarding.md 3.2). Everything else is told and changes nothing. Flow: DC-09 driver -> here -> `Watch.take`.
"""

from collections.abc import Iterable

import msgspec

from agent.arming.commands import Command, Way
from protocol.orders import ArmArgs, DisarmArgs
from protocol.site.schema import Partition


class PanelMove(msgspec.Struct, frozen=True, kw_only=True):
    """One signal, as the panel's frame says it."""

    panel: str
    area: int
    armed: bool  # a closing; else an opening
    stay: bool = False  # of a closing: the inside is left out
    user: str = ""  # the panel's own number of whoever did it
    encrypted: bool = False  # by the account's key
    in_time: bool = False  # its timestamp is there and within its limits
    old: bool = False  # told out of the panel's memory: its frame is fresh, it is not
    legible: bool = True  # the frame is text throughout: nothing was put together of others' blocks


class NotObeyedError(Exception):
    """The signal changes nothing; `reason` is the word that is reported."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def command_of(move: PanelMove, partitions: Iterable[Partition]) -> Command:
    """What the signal asks of the guard, which judges it as everything that comes at the site.

    Raises:
        NotObeyedError: `not_followed` (no partition does), `not_encrypted`, `out_of_time`, `not_new`, `not_legible`.
    """
    area = f"{move.panel}/area/{move.area}"
    followers = tuple(each.id for each in partitions if each.follows == area)
    if not followers:
        raise NotObeyedError("not_followed")
    if not move.encrypted:
        raise NotObeyedError("not_encrypted")
    if not move.in_time:
        raise NotObeyedError("out_of_time")
    if move.old:
        raise NotObeyedError("not_new")
    if not move.legible and not move.armed:
        raise NotObeyedError("not_legible")
    return Command(
        action="arm" if move.armed else "disarm",
        args=ArmArgs(partition=followers[0], mode="stay" if move.stay else "away")
        if move.armed
        else DisarmArgs(partition=followers[0]),
        way=Way.PANEL,
        source=f"device/{move.panel}",
        partitions=followers,
    )
