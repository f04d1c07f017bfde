"""`branchwatch agent arm` and `disarm`: a person's code, asked of the running agent, answered in sentences.

The code comes from the terminal, unseen, or from standard input; never from an argument. Exit codes: 0 done, 1 the box
says no, 2 input is wrong, 3 the agent cannot be reached. A duress code leads to the same words and the same code.
"""

import argparse
import asyncio
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from agent.state_option import add_state_option
from protocol.texts import SaidError, told
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

if TYPE_CHECKING:
    from agent.local.lines import Arm, Disarm, Reply

DONE, SAYS_NO, INPUT_WRONG, UNREACHED = 0, 1, 2, 3
MAX_CODE_BYTES: Final = 64
PATIENCE_S: Final = 60.0
"""All codes of a site are tried, on a slow box too."""

STATES: Final[Mapping[str, str]] = {
    "disarmed": N_("disarmed"),
    "arming": N_("arming"),
    "armed_away": N_("armed away"),
    "armed_stay": N_("armed stay"),
    "entry_delay": N_("entry delay"),
    "alarm": N_("alarm"),
    "test": N_("under test"),
    "unknown": N_("unknown"),
}
WHY: Final[Mapping[str, str]] = {
    "active": N_("open or in alarm"),
    "tamper": N_("tampered with"),
    "unknown": N_("not seen by the box"),
}
REFUSALS: Final[Mapping[str, str]] = {
    "code_wrong": N_(
        "the code is wrong. Next step: type it again; after five wrong ones none is taken for ten minutes"
    ),
    "codes_locked": N_(
        "there were too many wrong codes: none is taken for another {minutes} minutes. "
        "Next step: wait, or have the monitoring centre order it"
    ),
    "code_partition": N_("this code may not be used for {partition}. Next step: ask who may, or have it ordered"),
    "code_hours": N_("this code may not be used at this hour. Next step: have the monitoring centre order it"),
    "clock_suspect": N_(
        "this code is limited to hours, and the box's clock is not to be believed. Next step: branchwatch agent health"
    ),
    "no_codes": N_(
        "this box takes no codes: its site file names none, or it is a plain file without secrets. "
        "Next step: have the monitoring centre order it"
    ),
    "needs_order": N_(
        "{partition} can only be disarmed by an order that enough people approve. Next step: ring the monitoring centre"
    ),
    "busy": N_("the box is busy with other codes, or with a test of {partition}. Next step: try again in a moment"),
    "too_many": N_("codes were used too often in the last ten minutes. Next step: wait a while"),
    "unknown": N_("the running agent is of another version. Next step: restart it"),
}

Say = Callable[[str], str]


class CodeInputError(SaidError):
    """No code could be read, or it is none."""


