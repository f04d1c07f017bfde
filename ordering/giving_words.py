"""`branchwatch order arm|disarm|bypass|...`: one word for each action. Flow: command.py -> here -> giving.py.

Each word makes the typed arguments of its order here, so that what comes back can be compared with them.
"""

import argparse
from argparse import Namespace
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import msgspec

from ordering.giving import give
from ordering.refusal import InputError
from ordering.wanted import Wanted
from ordering.words import console_of, hand_of, how_of, id_named, takes_console, takes_keys
from protocol.durations import DurationError, parse_duration
from protocol.orders import (
    WHOLE_SITE,
    ArmArgs,
    BypassArgs,
    DisarmArgs,
    LockArgs,
    OrderArgs,
    OrderFaultError,
    OutputArgs,
    ResetLatchArgs,
    RunTestArgs,
    SilenceArgs,
    UnlockArgs,
    read_args,
)
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.words import Words

Make = Callable[[Namespace], OrderArgs]
SECOND: Final = timedelta(seconds=1)


def add_giving_words(words: Words) -> None:
    """Teach `order` its actions."""
    say = words.say

    arm = _add(words, "arm", "arm", say("arm a partition, or the whole site"), "0755-031 cash --key zhao.pem", _arm)
    _partition(arm, say, needed=False)
    arm.add_argument("--stay", action="store_true", help=say("people stay inside: interior zones are left out"))

    disarm = _add(
        words, "disarm", "disarm", say("disarm a partition, or the whole site"), "0755-031 cash --page", _disarm
    )
    _partition(disarm, say, needed=True)

    bypass = _add(
        words, "bypass", "bypass", say("take one zone out of guard for a time"), "0755-031 glass-2 --for 8h", _bypass
    )
    bypass.add_argument("zone", metavar="ZONE", help=say("the zone's id"))
    bypass.add_argument("--off", action="store_true", help=say("put it back under guard"))
    _time(bypass, say("how long, such as 8h; 12 hours if it is not said, seven days at most"))

    unlock = _add(
        words, "unlock", "unlock", say("release a door's lock for a moment"), "0755-031 outer --for 10s", _unlock
    )
    unlock.add_argument("door", metavar="DOOR", help=say("the door's id"))
    _time(unlock, say("how long, 60s at most; what the site file says if it is not said"))

    lock = _add(words, "lock", "lock", say("end a release of a door's lock"), "0755-031 outer --key zhao.pem", _lock)
    lock.add_argument("door", metavar="DOOR", help=say("the door's id"))

    output = _add(words, "output", "output", say("switch an output on or off"), "0755-031 lights on --for 30m", _output)
    output.add_argument("output", metavar="OUTPUT", help=say("the output's id"))
    output.add_argument("state", choices=["on", "off"], help=say("what it is switched to"))
    _time(output, say("how long, 12h at most; one minute if it is not said"))

    reset = _add(words, "reset-latch", "reset_latch", say("reset what alarmed"), "0755-031 --zone counter-1", _reset)
    reset.add_argument("partition", metavar="PARTITION", nargs="?", help=say("its id, or site for all of them"))
    reset.add_argument("--zone", metavar="ZONE", help=say("only this zone"))

    test = _add(
        words,
        "test",
        "run_test",
        say("put zones under test: they are told, and raise no alarm"),
        "0755-031 cash --for 30m",
        _test,
    )
    _partition(test, say, needed=True)
    test.add_argument("--zone", action="append", default=[], metavar="ZONE", help=say("only this zone; may repeat"))
    _time(test, say("how long, 4h at most; half an hour if it is not said"))

    _add(
        words,
        "silence",
        "silence",
        say("end every siren of a site"),
        "0755-031 --key zhao.pem",
        lambda _: SilenceArgs(),
    )


def _add(words: Words, name: str, action: str, does: str, example: str, make: Make) -> argparse.ArgumentParser:
    say = words.say
    description = say(
        "Drafts the order at the centre, shows what the draft itself says, signs it with the keys given, and follows "
        "it. A draft that says anything else than was asked for is not signed."
    )
    word = words.add(name, does, description, f"branchwatch order {name} {example}", _giving(action, make))
    word.add_argument("site", metavar="SITE", help=say("the site's id"))
    word.add_argument("--box", metavar="BOX", help=say("the box you mean, where it is not named after its site"))
    takes_keys(word, say)
    takes_console(word, say)
    return word


