"""What a command asked for, and whether the line that came back is exactly that (WIRE 4.4). Pure.

A stolen centre answers "arm" with a line that disarms, or names another branch's box: nothing of the kind is signed.
Flow: `order_words.py` -> `Wanted` -> the centre's line, read -> `check_wanted` -> a signature.
"""

from dataclasses import dataclass

import msgspec

from ordering.reading import ReadOrder, site_of
from ordering.refusal import RefusedError
from protocol.orders import OrderArgs
from protocol.texts import Said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for


class OtherOrderError(RefusedError):
    """The centre drew up another order than the one asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One order as a person typed it; `box` where he named it himself."""

    site: str
    action: str
    args: OrderArgs
    box: str | None = None

    def asked(self) -> dict[str, object]:
        """As the centre is asked to draft it."""
        return {"site": self.site, "action": self.action, "args": msgspec.to_builtins(self.args)}


def check_wanted(read: ReadOrder, wanted: Wanted, order_id: str, says: Said) -> None:
    """Check that the line is what was asked for; `says` is the line in words.

    Raises:
        OtherOrderError: another action, other arguments, another order, or a box that is not the site's.
    """
    if (read.order.action, read.args) != (wanted.action, wanted.args):
        raise OtherOrderError(
            N_(
                "Not signed: the centre drew up another order than you asked for. It says: {says} Somebody may have "
                "taken the centre over; tell whoever looks after it, by telephone."
            ),
            says=says,
        )
    if read.order.id != order_id:
        raise OtherOrderError(
            N_("Not signed: the centre calls this order {told}, and its line says {read}."),
            told=order_id,
            read=read.order.id,
        )
    if wanted.box is not None:
        if read.order.box != wanted.box:
            raise OtherOrderError(
                N_("Not signed: the order is for box {box}, and you named {wanted}."),
                box=read.order.box,
                wanted=wanted.box,
            )
    elif site_of(read.order.box) != wanted.site:
        raise OtherOrderError(
            N_(
                "Not signed: the order is for box {box}, which is not named after site {site}. If you know from the "
                "bank's inventory that it guards that site, say so: --box {box}"
            ),
            box=read.order.box,
            site=wanted.site,
        )
