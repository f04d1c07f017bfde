"""Who may log in where, and when again after a refusal: no account may be locked by us. Pure.

One account is one login at one host; eyes, the asker and a person's probe share it. What was refused is kept across
restarts, so that starting anew is no way around a wait. A refused session (453) or right (403) is no wrong password and
never comes here. Flow: who wants to log in asks `may_try`, says `refused` or `accepted`; agent/logins.py keeps it.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

import msgspec

from agent.findings import Finding, Phase, because
from agent.signals import Moment, State
from protocol.timestamps import format_time

LOGIN_REFUSED: Final = "device.login_refused"

WAITS: Final = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 20, 40, 60))
"""After the first refusal, the second...; the last for ever. Devices lock an account after five to seven bad logins
within minutes: this makes four in the first half hour, each from one user of the account."""

ANSWER: Final = timedelta(seconds=60)
"""So long whoever tries keeps the others of its account waiting."""

MAX_ACCOUNTS: Final = 200
"""Of one ledger: every camera and recorder that a site file may have."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An account whose login was refused, and not accepted since."""

    times: int
    at: Moment  # the latest
    seal: str = ""  # names the secret as it was sealed then: a new one is worth a try at once


Ledger = Mapping[str, Refused]
"""Account -> its refusals; accounts that were never refused are in no ledger."""


def account_of(host: str, login: str) -> str:
    """The name of an account: where, and by which secret; a port is no other account."""
    return f"{host.lower()} {login}"


def wait_after(times: int) -> timedelta:
    """How long nobody tries after so many refusals in a row."""
    return WAITS[min(max(times, 1), len(WAITS)) - 1]


def refused(ledger: Ledger, account: str, seal: str, now: Moment) -> dict[str, Refused]:
    """The ledger after one refusal. Refusals that come together, of tries that were begun together, count once."""
    known = ledger.get(account)
    if known is not None and known.seal == seal and now.since(known.at) < ANSWER:
        times = known.times
    else:
        times = known.times + 1 if known is not None else 1
    others = {name: each for name, each in ledger.items() if name != account}
    kept = dict(sorted(others.items(), key=lambda item: item[1].at.mono_ms)[-MAX_ACCOUNTS + 1 :])
    return {**kept, account: Refused(times=times, at=now, seal=seal)}


def accepted(ledger: Ledger, account: str) -> dict[str, Refused]:
    """The ledger after a login that was taken."""
    return {name: each for name, each in ledger.items() if name != account}


def next_try(ledger: Ledger, account: str, seal: str) -> Moment | None:
    """When somebody may try next; None: at any time."""
    known = ledger.get(account)
    if known is None or (known.seal != seal and known.times < len(WAITS)):
        return None
    return known.at.after(wait_after(known.times))


def may_try(ledger: Ledger, account: str, seal: str, now: Moment) -> bool:
    """Whether a login may be tried now."""
    due = next_try(ledger, account, seal)
    return due is None or now.mono_ms >= due.mono_ms


def carried(ledger: Ledger, now: Moment, same_boot: bool) -> dict[str, Refused]:
    """The ledger of an earlier run on the clock of this one."""
    return {name: msgspec.structs.replace(each, at=each.at.carried(now, same_boot)) for name, each in ledger.items()}


def findings(before: Ledger, after: Ledger, account: str, points: Iterable[str], now: Moment) -> tuple[Finding, ...]:
    """What one refusal or acceptance of an account means for the points that use it; told when it changes."""
    known = after.get(account)
    if (account in before) is (known is not None):
        return ()
    if known is None:
        return tuple(Finding(kind=LOGIN_REFUSED, source=point, phase=Phase.ENDED, at=now) for point in points)
    due = known.at.after(wait_after(known.times))
    return tuple(
        Finding(
            kind=LOGIN_REFUSED,
            source=point,
            phase=Phase.RAISED,
            at=now,
            facts={"next_try": format_time(due.wall)},
            because=(because(point, State.UNKNOWN, now, "login refused"),),
        )
        for point in points
    )
