"""Where each site stands in the bank's tree. Flow: rules/surrounding.py -> here."""

from sqlalchemy import select

from collector.storage.schema import sites
from collector.storage.store import Transaction


def units_of_sites(connection: Transaction, but: str) -> dict[str, str]:
    """Site -> unit, as the latest birth told; without the centre's own site."""
    statement = select(sites.c.id, sites.c.unit).where(sites.c.id != but)
    return {row.id: row.unit for row in connection.execute(statement)}
