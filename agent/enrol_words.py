"""`branchwatch agent enrol` and `agent renew`: what an installer types, and what the renewal timer starts.

Exit codes: 0 done or not due, 1 it says no, 2 the input is wrong, 3 the enrolment cannot be reached.
"""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.state_option import add_state_option
from protocol.enrolment_code import MAX_TYPED_CHARACTERS, CodeError, EnrolmentCode
from protocol.texts import Said, SaidError, system_said, told
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

if TYPE_CHECKING:
    from agent.enrolling import Bank, Enrolled

DONE, SAYS_NO, INPUT_WRONG, NOT_REACHED = 0, 1, 2, 3
TYPING_TRIES: Final = 5
Say = Callable[[str], str]


class CodeInputError(SaidError):
    """There is no code to work with."""


def add_enrol_words(words: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Say) -> None:
    """Add `enrol` and `renew`."""
    enrol = _word(
        words,
        "enrol",
        say("make this machine a box of the bank, with a one-time code"),
        say(
            "Makes the box's keys and gets its certificate and site file. The code is asked for; or give it by file or "
            "pipe. A code on the command line can be read by every user of this machine while the command runs; it is "
            "good once only."
        ),
        "branchwatch agent enrol --code-file /media/stick/code.txt",
        say,
    )
    given = enrol.add_mutually_exclusive_group()
    given.add_argument("--code", metavar="CODE", help=say("the code, or its link; asked for if it is left out"))
    given.add_argument("--code-file", metavar="FILE", help=say("a file with the code or its link; - for a pipe"))
    enrol.add_argument("--kit", type=Path, metavar="DIR", help=say("the kit; left out, what install.sh put in place"))
    enrol.add_argument("--at", metavar="HOST:PORT", help=say("where the enrolment is; left out, as code or kit say"))
    add_state_option(enrol, say)
    enrol.add_argument("--again", action="store_true", help=say("for a box that is enrolled: same box, same key"))
    enrol.set_defaults(run=_enrol)

    renew = _word(
        words,
        "renew",
        say("a new certificate for this box, if it is time"),
        say("Asks the enrolment for a new certificate from two thirds of the old one's life on; the key stays."),
        "branchwatch agent renew",
        say,
    )
    add_state_option(renew, say)
    renew.add_argument("--now", action="store_true", help=say("whether it is time or not"))
    renew.add_argument("--at", metavar="HOST:PORT", help=say("where the enrolment is; left out, as the site file says"))
    renew.add_argument("--json", action="store_true", help=say("for a program"))
    renew.set_defaults(run=_renew)


