"""Keys that a person compared by voice, entered in people.toml: all of them in one write, or none.

The inventory with the keys in it is judged before anything is written. Flow: people_words.py -> here -> editing.py.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import replace

from protocol.registration import Registration
from protocol.roster import Right
from protocol.settings import read_table
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import system_said
from provisioning.inventory.editing import with_keys
from provisioning.inventory.folder import MAX_PEOPLE_BYTES, PEOPLE, Folder, Read
from provisioning.inventory.loading import judge_folder
from provisioning.inventory.registrations import new_key_id, table_of
from provisioning.keeping import write_whole
from provisioning.refusal import RefusedError


class AcceptError(RefusedError):
    """Nothing was entered."""


def enter_keys(folder: Folder, accepted: Sequence[Registration], may: tuple[Right, ...]) -> list[str]:
    """Enter them; the ids that the keys were given.

    Raises:
        AcceptError: somebody changed people.toml meanwhile, or it cannot be written.
        EditError, SettingsError: people.toml would not hold with them.
    """
    path = folder.path / PEOPLE
    text = path.read_text(encoding="utf-8-sig")
    if tomllib.loads(text) != folder.people.data:
        raise AcceptError(N_("{file} was changed meanwhile; nothing was entered"), file=path)
    persons = folder.people.data.get("person", [])
    taken = frozenset(key["id"] for person in persons for key in person.get("key", []))
    ids: list[str] = []
    for registration in accepted:
        ids.append(new_key_id(registration.person, taken | frozenset(ids)))
    keys = [(each.person, table_of(each, key_id, may)) for each, key_id in zip(accepted, ids, strict=True)]
    text = with_keys(text, keys, str(path))
    data, source = read_table(text, str(path), MAX_PEOPLE_BYTES)
    judge_folder(replace(folder, people=Read(data=data, source=source, file=str(path))))
    try:
        write_whole(path, text.encode(), path.stat().st_mode & 0o777)
    except OSError as error:
        raise AcceptError(
            N_("{path} cannot be written: {reason}; nothing was changed"), path=path, reason=system_said(error)
        ) from None
    return ids