def add_arm_words(words: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Say) -> None:
    """Teach `agent` its words for people with a code."""
    for name, does, sentence in (
        ("arm", say("arm a partition with your code"), say("Arms a partition with your code.")),
        ("disarm", say("disarm a partition with your code"), say("Disarms a partition with your code.")),
    ):
        word = words.add_parser(
            name,
            help=does,
            description=sentence
            + " "
            + say("The code is asked for unseen, or read from standard input; it never stands on the command line."),
            epilog=say("example:") + f"\n  branchwatch agent {name} lobby",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        word.add_argument(
            "partition", metavar="PARTITION", help=say("the partition's id; site for all of them together")
        )
        if name == "arm":
            word.add_argument("--stay", action="store_true", help=say("leave the inner zones out: people stay inside"))
        word.add_argument(
            "--person", metavar="ID", help=say("whose code it is; where nobody is named, all codes are tried")
        )
        add_state_option(word, say)
        word.add_argument("--json", action="store_true", help=say("for a program"))
        word.set_defaults(run=_run, word=name)


def _run(arguments: argparse.Namespace, say: Say) -> int:
    from agent.local.client import NotRunningError, SaysNoError

    try:
        request = _request(arguments, _code(say))
        reply, known = asyncio.run(_ask(arguments, request))
    except CodeInputError as error:
        return _wrong(told(error, say), INPUT_WRONG)
    except SaysNoError as refused:
        reply, known = refused.said, ()
    except NotRunningError:
        text = say("no agent answers in {state}; start it, or run this as its user or as root")
        return _wrong(text.format(state=arguments.state), UNREACHED)
    if reply.refused == "no_such_partition":
        text = say("there is no partition {partition} here. Next step: name one of {names}")
        names = say(", ").join((*known, "site"))
        return _wrong(text.format(partition=arguments.partition, names=names), INPUT_WRONG)
    if arguments.json:
        print(json.dumps(_plain(reply, arguments), ensure_ascii=False))
    elif reply.refused:
        sys.stdout.flush()
        for number, line in enumerate(_refusal(reply, arguments.partition, say)):
            sys.stderr.write(f"{'' if number else 'branchwatch agent: '}{line}\n")
    else:
        for line in _became(reply, say):
            print(line)
    return SAYS_NO if reply.refused else DONE


async def _ask(arguments: argparse.Namespace, request: "Arm | Disarm") -> "tuple[Reply, tuple[str, ...]]":
    """The answer, and the partitions that there are where it names one that there is not."""
    from agent.local import lines
    from agent.local.client import LocalClient, SaysNoError

    client = await LocalClient.connect(arguments.state)
    try:
        try:
            *_, reply = await client.ask(request, PATIENCE_S)
        except SaysNoError as refused:
            reply = refused.said
        if reply.refused != "no_such_partition":
            return reply, ()
        seen = [point.id for said in await client.ask(lines.Watch()) for point in said.points]
        return reply, tuple(each.partition("/")[2] for each in seen if each.startswith("partition/"))
    finally:
        await client.close()


def _request(arguments: argparse.Namespace, code: str) -> "Arm | Disarm":
    from agent.local.lines import Arm, Disarm
    from protocol.ids import is_id

    for text in (arguments.partition, arguments.person or "x"):
        if not is_id(text):
            raise CodeInputError(
                N_('"{text}" is no id: those are made of a-z, 0-9 and -, at most 32 characters'), text=text
            )
    if arguments.word == "disarm":
        return Disarm(partition=arguments.partition, code=code, person=arguments.person)
    return Arm(partition=arguments.partition, code=code, person=arguments.person, stay=arguments.stay)


def _code(say: Say) -> str:
    """Typed unseen at the terminal, or the first line of standard input."""
    from protocol.codes import LONGEST, SHORTEST, is_code

    if sys.stdin.isatty():
        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))  # getpass would fall back to what can be seen
            code = getpass.getpass(say("Code: ")).strip()
        except (OSError, EOFError):
            raise CodeInputError(N_("no code was typed")) from None
    else:
        code = sys.stdin.buffer.readline(MAX_CODE_BYTES).decode("ascii", "replace").strip()
    if not is_code(code):
        raise CodeInputError(N_("a code has {shortest} to {longest} digits"), shortest=SHORTEST, longest=LONGEST)
    return code


def _refusal(reply: "Reply", partition: str, say: Say) -> Iterator[str]:
    if reply.refused == "not_ready":
        yield say("{partition} cannot be armed:").format(partition=partition)
        for each in reply.blocking:
            name = f"{each.name} ({each.point})" if each.name else each.point
            yield "  " + say("{point}: {why}").format(point=name, why=say(WHY.get(each.why, each.why)))
        yield say("Next step: close or mend these, or have the monitoring centre bypass them; then arm again")
        return
    text = REFUSALS.get(reply.refused)
    if text is None:
        yield say("the box says no ({reason})").format(reason=reply.refused)
        return
    yield say(text).format(partition=partition, minutes=-(-reply.wait_s // 60))


def _became(reply: "Reply", say: Say) -> Iterator[str]:
    for point in reply.points:
        name = point.name or point.id.partition("/")[2]
        yield say("{point}: {why}").format(point=name, why=say(STATES.get(point.state, point.state)))
    if reply.wait_s:
        yield say("Leave within {seconds} seconds.").format(seconds=reply.wait_s)


def _plain(reply: "Reply", arguments: argparse.Namespace) -> dict[str, Any]:
    import msgspec

    about = {"action": arguments.word, "partition": arguments.partition, "done": not reply.refused}
    if reply.refused:
        about |= {"refused": reply.refused, "blocking": msgspec.to_builtins(reply.blocking), "wait_s": reply.wait_s}
        return about
    states = {point.id.partition("/")[2]: str(point.state) for point in reply.points}
    return {**about, "partitions": states, "leave_within_s": reply.wait_s}


def _wrong(text: str, code: int) -> int:
    sys.stderr.write(f"branchwatch agent: {text}\n")
    return code
