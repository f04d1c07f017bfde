"""The words `backup`, `backup key` and `restore` of `branchwatch collector`: what may be typed, and its help.

What they do stands in collector/backup/command.py, imported when one of them was typed. Flow: command.py -> here.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from collector.config import Config
from collector.keys import Keys
from protocol.texts import Texts

LoadConfig = Callable[[argparse.Namespace], Config]
LoadKeys = Callable[[Config], Keys]

EXAMPLES: Final = """
  branchwatch collector backup key --out backup.identity
  branchwatch collector backup --config collector.toml
  branchwatch collector restore backup.tar.age --identity backup.identity --into restored
  branchwatch collector restore backup.tar.age --identity backup.identity --drill --config collector.toml
"""


def add_backup_words(words: Any, say: Texts, load_config: LoadConfig, load_keys: LoadKeys) -> None:
    """Add `backup`, `backup key` and `restore` to the words of `collector`."""

    def run_backup(arguments: argparse.Namespace, say: Texts) -> int:
        from collector.backup.command import run_backup

        if arguments.config is None:
            backup.error(say("name the centre's collector.toml with --config"))
        return run_backup(arguments, say, load_config(arguments), load_keys)

    def run_restore(arguments: argparse.Namespace, say: Texts) -> int:
        from collector.backup.command import run_restore

        if arguments.into is None and not arguments.drill:
            back.error(say("name the folder with --into, or ask for a --drill"))
        return run_restore(arguments, say, None if arguments.config is None else load_config(arguments))

    backup = words.add_parser(
        "backup",
        help=say("copy the centre's data, locked for the bank's backup key, to one place or two"),
        epilog=say("example:") + EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    backup.add_argument("--config", type=Path, metavar="FILE", help=say("the centre's collector.toml"))
    backup.add_argument("--to", type=Path, metavar="DIR", help=say("instead of `folder` in [backup]"))
    backup.add_argument("--second", type=Path, metavar="DIR", help=say("instead of `second` in [backup]"))
    backup.set_defaults(run=run_backup)
    more = backup.add_subparsers(title=say("words"), metavar="WORD", required=False)
    key = more.add_parser("key", help=say("make the key that opens backups; keep its file offline"))
    key.add_argument("--out", type=Path, required=True, metavar="FILE", help=say("the file to write"))
    key.set_defaults(run=_key)
    back = words.add_parser(
        "restore",
        help=say("restore a backup into an empty folder, or try out that it can be restored"),
        epilog=say("example:") + EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    back.add_argument("file", type=Path, metavar="FILE", help=say("the backup"))
    back.add_argument(
        "--identity", type=Path, required=True, metavar="FILE", help=say("what `collector backup key` wrote")
    )
    back.add_argument("--into", type=Path, metavar="DIR", help=say("a folder that is empty or not there yet"))
    back.add_argument(
        "--drill", action="store_true", help=say("restore into a scratch folder, look, and take it away again")
    )
    back.add_argument("--trust", type=Path, metavar="ROOT.pem", help=say("your own copy of the root certificate"))
    back.add_argument(
        "--config", type=Path, metavar="FILE", help=say("write the drill's result down in this centre's journal")
    )
    back.set_defaults(run=run_restore)


def _key(arguments: argparse.Namespace, say: Texts) -> int:
    from collector.backup.command import run_key

    return run_key(arguments, say)
