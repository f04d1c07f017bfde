"""`branchwatch collector notify test|prove`: whether people can be reached, tried now.

The code of a proof is read from standard input. Exit codes: 0 done, 1 not reached or a wrong code, 2 the person or
channel is unknown. Flow: command.py -> here -> notify/direct.py.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from collector.config import Config
from protocol.settings import did_you_mean
from protocol.texts import Said, Texts, said, told

DONE, REFUSED, INPUT_WRONG, OUT_OF_REACH = 0, 1, 2, 3
MOST_TYPED: Final = 3


def add_notify_words(
    words: Any, say: Texts, add_config: Callable[[Any, Texts], None], load: Callable[[argparse.Namespace], Config]
) -> None:
    """Add the words; `load` reads the settings from the arguments."""
    does = say("try whether people can be reached")
    taught: dict[str, Any] = {
        "epilog": say("example:")
        + "\n  branchwatch collector notify test leader-1 --config collector.toml"
        + "\n  branchwatch collector notify prove leader-1 sms --config collector.toml",
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }
    notify = words.add_parser("notify", help=does, description=does, **taught)
    under = notify.add_subparsers(title=say("words"), dest="what", required=True, metavar="WORD")
    for name, help_text in (
        ("test", say("send a test by every channel of a person")),
        ("prove", say("send a code by one channel and ask for it: the channel is proven for 30 days")),
    ):
        word = under.add_parser(name, help=help_text, description=help_text, **taught)
        word.add_argument("person", metavar="PERSON", help=say("id of a [[person]]"))
        if name == "prove":
            word.add_argument("channel", metavar="CHANNEL", help=say("name of a [[channel]]"))
        add_config(word, say)
        word.set_defaults(run=lambda arguments, texts: _run(arguments, texts, load(arguments)))


def _run(arguments: argparse.Namespace, say: Texts, config: Config) -> int:
    from collector.storage.store import StoreError

    try:
        return asyncio.run(_reach(arguments, say, config))
    except StoreError as error:
        print(told(error, say), file=sys.stderr)
        return OUT_OF_REACH


async def _reach(arguments: argparse.Namespace, say: Texts, config: Config) -> int:
    import os
    import time

    from collector.notify.channels import open_channels
    from collector.notify.direct import channels_of_person, code_from, prove, send_now
    from collector.notify.port import Outcome
    from collector.notify.reasons import why
    from collector.storage.migrating import migrate
    from collector.storage.store import Store
    from protocol.ids import new_event_id

    person, wanted = arguments.person, getattr(arguments, "channel", None)
    channels = open_channels(config, lambda: int(time.time()))
    store = Store(config.database_url)
    try:
        migrate(store)
        known = any(each.id == person for each in config.settings.person)
        reached = channels_of_person(store, person) if known else ()
        if (no := _unreached(config, person, wanted, reached)) is not None:
            print(no.told(say), file=sys.stderr)
            return INPUT_WRONG
        worst = DONE
        for channel in reached if wanted is None else (wanted,):
            now_ms = time.time_ns() // 1_000_000
            code = "" if wanted is None else code_from(os.urandom)
            sent = await send_now(
                store,
                channels.ways,
                channels.texts,
                person=person,
                channel=channel,
                code=code,
                notice_id=new_event_id(now_ms, os.urandom(10)),
                now_ms=now_ms,
            )
            if sent.outcome is Outcome.FAILED:
                message = say("{channel}: not sent ({reason}); look at the gateway and at [[channel]]")
                print(message.format(channel=channel, reason=why(sent.reason).told(say)), file=sys.stderr)
                worst = REFUSED
                continue
            print(say("{channel}: sent").format(channel=channel))
            if code:
                worst = await _typed(say, code)
                if worst == DONE:
                    prove(store, person=person, channel=channel, how="code", now_ms=time.time_ns() // 1_000_000)
                    print(say("{channel} is proven for 30 days").format(channel=channel))
        return worst
    finally:
        for way in channels.ways.values():
            await way.port.close()
        store.close()


def _unreached(config: Config, person: str, wanted: str | None, reached: Sequence[str]) -> Said | None:
    """Why there is nothing to send by; None where there is."""
    people = [each.id for each in config.settings.person]
    if person not in people:
        unknown = said('there is no person "{name}" in collector.toml', name=person)
        return did_you_mean(unknown, person, people)
    if not reached:
        return said(
            'the rules that hold have no [[contact]] for "{person}": write one into contacts.toml and load the rules',
            person=person,
        )
    if wanted is not None and wanted not in reached:
        return said(
            '"{person}" has no address for "{channel}" in the rules that hold, only for: {channels}',
            person=person,
            channel=wanted,
            channels=", ".join(reached),
        )
    return None


async def _typed(say: Texts, code: str) -> int:
    """The code as the person read it out, three times at most."""
    import hmac

    for _ in range(MOST_TYPED):
        print(say("the six digits that came:"), end=" ", flush=True)
        line = await asyncio.to_thread(sys.stdin.readline, 64)
        if not line:
            break
        if hmac.compare_digest(line.strip().encode("utf-8", "replace"), code.encode()):
            return DONE
    print(say("That is not the code; the channel stays unproven. Try again with a new one."), file=sys.stderr)
    return REFUSED
