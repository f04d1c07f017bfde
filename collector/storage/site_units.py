"""Where each site stands in the bank's tree, and the cameras of all. Flow: rules/surrounding.py -> here."""

from typing import Any, Final

import msgspec
from sqlalchemy import select

from collector.storage.schema import points, sites
from collector.storage.store import Transaction


def units_of_sites(connection: Transaction, but: str) -> dict[str, str]:
    """Site -> unit, as the latest birth told; without the centre's own site."""
    statement = select(sites.c.id, sites.c.unit).where(sites.c.id != but)
    return {row.id: row.unit for row in connection.execute(statement)}


CAMERA: Final = "camera/"


def cameras_of_sites(connection: Transaction) -> frozenset[str]:
    """Ids of every camera that a box has told of."""
    told = connection.execute(select(points.c.states).where(points.c.states.contains(CAMERA))).scalars()
    named = (name for states in told for name in msgspec.json.decode(states, type=dict[str, Any]))
    return frozenset(name.removeprefix(CAMERA) for name in named if name.startswith(CAMERA))
