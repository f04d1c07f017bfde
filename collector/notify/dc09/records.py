"""What is told to a receiver, what became of it, and what is known of the receiver. Shapes and words only."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm, or that what raised it is over. `kind` without its `.restored`; `point` is the alarm's source."""

    site: str
    kind: str
    point: str
    opened_ms: int
    restored: bool = False


class Reason(StrEnum):
    """Why a report did not arrive."""

    UNREACHABLE = "unreachable"
    SILENT = "silent"
    UNPROVEN = "unproven"  # it answered, but not with its key, or with an old answer
    CLOCK = "clock"
    UNSUPPORTED = "unsupported"  # DUH: never said again
    NO_CODE = "no_code"
    BUSY = "busy"
    UNKNOWN = "unknown"


REASONS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.UNREACHABLE: N_("no address of the receiver can be connected to; look at the line and the addresses"),
        Reason.SILENT: N_("the receiver takes connections and does not answer; ask whoever runs it"),
        Reason.UNPROVEN: N_("answers came, none of them proven by the key; compare the key with the receiver's"),
        Reason.CLOCK: N_("the receiver refuses our time also after it set it; ask whoever runs it about its clock"),
        Reason.UNSUPPORTED: N_("the receiver cannot process it; compare account, token and key with the receiver's"),
        Reason.NO_CODE: N_("this kind of event has no Contact ID code; no receiver understands it"),
        Reason.BUSY: N_("too many reports wait for the receiver"),
        Reason.UNKNOWN: N_("collector.toml has no such receiver"),
    }
)
"""One sentence each."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a report. `perhaps`: it failed, yet a receiver may have heard it."""

    delivered: bool
    reason: Reason | None = None
    address: str = ""  # where it was acknowledged
    sent: int = 0  # frames
    perhaps: bool = False


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An address of a receiver stopped or began to acknowledge: `receiver.lost`, `receiver.lost.restored`."""

    receiver: str
    address: str
    lost: bool
    at_ms: int
    reason: Reason | None = None
    others: int = 0  # addresses of the same receiver that acknowledge

    @property
    def source(self) -> str:
        """The event's source: each address begins and ends by itself."""
        return f"receiver/{self.receiver}/{self.address}"
