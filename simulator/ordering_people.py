"""The demo's officers at work: they give orders as anybody would, by `branchwatch order` with their key files.

Flow: `simulate act SITE arm|disarm` and the closing-time story -> here -> the command.
The centre and the box judge them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.children import CommandFailedError, run_command
from simulator.demo_file import Officer, SiteAccess

WHOLE_SITE: Final = "site"
ONE: Final = 1
BOTH: Final = 2


class OrderFailedError(Exception):
    """The order was not given, or was refused; the message is the command's own."""


class NobodyError(SaidError):
    """This demo has no officers; the message says what to do."""


async def order(
    action: str, site: SiteAccess, what: str, officers: Sequence[Officer], folder: Path, *, people: int
) -> str:
    """Have so many officers give an order together; what the command printed.

    Raises:
        NobodyError: there are not so many.
        OrderFailedError: it was refused; the message says why.
    """
    if len(officers) < people:
        raise NobodyError(N_("this demo has no officers with keys; start it again"))
    signing = officers[:people]
    keys = [word for officer in signing for word in ("--key", officer.key)]
    words = ("order", action, site.id, what, "--dir", str(folder), "--as", signing[0].id, *keys)
    try:
        return await run_command(*words)
    except CommandFailedError as error:
        raise OrderFailedError(str(error)) from None
