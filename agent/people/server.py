"""The people server: a program of the agent that holds the model and answers eyes at its socket.

One loop does all: see who asks, look at the picture that waits longest, answer, beat. Who hangs here, by whatever fault
of the runtime, beats no more and is started anew. Without a model or without OpenVINO it says why, has no socket, and
looks again: a model that is installed later is used without a restart. It opens no network connection, ever.
Flow: agent/eyes/ starts it by agent/children -> here -> guests.py, inference.py; words to the agent by its channel.
"""

import argparse
import logging
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np

from agent.children.child import Channel, ParentGone
from agent.people.guests import Guests, listen
from agent.people.inference import Finder, ModelError, NoRuntimeError
from agent.people.models import ModelsError, Refused, find_model, places
from agent.people.words import Greeting, Lack, Serving, Without, encode
from protocol.people_models import MODELS

LOG: Final = logging.getLogger("branchwatch.people")

IDLE_S: Final = 0.5
"""The longest wait between two beats."""

AGAIN_S: Final = 30.0
"""After which a model that was not there is looked for again."""


def main(argv: list[str]) -> int:
    """Serve until the agent is gone."""
    arguments = _parser().parse_args(argv)
    try:
        serve(Channel.inherited(), arguments)
    except ParentGone:
        return 0
    except (ModelError, OSError) as problem:
        LOG.error("the people server ends: %s", problem)  # noqa: TRY400 - its sentence says it
        return 1
    return 0


def serve(channel: Channel, arguments: argparse.Namespace) -> None:
    """Find a model, then answer eyes.

    Raises:
        ParentGone: the agent is gone.
        ModelError: the runtime gave up.
        OSError: there can be no socket.
    """
    finder, serving = _ready(channel, arguments)
    greeting = Greeting(width=finder.width, height=finder.height, model=serving.model)
    guests = Guests(listen(arguments.socket), greeting, time.monotonic)
    guests.watch(channel.fileno())
    try:
        channel.send(encode(serving))
        while True:
            channel.beat()
            channel.receive(0)
            guests.attend(0 if guests.waiting else IDLE_S)
            turn = guests.next_turn()
            if turn is not None:
                number, picture = turn
                frame = np.frombuffer(picture, np.uint8).reshape(finder.height, finder.width, 3)
                guests.tell(number, encode(finder.find(frame)))
    finally:
        guests.close()


def _ready(channel: Channel, arguments: argparse.Namespace) -> tuple[Finder, Serving]:
    """Look until there is something to look with, and say each reason once."""
    said: Without | None = None
    tell = _Once()
    while True:
        try:
            where = places(arguments.models, arguments.state)
            found = find_model(where, arguments.model or list(MODELS), tell.refused)
            finder = Finder(found.xml, found.weights, arguments.threads)
            return finder, Serving(model=found.title, place=str(found.folder))
        except (ModelsError, ModelError) as problem:
            without = Without(lack=_lack(problem), detail=str(problem))
        if without != said:
            channel.send(encode(without))
            said = without
        end = time.monotonic() + AGAIN_S
        while time.monotonic() < end:
            channel.beat()
            channel.receive(IDLE_S)


def _lack(problem: ModelsError | ModelError) -> Lack:
    if isinstance(problem, ModelsError):
        return Lack.REFUSED if problem.refused else Lack.NO_MODEL
    return Lack.NO_OPENVINO if isinstance(problem, NoRuntimeError) else Lack.BROKEN


class _Once:
    """Says of each file that was refused why, once."""

    def __init__(self) -> None:
        self._said: set[Path] = set()

    def refused(self, refused: Refused) -> None:
        if refused.file not in self._said:
            self._said.add(refused.file)
            LOG.warning("refused: %s %s", refused.file, refused.reason)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agent.people.server")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--model", action="append", choices=list(MODELS))
    parser.add_argument("--threads", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
