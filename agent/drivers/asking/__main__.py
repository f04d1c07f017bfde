"""The asker as a program: the agent starts it, speaks with it over an inherited channel, and ends it.

Everything runs in one asyncio loop, which beats; a thread only reads the channel. It holds no file and no key of the
box. Flow: agent/children -> here -> asker.py.
"""

import asyncio
import os
import sys
from threading import Thread

import msgspec

from agent.children.child import Channel, ParentGone
from agent.drivers.asking.asker import Asker, Watcher
from agent.drivers.asking.camera import CameraWatcher
from agent.drivers.asking.recorder import RecorderWatcher
from agent.drivers.asking.words import AskCamera, AskRecorder, FromAsker, ToAsker, encode, to_asker

BEAT_S = 0.5


def main() -> None:
    """Ask until the agent is gone."""
    try:
        channel = Channel.inherited()
    except ParentGone:
        sys.exit("branchwatch: the asker is started by the agent, not by hand")
    asyncio.run(_run(channel))


async def _run(channel: Channel) -> None:
    said: asyncio.Queue[ToAsker] = asyncio.Queue()
    Thread(target=_read, args=(channel, asyncio.get_running_loop(), said), daemon=True).start()

    def say(message: FromAsker) -> None:
        channel.send(encode(message))

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_beat(channel))
            tasks.create_task(Asker(say, _watcher).run(said))
    except* ParentGone:
        os._exit(0)


async def _beat(channel: Channel) -> None:
    while True:
        channel.beat()
        await asyncio.sleep(BEAT_S)


def _read(channel: Channel, loop: asyncio.AbstractEventLoop, said: "asyncio.Queue[ToAsker]") -> None:
    try:
        while True:
            data = channel.receive(60.0)
            if data:
                loop.call_soon_threadsafe(said.put_nowait, to_asker(data))
    except (ParentGone, msgspec.DecodeError, RuntimeError):
        os._exit(0)


def _watcher(task: AskCamera | AskRecorder) -> Watcher:
    if isinstance(task, AskCamera):
        return CameraWatcher(task)
    return RecorderWatcher(task)


if __name__ == "__main__":
    main()
