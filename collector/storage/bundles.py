"""Rows of site bundles and of what each box works with. Plain rows in and out, no decisions.

Flow: collector/ingest/configuring.py and collector/bundles.py -> here, after `lock_counters` where they write.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import and_, bindparam, delete, insert, select, update

from collector.fleet.configs import BoxConfig
from collector.storage.reading import Reading
from collector.storage.schema import bundles, configs, sites
from collector.storage.store import Transaction
from collector.storage.writing import MANY
from protocol.messages import SiteFacts

Key = tuple[str, str]
"""Box and hash."""


class StoredBundle(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `bundles`: the signed document as it was delivered, and who brought it when."""

    box: str
    hash: str
    site: str
    version: int
    document: bytes
    stored_ms: int
    person: str


def configs_of(connection: Transaction, wanted: Iterable[str]) -> dict[str, BoxConfig]:
    """The rows of these boxes."""
    found: dict[str, BoxConfig] = {}
    for part in _parts(wanted):
        for row in connection.execute(select(configs).where(configs.c.box.in_(part))):
            found[row.box] = BoxConfig(**row._mapping)
    return found


def save_configs(connection: Transaction, fresh: Mapping[str, BoxConfig], known: Mapping[str, BoxConfig]) -> None:
    """Write rows that are new or have changed."""
    new = [msgspec.structs.asdict(row) for box, row in fresh.items() if box not in known]
    if new:
        connection.execute(insert(configs), new)
    changed = [
        {"b_box" if name == "box" else name: value for name, value in msgspec.structs.asdict(row).items()}
        for box, row in fresh.items()
        if box in known and known[box] != row
    ]
    if changed:
        connection.execute(_UPDATE, changed)


def known_bundles(connection: Transaction, wanted: Iterable[Key]) -> set[Key]:
    """Those of `wanted` that were delivered once."""
    keys = set(wanted)
    found: set[Key] = set()
    for part in _parts(sorted({box for box, _ in keys})):
        statement = select(bundles.c.box, bundles.c.hash).where(bundles.c.box.in_(part))
        found.update((row.box, row.hash) for row in connection.execute(statement))
    return keys & found


def bundle_of(connection: Transaction, key: Key) -> StoredBundle | None:
    """One bundle with its document."""
    row = connection.execute(select(bundles).where(bundles.c.box == key[0], bundles.c.hash == key[1])).first()
    return None if row is None else StoredBundle(**row._mapping)


def keep_bundle(connection: Transaction, fresh: StoredBundle) -> None:
    """Keep a bundle; the same payload signed anew takes the place of the document before."""
    connection.execute(delete(bundles).where(bundles.c.box == fresh.box, bundles.c.hash == fresh.hash))
    connection.execute(insert(bundles).values(**msgspec.structs.asdict(fresh)))


def site_unit(connection: Transaction, site: str) -> str | None:
    """The unit of a site; None for one that nobody has told of."""
    unit = connection.execute(select(sites.c.unit).where(sites.c.id == site)).scalar()
    return None if unit is None else str(unit)


def site_facts(connection: Transaction, site: str) -> SiteFacts | None:
    """What the centre knows of a site; None for one that nobody has told of."""
    row = connection.execute(select(sites.c.id, sites.c.name, sites.c.unit, sites.c.timezone).where(sites.c.id == site))
    found = row.first()
    return None if found is None else SiteFacts(**found._mapping)


def boxes_with_bundles(reading: Reading) -> frozenset[str]:
    """Every box for which a bundle was ever delivered."""
    return frozenset(reading.connection.execute(select(bundles.c.box).distinct()).scalars())


def documents_in_force(reading: Reading) -> Iterator[bytes]:
    """The documents that boxes work with or should work with, one after another."""
    in_force = and_(configs.c.box == bundles.c.box, bundles.c.hash.in_([configs.c.hash, configs.c.wanted_hash]))
    keys = reading.connection.execute(select(bundles.c.box, bundles.c.hash).join(configs, in_force)).all()
    for box, digest in keys:
        stored = bundle_of(reading.connection, (box, digest))
        if stored is not None:
            yield stored.document


_UPDATE: Final = (
    update(configs)
    .where(configs.c.box == bindparam("b_box"))
    .values({column.name: bindparam(column.name) for column in configs.columns if column.name != "box"})
)


def _parts(values: Iterable[Any]) -> Iterable[list[Any]]:
    whole = list(values)
    return (whole[start : start + MANY] for start in range(0, len(whole), MANY))
