"""A look at a running branch from inside it: what sounds, what is locked, what stands open. Reads its module, no more.

Flow: `simulate act SITE look` and tests -> here -> the branch's coils and inputs over Modbus.
"""

from collections.abc import Mapping
from typing import Final

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.acting import TIMEOUT_S, BranchUnreachableError
from simulator.branch import UNIT_ID
from simulator.wiring import BUZZER, COILS, CONTACTS, LIGHTS, LOCKS, SIREN

SEEN: Final[Mapping[str, tuple[str, str]]] = {
    "siren": (N_("the siren sounds"), N_("the siren is silent")),
    "buzzer": (N_("the buzzer sounds"), N_("the buzzer is silent")),
    "lights": (N_("the lights are on"), N_("the lights are off")),
    "outer": (N_("the outer door stands open"), N_("the outer door is shut")),
    "inner": (N_("the inner door stands open"), N_("the inner door is shut")),
    "vault": (N_("the vault door stands open"), N_("the vault door is shut")),
    "lock/outer": (N_("the outer lock lets go"), N_("the outer lock holds")),
    "lock/inner": (N_("the inner lock lets go"), N_("the inner lock holds")),
}
"""What can be seen: the sentence while it is so, and while it is not."""


async def look(address: str) -> dict[str, bool]:
    """What is seen at the branch whose module answers at `address` (host:port), by the names of `SEEN`.

    Raises:
        BranchUnreachableError: nobody answers there.
    """
    host, _, port = address.rpartition(":")
    client = AsyncModbusTcpClient(host, port=int(port), timeout=TIMEOUT_S, retries=1, reconnect_delay=0)
    try:
        if not await client.connect():
            raise BranchUnreachableError(N_("no branch answers at {address}; is the demo running?"), address=address)
        coils = await client.read_coils(0, count=COILS, device_id=UNIT_ID)
        contacts = await client.read_discrete_inputs(0, count=len(CONTACTS), device_id=UNIT_ID)
    except (ModbusException, OSError):
        raise BranchUnreachableError(
            N_("the branch at {address} does not answer, or is busy"), address=address
        ) from None
    finally:
        client.close()
    outputs = {"siren": SIREN, "buzzer": BUZZER, "lights": LIGHTS}
    return {
        **{name: bool(coils.bits[number]) for name, number in outputs.items()},
        **{door.value: not contacts.bits[number] for door, number in CONTACTS.items()},
        **{f"lock/{door}": bool(coils.bits[number]) for door, number in LOCKS.items()},
    }
