"""Orders: what each action takes, which partitions it concerns, how many people must approve it (WIRE 4). Pure.

The same functions serve the box, which decides, the centre, which drafts, and the person's own machine, which shows
what is being signed. Flow: order's bytes -> `read_args` -> `needed_people`; `order_digest` is what people sign.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from protocol.messages import Approval, Id, MessageError, Order, decode_approval, decode_order, once
from protocol.roster import Right
from protocol.site.schema import Partition, Site, ZoneType

WHOLE_SITE: Final = "site"
"""In place of a partition's id: all of them, together or not at all. No partition may bear it."""

DIGEST_PREFIX: Final = b"branchwatch-order-1\n"
MAX_APPROVALS: Final = 8
MAX_BYPASS_S: Final = 7 * 24 * 3600
MAX_TEST_S: Final = 4 * 3600
MAX_OUTPUT_S: Final = 12 * 3600

SENSITIVE: Final = frozenset({"cash", "vault", "atm_service"})
"""Kinds of partition where two different people must approve (WIRE 4.5)."""

NEVER_BYPASSED: Final[Mapping[ZoneType, str]] = {ZoneType.HOLD_UP: "hold_up", ZoneType.FIRE: "fire"}
"""Zones that nobody takes out of guard, and the word with which it is refused."""

Seconds = Annotated[int, Meta(ge=1)]


ALWAYS_HEARD: Final = frozenset({ZoneType.HOLD_UP, ZoneType.FIRE})
"""Zones that no single person takes out of guard, not for a test either: while it runs nobody hears them."""


class OrderFaultError(Exception):
    """The order cannot be meant; `reason` is the word that the box reports."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ArmArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Arm a partition, or the whole site."""

    partition: Id
    mode: Literal["away", "stay"] = "away"


class DisarmArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Disarm a partition, or the whole site."""

    partition: Id


class BypassArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Take a zone out of guard until its end, or put it back."""

    zone: Id
    on: bool = True
    for_s: Annotated[int, Meta(ge=60, le=MAX_BYPASS_S)] = 12 * 3600


class UnlockArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Release a door's lock for a while; its `release_for` where none is said."""

    door: Id
    for_s: Annotated[int, Meta(ge=1, le=60)] | None = None


class LockArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """End a release."""

    door: Id


class OutputArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Switch an output that no door and no siren owns."""

    output: Id
    on: bool
    for_s: Annotated[int, Meta(ge=1, le=MAX_OUTPUT_S)] = 60


class ResetLatchArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Reset what latched: of one zone, or of everything in a partition or at the site."""

    partition: Id | None = None
    zone: Id | None = None


class RunTestArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Put zones of a partition under test: all but hold-up zones, or those named."""

    partition: Id
    zones: Annotated[tuple[Id, ...], Meta(max_length=64)] = ()
    for_s: Annotated[int, Meta(ge=60, le=MAX_TEST_S)] = 1800


class SilenceArgs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """End every siren."""


OrderArgs = (
    ArmArgs | DisarmArgs | BypassArgs | UnlockArgs | LockArgs | OutputArgs | ResetLatchArgs | RunTestArgs | SilenceArgs
)

ACTIONS: Final[Mapping[str, tuple[type[OrderArgs], Right]]] = {
    "arm": (ArmArgs, Right.ARM),
    "disarm": (DisarmArgs, Right.DISARM),
    "bypass": (BypassArgs, Right.BYPASS),
    "unlock": (UnlockArgs, Right.UNLOCK),
    "lock": (LockArgs, Right.LOCK),
    "output": (OutputArgs, Right.OUTPUT),
    "reset_latch": (ResetLatchArgs, Right.RESET_LATCH),
    "run_test": (RunTestArgs, Right.RUN_TEST),
    "silence": (SilenceArgs, Right.SILENCE),
}
"""Every order by its action; `site_file` goes its own way (docs/trust.md 4.4)."""

WEAKENS: Final = frozenset({"disarm", "bypass", "unlock", "output", "reset_latch", "run_test"})
"""Orders that take protection away: two people where the partition asks for them; refused under an old roster."""


def read_order(line: bytes) -> Order:
    """The order that a line holds, read so that no two readers see two orders in it.

    Raises:
        MessageError: no order, or a name stands twice in it.
    """
    order = decode_order(line)
    try:
        json.loads(line, object_pairs_hook=once, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise MessageError("a name stands twice in one object") from None
    return order


def read_args(action: str, args: Mapping[str, Any]) -> OrderArgs:
    """The typed arguments of an order.

    Raises:
        OrderFaultError: `unknown_action`, `malformed_args`.
    """
    if action not in ACTIONS:
        raise OrderFaultError("unknown_action")
    try:
        read: OrderArgs = msgspec.convert(args, ACTIONS[action][0])
    except msgspec.ValidationError:
        raise OrderFaultError("malformed_args") from None
    if isinstance(read, ResetLatchArgs) and (read.partition is None) is (read.zone is None):
        raise OrderFaultError("malformed_args")
    return read


def concerned(site: Site, args: OrderArgs) -> tuple[Partition, ...]:
    """The partitions that an order concerns; none for what stands outside of all.

    Raises:
        OrderFaultError: `no_such_partition`, `no_such_zone`, `no_such_door`, `no_such_output`, `zone_elsewhere`.
    """
    match args:
        case ArmArgs(partition=name) | DisarmArgs(partition=name) | ResetLatchArgs(partition=str(name)):
            return _partitions(site, name)
        case RunTestArgs(partition=name, zones=zones):
            partitions = _partitions(site, name)
            if not set(zones) <= {zone for each in partitions for zone in each.zones}:
                raise OrderFaultError("zone_elsewhere")
            return partitions
        case BypassArgs(zone=zone) | ResetLatchArgs(zone=str(zone)):
            if zone not in {each.id for each in site.zone}:
                raise OrderFaultError("no_such_zone")
            return tuple(each for each in site.partition if zone in each.zones)
        case UnlockArgs(door=name) | LockArgs(door=name):
            door = next((each for each in site.door if each.id == name and each.lock), None)
            if door is None:
                raise OrderFaultError("no_such_door")
            return tuple(each for each in site.partition if each.id == door.partition)
        case OutputArgs(output=name):
            if name not in {each.id for each in site.output}:
                raise OrderFaultError("no_such_output")
    return ()


def forbidden_bypass(site: Site, args: OrderArgs) -> str:
    """Why no box ever carries this order out, in its own word; empty where nothing in itself forbids it."""
    if not isinstance(args, BypassArgs) or not args.on:
        return ""
    return next((NEVER_BYPASSED.get(zone.type, "") for zone in site.zone if zone.id == args.zone), "")


def people_of(partition: Partition) -> int:
    """How many different people must approve what weakens this partition; a site file can only raise it."""
    return max(2 if partition.kind in SENSITIVE else 1, partition.people or 1)


def needed_people(site: Site, action: str, args: OrderArgs) -> int:
    """How many different people must approve this order.

    Raises:
        OrderFaultError: see `concerned`.
    """
    partitions = concerned(site, args)
    if action not in WEAKENS:
        return 1
    tested = args.zones if isinstance(args, RunTestArgs) else ()
    heard_always = any(each.id in tested and each.type in ALWAYS_HEARD for each in site.zone)
    return max([2 if heard_always else 1, *(people_of(each) for each in partitions)])


def order_digest(order: bytes) -> bytes:
    """What an approval signs: SHA-256 over a prefix and the order's bytes as received (WIRE 4.3)."""
    return sha256(DIGEST_PREFIX + order).digest()


def join_order(order: bytes, approvals: tuple[bytes, ...]) -> bytes:
    """The payload of an envelope `bw-order`: the order's line, then one line an approval."""
    return b"\n".join((order, *approvals))


def split_order(payload: bytes) -> tuple[bytes, tuple[Approval, ...]]:
    """The order's exact bytes and the approvals behind it, which nobody has checked.

    Raises:
        MessageError: too many, or a line that is no approval.
    """
    order, *lines = payload.split(b"\n", MAX_APPROVALS + 1)
    if len(lines) > MAX_APPROVALS:
        raise MessageError(f"more than {MAX_APPROVALS} approvals")
    return order, tuple(decode_approval(line) for line in lines)


def _partitions(site: Site, name: str) -> tuple[Partition, ...]:
    found = tuple(each for each in site.partition if name in {each.id, WHOLE_SITE})
    if not found:
        raise OrderFaultError("no_such_partition")
    return found
