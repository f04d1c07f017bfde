"""An order's line read by the person's own machine: typed and whole, or not at all (WIRE 4.4). Pure.

What is signed is the line; what a person sees is made of what stands here. So a line of which one reader could see
another order than the box does, or of which anything could not be shown, is refused: it is never signed.
Flow: the centre's answer -> `read_line` -> `showing.py`, `wanted.py` -> a signature over `digest`.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ordering.refusal import RefusedError
from protocol.messages import MessageError, Order, decode_order, once
from protocol.orders import OrderArgs, OrderFaultError, order_digest, read_args
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import parse_time

MAX_LINE_BYTES: Final = 16 * 1024
"""An order that is approved here has some 400 bytes; a site file goes its own way."""

FIELDS: Final = frozenset(field.name for field in msgspec.structs.fields(Order))


class UnreadableOrderError(RefusedError):
    """The line is none that this machine signs."""

    def __init__(self, why: Said) -> None:
        super().__init__(
            N_(
                "Not signed: the order from the centre cannot be shown whole: {why}. Tell whoever looks after "
                "the centre."
            ),
            why=why,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrder:
    """An order of which everything can be shown, and its exact bytes."""

    line: bytes
    order: Order
    args: OrderArgs

    @property
    def digest(self) -> bytes:
        """What an approval signs."""
        return order_digest(self.line)

    @property
    def site(self) -> str:
        """The site after which the box is named; empty where its name tells none (docs/trust.md 1)."""
        return site_of(self.order.box)


def site_of(box: str) -> str:
    """The site after which a box is named: `0755-031` of `0755-031-a`; empty where there is none in the name."""
    return box.rpartition("-")[0]


def read_line(line: bytes) -> ReadOrder:
    """Read the exact bytes that are to be signed.

    Raises:
        UnreadableOrderError: too long, no order, twice the same name, something unknown, or what cannot be shown.
    """
    if len(line) > MAX_LINE_BYTES:
        raise UnreadableOrderError(said("it is longer than {count} bytes", count=MAX_LINE_BYTES))
    fields = _fields(line)
    if unknown := sorted(fields.keys() - FIELDS):
        raise UnreadableOrderError(said('"{name}" in it is not known here', name=printable(unknown[0], 32)))
    try:
        order = decode_order(line)
        args = read_args(order.action, order.args)
        if order.expires is not None:
            parse_time(order.expires)
    except OrderFaultError as fault:
        if fault.reason == "unknown_action":
            text = said('the action "{name}" is not known here', name=printable(order.action, 32))
            raise UnreadableOrderError(text) from None
        raise UnreadableOrderError(said("its arguments are not those of {action}", action=order.action)) from None
    except (MessageError, ValueError):
        raise UnreadableOrderError(said("it is no order of this protocol")) from None
    if printable(order.by, len(order.by)) != order.by:
        raise UnreadableOrderError(said("a name in it has characters that cannot be shown"))
    if not order.challenge:
        raise UnreadableOrderError(said("it names no challenge of the box, so the box would refuse it"))
    return ReadOrder(line=line, order=order, args=args)


def printable(text: str, limit: int) -> str:
    """Somebody else's text for a screen: no control, no invisible and no direction marks, and not endless."""
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:limit])
    return shown + ("…" if len(text) > limit else "")


def _fields(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line.decode("utf-8"), object_pairs_hook=_once)
    except _TwiceError:
        raise UnreadableOrderError(said("a name stands twice in it, so that it can be read in two ways")) from None
    except (ValueError, RecursionError):
        raise UnreadableOrderError(said("it is no order of this protocol")) from None
    if not isinstance(fields, dict):
        raise UnreadableOrderError(said("it is no order of this protocol"))
    return fields


class _TwiceError(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    try:
        return once(pairs)
    except ValueError:
        raise _TwiceError from None
