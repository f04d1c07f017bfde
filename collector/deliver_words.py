"""`branchwatch collector deliver`: signed site bundles into the centre's database, to be carried to their boxes.

Opens no connection; a centre that runs sends them when it hears the boxes next. All files or none. Flow: command.py ->
here -> collector/bundles.py.
"""

import argparse
import os
import pwd
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from collector.config import Config
from collector.keys import Keys
from collector.times import unix_ms
from protocol.limits import MAX_BUNDLE_BYTES
from protocol.texts import Texts, system_said, told
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

DONE, SAYS_NO, INPUT_WRONG, OUT_OF_REACH = 0, 1, 2, 3
SAYS_NO_TO: Final = frozenset({"older_version", "same_version", "other_site"})
"""Refusals that are about what the centre holds; all others are about the file."""

LACKS_SIGNATURE: Final = N_(
    "{file}: it touches {touches}, and only {signers} signed; the box will want a second signature"
)
FORKED: Final = N_(
    "{file}: two boxes bear the name {box}, so neither is sent anything; lock the key out and replace it"
)


def add_deliver_words(words: Any, say: Texts, add_config: Callable[[Any, Texts], None], load: "Load") -> None:
    """Add the word; `load` reads settings and keys from the arguments."""
    does = say("take signed site bundles, to be carried to their boxes")
    deliver = words.add_parser(
        "deliver",
        help=does,
        description=does,
        epilog=say("example:") + "  branchwatch collector deliver 0755-031-a.json --config collector.toml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    deliver.add_argument("files", nargs="+", type=Path, metavar="FILE", help=say("a signed site bundle"))
    add_config(deliver, say)
    deliver.set_defaults(run=lambda arguments, texts: _deliver(arguments, texts, *load(arguments)))


Load = Callable[[argparse.Namespace], tuple[Config, Keys]]


def _deliver(arguments: argparse.Namespace, say: Texts, config: Config, keys: Keys) -> int:
    from collector.bundles import NotTakenError, Offered, look_at, store_bundles
    from collector.storage.migrating import migrate
    from collector.storage.store import Store, StoreError

    now = datetime.now(UTC)
    offers: list[Offered] = []
    code = DONE
    for file in arguments.files:
        try:
            offers.append(look_at(_read(file), keys.trust, now))
        except OSError as error:
            _complain(say("{path} cannot be read: {reason}").format(path=file, reason=system_said(error).told(say)))
            code = INPUT_WRONG
        except NotTakenError as error:
            _complain(f"{file}: {told(error, say)}")
            code = INPUT_WRONG
    if code != DONE:
        _complain(say("nothing was stored"))
        return code
    try:
        store = Store(config.database_url)
        try:
            migrate(store)
            delivered = store_bundles(store, offers, _user(), unix_ms(now))
        finally:
            store.close()
    except NotTakenError as error:
        _complain(say("nothing was stored: {why}").format(why=told(error, say)))
        return SAYS_NO if error.reason in SAYS_NO_TO else INPUT_WRONG
    except StoreError as error:
        _complain(told(error, say))
        return OUT_OF_REACH
    for file, each in zip(arguments.files, delivered, strict=True):
        facts = {"file": file, "box": each.box, "version": each.version, "hash": each.hash[:12]}
        stored = N_("{file}: version {version} ({hash}) is stored; {box} gets it when it is heard next")
        there = N_("{file}: version {version} ({hash}) for {box} was stored already")
        print(say(there if each.unchanged else stored).format(**facts))
        if each.lacks_signature:
            touches, signers = say(", ").join(each.touches), say(", ").join(each.signers)
            _complain(say(LACKS_SIGNATURE).format(file=file, touches=touches, signers=signers))
        if each.forked:
            _complain(say(FORKED).format(file=file, box=each.box))
    return DONE


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MAX_BUNDLE_BYTES + 1)


def _user() -> str:
    """Who typed it, for the journal: the name of the operating system's user."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name[:64]
    except KeyError:
        return f"uid-{os.geteuid()}"


def _complain(text: str) -> None:
    print(text, file=sys.stderr)