def _word(
    words: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    does: str,
    description: str,
    example: str,
    say: Say,
) -> argparse.ArgumentParser:
    return words.add_parser(
        name,
        help=does,
        description=description,
        epilog=say("example:") + f"\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _enrol(arguments: argparse.Namespace, say: Say) -> int:
    from agent.enrolling import KIT, enrol, read_bank
    from agent.machine import machine_id

    def step(text: Said) -> None:
        print(text.told(say), flush=True)

    try:
        if arguments.again and arguments.kit is None:
            bank = _own_bank(arguments.state, arguments.at)
        else:
            bank = read_bank(arguments.kit or KIT)
        code, at = _code(arguments, bank, say)
        done = enrol(
            bank,
            code,
            arguments.at or at,
            arguments.state,
            again=arguments.again,
            machine=machine_id(),
            now=datetime.now(UTC),
            step=step,
        )
    except SaidError as error:
        return _failed("enrol", error, say)
    _tell(done, say)
    return DONE


def _tell(done: "Enrolled", say: Say) -> None:
    line = say("This machine is {box} of site {site}; its certificate ends on {until}.")
    print(line.format(box=done.box, site=done.site, until=f"{done.until:%Y-%m-%d}"))
    print(say("Read this to the bank's security officer, who must see the same:"))
    print(f"\n    {done.fingerprint}\n")
    if done.held:
        print(say("The site file that was there stays in force; a newer one comes over the line."))
    elif done.version is None:
        print(say("No site file came: none that is whole lies ready. Without one this box cannot guard."))
        print(say("Next step: the bank lays one there; then branchwatch agent enrol --again, while this code lives."))
    else:
        print(say("Site file version {version} is in force.").format(version=done.version))
        print(say("Next step: systemctl start branchwatch-agent, then branchwatch agent health"))


def _renew(arguments: argparse.Namespace, say: Say) -> int:
    from agent.identity import load_enrolled_identity
    from agent.renewing import renew

    now = datetime.now(UTC)
    try:
        load_enrolled_identity(arguments.state, now)
        done = renew(arguments.state, arguments.at or _address(arguments.state), now=now, anyway=arguments.now)
    except SaidError as error:
        return _failed("renew", error, say)
    if arguments.json:
        told_as = {"outcome": done.outcome.value, "until": done.until.isoformat(), "due": done.due.isoformat()}
        print(json.dumps(told_as))
    else:
        sentences = {
            "not_due": say("Not yet: the certificate ends on {until}; a new one is asked for from {due} on."),
            "renewed": say("Renewed: the certificate ends on {until}. A running agent takes it up by itself."),
        }
        print(sentences[done.outcome.value].format(until=f"{done.until:%Y-%m-%d}", due=f"{done.due:%Y-%m-%d}"))
    return DONE


def _failed(word: str, error: SaidError, say: Say) -> int:
    from agent.enrolling import FaultyAnswerError
    from agent.enrolment_link import StrangerError, UnreachableError
    from agent.enrolment_refused import RefusedError

    print(f"branchwatch agent {word}: {told(error, say)}", file=sys.stderr)
    if isinstance(error, UnreachableError):
        return NOT_REACHED
    return SAYS_NO if isinstance(error, RefusedError | StrangerError | FaultyAnswerError) else INPUT_WRONG


def _code(arguments: argparse.Namespace, bank: "Bank", say: Say) -> tuple[EnrolmentCode, str]:
    from agent.enrolling import read_code

    if arguments.code is not None:
        return read_code(arguments.code, bank)
    if arguments.code_file not in (None, "-"):
        return read_code(_of_file(Path(arguments.code_file)), bank)
    if arguments.code_file == "-" or not sys.stdin.isatty():
        return read_code(sys.stdin.read(MAX_TYPED_CHARACTERS + 1), bank)
    prompt = say("The code of site {site}, box {box} (twelve groups of four): ").format(site=bank.site, box=bank.box)
    for _ in range(TYPING_TRIES - 1):
        try:
            return read_code(_typed(prompt), bank)
        except CodeError as error:
            print(told(error, say))
    return read_code(_typed(prompt), bank)


def _typed(prompt: str) -> str:
    try:
        return input(prompt)
    except EOFError:
        raise CodeInputError(N_("no code was given")) from None


def _of_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_TYPED_CHARACTERS + 1).decode("utf-8", "replace")
    except OSError as error:
        raise CodeInputError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None


def _own_bank(state: Path, at: str | None) -> "Bank":
    """What an enrolled box knows by itself."""
    from agent.enrolling import Bank
    from agent.identity import load_enrolled_identity, load_pins

    identity = load_enrolled_identity(state, datetime.now(UTC))
    pins = tuple(sorted(load_pins(state)))
    return Bank(root=identity.root, pins=pins, site=identity.site, box=identity.box, at=at or _address(state))


def _address(state: Path) -> str:
    """Where the enrolment is: as the site file in force says, or else the kit."""
    from agent.enrolling import KIT, EnrolInputError, read_bank
    from agent.identity import load_enrolled_identity
    from agent.site_loading import SiteLoadError, knows_of, load_site
    from agent.site_store import SiteStore

    identity = load_enrolled_identity(state, datetime.now(UTC))
    with suppress(SiteLoadError):
        if at := load_site(SiteStore(state), knows_of(identity, state)).signed.centre.enrolment:
            return at
    with suppress(EnrolInputError):
        return read_bank(KIT).at
    raise CodeInputError(N_("neither the site file nor the kit says where the enrolment is; give it with --at"))
