"""What is said about alarm panels, as data: joined into sentences.py, filled by wording.py.

`words` are the standard's own name of a code; zones, faults and codes of a panel that no site file names are points
below the panel's: `device/p1/zone/99`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

_REPORTS: Final = (
    N_("{source}: the panel reports {words} ({code}); its clock was off by {clock_off_s} s"),
    N_("{source}: the panel reports {words} ({code})"),
)

HEADLINES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("zone.intrusion", "zone.hold_up", "zone.fire", "zone.duress", "zone.tamper", "zone.trouble"), _REPORTS
        ),
        "device.clock_drift": (N_("The clock of {source} is off by {clock_off_s} s; it was told the time"),),
        "device.login_refused": (
            N_("What comes in the name of {source} (account {account}) is not believed: {reason}"),
        ),
        "envelope.rejected": (
            N_("A message in the name of {source} was set aside ({reason}); it says: {said}"),
            N_("A message from {address} for account {account} was set aside: {reason}"),
        ),
    }
)
"""Tried before the others of their kind: they need facts that panels alone bear."""

PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "zone": N_("{panel}, zone {id}"),
        "fault": N_("{panel}"),
        "code": N_("{panel}"),
    }
)
"""What is below a panel's point."""

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "plain": N_("not encrypted, though this account has a key"),
        "wrong_key": N_("it does not open with the panel's key"),
        "no_time": N_("encrypted without a time: it could be any old message"),
        "copied": N_("made of an earlier message: somebody copied it"),
        "forged": N_("it is not padded as this panel pads: somebody changed it on its way"),
        "unknown_account": N_("the site file names no panel with this account"),
        "unknown_id": N_("a kind of message that is not read here"),
        "secret_unusable": N_("its secret is no key of 16, 24 or 32 bytes in hexadecimal"),
        "content": N_("what it says cannot be read"),
        "header": N_("it has no readable header"),
        "not_encrypted": N_("openings and closings count only when encrypted"),
        "out_of_time": N_("its time lies outside the window"),
        "not_new": N_("the panel says itself that it happened before"),
        "not_legible": N_("it is no plain text throughout: somebody may have put it together of other messages"),
        "trouble at the panel": N_("the panel reports trouble with it"),
        "left out at the panel": N_("left out at the panel"),
    }
)

REASON_FORMS: Final[tuple[tuple[str, str], ...]] = (
    (r"not heard of for (?P<seconds>[0-9.]+) s", N_("not heard of for {seconds} s")),
    (r"panel's clock off by (?P<seconds>-?[0-9]+) s", N_("the panel's clock was off by {seconds} s")),
)
