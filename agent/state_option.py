"""`--state`: the folder that a box keeps, the same word and the same default for every word of `agent`.

Also asked before any of them begins: whether whoever typed it may look into that folder at all. Decides nothing else.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

STATE: Final = Path("/var/lib/branchwatch")
"""Where the kit puts a box's folder, and where its units look for it."""


class ClosedFolderError(SaidError):
    """The folder is somebody else's; the message says who may."""


def add_state_option(word: argparse.ArgumentParser, say: Callable[[str], str]) -> None:
    """Teach a word its `--state`."""
    word.add_argument(
        "--state",
        type=Path,
        default=STATE,
        metavar="DIR",
        help=say("the agent's folder; /var/lib/branchwatch if not said"),
    )


def check_open(state: Path | None) -> None:
    """Refuse early, in one sentence, what would else end somewhere in the middle.

    Raises:
        ClosedFolderError: the folder is there, and closed to this user.
    """
    if state is None or os.access(state, os.R_OK | os.X_OK, effective_ids=True):
        return
    try:
        state.stat()
    except FileNotFoundError:
        return
    except OSError:
        pass
    raise ClosedFolderError(
        N_("{folder} belongs to another user and is closed to you. Next step: run this as root (sudo)"), folder=state
    )
