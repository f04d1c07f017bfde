"""`branchwatch agent acceptance`: lead an installer through a site, and have the record signed by box and installer.

Exit codes: 0 the record is signed, 1 stopped without one or refused, 2 input is wrong, 3 the agent cannot be reached.
"""

import argparse
import asyncio
import getpass
import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.state_option import add_state_option
from protocol.texts import system_said, told

if TYPE_CHECKING:
    from protocol.documents import Signer

DONE, SAYS_NO, INPUT_WRONG, UNREACHED = 0, 1, 2, 3
DEFAULT_LISTEN: Final = "127.0.0.1:8480"
MAX_PASSPHRASE_BYTES: Final = 1024
Say = Callable[[str], str]


def add_acceptance_words(words: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Say) -> None:
    """Make the word known."""
    does = say("walk test: lead an installer through the site, and sign the record")
    word = words.add_parser(
        "acceptance",
        help=does,
        description=does,
        epilog=say("example:") + "\n  branchwatch agent acceptance "
        "--installer-key li-na.key --installer-cert li-na.pem --page",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_state_option(word, say)
    word.add_argument("--installer-key", type=Path, metavar="FILE", help=say("the installer's key; it may be locked"))
    word.add_argument("--installer-cert", type=Path, metavar="FILE", help=say("the installer's certificate"))
    word.add_argument("--passphrase-fd", type=int, metavar="N", help=say("read the passphrase from file descriptor N"))
    word.add_argument("--page", action="store_true", help=say("show it on a page for a telephone too"))
    word.add_argument(
        "--listen",
        metavar="HOST:PORT",
        default=DEFAULT_LISTEN,
        help=say("where the page answers; {address} if not said").format(address=DEFAULT_LISTEN),
    )
    again = word.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help=say("go on with the walk test that was stopped"))
    again.add_argument("--new", action="store_true", help=say("give up the one that was stopped, and begin anew"))
    word.set_defaults(run=_acceptance)


def _acceptance(arguments: argparse.Namespace, say: Say) -> int:
    from agent.acceptance import sentences
    from agent.acceptance.installer import InstallerError
    from agent.acceptance.terminal import DONE_WORD, LOST_WORD
    from agent.acceptance.walking import WalkError, Wanted, walk
    from agent.local.client import NotRunningError, SaysNoError
    from protocol.site.addresses import AddressError

    def wrong(text: str) -> int:
        sys.stderr.write(f"branchwatch agent: {text}\n")
        return INPUT_WRONG

    if (arguments.installer_key is None) is not (arguments.installer_cert is None):
        return wrong(say("--installer-key and --installer-cert belong together; give both"))
    try:
        wanted = Wanted(
            state=arguments.state,
            signer=_signer(arguments, say),
            listen=_listen(arguments),
            resume=arguments.resume,
            new=arguments.new,
        )
        ended = asyncio.run(walk(wanted, say))
    except InstallerError as error:
        return wrong(told(error, say))
    except WalkError as error:
        wrong(told(error, say))
        return SAYS_NO
    except SaysNoError as error:
        wrong(sentences.refusal(error.word, say))
        return SAYS_NO
    except NotRunningError:
        text = say("no agent answers in {state}; start it, or run this as its user or as root")
        wrong(text.format(state=arguments.state))
        return UNREACHED
    except AddressError as error:
        return wrong(f"--listen {arguments.listen}: {told(error, say)}")
    except OSError as error:
        return wrong(f"{arguments.state}: {system_said(error).told(say)}")
    return {DONE_WORD: DONE, LOST_WORD: UNREACHED}.get(ended, SAYS_NO)


def _signer(arguments: argparse.Namespace, say: Say) -> "Signer | None":
    from agent.acceptance.installer import load_signer

    if arguments.installer_key is None:
        return None
    return load_signer(
        arguments.installer_key, arguments.installer_cert, lambda: _passphrase(arguments.passphrase_fd, say)
    )


def _listen(arguments: argparse.Namespace) -> tuple[str, int] | None:
    from protocol.site.addresses import parse_address

    return parse_address(arguments.listen, 8480) if arguments.page else None


def _passphrase(descriptor: int | None, say: Say) -> bytes:
    """From the terminal, unseen, or the first line of a descriptor; never from an argument or the environment."""
    from agent.acceptance.installer import InstallerError
    from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

    try:
        if descriptor is None:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))  # getpass would fall back to what can be seen
            text = getpass.getpass(say("Passphrase: "))
        else:
            raw = os.read(descriptor, MAX_PASSPHRASE_BYTES + 1)
            text = raw.partition(b"\n")[0].removesuffix(b"\r").decode()
    except EOFError:
        raise InstallerError(N_("no passphrase was typed")) from None
    except UnicodeDecodeError:
        raise InstallerError(N_("the passphrase is no UTF-8 text")) from None
    except OSError:
        raise InstallerError(
            N_("there is no terminal to ask for the passphrase at; give it by --passphrase-fd")
        ) from None
    return unicodedata.normalize("NFC", text).encode()
