"""Whoever ends the uplink is heeded, also where the broker does not take the goodbye."""

from __future__ import annotations

import asyncio
from typing import Self, cast

import aiomqtt
import pytest

from agent.uplink import _connected


class Unheard:
    """What aiomqtt does where a full connection does not take DISCONNECT: its exit is an error of its own."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        raise aiomqtt.MqttError("Operation timed out")


async def test_an_unanswered_goodbye_does_not_swallow_the_cancelling() -> None:
    """Without it the uplink would connect again, and an agent that is told to end would go on for ever."""
    stands = asyncio.Event()

    async def speak() -> None:
        async with _connected(cast("aiomqtt.Client", Unheard())):
            stands.set()
            await asyncio.Event().wait()

    speaking = asyncio.create_task(speak())
    await stands.wait()
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking


async def test_a_lost_connection_is_told() -> None:
    """Where nobody cancels, the library's own error comes through."""
    with pytest.raises(aiomqtt.MqttError):
        async with _connected(cast("aiomqtt.Client", Unheard())):
            pass
