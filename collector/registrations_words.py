"""`branchwatch collector registrations`: the keys that people registered, as a file for the offline machine.

Public keys only. Flow: command.py -> here -> collector/registering.py.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collector.config import Config
from protocol.texts import Texts, system_said, told

DONE, INPUT_WRONG, OUT_OF_REACH = 0, 2, 3


def add_registrations_words(
    words: Any, say: Texts, add_config: Callable[[Any, Texts], None], load: Callable[[argparse.Namespace], Config]
) -> None:
    """Add the word; `load` reads the settings from the arguments."""
    does = say("write the keys that people registered at the desk, for the offline machine")
    word = words.add_parser(
        "registrations",
        help=does,
        description=does,
        epilog=say("example:")
        + "  branchwatch collector registrations --out registrations.json --config collector.toml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    word.add_argument("--out", type=Path, required=True, metavar="FILE", help=say("the file to write"))
    add_config(word, say)
    word.set_defaults(run=lambda arguments, texts: _write(arguments, texts, load(arguments)))


def _write(arguments: argparse.Namespace, say: Texts, config: Config) -> int:
    from collector.registering import registrations_of
    from collector.storage.migrating import migrate
    from collector.storage.store import Store, StoreError
    from protocol.registration import encode_registrations

    try:
        store = Store(config.database_url)
        try:
            migrate(store)
            with store.read() as reading:
                found = registrations_of(reading)
        finally:
            store.close()
        arguments.out.write_bytes(encode_registrations(found))
    except StoreError as error:
        print(told(error, say), file=sys.stderr)
        return OUT_OF_REACH
    except OSError as error:
        print(
            say("{file} cannot be written: {reason}").format(file=arguments.out, reason=system_said(error).told(say)),
            file=sys.stderr,
        )
        return INPUT_WRONG
    written = say(
        "Keys written to {file}: {count}. Next step, on the offline machine: "
        "branchwatch provision people accept {name} --inventory DIR"
    )
    print(written.format(count=len(found), file=arguments.out, name=arguments.out.name))
    return DONE
