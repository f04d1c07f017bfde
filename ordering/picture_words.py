"""`branchwatch request still|clip|playback|preset`: what may be asked of a site's cameras (docs/eyes.md 7).

Flow: request_words.py -> here -> the console; with `--out` the picture follows as soon as the centre has it.
"""

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ordering.asking import Console
from ordering.drafts import Asked, Piece
from ordering.giving import TOLD_AFTER_S
from ordering.refusal import InputError, RefusedError, UnreachedError
from ordering.terminal import Terminal
from ordering.words import id_named, takes_console
from protocol.durations import DurationError, parse_duration
from protocol.texts import Texts, said, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import format_time, parse_time
from protocol.uploads import slot_of
from protocol.words import Words

Ask = Callable[[Namespace, Texts, str, dict[str, Any]], int]

COMES_S: Final = 180.0
"""A clip of two minutes is made when they are over, and comes over the branch's line."""
EVERY_S: Final = 1.0
LONGEST: Final = timedelta(seconds=120)


def add_picture_words(words: Words, say: Texts, ask: Ask) -> None:
    """`still`, `clip`, `playback`, `preset`."""

    def camera(name: str, does: str, more: str, example: str, run: Callable[[Namespace, Texts], int]) -> ArgumentParser:
        word = words.add(name, does, more, example, run)
        word.add_argument("site", metavar="SITE", help=say("the site's id"))
        word.add_argument("camera", metavar="CAMERA", help=say("the camera's id"))
        word.add_argument("--no-wait", action="store_true", help=say("do not wait for what becomes of it"))
        takes_console(word, say)
        return word

    def still(arguments: Namespace, say: Texts) -> int:
        return ask(arguments, say, "still", {"camera": id_named(arguments.camera)})

    def footage(action: str) -> Callable[[Namespace, Texts], int]:
        return lambda arguments, say: ask(arguments, say, action, _footage(arguments))

    def preset(arguments: Namespace, say: Texts) -> int:
        return ask(arguments, say, "preset", {"camera": id_named(arguments.camera), "preset": arguments.preset})

    out = say("the file to write the picture to, once it is here")
    camera(
        "still",
        say("have a picture taken by a camera now"),
        say("Has the box take a picture, seal it in its ledger and bring it to the centre."),
        "branchwatch request still 0755-031 hall --out hall.jpg",
        still,
    ).add_argument("--out", type=Path, metavar="FILE", help=out)
    for name, does, more in (
        (
            "clip",
            say("have a clip of the last minutes, out of the box's memory"),
            say("Has the box seal what it remembers of a camera and bring it to the centre; at most two minutes."),
        ),
        (
            "playback",
            say("have a recording brought, out of the site's recorder"),
            say("Has the box fetch a recording from the site's recorder, seal it and bring it; at most two minutes."),
        ),
    ):
        word = camera(
            name,
            does,
            more,
            f'branchwatch request {name} 0755-031 hall --from 2026-11-21T10:15:00+08:00 --for 60s --purpose "a fall"',
            footage(name),
        )
        word.add_argument(
            "--from", dest="since", required=True, metavar="TIME", help=say("when it begins, with its zone")
        )
        word.add_argument("--for", dest="lasting", default="60s", metavar="TIME", help=say("how long it is, as in 60s"))
        word.add_argument(
            "--purpose", required=True, metavar="TEXT", help=say("what it is looked at for; it is written down")
        )
        word.add_argument("--out", type=Path, metavar="FILE", help=out)
    camera(
        "preset",
        say("turn a camera to one of its presets"),
        say("Has the box turn a camera to a preset that is stored in it."),
        "branchwatch request preset 0755-031 hall door",
        preset,
    ).add_argument("preset", metavar="PRESET", help=say("the preset's name or number in the camera"))


def brought(console: Console, taken: Asked, out: Path, terminal: Terminal) -> None:
    """Wait for the picture that a request led to, and write it.

    Raises:
        RefusedError: there is none, and why.
        UnreachedError: it did not come in time.
        InputError: the file cannot be written.
    """
    address = f"/api/v1/evidence/{taken.box}/{slot_of(taken.id, 1)}"
    began = time.monotonic()
    while True:
        piece = console.known(address, Piece)
        if piece is not None and piece.href:
            break
        if piece is not None and piece.state in ("missing", "removed", "changed"):
            raise RefusedError(N_("there is no picture: {why}"), why=piece.words.state)
        passed = time.monotonic() - began
        if passed >= COMES_S:
            raise UnreachedError(N_("the picture has not come yet; it will stand on the site's page"))
        if passed >= TOLD_AFTER_S:
            terminal.progress(said("Waiting for the picture"), int(passed))
        time.sleep(EVERY_S)
    partial = out.with_name(f"{out.name}.part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            console.fetch(piece.href, file.write, piece.sha256 or "")
        partial.replace(out)
    except OSError as error:
        raise InputError(N_("{file} cannot be written: {reason}"), file=out, reason=system_said(error)) from None
    finally:
        partial.unlink(missing_ok=True)
    terminal.line(said("Written: {file}", file=out))


def _footage(arguments: Namespace) -> dict[str, Any]:
    try:
        lasting = parse_duration(arguments.lasting)
    except DurationError as error:
        raise InputError(N_("--for: {why}"), why=error.said) from None
    if not timedelta(0) < lasting <= LONGEST:
        raise InputError(N_("--for: at most {limit} s"), limit=LONGEST // timedelta(seconds=1))
    since = _time(arguments.since)
    return {
        "camera": id_named(arguments.camera),
        "from": format_time(since),
        "to": format_time(since + lasting),
        "purpose": arguments.purpose,
    }


def _time(text: str) -> datetime:
    try:
        since = datetime.fromisoformat(text)
        if since.tzinfo is not None:
            return parse_time(format_time(since.astimezone(UTC)))
    except (ValueError, OverflowError):
        pass
    raise InputError(N_("--from: a time with its zone, like 2026-11-21T10:15:00+08:00"))
