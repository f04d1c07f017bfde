"""What a database's faults mean: out of reach now (try again), or a row that it will never take; each with a next step.

The words are the databases' own: SQLite's names, PostgreSQL's five characters (its manual, appendix A). The library's
text carries statements and their values, which belong in no log, so none of it is passed on.
"""

from typing import Any, Final

from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from protocol.texts import SaidError, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for


class StoreError(SaidError):
    """The database cannot be opened or used now; the message says why, without its password."""


class NotStorableError(Exception):
    """The database refuses the content of a transaction: trying the same again does not help."""


OUT_OF_REACH: Final = N_("the database {name} cannot be used now ({kind}): {step}")

_ROOM: Final = N_("make room on its disk")
_RIGHTS: Final = N_("let this user write the file and its folder")
_HELD: Final = N_("another program holds it; end that one")
_DAMAGED: Final = N_("it is damaged or no database; move it away and restore a copy")
_DISK: Final = N_("look at its disk and the system log")
_OLD: Final = N_("bring it to this version with: branchwatch collector migrate")
_PASSWORD: Final = N_("look at the user in `database` of collector.toml and at the password in its password file")
_GRANT: Final = N_("let its user create and write tables there")
_MISSING: Final = N_("make it with: createdb --encoding=UTF8")
_CONNECTIONS: Final = N_("raise its max_connections, or end what else is connected")
_AGAIN: Final = N_("it is tried again by itself")
_COPY: Final = N_("this server is a copy that only reads; name the one that writes")

STEPS: Final = {
    "SQLITE_FULL": _ROOM,
    "SQLITE_READONLY": _RIGHTS,
    "SQLITE_CANTOPEN": N_("make its folder, and let this user write there"),
    "SQLITE_PERM": _RIGHTS,
    "SQLITE_BUSY": _HELD,
    "SQLITE_LOCKED": _HELD,
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_IOERR": _DISK,
    "SQLITE_ERROR": _OLD,  # a table or column is missing
    "25P": _AGAIN,  # a transaction that stood still too long was ended
    "25": _COPY,
    "28": _PASSWORD,
    "3D": _MISSING,
    "40": _AGAIN,
    "42501": _GRANT,
    "42P01": _OLD,
    "42703": _OLD,
    "53100": _ROOM,
    "53300": _CONNECTIONS,
    "55P03": _HELD,
    "58": _DISK,
    "XX": _DAMAGED,
}
"""The next step by SQLite's own word or PostgreSQL's own code, or by what its longer words begin with."""

_ELSE: Final = N_("see that it runs, and look at `database` in collector.toml")
_OUT_OF_REACH: Final = (OperationalError, InterfaceError, PoolTimeoutError)


def name_of(url: URL) -> str:
    """What a person knows a database by; never with its password."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.set(query={}).render_as_string(hide_password=True)


def is_out_of_reach(error: Exception) -> bool:
    """Whether a fault is the database's own, and no row's."""
    if isinstance(error, _OUT_OF_REACH):
        return True
    code = _code(error)
    # SQLite has no class of its own for a file that is no database.
    return type(error) is DatabaseError or (code is not None and any(code.startswith(each) for each in STEPS))


def out_of_reach(name: str, error: Exception) -> StoreError:
    """The database's own word says what to do; others have only their class."""
    word = getattr(getattr(error, "orig", None), "sqlite_errorname", None) or _code(error) or type(error).__name__
    step = next((step for begins, step in STEPS.items() if word.startswith(begins)), _ELSE)
    return StoreError(OUT_OF_REACH, name=name, kind=word, step=said(step))


def _code(error: Any) -> str | None:
    orig = getattr(error, "orig", None)
    code = getattr(orig, "sqlstate", None)
    return code if isinstance(code, str) else _not_let_in(orig)


def _not_let_in(orig: Any) -> str | None:
    """The code that PostgreSQL's library keeps to itself while it connects; None where no password was asked for."""
    connection = getattr(orig, "pgconn", None)
    if not getattr(connection, "needs_password", False) and not getattr(connection, "used_password", False):
        return None
    return "3D000" if 'database "' in str(orig) else "28P01"  # whoever is let in finds no such database
