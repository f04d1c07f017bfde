"""Faults of many files as a person reads them: each once, and of what sites share, for which sites. Pure."""

from collections.abc import Iterable
from typing import Final

import msgspec

from protocol.settings import Fault, SettingsError
from protocol.texts import said

MAX_TOLD: Final = 1000
"""Faults of one inventory that are told; whoever has more begins with these."""

MAX_SITES_NAMED: Final = 5
"""Sites named with a fault of their template; the others are counted."""


class Faults:
    """Collects them; a fault in a shared file stands once, with the sites that it hits."""

    def __init__(self) -> None:
        self._faults: dict[tuple[str, int, str, str], Fault] = {}
        self._sites: dict[tuple[str, int, str, str], list[str]] = {}
        self._at: dict[str, list[Fault]] = {}

    def add(self, faults: Iterable[Fault], *, site: str = "", own: str = "") -> None:
        """Some more; `site` is the id of the site they were found at, and `own` its own file.

        What was told of a shared file as its own fault before hits everybody, and names no site.
        """
        for fault in faults:
            key = (fault.file, fault.line, fault.path, str(fault.message))
            if key not in self._faults:
                self._faults[key] = fault
                if site and fault.file != own:
                    self._sites[key] = []
            if key in self._sites and site and site not in self._sites[key]:
                self._sites[key].append(site)
            if site:
                self._at.setdefault(site, []).append(fault)

    def at(self, site: str) -> tuple[Fault, ...]:
        """Those that were found at one site, in its own file and in what it shares."""
        return tuple(self._at.get(site, ()))

    def __bool__(self) -> bool:
        return bool(self._faults)

    def error(self, place: str) -> SettingsError:
        """All of them, in the order of files and lines; `place` is the inventory's folder."""
        told = [self._with_sites(key) for key in list(self._faults)[:MAX_TOLD]]
        if more := len(self._faults) - MAX_TOLD:
            rest = said("{count} more faults are not shown", count=more)
            told += [Fault(file=place, line=0, path="", message=rest)] if more > 0 else []
        return SettingsError(told)

    def _with_sites(self, key: tuple[str, int, str, str]) -> Fault:
        fault, sites = self._faults[key], self._sites.get(key)
        if not sites:
            return fault
        named = ", ".join(sites[:MAX_SITES_NAMED])
        if (more := len(sites) - MAX_SITES_NAMED) > 0:
            message = said("{fault} (site {sites} and {count} more)", fault=fault.message, sites=named, count=more)
        else:
            message = said("{fault} (site {sites})", fault=fault.message, sites=named)
        return msgspec.structs.replace(fault, message=message)
