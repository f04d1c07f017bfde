"""Has people do something at a running branch: writes the operator's registers over Modbus and waits for the outcome.

The shell that `simulate act`, the demo's scenario and load tests share; it knows no branch but its address.
"""

import asyncio
import logging
from typing import Final

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.actions import Action, script_of
from simulator.branch import UNIT_ID
from simulator.model import Door, Outcome
from simulator.wiring import OPERATOR, OPERATOR_WORDS, order_words

TIMEOUT_S: Final = 1.0
BUSY_S: Final = 20.0
"""How long an action waits for the one before it; the longest takes about 10 s."""
PAUSE_S: Final = 0.05

logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # what went wrong is said once, by the caller


class BranchUnreachableError(SaidError):
    """Nobody answers at the branch's Modbus address."""


class DoorStayedShutError(SaidError):
    """Somebody pulled at the door and its lock was not released: the box is not running, or refuses."""


async def act(address: str, action: Action, door: Door | None) -> None:
    """Do it at the branch whose module answers at `address` (host:port); returns when it is seen.

    Raises:
        ActionRefusedError: the action needs a door, another door or none.
        BranchUnreachableError: no answer, or busy for longer than BUSY_S.
        DoorStayedShutError: the lock did not let go.
    """
    script_of(action, door)  # refused here, before anything is sent
    host, _, port = address.rpartition(":")
    client = AsyncModbusTcpClient(host, port=int(port), timeout=TIMEOUT_S, retries=1, reconnect_delay=0)
    try:
        if not await client.connect():
            raise BranchUnreachableError(N_("no branch answers at {address}; is the demo running?"), address=address)
        async with asyncio.timeout(BUSY_S):
            number = await _order(client, order_words(action, door))
            outcome = await _outcome(client, number)
    except (ModbusException, TimeoutError, OSError):
        raise BranchUnreachableError(
            N_("the branch at {address} does not answer, or is busy"), address=address
        ) from None
    finally:
        client.close()
    if outcome is Outcome.LOCKED:
        raise DoorStayedShutError(N_("the door stayed shut: its lock was not released; is the box running?"))


async def _order(client: AsyncModbusTcpClient, words: list[int]) -> int:
    while True:
        answer = await client.write_registers(OPERATOR, words, device_id=UNIT_ID)
        if not answer.isError():
            accepted, _ = await _state(client)
            return accepted
        if getattr(answer, "exception_code", None) != ExcCodes.DEVICE_BUSY:
            raise ModbusException("refused")
        await asyncio.sleep(PAUSE_S)


async def _outcome(client: AsyncModbusTcpClient, number: int) -> Outcome:
    while True:
        accepted, outcome = await _state(client)
        if outcome is not Outcome.RUNNING or accepted != number:
            return outcome
        await asyncio.sleep(PAUSE_S)


async def _state(client: AsyncModbusTcpClient) -> tuple[int, Outcome]:
    answer = await client.read_holding_registers(OPERATOR, count=OPERATOR_WORDS, device_id=UNIT_ID)
    if answer.isError():
        raise ModbusException("refused")
    return answer.registers[2], Outcome(answer.registers[3])