def _giving(action: str, make: Make) -> Callable[[Namespace, Texts], int]:
    def run(arguments: Namespace, say: Texts) -> int:
        wanted = Wanted(
            site=id_named(arguments.site), action=action, args=_held(action, make(arguments)), box=arguments.box
        )
        access, console = console_of(arguments)
        with console:
            return give(hand_of(arguments, console, say), wanted, how_of(arguments, access, say))

    return run


def _held(action: str, args: OrderArgs) -> OrderArgs:
    """The arguments, if a box would take them.

    Raises:
        InputError: a time that is too long, or too much of something.
    """
    try:
        return read_args(action, msgspec.to_builtins(args))
    except OrderFaultError:
        raise InputError(
            N_(
                "no box takes this order: a bypass lasts from 1 min to 7 days, a test from 1 min to 4 h and names 64 "
                "zones at most, a door is released for 60 s at most, an output is switched for 12 h at most"
            )
        ) from None


def _arm(arguments: Namespace) -> OrderArgs:
    return ArmArgs(partition=id_named(arguments.partition or WHOLE_SITE), mode="stay" if arguments.stay else "away")


def _disarm(arguments: Namespace) -> OrderArgs:
    return DisarmArgs(partition=id_named(arguments.partition))


def _bypass(arguments: Namespace) -> OrderArgs:
    zone, seconds = id_named(arguments.zone), _seconds(arguments)
    if seconds is None:
        return BypassArgs(zone=zone, on=not arguments.off)
    return BypassArgs(zone=zone, on=not arguments.off, for_s=seconds)


def _unlock(arguments: Namespace) -> OrderArgs:
    return UnlockArgs(door=id_named(arguments.door), for_s=_seconds(arguments))


def _lock(arguments: Namespace) -> OrderArgs:
    return LockArgs(door=id_named(arguments.door))


def _output(arguments: Namespace) -> OrderArgs:
    output, on, seconds = id_named(arguments.output), arguments.state == "on", _seconds(arguments)
    return OutputArgs(output=output, on=on) if seconds is None else OutputArgs(output=output, on=on, for_s=seconds)


def _reset(arguments: Namespace) -> OrderArgs:
    if (arguments.partition is None) is (arguments.zone is None):
        raise InputError(N_("name what is to be reset: a partition, site for all of them, or --zone ZONE"))
    if arguments.zone is not None:
        return ResetLatchArgs(zone=id_named(arguments.zone))
    return ResetLatchArgs(partition=id_named(arguments.partition))


def _test(arguments: Namespace) -> OrderArgs:
    partition, zones, seconds = id_named(arguments.partition), tuple(map(id_named, arguments.zone)), _seconds(arguments)
    if seconds is None:
        return RunTestArgs(partition=partition, zones=zones)
    return RunTestArgs(partition=partition, zones=zones, for_s=seconds)


def _partition(word: argparse.ArgumentParser, say: Texts, *, needed: bool) -> None:
    if needed:
        word.add_argument("partition", metavar="PARTITION", help=say("its id, or site for all of them"))
    else:
        word.add_argument(
            "partition", metavar="PARTITION", nargs="?", help=say("its id; the whole site if it is not said")
        )


def _time(word: argparse.ArgumentParser, told: str) -> None:
    word.add_argument("--for", dest="lasting", metavar="TIME", help=told)


def _seconds(arguments: Namespace) -> int | None:
    if arguments.lasting is None:
        return None
    try:
        lasting = parse_duration(arguments.lasting)
    except DurationError as error:
        raise InputError(N_("--for {text}: {fault}"), text=arguments.lasting, fault=error.said) from None
    if lasting < SECOND or lasting % SECOND:
        raise InputError(N_("--for {text}: an order's time is whole seconds"), text=arguments.lasting)
    return lasting // SECOND
