"""What a box works with, in words: its site file's version, who it obeys until when, its certificate, what is wrong.

Pure. Flow: `ConfigRow` and now -> here -> tiles beside an alarm, the list of boxes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from collector.console.telling import iso
from collector.console.wording import Wording
from collector.fleet.configs import Drift
from collector.storage.records import ConfigRow
from collector.times import wire_ms
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

SHORT_HASH: Final = 8
"""Digits of a hash that people compare; the whole one is in the API."""

DRIFTS: Final[Mapping[Drift, str]] = {
    Drift.LATE: N_("has not taken version {wanted}"),
    Drift.REFUSED: N_("refuses version {wanted}: {reason}"),
    Drift.UNKNOWN: N_("not known to the centre"),
    Drift.PLAIN: N_("unsigned; version {wanted} is there for it"),
}
ON_ITS_WAY: Final = N_("version {wanted} is on its way")
NOT_SENT: Final = N_("version {wanted} is not sent: two boxes bear this name")


@dataclass(frozen=True, kw_only=True)
class Told:
    """One thing that is told of a box; `needs` a person where it is wrong."""

    state: str
    detail: str = ""
    needs: bool = False


def site_file(config: ConfigRow, wording: Wording, *, forked: bool = False) -> Told | None:
    """The site file and what is wrong with it; None where it works with a plain one, as it should."""
    _ = wording.texts
    differs = bool(config.told and config.wanted_hash and config.hash != config.wanted_hash)
    if not config.hash and not config.wanted_hash:
        return None
    if not config.told:
        return Told(state=_(N_("not heard yet")))
    state = _(N_("version {version}")).format(version=config.version) if config.hash else _(N_("unsigned"))
    detail = config.hash[:SHORT_HASH]
    if config.drift or differs:
        words = NOT_SENT if forked else DRIFTS[Drift(config.drift)] if config.drift else ON_ITS_WAY
        detail = _(words).format(wanted=config.wanted_version, reason=wording.reason(config.refused_reason))
    return Told(state=state, detail=detail, needs=bool(config.drift) or (differs and forked))


def roster(config: ConfigRow, wording: Wording, now_ms: int) -> Told | None:
    """Until when the box obeys the people in its site file; None without one."""
    if not config.hash or not config.roster_not_after:
        return None
    return _until(config.roster_not_after, wording, over=wire_ms(config.roster_not_after) < now_ms)


def certificate(config: ConfigRow, wording: Wording, now_ms: int) -> Told | None:
    """Until when the box is believed to be itself; None before its first birth."""
    if config.revoked:
        return Told(state=wording.texts(N_("revoked")), needs=True)
    if config.certificate_ends_ms is None:
        return None
    return _until(iso(config.certificate_ends_ms), wording, over=config.certificate_ends_ms < now_ms)


def _until(at: str, wording: Wording, *, over: bool) -> Told:
    words = N_("ended on {day}") if over else N_("until {day}")
    return Told(state=wording.texts(words).format(day=at[:10]), needs=over)
