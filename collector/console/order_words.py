"""Orders and requests in words: what they do, how they stand. Pure; names come from the points.

The desk's words are for finding one's way. What is signed is shown by the person's own machine (WIRE 4.4).
"""

from collections.abc import Mapping
from typing import Any, Final

from collector.console.wording import Wording
from collector.orders.lifecycle import State
from collector.orders.request_args import PURPOSE
from collector.orders.requests import RequestState
from protocol.orders import (
    WHOLE_SITE,
    ArmArgs,
    BypassArgs,
    DisarmArgs,
    LockArgs,
    OrderArgs,
    OrderFaultError,
    OutputArgs,
    ResetLatchArgs,
    RunTestArgs,
    SilenceArgs,
    UnlockArgs,
    read_args,
)
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import parse_time

STATES: Final[Mapping[State, str]] = {
    State.DRAFT: N_("waits for approval"),
    State.SENT: N_("sent, not answered yet"),
    State.EXECUTED: N_("carried out"),
    State.REFUSED: N_("refused by the box"),
    State.WITHDRAWN: N_("withdrawn"),
    State.STALE: N_("too old"),
}
REQUEST_STATES: Final[Mapping[RequestState, str]] = {
    RequestState.SENT: N_("sent, not answered yet"),
    RequestState.ANSWERED: N_("done"),
    RequestState.REFUSED: N_("refused by the box"),
    RequestState.UNANSWERED: N_("not answered"),
}
ACTIONS: Final[Mapping[str, str]] = {
    "arm": N_("Arm"),
    "disarm": N_("Disarm"),
    "bypass": N_("Bypass"),
    "unlock": N_("Unlock"),
    "lock": N_("Lock"),
    "output": N_("Switch an output"),
    "reset_latch": N_("Reset"),
    "run_test": N_("Test"),
    "silence": N_("Silence"),
}
"""The name of each action, for lists and buttons."""


_PICTURES: Final[Mapping[str, str]] = {
    "still": N_("Picture of {camera}"),
    "clip": N_("Clip of {camera}, {span}: {purpose}"),
    "playback": N_("Recording of {camera}, {span}: {purpose}"),
    "preset": N_("Turn {camera} to {preset}"),
}


def does(action: str, args: Mapping[str, Any], wording: Wording) -> str:
    """What an order does, with the names that people gave to its points."""
    try:
        template, values = _parts(read_args(action, args), wording)
    except OrderFaultError:  # of a newer program
        return action
    return wording.texts(template).format(**values)


def asks(action: str, args: Mapping[str, Any], wording: Wording) -> str:
    """What a request asks."""
    if action == "announce":
        return wording.texts(N_("Announce: {announcement}")).format(announcement=args.get("announcement", ""))
    if template := _PICTURES.get(action):
        values = {name: str(args.get(name, "")) for name in ("preset", PURPOSE)}
        span = _span(args, wording)
        return wording.texts(template).format(
            camera=wording.point(f"camera/{args.get('camera', '')}"), span=span, **values
        )
    return wording.texts(N_("Ask the box how it is"))


def _span(args: Mapping[str, Any], wording: Wording) -> str:
    try:
        since, until = (parse_time(str(args[name])).astimezone(wording.zone) for name in ("from", "to"))
    except (KeyError, ValueError, OverflowError):
        return ""
    return f"{since:%m-%d %H:%M:%S}-{until:%H:%M:%S}"


def _parts(args: OrderArgs, wording: Wording) -> tuple[str, dict[str, str]]:
    match args:
        case ArmArgs(partition=partition, mode="away"):
            return N_("Arm {what}"), {"what": _partition(partition, wording)}
        case ArmArgs(partition=partition):
            return N_("Arm {what}; people stay inside"), {"what": _partition(partition, wording)}
        case DisarmArgs(partition=partition):
            return N_("Disarm {what}"), {"what": _partition(partition, wording)}
        case BypassArgs(zone=zone, on=True, for_s=for_s):
            return N_("Bypass {what} for {time}"), {
                "what": wording.point(f"zone/{zone}"),
                "time": _time(for_s, wording),
            }
        case BypassArgs(zone=zone):
            return N_("End the bypass of {what}"), {"what": wording.point(f"zone/{zone}")}
        case UnlockArgs(door=door, for_s=int(for_s)):
            return N_("Unlock {what} for {time}"), {
                "what": wording.point(f"door/{door}"),
                "time": _time(for_s, wording),
            }
        case UnlockArgs(door=door):
            return N_("Unlock {what}"), {"what": wording.point(f"door/{door}")}
        case LockArgs(door=door):
            return N_("Lock {what}"), {"what": wording.point(f"door/{door}")}
        case OutputArgs(output=output, on=True, for_s=for_s):
            what = wording.point(f"output/{output}")
            return N_("Switch {what} on for {time}"), {"what": what, "time": _time(for_s, wording)}
        case OutputArgs(output=output):
            return N_("Switch {what} off"), {"what": wording.point(f"output/{output}")}
        case ResetLatchArgs(partition=str(partition)):
            return N_("Reset what alarmed in {what}"), {"what": _partition(partition, wording)}
        case ResetLatchArgs(zone=zone):
            return N_("Reset the alarm of {what}"), {"what": wording.point(f"zone/{zone}")}
        case RunTestArgs(partition=partition, zones=(), for_s=for_s):
            what = _partition(partition, wording)
            return N_("Put {what} under test for {time}"), {"what": what, "time": _time(for_s, wording)}
        case RunTestArgs(zones=zones, for_s=for_s):
            what = wording.texts(", ").join(wording.point(f"zone/{zone}") for zone in zones)
            return N_("Put {what} under test for {time}"), {"what": what, "time": _time(for_s, wording)}
        case SilenceArgs():
            return N_("Silence every siren"), {}


def _partition(partition: str, wording: Wording) -> str:
    return wording.texts(N_("the whole site")) if partition == WHOLE_SITE else wording.point(f"partition/{partition}")


def _time(seconds: int, wording: Wording) -> str:
    for length, words in ((3600, N_("{n} h")), (60, N_("{n} min"))):
        if seconds % length == 0:
            return wording.texts(words).format(n=seconds // length)
    return wording.texts(N_("{n} s")).format(n=seconds)
